/**
 * A fan-out returns at its bound, whatever its tools, finalizers and journals do, and says what it left behind.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Fanout, Journal, Outcome, Plan, Quarantine } from "@toolscope/core"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { acting, callOf, deaf, hangs, no, ok, outcomes, reading, reportOf } from "../support.ts"

const drain = 1_000

/** Asserts that `fiber` ends exactly `millis` from now. */
const endsAfter = (fiber: Fiber.Fiber<unknown, unknown>, millis: number) =>
  Effect.gen(function* () {
    yield* TestClock.adjust(millis - 1)
    assert.isUndefined(fiber.pollUnsafe(), "not before")
    yield* TestClock.adjust(1)
    assert.isDefined(fiber.pollUnsafe(), "not later")
  })

describe("a deaf call holds nobody beyond the bound", () => {
  const plan = () => Plan.all({ deaf: deaf(acting), polite: hangs() })
  const started = (self: Effect.Effect<unknown, unknown>) =>
    Effect.tap(Effect.forkChild(self, { startImmediately: true }), () => TestClock.adjust(100))

  it.effect("when a sibling fails", () =>
    Effect.gen(function* () {
      const fiber = yield* started(Fanout.run(Plan.all({ bad: no("e", 100), deaf: deaf() }), { drain }))
      yield* endsAfter(fiber, drain)
    })
  )

  it.effect("when the caller is interrupted, once or twice", () =>
    Effect.gen(function* () {
      for (const times of [1, 2]) {
        const fiber = yield* started(Fanout.run(plan(), { drain }))
        for (let i = 0; i < times; i++) fiber.interruptUnsafe()
        yield* endsAfter(fiber, drain)
      }
    })
  )

  it.effect("when it is timed out by its caller", () =>
    Effect.gen(function* () {
      const fiber = yield* started(Effect.timeoutOption(Fanout.run(plan(), { drain }), 200))
      yield* endsAfter(fiber, 100 + drain)
      assert.deepStrictEqual(yield* Fiber.join(fiber), Option.none())
    })
  )

  it.effect("when it loses a race of its caller", () =>
    Effect.gen(function* () {
      const fiber = yield* started(Effect.race(Fanout.run(plan(), { drain }), Effect.as(Effect.sleep(200), "other")))
      yield* endsAfter(fiber, 100 + drain)
      assert.strictEqual(yield* Fiber.join(fiber), "other")
    })
  )

  it.effect("when its scope closes; the report is there afterwards (R1, F1, C3)", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const handle = yield* Scope.provide(Fanout.start(plan(), { drain }), scope)
      const closing = yield* started(Scope.close(scope, Exit.void))
      yield* endsAfter(closing, drain - 100)
      const report = yield* handle.report
      assert.deepStrictEqual(outcomes(report), { "/deaf": "Unknown", "/polite": "Cancelled" })
      assert.deepStrictEqual([report.drained, callOf(report, "/deaf").leftBehind], [false, true])
      assert.strictEqual(report.drainMillis, drain)
    })
  )

  it.effect("when its timeout elapses: a rival may start once a deaf reader has been left behind", () =>
    Effect.gen(function* () {
      const slow = Plan.effect(Effect.uninterruptible(Effect.never), reading, { timeout: 50 })
      const report = yield* reportOf(Plan.firstSuccess([slow, ok("b")], { stagger: "infinity" }), { drain })
      assert.deepStrictEqual([report.status, report.value, report.drained], ["succeeded", "b", false])
    })
  )

  it.effect("and gives its permit back, while one that still stops holds it", () =>
    Effect.gen(function* () {
      const first = Plan.effect(Effect.uninterruptible(Effect.never), reading, { timeout: 10 })
      const report = yield* reportOf(Plan.all([Plan.settled(first), Plan.settled(ok(2))]), { concurrency: 1, drain })
      assert.strictEqual(report.calls[1]!.startedAt! - report.calls[0]!.startedAt!, 10 + drain)
    })
  )
})

