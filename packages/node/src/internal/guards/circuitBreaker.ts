/**
 * Effect's circuit breaker, which it calls experimental: nothing else imports it.
 *
 * The breaker runs a stand-in, which ends with what it is told. So what it is told does not depend on when the handler has ended: a probe
 * whose tool does not hear its stop does not hold its circuit.
 */
import { CallError } from "@toolscope/core"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Fiber from "effect/Fiber"
import type * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { perStore, storeOr } from "./own.ts"

export interface Policy {
  readonly trip:
    { readonly failures: number } | { readonly threshold: number; readonly of: number; readonly minimum: number }
  readonly openDuration: Duration.Input | Schedule.Schedule<unknown, number>
  readonly onStoreError: "allow" | "fail"
}

export type Told = "success" | "failure" | "ignored"

/** It lets an attempt through, and waits to be told what that came to. */
export interface Passage {
  /** The first word stays. */
  readonly tell: (told: Told) => void
  /** Waits until what it was told is kept. */
  readonly kept: Effect.Effect<unknown>
}

export const store = storeOr(CircuitBreaker.CircuitBreakerStore, CircuitBreaker.layerStoreMemory())

export type Store = Effect.Success<typeof store>

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** To be called where nothing interrupts; what it waits for, it `restore`s. */
type Pass = (key: string, restore: Restore) => Effect.Effect<Passage, CallError.NotReached>

/** A breaker for a tool, on whatever store: its policy is the tool's, its circuits are the store's. */
export const breaker = (policy: Policy): ((store: Store) => Pass) => {
  const { onStoreError, openDuration, trip } = policy
  const tripPolicy =
    "failures" in trip
      ? CircuitBreaker.consecutive(trip.failures)
      : CircuitBreaker.rate({ threshold: trip.threshold, size: trip.of, minimumCalls: trip.minimum })
  return perStore((store: Store) => {
    const made = Effect.runSync(
      CircuitBreaker.make({ tripPolicy, openDuration, onStoreError }).pipe(
        Effect.provideService(CircuitBreaker.CircuitBreakerStore, store),
        // what it would close at the end are its transitions, to which nobody listens
        Effect.provideService(Scope.Scope, Scope.makeUnsafe())
      )
    )
    return (key, restore) => passOf(made, key, restore)
  })
}

const outcomes: { readonly [T in Told]: CircuitBreaker.Outcome } = {
  success: CircuitBreaker.success,
  failure: CircuitBreaker.failure(),
  ignored: CircuitBreaker.ignored
}

const passOf = (
  made: CircuitBreaker.CircuitBreaker,
  key: string,
  restore: Restore
): Effect.Effect<Passage, CallError.NotReached> =>
  Effect.suspend(() => {
    const told = Deferred.makeUnsafe<Told>()
    const passage = Deferred.makeUnsafe<void, CallError.NotReached>()
    const tell = (word: Told): void => void Deferred.doneUnsafe(told, Effect.succeed(word))
    const standIn = Effect.suspend(() => {
      Deferred.doneUnsafe(passage, Effect.void)
      return Deferred.await(told)
    })
    const run = made
      .execute(standIn, {
        key,
        classify: (exit) => (exit._tag === "Success" ? outcomes[exit.value] : CircuitBreaker.ignored)
      })
      .pipe(
        Effect.catch(({ reason }) =>
          Effect.sync(() => void Deferred.doneUnsafe(passage, Effect.fail(refusalOf(key, reason))))
        ),
        Effect.catchCause((cause) =>
          Effect.sync(() => void Deferred.doneUnsafe(passage, Effect.failCause(cause as never)))
        )
      )
    return Effect.flatMap(Effect.forkDetach(run, { startImmediately: true, uninterruptible: false }), (fiber) =>
      Effect.as(
        // who leaves before it is let through has nothing to tell
        Effect.onExit(restore(Deferred.await(passage)), (exit) =>
          Effect.sync(() => {
            if (exit._tag === "Failure") tell("ignored")
          })
        ),
        { tell, kept: Fiber.await(fiber) }
      )
    )
  })

const refusalOf = (key: string, reason: CircuitBreaker.CircuitBreakerErrorReason): CallError.NotReached => {
  switch (reason._tag) {
    case "CircuitOpen":
      return new CallError.NotReached({
        why: `the circuit ${key} is open: too many calls have failed`,
        retryAfterMillis: Math.ceil(Duration.toMillis(reason.retryAfter))
      })
    case "CircuitHalfOpen":
      return new CallError.NotReached({ why: `the circuit ${key} is half-open: another call is finding out` })
    case "CircuitBreakerStoreError":
      return new CallError.NotReached({ why: `the store of the circuit ${key} cannot be used: ${reason.message}` })
  }
}
