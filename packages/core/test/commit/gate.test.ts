import { assert, describe, it } from "@effect/vitest"
import { Attempt, CallError, Commit, Contract, Fanout, Journal, Plan, Tool } from "@toolscope/core"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { compensable, marked, type Run, runOf, shown, World } from "./support.ts"

/** Runs it while the clock advances far enough for everything to end. */
const ran = <A, E>(plan: Plan.Plan<A, E>, options?: Fanout.Options) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(runOf(plan, options))
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

const effectEvents = ({ events }: Run) => events.filter((event) => event.startsWith("effect."))
const failsAt = (millis: number) => Plan.effect(Effect.delay(Effect.fail("bad"), millis), Contract.readOnly)
const errorOf = ({ report }: Run, id = "/") => {
  const { outcome } = report.calls.find((call) => call.id === id)!
  return "error" in outcome ? outcome.error : undefined
}
const reasonOf = (run: Run, id = "/") => {
  const error = errorOf(run, id)
  return CallError.isCallError(error) ? error.reason : error
}

describe("the gate", () => {
  it.effect("an effect that passed is committed, under a key for each commit", () =>
    Effect.gen(function* () {
      const world = new World()
      const run = yield* ran(Plan.effect(Effect.andThen(world.commit("a"), world.commit("b")), marked))
      assert.strictEqual(shown(run.report, "/"), "Succeeded committed committed used")
      assert.deepStrictEqual(run.report.calls[0]!.effects, [
        { key: "r/#0", state: "committed" },
        { key: "r/#1", state: "committed" }
      ])
      assert.deepStrictEqual(effectEvents(run), [
        "effect.intended /",
        "effect.committed /",
        "effect.intended /",
        "effect.committed /"
      ])
    })
  )

  it.effect("a handler that did not pass it has no effect, however it ends", () =>
    Effect.gen(function* () {
      const ends = { fails: Effect.fail("no"), dies: Effect.die("bug"), answers: Effect.succeed(1) }
      for (const [name, end] of Object.entries(ends)) {
        const run = yield* ran(Plan.effect(end as Effect.Effect<number, string>, marked))
        assert.strictEqual(shown(run.report, "/"), name === "answers" ? "Succeeded used" : "Failed")
      }
    })
  )

  it.effect("stopped before it, a call is cancelled, and nothing happens", () =>
    Effect.gen(function* () {
      const world = new World()
      const late = Plan.effect(Effect.andThen(Effect.sleep(50), world.commit("a")), marked)
      const run = yield* ran(Plan.all({ late, bad: failsAt(20) }))
      assert.strictEqual(shown(run.report, "/late"), "Cancelled")
      assert.deepStrictEqual(world.log, [])
    })
  )

  for (const interruption of ["anywhere", "beforeCommit", "never"] as const) {
    it.effect(`an effect that runs when the stop comes is not interrupted (${interruption})`, () =>
      Effect.gen(function* () {
        const world = new World()
        const contract = Contract.make({ effect: "additive", commit: "marked", interruption })
        const acts = Plan.effect(world.commit("a", { after: 50 }), contract)
        const run = yield* ran(Plan.all({ acts, bad: failsAt(20) }))
        assert.deepStrictEqual(world.log, ["begin a", "do a"])
        const outcome = interruption === "anywhere" ? "Unknown committed" : "Succeeded committed"
        assert.strictEqual(shown(run.report, "/acts"), outcome)
      })
    )
  }

  it.effect("a second commit does not start once a stop was requested", () =>
    Effect.gen(function* () {
      const world = new World()
      const both = Plan.effect(Effect.andThen(world.commit("a", { after: 50 }), world.commit("b")), marked)
      const run = yield* ran(Plan.all({ both, bad: failsAt(20) }))
      assert.deepStrictEqual(world.log, ["begin a", "do a"])
      assert.strictEqual(shown(run.report, "/both"), "Unknown committed")
      assert.deepStrictEqual(effectEvents(run), [
        "effect.intended /both",
        "effect.committed /both",
        "effect.intended /both",
        "effect.refused /both"
      ])
    })
  )

  it.effect("a handler that is never interrupted is refused at the gate all the same", () =>
    Effect.gen(function* () {
      const world = new World()
      const contract = Contract.make({ effect: "additive", commit: "marked", interruption: "never" })
      const deaf = Plan.effect(Effect.andThen(Effect.sleep(50), world.commit("a")), contract)
      const run = yield* ran(Plan.all({ deaf, bad: failsAt(20) }))
      assert.deepStrictEqual(world.log, [])
      assert.strictEqual(shown(run.report, "/deaf"), "Cancelled")
      assert.deepStrictEqual(effectEvents(run), ["effect.intended /deaf", "effect.refused /deaf"])
    })
  )

  it.effect("a failure that says nothing leaves no effect, another leaves it unknown", () =>
    Effect.gen(function* () {
      const contract = Contract.make({ effect: "additive", commit: "marked", failure: { Refused: "nothing" } })
      for (const [_tag, expected] of [
        ["Refused", "Failed"],
        ["Broken", "Failed unknown"]
      ] as const) {
        const run = yield* ran(Plan.effect(Commit.run(Effect.fail({ _tag })), contract))
        assert.strictEqual(shown(run.report, "/"), expected)
      }
      const died = yield* ran(Plan.effect(Commit.run(Effect.die("bug")), contract))
      assert.strictEqual(shown(died.report, "/"), "Unknown unknown")
    })
  )

  it.effect("what is in doubt is asked of the probe: of the commit, else of the contract", () =>
    Effect.gen(function* () {
      const contract = Contract.make({ effect: "additive", commit: "marked", probe: () => Effect.succeed(true) })
      const broken = Effect.fail("broken")
      const asked = [
        [Commit.run(broken), "Failed committed", "yes"],
        [Commit.run(broken, { probe: () => Effect.succeed(false) }), "Failed", "no"],
        [Commit.run(broken, { probe: () => Effect.fail("down") }), "Failed unknown", "unknown"],
        [Commit.run(broken, { probe: () => Effect.die("bug") }), "Failed unknown", "unknown"]
      ] as const
      for (const [effect, expected, happened] of asked) {
        const run = yield* ran(Plan.effect(effect, contract))
        assert.strictEqual(shown(run.report, "/"), expected)
        assert.deepInclude(
          run.journal.events.find((event) => event.type === "effect.probed"),
          { happened, key: "r/#0" }
        )
      }
    })
  )

  it.effect("an effect has a bound of its own; then it is in doubt", () =>
    Effect.gen(function* () {
      const run = yield* ran(Plan.effect(Commit.run(Effect.never, { timeout: "10 millis" }), marked))
      assert.strictEqual(shown(run.report, "/"), "Unknown unknown")
      assert.deepInclude(reasonOf(run), { _tag: "TimedOut", millis: 10 })
    })
  )

  it.effect("an effect that has not ended at the bound is unknown, and left behind", () =>
    Effect.gen(function* () {
      const world = new World()
      const acts = Plan.effect(world.commit("a", { after: 5_000 }), marked)
      const run = yield* ran(Plan.all({ acts, bad: failsAt(20) }))
      assert.strictEqual(shown(run.report, "/acts"), "Unknown unknown left behind")
      assert.isFalse(run.report.drained)
    })
  )

  it.effect("a deaf handler that has not passed the gate cannot act any more: cancelled, though left behind", () =>
    Effect.gen(function* () {
      const world = new World()
      const deaf = Effect.uninterruptible(Effect.andThen(Effect.sleep(5_000), world.commit("a")))
      const run = yield* ran(Plan.all({ deaf: Plan.effect(deaf, marked), bad: failsAt(20) }))
      assert.strictEqual(shown(run.report, "/deaf"), "Cancelled left behind")
      assert.deepStrictEqual(world.log, [])
    })
  )

  it.effect("a retry uses the same keys, and follows only where nothing happened or the contract allows it", () =>
    Effect.gen(function* () {
      const keys: Array<string> = []
      const attemptOf = (fails: (attempt: number) => boolean, contract: Contract.Contract) =>
        Plan.effect(
          Effect.gen(function* () {
            const { attempt } = yield* Attempt.current
            yield* Commit.run((key) => Effect.sync(() => keys.push(`${attempt} ${key}`)))
            if (fails(attempt)) return yield* Effect.fail("again")
          }),
          contract,
          { retry: 1 }
        )
      const once = yield* ran(attemptOf((n) => n === 1, marked))
      assert.strictEqual(shown(once.report, "/"), "Failed committed")
      assert.deepStrictEqual(keys.splice(0), ["1 r/#0"])
      const keyed = Contract.make({ effect: "additive", commit: "marked", repeat: "keyed" })
      const twice = yield* ran(attemptOf((n) => n === 1, keyed))
      assert.strictEqual(shown(twice.report, "/"), "Succeeded committed used")
      assert.deepStrictEqual(keys, ["1 r/#0", "2 r/#0"])
      const before = Plan.effect(
        Effect.flatMap(Attempt.current, ({ attempt }) =>
          attempt === 1 ? Effect.fail("early") : Commit.run(Effect.void)
        ),
        marked,
        { retry: 1 }
      )
      assert.strictEqual(shown((yield* ran(before)).report, "/"), "Succeeded committed used")
    })
  )

  it.effect("a journal that refuses the intent shuts it", () =>
    Effect.gen(function* () {
      const world = new World()
      let open = true
      const journal = Journal.make({
        write: (event) => {
          if (event.type === "effect.intended") open = false
        },
        flush: Effect.suspend(() =>
          open ? Effect.void : Effect.fail(new Journal.JournalError({ reason: { _tag: "Refused", cause: "full" } }))
        )
      })
      const error = yield* Effect.flip(Fanout.run(Plan.effect(world.commit("a"), marked))).pipe(
        Effect.provideService(Journal.Current, journal)
      )
      assert.deepStrictEqual(world.log, [])
      assert(error._tag === "FanoutError")
      const { outcome } = error.report.calls[0]!
      assert(outcome._tag === "Failed" && CallError.isCallError(outcome.error))
      assert.strictEqual(outcome.error.reason._tag, "JournalRefused")
    })
  )

  it.effect("a stop that comes while the intent is being kept wins", () =>
    Effect.gen(function* () {
      const world = new World()
      for (const interruption of ["anywhere", "never"] as const) {
        const kept = yield* Deferred.make<void>()
        let slow = false
        const journal = Journal.make({
          write: (event) => {
            if (event.type === "effect.intended") slow = true
          },
          flush: Effect.suspend(() => (slow ? Deferred.await(kept) : Effect.void))
        })
        const contract = Contract.make({ effect: "additive", commit: "marked", interruption })
        const plan = Plan.all({ bad: failsAt(20), acts: Plan.effect(world.commit("a"), contract) })
        const fiber = yield* Effect.forkChild(
          Effect.provideService(Effect.flip(Fanout.run(plan, { drain: "1 second" })), Journal.Current, journal)
        )
        yield* TestClock.adjust("20 millis")
        yield* Deferred.succeed(kept, undefined)
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(world.log, [])
      }
    })
  )
})

