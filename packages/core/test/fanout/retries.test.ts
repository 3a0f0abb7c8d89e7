/**
 * Further attempts: how many, when, after what; and never where the contract forbids one.
 */
import { assert, describe, it } from "@effect/vitest"
import { Attempt, CallError, Contract, Fanout, Journal, Outcome, Plan, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { acting, callOf, no, ok, outcomes, reading, reportOf } from "../support.ts"

/** Fails so often, then succeeds; notes when each attempt started. */
const flaky = (failures: number, options: Plan.CallOptions<string> = {}, contract = reading) => {
  const starts: Array<number> = []
  const effect = Effect.clockWith((clock) => {
    starts.push(clock.currentTimeMillisUnsafe())
    return starts.length <= failures ? Effect.fail(`failure ${starts.length}`) : Effect.succeed("value")
  })
  return { starts, plan: Plan.effect(effect, contract, options) }
}

describe("a retry", () => {
  it.effect("by number tries again after 100, 200, 400 ms, at most so often", () =>
    Effect.gen(function* () {
      const { plan, starts } = flaky(2, { retry: 3 })
      const report = yield* reportOf(plan)
      assert.deepStrictEqual(starts, [0, 100, 300])
      assert.deepStrictEqual([report.value, report.calls[0]!.attempts], ["value", 3])
      const hopeless = flaky(99, { retry: 3 })
      const failed = yield* reportOf(hopeless.plan)
      assert.strictEqual(hopeless.starts.length, 4)
      assert.deepStrictEqual(failed.calls[0]!.outcome, Outcome.failed("failure 4"))
    })
  )

  it.effect("waits no longer than 10 seconds between two attempts", () =>
    Effect.gen(function* () {
      const { plan, starts } = flaky(12, { retry: 12 })
      yield* reportOf(plan)
      const gaps = starts.slice(1).map((start, i) => start - starts[i]!)
      assert.deepStrictEqual(gaps.slice(-3), [10_000, 10_000, 10_000])
    })
  )

  it.effect("by schedule goes by its delays, and its end ends it", () =>
    Effect.gen(function* () {
      const retry = Schedule.upTo(Schedule.spaced("7 millis"), { times: 2 })
      const { plan, starts } = flaky(9, { retry })
      const report = yield* reportOf(plan)
      assert.deepStrictEqual(starts, [0, 7, 14])
      assert.deepStrictEqual(report.calls[0]!.outcome, Outcome.failed("failure 3"))
    })
  )

  it.effect("by schedule sees the errors, timeouts among them", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const retry = Schedule.recurs(2).pipe(
        Schedule.while(({ input }) =>
          Effect.as(
            Effect.sync(() => seen.push(input)),
            true
          )
        )
      )
      const call = Plan.effect(Effect.never, reading, { timeout: 10, retry: retry as never })
      yield* reportOf(call)
      assert.isAtLeast(seen.length, 2)
      for (const error of seen) assert.isTrue(CallError.isCallError(error) && error.reason._tag === "TimedOut")
    })
  )

  it.effect("follows a timeout of a call that cannot have acted", () =>
    Effect.gen(function* () {
      let n = 0
      const effect = Effect.suspend(() => (++n < 3 ? Effect.never : Effect.succeed(n)))
      const report = yield* reportOf(Plan.effect(effect, reading, { timeout: 10, retry: 5 }))
      assert.deepStrictEqual([report.value, report.calls[0]!.attempts], [3, 3])
      assert.isUndefined(report.calls[0]!.stoppedBy, "the attempt that counts was not stopped")
    })
  )

  it.effect("never starts before the one before has ended, also when that is slow to stop", () =>
    Effect.gen(function* () {
      let running = 0
      let most = 0
      const effect = Effect.suspend(() => {
        most = Math.max(most, ++running)
        return Effect.ensuring(
          Effect.never,
          Effect.andThen(
            Effect.sleep(500),
            Effect.sync(() => running--)
          )
        )
      })
      const report = yield* reportOf(Plan.effect(effect, reading, { timeout: 10, retry: 3 }))
      assert.deepStrictEqual([most, report.calls[0]!.attempts], [1, 4])
    })
  )

  it.effect("does not follow a defect, a throw, or an interruption of its own: a bug repeats itself", () =>
    Effect.gen(function* () {
      for (const effect of [Effect.die("bug"), Effect.interrupt]) {
        const report = yield* reportOf(Plan.effect(effect, reading, { retry: 5 }))
        assert.strictEqual(report.calls[0]!.attempts, 1)
      }
    })
  )

  it.effect("follows a malformed result", () =>
    Effect.gen(function* () {
      let n = 0
      const tool = Tool.make("t", {
        success: Schema.Number,
        contract: reading,
        retry: 2,
        handler: () => Effect.sync(() => (++n === 2 ? 2 : ("x" as never)))
      })
      assert.strictEqual((yield* reportOf(Plan.call(tool))).value, 2)
    })
  )

  it.effect("gives its permit back while it waits", () =>
    Effect.gen(function* () {
      const { plan } = flaky(1, { retry: 1 })
      const report = yield* reportOf(Plan.all([plan, ok("other", 50)]), { concurrency: 1 })
      assert.strictEqual(report.calls[1]!.startedAt, 0)
      assert.strictEqual(report.status, "succeeded")
    })
  )

  it.effect("has the same idempotency key for every attempt, and another in every run (Z15)", () =>
    Effect.gen(function* () {
      const keys: Array<string> = []
      const effect = Effect.flatMap(Attempt.current, ({ attempt, idempotencyKey }) => {
        keys.push(idempotencyKey)
        return attempt < 3 ? Effect.fail("e") : Effect.succeed(1)
      })
      const keyed = Contract.make({ effect: "additive", repeat: "keyed" })
      yield* reportOf(Plan.effect(effect, keyed, { retry: 2 }))
      yield* reportOf(Plan.effect(effect, keyed, { retry: 2 }))
      assert.strictEqual(new Set(keys.slice(0, 3)).size, 1)
      assert.strictEqual(new Set(keys).size, 2)
      yield* reportOf(Plan.effect(effect, keyed, { retry: 2, idempotencyKey: "mine" }))
      assert.strictEqual(keys.at(-1), "mine")
    })
  )
})

