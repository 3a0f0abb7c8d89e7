/**
 * The tools of MCP servers as tools of a plan, named `SERVER__TOOL`.
 *
 * The servers live as long as a scope. Closing it ends the processes among them, and whatever they have started: their input is closed,
 * then SIGTERM, then SIGKILL, each after a second. A server gets the environment that its entry names and a few variables that are safe
 * (`PATH`, `HOME` and such), nothing else of ours; what it writes to its standard error never reaches our standard output. Of servers over
 * HTTP the session is ended.
 *
 * **Contract** of a tool: the operator's, if the configuration has one. Else, where the server is trusted, what its annotations say.
 * Else the most careful (`Contract.unknown`): a hint alone allows nothing.
 *
 * **A stop** sends a cancel notification, and the answer is awaited to the bound. The protocol wants none of a server that has stopped;
 * so a tool that only reads, or that may be interrupted anywhere, has also ended when its server shows that it has heard. With
 * `"interruption": "never"` nothing is sent. At the bound the call is left behind, or its server killed: as the operator says.
 *
 * **A server that ends** takes its calls with it: they are without an answer, at once. Other servers go on. It is started again, or reached
 * anew, when the next call needs it.
 *
 * **A list that changes** is read again. A call of a tool that has gone, or is not what it was when the plan was read, is not sent.
 *
 * @since 0.1.0
 */
import { Toolset } from "@toolscope/core"
import type { Tool } from "@toolscope/core"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Config } from "./Config.ts"
import { Catalog, type Entry, type Hints } from "./internal/catalog.ts"
import { originOf } from "./internal/origins.ts"
import { Supervisor } from "./internal/supervisor.ts"
import { type Resolved, resolve } from "./internal/variables.ts"
import { BadConfig, McpError, type ServerFailure, type ServerReason, ServersFailed } from "./McpError.ts"

export type {
  /**
   * A tool, and what its server says of it.
   *
   * @since 0.1.0
   */
  Entry,
  /**
   * What a server hints of a tool: claims that nobody has checked.
   *
   * @since 0.1.0
   */
  Hints
}

/**
 * @since 0.1.0
 */
export interface Options {
  /** How long each server has to be ready: started, greeted, and its tools listed. Default 30 seconds. */
  readonly startTimeout?: Duration.Input
  /**
   * What becomes of the others where a server cannot be used. `"refuse"` (default): they are ended again, and the error names all that
   * failed. `"leaveOut"`: they go on without it, and `failures` names it.
   */
  readonly unusable?: "refuse" | "leaveOut"
}

/**
 * The servers of a configuration, started.
 *
 * @since 0.1.0
 */
export interface Servers {
  /** Their tools as they are now. */
  readonly tools: Effect.Effect<ReadonlyArray<Tool.Any>>
  /** The same, with what their servers say of them. */
  readonly entries: Effect.Effect<ReadonlyArray<Entry>>
  /** Their tools after each change of them. Of several changes a slow reader sees the last. */
  readonly changes: Stream.Stream<ReadonlyArray<Tool.Any>>
  /** Servers that could not be used, with `unusable: "leaveOut"`. */
  readonly failures: ReadonlyArray<ServerFailure>
}

/**
 * Starts every server of a configuration, in parallel, and lists their tools.
 *
 * @since 0.1.0
 */
export const open = (config: Config, options: Options = {}): Effect.Effect<Servers, McpError, Scope.Scope> =>
  Effect.suspend(() => {
    const millis = Option.match(Duration.fromInput(options.startTimeout ?? "30 seconds"), {
      onNone: () => 30_000,
      onSome: (duration) => Math.min(Duration.toMillis(duration), 2 ** 31 - 1)
    })
    const { faults, servers } = resolve(config, process.env)
    if (faults.length > 0) return Effect.fail(new McpError({ reason: new BadConfig({ faults }) }))
    const watchers = new Set<() => void>()
    const changed = () => {
      for (const watcher of watchers) watcher()
    }
    return Effect.flatMap(
      Effect.forEach(servers, (resolved) => start(resolved, millis, changed), { concurrency: "unbounded" }),
      (results) => {
        const failures = results.flatMap((result, i): ReadonlyArray<ServerFailure> =>
          Result.isFailure(result) ? [{ server: servers[i]!.name, reason: result.failure }] : []
        )
        if (failures.length > 0 && options.unusable !== "leaveOut") {
          return Effect.fail(new McpError({ reason: new ServersFailed({ servers: failures }) }))
        }
        const catalogs = results.flatMap((result) => (Result.isSuccess(result) ? [result.success] : []))
        const entriesNow = () => catalogs.flatMap(({ entries }) => entries)
        const toolsNow = () => entriesNow().map(({ tool }) => tool)
        const changes = Stream.callback<ReadonlyArray<Tool.Any>>(
          (queue) =>
            Effect.acquireRelease(
              Effect.sync(() => {
                const watcher = () => {
                  Queue.offerUnsafe(queue, toolsNow())
                }
                watchers.add(watcher)
                return watcher
              }),
              (watcher) => Effect.sync(() => watchers.delete(watcher))
            ),
          { bufferSize: 1, strategy: "sliding" }
        )
        return Effect.succeed({ tools: Effect.sync(toolsNow), entries: Effect.sync(entriesNow), changes, failures })
      }
    )
  })

/**
 * Starts every server of a configuration, in parallel, and gives their tools as they are then. If some fail, the others are ended again,
 * and the error names all that failed.
 *
 * @since 0.1.0
 */
export const connect = (
  config: Config,
  options: Omit<Options, "unusable"> = {}
): Effect.Effect<ReadonlyArray<Tool.Any>, McpError, Scope.Scope> =>
  Effect.flatMap(open(config, { ...options, unusable: "refuse" }), ({ tools }) => tools)

/**
 * What the server of a tool says of it; `undefined` where the tool is not that of a server.
 *
 * @since 0.1.0
 */
export const entryOf = (tool: Tool.Any): Entry | undefined => originOf(tool)

/**
 * The tools as a layer: the servers live as long as it does.
 *
 * @since 0.1.0
 */
export const layer = (config: Config, options?: Omit<Options, "unusable">): Layer.Layer<Toolset.Toolset, McpError> =>
  Toolset.layer(connect(config, options))

const start = (
  resolved: Resolved,
  millis: number,
  changed: () => void
): Effect.Effect<Result.Result<Catalog, ServerReason>, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Supervisor(resolved, millis)),
    (supervisor) => Effect.promise(() => supervisor.close())
  ).pipe(
    Effect.flatMap((supervisor) => {
      const catalog = new Catalog(supervisor)
      supervisor.onList = (tools) => {
        if (catalog.take(tools)) changed()
      }
      return Effect.flatMap(
        Effect.tryPromise({ try: (signal) => supervisor.start(signal), catch: (reason) => reason as ServerReason }),
        (tools) => {
          const reason = catalog.open(tools)
          return reason === undefined ? Effect.succeed(catalog) : Effect.fail(reason)
        }
      ).pipe(
        // what cannot be used does not live on beside the others
        Effect.tapError(() => Effect.promise(() => supervisor.close()))
      )
    }),
    Effect.result
  )
