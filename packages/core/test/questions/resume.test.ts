/**
 * Suspended here, resumed there: what is over is not run again, and what was asked is not lost.
 */
import { assert, describe, it } from "@effect/vitest"
import { Commit, Contract, Fanout, FanoutError, Plan, Question, Snapshot, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

const marked = Contract.make({ effect: "additive", commit: "marked" })
const room = Question.ask({ prompt: "Which room?", schema: Schema.Number })

/** Runs to the suspension; the snapshot goes through text, as it would to another process. */
const suspend = <A, E>(plan: Plan.Plan<A, E>, options: Fanout.Options = {}) =>
  Effect.flatMap(Effect.flip(Fanout.run(plan, { runId: "r", ...options })), (error) => {
    assert(error instanceof FanoutError.FanoutError, String(error))
    assert(error.reason._tag === "Suspended", String(error))
    return Snapshot.decode(JSON.parse(JSON.stringify(error.reason.snapshot)))
  })

/** Why it failed. */
const reasonOf = <A, E extends object, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<E extends { readonly reason: infer Reason } ? Reason : never, A, R> =>
  Effect.map(Effect.flip(effect), (error) => {
    assert("reason" in error)
    return error.reason as never
  })

describe("a suspended fan-out", () => {
  it.effect("goes on with its answers; siblings that are over are not run again", () =>
    Effect.gen(function* () {
      let runs = 0
      const plan = Plan.all({
        a: Plan.effect(room, Contract.readOnly),
        b: Plan.effect(
          Effect.sync(() => ++runs),
          Contract.readOnly
        ),
        c: Plan.effect(
          Effect.map(room, (n) => n + 1),
          Contract.readOnly
        )
      })
      const snapshot = yield* suspend(plan)
      const value = yield* Fanout.resume(plan, snapshot, { answers: { "r/a?0": 1, "r/c?0": 2 }, by: "Ada" })
      assert.deepStrictEqual(value, { a: 1, b: 1, c: 3 })
      assert.strictEqual(runs, 1)
    })
  )

  it.effect("can be answered bit by bit, suspended anew each time", () =>
    Effect.gen(function* () {
      const ask = (n: number) =>
        Plan.effect(
          Effect.map(room, (m) => n * m),
          Contract.readOnly
        )
      const plan = Plan.all({ a: ask(1), b: ask(10), c: ask(100) })
      let snapshot = yield* suspend(plan)
      for (const [id, answer] of [
        ["r/c?0", 3],
        ["r/a?0", 1]
      ] as const) {
        const reason = yield* reasonOf(Fanout.resume(plan, snapshot, { answers: { [id]: answer } }))
        assert(reason._tag === "Suspended")
        snapshot = reason.snapshot
      }
      assert.deepStrictEqual(
        snapshot.questions.map(({ state }) => state),
        ["answered", "open", "answered"]
      )
      assert.deepStrictEqual(yield* Fanout.resume(plan, snapshot, { answers: { "r/b?0": 2 } }), { a: 1, b: 20, c: 300 })
    })
  )

  it.effect("runs an asking handler from its top, with earlier answers and commits in place", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const handler = Effect.gen(function* () {
        log.push("begins")
        const first = yield* Question.ask({ prompt: "First?", schema: Schema.String })
        const id = yield* Commit.run((key) => Effect.sync(() => log.push(`commit ${key} ${first}`)))
        const second = yield* Question.ask({ prompt: "Second?", schema: Schema.String })
        yield* Commit.run((key) => Effect.sync(() => log.push(`commit ${key} ${second}`)))
        return [first, id, second]
      })
      const plan = Plan.effect(handler, marked)
      const one = yield* suspend(plan)
      const reason = yield* reasonOf(Fanout.resume(plan, one, { answers: { "r/?0": "x" } }))
      assert(reason._tag === "Suspended")
      const value = yield* Fanout.resume(plan, reason.snapshot, { answers: { "r/?1": "y" } })
      assert.deepStrictEqual(value, ["x", 3, "y"])
      assert.deepStrictEqual(log, ["begins", "begins", "commit r/#0 x", "begins", "commit r/#1 y"])
    })
  )

  it.effect("is resumed once: the same snapshot a second time runs nothing", () =>
    Effect.gen(function* () {
      let runs = 0
      const plan = Plan.effect(
        Effect.tap(room, () => Effect.sync(() => ++runs)),
        Contract.readOnly
      )
      const snapshot = yield* suspend(plan)
      yield* Fanout.resume(plan, snapshot, { answers: { "r/?0": 1 } })
      const reason = yield* reasonOf(Fanout.resume(plan, snapshot, { answers: { "r/?0": 2 } }))
      assert.strictEqual(reason._tag, "AlreadyClaimed")
      assert.strictEqual(runs, 1)
    })
  )

  it.effect("refuses an answer to a question that nobody asked, and is not claimed by that", () =>
    Effect.gen(function* () {
      const plan = Plan.effect(room, Contract.readOnly)
      const snapshot = yield* suspend(plan)
      const reason = yield* reasonOf(Fanout.resume(plan, snapshot, { answers: { "r/?1": 1 } }))
      assert.deepInclude(reason, { _tag: "UnknownQuestion", open: ["r/?0"] })
      assert.strictEqual(yield* Fanout.resume(plan, snapshot, { answers: { "r/?0": 1 } }), 1)
    })
  )

  it.effect("keeps a question open whose answer is malformed, and says why", () =>
    Effect.gen(function* () {
      const plan = Plan.all({ a: Plan.effect(room, Contract.readOnly), b: Plan.effect(room, Contract.readOnly) })
      const snapshot = yield* suspend(plan)
      const reason = yield* reasonOf(Fanout.resume(plan, snapshot, { answers: { "r/a?0": "one", "r/b?0": 2 } }))
      assert(reason._tag === "Suspended")
      assert.deepStrictEqual(
        reason.refused.map(({ _tag, id }) => [_tag, id]),
        [["MalformedAnswer", "r/a?0"]]
      )
      assert.deepStrictEqual(
        reason.questions.map(({ id }) => id),
        ["r/a?0"]
      )
      assert.deepStrictEqual(yield* Fanout.resume(plan, reason.snapshot, { answers: { "r/a?0": 1 } }), { a: 1, b: 2 })
    })
  )

  it.effect("is refused with another plan, or with another contract, before anything starts", () =>
    Effect.gen(function* () {
      const snapshot = yield* suspend(Plan.all({ a: Plan.effect(room, Contract.readOnly) }))
      const other = yield* reasonOf(Fanout.resume(Plan.all({ b: Plan.effect(room, Contract.readOnly) }), snapshot))
      assert.deepInclude(other, { _tag: "OtherPlan", differences: ["/plan"] })
      const acts = yield* reasonOf(Fanout.resume(Plan.all({ a: Plan.effect(room, marked) }), snapshot))
      assert.deepInclude(acts, { _tag: "OtherPlan", differences: ["/a"] })
    })
  )

  it.effect("asks for leave once: what was approved before starts with the answer, what was denied does not", () =>
    Effect.gen(function* () {
      const sent: Array<number> = []
      const Send = Tool.make("send", {
        parameters: Schema.Struct({ n: Schema.Number }),
        success: Schema.Number,
        contract: Contract.irreversible,
        approval: "always",
        handler: ({ n }) => Effect.sync(() => sent.push(n))
      })
      const plan = Plan.all([1, 2, 3].map((n) => Plan.settled(Plan.call(Send, { n }))))
      const snapshot = yield* suspend(plan)
      const reason = yield* reasonOf(
        Fanout.resume(plan, snapshot, { answers: { "r/0?approval": true, "r/1?approval": false } })
      )
      assert(reason._tag === "Suspended")
      const outcomes = yield* Fanout.resume(plan, reason.snapshot, { answers: { "r/2?approval": true } })
      assert.deepStrictEqual(
        outcomes.map(({ _tag }) => _tag),
        ["Succeeded", "Denied", "Succeeded"]
      )
      assert.deepStrictEqual(sent, [1, 3])
    })
  )

  it.effect("brings fan-outs inside of handlers with it", () =>
    Effect.gen(function* () {
      let runs = 0
      const counts = Plan.effect(
        Effect.sync(() => ++runs),
        Contract.readOnly
      )
      const inner = Effect.gen(function* () {
        const before = yield* Fanout.run(Plan.all({ one: counts }))
        const during = yield* Fanout.run(Plan.all({ x: Plan.effect(room, Contract.readOnly), two: counts }))
        return { before, during }
      })
      const plan = Plan.all({ a: Plan.effect(inner, Contract.readOnly), b: counts })
      const snapshot = yield* suspend(plan)
      assert.deepStrictEqual(
        snapshot.questions.map(({ call, id }) => [call, id]),
        [["/a/x", "r~2/a/x?0"]]
      )
      const value = yield* Fanout.resume(plan, snapshot, { answers: { "r~2/a/x?0": 7 } })
      assert.deepStrictEqual(value.a.during.x, 7)
      assert.strictEqual(runs, 3)
    })
  )

  it.effect("with a key is signed, and refused when it was changed", () =>
    Effect.gen(function* () {
      const plan = Plan.effect(room, Contract.readOnly)
      const signed = Effect.provideService(Snapshot.Key, Redacted.make("secret"))
      const snapshot = yield* signed(suspend(plan))
      assert.isString(snapshot.signature)
      const changed = { ...snapshot, runId: "other" }
      assert.strictEqual((yield* reasonOf(signed(Fanout.resume(plan, changed))))._tag, "BadSignature")
      const { signature: _, ...bare } = snapshot
      assert.strictEqual((yield* reasonOf(signed(Fanout.resume(plan, bare))))._tag, "BadSignature")
      assert.strictEqual(yield* signed(Fanout.resume(plan, snapshot, { answers: { "r/?0": 1 } })), 1)
    })
  )

  it.effect("that cannot be written down is stopped, and says why", () =>
    Effect.gen(function* () {
      const plan = Plan.all({
        a: Plan.effect(room, Contract.readOnly),
        b: Plan.effect(Effect.succeed(new Map()), Contract.readOnly)
      })
      const reason = yield* reasonOf(Fanout.run(plan))
      assert(reason._tag === "Stopped")
      assert.include(reason.by.reason, "/b: what it answered with is no JSON")
    })
  )

  it.effect("has an id of its own, also in a program whose chance has a seed", () =>
    Effect.gen(function* () {
      const plan = Plan.effect(room, Contract.readOnly)
      const seeded = Effect.map(suspend(plan), ({ snapshot }) => snapshot).pipe(Random.withSeed("the same"))
      assert.notStrictEqual(yield* seeded, yield* seeded)
    })
  )
})
