/**
 * Nothing starts once a stop is requested, wherever the stop comes from and however early it comes.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Fanout, Journal, Plan } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { callOf, hangs, no, ok, outcomes, reading, reportOf } from "../support.ts"

/** A plan in which something happens in every millisecond: queueing, retries, a stagger, a grace, deadlines, a quorum. */
const busy = (log: { stopped: boolean; startedAfter: number; started: number }) => {
  const watched = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      log.started++
      if (log.stopped) log.startedAfter++
      return effect
    })
  const call = <A, E>(effect: Effect.Effect<A, E>, options = {}) => Plan.effect(watched(effect), reading, options)
  const after = <A>(millis: number, value: A) => Effect.as(Effect.sleep(millis), value)
  const failing = (millis: number) => Effect.andThen(Effect.sleep(millis), Effect.fail("no"))
  return Plan.all({
    retried: Plan.settled(call(failing(3), { retry: 2 })),
    race: Plan.settled(Plan.firstSuccess([call(failing(4)), call(failing(9)), call(after(30, 1))], { stagger: 5 })),
    inTurn: Plan.settled(Plan.firstSuccess([call(failing(7)), call(after(5, 1))], { stagger: "infinity" })),
    votes: Plan.quorum(2, [call(after(6, 1)), call(failing(2)), call(after(12, 2)), call(after(50, 3))]),
    capped: Plan.settled(Plan.deadline(Plan.all([call(Effect.never), call(after(40, 1))]), 25)),
    timedOut: Plan.settled(call(Effect.never, { timeout: 11, retry: 1 })),
    extra: Plan.advisory(call(Effect.never), { grace: 10 }),
    slow: call(Effect.ensuring(after(60, 1), Effect.sleep(4)))
  })
}

describe("nothing starts after a stop", () => {
  for (const concurrency of [1, 3, 8]) {
    it.effect(`placed at every virtual millisecond, with ${concurrency} permits (L2, K14, R4)`, () =>
      Effect.gen(function* () {
        for (let at = 0; at <= 140; at++) {
          const log = { stopped: false, startedAfter: 0, started: 0 }
          const handle = yield* Fanout.start(busy(log), { concurrency })
          yield* TestClock.adjust(at)
          log.stopped = true
          const startedBefore = log.started
          const fiber = yield* Effect.forkChild(handle.stop(), { startImmediately: true })
          yield* TestClock.adjust(2_000)
          const report = yield* Fiber.join(fiber)
          assert.strictEqual(log.startedAfter, 0, `stopped at ${at}`)
          assert.strictEqual(log.started, startedBefore, `stopped at ${at}`)
          assert.isTrue(report.drained)
          for (const call of report.calls) {
            assert.strictEqual(call.outcome._tag === "Skipped", call.attempts === 0, `${call.id} stopped at ${at}`)
          }
        }
      })
    )
  }

  it.effect("asked for by a handler, synchronously: the rest of its batch is skipped (F5, O5)", () =>
    Effect.gen(function* () {
      const started: Array<string> = []
      const call = (name: string) =>
        Plan.effect(
          Effect.sync(() => void started.push(name)),
          reading
        )
      const stopper = Plan.effect(
        Effect.suspend(() => {
          Effect.runFork(handle.stop("enough"))
          return Effect.succeed(1)
        }),
        reading
      )
      const batch = Plan.all([call("a"), stopper, call("b"), call("c")])
      const handle: Fanout.Handle<unknown, unknown> = yield* Fanout.start(
        Plan.firstSuccess([no("e", 5), batch], { stagger: "infinity" })
      )
      yield* TestClock.adjust(5)
      const report = yield* handle.report
      assert.deepStrictEqual(started, ["a"])
      assert.deepStrictEqual(outcomes(report), {
        "/0": "Failed",
        "/1/0": "Succeeded",
        "/1/1": "Succeeded",
        "/1/2": "Skipped",
        "/1/3": "Skipped"
      })
      assert.strictEqual(callOf(report, "/1/2").stoppedBy?.reason, "enough")
      assert.deepStrictEqual([report.status, report.drained], ["interrupted", true])
    })
  )

  it.effect("asked for while the start itself is being journaled: that very call does not begin (L15, O5)", () =>
    Effect.gen(function* () {
      for (const from of ["write", "flush"] as const) {
        const started: Array<string> = []
        const call = (name: string, end: Effect.Effect<unknown, string> = Effect.void) =>
          Plan.effect(
            Effect.andThen(
              Effect.sync(() => void started.push(name)),
              end
            ),
            reading
          )
        let starts = 0
        const stopAtSecond = (where: string) => {
          if (where === from && starts === 2) Effect.runFork(handle.stop("enough"))
        }
        const journal = Journal.make({
          write: (event) => {
            if (event.type === "attempt.started") starts++
            stopAtSecond("write")
          },
          flush: Effect.sync(() => {
            stopAtSecond("flush")
          })
        })
        const late = Effect.andThen(Effect.sleep(1), Effect.fail("e"))
        const plan = Plan.firstSuccess([call("z", late), Plan.all([call("a"), call("b")])], { stagger: "infinity" })
        const handle: Fanout.Handle<unknown, unknown> = yield* Effect.provideService(
          Fanout.start(plan),
          Journal.Current,
          journal
        )
        yield* TestClock.adjust(1)
        const report = yield* handle.report
        assert.deepStrictEqual(started, ["z"])
        assert.deepStrictEqual(outcomes(report), { "/0": "Failed", "/1/0": "Skipped", "/1/1": "Skipped" })
        assert.deepStrictEqual([report.status, report.drained], ["interrupted", true])
      }
    })
  )

  it.effect("in a scope that was closed before: born stopped, with a report (R5, JDK2, PY11, C7, T4, T12)", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Scope.close(scope, Exit.void)
      let started = 0
      const call = Plan.effect(
        Effect.sync(() => started++),
        reading
      )
      const handle = yield* Scope.provide(Fanout.start(Plan.all([call, call])), scope)
      const report = yield* handle.report
      assert.strictEqual(started, 0)
      assert.deepStrictEqual(outcomes(report), { "/0": "Skipped", "/1": "Skipped" })
      assert.strictEqual(report.status, "interrupted")
    })
  )

  it.effect("while the journal is still keeping the start: skipped, and the stop does not wait (L15, A1)", () =>
    Effect.gen(function* () {
      let began = 0
      const call = (contract: Contract.Contract) =>
        Plan.effect(
          Effect.sync(() => began++),
          contract
        )
      const slow = Journal.make({ write: () => {}, flush: Effect.sleep(1_000) })
      const plan = Plan.all([call(reading), call(Contract.make({ effect: "mutating", interruption: "never" }))])
      const handle = yield* Effect.provideService(Fanout.start(plan), Journal.Current, slow)
      yield* TestClock.adjust(500)
      const stop = yield* Effect.forkChild(handle.stop(), { startImmediately: true })
      yield* TestClock.adjust(0)
      assert.isDefined(stop.pollUnsafe(), "nothing had begun, so there is nothing to wait for")
      assert.deepStrictEqual(outcomes(yield* Fiber.join(stop)), { "/0": "Skipped", "/1": "Skipped" })
      yield* TestClock.adjust(10_000)
      assert.strictEqual(began, 0)
    })
  )
})

