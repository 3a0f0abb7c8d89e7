/**
 * The promise boundary: the promise gets a signal that is aborted when the attempt is to stop, and is awaited all the same. The
 * fiber that waits is uninterruptible; only the bound of the drain ends the wait, by leaving it behind.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { CallError, isCallError, Rejected, Threw } from "../CallError.ts"
import type { PromiseContext } from "../Tool.ts"
import { running, type RunningAttempt } from "./attempt.ts"
import { isRefusal, promiseAsk } from "./promiseAsk.ts"
import { promiseCommit } from "./promiseCommit.ts"

/** Whatever the fiber has: the types of promise tools require nothing. */
const context: Effect.Effect<Context.Context<never>> = Effect.context()

interface Services {
  readonly attempt: RunningAttempt
  readonly services: Context.Context<never>
}

/** What a fan-out needs that is started through the context of a handler: it is to run as a part of the attempt. */
const services = new WeakMap<PromiseContext, Services>()

export const servicesOf = (context: PromiseContext): Services => services.get(context)!

export const promiseHandler =
  (
    execute: (params: never, context: PromiseContext) => PromiseLike<unknown>,
    onRejected?: (rejection: unknown) => unknown
  ) =>
  (params: never): Effect.Effect<unknown, unknown> =>
    Effect.flatMap(Effect.zip(running, context), ([attempt, context]) => {
      const { attempt: number, call, epoch, idempotencyKey, onBound, progress, runId, spend } = attempt
      let promise: PromiseLike<unknown>
      const { over, ...asking } = promiseAsk(attempt, context)
      try {
        const identity = { runId, epoch, call, attempt: number, idempotencyKey }
        const commit = promiseCommit(attempt, context)
        const given: PromiseContext = {
          ...identity,
          onBound,
          spend,
          progress,
          signal: attempt.signal(),
          commit,
          ...asking
        }
        services.set(given, { attempt, services: context })
        promise = execute(params, given)
      } catch (defect) {
        over()
        return Effect.fail(new CallError({ reason: new Threw({ defect }) }))
      }
      const rejected = (rejection: unknown): unknown =>
        isCallError(rejection)
          ? rejection
          : onRejected
            ? onRejected(rejection)
            : new CallError({ reason: new Rejected({ error: rejection }) })
      return Effect.callback<unknown, unknown>((resume) => {
        Promise.resolve(promise).then(
          (value) => {
            over()
            resume(Effect.succeed(value))
          },
          (rejection: unknown) => {
            over()
            // it does as it was told: that is no answer, and says nothing about what had happened by then
            if (attempt.stop !== undefined && isAbort(rejection, attempt.stop)) resume(Effect.interrupt)
            else if (isRefusal(rejection)) resume(Effect.die(rejection))
            else resume(Effect.suspend(() => Effect.fail(rejected(rejection))))
          }
        )
      })
    })

/** Is this the abort itself: the reason of the signal, or what libraries make of it? */
const isAbort = (rejection: unknown, reason: unknown): boolean => {
  try {
    if (rejection === reason) return true
    return rejection instanceof Error && (rejection.name === "AbortError" || rejection.cause === reason)
  } catch {
    return false
  }
}
