/**
 * What other systems of structured concurrency assert about results and errors, asserted here of a fan-out. The numbers are the rows and laws of
 * docs/conformance.md.
 */
import { assert, describe, it } from "@effect/vitest"
import { CallError, Fanout, Outcome, Plan, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { acting, callOf, deaf, hangs, no, ok, outcomes, prng, reading, reportOf } from "./support.ts"

describe("L7: results, reports and errors are in plan order", () => {
  it.effect("whatever the order in which they arrive (JDK19, JDK22, E4)", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 30; seed++) {
        const random = prng(seed)
        const delays = random.shuffle([1, 2, 3, 4, 5, 6])
        const all = yield* reportOf(Plan.all(delays.map((delay, i) => ok(i, delay))))
        assert.deepStrictEqual(all.value, [0, 1, 2, 3, 4, 5])
        const votes = yield* reportOf(
          Plan.quorum(
            3,
            delays.map((delay, i) => ok(i, delay))
          )
        )
        const counted = delays.flatMap((delay, i) => (delay <= 3 ? [i] : []))
        assert.deepStrictEqual(votes.value, counted)
        const failed = yield* reportOf(
          Plan.quorum(
            4,
            delays.map((delay, i) => no(i, delay))
          )
        )
        assert.deepStrictEqual(
          failed.reason?.calls,
          counted.map((i) => `/${i}`)
        )
        assert.deepStrictEqual(
          failed.calls.map((call) => call.id),
          ["/0", "/1", "/2", "/3", "/4", "/5"]
        )
      }
    })
  )
})

describe("L8: every real error is kept; what was only stopped is labelled, and never the cause", () => {
  it.effect("all failures of an instant are named; stopped siblings are not (PY4, T2, T9, A4, K16)", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Fanout.run(Plan.all({ a: no("A"), b: hangs(), c: no("C"), d: hangs(acting) })))
      assert.strictEqual(error._tag, "FanoutError")
      if (error._tag !== "FanoutError") return
      assert.deepStrictEqual(error.reason.calls, [
        { id: "/a", error: "A" },
        { id: "/c", error: "C" }
      ])
      assert.deepStrictEqual(outcomes(error.report), {
        "/a": "Failed",
        "/b": "Cancelled",
        "/c": "Failed",
        "/d": "Unknown"
      })
    })
  )

  it.effect(
    "a defect fails its call, surfaces to a sleeping owner, and its siblings are stopped and awaited (G1, G6, T1)",
    () =>
      Effect.gen(function* () {
        const lingers = Plan.effect(Effect.ensuring(Effect.never, Effect.sleep(30)), reading)
        const bug = Plan.effect(Effect.andThen(Effect.sleep(10), Effect.die("bug")), reading)
        const handle = yield* Fanout.start(Plan.all({ lingers, bug }))
        const owner = yield* Effect.forkChild(Effect.race(Effect.sleep("1 hour"), handle.result), {
          startImmediately: true
        })
        yield* TestClock.adjust(39)
        const waiting = yield* Effect.forkChild(Effect.flip(handle.result), { startImmediately: true })
        assert.isUndefined(waiting.pollUnsafe(), "its sibling still cleans up")
        yield* TestClock.adjust(1)
        const { reason, report } = yield* Fiber.join(waiting)
        const cause = reason.calls[0]?.error
        assert.isTrue(CallError.isCallError(cause) && cause.reason._tag === "Defect")
        assert.deepStrictEqual([report.drained, report.drainMillis], [true, 30])
        yield* Fiber.interrupt(owner)
      })
  )

  it.effect("an error met while being stopped is kept beside, and never becomes the cause (PY9, K17, K2)", () =>
    Effect.gen(function* () {
      const late = Plan.effect(
        Effect.onInterrupt(Effect.never, () => Effect.die("in cleanup")),
        reading
      )
      const report = yield* reportOf(Plan.all({ a: no("A", 5), late }))
      assert.deepStrictEqual(report.reason, { _tag: "EssentialFailed", calls: ["/a"] })
      const { afterStop, outcome } = callOf(report, "/late")
      assert.strictEqual(outcome._tag, "Cancelled")
      assert.isTrue(CallError.isCallError(afterStop) && afterStop.reason._tag === "Defect")
    })
  )

  it.effect("an interruption of the owner and an error of a call are both visible (PY8, K4)", () =>
    Effect.gen(function* () {
      const failing = Plan.effect(
        Effect.onInterrupt(Effect.never, () => Effect.fail("mine") as Effect.Effect<never>),
        reading
      )
      const handle = yield* Fanout.start(Plan.all([ok(1), failing]))
      yield* TestClock.adjust(5)
      const report = yield* handle.stop("outside")
      assert.strictEqual(report.status, "interrupted")
      assert.strictEqual(report.calls[1]!.afterStop, "mine")
      const result = yield* Effect.flip(handle.result)
      assert.isTrue(result.reason._tag === "Stopped" && result.reason.by.reason === "outside")
    })
  )
})

