/**
 * The configuration of MCP servers: the `mcpServers` file that other MCP clients read too, with a part of our own per server.
 *
 * Keys that belong to other programs are ignored; a server that is `disabled` is not started; inside `toolscope` nothing unknown
 * passes. A fault never shows a value: it may be secret. `${VAR}` stays as it is here; it is looked up when the servers are started.
 *
 * @since 0.1.0
 */
import { Contract } from "@toolscope/core"
import * as Effect from "effect/Effect"
import { escapeToken } from "effect/JsonPointer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { nameFault, serverPart } from "./internal/names.ts"
import { urlFault } from "./internal/variables.ts"
import { BadConfig, type ConfigFault, McpError } from "./McpError.ts"

const Own = Schema.Struct({
  unresponsive: Schema.optionalKey(
    Schema.Literals(["fence", "restart"]).annotate({
      description: "What becomes of a server that does not answer when a call is stopped"
    })
  ),
  ended: Schema.optionalKey(
    Schema.Literals(["restart", "stay"]).annotate({ description: "What becomes of a server that has ended by itself" })
  ),
  maxMessageBytes: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1_024, maximum: 2 ** 29 }))),
  trust: Schema.optionalKey(
    Schema.Boolean.annotate({ description: "Take the server's own hints about its tools as the operator's word" })
  ),
  tools: Schema.optionalKey(Schema.Record(Schema.String, Contract.Operator)),
  review: Schema.optionalKey(
    Schema.Record(Schema.String, Schema.String).annotate({
      description: "What is to be looked at: notes by the server's own names of its tools. They change nothing"
    })
  )
})

const Strings = Schema.Record(Schema.String, Schema.String)

const StdioEntry = Schema.Struct({
  command: Schema.String.check(Schema.isNonEmpty()),
  args: Schema.optionalKey(Schema.Array(Schema.String)),
  env: Schema.optionalKey(Strings),
  cwd: Schema.optionalKey(Schema.String),
  disabled: Schema.optionalKey(Schema.Boolean)
})

const HttpEntry = Schema.Struct({
  url: Schema.String.check(Schema.isNonEmpty()),
  headers: Schema.optionalKey(Strings),
  disabled: Schema.optionalKey(Schema.Boolean)
})

/**
 * What is ours in an entry.
 *
 * @since 0.1.0
 */
export interface Own {
  /**
   * What becomes of the server when it has not answered at the bound of a stop. `"fence"` (default): the call is left behind.
   * `"restart"`: the server is killed with all that it has started, and the next call waits until it has been started again. Every other
   * call that it was working on is then without an answer. Not over HTTP: that server is not ours to kill.
   */
  readonly unresponsive?: "fence" | "restart"
  /**
   * What becomes of the server when it has ended by itself, or its session has. `"restart"` (default): the next call waits until it has been
   * started again. `"stay"`: later calls fail.
   */
  readonly ended?: "restart" | "stay"
  /** The largest answer that is read, in bytes. Default 33,554,432 (32 MiB); at least 1,024. */
  readonly maxMessageBytes?: number
  /** Take the server's own hints about its tools as the operator's word. Default `false`. */
  readonly trust?: boolean
  /** Notes by the server's own names of its tools, which change nothing: what `toolscope tools --write` leaves to be looked at. */
  readonly review?: { readonly [tool: string]: string }
  /** Contracts by the server's own names of its tools. */
  readonly tools?: { readonly [tool: string]: typeof Contract.Operator.Type }
}

/**
 * A server that is a process of ours, spoken to over its standard input and output.
 *
 * @since 0.1.0
 */
export interface Stdio {
  readonly command: string
  readonly args?: ReadonlyArray<string>
  /** What the server gets beside the few variables that every server gets (`PATH`, `HOME` and such). */
  readonly env?: { readonly [name: string]: string }
  /** Default: that of this process. */
  readonly cwd?: string
  readonly disabled?: boolean
  readonly toolscope?: Own
}

/**
 * A server that is reached over HTTP.
 *
 * @since 0.1.0
 */
export interface Http {
  readonly url: string
  /** `"http"`: the streamable transport. `"sse"`: the older one, HTTP with SSE. Default: the first that the server knows. */
  readonly type?: "http" | "sse"
  /** Sent with every request: `{ "Authorization": "Bearer …" }`. */
  readonly headers?: { readonly [name: string]: string }
  readonly disabled?: boolean
  readonly toolscope?: Own
}

/**
 * How one server is started or reached, and what its tools do.
 *
 * @since 0.1.0
 */
export type Server = Stdio | Http

/**
 * @since 0.1.0
 */
