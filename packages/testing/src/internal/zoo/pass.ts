/**
 * The gate, in one shape for both kinds of tools: as an Effect, and as the function that a promise tool is given.
 */
import type { Commit, Tool } from "@toolscope/core"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { Broken, Refused } from "./behaviour.ts"

type Errors = Refused | Broken
type Told = { readonly key: string }

export interface PassOptions {
  readonly timeout?: number
  readonly compensate?: (done: Told) => Effect.Effect<unknown, unknown>
  readonly probe?: (done: Told) => Effect.Effect<boolean, unknown>
}

export type Pass = <A>(
  effect: (key: string) => Effect.Effect<A, Errors>,
  options: PassOptions
) => Effect.Effect<A, Errors>

export const passOf =
  (run: typeof Commit.run): Pass =>
  (effect, options) =>
    run(effect, options)

/** A promise tool awaits the promise of its commit: an abort does not end that wait. */
export const passPromise =
  (commit: Tool.PromiseCommit, signal: AbortSignal): Pass =>
  <A>(effect: (key: string) => Effect.Effect<A, Errors>, { compensate, probe, timeout }: PassOptions) =>
    Effect.uninterruptible(
      Effect.callback<A, Errors>((resume) => {
        commit<A>((key) => promised(effect(key)), {
          ...(compensate === undefined ? {} : { compensate: (done) => promised(compensate(done)) }),
          ...(probe === undefined ? {} : { probe: (done) => promised(probe(done)) }),
          ...(timeout === undefined ? {} : { timeout })
        }).then(
          (value) => {
            resume(Effect.succeed(value))
          },
          (rejection: unknown) => {
            resume(failureOf(rejection, signal))
          }
        )
      })
    )

const failureOf = (rejection: unknown, signal: AbortSignal): Effect.Effect<never, Errors> => {
  const isAbort = rejection instanceof Error && rejection.name === "AbortError"
  if (isAbort || (signal.aborted && rejection === signal.reason)) return Effect.interrupt
  return rejection instanceof Broken || rejection instanceof Refused ? Effect.fail(rejection) : Effect.die(rejection)
}

/** As a promise does it: in a fiber of its own, which nobody interrupts. */
const promised = <A, E>(effect: Effect.Effect<A, E>): Promise<A> =>
  new Promise((resolve, reject) => {
    const context = Fiber.getCurrent()!.context
    Effect.runForkWith(context)(effect).addObserver((exit) => {
      if (Exit.isSuccess(exit)) resolve(exit.value)
      else if (Cause.hasInterruptsOnly(exit.cause)) reject(new DOMException("This operation was aborted", "AbortError"))
      else reject(Cause.squash(exit.cause))
    })
  })