describe("L10: a policy decides at a completion, and at a deadline", () => {
  it.effect(
    "at the very completion that makes the rest unnecessary, or success impossible (JDK16, JDK20, Z1, Z2)",
    () =>
      Effect.gen(function* () {
        const time = (plan: Plan.Plan<unknown, unknown>) =>
          Effect.map(reportOf(plan), (report) => [
            report.status,
            Math.max(...report.calls.map((call) => call.settledAt))
          ])
        const start = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        assert.deepStrictEqual(yield* time(Plan.quorum(2, [ok(1, 10), hangs(), ok(3, 30)])), ["succeeded", start + 30])
        const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        assert.deepStrictEqual(yield* time(Plan.quorum(2, [no(1, 10), hangs(), no(3, 30)])), ["failed", now + 30])
      })
  )

  it.effect(
    "a deadline that elapses stops what runs, and is the reason; what had answered stays (JDK9, JDK10, T11)",
    () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(
          Effect.gen(function* () {
            const plan = Plan.deadline(Plan.all({ quick: ok(1, 10), slow: hangs() }), 50)
            const fiber = yield* Effect.forkChild(Fanout.run(plan))
            yield* TestClock.adjust(50)
            return yield* Fiber.join(fiber)
          })
        )
        assert.strictEqual(error._tag, "FanoutError")
        if (error._tag !== "FanoutError") return
        assert.strictEqual(error.reason._tag, "DeadlineExceeded")
        assert.deepStrictEqual(
          error.reason.calls.map((call) => call.id),
          ["/slow"]
        )
        assert.deepStrictEqual(callOf(error.report, "/quick").outcome, Outcome.succeeded(1))
        assert.strictEqual(callOf(error.report, "/slow").stoppedBy?.source, "deadline")
        assert.strictEqual(callOf(error.report, "/slow").verdict, "failed")
      })
  )

  it.effect("of nested deadlines the earliest counts; one that does not elapse leaves no trace (T11, JDK9, M3)", () =>
    Effect.gen(function* () {
      const nested = yield* reportOf(Plan.deadline(Plan.deadline(Plan.deadline(hangs(), 90), 30), 60))
      assert.include(nested.calls[0]!.stoppedBy!.reason, "30 ms")
      const quiet = yield* reportOf(Plan.deadline(ok(1, 99), 100))
      assert.deepStrictEqual([quiet.status, quiet.calls[0]!.stoppedBy], ["succeeded", undefined])
    })
  )

  it.effect("a deadline runs while calls still wait for a permit, and those never start", () =>
    Effect.gen(function* () {
      const report = yield* reportOf(Plan.all([Plan.settled(ok(1, 40)), Plan.settled(Plan.deadline(ok(2), 20))]), {
        concurrency: 1
      })
      assert.deepStrictEqual(outcomes(report), { "/0": "Succeeded", "/1": "Skipped" })
      assert.strictEqual(callOf(report, "/1").verdict, "failed")
    })
  )
})

describe("L11: what was achieved survives", () => {
  const plan = (trigger: Plan.Plan<unknown, unknown>) =>
    Plan.all({ done: ok("kept", 5), wrote: ok("sent", 5, acting), trigger })

  it.effect("a failure, a stop, an interruption and a deadline (JDK8, JDK22, G5, E4)", () =>
    Effect.gen(function* () {
      const stopped = Effect.gen(function* () {
        const handle = yield* Fanout.start(plan(hangs()))
        yield* TestClock.adjust(10)
        return yield* handle.stop()
      })
      for (const run of [reportOf(plan(no("e", 10))), reportOf(Plan.deadline(plan(hangs()), 10)), stopped]) {
        const report = yield* run
        assert.notStrictEqual(report.status, "succeeded")
        assert.deepStrictEqual(callOf(report, "/done").outcome, Outcome.succeeded("kept"))
        assert.deepStrictEqual(callOf(report, "/wrote").outcome, Outcome.succeeded("sent"))
        assert.strictEqual(callOf(report, "/wrote").effects[0]?.state, "committed")
        assert.isFalse(callOf(report, "/done").used)
      }
    })
  )

  it.effect("waiting for the report may be interrupted and taken up again (JDK7, L16)", () =>
    Effect.gen(function* () {
      const handle = yield* Fanout.start(ok("value", 50))
      const waiter = yield* Effect.forkChild(handle.report, { startImmediately: true })
      yield* TestClock.adjust(10)
      yield* Fiber.interrupt(waiter)
      yield* TestClock.adjust(40)
      assert.strictEqual(yield* handle.result, "value")
    })
  )
})

