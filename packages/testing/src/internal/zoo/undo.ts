/**
 * How the effects of the zoo are undone, and what their probes answer. As contracts have them they know the key and the parameters alone;
 * the ledger says which attempt it was.
 */
import type { Contract } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Ledger from "../../Ledger.ts"
import { type Behaviour, behaviourOf, Broken, millisOf, type Script } from "./behaviour.ts"

const wait = (time: number | string | undefined): Effect.Effect<void> => {
  const millis = millisOf(time)
  return millis === 0 ? Effect.void : Effect.sleep(millis)
}

/** Undoes what stands under a key: from then on the world refuses what comes under it. */
export const undo = (how: Behaviour["undo"], key: string, write: Ledger.Writer): Effect.Effect<void, Broken> =>
  Effect.suspend(() => {
    const { after, then = "end" } = how ?? {}
    write("undoing", { key })
    const finish = Effect.suspend((): Effect.Effect<void, Broken> => {
      switch (then) {
        case "never":
          return Effect.never
        case "fail":
        case "die": {
          const error = `the undo of ${key} ${then === "fail" ? "failed" : "died"}`
          write("undoFailed", { key, error })
          return then === "fail" ? Effect.fail(new Broken({ message: error })) : Effect.die(new Error(error))
        }
      }
      write("undone", { key })
      return Effect.void
    })
    const whole = Effect.andThen(wait(after), finish)
    return then === "deaf" ? Effect.uninterruptible(whole) : whole
  })

/** Did what stands under a key happen? */
export const answerProbe = (how: Behaviour["probe"], key: string): Effect.Effect<boolean, Broken> => {
  const { after, then = "tell" } = how ?? {}
  const answer = Effect.suspend((): Effect.Effect<boolean, Broken> => {
    switch (then) {
      case "tell":
        return Effect.succeed(Ledger.world(Ledger.current().records).holds.has(key))
      case "yes":
      case "no":
        return Effect.succeed(then === "yes")
      case "fail":
        return Effect.fail(new Broken({ message: `the probe of ${key} failed` }))
      case "die":
        return Effect.die(new Error(`the probe of ${key} died`))
      case "never":
        return Effect.never
    }
  })
  return Effect.andThen(wait(after), answer)
}

/** The attempt that used a key last. */
const attemptOf = (key: string): Ledger.Record | undefined =>
  Ledger.current().records.findLast((record) => record.key === key)

/** The undo of a contract: as the parameters say. */
export const compensate: Contract.Compensate = ({ key, params }) =>
  Effect.suspend(() => {
    const { attempt = 1, call = "unknown", run = "unknown" } = attemptOf(key) ?? {}
    const write = Ledger.writerFor({ runId: run, call, attempt, idempotencyKey: key })
    return undo(behaviourOf(params as Script, attempt).undo, key, write)
  })

/** The probe of a contract: as the parameters say; by default it tells the truth. */
export const probe: Contract.Probe = ({ key, params }) =>
  Effect.suspend(() => answerProbe(behaviourOf(params as Script, attemptOf(key)?.attempt ?? 1).probe, key))
