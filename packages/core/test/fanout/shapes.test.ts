/**
 * What a run gives: the value has the shape of the plan, whatever policies it has, and the report names every call.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { Contract, Fanout, Plan, Report, Tool } from "@toolscope/core"
import { callOf, decisions, hangs, no, ok, outcomes, reading, reportOf } from "../support.ts"

/** Runs a plan to its value, in virtual time. */
const valueOf = <A, E>(plan: Plan.Plan<A, E>, options: Fanout.Options = {}) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Fanout.run(plan, options))
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.join(fiber)
  })

describe("the value has the shape of the plan", () => {
  it.effect("a call gives its value", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* valueOf(ok(1)), 1)
    })
  )

  it.effect("all of a record gives a record, all of a list gives a list in plan order", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* valueOf(Plan.all({ a: ok(1, 20), b: ok("x", 10) })), { a: 1, b: "x" })
      assert.deepStrictEqual(yield* valueOf(Plan.all([ok(1, 20), ok("x", 10)])), [1, "x"])
    })
  )

  it.effect("an empty all succeeds at once (JDK5, K8)", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* valueOf(Plan.all({})), {})
      assert.deepStrictEqual(yield* valueOf(Plan.all([])), [])
      assert.deepStrictEqual(yield* valueOf(Plan.all({ a: Plan.all([]), b: ok(1) })), { a: [], b: 1 })
    })
  )

  it.effect("an advisory gives an Option: Some when it answers, None when it fails or is late", () =>
    Effect.gen(function* () {
      const value = yield* valueOf(
        Plan.all({
          essential: ok(1),
          answers: Plan.advisory(ok(2, 10)),
          fails: Plan.advisory(no("e")),
          late: Plan.advisory(hangs(), { grace: 100 })
        })
      )
      assert.strictEqual(value.essential, 1)
      assert.deepStrictEqual(value.answers, Option.some(2))
      assert.deepStrictEqual(value.fails, Option.none())
      assert.deepStrictEqual(value.late, Option.none())
    })
  )

  it.effect("a quorum gives those that were counted: a record without the others, a list in plan order", () =>
    Effect.gen(function* () {
      const record = yield* valueOf(Plan.quorum(2, { a: hangs(), b: ok(2, 20), c: ok(3, 10) }))
      assert.deepStrictEqual(record, { b: 2, c: 3 })
      const list = yield* valueOf(Plan.quorum(2, [hangs(), ok(2, 20), ok(3, 10)]))
      assert.deepStrictEqual(list, [2, 3])
    })
  )

  it.effect("a first success gives the winner's value, bare", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* valueOf(Plan.firstSuccess({ a: no("e"), b: ok(2, 20), c: ok(3, 10) })), 3)
    })
  )

  it.effect("settled gives outcomes in the shape of its plan, as they are when the run closes", () =>
    Effect.gen(function* () {
      const value = yield* valueOf(
        Plan.settled(Plan.all({ a: ok(1), b: no("e", 10), c: Plan.quorum(1, [hangs()]), d: Plan.advisory(hangs()) }))
      )
      assert.deepStrictEqual(value, {
        a: { _tag: "Succeeded", value: 1 },
        b: { _tag: "Failed", error: "e" },
        c: [{ _tag: "Cancelled" }],
        d: { _tag: "Cancelled" }
      })
    })
  )

  it.effect("settled of every child lets all of them run: all-settled (JDK21, P2)", () =>
    Effect.gen(function* () {
      const value = yield* valueOf(Plan.all([Plan.settled(no("e")), Plan.settled(ok(1, 50)), Plan.settled(no(2, 99))]))
      assert.deepStrictEqual(value, [
        { _tag: "Failed", error: "e" },
        { _tag: "Succeeded", value: 1 },
        { _tag: "Failed", error: 2 }
      ])
    })
  )

  it.effect("a deadline that does not elapse gives the value of its child", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* valueOf(Plan.deadline(ok(1, 99), 100)), 1)
    })
  )

  it.effect("an agreement counts the first that agree, by JSON or by an Equivalence", () =>
    Effect.gen(function* () {
      const votes = { a: ok({ x: 1, y: 2 }), b: ok({ x: 9, y: 9 }), c: ok({ y: 2, x: 1 }, 10) }
      assert.deepStrictEqual(Object.keys(yield* valueOf(Plan.quorum(2, votes, { agree: true }))), ["a", "c"])
      const loud = { a: ok("no"), b: ok("YES", 1), c: ok("yes", 2) }
      const same = (x: string, y: string) => x.toLowerCase() === y.toLowerCase()
      assert.deepStrictEqual(yield* valueOf(Plan.quorum(2, loud, { agree: same })), { b: "YES", c: "yes" })
    })
  )

  it.effect("an Equivalence that throws does not agree, and nothing else happens", () =>
    Effect.gen(function* () {
      const report = yield* reportOf(
        Plan.quorum(2, [ok(1), ok(1)], {
          agree: () => {
            throw new Error("bug")
          }
        })
      )
      assert.strictEqual(report.status, "failed")
      assert.deepStrictEqual(outcomes(report), { "/0": "Succeeded", "/1": "Succeeded" })
    })
  )
})

