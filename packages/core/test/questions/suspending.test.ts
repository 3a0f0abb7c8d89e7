/**
 * What happens in the instant of a suspension, or is brought over it: replies, expiries, effects, errors.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Fanout, FanoutError, Journal, Plan, Question, Questions, Snapshot, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"

const ask = Question.ask({ prompt: "Which?", schema: Schema.Number })
const reads = <A, E>(effect: Effect.Effect<A, E>) => Plan.effect(effect, Contract.readOnly)
const inside = <A, E>(plan: Plan.Plan<A, E>) => reads(Effect.orDie(Fanout.run(plan)))

const within = <A, E>(millis: number, effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    for (let i = 0; i < millis; i += 10) yield* TestClock.adjust(10)
    assert.isDefined(fiber.pollUnsafe(), "it hangs")
    return yield* Fiber.join(fiber)
  })

const suspended = <A, E>(fanout: Effect.Effect<A, E>) =>
  Effect.flatMap(within(500, Effect.flip(fanout)), (error) => {
    assert(error instanceof FanoutError.FanoutError && error.reason._tag === "Suspended", String(error))
    return Effect.map(Snapshot.decode(JSON.parse(JSON.stringify(error.reason.snapshot))), (snapshot) => ({
      snapshot,
      ids: snapshot.questions.flatMap(({ id, state }) => (state === "open" ? [id] : []))
    }))
  })

const journaled = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  const journal = Journal.memory()
  return Effect.map(Effect.provideService(effect, Journal.Current, journal), (value) => ({
    value,
    events: journal.events
  }))
}

const Send = Tool.make("send", {
  parameters: Schema.Struct({}),
  success: Schema.Number,
  contract: Contract.readOnly,
  approval: "always",
  handler: () => Effect.succeed(1)
})

describe("a suspension", () => {
  it.effect("is not undone by a question that expires while a handler tidies up", () =>
    Effect.gen(function* () {
      const brief = Question.askResult({ prompt: "Now?", schema: Schema.Number, expires: 5 })
      const plan = Plan.all({
        a: reads(
          Effect.ensuring(
            Effect.map(brief, ({ _tag }) => _tag),
            Effect.sleep(20)
          )
        )
      })
      const { snapshot } = yield* suspended(Fanout.run(plan, { runId: "r" }))
      assert.deepStrictEqual(yield* within(500, Fanout.resume(plan, snapshot)), { a: "Failure" })
    })
  )

  it.effect("does not happen where what was left behind would have to be undone when it has ended", () =>
    Effect.gen(function* () {
      let undone = 0
      const contract = Contract.make({
        effect: "mutating",
        interruption: "never",
        compensate: () => Effect.sync(() => undone++)
      })
      const late = Plan.effect(Effect.as(Effect.sleep(400), 1), contract)
      const plan = Plan.quorum(2, { a: reads(ask), b: Plan.firstSuccess({ late, now: reads(Effect.succeed(2)) }) })
      const error = yield* within(300, Effect.flip(Fanout.run(plan, { runId: "r", drain: 15 })))
      assert(error instanceof FanoutError.FanoutError && error.reason._tag === "Stopped", String(error))
      assert.include(error.message, "left behind")
      yield* TestClock.adjust(1_000)
      assert.strictEqual(undone, 1)
    })
  )
})

describe("what a resume brings back", () => {
  it.effect("stands in the journal behind the resume, the leave to start too, at every depth", () =>
    Effect.gen(function* () {
      for (const plan of [Plan.all({ x: Plan.call(Send, {}) }), Plan.all({ x: inside(Plan.call(Send, {})) })]) {
        const { snapshot, ids } = yield* suspended(Fanout.run(plan, { runId: "r" }))
        const answers = Object.fromEntries(ids.map((id) => [id, true]))
        const { events, value } = yield* journaled(Fanout.resume(plan, snapshot, { answers }))
        assert.deepStrictEqual(value, { x: 1 })
        const firsts = new Map([...events].reverse().map((event) => [event.run, event.type]))
        assert.deepStrictEqual(new Set(firsts.values()), new Set(["fanout.resumed"]))
      }
    })
  )

  it.effect("is the leave of what runs inside, though its path is that of its caller", () =>
    Effect.gen(function* () {
      const deep = Plan.all({ x: inside(inside(Plan.call(Send, {}))), y: reads(ask) })
      const { ids, snapshot } = yield* suspended(Fanout.run(deep, { runId: "r" }))
      assert.strictEqual(ids.length, 2)
      const approval = ids.find((id) => id.endsWith("?approval"))!
      const next = yield* suspended(Fanout.resume(deep, snapshot, { answers: { [approval]: true } }))
      assert.deepStrictEqual(next.ids, ["r/y?0"])
      assert.deepStrictEqual(yield* Fanout.resume(deep, next.snapshot, { answers: { "r/y?0": 2 } }), { x: 1, y: 2 })
    })
  )

  it.effect("is what was done by a call whose outcome is not fixed: the journal says so before it is undone", () =>
    Effect.gen(function* () {
      const contract = Contract.make({ effect: "mutating", compensate: () => Effect.void })
      const acts = Plan.settled(Plan.effect(Effect.die("who knows"), contract))
      const plan = Plan.atomic(Plan.all({ a: reads(Effect.andThen(ask, Effect.fail("no"))), acts }))
      const { snapshot } = yield* suspended(Fanout.run(plan, { runId: "r" }))
      const resumed = Effect.exit(Fanout.resume(plan, snapshot, { answers: { "r/a?0": 1 } }))
      const { events } = yield* journaled(resumed)
      assert.deepStrictEqual(
        events.flatMap(({ type }) => (type.startsWith("effect.") ? [type] : [])),
        ["effect.unknown", "effect.compensating", "effect.compensated"]
      )
    })
  )

  it.effect("is no answer that comes when time is up: it is refused, and the snapshot can be resumed without it", () =>
    Effect.gen(function* () {
      const brief = Question.askResult({ prompt: "Now?", schema: Schema.Number, expires: "1 minute" })
      const plan = Plan.all({ a: reads(Effect.map(brief, ({ _tag }) => _tag)) })
      const { snapshot } = yield* suspended(Fanout.run(plan, { runId: "r" }))
      yield* TestClock.adjust("2 minutes")
      for (const reply of [{ answers: { "r/a?0": 1 } }, { deny: ["r/a?0"] }]) {
        const error = yield* Effect.flip(Fanout.resume(plan, snapshot, reply))
        assert.include(error.message, "expired")
      }
      assert.deepStrictEqual(yield* within(100, Fanout.resume(plan, snapshot)), { a: "Failure" })
    })
  )

  it.effect("is an error that says the same as before", () =>
    Effect.gen(function* () {
      const bad = Plan.settled(reads(Effect.die(new TypeError("no such room"))))
      const plan = Plan.settled(Plan.all({ a: reads(ask), bad }))
      const text = (calls: ReadonlyArray<{ readonly outcome: unknown }>) => JSON.stringify(calls)
      const here = yield* Fanout.start(plan, { runId: "r" }).pipe(
        Effect.flatMap(({ answer, report }) => Effect.andThen(answer("r/a?0", 1).pipe(Effect.delay(10)), report)),
        (running) => within(100, Effect.scoped(running)),
        Effect.provide(Questions.deferred)
      )
      const { snapshot } = yield* suspended(Fanout.run(plan, { runId: "r" }))
      const there = yield* Fanout.startFrom(plan, snapshot, { answers: { "r/a?0": 1 } }).pipe(
        Effect.flatMap(({ report }) => report),
        Effect.scoped
      )
      const errorOf = ({ calls }: typeof here) => {
        const { outcome } = calls[1]!
        return "error" in outcome ? (outcome.error as Error).message : text(calls)
      }
      assert.include(errorOf(here), "TypeError: no such room")
      assert.strictEqual(errorOf(there), errorOf(here))
    })
  )
})
