/**
 * Questions of handlers, and approvals, in a fan-out that waits for them.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Fanout, Journal, Plan, Question, Questions, type Report, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"

const room = Question.ask({ prompt: "Which room?", schema: Schema.Number })
const asks = Plan.effect(room, Contract.readOnly)
const after = (millis: number) => Plan.effect(Effect.delay(Effect.succeed(millis), millis), Contract.readOnly)
const wait = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(Effect.scoped(effect), Questions.deferred)
const outcomes = ({ calls }: Report.Report) => calls.map(({ outcome }) => outcome._tag)
const tick = Effect.andThen(Effect.yieldNow, TestClock.adjust(0))

describe("a question of a handler", () => {
  it.effect("reaches the caller under a stable id, while siblings run on; its answer goes to it, once", () =>
    wait(
      Effect.gen(function* () {
        const handle = yield* Fanout.start(Plan.all({ a: asks, b: after(50), c: asks }), { runId: "r" })
        yield* tick
        assert.deepStrictEqual(
          handle.questions().map(({ id, prompt, state }) => [id, prompt, state]),
          [
            ["r/a?0", "Which room?", "open"],
            ["r/c?0", "Which room?", "open"]
          ]
        )
        yield* TestClock.adjust(60)
        yield* handle.answer("r/c?0", 7, { by: "Ada" })
        const second = yield* Effect.flip(handle.answer("r/c?0", 8))
        assert.deepInclude(second.reason, { _tag: "AlreadyAnswered", by: "Ada" })
        yield* handle.answer("r/a?0", 1)
        assert.deepStrictEqual(yield* handle.result, { a: 1, b: 50, c: 7 })
        const report = yield* handle.report
        assert.deepStrictEqual(
          report.questions.map(({ answer, by, state }) => [state, answer, by]),
          [
            ["answered", 1, undefined],
            ["answered", 7, "Ada"]
          ]
        )
      })
    )
  )

  it.effect("stays open where its answer is malformed or goes to nobody", () =>
    wait(
      Effect.gen(function* () {
        const handle = yield* Fanout.start(asks, { runId: "r" })
        yield* tick
        const malformed = yield* Effect.flip(handle.answer("r/?0", "five"))
        assert.strictEqual(malformed.reason._tag, "MalformedAnswer")
        const unknown = yield* Effect.flip(handle.answer("r/?1", 5))
        assert.deepInclude(unknown.reason, { _tag: "UnknownQuestion", open: ["r/?0"] })
        yield* handle.answer("r/?0", 5)
        assert.strictEqual(yield* handle.result, 5)
      })
    )
  )

  it.effect("holds no permit, and counts against no timeout and no deadline around it alone", () =>
    wait(
      Effect.gen(function* () {
        const plan = Plan.all({
          a: Plan.deadline(
            Plan.effect(Effect.andThen(room, Effect.sleep(60)), Contract.readOnly, { timeout: 100 }),
            100
          ),
          b: after(10)
        })
        const handle = yield* Fanout.start(plan, { runId: "r", concurrency: 1 })
        yield* tick
        yield* TestClock.adjust("1 hour")
        yield* handle.answer("r/a?0", 5)
        yield* TestClock.adjust(60)
        assert.deepStrictEqual(outcomes(yield* handle.report), ["Succeeded", "Succeeded"])
      })
    )
  )

  it.effect("counts against the rest of its timeout when it has been answered", () =>
    wait(
      Effect.gen(function* () {
        const slow = Effect.andThen(Effect.sleep(30), Effect.andThen(room, Effect.sleep(80)))
        const handle = yield* Fanout.start(Plan.effect(slow, Contract.readOnly, { timeout: 100 }), { runId: "r" })
        yield* TestClock.adjust(31)
        yield* TestClock.adjust("1 hour")
        yield* handle.answer("r/?0", 5)
        yield* TestClock.adjust(80)
        assert.deepStrictEqual(outcomes(yield* handle.report), ["Failed"])
      })
    )
  )

  it.effect("of a stopped asker is withdrawn, and says so; a late answer changes nothing", () =>
    wait(
      Effect.gen(function* () {
        const fails = Plan.effect(Effect.delay(Effect.fail("no"), 50), Contract.readOnly)
        const handle = yield* Fanout.start(Plan.all({ a: asks, b: fails }), { runId: "r" })
        yield* TestClock.adjust(60)
        const report = yield* handle.report
        assert.deepStrictEqual(outcomes(report), ["Cancelled", "Failed"])
        assert.deepInclude(report.questions[0], { state: "withdrawn", reason: report.calls[0]!.stoppedBy!.reason })
        const late = yield* Effect.flip(handle.answer("r/a?0", 5))
        assert.strictEqual(late.reason._tag, "Withdrawn")
      })
    )
  )

  it.effect("that is denied ends the call as denied, and a handler can know better", () =>
    wait(
      Effect.gen(function* () {
        const knows = Effect.map(Question.askResult({ prompt: "Which?", schema: Schema.Number }), ({ _tag }) => _tag)
        const plan = Plan.settled(Plan.all({ a: Plan.settled(asks), b: Plan.effect(knows, Contract.readOnly) }))
        const handle = yield* Fanout.start(plan, { runId: "r" })
        yield* tick
        yield* handle.deny("r/a?0", { by: "Ada", reason: "no room is free" })
        yield* handle.deny("r/b?0")
        const { calls } = yield* handle.report
        assert.deepStrictEqual(calls[0]!.outcome, { _tag: "Denied", by: "Ada", why: "no room is free" })
        assert.deepInclude(calls[1]!.outcome, { _tag: "Succeeded", value: "Failure" })
      })
    )
  )

  it.effect("expires, and counts as denied then", () =>
    wait(
      Effect.gen(function* () {
        const soon = Question.ask({ prompt: "Now?", schema: Schema.Boolean, expires: "1 minute" })
        const handle = yield* Fanout.start(Plan.effect(soon, Contract.readOnly), { runId: "r" })
        yield* tick
        yield* TestClock.adjust("1 minute")
        const report = yield* handle.report
        assert.deepStrictEqual(outcomes(report), ["Denied"])
        assert.strictEqual(report.questions[0]!.state, "expired")
      })
    )
  )

  it.effect("is not asked again in a further attempt", () =>
    wait(
      Effect.gen(function* () {
        let attempts = 0
        const flaky = Effect.flatMap(room, (n) => (++attempts === 1 ? Effect.fail("once") : Effect.succeed(n)))
        const handle = yield* Fanout.start(Plan.effect(flaky, Contract.readOnly, { retry: 1 }), { runId: "r" })
        yield* tick
        yield* handle.answer("r/?0", 5)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* handle.result, 5)
        assert.strictEqual(handle.questions().length, 1)
      })
    )
  )

  it.effect("can be one of several: the handler goes on when all are answered", () =>
    wait(
      Effect.gen(function* () {
        const both = Effect.all([room, room], { concurrency: 2 })
        const handle = yield* Fanout.start(Plan.effect(both, Contract.readOnly), { runId: "r" })
        yield* tick
        yield* handle.answer("r/?1", 2)
        yield* tick
        yield* handle.answer("r/?0", 1)
        assert.deepStrictEqual(yield* handle.result, [1, 2])
      })
    )
  )

  it.effect("is refused to a tool that commits at start", () =>
    wait(
      Effect.gen(function* () {
        const exit = yield* Effect.exit(Fanout.run(Plan.effect(room, Contract.irreversible)))
        assert.isTrue(Exit.isFailure(exit))
        assert.include(JSON.stringify(exit), '"rule":"asks"')
      })
    )
  )

  it.effect("of a fan-out inside of a handler reaches the top, and lets its caller wait", () =>
    wait(
      Effect.gen(function* () {
        const inner = Plan.effect(Fanout.run(Plan.all({ x: asks })), Contract.readOnly, { timeout: 100 })
        const handle = yield* Fanout.start(Plan.all({ a: inner, b: after(10) }), { runId: "r", concurrency: 1 })
        yield* TestClock.adjust("1 hour")
        const [question] = handle.questions()
        assert.strictEqual(question!.call, "/a/x")
        yield* handle.answer(question!.id, 5)
        assert.deepStrictEqual(yield* handle.result, { a: { x: 5 }, b: 10 })
      })
    )
  )
})

describe("an approval", () => {
  let sent: Array<number> = []
  const Send = Tool.make("send", {
    parameters: Schema.Struct({ n: Schema.Number }),
    success: Schema.Number,
    contract: Contract.irreversible,
    approval: "always",
    handler: ({ n }) => Effect.sync(() => sent.push(n) && n)
  })

  it.effect("is asked before the call starts; no is an outcome, and the others run", () =>
    wait(
      Effect.gen(function* () {
        sent = []
        const plan = Plan.all([1, 2, 3].map((n) => Plan.settled(Plan.call(Send, { n }))))
        const handle = yield* Fanout.start(plan, { runId: "r" })
        yield* tick
        assert.deepStrictEqual(sent, [])
        const questions = handle.questions()
        assert.deepStrictEqual(
          questions.map(({ id, kind, params }) => [id, kind, params]),
          [0, 1, 2].map((i) => [`r/${i}?approval`, "approval", { n: i + 1 }])
        )
        yield* handle.answer("r/2?approval", true)
        yield* handle.answer("r/0?approval", { approved: false, reason: "not now" }, { by: "Ada" })
        yield* handle.answer("r/1?approval", true)
        const report = yield* handle.report
        assert.deepStrictEqual(outcomes(report), ["Denied", "Succeeded", "Succeeded"])
        assert.strictEqual(report.calls[0]!.attempts, 0)
        // both answers fell into one instant: calls start in plan order
        assert.deepStrictEqual(sent, [2, 3])
      })
    )
  )

  it.effect("that comes after the stop starts nothing", () =>
    wait(
      Effect.gen(function* () {
        sent = []
        const handle = yield* Fanout.start(Plan.call(Send, { n: 1 }), { runId: "r" })
        yield* tick
        yield* handle.stop("enough")
        const late = yield* Effect.flip(handle.answer("r/?approval", true))
        assert.deepInclude(late.reason, { _tag: "Withdrawn", why: "enough" })
        assert.deepStrictEqual(outcomes(yield* handle.report), ["Skipped"])
        assert.deepStrictEqual(sent, [])
      })
    )
  )

  it.effect("can be a rule of the run: by contract, or by predicate", () =>
    wait(
      Effect.gen(function* () {
        const acts = Plan.effect(Effect.succeed(1), Contract.irreversible)
        const handle = yield* Fanout.start(Plan.all({ a: acts, b: after(0) }), { runId: "r", approval: "byContract" })
        yield* tick
        assert.deepStrictEqual(
          handle.questions().map(({ call }) => call),
          ["/a"]
        )
        yield* handle.answer("r/a?approval", true)
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(yield* handle.result, { a: 1, b: 0 })
      })
    )
  )
})

describe("when only questions remain", () => {
  it.effect("the fan-out is suspended, with all of them", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(
        Effect.exit(Fanout.run(Plan.all({ a: asks, b: after(50), c: asks }), { runId: "r" })),
        { startImmediately: true }
      )
      yield* TestClock.adjust(60)
      const exit = yield* Fiber.join(fiber)
      assert(Exit.isFailure(exit))
      const error = exit.cause.reasons[0]
      assert(error?._tag === "Fail" && error.error._tag === "FanoutError" && error.error.reason._tag === "Suspended")
      assert.deepStrictEqual(
        error.error.reason.questions.map(({ id }) => id),
        ["r/a?0", "r/c?0"]
      )
      assert.strictEqual(error.error.report.status, "suspended")
      assert.deepStrictEqual(outcomes(error.error.report), ["Suspended", "Succeeded", "Suspended"])
    })
  )

  it.effect("whoever answers can be a layer", () =>
    Effect.gen(function* () {
      const layer = Questions.answering(({ id }, { answer }) => answer(id, 5, { by: "a layer" }))
      assert.deepStrictEqual(yield* Fanout.run(Plan.all([asks, asks])).pipe(Effect.provide(layer)), [5, 5])
    })
  )

  it.effect("the journal has every question and its answer", () =>
    Effect.gen(function* () {
      const journal = Journal.memory()
      const layer = Questions.answering(({ id }, { answer }) => answer(id, 5))
      yield* Fanout.run(asks).pipe(Effect.provide(layer), Effect.provideService(Journal.Current, journal))
      const types = journal.events.map(({ type }) => type)
      assert.includeMembers(types, ["question.asked", "question.answered"])
    })
  )
})
