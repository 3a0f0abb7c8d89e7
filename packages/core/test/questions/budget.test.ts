/**
 * What a suspension keeps of a budget.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Fanout, FanoutError, Plan, Question, Questions, Snapshot } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"

const ask = Question.ask({ prompt: "Which?", schema: Schema.Number })
const read = <A, E>(effect: Effect.Effect<A, E>) => Plan.effect(effect, Contract.readOnly)

/** As another process reads it. */
const suspended = <A, E>(run: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(run)
    assert(error instanceof FanoutError.FanoutError && error.reason._tag === "Suspended")
    return yield* Snapshot.decode(JSON.parse(JSON.stringify(error.reason.snapshot)))
  })

describe("after a resume", () => {
  it.effect("a call that the budget did not let start says so still", () =>
    Effect.gen(function* () {
      const plan = Plan.all({ a: read(ask), b: Plan.settled(read(Effect.void)) })
      const snapshot = yield* suspended(Fanout.run(plan, { runId: "r", budget: { attempts: 1 } }))
      const report = yield* Effect.scoped(
        Effect.flatMap(Fanout.startFrom(plan, snapshot, { answers: { "r/a?0": 1 } }), ({ report }) => report)
      )
      assert.deepStrictEqual(report.calls[1]!.budget, { name: "attempts", limit: 1, used: 1, asked: 1 })
    }).pipe(Effect.provide(Questions.suspend))
  )

  it.effect("what failed for want of budget inside of a handler failed for that, and for nothing else", () =>
    Effect.gen(function* () {
      const poor = Fanout.run(Plan.firstSuccess({ x: read(Effect.void), y: read(Effect.void) }), {
        budget: { attempts: 0 }
      })
      const seen: Array<string> = []
      const inner = Effect.gen(function* () {
        const error = yield* Effect.flip(poor)
        if (error instanceof FanoutError.FanoutError) seen.push(error.reason._tag)
        return yield* ask
      })
      const plan = Plan.all({ a: read(inner) })
      const snapshot = yield* suspended(Fanout.run(plan, { runId: "r" }))
      yield* Fanout.resume(plan, snapshot, { answers: { "r/a?0": 1 } })
      assert.deepStrictEqual(seen, ["BudgetExceeded", "BudgetExceeded"])
    })
  )

  it.effect("the wall clock of a budget goes on where it stood, however long the people took", () =>
    Effect.gen(function* () {
      const work = Effect.sleep(600)
      const plan = Plan.all({ a: read(Effect.andThen(ask, work)), b: read(work) })
      const run = yield* Effect.forkChild(suspended(Fanout.run(plan, { runId: "r", budget: { wallClock: 1000 } })))
      yield* TestClock.adjust(600)
      const snapshot = yield* Fiber.join(run)
      assert.strictEqual(snapshot.fanout.used.wallClock, 600)
      yield* TestClock.adjust("3 days")
      const resumed = yield* Effect.forkChild(Effect.flip(Fanout.resume(plan, snapshot, { answers: { "r/a?0": 1 } })))
      yield* TestClock.adjust(399)
      assert.isUndefined(resumed.pollUnsafe())
      yield* TestClock.adjust(1)
      const error = yield* Fiber.join(resumed)
      assert(error instanceof FanoutError.FanoutError)
      assert.strictEqual(error.reason._tag, "BudgetExceeded")
    })
  )
})
