/**
 * What other suites ask of protected regions, and what no other suite has about commits and their undo, for the gate. The numbers are the
 * rows and laws of docs/conformance.md.
 */
import { assert, describe, it } from "@effect/vitest"
import { Attempt, Commit, Contract, Fanout, Journal, Plan } from "@toolscope/core"
import { Sweep } from "@toolscope/testing"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { compensable, marked, runOf, shown, World } from "./support.ts"

/** Runs it while the clock advances far enough for everything to end. */
const ran = <A, E>(plan: Plan.Plan<A, E>, options?: Fanout.Options) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(runOf(plan, options))
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

const failsAt = (millis: number) => Plan.effect(Effect.delay(Effect.fail("bad"), millis), Contract.readOnly)
const anywhere = Contract.make({ effect: "additive", commit: "marked", interruption: "anywhere" })

describe("what has passed the gate", () => {
  it.effect("runs to its end; the stop takes effect behind it, before any further work (L4, K11, E8, C9)", () =>
    Effect.gen(function* () {
      const world = new World()
      const handler = Effect.gen(function* () {
        yield* world.commit("a", { after: 50 })
        world.log.push("behind a")
        yield* world.commit("b")
      })
      const run = yield* ran(Plan.all({ acts: Plan.effect(handler, anywhere), bad: failsAt(20) }))
      assert.deepStrictEqual(world.log, ["begin a", "do a"])
      // ours: it acted, so it is not said to be cancelled
      assert.strictEqual(shown(run.report, "/acts"), "Unknown committed")
    })
  )

  it.effect("hides the stop, and what it waits for is not told either (T5, C8)", () =>
    Effect.gen(function* () {
      const told: Array<string> = []
      const effect = Effect.as(
        Effect.onInterrupt(Effect.sleep(50), () => Effect.sync(() => told.push("interrupted"))),
        "done"
      )
      const acts = Plan.effect(Commit.run(effect), marked)
      const run = yield* ran(Plan.all({ acts, bad: failsAt(20) }))
      assert.deepStrictEqual(told, [])
      assert.strictEqual(shown(run.report, "/acts"), "Succeeded committed")
    })
  )

  it.effect("does not hide its own bound (T5)", () =>
    Effect.gen(function* () {
      const acts = Commit.run(Effect.never, { timeout: "100 millis" })
      const run = yield* ran(Plan.all({ acts: Plan.effect(acts, marked), bad: failsAt(20) }))
      assert.strictEqual(shown(run.report, "/acts"), "Unknown unknown")
      assert.strictEqual(run.report.drainMillis, 80)
    })
  )

  it.effect("cannot be reached by a stop, also where it makes itself interruptible (C10)", () =>
    Effect.gen(function* () {
      const world = new World()
      const acts = Commit.run(Effect.interruptible(world.effect("a", { after: 50 })))
      const run = yield* ran(Plan.all({ acts: Plan.effect(acts, anywhere), bad: failsAt(20) }))
      assert.deepStrictEqual([...world.holds], ["a"])
      assert.strictEqual(shown(run.report, "/acts"), "Unknown committed")
    })
  )

  it.effect("opens the gate for nobody else: each attempt has its own fence (C10)", () =>
    Effect.gen(function* () {
      const world = new World()
      const first = Plan.effect(world.commit("a", { after: 100 }), marked)
      const second = Plan.effect(Effect.andThen(Effect.sleep(50), world.commit("b")), marked)
      const run = yield* ran(Plan.all({ first, second, bad: failsAt(20) }))
      assert.deepStrictEqual([...world.holds], ["a"])
      assert.strictEqual(shown(run.report, "/first"), "Succeeded committed")
      assert.strictEqual(shown(run.report, "/second"), "Cancelled")
    })
  )

  it.effect("is waited for by everybody who stops the fan-out, in one drain (C11, L16)", () =>
    Effect.gen(function* () {
      const world = new World()
      const plan = Plan.effect(world.commit("a", { after: 500 }), marked)
      const scope = yield* Scope.make()
      const handle = yield* Effect.provideService(Fanout.start(plan, { drain: "1 second" }), Scope.Scope, scope)
      yield* TestClock.adjust(10)
      const stops = [handle.stop("one"), handle.stop("two"), Scope.close(scope, Exit.void)]
      const waiting = yield* Effect.forkChild(Effect.all(stops, { concurrency: "unbounded" }))
      yield* TestClock.adjust(480)
      assert.isUndefined(waiting.pollUnsafe())
      yield* TestClock.adjust(20)
      yield* Fiber.join(waiting)
      const report = yield* handle.report
      assert.strictEqual(shown(report, "/"), "Succeeded committed")
      assert.strictEqual(report.calls[0]!.stoppedBy!.reason, "one")
    })
  )
})

