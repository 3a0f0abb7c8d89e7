/**
 * The tools of the servers as they are now. A list that a server gives anew takes the place of its last one, unless two names in it could
 * not be told apart. A call of a tool that has changed since its plan was read is not sent: who read the plan had agreed to another tool.
 */
import type { Tool as ServerTool } from "@modelcontextprotocol/sdk/types.js"
import { CallError, type Contract, Tool } from "@toolscope/core"
import { escapeToken } from "effect/JsonPointer"
import * as Schema from "effect/Schema"
import { McpCallError } from "../McpCallError.ts"
import { BadAnswer, type ServerReason, UnknownTools } from "../McpError.ts"
import { call } from "./call.ts"
import { contractOf } from "./contract.ts"
import { fromJsonSchema, isUsable } from "./jsonSchema.ts"
import { toolName } from "./names.ts"
import { remember } from "./origins.ts"
import type { Supervisor } from "./supervisor.ts"
import { cleaned, cleanedSchema } from "./text.ts"

const maxDescription = 10_000

export interface Entry {
  /** Of the server, as the configuration has it. */
  readonly server: string
  /** The server's own name of the tool. */
  readonly name: string
  readonly title: string | undefined
  readonly tool: Tool.Any
  readonly inputSchema: object
  readonly outputSchema: object | undefined
  /** What the server hints: claims that nobody has checked. */
  readonly hints: Hints
}

export interface Hints {
  readonly readOnlyHint?: boolean | undefined
  readonly destructiveHint?: boolean | undefined
  readonly idempotentHint?: boolean | undefined
  readonly openWorldHint?: boolean | undefined
}

/** The tools of one server. */
export class Catalog {
  entries: ReadonlyArray<Entry> = []
  private readonly supervisor: Supervisor
  /** By the server's own names: what a call must still be a call of. */
  private prints: ReadonlyMap<string, string> = new Map()

  constructor(supervisor: Supervisor) {
    this.supervisor = supervisor
  }

  /** The first list. Gives why it cannot be used, if it cannot. */
  open(tools: ReadonlyArray<ServerTool>): ServerReason | undefined {
    const { name, resolved } = this.supervisor
    const names = new Set(tools.map((tool) => tool.name))
    const unknown = Object.keys(resolved.server.toolscope?.tools ?? {}).filter((tool) => !names.has(tool))
    if (unknown.length > 0) {
      const at = `/mcpServers/${escapeToken(name)}/toolscope/tools`
      const known = [...names].map((tool) => JSON.stringify(cleaned(tool, 100))).join(", ")
      const message = cleaned(`the server has no such tool; it has: ${known || "none"}`, maxDescription)
      return new UnknownTools({
        faults: unknown.map((tool) => ({ pointer: `${at}/${escapeToken(tool)}`, message }))
      })
    }
    if (!this.canTell(tools)) return new BadAnswer({ detail: "it lists two tools of the same name", stderr: [] })
    this.take(tools)
    return undefined
  }

  /** A further list. Gives whether it is another one, and can be used. */
  take(tools: ReadonlyArray<ServerTool>): boolean {
    if (!this.canTell(tools)) return false
    const before = this.entries
    const prints = new Map<string, string>()
    this.entries = tools.map((tool, i) => {
      const { annotations = {}, title } = tool
      const contract = contractOf(this.supervisor.resolved.server, tool.name, annotations)
      const print = printOf(tool, contract)
      prints.set(tool.name, print)
      // one that is as it was stays the same value
      const old = before[i]?.name === tool.name ? before[i] : before.find(({ name }) => name === tool.name)
      const description = this.describe(tool)
      if (old !== undefined && this.prints.get(tool.name) === print && old.tool.description === description) return old
      const entry = {
        server: this.supervisor.name,
        name: tool.name,
        title: title === undefined ? undefined : this.clean(title, 200),
        tool: this.make(tool, contract, description, print),
        inputSchema: this.shown(tool.inputSchema),
        outputSchema: this.shown(tool.outputSchema),
        hints: annotations
      }
      remember(entry.tool, entry)
      return entry
    })
    this.prints = prints
    return before.length !== this.entries.length || before.some((entry, i) => entry !== this.entries[i])
  }

  private canTell(tools: ReadonlyArray<ServerTool>): boolean {
    return new Set(tools.map(({ name }) => toolName(this.supervisor.name, name))).size === tools.length
  }

  private clean(text: string, max: number): string {
    return cleaned(this.supervisor.resolved.secrets.redactAnswer(text), max)
  }

  /** A schema as it may be shown. */
  private shown<A>(schema: A): A {
    return cleanedSchema(this.supervisor.resolved.secrets.redactJson(schema), maxDescription) as A
  }

  private describe({ annotations, description, title }: ServerTool): string {
    return this.clean(description ?? title ?? annotations?.title ?? "", maxDescription)
  }

  private make(tool: ServerTool, contract: Contract.Contract, description: string, print: string): Tool.Any {
    const { supervisor } = this
    const { inputSchema, name, outputSchema } = tool
    const changed = (): string | undefined => {
      const now = this.prints.get(name)
      if (now === print) return undefined
      const which = `the tool ${JSON.stringify(cleaned(name, 200))} of the server ${JSON.stringify(supervisor.name)}`
      return now === undefined ? `${which} has gone` : `${which} has changed its schemas, or what is said of it`
    }
    return Tool.fromPromise(toolName(supervisor.name, name), {
      description,
      parameters: fromJsonSchema(inputSchema, "expected parameters", this.shown(inputSchema)),
      success: (outputSchema === undefined || !isUsable(outputSchema)
        ? Schema.Unknown
        : fromJsonSchema(
            outputSchema,
            "the tool declares an output schema, and answered without structured content",
            this.shown(outputSchema)
          )) as typeof Schema.Unknown,
      failure: McpCallError,
      contract,
      execute: (params: unknown, context) => call({ supervisor, tool, contract, changed }, params, context),
      catch: (rejection) => {
        if (isCallError(rejection)) return rejection
        // what dies so has given no answer
        throw new CallError.CallError({ reason: new CallError.Rejected({ error: rejection }) })
      }
    })
  }
}

const isCallError = Schema.is(McpCallError)

/** What of a tool was agreed to when a plan with it was read. */
const printOf = ({ inputSchema, outputSchema }: ServerTool, contract: Contract.Contract): string =>
  JSON.stringify(sorted([inputSchema, outputSchema ?? null, contract]))

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)])
  )
}
