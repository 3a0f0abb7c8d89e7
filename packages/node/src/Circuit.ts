/**
 * Puts a tool behind a **circuit breaker**: when too many of its calls have failed, further ones are refused at once, until one of them, let
 * through as a probe, has succeeded.
 *
 * - Closed: attempts run, and how they end is counted.
 * - Open: attempts are refused, until the open time is over.
 * - Half-open: one attempt is let through; others are refused while it runs. It closes the circuit, or opens it anew.
 *
 * A refused attempt has done nothing, whatever its contract says: it is `Failed` with `CallError` (`NotReached`), never `Unknown`. The breaker
 * never waits.
 *
 * What counts: each attempt once. Its failure, its defect and its timeout count as failures, at the timeout, not when the tool has heard it.
 * An attempt that is stopped for another reason (a sibling failed, enough have answered, a replan, a deadline, a timeout around it) says nothing, and as a probe
 * makes room for another. Neither says one anything that did not reach its tool.
 *
 * The state is in memory, one per process. With a `CircuitBreakerStore` of Effect in the context of the fan-out it is there instead:
 * `Effect.provide(CircuitBreaker.layerStoreRedis())`, and Effect's Redis.
 *
 * @since 0.1.0
 */
import { Attempt, CallError, type Tool } from "@toolscope/core"
import type { Tool as PromiseTool } from "@toolscope/core/promise"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import { dual } from "effect/Function"
import * as Schedule from "effect/Schedule"
import { breaker, type Passage, store, type Told } from "./internal/guards/circuitBreaker.ts"
import { faultsOf, inFrontOf, keyOf } from "./internal/guards/options.ts"

/**
 * @since 0.1.0
 */
export interface Options {
  /**
   * When it opens: after so many failures in a row (default 5), or when at least `threshold` (above 0, at most 1) of the last `of` attempts
   * have failed; before `minimum` of them (default: all) it does not.
   */
  readonly failures?: number | { readonly threshold: number; readonly of: number; readonly minimum?: number }
  /** How long it stays open. A schedule gives a growing time, opening by opening. Default 30 seconds. */
  readonly openDuration?: Duration.Input | Schedule.Schedule<unknown, number>
  /**
   * Is this the dependency's fault? Gets the tool's error, a defect, or a `CallError` (`TimedOut`, `Rejected`). What is not counts as an
   * answer: the dependency was there. Default: always.
   */
  readonly counts?: (error: unknown) => boolean
  /** Tools with the same key and the same options share a circuit. Default: the name of the tool. A function makes one by the parameters. */
  readonly key?: string | ((params: never) => string)
  /** When the store cannot be used: `"allow"` (default) goes on without a circuit, `"fail"` refuses. */
  readonly onStoreError?: "allow" | "fail"
}

/**
 * The same tool, behind a circuit breaker.
 *
 * Throws a `RangeError` that names everything that is wrong with the options.
 *
 * @example
 * ```ts
 * import { Contract, Fanout, Plan, Tool } from "@toolscope/core"
 * import { Circuit } from "@toolscope/node"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const Pay = Tool.make("pay", {
 *   failure: Schema.String,
 *   contract: Contract.irreversible,
 *   handler: () => Effect.fail("503")
 * }).pipe(Circuit.tool({ failures: 2 }))
 *
 * for (let i = 0; i < 3; i++) {
 *   const outcome = await Effect.runPromise(Fanout.run(Plan.settled(Plan.call(Pay))))
 *   console.log("error" in outcome && `${outcome.error}`)
 * }
 * // => 503
 * // => 503
 * // => CallError: not reached, nothing happened: the circuit pay is open: too many calls have failed
 * ```
 *
 * @since 0.1.0
 */
export const tool: {
  (options?: Options): <T extends Tool.Any | PromiseTool>(self: T) => T
  <T extends Tool.Any | PromiseTool>(self: T, options: Options): T
} = dual(
  (args) => args.length === 2,
  (self: Tool.Any, options: Options = {}): unknown => {
    const { counts = () => true, failures = 5, key, onStoreError = "allow", openDuration = "30 seconds" } = options
    const faults = faultsOf("Circuit.tool")
    if (typeof failures === "number") faults.whole("failures", failures, 1)
    else {
      const { minimum = failures.of, of, threshold } = failures
      if (!(threshold > 0 && threshold <= 1)) {
        faults.add(`failures.threshold: expected a number above 0, at most 1, got ${threshold}`)
      }
      faults.whole("failures.of", of, 1)
      faults.whole("failures.minimum", minimum, 1)
      if (minimum > of) faults.add(`failures.minimum: expected at most ${of} (failures.of), got ${minimum}`)
    }
    if (!Schedule.isSchedule(openDuration)) faults.duration("openDuration", openDuration)
    faults.oneOf("onStoreError", onStoreError, ["allow", "fail"])
    faults.check()
    const trip = typeof failures === "number" ? { failures } : { ...failures, minimum: failures.minimum ?? failures.of }
    const passOn = breaker({ trip, openDuration, onStoreError })
    return inFrontOf("Circuit.tool", self, (reach, params) =>
      // between the passage and its end nothing may be lost: what runs in between looks after its own interruption
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(store, (found) =>
          Effect.flatMap(passOn(found)(keyOf(self, key, params), restore), (passage) => counted(reach, passage, counts))
        )
      )
    )
  }
)

/** Tells how it ended, or, earlier, that it was stopped. */
const counted = <A, E, R>(
  reach: Effect.Effect<A, E, R>,
  { kept, tell }: Passage,
  counts: (error: unknown) => boolean
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const attempt = fiber.getRef(Attempt.Current)
    const clock = fiber.getRef(Clock.Clock)
    const since = clock.currentTimeMillisUnsafe()
    const toldOf = (error: unknown): Told => {
      try {
        return counts(error) ? "failure" : "success"
      } catch {
        return "failure"
      }
    }
    const forget = attempt?.onStop(() => {
      if (!attempt.timedOut()) tell("ignored")
      // while something else in front of the tool holds it back, nobody has let it wait but that
      else if (attempt.reached()) {
        const millis = clock.currentTimeMillisUnsafe() - since
        tell(toldOf(new CallError.CallError({ reason: new CallError.TimedOut({ millis }) })))
      }
    })
    return Effect.onExit(reach, (exit) => {
      forget?.()
      const failed = errorOf(exit)
      tell(exit._tag === "Success" ? "success" : failed === undefined ? "ignored" : toldOf(failed.error))
      return kept
    })
  })

/** What it failed with; nothing where that says nothing: it was interrupted, or did not reach its tool. */
const errorOf = (exit: Exit.Exit<unknown, unknown>): { readonly error: unknown } | undefined => {
  if (exit._tag === "Success" || Cause.hasInterruptsOnly(exit.cause)) return undefined
  const error = Cause.squash(exit.cause)
  return CallError.isCallError(error) && error.reason._tag === "NotReached" ? undefined : { error }
}
