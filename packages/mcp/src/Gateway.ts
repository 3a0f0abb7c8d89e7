/**
 * The gateway: tools as an MCP server, for one host. Every tool is offered as it is, and beside them `fanout`, whose parameters are a plan over
 * them.
 *
 * A call of a single tool is a fan-out of one: contracts, timeouts, drains and approvals apply to it too. Every request is a fan-out of its own,
 * and they run beside each other, as a host may ask for several things at once.
 *
 * - **The host cancels** a request: its calls are stopped, and awaited to the bound. Nothing is answered, as the protocol wants; the journal tells.
 * - **The host goes away**: the same, for all requests.
 * - **Questions** and approvals are asked through the host (`elicitation/create`), where it can; else they are denied, with the reason.
 *
 * It starts no process, reads no configuration, and knows no transport: those are given to it.
 *
 * @since 0.1.0
 */
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import {
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  type Implementation,
  ListToolsRequestSchema,
  McpError as ProtocolError
} from "@modelcontextprotocol/sdk/types.js"
import type { Tool } from "@toolscope/core"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { fanout, hosted, instructions, listing } from "./internal/gateway/listing.ts"
import { Requests } from "./internal/gateway/requests.ts"

/**
 * @since 0.1.0
 */
export interface Options {
  /** What is offered, by their own names; one that hosts may refuse is replaced by letters, digits, `_` and `-`, at most 64, and a digest. */
  readonly tools: ReadonlyArray<Tool.Any>
  /**
   * How the parameters of `fanout` are described. `"inline"` (default): without references, as some hosts cannot follow them; what is nested
   * deeper than one list is described in words. `"refs"`: the whole format, recursive. What is accepted is the same.
   */
  readonly schema?: "inline" | "refs"
  /** Does a person have to agree before a call starts, beside what its tool says? Default `"never"`. */
  readonly approval?: Tool.Approval<unknown>
  /** What the host is told of who serves it. Default: `toolscope`, with its version. */
  readonly info?: Implementation
}

/**
 * A gateway that serves.
 *
 * @since 0.1.0
 */
export interface Gateway {
  /** How many requests run. */
  readonly running: () => number
  /** Offers other tools from now on, and tells the host. What runs is not touched. */
  readonly update: (tools: ReadonlyArray<Tool.Any>) => Effect.Effect<void, GatewayError>
  /** Asks everything to stop, waits until it has drained and been answered, and takes no request any more. The first reason stays. */
  readonly stop: (reason: string) => Effect.Effect<void>
  /** Waits until the host has gone. */
  readonly gone: Effect.Effect<void>
}

/**
 * Names that cannot be offered. Rename the tool, or leave it out.
 *
 * @since 0.1.0
 */
export class NamesTaken extends Data.TaggedClass("NamesTaken")<{
  /** Names that two tools have. */
  readonly duplicates: ReadonlyArray<string>
  /** A tool is called `fanout`, which is the gateway's own. */
  readonly reserved: boolean
}> {
  get message(): string {
    return [
      ...(this.reserved ? [`a tool is called "${fanout}": that name is the gateway's own`] : []),
      ...this.duplicates.map((name) => `two tools are called ${JSON.stringify(name)}`)
    ].join("; ")
  }
}

/**
 * Why the gateway cannot serve. Match on `reason._tag`.
 *
 * @since 0.1.0
 */
export class GatewayError extends Data.TaggedError("GatewayError")<{ readonly reason: NamesTaken }> {
  override get message(): string {
    return this.reason.message
  }
}

/**
 * Serves one host over a transport, until the scope closes: then everything is asked to stop, and has drained when the scope has closed.
 *
 * Fan-outs write into the journal of the effect (`Journal.Current`), if there is one.
 *
 * @example
 * ```ts
 * import { Client } from "@modelcontextprotocol/sdk/client/index.js"
 * import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js"
 * import { Contract, Tool } from "@toolscope/core"
 * import { Gateway } from "@toolscope/mcp"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const Double = Tool.make("double", {
 *   parameters: Schema.Struct({ n: Schema.Finite }),
 *   contract: Contract.readOnly,
 *   handler: ({ n }) => Effect.succeed({ twice: 2 * n })
 * })
 * const [ours, theirs] = InMemoryTransport.createLinkedPair()
 * const host = new Client({ name: "host", version: "1.0.0" })
 * await Effect.gen(function* () {
 *   yield* Gateway.serve(ours, { tools: [Double] })
 *   yield* Effect.promise(() => host.connect(theirs))
 *   const plan = { all: [{ id: "a", call: "double", params: { n: 1 } }, { id: "b", call: "double", params: { n: 2 } }] }
 *   const result = yield* Effect.promise(() => host.callTool({ name: "fanout", arguments: { plan } }))
 *   console.log((result.structuredContent as any).value) // => { a: { twice: 2 }, b: { twice: 4 } }
 * }).pipe(Effect.scoped, Effect.runPromise)
 * ```
 *
 * @since 0.1.0
 */
export const serve = (transport: Transport, options: Options): Effect.Effect<Gateway, GatewayError, Scope.Scope> =>
  Effect.gen(function* () {
    const { approval, info = { name: "toolscope", version: "0.1.0" }, schema = "inline" } = options
    yield* check(hosted(options.tools))
    const context = yield* Effect.context()
    const gone = Deferred.makeUnsafe<void>()
    let offered = hosted(options.tools)
    let listed = listing(offered, schema)

    // the bare server below the comfortable one: it takes JSON Schemas as they are
    const { server } = new McpServer(info, { capabilities: { tools: { listChanged: true } }, instructions })
    const requests = new Requests(server, context, approval)
    server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [...listed] }))
    server.setRequestHandler(CallToolRequestSchema, ({ params }, extra): Promise<CallToolResult> => {
      const { arguments: args = {}, name } = params
      if (name === fanout) return requests.plan(args, offered, extra)
      const tool = offered.find((one) => one.name === name)
      // the protocol's own error: there is nothing that could be called
      if (tool === undefined)
        throw new ProtocolError(ErrorCode.InvalidParams, `there is no tool ${JSON.stringify(name)}`)
      return requests.call(tool, args, extra)
    })
    server.onclose = () => {
      Deferred.doneUnsafe(gone, Effect.void)
    }
    transport.onclose = () => {
      requests.hostIsGone()
    }
    yield* Effect.acquireRelease(
      Effect.promise(() => server.connect(transport)),
      () =>
        Effect.andThen(
          requests.stop("the gateway is closed"),
          Effect.promise(() => server.close())
        )
    )
    return {
      running: () => requests.size,
      update: (tools) =>
        Effect.andThen(
          check(hosted(tools)),
          Effect.promise(async () => {
            offered = hosted(tools)
            listed = listing(offered, schema)
            await server.sendToolListChanged().catch(() => {})
          })
        ),
      stop: (reason) => requests.stop(reason),
      gone: Deferred.await(gone)
    }
  })

const check = (tools: ReadonlyArray<Tool.Any>): Effect.Effect<void, GatewayError> =>
  Effect.suspend(() => {
    const names = tools.map(({ name }) => name)
    const duplicates = [...new Set(names.filter((name, i) => names.indexOf(name) !== i))]
    const reserved = names.includes(fanout)
    return duplicates.length > 0 || reserved
      ? Effect.fail(new GatewayError({ reason: new NamesTaken({ duplicates, reserved }) }))
      : Effect.void
  })
