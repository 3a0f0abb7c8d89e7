/**
 * The tools of MCP servers as tools of a plan, named `SERVER__TOOL`.
 *
 * The servers are processes that live as long as a scope. Closing it ends them, and whatever they have started: their input is closed,
 * then SIGTERM, then SIGKILL, each after a second. A server gets the environment that its entry names and a few variables that are safe
 * (`PATH`, `HOME` and such), nothing else of ours; what it writes to its standard error never reaches our standard output.
 *
 * **Contract** of a tool: the operator's, if the configuration has one. Else, where the server is trusted, what its annotations say.
 * Else the most careful (`Contract.unknown`): a hint alone allows nothing.
 *
 * **A stop** sends a cancel notification, and the answer is awaited to the bound. The protocol wants none of a server that has stopped;
 * so a tool that only reads, or that may be interrupted anywhere, has also ended when its server shows that it has heard. With
 * `"interruption": "never"` nothing is sent. At the bound the call is left behind, or its server killed: as the operator says.
 *
 * **A server that ends** takes its calls with it: they are without an answer, at once. Other servers go on.
 *
 * @since 0.1.0
 */
import { CallError, Tool, Toolset } from "@toolscope/core"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { escapeToken } from "effect/JsonPointer"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Config, Server } from "./Config.ts"
import type { Tool as ServerTool } from "@modelcontextprotocol/sdk/types.js"
import { call } from "./internal/call.ts"
import { contractOf } from "./internal/contract.ts"
import { fromJsonSchema, isUsable } from "./internal/jsonSchema.ts"
import { Supervisor } from "./internal/supervisor.ts"
import { McpCallError } from "./McpCallError.ts"
import { BadAnswer, McpError, type ServerFailure, type ServerReason, ServersFailed, UnknownTools } from "./McpError.ts"

/**
 * @since 0.1.0
 */
export interface Options {
  /** How long each server has to be ready: started, greeted, and its tools listed. Default 30 seconds. */
  readonly startTimeout?: Duration.Input
}

/**
 * Starts every server of a configuration, in parallel, and lists their tools. If some fail, the others are ended again, and the error
 * names all that failed.
 *
 * @since 0.1.0
 */
export const connect = (
  config: Config,
  options: Options = {}
): Effect.Effect<ReadonlyArray<Tool.Any>, McpError, Scope.Scope> => {
  const millis = Option.match(Duration.fromInput(options.startTimeout ?? "30 seconds"), {
    onNone: () => 30_000,
    onSome: (duration) => Math.min(Duration.toMillis(duration), 2 ** 31 - 1)
  })
  const servers = Object.entries(config.mcpServers).filter(([, server]) => server.disabled !== true)
  const start = ([name, server]: readonly [string, Server]) =>
    Effect.acquireRelease(
      Effect.sync(() => new Supervisor(name, server, millis)),
      (supervisor) => Effect.promise(() => supervisor.close())
    ).pipe(
      Effect.flatMap((supervisor) =>
        Effect.flatMap(
          Effect.tryPromise({ try: (signal) => supervisor.start(signal), catch: (reason) => reason as ServerReason }),
          (tools) => toolsOf(supervisor, server, tools)
        )
      ),
      Effect.result
    )
  return Effect.flatMap(Effect.forEach(servers, start, { concurrency: "unbounded" }), (results) => {
    const failures = results.flatMap((result, i): ReadonlyArray<ServerFailure> =>
      Result.isFailure(result) ? [{ server: servers[i]![0], reason: result.failure }] : []
    )
    return failures.length > 0
      ? Effect.fail(new McpError({ reason: new ServersFailed({ servers: failures }) }))
      : Effect.succeed(results.flatMap((result) => (Result.isSuccess(result) ? result.success : [])))
  })
}

/**
 * The tools as a layer: the servers live as long as it does.
 *
 * @since 0.1.0
 */
export const layer = (config: Config, options?: Options): Layer.Layer<Toolset.Toolset, McpError> =>
  Toolset.layer(connect(config, options))

const toolsOf = (
  supervisor: Supervisor,
  server: Server,
  tools: ReadonlyArray<ServerTool>
): Effect.Effect<ReadonlyArray<Tool.Any>, ServerReason> => {
  const names = new Set(tools.map(({ name }) => name))
  if (names.size < tools.length) {
    return Effect.fail(new BadAnswer({ detail: "it lists two tools of the same name", stderr: [] }))
  }
  const unknown = Object.keys(server.toolscope?.tools ?? {}).filter((name) => !names.has(name))
  if (unknown.length > 0) {
    const at = `/mcpServers/${escapeToken(supervisor.name)}/toolscope/tools`
    const message = `the server has no such tool; it has: ${[...names].map((name) => JSON.stringify(name)).join(", ") || "none"}`
    return Effect.fail(
      new UnknownTools({ faults: unknown.map((name) => ({ pointer: `${at}/${escapeToken(name)}`, message })) })
    )
  }
  return Effect.succeed(tools.map((tool) => toolOf(supervisor, server, tool)))
}

const isCallError = Schema.is(McpCallError)

const toolOf = (supervisor: Supervisor, server: Server, tool: ServerTool): Tool.Any => {
  const { annotations, description, inputSchema, name, outputSchema, title } = tool
  const contract = contractOf(server, name, annotations)
  return Tool.fromPromise(`${supervisor.name}__${name}`, {
    description: description ?? title ?? annotations?.title ?? "",
    parameters: fromJsonSchema(inputSchema, "expected parameters"),
    success: (outputSchema === undefined || !isUsable(outputSchema)
      ? Schema.Unknown
      : fromJsonSchema(
          outputSchema,
          "the tool declares an output schema, and answered without structured content"
        )) as typeof Schema.Unknown,
    failure: McpCallError,
    contract,
    execute: (params: unknown, context) => call({ supervisor, tool, contract }, params, context),
    catch: (rejection) => {
      if (isCallError(rejection)) return rejection
      // what dies so has given no answer
      throw new CallError.CallError({ reason: new CallError.Rejected({ error: rejection }) })
    }
  })
}
