/**
 * When an effect is in doubt, who is asked about it, and what its probe and its undo are told. Not knowing is said where one does not know,
 * and nowhere else.
 */
import { assert, describe, it } from "@effect/vitest"
import { CallError, Commit, Contract, Fanout, Plan, Tool } from "@toolscope/core"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { compensable, marked, type Run, runOf, shown, World } from "./support.ts"

const ran = <A, E>(plan: Plan.Plan<A, E>, options?: Fanout.Options) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(runOf(plan, options))
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

const failsAt = (millis: number) => Plan.effect(Effect.delay(Effect.fail("bad"), millis), Contract.readOnly)
const acting = (fields: Partial<Contract.Acting>) => Contract.make({ effect: "additive", commit: "marked", ...fields })
/** A call with parameters, whose handler this is. */
const callWith = (contract: Contract.Contract, handler: Effect.Effect<unknown, unknown>) =>
  Plan.call(
    Tool.make("book", {
      parameters: Schema.Struct({ room: Schema.Number }),
      success: Schema.Unknown,
      failure: Schema.Unknown,
      contract,
      handler: () => handler
    }),
    { room: 7 }
  )
const reasonOf = ({ report }: Run) => {
  const { outcome } = report.calls[0]!
  const error = "error" in outcome ? outcome.error : undefined
  return CallError.isCallError(error) ? error.reason : error
}

describe("a failure says that nothing happened", () => {
  const saysNothing = acting({ failure: "nothing" })
  const comesTo = (end: Effect.Effect<unknown, unknown>) =>
    Effect.map(ran(Plan.effect(Commit.run(end), saysNothing)), ({ report }) => shown(report, "/"))

  it.effect("if it is an error of the tool: no defect, no interruption, and not the lack of any reason", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* comesTo(Effect.fail("no")), "Failed")
      assert.strictEqual(yield* comesTo(Effect.die("bug")), "Unknown unknown")
      assert.strictEqual(yield* comesTo(Effect.interrupt), "Unknown unknown")
      assert.strictEqual(yield* comesTo(Effect.failCause(Cause.empty)), "Unknown unknown")
    })
  )

  it.effect("if nothing else went wrong beside it", () =>
    Effect.gen(function* () {
      const fail = Cause.makeFailReason("no")
      const die = Cause.makeDieReason("bug")
      for (const reasons of [
        [fail, die],
        [die, fail],
        [fail, fail]
      ]) {
        assert.strictEqual(yield* comesTo(Effect.failCause(Cause.fromReasons(reasons))), "Failed unknown")
      }
    })
  )
})

describe("a probe", () => {
  it.effect("is told the key, the parameters, and no value", () =>
    Effect.gen(function* () {
      for (const whose of ["the commit", "the contract"]) {
        const told: Array<Contract.Done> = []
        const probe = (done: Contract.Done) => Effect.sync(() => told.push(done) > 0)
        const ofCommit = whose === "the commit" ? { probe } : {}
        const handler = Effect.andThen(Commit.run(Effect.void), Commit.run(Effect.fail("no"), ofCommit))
        yield* ran(callWith(acting(whose === "the contract" ? { probe } : {}), handler))
        assert.deepStrictEqual(told, [{ key: "r/#1", params: { room: 7 }, value: Option.none() }])
      }
    })
  )

  it.effect("of the commit is asked instead of that of the contract", () =>
    Effect.gen(function* () {
      const contract = acting({ probe: () => Effect.succeed(true) })
      const run = yield* ran(
        Plan.effect(Commit.run(Effect.fail("no"), { probe: () => Effect.succeed(false) }), contract)
      )
      assert.strictEqual(shown(run.report, "/"), "Failed")
    })
  )

  it.effect("that throws instead of answering does not know", () =>
    Effect.gen(function* () {
      const probe = () => {
        throw new Error("bug")
      }
      const run = yield* ran(Plan.effect(Commit.run(Effect.fail("no"), { probe }), marked))
      assert.strictEqual(shown(run.report, "/"), "Failed unknown")
    })
  )

  it.effect("is not asked about what is known", () =>
    Effect.gen(function* () {
      let asked = 0
      const probe = () => Effect.succeed(++asked > 0)
      const contract = acting({ failure: "nothing", probe })
      yield* ran(Plan.effect(Commit.run(Effect.void), contract))
      yield* ran(Plan.effect(Commit.run(Effect.fail("no")), contract))
      assert.strictEqual(asked, 0)
    })
  )
})

