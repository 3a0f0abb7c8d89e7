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
import type { StandardSchemaV1 } from "effect/StandardSchema"
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
    assert("reason" in error)
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
      assert.deepStrictEqual(outcomes(report.value), ["Suspended", "Suspended"])
    }).pipe(Effect.scoped, Effect.provide(Questions.suspend))
  )

  it.effect("can be stopped also when a finalizer hangs, and is over at the bound", () =>
    Effect.gen(function* () {
      const hangs = reads(Effect.ensuring(room, Effect.never))
      const handle = yield* Fanout.start(Plan.all({ a: hangs, b: tidies }), { runId: "r", drain: 1_000 })
      yield* TestClock.adjust(50)
      const exit = yield* within(10_000, handle.stop("enough"))
      assert(exit?._tag === "Success")
      assert.deepStrictEqual(outcomes(exit.value), ["Cancelled", "Cancelled"])
      assert.deepStrictEqual(
        exit.value.calls.map(({ leftBehind }) => leftBehind),
        [true, false]
      )
    }).pipe(Effect.scoped, Effect.provide(Questions.suspend))
  )
})

describe("what a snapshot brings back", () => {
  it.effect("is nothing where nothing was answered", () =>
    Effect.gen(function* () {
      const plan = Plan.all({ a: asks, b: reads(Effect.void) })
      const snapshot = yield* suspend(plan)
      const value = yield* Fanout.resume(plan, snapshot, { answers: { "r/a?0": 1 } })
      assert.deepStrictEqual(value, { a: 1, b: undefined })
    })
  )

  it.effect("is what a schema of one direction had made of the answer, not that made anew", () =>
    Effect.gen(function* () {
      const doubled: StandardSchemaV1<number, number> = {
        "~standard": { version: 1, vendor: "test", validate: (n) => ({ value: (n as number) * 2 }) }
      }
      const Double = Tool.fromPromise("double", {
        parameters: Schema.Struct({}),
        success: doubled,
        contract: Contract.readOnly,
        execute: () => Promise.resolve(5)
      })
      const plan = Plan.all({ a: asks, b: Plan.call(Double, {}) })
      const handle = yield* Fanout.start(plan, { runId: "r" })
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      const { reason } = yield* Effect.flip(handle.result)
      assert(reason._tag === "Suspended", reason._tag)
      const value = yield* Fanout.resume(plan, reason.snapshot, { answers: { "r/a?0": 1 } })
      assert.deepStrictEqual(value, { a: 1, b: 10 })
    }).pipe(Effect.scoped, Effect.provide(Questions.suspend))
  )

  it.effect("is refused where a value goes around in a circle: the fan-out is stopped, and does not die", () =>
    Effect.gen(function* () {
      const circle: Array<unknown> = []
      circle.push(circle)
      const reason = yield* reasonOf(Fanout.run(Plan.all({ a: asks, b: reads(Effect.succeed(circle)) })))
      assert.strictEqual(reason._tag, "Stopped")
    })
  )

  it.effect("is a nested approval with its answer", () =>
    Effect.gen(function* () {
      const sent: Array<number> = []
      const inner = Fanout.run(Plan.all({ x: Plan.call(Send(sent), { n: 7 }) }))
      const plan = Plan.all({ a: reads(inner) })
      for (const yes of [true, false]) {
        const snapshot = yield* suspend(plan)
        const exit = yield* within(1_000, Fanout.resume(plan, snapshot, { answers: { "r/a/x?approval": yes } }))
        if (yes) assert.deepStrictEqual(exit, Exit.succeed({ a: { x: 1 } }))
        else assert.include(JSON.stringify(exit), "EssentialFailed")
      }
      assert.deepStrictEqual(sent, [7])
    })
  )

  it.effect("is a nested fan-out that had been stopped, as it was", () =>
    Effect.gen(function* () {
      const inner = Effect.gen(function* () {
        const handle = yield* Fanout.start(Plan.all({ x: reads(Effect.never) }))
        const { status } = yield* handle.stop("enough")
        const error = yield* Effect.flip(handle.result)
        return [status, error.reason._tag, error.message, yield* room]
      })
      const plan = Plan.all({ a: reads(Effect.scoped(inner)) })
      const snapshot = yield* suspend(plan)
      const exit = yield* within(1_000, Fanout.resume(plan, snapshot, { answers: { "r/a?0": 1 } }))
      assert.strictEqual(exit?._tag, "Success", JSON.stringify(exit))
      if (exit?._tag === "Success") assert.deepStrictEqual(exit.value.a.slice(0, 2), ["interrupted", "Stopped"])
      if (exit?._tag === "Success") assert.include(String(exit.value.a[2]), "enough")
    })
  )

  it.effect("is a nested fan-out that was refused, as if it had not been", () =>
    Effect.gen(function* () {
      const inner = Effect.gen(function* () {
        const refused = yield* Effect.flip(Fanout.run(Plan.all({ x: after(0), y: after(0) }), { budget: { calls: 1 } }))
        const value = yield* Fanout.run(Plan.all({ x: after(0) }))
        return [refused._tag, value, yield* room]
      })
      const plan = Plan.all({ a: reads(Effect.orDie(inner)) })
      const snapshot = yield* Effect.flatMap(Effect.forkChild(suspend(plan), { startImmediately: true }), (fiber) =>
        Effect.andThen(TestClock.adjust(10), Fiber.join(fiber))
      )
      const exit = yield* within(1_000, Fanout.resume(plan, snapshot, { answers: { "r/a?0": 1 } }))
      assert.deepStrictEqual(exit, Exit.succeed({ a: ["PlanError", { x: 0 }, 1] }))
    })
  )

  it.effect("is nested fan-outs side by side, of which only the answered one runs", () =>
    Effect.gen(function* () {
      const runs = [0, 0]
      const inner = (i: number) =>
        Fanout.run(
          Plan.all({
            x: reads(
              Effect.suspend(() => {
                runs[i]!++
                return room
              })
            )
          })
        )
      const plan = Plan.all({ a: reads(Effect.all([inner(0), inner(1)], { concurrency: 2 })) })
      const snapshot = yield* suspend(plan)
      assert.deepStrictEqual(
        snapshot.questions.map(({ id }) => id),
        ["r/a/x?0", "r~2/a/x?0"]
      )
      const half = yield* reasonOf(Fanout.resume(plan, snapshot, { answers: { "r~2/a/x?0": 2 } }))
      assert.strictEqual(half._tag, "Suspended")
      assert.deepStrictEqual(runs, [1, 2])
      const exit = yield* within(
        1_000,
        Fanout.resume(plan, half["snapshot"] as Snapshot.Snapshot, { answers: { "r/a/x?0": 1 } })
      )
      assert.deepStrictEqual(exit, Exit.succeed({ a: [{ x: 1 }, { x: 2 }] }))
      assert.deepStrictEqual(runs, [2, 2])
    })
  )

  it.effect("is what a fan-out inside of a handler had come to, also by way of a second snapshot", () =>
    Effect.gen(function* () {
      let runs = 0
      const counts = reads(Effect.sync(() => ++runs))
      const inner = Fanout.run(Plan.all({ x: asks, y: counts }))
      const plan = Plan.all({ a: reads(inner), b: asks })
      const one = yield* suspend(plan)
      const reason = yield* reasonOf(Fanout.resume(plan, one, { answers: { "r/b?0": 2 } }))
      const two = yield* Snapshot.decode(JSON.parse(JSON.stringify(reason["snapshot"])))
      const value = yield* Fanout.resume(plan, two, { answers: { "r/a/x?0": 1 } })
      assert.deepStrictEqual(value, { a: { x: 1, y: 1 }, b: 2 })
      assert.strictEqual(runs, 1)
    })
  )

  it.effect("is what a handler that is not run again did in fan-outs inside of it: it may have acted", () =>
    Effect.gen(function* () {
      const commits = Plan.effect(
        Commit.run((key) => Effect.succeed(key)),
        marked
      )
      const inner = Fanout.run(Plan.all({ x: asks, y: commits }))
      const fails = Effect.andThen(room, Effect.fail("no"))
      const plan = Plan.all({ a: Plan.effect(inner, marked), b: reads(fails) })
      const snapshot = yield* suspend(plan)
      const handle = yield* Fanout.startFrom(plan, snapshot, { answers: { "r/b?0": 2 } })
      const { calls } = yield* handle.report
      assert.deepStrictEqual(
        calls.map(({ outcome }) => outcome._tag),
        ["Unknown", "Failed"]
      )
      assert.deepStrictEqual(calls[0]!.effects, [{ key: "r/a/y#0", state: "committed" }])
    }).pipe(Effect.scoped)
  )

  it.effect("is no undo that was given at a commit: who waits with one in an atomic is not suspended", () =>
    Effect.gen(function* () {
      const undone: Array<string> = []
      const handler = Effect.andThen(
        Commit.run((key) => Effect.succeed(key), { compensate: ({ key }) => Effect.sync(() => undone.push(key)) }),
        room
      )
      const contract = Contract.make({ effect: "additive", commit: "marked", compensate: "atCommit" })
      const plan = Plan.atomic(Plan.all({ a: Plan.effect(handler, contract), b: asks }))
      const reason = yield* reasonOf(Fanout.run(plan, { runId: "r" }))
      assert.strictEqual(reason._tag, "Stopped")
      assert.deepStrictEqual(undone, ["r/a#0"])
    })
  )

  it.effect("is what nested fan-outs of an earlier attempt did", () =>
    Effect.gen(function* () {
      let attempts = 0
      const contract = Contract.make({ effect: "additive", commit: "marked", repeat: "natural" })
      const commits = Plan.effect(
        Commit.run((key) => Effect.succeed(key)),
        contract
      )
      const inner = Effect.suspend(() =>
        ++attempts === 1
          ? Effect.andThen(Effect.orDie(Fanout.run(Plan.all({ x: commits }))), Effect.fail("once"))
          : room
      )
      const plan = Plan.effect(inner, contract, { retry: 1 })
      const fiber = yield* Effect.forkChild(suspend(plan), { startImmediately: true })
      yield* TestClock.adjust(10_000)
      const snapshot = yield* Fiber.join(fiber)
      const handle = yield* Fanout.startFrom(plan, snapshot, { answers: { "r/?0": 1 } })
      const report = yield* handle.report
      assert.strictEqual(report.calls[0]!.effects.length, 1)
    }).pipe(Effect.scoped)
  )

  it.effect("is charged once, and gives back what it had reserved for calls that did not start", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ id: "s", budget: { attempts: 10 } })
      const sent: Array<number> = []
      const plan = Plan.all({ a: Plan.call(Send(sent), { n: 1 }), b: reads(Effect.void) })
      const reason = yield* reasonOf(session.fanout(plan, { budget: { attempts: 5 } }))
      assert.strictEqual(reason._tag, "Suspended")
      assert.deepInclude(session.usage()["attempts"], { used: 1, reserved: 0 })
      yield* session.resume(plan, reason["snapshot"] as Snapshot.Snapshot, { answers: { "s.1/a?approval": true } })
      assert.deepInclude(session.usage()["attempts"], { used: 2, reserved: 0 })
    }).pipe(Effect.scoped)
  )

  it.effect("is not brought back by a resume that is refused: the questions of the session stay as they are", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ id: "s" })
      const plan = Plan.all({ a: asks })
      const snapshot = yield* suspend(plan)
      yield* session.resume(plan, snapshot, { answers: { "r/a?0": 1 } })
      const reason = yield* reasonOf(session.resume(plan, snapshot, { answers: { "r/a?0": 1 } }))
      assert.strictEqual(reason._tag, "AlreadyClaimed")
      assert.deepStrictEqual(
        session.questions().map(({ state }) => state),
        ["answered"]
      )
    }).pipe(Effect.scoped)
  )
})

