/**
 * What stands in front of a tool, and decides when, or whether, it is reached.
 *
 * - Until it lets the attempt through, nothing has happened: whatever ends the attempt there, it was not reached.
 * - A stop ends the wait, also of an attempt that is never interrupted.
 * - It never lets through what has been told to stop.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import { CallError, NotReached, Threw } from "../CallError.ts"
import { runningOf } from "./attempt.ts"

type AnyEffect = Effect.Effect<unknown, unknown, unknown>

export const guarded =
  (handle: (params: never) => AnyEffect, guard: (reach: AnyEffect, params: unknown) => AnyEffect) =>
  (params: never): AnyEffect =>
    Effect.uninterruptibleMask((restore) =>
      Effect.withFiber((fiber) => {
        const attempt = runningOf(fiber)
        let isReached = false
        if (attempt !== undefined) attempt.guards++
        const forget = attempt?.onStop(() => {
          fiber.interruptUnsafe()
        })
        const leave = () => {
          if (attempt === undefined || forget === undefined) return
          attempt.guards--
          forget()
        }
        const reach = Effect.suspend((): AnyEffect => {
          if (isReached) return Effect.die(new Error("what stands in front of a tool may reach it once"))
          if (attempt !== undefined && !attempt.mayReach()) return Effect.interrupt
          leave()
          isReached = true
          try {
            return restore(handle(params))
          } catch (defect) {
            return Effect.fail(new CallError({ reason: new Threw({ defect }) }))
          }
        })
        const guarding = Effect.suspend(() => guard(Effect.uninterruptible(reach), params))
        return Effect.flatMap(Effect.exit(Effect.interruptible(guarding)), (exit): AnyEffect => {
          if (isReached) return exit
          leave()
          // a defect stays beside an interruption, where a typed error may be dropped
          return Effect.die(new CallError({ reason: reasonOf(exit) }))
        })
      })
    )

/** Not by class: the guard may have another copy of this package. The tool itself cannot have failed yet. */
const isNotReached = (u: unknown): u is NotReached =>
  typeof u === "object" && u !== null && "_tag" in u && u._tag === "NotReached"

/** Why it did not let the attempt through. */
const reasonOf = (exit: Exit.Exit<unknown, unknown>): NotReached => {
  if (exit._tag === "Success") return new NotReached({ why: "what stands in front of it answered in its place" })
  const { reasons } = exit.cause
  const fail = reasons.find(Cause.isFailReason)
  if (isNotReached(fail?.error)) return fail.error
  if (Cause.hasInterruptsOnly(exit.cause)) return new NotReached({ why: "it was stopped while it waited" })
  return new NotReached({ why: `what stands in front of it died: ${String(Cause.squash(exit.cause))}` })
}