describe("a handler that breaks its contract", () => {
  const violation = <E>(handler: Effect.Effect<unknown, E>, contract: Contract.Contract, expected: string) =>
    Effect.gen(function* () {
      const run = yield* ran(Plan.effect(handler, contract, { name: "it" }))
      const reason = reasonOf(run)
      assert.deepInclude(reason, { _tag: "ContractViolation", rule: expected })
      return run
    })

  it.effect("reads only, yet commits: it is refused", () =>
    Effect.gen(function* () {
      const world = new World()
      const run = yield* violation(world.commit("a"), Contract.readOnly, "readsOnly")
      assert.strictEqual(shown(run.report, "/"), "Failed")
      assert.deepStrictEqual(world.log, [])
      assert.deepInclude(
        run.journal.events.find(({ type }) => type === "effect.refused"),
        { reason: "contract" }
      )
    })
  )

  it.effect("commits at start, yet passes the gate: it is refused", () =>
    violation(new World().commit("a"), Contract.irreversible, "commitsAtStart")
  )

  it.effect("says that each commit tells how it is undone, and one does not: it is refused", () =>
    violation(Commit.run(Effect.void), compensable, "undoIsMissing")
  )

  it.effect("commits after its attempt has ended: it is refused, and journaled", () =>
    Effect.gen(function* () {
      const world = new World()
      const detached = Effect.forkDetach(Effect.andThen(Effect.sleep(50), Effect.exit(world.commit("a"))))
      const run = yield* ran(Plan.effect(detached, marked))
      assert.deepStrictEqual(world.log, [])
      assert.deepInclude(
        run.journal.events.find(({ type }) => type === "effect.refused"),
        { reason: "contract", call: "/" }
      )
    })
  )

  it.effect("a commit that runs in a fiber of its own when the handler ends is waited for", () =>
    Effect.gen(function* () {
      const world = new World()
      const detached = Effect.as(
        Effect.forkDetach(world.commit("a", { after: 50 }), { startImmediately: true }),
        "done"
      )
      const child = Effect.as(Effect.forkChild(world.commit("b", { after: 60 }), { startImmediately: true }), "done")
      const run = yield* ran(Plan.effect(Effect.andThen(detached, child), marked))
      assert.strictEqual(shown(run.report, "/"), "Succeeded committed committed used")
      assert.deepStrictEqual([...world.holds], ["a", "b"])
      const slow = Effect.forkDetach(world.commit("c", { after: 9_000 }), { startImmediately: true })
      const behind = yield* ran(Plan.effect(slow, marked))
      assert.strictEqual(shown(behind.report, "/"), "Succeeded unknown used left behind")
    })
  )

  it.effect("commits in a finalizer: it is refused, and changes nothing else", () =>
    Effect.gen(function* () {
      const world = new World()
      const handler = Effect.andThen(
        Effect.addFinalizer(() => Effect.orDie(world.commit("a"))),
        Effect.succeed(1)
      )
      const run = yield* ran(Plan.effect(handler as Effect.Effect<number>, marked))
      assert.strictEqual(shown(run.report, "/"), "Succeeded used")
      assert.include(run.report.calls[0]!.cleanup, "commits or asks after its attempt has ended")
      assert.deepStrictEqual(world.log, [])
    })
  )
})