describe("a handler that does otherwise after a resume", () => {
  it.effect("is not given the answer to what it had asked before", () =>
    Effect.gen(function* () {
      let prompt = "Delete one?"
      const handler = Effect.suspend(() => Question.ask({ prompt, schema: Schema.Boolean }))
      const plan = reads(handler)
      const snapshot = yield* suspend(plan)
      prompt = "Delete all?"
      const reason = yield* reasonOf(Fanout.resume(plan, snapshot, { answers: { "r/?0": true } }))
      assert.strictEqual(reason._tag, "Suspended")
      assert.deepStrictEqual(
        (reason["refused"] as ReadonlyArray<{ readonly _tag: string }>).map(({ _tag }) => _tag),
        ["Withdrawn"]
      )
      assert.deepInclude((reason["questions"] as ReadonlyArray<Question.Question>)[0], { prompt, state: "open" })
    })
  )

  it.effect("and does not ask again: its question is withdrawn, and who answered is told", () =>
    Effect.gen(function* () {
      let first = true
      const handler = Effect.suspend(() => {
        if (!first) return Effect.succeed(-1)
        first = false
        return room
      })
      const plan = reads(handler)
      const snapshot = yield* suspend(plan)
      const handle = yield* Fanout.startFrom(plan, snapshot)
      const exit = yield* within(1_000, handle.answer("r/?0", 5))
      assert.include(JSON.stringify(exit), "Withdrawn")
      assert.strictEqual((yield* handle.report).questions[0]!.state, "withdrawn")
    }).pipe(Effect.scoped)
  )
})