describe("the contract", () => {
  it.effect("refuses a retry that it can never allow, before anything starts (Z15)", () =>
    Effect.gen(function* () {
      const { plan, starts } = flaky(1, { retry: 1 }, acting)
      const error = yield* Effect.flip(Fanout.run(Plan.all([ok(1), plan])))
      assert.deepStrictEqual(error._tag === "PlanError" && error.faults.map(({ _tag, pointer }) => [pointer, _tag]), [
        ["/plan/all/1/retry", "RetryForbidden"]
      ])
      assert.deepStrictEqual(starts, [])
    })
  )

  it.effect("allows one after a failure that says nothing happened, and after that alone", () =>
    Effect.gen(function* () {
      const contract = Contract.make({ effect: "additive", interruption: "anywhere", failure: { Busy: "nothing" } })
      let n = 0
      const errors = [{ _tag: "Busy" }, { _tag: "Busy" }, { _tag: "Broken" }, { _tag: "Busy" }]
      const call = Plan.effect(
        Effect.suspend(() => Effect.fail(errors[n++])),
        contract,
        { retry: 9 }
      )
      const report = yield* reportOf(call)
      assert.deepStrictEqual([n, report.calls[0]!.outcome], [3, Outcome.failed({ _tag: "Broken" })])
      const hung = Plan.effect(Effect.never, contract, { retry: 9, timeout: 5 })
      const timedOut = (yield* reportOf(hung)).calls[0]!
      assert.deepStrictEqual([timedOut.attempts, timedOut.outcome._tag], [1, "Unknown"])
    })
  )

  it.effect("what an earlier attempt may have done stays unknown when a later one did nothing", () =>
    Effect.gen(function* () {
      const contract = Contract.make({ effect: "additive", repeat: "natural", failure: { No: "nothing" } })
      let n = 0
      const effect = Effect.suspend(() => (n++ === 0 ? Effect.fail({ _tag: "Maybe" }) : Effect.fail({ _tag: "No" })))
      const { effects, outcome } = (yield* reportOf(Plan.effect(effect, contract, { retry: 1 }))).calls[0]!
      assert.deepStrictEqual(outcome, Outcome.failed({ _tag: "No" }))
      assert.deepStrictEqual(
        effects.map((e) => e.state),
        ["unknown"]
      )
    })
  )
})

