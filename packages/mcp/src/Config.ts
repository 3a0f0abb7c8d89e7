/**
 * The configuration of MCP servers: the `mcpServers` file that other MCP clients read too, with a part of our own per server.
 *
 * Keys that belong to other programs are ignored; a server that is `disabled` is not started; inside `toolscope` nothing unknown
 * passes. A fault never shows a value of `env` or `args`: they may be secret.
 *
 * @since 0.1.0
 */
import { Contract } from "@toolscope/core"
import * as Effect from "effect/Effect"
import { escapeToken } from "effect/JsonPointer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { BadConfig, type ConfigFault, McpError } from "./McpError.ts"

const Own = Schema.Struct({
  unresponsive: Schema.optionalKey(
    Schema.Literals(["fence", "restart"]).annotate({
      description: "What becomes of a server that does not answer when a call is stopped, or that has ended"
    })
  ),
  trust: Schema.optionalKey(
    Schema.Boolean.annotate({ description: "Take the server's own hints about its tools as the operator's word" })
  ),
  tools: Schema.optionalKey(Schema.Record(Schema.String, Contract.Operator))
})

const Entry = Schema.Struct({
  command: Schema.String.check(Schema.isNonEmpty()),
  args: Schema.optionalKey(Schema.Array(Schema.String)),
  env: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  cwd: Schema.optionalKey(Schema.String),
  disabled: Schema.optionalKey(Schema.Boolean)
})

/**
 * How one server is started, and what its tools do.
 *
 * @since 0.1.0
 */
export interface Server {
  readonly command: string
  readonly args?: ReadonlyArray<string>
  /** What the server gets beside the few variables that every server gets (`PATH`, `HOME` and such). */
  readonly env?: { readonly [name: string]: string }
  /** Default: that of this process. */
  readonly cwd?: string
  readonly disabled?: boolean
  readonly toolscope?: {
    /**
     * What becomes of the server when it has not answered at the bound of a stop, or has ended. `"fence"` (default): the call is left
     * behind, and a server that has ended stays so. `"restart"`: it is killed with all that it has started; the next call waits until
     * it has been started again. Every other call that it was working on is then without an answer.
     */
    readonly unresponsive?: "fence" | "restart"
    /** Take the server's own hints about its tools as the operator's word. Default `false`. */
    readonly trust?: boolean
    /** Contracts by the server's own names of its tools. */
    readonly tools?: { readonly [tool: string]: typeof Contract.Operator.Type }
  }
}

/**
 * @since 0.1.0
 */
export interface Config {
  readonly mcpServers: { readonly [name: string]: Server }
}

const readEntry = Schema.decodeUnknownResult(Entry, { errors: "all" })
const readOwn = Schema.decodeUnknownResult(Own, { errors: "all", onExcessProperty: "error" })
const format = SchemaIssue.makeFormatterStandardSchemaV1()

/**
 * A configuration from JSON.
 *
 * @example
 * ```ts
 * import { Config } from "@toolscope/mcp"
 * import * as Effect from "effect/Effect"
 *
 * const config = await Effect.runPromise(
 *   Config.decode({
 *     mcpServers: {
 *       files: {
 *         command: "mcp-server-filesystem",
 *         args: ["."],
 *         toolscope: { tools: { read_text_file: "readOnly" } }
 *       }
 *     }
 *   })
 * )
 * console.log(Object.keys(config.mcpServers)) // => [ 'files' ]
 * ```
 *
 * @since 0.1.0
 */
export const decode = (json: unknown): Effect.Effect<Config, McpError> =>
  Effect.suspend(() => {
    const faults: Array<ConfigFault> = []
    if (!isRecord(json) || !isRecord(json.mcpServers)) {
      return fail([{ pointer: "", message: `expected { "mcpServers": { NAME: { "command": … } } }` }])
    }
    const servers: Array<readonly [string, Server]> = []
    for (const [name, entry] of Object.entries(json.mcpServers)) {
      const at = `/mcpServers/${escapeToken(name)}`
      if (name === "" || name === "__proto__") faults.push({ pointer: at, message: "not a name for a server" })
      if (!isRecord(entry)) {
        faults.push({ pointer: at, message: "expected an object" })
        continue
      }
      if (entry.command === undefined && (entry.url !== undefined || (entry.type ?? "stdio") !== "stdio")) {
        faults.push({ pointer: at, message: `only servers over stdio are known here: give a "command"` })
        continue
      }
      const read = readEntry(entry)
      if (Result.isFailure(read)) faults.push(...faultsOf(at, read.failure))
      const own = entry.toolscope === undefined ? Result.succeed(undefined) : readOwn(entry.toolscope)
      if (Result.isFailure(own)) faults.push(...faultsOf(`${at}/toolscope`, own.failure))
      if (Result.isSuccess(read) && Result.isSuccess(own)) {
        servers.push([name, { ...read.success, ...(own.success === undefined ? {} : { toolscope: own.success }) }])
      }
    }
    return faults.length > 0 ? fail(faults) : Effect.succeed({ mcpServers: Object.fromEntries(servers) })
  })

/**
 * A configuration from text.
 *
 * @since 0.1.0
 */
export const parse = (text: string): Effect.Effect<Config, McpError> =>
  Effect.suspend(() => {
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch (error) {
      return fail([{ pointer: "", message: `no JSON${placeOf(error)}` }])
    }
    return decode(json)
  })

/** Where the text stops being JSON, without the text around it: the parser quotes it, and it may be secret. */
const placeOf = (error: unknown): string => {
  const place = error instanceof Error ? /at position \d+(?: \(line \d+ column \d+\))?/.exec(error.message) : null
  return place === null ? "" : ` ${place[0]}`
}

const fail = (faults: ReadonlyArray<ConfigFault>): Effect.Effect<never, McpError> =>
  Effect.fail(new McpError({ reason: new BadConfig({ faults }) }))

/** What was expected; what was got instead is left out. */
const faultsOf = (at: string, error: Schema.SchemaError): ReadonlyArray<ConfigFault> =>
  format(error.issue).issues.map(({ message, path }) => ({
    pointer: at + (path ?? []).map((p) => `/${escapeToken(String(typeof p === "object" ? p.key : p))}`).join(""),
    message:
      message === "Expected no excess property" ? "no such key is known here" : message.replace(/, got [\s\S]*$/, "")
  }))

const isRecord = (u: unknown): u is Record<string, unknown> => typeof u === "object" && u !== null && !Array.isArray(u)