describe("the gate of promise tools", () => {
  const tool = (execute: (context: Tool.PromiseContext) => Promise<unknown>, contract = marked) =>
    Plan.call(Tool.fromPromise("t", { contract, execute: (_, context) => execute(context) }))

  it.live("passes, and gives the key", () =>
    Effect.gen(function* () {
      const run = yield* runOf(tool(({ commit }) => commit(async (key) => key)))
      assert.strictEqual(shown(run.report, "/"), "Succeeded committed used")
      assert.deepInclude(run.report.calls[0]!.outcome, { value: "r/#0" })
    })
  )

  it.live("rejects with the reason of the stop, and nothing happens", () =>
    Effect.gen(function* () {
      let acted = 0
      const late = tool(async ({ commit, signal }) => {
        await new Promise((resolve) => {
          signal.addEventListener("abort", resolve)
        })
        return commit(() => ++acted)
      })
      const run = yield* runOf(Plan.all({ late, bad: failsAt(5) }))
      assert.strictEqual(shown(run.report, "/late"), "Cancelled")
      assert.strictEqual(acted, 0)
    })
  )

  it.live("undoes what it did where an atomic fails", () =>
    Effect.gen(function* () {
      const world = new Set<string>()
      const book = tool(
        ({ commit }) =>
          commit(async (key) => world.add(key).size, {
            compensate: ({ key, value }) => value === 1 && world.delete(key)
          }),
        compensable
      )
      const run = yield* runOf(Plan.atomic(Plan.all({ book, bad: failsAt(10) })))
      assert.strictEqual(shown(run.report, "/book"), "Succeeded compensated")
      assert.strictEqual(world.size, 0)
    })
  )

  it.live("a rejection of the effect is the tool's own error", () =>
    Effect.gen(function* () {
      const run = yield* runOf(tool(({ commit }) => commit(() => Promise.reject(new Error("no")))))
      assert.strictEqual(shown(run.report, "/"), "Failed unknown")
      assert.deepInclude(reasonOf(run), { _tag: "Rejected" })
      const broken = yield* runOf(tool(({ commit }) => commit(() => 1), Contract.readOnly))
      assert.deepInclude(reasonOf(broken), { _tag: "ContractViolation" })
    })
  )
})
