/**
 * `ask_forum`: a request to a server that takes it and never answers. The server is the demo's own, on a free port of this machine;
 * it opens and closes with the tools. The tool is a plain function with a promise: what stops it is its `AbortSignal`.
 */
import { Contract, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"

/** The forum did not take the question, or what it answered was no success. */
export class ForumFailed extends Schema.TaggedError<ForumFailed>()("ForumFailed", { message: Schema.String }) {}

/** A server that hangs. */
const listen = Effect.acquireRelease(
  Effect.callback<Server>((resume) => {
    const server = createServer(() => {})
    server.once("error", (error) => resume(Effect.die(error)))
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) =>
    Effect.callback<void>((resume) => {
      server.close(() => resume(Effect.void))
      server.closeAllConnections()
    })
)

/** The tool, and the server that it asks. */
export const askForum = Effect.map(listen, (server) =>
  Tool.fromPromise("ask_forum", {
    description: "Asks the forum, which is slow",
    parameters: Schema.Struct({ question: Schema.String }),
    success: Schema.String,
    failure: ForumFailed,
    contract: Contract.make({ effect: "none", openWorld: true }),
    catch: (error) => new ForumFailed({ message: error instanceof Error ? error.message : String(error) }),
    execute: async ({ question }, { signal }) => {
      const { port } = server.address() as AddressInfo
      const answer = await fetch(`http://127.0.0.1:${port}/?${new URLSearchParams({ question })}`, { signal })
      if (!answer.ok) throw new Error(`the forum answered ${answer.status}`)
      return answer.text()
    }
  })
)
