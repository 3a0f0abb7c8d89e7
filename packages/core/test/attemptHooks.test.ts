import { assert, describe, it } from "@effect/vitest"
import { Attempt, Contract, Fanout, Plan } from "@toolscope/core"
import type { PlanError, Report } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"

const guarded = Contract.make({ effect: "additive", interruption: "never" })
const options = { drain: "1 second" } as const

const reportOf = <A, E>(plan: Plan.Plan<A, E>): Effect.Effect<Report.Report, PlanError.PlanError> =>
  Effect.gen(function* () {
    const handle = yield* Fanout.start(plan, options)
    return yield* handle.report
  }).pipe(Effect.scoped)

describe("what a handler is told", () => {
  it.effect("waits for the stop, and reads its reason", () =>
    Effect.gen(function* () {
      const polite = Effect.map(Attempt.stopped, ({ source }) => source)
      const fiber = yield* Effect.forkChild(reportOf(Plan.effect(polite, guarded, { timeout: "10 millis" })))
      yield* TestClock.adjust("10 millis")
      const report = yield* Fiber.join(fiber)
      const { outcome } = report.calls[0]!
      assert.deepStrictEqual(outcome, { _tag: "Succeeded", value: "timeout" })
    })
  )

  it.effect("a listener that was forgotten is not called, one that comes too late is called at once", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const handler = Effect.gen(function* () {
        const attempt = yield* Attempt.current
        attempt.onStop(() => heard.push("first"))
        attempt.onStop(() => heard.push("forgotten"))()
        yield* Attempt.stopped
        attempt.onStop(() => heard.push("late"))
      })
      const fiber = yield* Effect.forkChild(reportOf(Plan.effect(handler, guarded, { timeout: "10 millis" })))
      yield* TestClock.adjust("10 millis")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(heard, ["first", "late"])
    })
  )

  for (const when of ["before", "after"] as const) {
    it.effect(
      `what was registered ${when} the stop is called once, before the bound, and the attempt is not left behind`,
      () =>
        Effect.gen(function* () {
          let kills = 0
          const handler = Effect.gen(function* () {
            const attempt = yield* Attempt.current
            if (when === "after") yield* Attempt.stopped
            return yield* Effect.callback<string>((resume) => {
              attempt.onBound(() => {
                kills++
                resume(Effect.die("killed"))
              })
            })
          })
          const fiber = yield* Effect.forkChild(reportOf(Plan.effect(handler, guarded, { timeout: "10 millis" })))
          yield* TestClock.adjust("759 millis")
          assert.strictEqual(kills, 0)
          yield* TestClock.adjust("1 millis")
          const report = yield* Fiber.join(fiber)
          assert.strictEqual(kills, 1)
          assert.deepInclude(report.calls[0]!, { leftBehind: false })
          assert.strictEqual(report.calls[0]!.outcome._tag, "Unknown")
        })
    )
  }

  it.effect("what ends before its bound is not killed", () =>
    Effect.gen(function* () {
      let kills = 0
      const handler = Effect.gen(function* () {
        const attempt = yield* Attempt.current
        attempt.onBound(() => kills++)
        yield* Attempt.stopped
      })
      const fiber = yield* Effect.forkChild(reportOf(Plan.effect(handler, guarded, { timeout: "10 millis" })))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(fiber)
      assert.strictEqual(kills, 0)
    })
  )
})