describe("L12: an advisory that fails touches nobody", () => {
  const failures: ReadonlyArray<readonly [string, Plan.Plan<unknown, unknown>]> = [
    ["an error", no("e", 5)],
    ["a defect", Plan.effect(Effect.die("bug"), reading)],
    ["an interruption of its own", Plan.effect(Effect.interrupt, reading)],
    ["a timeout", Plan.effect(Effect.never, reading, { timeout: 5 })],
    ["a failed quorum", Plan.quorum(2, [no("x", 5), hangs()])],
    ["deafness", deaf()]
  ]
  for (const [name, failing] of failures) {
    it.effect(`by ${name} (K1, K3, PY3, E4)`, () =>
      Effect.gen(function* () {
        const report = yield* reportOf(
          Plan.all({ before: ok(1, 2), failing: Plan.advisory(failing as Plan.Plan<unknown>), after: ok(2, 50) })
        )
        assert.strictEqual(report.status, "succeeded")
        for (const id of ["/before", "/after"]) {
          const { outcome, stoppedBy, used } = callOf(report, id)
          assert.deepStrictEqual([outcome._tag, stoppedBy, used], ["Succeeded", undefined, true])
        }
      })
    )
  }
})

describe("L13: an abort from inside and a cancellation from outside are never confused", () => {
  it.live("a promise that rejects with an AbortError of its own has failed; it was not cancelled (O4)", () =>
    Effect.gen(function* () {
      const Aborts = Tool.fromPromise("aborts", {
        contract: reading,
        execute: () => Promise.reject(new DOMException("mine", "AbortError"))
      })
      const error = yield* Effect.flip(Fanout.run(Plan.all({ aborts: Plan.call(Aborts), other: hangs() })))
      assert.strictEqual(error._tag, "FanoutError")
      if (error._tag !== "FanoutError") return
      const { outcome, stoppedBy } = callOf(error.report, "/aborts")
      assert.deepStrictEqual([outcome._tag, stoppedBy], ["Failed", undefined])
      assert.strictEqual(callOf(error.report, "/other").stoppedBy?.call, "/aborts")
    })
  )

  it.effect("a timeout of the caller is the caller's: the calls say parent, not timeout (A6, G2)", () =>
    Effect.gen(function* () {
      const seen: Array<string | undefined> = []
      const { Attempt } = yield* Effect.promise(() => import("@toolscope/core"))
      const listener = Plan.effect(
        Effect.flatMap(Attempt.current, (attempt) =>
          Effect.onInterrupt(Effect.never, () => Effect.sync(() => void seen.push(attempt.stopping()?.source)))
        ),
        reading
      )
      const outer = yield* Effect.forkChild(Effect.timeoutOption(Fanout.run(listener), 10))
      yield* TestClock.adjust(10)
      yield* Fiber.join(outer)
      const inner = yield* Effect.forkChild(Effect.exit(Fanout.run(Plan.deadline(listener, 10))))
      yield* TestClock.adjust(10)
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(inner)))
      assert.deepStrictEqual(seen, ["parent", "deadline"])
    })
  )

  it.effect("the owner's interruption stays an interruption of the owner, not an error (T9, PY5)", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Fanout.run(Plan.all([hangs(), hangs(), hangs(), hangs(), hangs()])), {
        startImmediately: true
      })
      yield* TestClock.adjust(5)
      const exit = yield* Effect.andThen(Fiber.interrupt(fiber), Fiber.await(fiber))
      assert.isTrue(Exit.isFailure(exit) && exit.cause.reasons.every((reason) => reason._tag === "Interrupt"))
    })
  )
})

describe("Z3, Z4: policies beside one another", () => {
  it.effect("essential, advisory and quorum in one plan each go by their own rule", () =>
    Effect.gen(function* () {
      const report = yield* reportOf(
        Plan.all({
          must: ok(1, 30),
          may: Plan.advisory(no("e", 5)),
          votes: Plan.quorum(1, { a: ok(2, 10), b: hangs() })
        })
      )
      assert.strictEqual(report.status, "succeeded")
      assert.deepStrictEqual(outcomes(report), {
        "/must": "Succeeded",
        "/may": "Failed",
        "/votes/a": "Succeeded",
        "/votes/b": "Cancelled"
      })
    })
  )

  it.effect(
    "an essential failure after the quorum was met fails the plan; what the quorum had stays in the report",
    () =>
      Effect.gen(function* () {
        const report = yield* reportOf(
          Plan.all({ must: no("e", 30), votes: Plan.quorum(1, { a: ok(2, 10), b: hangs() }) })
        )
        assert.deepStrictEqual([report.status, report.reason?.calls], ["failed", ["/must"]])
        const { outcome, used, verdict } = callOf(report, "/votes/a")
        assert.deepStrictEqual([outcome, used, verdict], [Outcome.succeeded(2), false, "succeeded"])
      })
  )
})
