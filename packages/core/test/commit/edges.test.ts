/**
 * What simulation found at the edges of the gate and of undo: each a fan-out that left a journal which did not add up.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, type Fanout, Plan } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { runOf, World } from "./support.ts"

const ran = <A, E>(plan: Plan.Plan<A, E>, options?: Fanout.Options) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(runOf(plan, options))
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

const failsAt = (millis: number) => Plan.effect(Effect.delay(Effect.fail("bad"), millis), Contract.readOnly)

describe("the journal", () => {
  it.effect("says what there was to undo, also where the undo was given up before it began", () =>
    Effect.gen(function* () {
      const world = new World()
      const books = (what: string, undoTakes: number) =>
        Plan.effect(world.effect(what, {}), Contract.compensable({ compensate: world.undo(what, undoTakes) }))
      const plan = Plan.atomic(Plan.all({ a: books("a", 0), b: books("b", 5_000), bad: failsAt(10) }))
      const { journal } = yield* ran(plan)
      const ofA = journal.events.filter((event) => "key" in event && event.key === "r/a#0").map(({ type }) => type)
      assert.deepStrictEqual(ofA, ["attempt.started", "effect.committed", "effect.compensationFailed"])
    })
  )
})
