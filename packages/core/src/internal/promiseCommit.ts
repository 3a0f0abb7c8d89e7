/**
 * The gate as promise tools see it: what passes returns a promise, and so do its undo and its probe.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { Done } from "../Contract.ts"
import type { RunningAttempt } from "./attempt.ts"

/**
 * What an undo and a probe are told. `value` is there if it is known what the effect answered.
 */
export interface PromiseDone<out A = unknown> {
  readonly key: string
  readonly params: unknown
  readonly value?: A
}

export interface PromiseCommitOptions<in A> {
  /** Undoes this effect, by its key; must accept that nothing had happened. Default: the `compensate` of the contract, if there is one. */
  readonly compensate?: (done: PromiseDone<A>) => unknown
  /** Reads whether it happened, if its end leaves that in doubt. Default: the `probe` of the contract, if there is one. */
  readonly probe?: (done: PromiseDone<A>) => boolean | PromiseLike<boolean>
  /** No answer after this long leaves it in doubt; it is waited for all the same, to the bound. Default: none. */
  readonly timeout?: Duration.Input
}

export type PromiseCommit = <A>(
  effect: (key: string) => A | PromiseLike<A>,
  options?: PromiseCommitOptions<A>
) => Promise<A>

/** Calls a function that may return a promise, at once; its end is an Effect that nothing interrupts. */
const begun = <A>(call: () => A | PromiseLike<A>): Effect.Effect<A, unknown> => {
  try {
    const ended = Promise.resolve(call()).then(
      (value): Exit.Exit<A, unknown> => Exit.succeed(value),
      (rejection: unknown) => Exit.fail(rejection)
    )
    return Effect.uninterruptible(
      Effect.callback<A, unknown>((resume) => {
        void ended.then(resume)
      })
    )
  } catch (thrown) {
    return Effect.fail(thrown)
  }
}

/** A function that may return a promise, as an Effect that nothing interrupts. */
export const fromFunction = <A>(call: () => A | PromiseLike<A>): Effect.Effect<A, unknown> =>
  Effect.suspend(() => begun(call))

export const plainDone = ({ key, params, value }: Done): PromiseDone<never> => ({
  key,
  params,
  ...(Option.isSome(value) ? { value: value.value as never } : {})
})

/** The gate for one attempt; rejects with the reason of the stop where that came first. */
export const promiseCommit =
  (attempt: RunningAttempt, context: Context.Context<never>): PromiseCommit =>
  <A>(effect: (key: string) => A | PromiseLike<A>, options: PromiseCommitOptions<A> = {}) => {
    const { compensate, probe, timeout } = options
    const passed = attempt.gate.run(attempt, (key) => begun(() => effect(key)), {
      ...(compensate === undefined ? {} : { compensate: (done) => fromFunction(() => compensate(plainDone(done))) }),
      ...(probe === undefined ? {} : { probe: (done) => fromFunction(() => probe(plainDone(done))) }),
      ...(timeout === undefined ? {} : { timeout })
    })
    const promise = new Promise<A>((resolve, reject: (reason: unknown) => void) => {
      Effect.runForkWith(context)(passed).addObserver((exit) => {
        if (exit._tag === "Success") resolve(exit.value as A)
        else if (Cause.hasInterruptsOnly(exit.cause)) reject(attempt.stop)
        else reject(Cause.squash(exit.cause))
      })
    })
    // a handler that does not wait for it must not end the program: what became of the effect stands in the report
    promise.catch(() => {})
    return promise
  }
