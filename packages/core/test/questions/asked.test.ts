/**
 * Those who are asked: for how long a fan-out waits for them, and what they hear.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Fanout, FanoutError, Plan, Question, Questions, Snapshot, Tool } from "@toolscope/core"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"

const room = Plan.effect(Question.ask({ prompt: "Which room?", schema: Schema.Number }), Contract.readOnly)

/** Everybody is asked, and what is left open is suspended. */
const asking = (asked: NonNullable<Questions.Policy["asked"]>) =>
  Layer.succeed(Questions.Current, { whenOnlyQuestionsRemain: "suspend", asked })

const suspended = (error: unknown): FanoutError.Suspended<unknown> => {
  assert(error instanceof FanoutError.FanoutError, String(error))
  assert(error.reason._tag === "Suspended", String(error))
  return error.reason
}

describe("who is asked", () => {
  it.effect("is waited for; what is left open is suspended once nobody is being asked any more", () =>
    Effect.gen(function* () {
      const layer = asking((question, { answer }) =>
        Effect.andThen(Effect.sleep(100), question.call === "/a" ? answer(question.id, 1) : Effect.void)
      )
      const fiber = yield* Effect.forkChild(
        Effect.flip(Fanout.run(Plan.all({ a: room, b: room }), { runId: "r" })).pipe(Effect.provide(layer)),
        { startImmediately: true }
      )
      yield* TestClock.adjust(99)
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust(1)
      const { questions, snapshot } = suspended(yield* Fiber.join(fiber))
      assert.deepStrictEqual(
        questions.map(({ id }) => id),
        ["r/b?0"]
      )
      assert.deepStrictEqual(
        yield* Fanout.resume(Plan.all({ a: room, b: room }), snapshot, { answers: { "r/b?0": 2 } }),
        {
          a: 1,
          b: 2
        }
      )
    })
  )

  it.effect("hears after a resume of what is open, and of an answer that was refused", () =>
    Effect.gen(function* () {
      const plan = Plan.all({ a: room, b: room, c: room })
      const { snapshot } = suspended(yield* Effect.flip(Fanout.run(plan, { runId: "r" })))
      const heard: Array<string> = []
      const layer = Questions.answering(({ id }, { answer }) => {
        heard.push(id)
        return answer(id, 7)
      })
      const value = yield* Fanout.resume(plan, snapshot, { answers: { "r/a?0": 1, "r/c?0": "seven" } }).pipe(
        Effect.provide(layer)
      )
      assert.deepStrictEqual(value, { a: 1, b: 7, c: 7 })
      assert.deepStrictEqual([...heard].sort(), ["r/b?0", "r/c?0"])
    })
  )

  it.effect(
    "is interrupted when somebody else answers, or the question is withdrawn, but not by an answer of its own",
    () =>
      Effect.gen(function* () {
        const interrupted: Array<string> = []
        const finished: Array<string> = []
        const layer = asking(({ call, id }, { answer }) =>
          (call === "/own" ? Effect.andThen(answer(id, 3), Effect.sleep(10)) : Effect.never).pipe(
            Effect.onInterrupt(() => Effect.sync(() => interrupted.push(call))),
            Effect.andThen(Effect.sync(() => finished.push(call)))
          )
        )
        const go = yield* Deferred.make<void>()
        const plan = Plan.all({
          own: room,
          other: room,
          hurried: Plan.advisory(room, { grace: 50 }),
          rest: Plan.effect(Deferred.await(go), Contract.readOnly)
        })
        yield* Effect.gen(function* () {
          const handle = yield* Fanout.start(plan, { runId: "r" })
          yield* TestClock.adjust(10)
          assert.deepStrictEqual([interrupted, finished], [[], ["/own"]])
          yield* handle.answer("r/other?0", 4)
          yield* TestClock.adjust(0)
          assert.deepStrictEqual(interrupted, ["/other"])
          yield* Deferred.succeed(go, undefined)
          yield* TestClock.adjust(50)
          assert.deepStrictEqual(interrupted, ["/other", "/hurried"])
          assert.strictEqual((yield* handle.report).status, "succeeded")
        }).pipe(Effect.scoped, Effect.provide(layer))
      })
  )
})

it.effect("who has to agree before a start has to agree after a resume, too", () =>
  Effect.gen(function* () {
    const note = Tool.make("note", { contract: Contract.readOnly, handler: () => Effect.succeed("noted") })
    const fails = Tool.make("fails", {
      contract: Contract.readOnly,
      failure: Schema.String,
      handler: () => Effect.fail("no")
    })
    const plan = Plan.firstSuccess({ a: Plan.call(fails), b: Plan.call(note) }, { stagger: "infinity" })
    const first = suspended(yield* Effect.flip(Fanout.run(plan, { runId: "r", approval: "always" })))
    assert.strictEqual(first.snapshot.settings.approval, "always")
    const snapshot = yield* Snapshot.decode(JSON.parse(JSON.stringify(first.snapshot)))
    const second = suspended(yield* Effect.flip(Fanout.resume(plan, snapshot, { answers: { "r/a?approval": true } })))
    assert.deepStrictEqual(
      second.questions.map(({ id }) => id),
      ["r/b?approval"]
    )
  })
)