describe("a schedule that dies", () => {
  const dying = Schedule.map(Schedule.forever, () => {
    throw new Error("schedule bug")
  }) as never

  it.effect("ends the call with RetryDied, which tells both errors; siblings are not disturbed (L18)", () =>
    Effect.gen(function* () {
      const report = yield* reportOf(
        Plan.all([Plan.settled(Plan.effect(Effect.fail("mine"), reading, { retry: dying })), ok(1, 50)])
      )
      const { attempts, outcome } = callOf(report, "/0")
      const error = outcome._tag === "Failed" ? outcome.error : undefined
      assert.isTrue(CallError.isCallError(error) && error.reason._tag === "RetryDied")
      assert.match((error as Error).message, /schedule bug.*mine/)
      assert.deepStrictEqual([attempts, report.status], [1, "succeeded"])
    })
  )

  it.effect("does not make an attempt that may have acted look as if it had not", () =>
    Effect.gen(function* () {
      const contract = Contract.make({ effect: "additive", repeat: "natural", failure: "nothing" })
      const tool = Tool.make("t", {
        success: Schema.Number,
        contract,
        retry: dying,
        handler: () => Effect.succeed("malformed" as never)
      })
      const { effects } = (yield* reportOf(Plan.call(tool))).calls[0]!
      assert.deepStrictEqual(
        effects.map((e) => e.state),
        ["unknown"]
      )
    })
  )
})

describe("no attempt follows", () => {
  it.effect("once the call is stopped, wherever between the attempts the stop falls (C2, L2, C4)", () =>
    Effect.gen(function* () {
      for (let at = 1; at < 40; at++) {
        // at the same instant as an end, either may come first
        if (at % 5 === 0) continue
        const slow = Schedule.fromStep(Effect.succeed(() => Effect.as(Effect.sleep(5), [0, "5 millis"] as never)))
        let n = 0
        const body = Effect.andThen(
          Effect.sleep(5),
          Effect.suspend(() => Effect.fail(++n))
        )
        const report = yield* reportOf(
          Plan.all({ it: Plan.effect(body, reading, { retry: slow as never }), trigger: no("stop", at) })
        )
        assert.strictEqual(n, Math.floor((at + 10) / 15), `stopped at ${at}`)
        assert.notStrictEqual(callOf(report, "/it").outcome._tag, "Skipped")
      }
    })
  )

  it.effect("where the journal refuses it: what the earlier one may have done stays known", () =>
    Effect.gen(function* () {
      let full = false
      const refuse = Effect.suspend(() =>
        full ? Effect.fail(new Journal.JournalError({ reason: { _tag: "Refused", cause: "full" } })) : Effect.void
      )
      const body = Effect.suspend(() => {
        full = true
        return Effect.never
      })
      const call = Plan.effect(body, Contract.idempotent, { timeout: 10, retry: 3 })
      const handle = yield* Effect.provideService(
        Fanout.start(call),
        Journal.Current,
        Journal.make({ write: () => {}, flush: refuse })
      )
      const fiber = yield* Effect.forkChild(handle.report)
      yield* TestClock.adjust("1 minute")
      const report = yield* Fiber.join(fiber)
      assert.deepStrictEqual(outcomes(report), { "/": "Unknown" })
      assert.strictEqual(report.calls[0]!.attempts, 1)
      assert.strictEqual(report.journalRefused, "the journal refused a record: full")
    })
  )
})
