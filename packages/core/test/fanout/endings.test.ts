/**
 * "An end" and "a stop": which outcome a call gets, by how its attempt ended, what its contract says, and whether it was stopped.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { CallError, Contract, Fanout, Outcome, Plan, Tool } from "@toolscope/core"
import { callOf, hangs, no, ok, outcomes, reading, reportOf } from "../support.ts"

const maybe = Contract.make({ effect: "mutating", interruption: "anywhere" })
const nothing = Contract.make({ effect: "mutating", interruption: "anywhere", failure: "nothing" })
const byTag = Contract.make({ effect: "mutating", interruption: "anywhere", failure: { Refused: "nothing" } })
const untouchable = Contract.make({ effect: "mutating", interruption: "never" })

const reasonOf = (outcome: Outcome.Outcome<unknown, unknown>): string | undefined =>
  "error" in outcome && CallError.isCallError(outcome.error) ? outcome.error.reason._tag : undefined

/** The outcome, the reason of its error if Toolscope made that, and the state of its effect. */
const endOf = (effect: Effect.Effect<unknown, unknown>, contract: Contract.Contract, options = {}) =>
  Effect.map(reportOf(Plan.settled(Plan.effect(effect, contract, options))), (report) => {
    const { effects, outcome } = report.calls[0]!
    return [outcome._tag, reasonOf(outcome), effects.map((e) => e.state).join()]
  })