describe("cleanup", () => {
  const linger = (millis: number) => Effect.ensuring(Effect.never, Effect.sleep(millis))

  it.effect("that ends within the bound is awaited (F2, O1)", () =>
    Effect.gen(function* () {
      const report = yield* reportOf(Plan.all([no("e"), Plan.effect(linger(400), reading)]), { drain })
      assert.deepStrictEqual([report.drained, report.drainMillis], [true, 400])
    })
  )

  it.effect("that hangs in an `ensuring` is left behind at the bound", () =>
    Effect.gen(function* () {
      const report = yield* reportOf(Plan.all([no("e"), Plan.effect(linger(1e9), acting)]), { drain })
      assert.deepStrictEqual([report.drained, report.drainMillis], [false, drain])
      assert.strictEqual(report.calls[1]!.outcome._tag, "Unknown")
    })
  )

  it.effect("that hangs in a finalizer of the scope cannot take the answer away", () =>
    Effect.gen(function* () {
      const answered = Effect.andThen(
        Effect.addFinalizer(() => Effect.never),
        Effect.succeed("value")
      )
      const report = yield* reportOf(Plan.effect(answered, acting) as Plan.Plan<string>, { drain })
      const { cleanup, leftBehind, outcome, used } = report.calls[0]!
      assert.deepStrictEqual([outcome, used, leftBehind], [Outcome.succeeded("value"), true, true])
      assert.strictEqual(cleanup, "a finalizer, or what the handler had started, had not ended at the bound")
      assert.strictEqual(report.value, "value")
    })
  )

  it.effect(
    "that dies or fails in a finalizer of the scope changes nothing but its own line (K10, K17, E11, L14)",
    () =>
      Effect.gen(function* () {
        const dies = Effect.andThen(
          Effect.addFinalizer(() => Effect.die(new Error("dirty"))),
          Effect.fail("typed")
        )
        const report = yield* reportOf(Plan.effect(dies, reading) as Plan.Plan<never, string>)
        assert.deepStrictEqual(report.calls[0]!.outcome, Outcome.failed("typed"))
        assert.include(report.calls[0]!.cleanup!, "dirty")
      })
  )

  it.effect("runs in the attempt's own scope: before the next attempt, not when the caller's scope closes (C15)", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      let n = 0
      const body = Effect.suspend(() => {
        const me = ++n
        log.push(`start ${me}`)
        const closing = Effect.addFinalizer(() => Effect.sync(() => void log.push(`clean ${me}`)))
        return Effect.andThen(closing, Effect.fail("again"))
      })
      yield* reportOf(Plan.effect(body, reading, { retry: 1 }) as Plan.Plan<never, string>)
      assert.deepStrictEqual(log, ["start 1", "clean 1", "start 2", "clean 2"])
    })
  )
})

describe("the quarantine", () => {
  it.effect(
    "holds what was left behind until it ends; its late answer is journaled once, and changes nothing (L5, K12, E6, C13, L6, T17)",
    () =>
      Effect.gen(function* () {
        for (const [interruption, answer] of [
          ["never", "success"],
          // an uninterruptible region that no contract declares: Effect keeps no value of it
          ["anywhere", "noAnswer"]
        ] as const) {
          const quarantine = Quarantine.make()
          const journal = Journal.memory()
          const gate = yield* Deferred.make<string>()
          const contract = Contract.make({ effect: "destructive", interruption })
          const call = Plan.effect(Effect.uninterruptible(Deferred.await(gate)), contract)
          const report = yield* reportOf(Plan.all({ bad: no("e"), call }), { drain }).pipe(
            Effect.provideService(Quarantine.Current, quarantine),
            Effect.provideService(Journal.Current, journal)
          )
          const before = JSON.stringify(report)
          assert.deepStrictEqual(
            quarantine.list().map((member) => [member.call, member.attempt, member.mayAct]),
            [["/call", 1, true]]
          )
          yield* Deferred.succeed(gate, "too late")
          yield* TestClock.adjust(0)
          assert.deepStrictEqual(quarantine.list(), [])
          const late = journal.events.flatMap((event) => (event.type === "response.late" ? [event] : []))
          assert.deepStrictEqual(
            late.map((event) => [event.call, event.attempt, event.answer]),
            [["/call", 1, answer]]
          )
          assert.strictEqual(JSON.stringify(report), before)
        }
      })
  )

  it.effect("an attempt that is left behind may be followed by another; only the latter's answer counts (Z13)", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<string>()
      let n = 0
      const call = Plan.effect(
        Effect.suspend(() =>
          ++n === 1 ? Effect.uninterruptible(Deferred.await(gate)) : Effect.as(Effect.sleep(5_000), "second")
        ),
        reading,
        { timeout: 10_000, retry: 1 }
      )
      const handle = yield* Fanout.start(call, { drain })
      yield* TestClock.adjust(12_000)
      yield* Deferred.succeed(gate, "first")
      yield* TestClock.adjust(10_000)
      const report = yield* handle.report
      const { attempts, late, outcome } = report.calls[0]!
      assert.deepStrictEqual([outcome, attempts, late], [Outcome.succeeded("second"), 2, [1]])
    })
  )
})

describe("what is not a tool holds nobody either", () => {
  it.effect("a schedule that can neither answer nor be interrupted", () =>
    Effect.gen(function* () {
      const schedule = Schedule.fromStep(Effect.succeed(() => Effect.uninterruptible(Effect.never)))
      const call = Plan.effect(Effect.fail("e"), reading, { retry: schedule as never })
      const handle = yield* Fanout.start(call, { drain })
      yield* TestClock.adjust(100)
      const stop = yield* Effect.forkChild(handle.stop(), { startImmediately: true })
      yield* TestClock.adjust(drain)
      assert.isDefined(stop.pollUnsafe())
    })
  )

  it.effect("a journal whose flush never ends, be it interruptible or not", () =>
    Effect.gen(function* () {
      for (const flush of [Effect.never, Effect.uninterruptible(Effect.never)]) {
        const quarantine = Quarantine.make()
        const run = Fanout.run(Plan.all([ok(1), hangs(acting)]), { drain }).pipe(
          Effect.provideService(Journal.Current, Journal.make({ write: () => {}, flush })),
          Effect.provideService(Quarantine.Current, quarantine)
        )
        const fiber = yield* Effect.forkChild(run, { startImmediately: true })
        yield* TestClock.adjust(100)
        fiber.interruptUnsafe()
        yield* TestClock.adjust(2 * drain)
        assert.isDefined(fiber.pollUnsafe())
        assert.isTrue(
          quarantine.list().every((member) => !member.mayAct),
          "what never began cannot act"
        )
      }
    })
  )
})
