/**
 * What `Commit.run` requires, also where it stands in the middle of a plan.
 */
import { Commit, Contract, Fanout, Plan } from "@toolscope/core"
import * as Effect from "effect/Effect"

const contract = Contract.make({ effect: "additive", commit: "marked" })
const plan = Plan.all({ a: Plan.effect(Commit.run(Effect.succeed(1)), contract) })

export const nothing: Promise<{ readonly a: number }> = Effect.runPromise(Fanout.run(plan))
