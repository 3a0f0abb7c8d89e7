/**
 * Real servers on the loopback, for tools that are HTTP requests: orderly ones, and ones that destroy the connection at a chosen moment.
 */
import { Contract, Plan, type Report, type Tool } from "@toolscope/core"
import { Http, type HttpError } from "@toolscope/node"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer, type Socket } from "node:net"

/** What a server got. */
export interface Got {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage["headers"]
  readonly body: string
}

export interface Running {
  readonly port: number
  readonly url: string
  readonly got: Array<Got>
  /** Connections that are open now. */
  readonly open: () => number
}

const listen = (server: Server | TcpServer, got: Array<Got>): Effect.Effect<Running, never, Scope.Scope> => {
  const sockets = new Set<Socket>()
  server.on("connection", (socket: Socket) => {
    sockets.add(socket)
    socket.on("error", () => {})
    socket.on("close", () => sockets.delete(socket))
  })
  return Effect.acquireRelease(
    Effect.callback<Running>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo
        resume(Effect.succeed({ port, url: `http://127.0.0.1:${port}`, got, open: () => sockets.size }))
      })
    }),
    () =>
      Effect.callback<void>((resume) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => {
          resume(Effect.void)
        })
      })
  )
}

/** Answers when the request has come whole. */
export const serve = (
  answer: (got: Got, response: ServerResponse, count: number) => void
): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.suspend(() => {
    const got: Array<Got> = []
    const server = createServer((request, response) => {
      let body = ""
      request.on("error", () => {})
      request.on("data", (chunk: Buffer) => (body += chunk.toString()))
      request.on("end", () => {
        const { headers, method = "", url = "" } = request
        const one = { method, url, headers, body }
        got.push(one)
        answer(one, response, got.length)
      })
    })
    return listen(server, got)
  })

/** Answers with this status and body, always. */
export const answers = (
  status: number,
  body: unknown = "",
  headers: { readonly [name: string]: string } = {}
): Effect.Effect<Running, never, Scope.Scope> =>
  serve((_got, response) => {
    response.writeHead(status, headers).end(typeof body === "string" ? body : JSON.stringify(body))
  })

/** Does with every connection as it likes. */
export const raw = (onConnection: (socket: Socket) => void): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.suspend(() => listen(createTcpServer(onConnection), []))

/** A port that nobody listens on. */
export const deadPort: Effect.Effect<number> = Effect.callback<number>((resume) => {
  const server = createTcpServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo
    server.close(() => {
      resume(Effect.succeed(port))
    })
  })
})

export const keyed = Contract.make({ effect: "additive", repeat: "keyed" })

type Options = Partial<Http.Options<typeof Schema.Any, typeof Schema.Unknown>>

/** Posts its parameters. */
export const post = (url: string, options: Options = {}): Tool.Tool<string, any, any, HttpError.HttpError, never> =>
  Http.tool("post", {
    parameters: Schema.Any,
    contract: keyed,
    request: (body) => ({ method: "POST", url, body }),
    ...options
  })
export const get = (url: string, options: Options = {}): Tool.Tool<string, any, any, HttpError.HttpError, never> =>
  Http.tool("get", { parameters: Schema.Any, contract: Contract.readOnly, request: () => ({ url }), ...options })

export const call = (
  tool: Tool.Tool<string, any, any, HttpError.HttpError, never>,
  options: Plan.CallOptions<HttpError.HttpError> = {}
) => Plan.call(tool, { item: "teapot" }, options)

/** What an end says: its outcome, the class and the reason of its error, and what is known of its effect. */
export const said = ({ effects, outcome }: Report.CallReport): ReadonlyArray<string> => {
  const error = "error" in outcome ? (outcome.error as HttpError.HttpError | undefined) : undefined
  return [
    outcome._tag,
    ...(error === undefined ? [] : [error._tag, error.reason._tag]),
    ...effects.map(({ state }) => state)
  ]
}
