/**
 * Commits of a handler that asks, and is resumed elsewhere: it runs again from its top, and what it did before is not done again, unless its
 * contract allows that.
 */
import { assert, describe, it } from "@effect/vitest"
import { CallError, Commit, Contract, Fanout, FanoutError, Journal, Plan, Question, Snapshot } from "@toolscope/core"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"

const acting = (fields: Partial<Contract.Acting> = {}) =>
  Contract.make({ effect: "additive", commit: "marked", ...fields })
const room = Question.ask({ prompt: "Which room?", schema: Schema.Number })
const failed = <A, E>(plan: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(plan), (error) => {
    assert(error instanceof FanoutError.FanoutError, String(error))
    return error
  })

/** Runs to the suspension; the snapshot goes through text, as it would to another process. */
const suspend = <A, E>(plan: Plan.Plan<A, E>) =>
  Effect.flatMap(failed(Fanout.run(plan, { runId: "r" })), ({ reason }) => {
    assert(reason._tag === "Suspended", reason._tag)
    return Snapshot.decode(JSON.parse(JSON.stringify(reason.snapshot)))
  })

/** How it ends with this answer to its only question, and what the journal says of its effects from there on. */
const resume = <A, E>(plan: Plan.Plan<A, E>, snapshot: Snapshot.Snapshot, answer = 7) => {
  const journal = Journal.memory()
  const id = snapshot.questions[0]!.id
  return Effect.map(Effect.exit(Fanout.resume(plan, snapshot, { answers: { [id]: answer } })), (exit) => {
    const { events } = journal
    return { exit, told: events.map(({ type }) => type).filter((type) => type.startsWith("effect.")) }
  }).pipe(Effect.provideService(Journal.Current, journal))
}

const errorOf = (exit: Exit.Exit<unknown, unknown>) => {
  assert(Exit.isFailure(exit))
  const error = Cause.squash(exit.cause)
  assert(error instanceof FanoutError.FanoutError)
  return error
}

describe("a commit that is known to have happened", () => {
  it.effect("is not run again: its handler is given what it answered, and the journal has it once", () =>
    Effect.gen(function* () {
      const keys: Array<string> = []
      const commit = Commit.run((key) => Effect.sync(() => keys.push(key)))
      const handler = Effect.gen(function* () {
        const first = yield* commit
        yield* room
        return [first, yield* commit]
      })
      const plan = Plan.effect(handler, acting({ repeat: "keyed" }))
      const { exit, told } = yield* resume(plan, yield* suspend(plan))
      assert.deepStrictEqual(exit, Exit.succeed([1, 2]))
      assert.deepStrictEqual(keys, ["r/#0", "r/#1"])
      assert.deepStrictEqual(told, ["effect.intended", "effect.committed"])
    })
  )

  it.effect("though nobody knows what it answered, is not run again either", () =>
    Effect.gen(function* () {
      let runs = 0
      const commit = Commit.run(
        Effect.andThen(
          Effect.sync(() => ++runs),
          Effect.fail("no answer")
        ),
        { probe: () => Effect.succeed(true) }
      )
      const plan = Plan.effect(
        Effect.andThen(Effect.exit(commit), room).pipe(Effect.andThen(Effect.succeed("done"))),
        acting({ repeat: "keyed" })
      )
      const { exit } = yield* resume(plan, yield* suspend(plan))
      assert.deepStrictEqual(exit, Exit.succeed("done"))
      assert.strictEqual(runs, 1)
    })
  )

  it.effect("is undone where its atomic fails afterwards: once, told its key and its answer", () =>
    Effect.gen(function* () {
      const told: Array<unknown> = []
      const compensate = ({ key, value }: Contract.Done) => Effect.sync(() => told.push({ key, value }))
      const handler = Effect.gen(function* () {
        yield* Commit.run(Effect.succeed("first"))
        if ((yield* room) === 0) return yield* Effect.fail("full")
      })
      const plan = Plan.atomic(Plan.effect(handler, acting({ compensate })))
      const { exit, told: events } = yield* resume(plan, yield* suspend(plan), 0)
      assert.deepStrictEqual(told, [{ key: "r/#0", value: Option.some("first") }])
      assert.deepStrictEqual(events, ["effect.compensating", "effect.compensated"])
      assert.deepStrictEqual(errorOf(exit).report.calls[0]!.effects, [{ key: "r/#0", state: "compensated" }])
    })
  )

  it.effect("is kept where its handler does not come to it again", () =>
    Effect.gen(function* () {
      let isAgain = false
      const handler = Effect.gen(function* () {
        if (!isAgain) yield* Commit.run(Effect.void)
        isAgain = true
        yield* room
        return yield* Effect.fail("other way")
      })
      const plan = Plan.effect(handler, acting())
      const { exit } = yield* resume(plan, yield* suspend(plan))
      assert.deepStrictEqual(errorOf(exit).report.calls[0]!.effects, [{ key: "r/#0", state: "committed" }])
    })
  )

  it.effect(
    "is run again by a further attempt where the contract allows that, and has still happened if that one fails",
    () =>
      Effect.gen(function* () {
        const ends: Array<Effect.Effect<string, string>> = [Effect.succeed("first"), Effect.fail("no")]
        let runs = 0
        const handler = Effect.gen(function* () {
          const answer = yield* Commit.run(Effect.suspend(() => ends[runs++]!))
          yield* room
          return yield* Effect.fail(answer)
        })
        const contract = acting({ repeat: "keyed", failure: "nothing" })
        const plan = Plan.effect(handler, contract, { retry: 1 })
        const snapshot = yield* suspend(plan)
        const fiber = yield* Effect.forkChild(resume(plan, snapshot))
        yield* TestClock.adjust("1 minute")
        const { exit } = yield* Fiber.join(fiber)
        const [call] = errorOf(exit).report.calls
        assert.strictEqual(runs, 2)
        assert.deepStrictEqual(call!.effects, [{ key: "r/#0", state: "committed" }])
      })
  )
})