describe("a timeout", () => {
  it.effect("ends an endless chain of commits between two of them, and never inside of one (E9)", () =>
    Effect.gen(function* () {
      for (const contract of [marked, anywhere]) {
        const world = new World()
        let n = 0
        const chain = Effect.forever(Effect.suspend(() => world.commit(String(n++), { after: 30 })))
        const run = yield* ran(Plan.effect(chain, contract, { timeout: 100 }))
        assert.deepStrictEqual([...world.holds], ["0", "1", "2", "3"])
        assert.strictEqual(world.log.filter((line) => line.startsWith("begin")).length, 4)
        assert.strictEqual(shown(run.report, "/"), "Unknown committed committed committed committed")
        const { settledAt, startedAt } = run.report.calls[0]!
        assert.strictEqual(settledAt - startedAt!, 120)
      }
    })
  )
})

describe("a stop", () => {
  it.effect("that comes while the intent is being kept: provably no effect (Z11, C9, L15)", () =>
    Effect.gen(function* () {
      const world = new World()
      const kept = yield* Deferred.make<void>()
      const memory = Journal.memory()
      const isIntent = () => memory.events.at(-1)?.type === "effect.intended"
      const flush = Effect.suspend(() => (isIntent() ? Deferred.await(kept) : Effect.void))
      const journal = Journal.make({ write: memory.write, flush })
      const contract = Contract.make({ effect: "additive", commit: "marked", interruption: "never" })
      const plan = Plan.effect(world.commit("a"), contract)
      const fiber = yield* Effect.forkChild(
        Effect.provideService(Fanout.run(plan), Journal.Current, journal).pipe(Effect.exit)
      )
      yield* TestClock.adjust(10)
      assert.isTrue(isIntent())
      const stopping = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* TestClock.adjust(10)
      yield* Deferred.succeed(kept, undefined)
      yield* TestClock.adjust(10)
      yield* Fiber.join(stopping)
      assert.deepStrictEqual(world.log, [])
      const effects = memory.events.filter(({ type }) => type.startsWith("effect."))
      assert.deepStrictEqual(
        effects.map(({ type }) => type),
        ["effect.intended", "effect.refused"]
      )
      assert.deepInclude(
        memory.events.find(({ type }) => type === "call.settled"),
        { outcome: "Cancelled" }
      )
    })
  )

  it.effect("that comes between the effect and its record: committed, and recorded once (Z12)", () =>
    Effect.gen(function* () {
      const world = new World()
      const kept = yield* Deferred.make<void>()
      const memory = Journal.memory()
      const isRecord = () => memory.events.at(-1)?.type === "effect.committed"
      const flush = Effect.suspend(() => (isRecord() ? Deferred.await(kept) : Effect.void))
      const journal = Journal.make({ write: memory.write, flush })
      const fiber = yield* Effect.forkChild(
        Effect.provideService(Fanout.run(Plan.effect(world.commit("a"), marked)), Journal.Current, journal)
      )
      yield* TestClock.adjust(10)
      assert.isTrue(isRecord())
      const stopping = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* TestClock.adjust(10)
      yield* Deferred.succeed(kept, undefined)
      yield* TestClock.adjust(10)
      yield* Fiber.join(stopping)
      assert.deepStrictEqual(world.log, ["begin a", "do a"])
      assert.strictEqual(memory.events.filter(({ type }) => type === "effect.committed").length, 1)
      const closed = memory.events.at(-1)
      assert(closed?.type === "fanout.closed")
      assert.deepStrictEqual(
        closed.report.calls[0]!.effects.map(({ state }) => state),
        ["committed"]
      )
    })
  )
})

