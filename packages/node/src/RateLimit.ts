/**
 * Puts a tool under a **rate limit**: so many attempts per window, here or in all processes that share a store.
 *
 * An attempt that finds the limit used up waits in line, first come, first served, or is refused. It has done nothing until its turn comes:
 * refused, it is `Failed` with `CallError` (`NotReached`); stopped, `Cancelled`; never `Unknown`, whatever its contract says. Every attempt
 * takes a token, a further one too; one that leaves the line takes none.
 *
 * The state is in memory, one per process. With a `RateLimiterStore` of Effect in the context of the fan-out it is there instead:
 * `Effect.provide(RateLimiter.layerStoreRedis())`, and Effect's Redis.
 *
 * @since 0.1.0
 */
import type { Tool } from "@toolscope/core"
import type { Tool as PromiseTool } from "@toolscope/core/promise"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import { token } from "./internal/guards/line.ts"
import { faultsOf, inFrontOf, keyOf } from "./internal/guards/options.ts"
import { store } from "./internal/guards/rateLimiter.ts"

/**
 * @since 0.1.0
 */
export interface Options {
  /** Attempts per window. */
  readonly limit: number
  /** From the first attempt in it. */
  readonly window: Duration.Input
  /**
   * - `"fixed-window"` (default): up to `limit` at once, and when their time is over as many again. In a stretch of time as long as a window,
   *   which may lie across two of them, fewer than twice `limit` are started
   * - `"token-bucket"`: a token every `window / limit`, and up to `limit` kept
   */
  readonly algorithm?: "fixed-window" | "token-bucket"
  /** When the limit is used up: `"delay"` (default) waits for its turn, `"fail"` is refused at once. */
  readonly onExceeded?: "delay" | "fail"
  /** The longest wait for its turn; then it is refused. Default: none but the `timeout` of the attempt, which the wait counts against. */
  readonly maxWait?: Duration.Input
  /** How many attempts may wait in this process; more are refused. Default 1,000. */
  readonly waiting?: number
  /**
   * What has a limit in common: tools with the same key and the same limit share it. Default: the name of the tool. A function makes one by
   * the parameters, for example per host; the store in memory keeps every key that it has seen.
   */
  readonly key?: string | ((params: never) => string)
  /** When the store cannot be used: `"fail"` (default) refuses, `"allow"` goes on without a limit. */
  readonly onStoreError?: "allow" | "fail"
}

/**
 * The same tool, under a rate limit.
 *
 * Throws a `RangeError` that names everything that is wrong with the options.
 *
 * @example
 * ```ts
 * import { Contract, Fanout, Plan, Tool } from "@toolscope/core"
 * import { RateLimit } from "@toolscope/node"
 * import * as Effect from "effect/Effect"
 *
 * const Look = Tool.make("look", {
 *   contract: Contract.readOnly,
 *   handler: () => Effect.succeed("here")
 * }).pipe(RateLimit.tool({ limit: 2, window: "1 hour", onExceeded: "fail" }))
 *
 * const four = Plan.all(Array.from({ length: 4 }, () => Plan.settled(Plan.call(Look))))
 * const outcomes = await Effect.runPromise(Fanout.run(four))
 * console.log(outcomes.map(({ _tag }) => _tag)) // => [ 'Succeeded', 'Succeeded', 'Failed', 'Failed' ]
 * ```
 *
 * @since 0.1.0
 */
export const tool: {
  (options: Options): <T extends Tool.Any | PromiseTool>(self: T) => T
  <T extends Tool.Any | PromiseTool>(self: T, options: Options): T
} = dual(2, (self: Tool.Any, options: Options): unknown => {
  const {
    algorithm = "fixed-window",
    key,
    limit,
    maxWait,
    onExceeded = "delay",
    onStoreError = "fail",
    waiting = 1_000
  } = options
  const faults = faultsOf("RateLimit.tool")
  faults.whole("limit", limit, 1)
  const window = Duration.millis(faults.duration("window", options.window))
  faults.oneOf("algorithm", algorithm, ["fixed-window", "token-bucket"])
  faults.oneOf("onExceeded", onExceeded, ["delay", "fail"])
  faults.oneOf("onStoreError", onStoreError, ["allow", "fail"])
  faults.whole("waiting", waiting, 1)
  const longest = maxWait === undefined ? Infinity : faults.duration("maxWait", maxWait)
  if (onExceeded === "fail" && (maxWait !== undefined || options.waiting !== undefined)) {
    faults.add('maxWait, waiting: with onExceeded "fail" nothing waits')
  }
  faults.check()
  const patience = { onExceeded, onStoreError, maxWait: longest, waiting }
  return inFrontOf("RateLimit.tool", self, (reach, params) =>
    Effect.flatMap(store, (found) =>
      Effect.andThen(token(found, { key: keyOf(self, key, params), limit, window, algorithm }, patience), reach)
    )
  )
})
