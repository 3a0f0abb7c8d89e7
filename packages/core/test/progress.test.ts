/**
 * Progress: what a handler says of how far it has come reaches who observes, and nothing else.
 */
import { assert, describe, it } from "@effect/vitest"
import { Attempt, Contract, Fanout, Journal, type Outcome, Plan, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import { call, contract, run, tool } from "@toolscope/core/promise"

/** What an observer sees of a run, and what its journal holds afterwards. */
const observed = (plan: Plan.Plan<unknown, unknown>, capacity = 1_024) =>
  Effect.gen(function* () {
    const journal = Journal.memory()
    const stream = yield* journal.observe({ capacity })
    yield* Effect.exit(Effect.provideService(Fanout.run(plan), Journal.Current, journal))
    const last = journal.events.at(-1)!.type
    const isLast = ({ type }: Journal.Event) => type === last || type === "journal.dropped"
    return { seen: yield* Stream.runCollect(Stream.takeUntil(stream, isLast)), kept: journal.events }
  }).pipe(Effect.scoped)

const says = (count: number) =>
  Effect.forEach(Array.from({ length: count }), (_, i) => Attempt.progress({ done: i + 1 }), { discard: true })

const words = (outcome: Outcome.Outcome<unknown, unknown>) =>
  "error" in outcome && outcome.error instanceof Error ? outcome.error.message : ""

describe("progress", () => {
  it.effect("of Effects and of promises is shown to observers, in its place, and not kept", () =>
    Effect.gen(function* () {
      const Read = Tool.fromPromise("read", {
        contract: Contract.readOnly,
        execute: ({}, { progress }) => {
          progress({ done: 1, total: 2, message: "half" })
          return Promise.resolve()
        }
      })
      const a = Plan.effect(Attempt.progress({ done: 0.5 }), Contract.readOnly)
      const { kept, seen } = yield* observed(Plan.all({ a, b: Plan.call(Read, {}) }))
      const progress = seen.filter((event) => event.type === "attempt.progress")
      assert.deepStrictEqual(
        progress.map(({ attempt, call, done, message, total }) => ({ attempt, call, done, message, total })),
        [
          { attempt: 1, call: "/a", done: 0.5, message: undefined, total: undefined },
          { attempt: 1, call: "/b", done: 1, message: "half", total: 2 }
        ]
      )
      assert.deepStrictEqual(
        seen.filter(({ type }) => type !== "attempt.progress"),
        kept
      )
      // as the event before it
      for (const event of progress) assert.strictEqual(event.seq, seen[seen.indexOf(event) - 1]!.seq)
    })
  )

  it.effect("never pushes out what is kept: it is the first that a slow observer misses", () =>
    Effect.gen(function* () {
      const { kept, seen } = yield* observed(Plan.effect(says(10_000), Contract.readOnly), 20)
      assert.deepStrictEqual(
        seen.filter(({ type }) => type !== "attempt.progress"),
        kept
      )
      assert.isBelow(seen.length, 20)
    })
  )

  it.effect("of an attempt that is over is not shown; of none at all is a defect", () =>
    Effect.gen(function* () {
      let late: Attempt.Attempt | undefined
      const first = Effect.map(Attempt.current, (attempt) => {
        late = attempt
      })
      const second = Effect.sync(() => {
        late!.progress({ done: 1 })
      })
      const { seen } = yield* observed(
        Plan.firstSuccess(
          [
            Plan.effect(Effect.andThen(first, Effect.fail("no")), Contract.readOnly),
            Plan.effect(second, Contract.readOnly)
          ],
          { stagger: "infinity" }
        )
      )
      assert.isDefined(late)
      assert.isFalse(seen.some(({ type }) => type === "attempt.progress"))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(Attempt.progress({ done: 1 }))))
    })
  )

  it.effect("that is no number is a fault of the handler", () =>
    Effect.gen(function* () {
      const bad = (progress: Attempt.Progress) =>
        Plan.settled(Plan.effect(Attempt.progress(progress), Contract.readOnly))
      const outcomes = yield* Fanout.run(
        Plan.all({ a: bad({ done: Number.NaN }), b: bad({ done: 1, total: Infinity }) })
      )
      assert.include(words(outcomes.a), "done is a finite number")
      assert.include(words(outcomes.b), "total is a finite number")
    })
  )

  it("reaches onEvent of the promise entry", async () => {
    const read = tool({
      name: "read",
      contract: contract.readOnly,
      execute: (_, { progress }) => {
        progress({ done: 1, total: 3 })
      }
    })
    const seen: Array<unknown> = []
    await run(call(read), {
      tools: [read],
      onEvent: (event) => {
        if (event.type === "attempt.progress") seen.push([event.call, event.done, event.total, event.message])
      }
    })
    assert.deepStrictEqual(seen, [["/", 1, 3, undefined]])
  })
})