describe("an effect with a bound of its own", () => {
  const bounded = (effect: Effect.Effect<unknown, unknown>) =>
    ran(Plan.effect(Commit.run(effect, { timeout: "10 millis" }), marked))

  it.effect("that ends within it is what it is, also where it interrupts itself", () =>
    Effect.gen(function* () {
      const succeeds = yield* bounded(Effect.as(Effect.sleep(9), "done"))
      assert.strictEqual(shown(succeeds.report, "/"), "Succeeded committed used")
      assert.deepInclude(succeeds.report.calls[0]!.outcome, { value: "done" })
      const fails = yield* bounded(Effect.fail("no"))
      assert.strictEqual(reasonOf(fails), "no")
      const interrupted = yield* bounded(Effect.interrupt)
      assert.deepInclude(reasonOf(interrupted), { _tag: "Interrupted" })
    })
  )

  it.effect("that exceeds it is interrupted, and waited for", () =>
    Effect.gen(function* () {
      let cleaned = false
      const slow = Effect.ensuring(
        Effect.never,
        Effect.andThen(
          Effect.sleep(20),
          Effect.sync(() => {
            cleaned = true
          })
        )
      )
      const run = yield* bounded(slow)
      assert.isTrue(cleaned)
      assert.strictEqual(shown(run.report, "/"), "Unknown unknown")
      assert.deepInclude(reasonOf(run), { _tag: "TimedOut", millis: 10 })
      const { settledAt, startedAt } = run.report.calls[0]!
      assert.strictEqual(settledAt - startedAt!, 30)
    })
  )

  it.effect("that fails or dies although it was interrupted says so itself", () =>
    Effect.gen(function* () {
      const fails = yield* bounded(Effect.uninterruptible(Effect.delay(Effect.fail("full"), 20)))
      assert.strictEqual(reasonOf(fails), "full")
      assert.strictEqual(shown(fails.report, "/"), "Failed unknown")
      const dies = yield* bounded(Effect.ensuring(Effect.never, Effect.die("bug")))
      assert.deepInclude(reasonOf(dies), { _tag: "Defect", defect: "bug" })
      assert.strictEqual(shown(dies.report, "/"), "Unknown unknown")
    })
  )

  it.effect("that ends in the instant of its bound is committed if it has happened", () =>
    Effect.gen(function* () {
      const waits = [Effect.sleep(10), Effect.andThen(Effect.sleep(5), Effect.sleep(5))]
      for (const [i, wait] of waits.entries()) {
        for (let steps = 0; steps < 12; steps++) {
          const happened: Array<string> = []
          const yields = Effect.forEach(Array.from({ length: steps }), () => Effect.yieldNow)
          const effect = Effect.andThen(
            Effect.andThen(wait, yields),
            Effect.sync(() => happened.push("done"))
          )
          const { report } = yield* bounded(effect)
          const expected = happened.length > 0 ? "Succeeded committed used" : "Unknown unknown"
          assert.strictEqual(shown(report, "/"), expected, `the ${i + 1}. kind, after ${steps} further steps`)
        }
      }
    })
  )
})

describe("an effect that cannot even be made", () => {
  it.effect("has passed the gate all the same, and is in doubt", () =>
    Effect.gen(function* () {
      const run = yield* ran(
        Plan.effect(
          Commit.run((): Effect.Effect<void> => {
            throw new Error("bug")
          }),
          marked
        )
      )
      assert.strictEqual(shown(run.report, "/"), "Unknown unknown")
      const reason = reasonOf(run)
      assert(reason instanceof CallError.Defect && reason.defect instanceof Error)
      assert.strictEqual(reason.defect.message, "bug")
    })
  )
})

