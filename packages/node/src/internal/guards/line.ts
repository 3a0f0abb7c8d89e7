/**
 * Who waits for a token: one line per store and key, first come, first served, and no longer than it may be. Only the first in line asks the
 * store; whoever leaves takes nothing with it.
 */
import { CallError } from "@toolscope/core"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { perStore } from "./own.ts"
import { type Limit, type Store, take } from "./rateLimiter.ts"

interface Line {
  readonly first: Semaphore.Semaphore
  length: number
}

export interface Patience {
  readonly onExceeded: "delay" | "fail"
  /** Milliseconds. */
  readonly maxWait: number
  /** Attempts that may wait. */
  readonly waiting: number
  readonly onStoreError: "allow" | "fail"
}

type Waiting = Effect.Effect<void, CallError.NotReached>

const linesOf = perStore((_: Store) => new Map<string, Line>())

const refuse = (why: string, retryAfterMillis?: number): Waiting =>
  Effect.fail(new CallError.NotReached({ why, ...(retryAfterMillis === undefined ? {} : { retryAfterMillis }) }))

/** Waits for a token, as far as that is wanted. */
export const token = (store: Store, limit: Limit, patience: Patience): Waiting => {
  const { maxWait, onExceeded, onStoreError } = patience
  const name = nameOf(limit)

  const askUntil = (until: number): Waiting =>
    Effect.flatMap(take(store, limit), (answer) => {
      if (answer._tag === "taken") return Effect.void
      if (answer._tag === "broken") {
        return onStoreError === "allow" ? Effect.void : refuse(`the store of ${name} cannot be used: ${answer.detail}`)
      }
      const { millis } = answer
      return Effect.flatMap(Clock.currentTimeMillis, (now) =>
        now + millis > until
          ? refuse(`${name} is used up`, millis)
          : Effect.andThen(Effect.sleep(millis), askUntil(until))
      )
    })

  if (onExceeded === "fail") return askUntil(-Infinity)
  const inTurn = Effect.suspend((): Waiting => {
    const lines = linesOf(store)
    const line = lines.get(limit.key) ?? { first: Semaphore.makeUnsafe(1), length: 0 }
    if (line.length >= patience.waiting) return refuse(`${line.length} attempts wait already under ${name}`)
    lines.set(limit.key, line)
    line.length++
    const turn = Effect.flatMap(Clock.currentTimeMillis, (now) => line.first.withPermits(1)(askUntil(now + maxWait)))
    return Effect.ensuring(
      turn,
      Effect.sync(() => {
        if (--line.length === 0) lines.delete(limit.key)
      })
    )
  })
  return maxWait === Infinity
    ? inTurn
    : Effect.timeoutOrElse(inTurn, {
        duration: maxWait,
        orElse: () => refuse(`its turn under ${name} did not come within ${maxWait} ms`)
      })
}

const nameOf = ({ key, limit, window }: Limit): string =>
  `the rate limit ${key} (${limit} per ${Duration.format(window)})`