describe("compensation", () => {
  it.effect("undoes the last first and each once, across calls and nested scopes (Z16, C15)", () =>
    Effect.gen(function* () {
      const world = new World()
      const books = (what: string, after: number) =>
        Plan.effect(Effect.andThen(Effect.sleep(after), world.commit(what)), compensable)
      const twice = Plan.effect(
        Effect.andThen(world.commit("a"), Effect.andThen(Effect.sleep(30), world.commit("d"))),
        compensable
      )
      const inner = Plan.atomic(Plan.all({ b: books("b", 10), c: books("c", 20) }))
      const run = yield* ran(Plan.atomic(Plan.all({ inner, twice, bad: failsAt(100) })))
      assert.deepStrictEqual(world.log.slice(-4), ["undo d", "undo c", "undo b", "undo a"])
      assert.deepStrictEqual([...world.holds], [])
      const undone = run.journal.events.filter(({ type }) => type === "effect.compensated")
      assert.strictEqual(undone.length, 4)
    })
  )

  it.effect("of what never happened does nothing, and is asked for only where it may have (Z16)", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const contract = Contract.compensable({ compensate: ({ key }) => Effect.sync(() => asked.push(key)) })
      const calls = Plan.all({
        mayHave: Plan.effect(Effect.never, contract),
        beforeItsGate: Plan.effect(Effect.never, { ...contract, commit: "marked" } as Contract.Contract),
        neverStarted: Plan.effect(Effect.never, contract)
      })
      const run = yield* ran(Plan.deadline(Plan.atomic(calls), 30), { concurrency: 2 })
      assert.deepStrictEqual(asked, ["r/mayHave#0"])
      assert.strictEqual(shown(run.report, "/mayHave"), "Cancelled compensated")
      assert.strictEqual(shown(run.report, "/beforeItsGate"), "Cancelled")
      assert.strictEqual(shown(run.report, "/neverStarted"), "Skipped")
    })
  )

  it.effect("goes before a forward effect that comes late: that one is refused (Z16)", () =>
    Effect.gen(function* () {
      const world = new World()
      let late: Fiber.Fiber<Exit.Exit<unknown, unknown>> | undefined
      const handler = Effect.gen(function* () {
        yield* world.commit("a")
        const commit = Effect.andThen(Effect.sleep(50), world.commit("b"))
        late = yield* Effect.forkDetach(Effect.exit(commit))
        return yield* Effect.fail("bad")
      })
      const run = yield* ran(Plan.atomic(Plan.effect(handler, compensable)))
      assert.deepStrictEqual(world.log, ["begin a", "do a", "undo a"])
      assert.strictEqual(shown(run.report, "/"), "Failed compensated")
      assert.isTrue(Exit.isFailure(yield* Fiber.join(late!)))
    })
  )

  it.effect("that fails is an end of its own, beside the errors of the work (Z17, E11, K10, K17)", () =>
    Effect.gen(function* () {
      const contract = Contract.compensable({ compensate: () => Effect.fail(new Error("closed")) })
      const work = Plan.effect(Effect.delay(Effect.fail("work"), 10), contract)
      const run = yield* ran(Plan.atomic(Plan.all({ work, other: failsAt(10) })))
      const { outcome } = run.report.calls[0]!
      assert.deepStrictEqual(outcome, { _tag: "Failed", error: "work" })
      assert.deepStrictEqual(run.report.calls[0]!.effects, [
        { key: "r/work#0", state: "compensationFailed", error: "closed" }
      ])
      assert.deepStrictEqual(run.report.reason!.calls, ["/work"])
    })
  )

  it.effect("can read why its attempt was stopped, where the commit says how (E10)", () =>
    Effect.gen(function* () {
      const reasons: Array<string | undefined> = []
      const acts = Effect.gen(function* () {
        const { stopping } = yield* Attempt.current
        yield* Commit.run(Effect.void, { compensate: () => Effect.sync(() => reasons.push(stopping()?.source)) })
        yield* Attempt.stopped
      })
      yield* ran(Plan.atomic(Plan.all({ acts: Plan.effect(acts, compensable), bad: failsAt(20) })))
      assert.deepStrictEqual(reasons, ["sibling"])
    })
  )
})

describe("an owner that is interrupted at every step (L20, E12)", () => {
  const sweep = (reentrant: boolean) =>
    Sweep.everyStep(
      {
        setup: Effect.sync(() => ({ world: new World(), journal: Journal.memory() })),
        program: ({ journal, world }) => {
          const books = (what: string, after: number) =>
            Plan.effect(Effect.andThen(Effect.sleep(after), world.commit(what, { after: 5 })), compensable)
          const plan = Plan.atomic(Plan.all({ a: books("a", 1), b: books("b", 10) }))
          return Effect.provideService(Fanout.run(plan), Journal.Current, journal)
        },
        invariant: ({ journal, world }) =>
          Effect.sync(() => {
            const closed = journal.events.at(-1)
            if (closed === undefined) return assert.strictEqual(world.log.length, 0)
            assert(closed.type === "fanout.closed")
            const { calls, status } = closed.report
            assert.deepStrictEqual([...world.holds].sort(), status === "succeeded" ? ["a", "b"] : [])
            for (const { effects, id, outcome } of calls) {
              const done = world.log.includes(`do ${id.slice(1)}`)
              const states = effects.map(({ state }) => state)
              if (!done) assert.deepStrictEqual(states, [], `${id} ${outcome}`)
              else assert.deepStrictEqual(states, [status === "succeeded" ? "committed" : "compensated"], id)
            }
          })
      },
      { reentrant }
    )

  for (const reentrant of [false, true]) {
    const where = reentrant ? "inside of any operation" : "before any operation, and while it waits"
    it.effect(`has both of an atomic or neither, and the report says which: ${where}`, () =>
      Effect.gen(function* () {
        const { steps, swept } = yield* sweep(reentrant)
        assert.isAbove(steps, 20)
        assert.isAtLeast(swept, steps)
      })
    )
  }
})
