/**
 * Fan-outs side by side inside of one handler, of which some wait for people: the permit of the handler, and what a suspension keeps.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Fanout, FanoutError, Plan, Question, Questions, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"

const ask = (prompt: string) => Question.ask({ prompt, schema: Schema.Number })
const tick = Effect.repeat(Effect.andThen(Effect.yieldNow, TestClock.adjust(0)), { times: 10 })
const Send = Tool.make("send", {
  parameters: Schema.Struct({}),
  contract: Contract.readOnly,
  approval: "always",
  handler: () => Effect.void
})

/** How many of these run at once, at most. */
const counter = () => {
  let live = 0
  const seen = { most: 0, done: 0 }
  const work = (millis: number) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        seen.most = Math.max(seen.most, ++live)
      }),
      () => Effect.tap(Effect.sleep(millis), () => Effect.sync(() => seen.done++)),
      () => Effect.sync(() => live--)
    )
  return { seen, work }
}

const read = <A, E>(effect: Effect.Effect<A, E>) => Plan.effect(effect, Contract.readOnly)

describe("a fan-out inside of a handler", () => {
  it.effect("starts what follows a denied approval only when its handler has a permit again", () =>
    Effect.gen(function* () {
      const { seen, work } = counter()
      const inner = Fanout.run(
        Plan.firstSuccess({ x: Plan.call(Send, {}), y: read(work(100)) }, { stagger: "infinity" })
      )
      const h = yield* Fanout.start(Plan.all({ a: read(inner), b: read(work(1000)) }), { runId: "r", concurrency: 1 })
      yield* tick
      yield* h.deny("r/a/x?approval")
      yield* TestClock.adjust(5_000)
      const report = yield* h.report
      assert.strictEqual(report.status, "succeeded")
      assert.deepStrictEqual(seen, { most: 1, done: 2 })
    }).pipe(Effect.scoped, Effect.provide(Questions.deferred))
  )

  it.effect("that works keeps the permit of its handler, though another one there asks", () =>
    Effect.gen(function* () {
      const { seen, work } = counter()
      const inner = Effect.all([Fanout.run(read(work(100))), Fanout.run(read(ask("Which?")))], { concurrency: 2 })
      const h = yield* Fanout.start(Plan.all({ a: read(inner), b: read(work(1000)) }), { runId: "r", concurrency: 1 })
      yield* tick
      yield* TestClock.adjust(5_000)
      const [question] = h.questions()
      yield* h.answer(question!.id, 1)
      yield* TestClock.adjust(5_000)
      const report = yield* h.report
      assert.strictEqual(report.status, "succeeded")
      assert.deepStrictEqual(seen, { most: 1, done: 2 })
    }).pipe(Effect.scoped, Effect.provide(Questions.deferred))
  )

  it.effect("that was answered goes on beside one that was not, and gives the permit back", () =>
    Effect.gen(function* () {
      const { seen, work } = counter()
      const one = Fanout.run(read(Effect.andThen(ask("One?"), work(100))))
      const two = Fanout.run(read(Effect.andThen(ask("Two?"), work(100))))
      const inner = Effect.all([one, two], { concurrency: 2 })
      const h = yield* Fanout.start(Plan.all({ a: read(inner), b: read(work(1000)) }), { runId: "r", concurrency: 1 })
      yield* tick
      yield* TestClock.adjust(2_000)
      const [first, second] = h.questions()
      yield* h.answer(first!.id, 1)
      yield* tick
      yield* TestClock.adjust(2_000)
      assert.deepStrictEqual(seen, { most: 1, done: 2 })
      yield* h.answer(second!.id, 1)
      yield* tick
      yield* TestClock.adjust(2_000)
      const report = yield* h.report
      assert.strictEqual(report.status, "succeeded")
      assert.deepStrictEqual(seen, { most: 1, done: 3 })
    }).pipe(Effect.scoped, Effect.provide(Questions.deferred))
  )

  it.effect("that works is not stopped by a suspension: it ends first", () =>
    Effect.gen(function* () {
      const { seen, work } = counter()
      const inner = Effect.all([Fanout.run(read(work(100))), Fanout.run(read(ask("Which?")))], { concurrency: 2 })
      const plan = Plan.all({ a: read(inner) })
      const run = yield* Effect.forkChild(Effect.flip(Fanout.run(plan, { runId: "r" })))
      yield* TestClock.adjust(5_000)
      const error = yield* run.pollUnsafe()!
      assert(error instanceof FanoutError.FanoutError && error.reason._tag === "Suspended")
      assert.strictEqual(seen.done, 1)
      const [question] = error.reason.questions
      const resumed = yield* Effect.forkChild(
        Fanout.resume(plan, error.reason.snapshot, { answers: { [question!.id]: 7 } })
      )
      yield* TestClock.adjust(5_000)
      const value = yield* resumed.pollUnsafe()!
      assert.deepStrictEqual(value.a[1], 7)
      // it had settled: its call did not run again
      assert.strictEqual(seen.done, 1)
    })
  )

  it.effect("is answered bit by bit over several resumes, beside another one", () =>
    Effect.gen(function* () {
      const inner = Effect.all([Fanout.run(read(ask("One?"))), Fanout.run(read(ask("Two?")))], { concurrency: 2 })
      const plan = Plan.all({ a: read(inner) })
      const first = yield* Effect.flip(Fanout.run(plan, { runId: "r" }))
      assert(first instanceof FanoutError.FanoutError && first.reason._tag === "Suspended")
      const [one, two] = first.reason.questions
      const again = yield* Effect.flip(Fanout.resume(plan, first.reason.snapshot, { answers: { [two!.id]: 2 } }))
      assert(again instanceof FanoutError.FanoutError && again.reason._tag === "Suspended")
      assert.deepStrictEqual(
        again.reason.questions.map(({ id }) => id),
        [one!.id]
      )
      const value = yield* Fanout.resume(plan, again.reason.snapshot, { answers: { [one!.id]: 1 } })
      assert.deepStrictEqual(value, { a: [1, 2] })
    })
  )
})
