/**
 * The README's first example: vendors of different speed, simulated, so that it runs offline. It prints what the plan yields,
 * then how each call ended and what stopped it.
 */
import { Contract, Fanout, Plan } from "@toolscope/core"
import * as Effect from "effect/Effect"

const ask = (vendor: string, millis: number) =>
  Plan.effect(Effect.as(Effect.sleep(millis), `${vendor} has it`), Contract.readOnly)

const plan = Plan.all({
  stock: Plan.quorum(2, { north: ask("North", 20), south: ask("South", 60), west: ask("West", 9_000) }),
  price: Plan.firstSuccess(
    { direct: ask("The maker", 9_000), broker: ask("The broker", 10) },
    { stagger: "50 millis" }
  ),
  rating: Plan.advisory(ask("The forum", 9_000), { grace: "100 millis" })
})

await Effect.gen(function* () {
  const run = yield* Fanout.start(plan)
  console.log(yield* run.result)
  const { calls } = yield* run.report
  for (const { id, outcome, stoppedBy } of calls) {
    console.log(id, outcome._tag, ...(stoppedBy ? [stoppedBy.reason] : []))
  }
}).pipe(Effect.scoped, Effect.runPromise)