export interface Config {
  readonly mcpServers: { readonly [name: string]: Server }
}

const readStdio = Schema.decodeUnknownResult(StdioEntry, { errors: "all" })
const readHttp = Schema.decodeUnknownResult(HttpEntry, { errors: "all" })
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
      return fail([{ pointer: "", message: `expected { "mcpServers": { NAME: { "command": … } or { "url": … } } }` }])
    }
    const servers: Array<readonly [string, Server]> = []
    const parts = new Map<string, string>()
    for (const [name, entry] of Object.entries(json.mcpServers)) {
      const at = `/mcpServers/${escapeToken(name)}`
      const wrong = nameFault(name)
      if (wrong !== undefined) faults.push({ pointer: at, message: wrong })
      const twin = parts.get(serverPart(name))
      if (wrong === undefined && twin !== undefined) {
        faults.push({ pointer: at, message: `its tools could not be told from those of ${JSON.stringify(twin)}` })
      }
      parts.set(serverPart(name), name)
      if (!isRecord(entry)) {
        faults.push({ pointer: at, message: "expected an object" })
        continue
      }
      const read = readServer(at, entry)
      const own = entry.toolscope === undefined ? Result.succeed(undefined) : readOwn(entry.toolscope)
      if (Result.isFailure(read)) faults.push(...read.failure)
      if (Result.isFailure(own)) faults.push(...faultsOf(`${at}/toolscope`, own.failure))
      if (Result.isFailure(read) || Result.isFailure(own)) continue
      if ("url" in read.success && own.success?.unresponsive === "restart") {
        const message = `a server over HTTP is not ours to kill: leave it out, or take "fence"`
        faults.push({ pointer: `${at}/toolscope/unresponsive`, message })
      }
      servers.push([name, { ...read.success, ...(own.success === undefined ? {} : { toolscope: own.success }) }])
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

/** The names of transports as hosts write them. */
const transports: { readonly [name: string]: "stdio" | "http" | "sse" } = {
  stdio: "stdio",
  local: "stdio",
  http: "http",
  "streamable-http": "http",
  streamablehttp: "http",
  streamable_http: "http",
  remote: "http",
  sse: "sse"
}

const readServer = (at: string, entry: Record<string, unknown>): Result.Result<Server, ReadonlyArray<ConfigFault>> => {
  const { command, type } = entry
  const url = entry.url ?? entry.serverUrl ?? entry.httpUrl
  const faults: Array<ConfigFault> = []
  const transport = typeof type === "string" ? transports[type.toLowerCase()] : undefined
  if (type !== undefined && transport === undefined) {
    const message = `no such transport is known here: leave it out, or take "stdio", "http" or "sse"`
    return Result.fail([{ pointer: `${at}/type`, message }])
  }
  if (command !== undefined && url !== undefined) {
    return Result.fail([{ pointer: at, message: `it has a "command" and a "url": which one?` }])
  }
  if (url === undefined && (transport === undefined || transport === "stdio")) {
    if (command === undefined) {
      return Result.fail([
        { pointer: `${at}/command`, message: `give a "command" to start it, or a "url" to reach it` }
      ])
    }
    return Result.mapError(readStdio(entry), (error) => faultsOf(at, error))
  }
  if (transport === "stdio") faults.push({ pointer: `${at}/type`, message: `a server over stdio has a "command"` })
  const read = readHttp({ ...entry, url })
  if (Result.isFailure(read)) return Result.fail([...faults, ...faultsOf(at, read.failure)])
  const { headers, url: address } = read.success
  // with variables in it, it is looked at when these are known
  const wrong = /\$\{/.test(address)
    ? undefined
    : urlFault({ url: address, ...(headers === undefined ? {} : { headers }) })
  if (wrong !== undefined) faults.push({ ...wrong, pointer: `${at}/${wrong.pointer}` })
  if (faults.length > 0) return Result.fail(faults)
  // what only says that it is no process leaves the choice between the two
  return Result.succeed({
    ...read.success,
    ...(transport === undefined || type === "remote" || transport === "stdio" ? {} : { type: transport })
  })
}

/** What was expected; what was got instead is left out. */
const faultsOf = (at: string, error: Schema.SchemaError): ReadonlyArray<ConfigFault> =>
  format(error.issue).issues.map(({ message, path }) => ({
    pointer: at + (path ?? []).map((p) => `/${escapeToken(String(typeof p === "object" ? p.key : p))}`).join(""),
    message:
      message === "Expected no excess property" ? "no such key is known here" : message.replace(/, got [\s\S]*$/, "")
  }))

const isRecord = (u: unknown): u is Record<string, unknown> => typeof u === "object" && u !== null && !Array.isArray(u)