describe("the undo of a commit before the suspension", () => {
  /** One call has committed, another asks, and fails with the answer 0. */
  const plan = (commit: Effect.Effect<unknown>, contract: Contract.Contract) => {
    const asks = Effect.flatMap(room, (n) => (n === 0 ? Effect.fail("full") : Effect.succeed(n)))
    const calls = { acts: Plan.effect(commit, contract), asks: Plan.effect(asks, Contract.readOnly) }
    return Plan.atomic(Plan.all(calls))
  }

  it.effect("stands in the contract: it is there after the resume", () =>
    Effect.gen(function* () {
      const told: Array<unknown> = []
      const compensate = ({ key, value }: Contract.Done) => Effect.sync(() => told.push({ key, value }))
      const atomic = plan(Commit.run(Effect.succeed("done")), acting({ compensate }))
      yield* resume(atomic, yield* suspend(atomic), 0)
      assert.deepStrictEqual(told, [{ key: "r/acts#0", value: Option.some("done") }])
    })
  )

  it.effect("was given at the commit, and may be wanted yet: the fan-out cannot be suspended, and says so", () =>
    Effect.gen(function* () {
      let undone = 0
      const compensate = () => Effect.sync(() => ++undone)
      const commit = Commit.run(Effect.void, { compensate })
      for (const contract of [
        acting({ compensate: "atCommit" }),
        acting({ compensate: () => Effect.die("not this") })
      ]) {
        // whether the call is over, or asks itself
        for (const handler of [commit, Effect.andThen(commit, room)]) {
          const { reason } = yield* failed(Fanout.run(plan(handler, contract)))
          assert(reason._tag === "Stopped")
          assert.include(reason.by.reason, "/acts: its undo was given at the commit")
        }
      }
      assert.strictEqual(undone, 4)
    })
  )
})