describe("a stop", () => {
  it.effect("keeps its first reason, however often it is asked for (T3, T16, L9, L3, A2)", () =>
    Effect.gen(function* () {
      const handle = yield* Fanout.start(Plan.effect(Effect.ensuring(Effect.never, Effect.sleep(50)), reading))
      yield* TestClock.adjust(1)
      const first = yield* Effect.forkChild(handle.stop("first"), { startImmediately: true })
      const second = yield* Effect.forkChild(handle.stop("second"), { startImmediately: true })
      yield* TestClock.adjust(49)
      assert.isUndefined(first.pollUnsafe(), "the finalizer still runs")
      yield* TestClock.adjust(1)
      const report = yield* Fiber.join(first)
      assert.strictEqual(yield* Fiber.join(second), report, "one drain, many waiters (C11, L16)")
      assert.deepStrictEqual(report.calls[0]!.stoppedBy, { source: "user", reason: "first" })
      assert.strictEqual(yield* handle.stop("third"), report, "and later it is only read again (JDK6)")
    })
  )

  it.effect("does not undo a decision: a decided root stays decided", () =>
    Effect.gen(function* () {
      const lingering = Plan.effect(Effect.ensuring(Effect.never, Effect.sleep(100)), reading)
      const handle = yield* Fanout.start(Plan.firstSuccess([ok("won", 10), lingering]))
      yield* TestClock.adjust(20)
      const stop = yield* Effect.forkChild(handle.stop(), { startImmediately: true })
      yield* TestClock.adjust(100)
      const report = yield* Fiber.join(stop)
      assert.deepStrictEqual([report.status, report.value], ["succeeded", "won"])
      assert.strictEqual(report.calls[1]!.stoppedBy?.source, "policy")
    })
  )

  it.effect("of the owner, and one from somebody, are never confused (L13, A6)", () =>
    Effect.gen(function* () {
      const byUser = yield* Fanout.start(hangs())
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* byUser.stop()).calls[0]!.stoppedBy?.source, "user")
      const scope = yield* Scope.make()
      const byOwner = yield* Scope.provide(Fanout.start(hangs()), scope)
      yield* TestClock.adjust(1)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* byOwner.report).calls[0]!.stoppedBy?.source, "parent")
      const byChild = yield* reportOf(Plan.effect(Effect.interrupt, reading))
      assert.strictEqual(byChild.status, "failed", "a handler that interrupts itself interrupts nobody else")
      assert.isUndefined(byChild.calls[0]!.stoppedBy)
    })
  )

  it.effect("reaches every leaf of a nested plan at once (T7, M2)", () =>
    Effect.gen(function* () {
      let plan: Plan.Plan<unknown> = hangs()
      for (let depth = 0; depth < 20; depth++) plan = Plan.all({ leaf: hangs(), deeper: plan })
      const handle = yield* Fanout.start(plan, { concurrency: 30 })
      yield* TestClock.adjust(10)
      const report = yield* handle.stop()
      assert.deepStrictEqual(new Set(Object.values(outcomes(report))), new Set(["Cancelled"]))
      assert.strictEqual(report.drainMillis, 0)
    })
  )

  it.effect("is told to the handler with its source and origin (E10, C2)", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const { Attempt } = yield* Effect.promise(() => import("@toolscope/core"))
      const listener = Plan.effect(
        Effect.flatMap(Attempt.current, (attempt) =>
          Effect.onInterrupt(Effect.never, () => Effect.sync(() => void seen.push(attempt.stopping())))
        ),
        reading
      )
      yield* reportOf(Plan.all({ bad: no("e", 5), listener }))
      assert.deepStrictEqual(seen, [{ source: "sibling", call: "/bad", reason: "an essential call of / failed" }])
    })
  )
})
