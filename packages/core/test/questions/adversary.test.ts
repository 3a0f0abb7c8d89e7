/**
 * Questions under attack: handlers that do not wait for their answers, stops in the wrong moment, lines that are too long, and snapshots
 * that were tampered with.
 */
import { assert, describe, it } from "@effect/vitest"
import {
  Commit,
  Contract,
  Fanout,
  FanoutError,
  Journal,
  Plan,
  Question,
  Questions,
  type Report,
  Session,
  Snapshot,
  Tool
} from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"

const room = Question.ask({ prompt: "Which room?", schema: Schema.Number })
const asks = Plan.effect(room, Contract.readOnly)
const reads = <A, E>(effect: Effect.Effect<A, E>, options: { timeout?: number; retry?: number } = {}) =>
  Plan.effect(effect, Contract.readOnly, options)
const after = (millis: number) => reads(Effect.delay(Effect.succeed(millis), millis))
const marked = Contract.make({ effect: "additive", commit: "marked" })
const waiting = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) =>
  Effect.provide(Effect.scoped(effect), Questions.deferred)
const outcomes = ({ calls }: Report.Report) => calls.map(({ outcome }) => outcome._tag)
const tick = Effect.andThen(Effect.yieldNow, TestClock.adjust(0))

/** What there is after so long, in virtual time; nothing if it still runs. */
const within = <A, E>(millis: number, effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.exit(effect), { startImmediately: true })
    yield* TestClock.adjust(millis)
    const exit = fiber.pollUnsafe()
    if (exit === undefined) yield* Effect.forkDetach(Fiber.interrupt(fiber))
    return exit?._tag === "Success" ? exit.value : undefined
  })

/** Runs to the suspension; the snapshot goes through text. */
const suspend = <A, E>(plan: Plan.Plan<A, E>, options: Fanout.Options = {}) =>
  Effect.flatMap(Effect.flip(Fanout.run(plan, { runId: "r", ...options })), (error) => {
    assert(error instanceof FanoutError.FanoutError, String(error))
    assert(error.reason._tag === "Suspended", String(error))
    return Snapshot.decode(JSON.parse(JSON.stringify(error.reason.snapshot)))
  })

const reasonOf = <A, E extends object, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert("reason" in error, String(error))
    return error.reason as { readonly _tag: string; readonly [key: string]: unknown }
  })

const Send = (sent: Array<number>) =>
  Tool.make("send", {
    parameters: Schema.Struct({ n: Schema.Number }),
    success: Schema.Number,
    contract: Contract.readOnly,
    approval: "always",
    handler: ({ n }) => Effect.sync(() => sent.push(n))
  })

describe("a call on its way back", () => {
  it.effect("is never turned away, however long the line of the session is", () =>
    waiting(
      Effect.gen(function* () {
        const session = yield* Session.make({ id: "s", limits: { concurrency: 1, waiting: 1 } })
        const plan = Plan.all({ a: asks, b: after(100), c: after(100) })
        const fiber = yield* Effect.forkChild(session.fanout(plan), { startImmediately: true })
        yield* tick
        yield* session.answer("s.1/a?0", 1)
        yield* TestClock.adjust(1_000)
        const exit = fiber.pollUnsafe()
        assert.deepStrictEqual(exit, Exit.succeed({ a: 1, b: 100, c: 100 }))
      })
    )
  )

  it.effect("that ends in the line of the session leaves it, and does not begin again", () =>
    waiting(
      Effect.gen(function* () {
        const session = yield* Session.make({ id: "s", limits: { concurrency: 1 } })
        let runs = 0
        const impatient = Effect.suspend(() => {
          runs++
          return Effect.raceFirst(room, Effect.delay(Effect.succeed(-1), 50))
        })
        const plan = Plan.all({ a: reads(impatient), b: after(100), c: after(100) })
        const fiber = yield* Effect.forkChild(session.fanout(plan), { startImmediately: true })
        yield* tick
        yield* session.answer("s.1/a?0", 1)
        yield* TestClock.adjust(1_000)
        assert.strictEqual(runs, 1)
        assert.deepStrictEqual(fiber.pollUnsafe(), Exit.succeed({ a: -1, b: 100, c: 100 }))
        const [report] = session.reports()
        assert.strictEqual(report!.calls[0]!.attempts, 1)
      })
    )
  )

  it.effect("is told of a stop once", () =>
    waiting(
      Effect.gen(function* () {
        const journal = Journal.memory()
        const session = yield* Effect.provideService(
          Session.make({ id: "s", limits: { concurrency: 1 } }),
          Journal.Current,
          journal
        )
        const fiber = yield* Effect.forkChild(Effect.exit(session.fanout(Plan.all({ a: asks, b: after(100) }))), {
          startImmediately: true
        })
        yield* tick
        yield* session.answer("s.1/a?0", 1)
        yield* tick
        yield* session.cancel("enough")
        yield* Fiber.join(fiber)
        const stops = journal.events.filter(({ type }) => type === "stop.requested")
        assert.strictEqual(stops.length, 2, JSON.stringify(stops))
      })
    )
  )
})

