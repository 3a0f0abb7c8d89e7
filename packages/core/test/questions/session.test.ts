/**
 * Questions in a session: one desk for all of its fan-outs, and suspended fan-outs that it takes up again.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Fanout, Plan, Question, Questions, Session } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"

const room = Plan.effect(Question.ask({ prompt: "Which room?", schema: Schema.Number }), Contract.readOnly)
const tick = Effect.andThen(Effect.yieldNow, TestClock.adjust(0))

describe("a session", () => {
  it.effect("withdraws the questions of a superseded plan, and says so to a late answer", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ id: "s" })
      const first = yield* Effect.forkChild(Effect.exit(session.fanout(Plan.all({ a: room }))), {
        startImmediately: true
      })
      yield* tick
      const second = yield* Effect.forkChild(session.replan(Plan.all({ b: room })), { startImmediately: true })
      yield* tick
      assert.deepStrictEqual(
        session.questions().map(({ id, state }) => [id, state]),
        [
          ["s.1/a?0", "withdrawn"],
          ["s.2/b?0", "open"]
        ]
      )
      const late = yield* Effect.flip(session.answer("s.1/a?0", 1))
      assert.strictEqual(late.reason._tag, "Withdrawn")
      yield* session.answer("s.2/b?0", 2)
      assert.deepStrictEqual(yield* Fiber.join(second), { b: 2 })
      assert.isTrue(Exit.isFailure(yield* Fiber.join(first)))
    }).pipe(Effect.scoped, Effect.provide(Questions.deferred))
  )

  it.effect("takes up a suspended fan-out in an epoch of its own, with what there was before", () =>
    Effect.gen(function* () {
      const plan = Plan.all({ a: room, b: room })
      const suspended = yield* Effect.flip(Fanout.run(plan, { runId: "r" }))
      assert(suspended._tag === "FanoutError" && suspended.reason._tag === "Suspended")
      const session = yield* Session.make({ id: "s" })
      const answers = { "r/a?0": 1, "r/b?0": 2 }
      assert.deepStrictEqual(yield* session.resume(plan, suspended.reason.snapshot, { answers }), { a: 1, b: 2 })
      assert.strictEqual(session.epoch(), 1)
      const again = yield* Effect.flip(session.resume(plan, suspended.reason.snapshot, { answers }))
      assert(again._tag === "SnapshotError" && again.reason._tag === "AlreadyClaimed")
      assert.strictEqual(session.epoch(), 1)
    }).pipe(Effect.scoped)
  )

  it.effect("has a permit for another tool while one of its calls waits for somebody", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ id: "s", limits: { concurrency: 1 } })
      const quick = Plan.effect(Effect.delay(Effect.succeed("done"), 10), Contract.readOnly)
      const fiber = yield* Effect.forkChild(session.fanout(Plan.all({ a: room, b: quick, c: quick })), {
        startImmediately: true
      })
      yield* TestClock.adjust(10)
      yield* session.answer("s.1/a?0", 1)
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(yield* Fiber.join(fiber), { a: 1, b: "done", c: "done" })
    }).pipe(Effect.scoped, Effect.provide(Questions.deferred))
  )
})