describe("a commit of which nobody knows whether it happened", () => {
  /** The first time it gives no answer. */
  const plan = (contract: Contract.Contract, second: Effect.Effect<string, unknown> = Effect.succeed("second")) => {
    const runs: Array<string> = []
    const commit = Commit.run((key) => Effect.suspend(() => (runs.push(key) === 1 ? Effect.fail("no answer") : second)))
    const handler = Effect.gen(function* () {
      const answer = yield* Effect.catch(commit, (error) =>
        error === "no answer" ? Effect.succeed(error) : Effect.fail(error)
      )
      yield* room
      return answer
    })
    return { runs, plan: Plan.effect(handler, contract) }
  }

  for (const repeat of ["keyed", "natural"] as const) {
    it.effect(`is run again under its key where the contract allows that (${repeat})`, () =>
      Effect.gen(function* () {
        const { plan: asks, runs } = plan(acting({ repeat }))
        const { exit, told } = yield* resume(asks, yield* suspend(asks))
        assert.deepStrictEqual(exit, Exit.succeed("second"))
        assert.deepStrictEqual(runs, ["r/#0", "r/#0"])
        assert.deepStrictEqual(told, ["effect.intended", "effect.committed"])
      })
    )
  }

  it.effect("is wanted anew, in the journal too, also where a later one is known to have happened", () =>
    Effect.gen(function* () {
      const runs: Array<string> = []
      const commit = (end: Effect.Effect<string, string>) =>
        Effect.exit(Commit.run((key) => Effect.suspend(() => (runs.push(key), end))))
      const handler = Effect.gen(function* () {
        yield* commit(runs.length === 0 ? Effect.fail("no answer") : Effect.succeed("second"))
        yield* commit(Effect.succeed("later"))
        return yield* room
      })
      const asks = Plan.effect(handler, acting({ repeat: "keyed" }))
      const { exit, told } = yield* resume(asks, yield* suspend(asks))
      assert.deepStrictEqual(exit, Exit.succeed(7))
      assert.deepStrictEqual(runs, ["r/#0", "r/#1", "r/#0"])
      assert.deepStrictEqual(told, ["effect.intended", "effect.committed"])
    })
  )

  it.effect("and says, run again, that nothing happened, stays unknown: that is said of this time only", () =>
    Effect.gen(function* () {
      let asked = 0
      // of the first time the probe cannot say
      const probe = () => (++asked === 1 ? Effect.fail("down") : Effect.succeed(false))
      for (const contract of [
        acting({ repeat: "keyed", failure: { Refused: "nothing" } }),
        acting({ repeat: "keyed", probe })
      ]) {
        const { plan: asks, runs } = plan(contract, Effect.fail({ _tag: "Refused" }))
        const { exit } = yield* resume(asks, yield* suspend(asks))
        assert.strictEqual(runs.length, 2)
        assert.deepStrictEqual(errorOf(exit).report.calls[0]!.effects, [{ key: "r/#0", state: "unknown" }])
      }
    })
  )

  it.effect("is not run again where the contract forbids that: the call ends in doubt, and says why", () =>
    Effect.gen(function* () {
      const { plan: asks, runs } = plan(acting())
      const { exit, told } = yield* resume(asks, yield* suspend(asks))
      assert.deepStrictEqual(told, [])
      assert.deepStrictEqual(runs, ["r/#0"])
      const [call] = errorOf(exit).report.calls
      const { effects, outcome } = call!
      assert.deepStrictEqual(effects, [{ key: "r/#0", state: "unknown" }])
      assert(outcome._tag === "Unknown" && CallError.isCallError(outcome.error))
      assert.deepInclude(outcome.error.reason, { _tag: "NotRepeated", key: "r/#0" })
    })
  )

  it.effect("and is not run again can be undone all the same", () =>
    Effect.gen(function* () {
      const told: Array<unknown> = []
      const compensate = ({ key, value }: Contract.Done) => Effect.sync(() => told.push({ key, value }))
      const { plan: asks } = plan(acting({ compensate }))
      const atomic = Plan.atomic(asks)
      const { exit } = yield* resume(atomic, yield* suspend(atomic))
      assert.deepStrictEqual(told, [{ key: "r/#0", value: Option.none() }])
      assert.strictEqual(errorOf(exit).report.calls[0]!.outcome._tag, "Failed")
    })
  )
})