describe("a question", () => {
  it.effect("of a further attempt is not withdrawn when an earlier one, left behind, ends at last", () =>
    waiting(
      Effect.gen(function* () {
        let attempts = 0
        const handler = Effect.suspend(() =>
          ++attempts === 1 ? Effect.uninterruptible(Effect.as(Effect.sleep(10_000), 0)) : room
        )
        const plan = reads(handler, { timeout: 100, retry: 1 })
        const handle = yield* Fanout.start(plan, { runId: "r", drain: 1_000 })
        yield* TestClock.adjust(5_000)
        assert.deepStrictEqual(
          handle.questions().map(({ state }) => state),
          ["open"]
        )
        yield* TestClock.adjust(10_000)
        yield* handle.answer("r/?0", 5)
        yield* TestClock.adjust(1_000)
        assert.strictEqual(yield* handle.result, 5)
      })
    )
  )

  it.effect("asked again has the time that it was given again", () =>
    waiting(
      Effect.gen(function* () {
        let attempts = 0
        const asked = Question.askResult({ prompt: "Now?", schema: Schema.Number, expires: 1_000 })
        const handler = Effect.suspend(() =>
          ++attempts === 1
            ? Effect.raceFirst(Effect.asVoid(asked), Effect.andThen(Effect.sleep(500), Effect.fail("impatient")))
            : Effect.asVoid(asked)
        )
        const handle = yield* Fanout.start(reads(handler, { retry: 1 }), { runId: "r" })
        yield* TestClock.adjust(500)
        yield* TestClock.adjust(200)
        assert.strictEqual(attempts, 2)
        yield* TestClock.adjust(500)
        assert.strictEqual(handle.questions()[0]!.state, "open")
        yield* TestClock.adjust(1_000)
        assert.strictEqual(handle.questions()[0]!.state, "expired")
      })
    )
  )

  it.effect("goes to who is asked in its own fan-out, and not to those of an earlier one in its session", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ id: "s" })
      const first = Questions.answering(({ id }, { answer }) => answer(id, 1))
      assert.strictEqual(yield* Effect.provide(session.fanout(asks), first), 1)
      const second = yield* Effect.forkChild(Effect.provide(session.fanout(asks), Questions.deferred), {
        startImmediately: true
      })
      yield* tick
      yield* session.answer("s.2/?0", 2)
      assert.strictEqual(yield* Fiber.join(second), 2)
    }).pipe(Effect.scoped)
  )

  it.effect("of a fan-out inside of a handler, under a run id of its own, is in the report and in the snapshot", () =>
    Effect.gen(function* () {
      const inner = Fanout.run(Plan.all({ x: asks }), { runId: "mine" })
      const plan = Plan.all({ a: reads(inner) })
      const snapshot = yield* suspend(plan)
      assert.deepStrictEqual(
        snapshot.questions.map(({ id }) => id),
        ["mine/a/x?0"]
      )
      assert.deepStrictEqual(yield* Fanout.resume(plan, snapshot, { answers: { "mine/a/x?0": 3 } }), { a: { x: 3 } })
    })
  )

  it.effect("inside of an effect at the gate is refused: it would hold what may have happened open", () =>
    Effect.gen(function* () {
      const plan = Plan.effect(
        Commit.run(() => room),
        marked
      )
      const exit = yield* within(10_000, Fanout.run(plan))
      assert.isDefined(exit)
      assert.include(JSON.stringify(exit), "ContractViolation")
    })
  )
})

describe("a fan-out that is being suspended", () => {
  const tidies = reads(Effect.ensuring(room, Effect.sleep(100)))

  it.effect("can be stopped, and then is over", () =>
    Effect.gen(function* () {
      const handle = yield* Fanout.start(Plan.all({ a: tidies, b: tidies }), { runId: "r" })
      yield* TestClock.adjust(50)
      const exit = yield* within(10_000, handle.stop("enough"))
      assert.isDefined(exit)
      const report = yield* handle.report
      assert.deepStrictEqual(outcomes(report), ["Cancelled", "Cancelled"])
      assert.deepStrictEqual(
        report.questions.map(({ reason, state }) => [state, reason]),
        [
          ["withdrawn", "enough"],
          ["withdrawn", "enough"]
        ]
      )
    }).pipe(Effect.scoped, Effect.provide(Questions.suspend))
  )

  it.effect("is over at the bound, also when a finalizer hangs, and says so", () =>
    Effect.gen(function* () {
      const hangs = reads(Effect.ensuring(room, Effect.never))
      const handle = yield* Fanout.start(Plan.all({ a: Plan.settled(hangs), b: Plan.settled(tidies) }), {
        runId: "r",
        drain: 1_000
      })
      yield* TestClock.adjust(5_000)
      const report = yield* within(0, handle.report)
      assert(report?._tag === "Success")
      assert.strictEqual(report.value.calls[0]!.leftBehind, true)
      assert.deepStrictEqual(outcomes(report.value), ["Cancelled", "Suspended"])
    }).pipe(Effect.scoped, Effect.provide(Questions.suspend))
  )
})