describe("an attempt that was not stopped", () => {
  const refused = Effect.fail({ _tag: "Refused" })
  const boom = Effect.die(new Error("boom"))
  const self = Effect.interrupt
  const cases: ReadonlyArray<
    readonly [string, Effect.Effect<unknown, unknown>, Contract.Contract, ReadonlyArray<string | undefined>]
  > = [
    ["a value of a reader", Effect.succeed(1), reading, ["Succeeded", undefined, ""]],
    ["a value of an actor", Effect.succeed(1), maybe, ["Succeeded", undefined, "committed"]],
    ["an error of a reader", refused, reading, ["Failed", undefined, ""]],
    ["an error that may have acted", refused, maybe, ["Failed", undefined, "unknown"]],
    ["an error that says nothing happened", refused, nothing, ["Failed", undefined, ""]],
    ["an error whose tag says nothing happened", refused, byTag, ["Failed", undefined, ""]],
    ["an error whose tag is not listed", Effect.fail({ _tag: "Other" }), byTag, ["Failed", undefined, "unknown"]],
    ["an error without a tag", Effect.fail("text"), byTag, ["Failed", undefined, "unknown"]],
    [
      "an error with the name of a prototype's member",
      Effect.fail({ _tag: "toString" }),
      byTag,
      ["Failed", undefined, "unknown"]
    ],
    ["a defect of a reader", boom, reading, ["Failed", "Defect", ""]],
    ["a defect of an actor, whatever a failure says", boom, nothing, ["Unknown", "Defect", "unknown"]],
    ["a reader that interrupts itself", self, reading, ["Failed", "Interrupted", ""]],
    ["an actor that interrupts itself", self, maybe, ["Unknown", "Interrupted", "unknown"]]
  ]
  for (const [name, effect, contract, expected] of cases) {
    it.effect(`${name} is ${expected.filter(Boolean).join(" ")}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* endOf(effect, contract), expected)
      })
    )
  }

  it.effect("a handler that throws before it returns an Effect is Threw, and may have acted", () =>
    Effect.gen(function* () {
      const thrower = (contract: Contract.Contract) =>
        Plan.call(
          Tool.make("t", {
            contract,
            handler: (): Effect.Effect<never> => {
              throw new Error("sync")
            }
          })
        )
      const read = yield* reportOf(thrower(reading))
      assert.deepStrictEqual(reasonOf(read.calls[0]!.outcome), "Threw")
      assert.strictEqual(read.calls[0]!.outcome._tag, "Failed")
      const act = yield* reportOf(thrower(nothing))
      assert.strictEqual(act.calls[0]!.outcome._tag, "Unknown")
    })
  )

  it.effect("a malformed result fails the call alone, and what it did stays unknown", () =>
    Effect.gen(function* () {
      const tool = Tool.make("t", {
        success: Schema.Struct({ n: Schema.Number }),
        contract: nothing,
        handler: () => Effect.succeed({ n: "no number" } as never)
      })
      const report = yield* reportOf(Plan.all([Plan.settled(Plan.call(tool)), ok(1)]))
      const { effects, outcome } = callOf(report, "/0")
      assert.strictEqual(report.status, "succeeded")
      assert.strictEqual(outcome._tag, "Failed")
      assert.strictEqual(reasonOf(outcome), "MalformedResult")
      assert.strictEqual(effects[0]?.state, "unknown")
      assert.include((outcome as { error: Error }).error.message, "/n")
    })
  )

  it.effect("a typed error keeps its type beside a defect (Z7)", () =>
    Effect.gen(function* () {
      const both = Effect.failCause(Cause.combine(Cause.die("bug"), Cause.fail("typed")))
      const error = yield* Effect.flip(Fanout.run(Plan.all([Plan.effect(both, reading), hangs()])))
      assert.strictEqual(error._tag, "FanoutError")
      assert.deepStrictEqual(error._tag === "FanoutError" && error.reason.calls, [{ id: "/0", error: "typed" }])
    })
  )

  it.effect("one defect does not turn the typed errors of siblings into defects, nor hide their values (Z7, Z8)", () =>
    Effect.gen(function* () {
      const report = yield* reportOf(
        Plan.all([no("typed"), Plan.effect(Effect.die("bug"), reading), ok(1)].map((p) => Plan.settled(p)))
      )
      assert.deepStrictEqual(report.calls[0]!.outcome, Outcome.failed("typed"))
      assert.strictEqual(reasonOf(report.calls[1]!.outcome), "Defect")
      assert.deepStrictEqual(report.calls[2]!.outcome, Outcome.succeeded(1))
    })
  )
})

describe("a timeout", () => {
  it.effect("fails a reader with TimedOut once it has drained; an actor is Unknown; nobody is Cancelled", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* endOf(Effect.never, reading, { timeout: 10 }), ["Failed", "TimedOut", ""])
      assert.deepStrictEqual(yield* endOf(Effect.never, nothing, { timeout: 10 }), ["Unknown", "TimedOut", "unknown"])
    })
  )

  it.effect("an answer wins a tie with its timeout; one that is a millisecond late does not", () =>
    Effect.gen(function* () {
      const answer = (millis: number) => Effect.as(Effect.sleep(millis), 1)
      assert.deepStrictEqual(yield* endOf(answer(10), reading, { timeout: 10 }), ["Succeeded", undefined, ""])
      assert.deepStrictEqual(yield* endOf(answer(11), reading, { timeout: 10 }), ["Failed", "TimedOut", ""])
      assert.deepStrictEqual(yield* endOf(Effect.succeed(1), reading, { timeout: 0 }), ["Succeeded", undefined, ""])
    })
  )

  it.effect("an answer after it is kept but not used, and no policy hears of it (E9, C14)", () =>
    Effect.gen(function* () {
      const late = Plan.effect(Effect.as(Effect.sleep(20), "late"), untouchable, { timeout: 10 })
      const report = yield* reportOf(Plan.firstSuccess([late, ok("next")], { stagger: "infinity" }))
      const { effects, outcome, used, verdict } = report.calls[0]!
      assert.deepStrictEqual(
        [outcome, used, verdict, effects[0]?.state],
        [Outcome.succeeded("late"), false, "failed", "committed"]
      )
      assert.strictEqual(report.status, "failed", "its effect cannot be undone, so no rival may start")
    })
  )

  it.effect("an error met while it drains is kept beside the outcome", () =>
    Effect.gen(function* () {
      const effect = Effect.onInterrupt(Effect.never, () => Effect.fail("in cleanup") as Effect.Effect<never>)
      const report = yield* reportOf(Plan.effect(effect, reading, { timeout: 10 }))
      const { afterStop, outcome } = report.calls[0]!
      assert.strictEqual(reasonOf(outcome), "TimedOut")
      assert.strictEqual(afterStop, "in cleanup")
    })
  )
})

describe("a call that is stopped by its sibling", () => {
  const trigger = no("trigger", 10)
  /** The report of a call that runs when its sibling fails after 10 ms. */
  const stopped = (plan: Plan.Plan<unknown, unknown>) =>
    Effect.map(reportOf(Plan.all({ trigger, it: plan })), (report) => callOf(report, "/it"))

  it.effect("is Cancelled if it cannot have acted, and names who stopped it", () =>
    Effect.gen(function* () {
      const { outcome, stoppedBy, verdict } = yield* stopped(hangs())
      assert.deepStrictEqual(
        [outcome._tag, verdict, stoppedBy?.source, stoppedBy?.call],
        ["Cancelled", "none", "sibling", "/trigger"]
      )
    })
  )

  it.effect("is Unknown if it may have acted: Cancelled is never said of it (R2, Z10)", () =>
    Effect.gen(function* () {
      const call = yield* stopped(hangs(nothing))
      assert.strictEqual(call.outcome._tag, "Unknown")
      assert.strictEqual(call.effects[0]?.state, "unknown")
    })
  )

  it.effect("is Cancelled if it answers after the stop that nothing happened, the error kept as afterStop", () =>
    Effect.gen(function* () {
      const answers = Plan.effect(Effect.andThen(Effect.sleep(20), Effect.fail("rolled back")), {
        ...untouchable,
        failure: "nothing"
      } as Contract.Contract)
      const { afterStop, effects, outcome } = yield* stopped(answers)
      assert.deepStrictEqual([outcome._tag, afterStop, effects], ["Cancelled", "rolled back", []])
    })
  )

  it.effect("keeps a success of interruption never as Succeeded, unused (Z9)", () =>
    Effect.gen(function* () {
      const { effects, outcome, used, verdict } = yield* stopped(ok("done", 20, untouchable))
      assert.deepStrictEqual(
        [outcome, used, verdict, effects[0]?.state],
        [Outcome.succeeded("done"), false, "none", "committed"]
      )
    })
  )

  it.effect("reports a defect of its cleanup beside the outcome", () =>
    Effect.gen(function* () {
      const dying = Plan.effect(
        Effect.andThen(
          Effect.addFinalizer(() => Effect.die("dirty")),
          Effect.never
        ),
        reading
      )
      const { cleanup, outcome } = yield* stopped(dying as never)
      assert.strictEqual(outcome._tag, "Cancelled")
      assert.include(cleanup!, "dirty")
    })
  )

  it.effect("is Skipped where it waited for a permit", () =>
    Effect.gen(function* () {
      const report = yield* reportOf(Plan.all([trigger, hangs()]), { concurrency: 1 })
      assert.deepStrictEqual(outcomes(report), { "/0": "Failed", "/1": "Skipped" })
      assert.strictEqual(report.calls[1]!.attempts, 0)
    })
  )

  it.effect("between two attempts is Cancelled with the error of the last one, or Unknown if that may have acted", () =>
    Effect.gen(function* () {
      const flaky = (contract: Contract.Contract) =>
        Plan.effect(Effect.fail("flaky"), contract, { retry: 5 }) as Plan.Plan<never, string>
      const read = yield* stopped(flaky(reading))
      assert.deepStrictEqual(read.outcome, Outcome.cancelled("flaky"))
      const act = yield* stopped(flaky(Contract.idempotent))
      assert.deepStrictEqual(act.outcome, Outcome.unknown("flaky"))
      assert.strictEqual(act.effects[0]?.state, "unknown")
    })
  )
})
