/**
 * Toolscope by its MCP gateway: a host, linked to it in memory, calls `fanout`. A host that cancels a request is answered nothing, as the protocol
 * wants it: then what became of the calls stands in the journal of the gateway.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js"
import { Journal } from "@toolscope/core"
import { Gateway } from "@toolscope/mcp"
import * as Effect from "effect/Effect"
import * as Runner from "../Runner.ts"
import { returnedOf, settings, version } from "./shared.ts"
import { optionsOf, toolOf } from "./tools.ts"

export default Runner.make({
  name: "Toolscope (MCP gateway)",
  version,
  settings: `a host calls fanout, and cancels its request on abort; then the journal is read when the gateway has drained; ${settings}`,
  can: ["timeout", "retry", "concurrency"],
  turn: (turn) =>
    Effect.gen(function* () {
      const [ours, theirs] = InMemoryTransport.createLinkedPair()
      const host = new Client({ name: "host", version: "1.0.0" })
      const journal = Journal.memory()
      const gateway = yield* Effect.provideService(
        Gateway.serve(ours, { tools: turn.tools.map(toolOf) }),
        Journal.Current,
        journal
      )
      yield* Effect.promise(() => host.connect(theirs))
      const plan = { all: turn.calls.map(({ id, tool }) => ({ id, settled: { call: tool } })) }
      const request = { name: "fanout", arguments: { plan, ...optionsOf(turn) } }
      const answer = yield* Effect.promise(() =>
        host.callTool(request, undefined, { signal: turn.signal }).catch((error: unknown) => {
          if (turn.signal.aborted) return undefined
          throw error
        })
      )
      if (answer !== undefined && "structuredContent" in answer) return returnedOf(answer.structuredContent as never)
      yield* gateway.stop("the request was cancelled")
      const closed = journal.events.findLast((event) => event.type === "fanout.closed")
      return closed === undefined ? { claims: [] } : returnedOf(closed.report)
    }).pipe(Effect.scoped, Effect.runPromise)
})
