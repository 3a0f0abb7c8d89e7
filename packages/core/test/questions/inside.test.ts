/**
 * Questions of fan-outs inside of handlers, and the permit of the handler around them; and what a session refuses.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Fanout, FanoutError, Plan, Question, Questions, Session, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"

const room = Question.ask({ prompt: "Which?", schema: Schema.Number })
const asks = Plan.effect(room, Contract.readOnly)
const tick = Effect.andThen(Effect.yieldNow, TestClock.adjust(0))
const Send = Tool.make("send", {
  parameters: Schema.Struct({}),
  contract: Contract.readOnly,
  approval: "always",
  handler: () => Effect.void
})

describe("a question", () => {
  it.effect("denied inside of a handler lets that go on: its timeout runs again", () =>
    Effect.gen(function* () {
      const inner = Effect.andThen(Effect.exit(Fanout.run(Plan.all({ x: Plan.call(Send, {}) }))), Effect.never)
      const h = yield* Fanout.start(Plan.all({ a: Plan.effect(inner, Contract.readOnly, { timeout: 100 }) }), {
        runId: "r"
      })
      yield* tick
      yield* h.deny("r/a/x?approval")
      yield* TestClock.adjust(10_000)
      const f = yield* Effect.forkChild(h.report, { startImmediately: true })
      yield* TestClock.adjust(0)
      const done = f.pollUnsafe() !== undefined
      yield* h.stop()
      assert.isTrue(done)
    }).pipe(Effect.scoped, Effect.provide(Questions.deferred))
  )
  it.effect("answered one after the other inside of a handler waits for the permit of that", () =>
    Effect.gen(function* () {
      let live = 0
      let most = 0
      const work = (ms: number) =>
        Effect.ensuring(
          Effect.andThen(
            Effect.sync(() => {
              most = Math.max(most, ++live)
            }),
            Effect.sleep(ms)
          ),
          Effect.sync(() => {
            live--
          })
        )
      const x = Plan.effect(Effect.andThen(room, work(100)), Contract.readOnly)
      const inner = Fanout.run(Plan.all({ x, y: x }), { concurrency: 1 })
      const h = yield* Fanout.start(
        Plan.all({ a: Plan.effect(inner, Contract.readOnly), b: Plan.effect(work(1000), Contract.readOnly) }),
        { runId: "r", concurrency: 1 }
      )
      yield* tick
      yield* h.answer("r/a/x?0", 1)
      yield* tick
      yield* h.answer("r/a/y?0", 1)
      yield* TestClock.adjust(5_000)
      yield* h.report
      assert.strictEqual(most, 1)
    }).pipe(Effect.scoped, Effect.provide(Questions.deferred))
  )
  it.effect("of a plan that loops is refused by a session before its snapshot is claimed", () =>
    Effect.gen(function* () {
      const Bad = Tool.make("bad", {
        parameters: Schema.Struct({}),
        failure: Schema.String,
        contract: Contract.readOnly,
        handler: () => Effect.fail("no")
      })
      const plan = Plan.all({ a: asks, b: Plan.settled(Plan.call(Bad, {})) })
      const e = yield* Effect.flip(Fanout.run(plan, { runId: "r" }))
      assert(e instanceof FanoutError.FanoutError && e.reason._tag === "Suspended")
      const s = yield* Session.make({ id: "s", loop: 1 })
      yield* Effect.exit(s.fanout(Plan.call(Bad, {})))
      const one = yield* Effect.exit(s.resume(plan, e.reason.snapshot, { answers: { "r/a?0": 1 } }))
      const two = yield* Effect.exit(Fanout.resume(plan, e.reason.snapshot, { answers: { "r/a?0": 1 } }))
      assert.isTrue(one._tag === "Success" || two._tag === "Success", JSON.stringify([one, two]).slice(0, 300))
    }).pipe(Effect.scoped)
  )
})
