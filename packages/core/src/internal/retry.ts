/**
 * Whether and when a further attempt follows: the contract allows it, and the schedule wants it.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import { CallError, isCallError, RetryDied } from "../CallError.ts"
import * as Contract from "../Contract.ts"
import type * as Tool from "../Tool.ts"
import type { AttemptEnd } from "./ending.ts"

/** Milliseconds until the next attempt, or `undefined` for none. */
export type Delay = number | undefined

/** The progress of one call through its retries. */
export type RetryState = (error: unknown) => Effect.Effect<Delay, CallError>

const first = 100
const longest = 10_000

/**
 * A number of further attempts: after 100 ms, 200 ms, 400 ms, … at most 10 s. Where it is known that the tool cannot be reached before, not
 * before; and if that is longer, there is none.
 */
const counted = (times: number): RetryState => {
  let done = 0
  return (error) =>
    Effect.sync(() => {
      const asked = pauseOf(error)
      return done < times && asked <= longest ? Math.max(asked, Math.min(first * 2 ** done++, longest)) : undefined
    })
}

const pauseOf = (error: unknown): number =>
  isCallError(error) && error.reason._tag === "NotReached" ? (error.reason.retryAfterMillis ?? 0) : 0

const scheduled = (schedule: Schedule.Schedule<unknown>): RetryState => {
  const step = Effect.runSync(Schedule.toStep(schedule))
  return (error) =>
    Effect.flatMap(
      Effect.clockWith((clock) => Effect.exit(step(clock.currentTimeMillisUnsafe(), error))),
      (exit) => {
        if (Exit.isSuccess(exit)) return Effect.succeed(Duration.toMillis(exit.value[1]))
        const failure = Cause.findErrorOption(exit.cause)
        return failure._tag === "Some" && Cause.isDone(failure.value)
          ? Effect.succeed(undefined)
          : Effect.fail(new CallError({ reason: new RetryDied({ defect: Cause.squash(exit.cause), error }) }))
      }
    )
}

export const make = (retry: Tool.Retry<never>): RetryState =>
  typeof retry === "number" ? counted(retry) : scheduled(retry as Schedule.Schedule<unknown>)

/** A bug repeats itself, and a refusing journal refuses again. */
const hopeless = new Set<string>([
  "Defect",
  "Threw",
  "Interrupted",
  "JournalRefused",
  "RetryDied",
  "ContractViolation",
  "Overloaded",
  "Denied",
  "NotRepeated"
])

/** May an attempt follow one that ended so? `acted`: the call may have acted. */
export const mayFollow = (contract: Contract.Contract, end: AttemptEnd, acted: boolean): boolean => {
  if (end._tag === "success" || end._tag === "refused") return false
  if (end.error !== undefined && isCallError(end.error) && hopeless.has(end.error.reason._tag)) return false
  return Contract.mayRepeat(contract, acted)
}