describe("a snapshot that was tampered with", () => {
  it.effect("is refused by a typed error, and not claimed: it neither hangs nor dies", () =>
    Effect.gen(function* () {
      const plan = Plan.all({
        a: Plan.deadline(asks, "1 minute"),
        b: reads(Effect.succeed(1)),
        c: Plan.settled(reads(Effect.fail("no"))),
        d: asks
      })
      const good = yield* suspend(plan)
      const { fanout } = good
      const bad: Record<string, Partial<Snapshot.Fanout>> = {
        "no steps": { steps: [] },
        "a step less": { steps: fanout.steps.slice(0, -1) },
        "a node that is not": { steps: [...fanout.steps, [{ type: "asks", node: 99 }]] },
        "an event that is not": { steps: [...fanout.steps, [{ type: "dances", node: 0 }]] },
        "answered, by nobody": { steps: [...fanout.steps, [{ type: "answered", node: fanout.steps[0]![0]!.node }]] },
        "no deadlines": { deadlines: [] },
        "no calls": { calls: [] },
        "all waiting": { calls: fanout.calls.map((call) => ({ ...call, state: "waiting" })) },
        "none waiting": { calls: fanout.calls.map((call) => ({ ...call, state: "settled" })) },
        "no ends": { calls: fanout.calls.map(({ end: _, ...call }) => call) }
      }
      for (const [what, change] of Object.entries(bad)) {
        const exit = yield* within(
          1_000,
          Fanout.resume(plan, { ...good, fanout: { ...fanout, ...change } }, { answers: { "r/d?0": 1 } })
        )
        assert(exit?._tag === "Failure", `${what}: ${JSON.stringify(exit)}`)
        assert.include(JSON.stringify(exit.cause), "SnapshotError", what)
      }
      assert.strictEqual((yield* reasonOf(Fanout.resume(plan, good)))._tag, "Suspended")
    })
  )
})