describe("an effect is undone", () => {
  /** What is undone, and by whom, where the commit comes with these options under this contract. */
  const undone = (
    contract: (undo: (by: string) => Contract.Compensate) => Contract.Contract,
    optionsOf: (undo: (by: string) => Contract.Compensate) => Commit.Options<unknown>,
    effect: Effect.Effect<unknown, unknown> = Effect.succeed("done")
  ) =>
    Effect.gen(function* () {
      const told: Array<unknown> = []
      const undo = (by: string) => (done: Contract.Done) => Effect.sync(() => told.push({ by, ...done }))
      const call = callWith(contract(undo), Commit.run(effect, optionsOf(undo)))
      const run = yield* ran(Plan.atomic(Plan.all({ call, bad: failsAt(10) })))
      assert.strictEqual(run.report.calls[0]!.effects[0]!.state, "compensated")
      return told
    })
  const told = (by: string, value: Option.Option<unknown>) => [{ by, key: "r/call#0", params: { room: 7 }, value }]

  it.effect("as its commit says, told the key, the parameters, and its answer", () =>
    Effect.gen(function* () {
      const atCommit = yield* undone(
        () => compensable,
        (undo) => ({ compensate: undo("commit") })
      )
      assert.deepStrictEqual(atCommit, told("commit", Option.some("done")))
      const both = yield* undone(
        (undo) => acting({ compensate: undo("contract") }),
        (undo) => ({ compensate: undo("commit") })
      )
      assert.deepStrictEqual(both, told("commit", Option.some("done")))
    })
  )

  it.effect("as the contract says where the commit says nothing", () =>
    Effect.gen(function* () {
      const by = yield* undone(
        (undo) => acting({ compensate: undo("contract") }),
        () => ({})
      )
      assert.deepStrictEqual(by, told("contract", Option.some("done")))
    })
  )

  it.effect("told no answer where that is in doubt", () =>
    Effect.gen(function* () {
      for (const probe of [() => Effect.succeed(true), () => Effect.fail("down")]) {
        const doubt = yield* undone(
          (undo) => acting({ compensate: undo("contract"), probe }),
          () => ({}),
          Effect.fail("no")
        )
        assert.deepStrictEqual(doubt, told("contract", Option.none()))
      }
    })
  )

  it.effect("not at all where it did not happen", () =>
    Effect.gen(function* () {
      const world = new World()
      const ends = {
        fails: [Effect.fail("no"), { failure: "nothing" }],
        probed: [Effect.die("bug"), { probe: () => Effect.succeed(false) }]
      } as const
      for (const [end, fields] of Object.values(ends)) {
        const contract = acting({ ...fields, compensate: world.undo("a") })
        const run = yield* ran(Plan.atomic(Plan.effect(Commit.run(end), contract)))
        assert.strictEqual(shown(run.report, "/"), "Failed")
        assert.deepStrictEqual(run.report.calls[0]!.effects, [])
        assert.deepStrictEqual(world.log, [])
      }
    })
  )

  it.effect("in a scope of its own, which closes when it is over", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const write = (line: string) => Effect.sync(() => log.push(line))
      const compensate = () =>
        Effect.andThen(
          Effect.addFinalizer(() => write("undo closed")),
          write("undo")
        )
      const handler = Effect.andThen(
        Effect.addFinalizer(() => write("handler closed")),
        Commit.run(Effect.void, { compensate })
      )
      const acts = Plan.effect(handler as Effect.Effect<void>, compensable)
      yield* ran(Plan.atomic(Plan.all({ acts, bad: failsAt(10) })))
      assert.deepStrictEqual(log, ["handler closed", "undo", "undo closed"])
    })
  )
})