describe("the report", () => {
  it.effect("holds every call in plan order, also those that never started, with the path of ids", () =>
    Effect.gen(function* () {
      const plan = Plan.all({
        a: Plan.all({ x: ok(1), y: Plan.settled(Plan.deadline(no("e"), 5)) }),
        b: Plan.firstSuccess([ok(1, 10), ok(2)], { stagger: "infinity" })
      })
      const report = yield* reportOf(plan)
      assert.deepStrictEqual(
        report.calls.map((call) => [call.id, call.outcome._tag, call.attempts]),
        [
          ["/a/x", "Succeeded", 1],
          ["/a/y", "Failed", 1],
          ["/b/0", "Succeeded", 1],
          ["/b/1", "Skipped", 0]
        ]
      )
      assert.deepStrictEqual(decisions(report), {
        "/plan": "succeeded",
        "/plan/all/0": "succeeded",
        "/plan/all/0/all/1": "succeeded",
        "/plan/all/0/all/1/settled": "failed",
        "/plan/all/1": "succeeded"
      })
    })
  )

  it.effect("used says whose value is in the result: not the surplus of a quorum, not the losers of a race", () =>
    Effect.gen(function* () {
      const never = Contract.make({ effect: "additive", interruption: "never" })
      const report = yield* reportOf(
        Plan.all({ q: Plan.quorum(1, { a: ok(1), b: ok(2, 10, never) }), f: Plan.firstSuccess([hangs(), ok(1)]) })
      )
      assert.deepStrictEqual(
        report.calls.map((call) => [call.id, call.outcome._tag, call.used]),
        [
          ["/q/a", "Succeeded", true],
          ["/q/b", "Succeeded", false],
          ["/f/0", "Cancelled", false],
          ["/f/1", "Succeeded", true]
        ]
      )
      assert.deepStrictEqual(callOf(report, "/q/b").effects[0]?.state, "committed")
    })
  )

  it.effect("its JSON form is what its schema says, for every outcome", () =>
    Effect.gen(function* () {
      class Sold extends Schema.TaggedError<Sold>()("Sold", { left: Schema.Number }) {}
      const Buy = Tool.make("buy", {
        parameters: Schema.Struct({ n: Schema.Number }),
        success: Schema.Date,
        failure: Sold,
        contract: reading,
        handler: ({ n }) => (n === 0 ? Effect.fail(new Sold({ left: 3 })) : Effect.succeed(new Date(n)))
      })
      const report = yield* reportOf(
        Plan.all({
          good: Plan.call(Buy, { n: 1 }),
          bad: Plan.settled(Plan.call(Buy, { n: 0 })),
          late: Plan.advisory(hangs()),
          lost: Plan.settled(Plan.effect(Effect.die("bug"), Contract.irreversible))
        })
      )
      const json: unknown = JSON.parse(JSON.stringify(Report.toJson(report)))
      const decoded = yield* Schema.decodeUnknownEffect(Report.Json)(json, { onExcessProperty: "error", errors: "all" })
      assert.deepStrictEqual(
        decoded.calls.map((call) => [call.outcome, call.value, call.error?._tag]),
        [
          ["Succeeded", "1970-01-01T00:00:00.001Z", undefined],
          ["Failed", undefined, "Sold"],
          ["Cancelled", undefined, undefined],
          ["Unknown", undefined, "Defect"]
        ]
      )
    })
  )
})
