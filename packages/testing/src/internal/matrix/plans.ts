/**
 * The plan of a cell: its shape, with the animal and with triggers that end when they are told to, or at last by themselves.
 */
import { Contract, Plan } from "@toolscope/core"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Zoo from "../../Zoo.ts"
import type { Cell } from "./cell.ts"
import { type AnyPlan, shapes } from "./shapes.ts"

export type Trigger = Deferred.Deferred<void>

/** When a trigger that nobody has fired ends by itself, in milliseconds: long after every animal has had its say. */
const byItself = 20_000

/** A time that does not come. */
const never = 10_000_000

const triggered = (trigger: Trigger, end: Effect.Effect<string, string>): AnyPlan =>
  Plan.effect(
    Effect.andThen(Effect.raceFirst(Deferred.await(trigger), Effect.sleep(byItself)), end),
    Contract.readOnly,
    { name: "trigger", timeout: "1 hour" }
  )

/** What is undone at once cannot be stopped in its undo. */
const slowly = (animal: Zoo.Animal): Zoo.Animal => {
  const slow = (behaviour: Zoo.Behaviour): Zoo.Behaviour => ({ undo: { after: "5 millis", then: "end" }, ...behaviour })
  const { does } = animal
  const [first, ...rest] = "attempts" in does ? does.attempts : [does]
  return { ...animal, does: "attempts" in does ? { attempts: [slow(first), ...rest.map(slow)] } : slow(first) }
}

/** `at`: when the plan stops the animal by itself, where it does that by a time. `first` makes its policy stop it, `second` what is around. */
export const planOf = (
  { animal: name, by, moment, policy }: Cell,
  at: number | undefined,
  first: Trigger,
  second: Trigger
): AnyPlan => {
  const animal = moment === "in undo" ? slowly(Zoo.animals[name]) : Zoo.animals[name]
  const { does, retry, tool } = animal
  const plan = shapes[policy].plan({
    animal: Zoo.call(animal),
    timed: (timeout) => Plan.call(Zoo.tools[tool], does, { timeout, ...(retry === undefined ? {} : { retry }) }),
    answers: triggered(first, Effect.succeed("done")),
    fails: triggered(first, Effect.fail("enough")),
    at: at ?? never
  })
  if (moment !== "in undo" || by !== "plan") return plan
  return Plan.all({ stopper: triggered(second, Effect.fail("enough")), inner: Plan.settled(plan) })
}
