import { assert, it } from "@effect/vitest"
import * as Plan from "../src/Plan.ts"
import * as Effect from "effect/Effect"
import { hangs, reportOf } from "./support.ts"

it.effect("an advisory that yields something as a deadline elapses is decided by its child, not by the deadline", () =>
  Effect.gen(function* () {
    const plan = Plan.deadline(Plan.all({ a: Plan.settled(hangs()), b: Plan.advisory(Plan.settled(hangs())) }), 30)
    const { nodes, status } = yield* reportOf(plan)
    assert.strictEqual(status, "succeeded")
    const advisory = nodes.find(({ policy }) => policy === "advisory")!
    assert.deepStrictEqual([advisory.decision, advisory.decidedBy], ["some", ["/b"]])
  })
)

it.effect("an advisory that a deadline leaves with nothing is decided by the deadline", () =>
  Effect.gen(function* () {
    const plan = Plan.deadline(Plan.all({ a: Plan.settled(hangs()), b: Plan.advisory(hangs()) }), 30)
    const { nodes } = yield* reportOf(plan)
    const advisory = nodes.find(({ policy }) => policy === "advisory")!
    assert.deepStrictEqual([advisory.decision, advisory.decidedBy], ["none", "deadline"])
  })
)
