/**
 * A host in this process: the official SDK's client on the other end of the gateway.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js"
import {
  type CallToolResult,
  type ClientCapabilities,
  ElicitRequestSchema,
  type ElicitRequestFormParams,
  type ElicitResult,
  type JSONRPCMessage
} from "@modelcontextprotocol/sdk/types.js"
import { Journal, type Report, type Tool } from "@toolscope/core"
import { Gateway } from "@toolscope/mcp"
import * as Effect from "effect/Effect"

export interface HostOptions extends Omit<Gateway.Options, "tools"> {
  /** Answers what is asked; without it the host cannot ask. */
  readonly elicit?: (params: ElicitRequestFormParams) => ElicitResult | Promise<ElicitResult>
}

export const connect = (tools: ReadonlyArray<Tool.Any>, { elicit, ...options }: HostOptions = {}) =>
  Effect.gen(function* () {
    const [ours, theirs] = InMemoryTransport.createLinkedPair()
    const journal = Journal.memory()
    const gateway = yield* Gateway.serve(ours, { tools, ...options }).pipe(
      Effect.provideService(Journal.Current, journal)
    )
    const capabilities: ClientCapabilities = elicit === undefined ? {} : { elicitation: {} }
    const host = new Client({ name: "host", version: "1.0.0" }, { capabilities })
    if (elicit !== undefined) {
      host.setRequestHandler(ElicitRequestSchema, ({ params }) => elicit(params as ElicitRequestFormParams))
    }
    const received: Array<JSONRPCMessage> = []
    yield* Effect.promise(() => host.connect(theirs))
    const deliver = theirs.onmessage!
    theirs.onmessage = (message, extra) => {
      received.push(message)
      deliver(message, extra)
    }
    yield* Effect.addFinalizer(() => Effect.promise(() => host.close()))
    const call = (name: string, args: Record<string, unknown> = {}) =>
      Effect.promise(() => host.callTool({ name, arguments: args }) as Promise<CallToolResult>)
    return {
      gateway,
      host,
      journal,
      received,
      call,
      fanout: (plan: unknown, more: object = {}) => call("fanout", { plan, ...more }),
      list: Effect.promise(async () => (await host.listTools()).tools)
    }
  })

export const textOf = ({ content }: CallToolResult): string =>
  content.map((part) => (part.type === "text" ? part.text : `[${part.type}]`)).join("\n")

export const reportOf = ({ structuredContent }: CallToolResult): Report.Json => structuredContent as never
