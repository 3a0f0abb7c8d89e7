/**
 * Small print: what a planner, an observer or a reader of the report would trip over.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Fanout, Journal, Plan, PlanDocument, Report, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { StandardSchemaV1 } from "effect/StandardSchema"
import { TestClock } from "effect/testing"

const Search = Tool.make("search", {
  parameters: Schema.Struct({ query: Schema.String, limit: Schema.optionalKey(Schema.Int) }),
  contract: Contract.readOnly,
  handler: ({ query }) => Effect.succeed(query)
})
const after = (millis: number) => Plan.effect(Effect.as(Effect.sleep(millis), millis), Contract.readOnly)

describe("a plan document", () => {
  it.effect("with a misspelled optional parameter is refused, not run without it", () =>
    Effect.gen(function* () {
      const document = { toolscope: 1, plan: { call: "search", params: { query: "x", limt: 3 } } }
      const { faults } = yield* Effect.flip(PlanDocument.decode(document, [Search]))
      assert.deepStrictEqual(
        faults.map(({ _tag, pointer }) => [_tag, pointer]),
        [["BadParameters", "/plan/params/limt"]]
      )
    })
  )

  it.effect("in which outcomes would have to agree before they are fixed is refused", () =>
    Effect.gen(function* () {
      const one = Plan.deadline(Plan.settled(after(1)), "1 second")
      const error = yield* Effect.flip(Fanout.run(Plan.quorum(1, [one], { agree: true })))
      assert.strictEqual(error._tag, "PlanError")
      if (error._tag !== "PlanError") return
      assert.deepStrictEqual(
        error.faults.map(({ _tag, pointer }) => [_tag, pointer]),
        [["Misplaced", "/plan/of/0/of"]]
      )
    })
  )
})

describe("a tie", () => {
  it.effect("between an answer and its timeout goes to the answer, whoever else ends at that time", () =>
    Effect.gen(function* () {
      const tied = Plan.effect(Effect.sleep(100), Contract.readOnly, { timeout: 100 })
      const plan = Plan.all([Plan.settled(after(100)), Plan.settled(tied)])
      const fiber = yield* Effect.forkChild(Fanout.run(plan), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      const outcomes = yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        outcomes.map(({ _tag }) => _tag),
        ["Succeeded", "Succeeded"]
      )
    })
  )
})

describe("a Standard Schema that transforms", () => {
  it.effect("may describe an answer: it is asked once, and its value is the call's", () =>
    Effect.gen(function* () {
      const length: StandardSchemaV1<string, number> = {
        "~standard": {
          version: 1,
          vendor: "test",
          validate: (u) => (typeof u === "string" ? { value: u.length } : { issues: [{ message: "expected text" }] })
        }
      }
      const tool = Tool.fromPromise("count", {
        success: length,
        contract: Contract.readOnly,
        execute: () => Promise.resolve("four")
      })
      const fiber = yield* Effect.forkChild(Fanout.run(Plan.call(tool)), { startImmediately: true })
      assert.strictEqual(yield* Fiber.join(fiber), 4)
    })
  )
})

class Busy extends Schema.TaggedError<Busy>()("Busy", { until: Schema.Number }) {}

describe("an outcome in the value", () => {
  it.effect("has its error in JSON as a call of the report has it", () =>
    Effect.gen(function* () {
      const tool = Tool.make("book", {
        failure: Busy,
        contract: Contract.readOnly,
        handler: () => Effect.fail(new Busy({ until: 3 }))
      })
      const journal = Journal.memory()
      yield* Effect.provideService(Fanout.run(Plan.settled(Plan.call(tool))), Journal.Current, journal)
      const closed = journal.events.at(-1)!
      assert.isTrue(closed.type === "fanout.closed")
      if (closed.type !== "fanout.closed") return
      assert.deepStrictEqual(closed.report.value, { _tag: "Failed", error: closed.report.calls[0]!.error! })
      assert.deepInclude(closed.report.calls[0]!.error, { _tag: "Busy" })
    })
  )
})

describe("a report", () => {
  it.effect("says drained when what was left behind has ended before the close", () =>
    Effect.gen(function* () {
      const brief = Plan.effect(Effect.uninterruptible(Effect.sleep(150)), Contract.readOnly)
      const long = Plan.effect(Effect.uninterruptible(Effect.sleep(400)), Contract.readOnly)
      const plan = Plan.all({
        brief: Plan.advisory(brief, { grace: "10 millis" }),
        long: Plan.advisory(long, { grace: "350 millis" }),
        now: after(1)
      })
      const report = yield* Effect.scoped(
        Effect.gen(function* () {
          const handle = yield* Fanout.start(plan, { drain: "100 millis" })
          yield* TestClock.adjust("1 second")
          return yield* handle.report
        })
      )
      const [left] = report.calls
      assert.deepInclude(left, { leftBehind: true, late: [1] })
      assert.isTrue(report.drained)
      assert.isTrue(Report.toJson(report).drained)
    })
  )
})

describe("an observer", () => {
  it.effect("that was too slow learns at the end how much it has missed", () =>
    Effect.gen(function* () {
      const journal = Journal.memory()
      const seen = yield* Effect.scoped(
        Effect.gen(function* () {
          const stream = yield* journal.observe({ capacity: 3 })
          yield* Effect.provideService(Fanout.run(Plan.all([after(0), after(0)])), Journal.Current, journal)
          return yield* Stream.runCollect(Stream.take(stream, 4))
        })
      )
      assert.strictEqual(seen.length, 4)
      assert.deepInclude(seen[3], { type: "journal.dropped", count: journal.events.length - 3 })
    })
  )
})
