import { assert, describe, it } from "@effect/vitest"
import { Commit, Contract, Fanout, Plan, Quarantine } from "@toolscope/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { TestClock } from "effect/testing"
import { compensable, runOf, shown, World } from "./support.ts"

const ran = <A, E>(plan: Plan.Plan<A, E>, options?: Fanout.Options) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(runOf(plan, options))
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

const failsAt = (millis: number) => Plan.effect(Effect.delay(Effect.fail("bad"), millis), Contract.readOnly)
const answersAt = (millis: number) => Plan.effect(Effect.delay(Effect.succeed("ok"), millis), Contract.readOnly)

/** A call that commits `what` after so long. */
const books = (world: World, what: string, after = 0) =>
  Plan.effect(Effect.andThen(Effect.sleep(after), world.commit(what)), compensable)

/** The same as a tool that commits at start. */
const atStart = (
  world: World,
  what: string,
  after = 0,
  options: { readonly undoTakes?: number; readonly fails?: "after" } = {}
) =>
  Plan.effect(
    Effect.andThen(Effect.sleep(after), world.effect(what, options)),
    Contract.compensable({ compensate: world.undo(what, options.undoTakes ?? 0) })
  )

describe("atomic", () => {
  for (const [name, call] of [
    ["through the gate", books],
    ["at start", atStart]
  ] as const) {
    it.effect(`keeps what it did when it succeeds (${name})`, () =>
      Effect.gen(function* () {
        const world = new World()
        const run = yield* ran(Plan.atomic(Plan.all({ a: call(world, "a", 10), b: call(world, "b", 20) })))
        assert.strictEqual(run.report.status, "succeeded")
        assert.deepStrictEqual([...world.holds], ["a", "b"])
        assert.strictEqual(shown(run.report, "/a"), "Succeeded committed used")
      })
    )

    it.effect(`undoes it when it fails, once everything has drained, last first (${name})`, () =>
      Effect.gen(function* () {
        const world = new World()
        const plan = Plan.atomic(
          Plan.all({ b: call(world, "b", 20), a: call(world, "a", 10), bad: failsAt(30), slow: call(world, "c", 40) })
        )
        const run = yield* ran(plan)
        assert.deepStrictEqual([...world.holds], [])
        assert.deepStrictEqual(world.log.slice(-2), ["undo b", "undo a"])
        assert.strictEqual(shown(run.report, "/a"), "Succeeded compensated")
        assert.strictEqual(run.report.reason!._tag, "EssentialFailed")
      })
    )

    it.effect(`undoes it when it is stopped (${name})`, () =>
      Effect.gen(function* () {
        const world = new World()
        const inner = Plan.atomic(Plan.all({ a: call(world, "a", 10), slow: answersAt(500) }))
        const run = yield* ran(Plan.all({ inner, bad: failsAt(30) }))
        assert.deepStrictEqual([...world.holds], [])
        assert.strictEqual(shown(run.report, "/inner/a"), "Succeeded compensated")
      })
    )
  }

  it.effect("an inner one that succeeded stays provisional until the outermost decides", () =>
    Effect.gen(function* () {
      const world = new World()
      const inner = Plan.atomic(Plan.all({ a: books(world, "a") }))
      const kept = yield* ran(Plan.all({ inner, bad: failsAt(10) }))
      assert.strictEqual(shown(kept.report, "/inner/a"), "Succeeded committed")
      const undone = yield* ran(Plan.atomic(Plan.all({ inner, bad: failsAt(10) })))
      assert.strictEqual(shown(undone.report, "/inner/a"), "Succeeded compensated")
      const { events } = undone
      assert.isBelow(events.indexOf("effect.compensated /inner/a"), events.indexOf("call.settled /inner/a"))
      const atOnce = kept.events.indexOf("call.settled /inner/a")
      assert.isBelow(atOnce, kept.events.indexOf("attempt.ended /bad"))
    })
  )

  it.effect("what is in doubt is undone too, and then nothing is unknown any more", () =>
    Effect.gen(function* () {
      const world = new World()
      const broken = atStart(world, "a", 10, { fails: "after" })
      const run = yield* ran(Plan.atomic(Plan.all({ broken, never: answersAt(5_000) })))
      assert.strictEqual(shown(run.report, "/broken"), "Failed compensated")
      const stopped = Plan.effect(Effect.never, Contract.compensable({ compensate: world.undo("x") }))
      const other = yield* ran(Plan.atomic(Plan.all({ stopped, bad: failsAt(10) })))
      assert.strictEqual(shown(other.report, "/stopped"), "Cancelled compensated")
      const timedOut = Plan.effect(Effect.never, Contract.compensable({ compensate: world.undo("x") }), { timeout: 10 })
      assert.strictEqual(shown((yield* ran(Plan.atomic(timedOut))).report, "/"), "Failed compensated")
    })
  )

  it.effect("the undo is told the key, the parameters, and the answer where it is known", () =>
    Effect.gen(function* () {
      const told: Array<unknown> = []
      const compensate = (done: Contract.Done) => Effect.sync(() => told.push(done))
      const known = Plan.effect(Effect.succeed(7), Contract.compensable({ compensate }))
      const doubt = Plan.effect(Effect.die("bug"), Contract.compensable({ compensate }))
      yield* ran(Plan.atomic(Plan.all({ known, doubt })))
      assert.deepStrictEqual(told, [
        { key: "r/doubt#0", params: {}, value: Option.none() },
        { key: "r/known#0", params: {}, value: Option.some(7) }
      ])
    })
  )
})

describe("an undo", () => {
  it.effect("that fails is reported, and the others go on", () =>
    Effect.gen(function* () {
      const world = new World()
      const failing = Plan.effect(
        world.effect("x", {}),
        Contract.compensable({ compensate: () => Effect.fail(new Error("no")) })
      )
      const dying = Plan.effect(world.effect("y", {}), Contract.compensable({ compensate: () => Effect.die("bug") }))
      const plan = Plan.atomic(Plan.all({ a: books(world, "a"), failing, dying, bad: failsAt(10) }))
      const run = yield* ran(plan)
      assert.strictEqual(shown(run.report, "/failing"), "Succeeded compensationFailed")
      assert.strictEqual(shown(run.report, "/dying"), "Succeeded compensationFailed")
      assert.strictEqual(shown(run.report, "/a"), "Succeeded compensated")
      assert.strictEqual(run.report.calls[1]!.effects[0]!.error, "no")
      assert.strictEqual(run.report.reason!._tag, "EssentialFailed")
    })
  )

  it.effect("is bounded together with the others; what is not undone by then has failed", () =>
    Effect.gen(function* () {
      const world = new World()
      const plan = Plan.atomic(
        Plan.all({
          a: atStart(world, "a", 0),
          b: atStart(world, "b", 1, { undoTakes: 700 }),
          c: atStart(world, "c", 2, { undoTakes: 700 }),
          bad: failsAt(10)
        })
      )
      const run = yield* ran(plan, { undo: "1 second" })
      assert.strictEqual(shown(run.report, "/c"), "Succeeded compensated")
      assert.strictEqual(shown(run.report, "/b"), "Succeeded compensationFailed")
      assert.strictEqual(shown(run.report, "/a"), "Succeeded compensationFailed")
      assert.strictEqual(run.report.calls[1]!.effects[0]!.error, "not undone within 1000 ms")
      assert.strictEqual(run.report.drainMillis, 1_000)
      assert.isTrue(run.report.drained)
    })
  )

  it.effect("that is deaf is left behind at its bound, in the quarantine, and its late end is journaled", () =>
    Effect.gen(function* () {
      const quarantine = Quarantine.make()
      const deaf = Effect.uninterruptible(Effect.sleep(5_000))
      const call = Plan.effect(Effect.void, Contract.compensable({ compensate: () => deaf }))
      const fiber = yield* Effect.forkChild(
        Effect.provideService(runOf(Plan.atomic(Plan.all({ call, bad: failsAt(10) }))), Quarantine.Current, quarantine)
      )
      yield* TestClock.adjust("2 seconds")
      const run = yield* Fiber.join(fiber)
      assert.strictEqual(shown(run.report, "/call"), "Succeeded compensationFailed left behind")
      assert.isFalse(run.report.drained)
      assert.deepInclude(quarantine.list()[0], { call: "/call", undo: true, mayAct: true })
      const empty = yield* Effect.forkChild(quarantine.awaitEmpty())
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(empty)
      assert.strictEqual(quarantine.count(), 0)
      assert.deepInclude(run.journal.events.at(-1), { type: "response.late", call: "/call", undo: true })
      assert.strictEqual(shown(run.report, "/call"), "Succeeded compensationFailed left behind")
    })
  )

  it.effect("is shielded: an interruption of the owner does not end it", () =>
    Effect.gen(function* () {
      const world = new World()
      const plan = Plan.atomic(Plan.all({ a: atStart(world, "a", 0, { undoTakes: 500 }), bad: failsAt(10) }))
      const fiber = yield* Effect.forkChild(Fanout.run(plan))
      yield* TestClock.adjust("100 millis")
      const interrupted = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(interrupted)
      assert.deepStrictEqual(world.log, ["begin a", "do a", "undo a"])
    })
  )

  it.effect("of what was left behind runs when that has ended, and is journaled only", () =>
    Effect.gen(function* () {
      const world = new World()
      const deaf = Plan.effect(
        Effect.uninterruptible(world.effect("a", { after: 5_000 })),
        Contract.compensable({ compensate: world.undo("a") })
      )
      const fiber = yield* Effect.forkChild(runOf(Plan.atomic(Plan.all({ deaf, bad: failsAt(10) }))))
      yield* TestClock.adjust("2 seconds")
      const run = yield* Fiber.join(fiber)
      assert.strictEqual(shown(run.report, "/deaf"), "Unknown unknown left behind")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(world.log, ["begin a", "do a", "undo a"])
      assert.deepStrictEqual([...world.holds], [])
      assert.strictEqual(shown(run.report, "/deaf"), "Unknown unknown left behind")
      const types = run.journal.events.map(({ type }) => type)
      assert.includeMembers(types.slice(types.indexOf("fanout.closed")), ["response.late", "effect.compensated"])
    })
  )
})

describe("first success", () => {
  for (const [name, call] of [
    ["through the gate", books],
    ["at start", atStart]
  ] as const) {
    it.effect(`undoes what the losers did, and keeps what the winner did (${name})`, () =>
      Effect.gen(function* () {
        const world = new World()
        const loser = Plan.all({ a: call(world, "a", 10), slow: answersAt(1_000) })
        const run = yield* ran(Plan.firstSuccess({ loser, winner: call(world, "b", 20) }))
        assert.deepStrictEqual([...world.holds], ["b"])
        assert.strictEqual(shown(run.report, "/loser/a"), "Succeeded compensated")
        assert.strictEqual(shown(run.report, "/winner"), "Succeeded committed used")
      })
    )
  }

  it.effect("undoes also when all have failed, and starts the next only when the last has been undone", () =>
    Effect.gen(function* () {
      const world = new World()
      const rival = (what: string) =>
        Plan.all({ [what]: atStart(world, what, 0, { undoTakes: 100 }), bad: failsAt(10) })
      const run = yield* ran(Plan.firstSuccess({ x: rival("a"), y: rival("b") }, { stagger: "infinity" }))
      assert.deepStrictEqual(world.log, ["begin a", "do a", "undo a", "begin b", "do b", "undo b"])
      assert.strictEqual(run.report.reason!._tag, "AllFailed")
      assert.strictEqual(shown(run.report, "/x/a"), "Succeeded compensated")
    })
  )

  it.effect("fails as soon as an undo has failed, even while others run", () =>
    Effect.gen(function* () {
      const world = new World()
      const stuck = Plan.effect(
        Effect.andThen(world.effect("a", {}), Effect.fail("late")),
        Contract.compensable({ compensate: () => Effect.delay(Effect.fail("no"), 50) })
      )
      const run = yield* ran(Plan.firstSuccess({ stuck, slow: answersAt(5_000) }))
      assert.strictEqual(shown(run.report, "/stuck"), "Failed compensationFailed")
      assert.strictEqual(shown(run.report, "/slow"), "Cancelled")
      assert.strictEqual(run.report.reason!._tag, "AllFailed")
    })
  )

  it.effect("a winner is undone when the atomic around the race fails", () =>
    Effect.gen(function* () {
      const world = new World()
      const race = Plan.firstSuccess({ w: atStart(world, "w", 10), l: atStart(world, "l", 20) })
      const run = yield* ran(Plan.atomic(Plan.all({ race, bad: failsAt(100) })))
      assert.deepStrictEqual([...world.holds], [])
      assert.strictEqual(shown(run.report, "/race/w"), "Succeeded compensated")
    })
  )
})

describe("a call that did what can be undone and what cannot", () => {
  it.effect("is undone as far as that goes, and no rival follows", () =>
    Effect.gen(function* () {
      const world = new World()
      const contract = Contract.make({ effect: "additive", commit: "marked" })
      const half = Effect.gen(function* () {
        yield* world.commit("a")
        yield* Commit.run(world.effect("b", {}))
        return yield* Effect.fail("broken" as const)
      })
      const race = { half: Plan.effect(half, contract), next: answersAt(0) }
      const run = yield* ran(Plan.firstSuccess(race, { stagger: "infinity" }))
      assert.deepStrictEqual([...world.holds], ["b"])
      assert.strictEqual(shown(run.report, "/half"), "Failed compensated committed")
      assert.strictEqual(shown(run.report, "/next"), "Skipped")
    })
  )
})

describe("a quorum", () => {
  const quorumOf = (world: World, surplus: "keep" | "undo") =>
    Plan.quorum(
      1,
      { a: books(world, "a", 20), b: Plan.all({ b: books(world, "b", 10), slow: answersAt(1_000) }) },
      { surplus }
    )

  it.effect("keeps what the surplus did", () =>
    Effect.gen(function* () {
      const world = new World()
      yield* ran(quorumOf(world, "keep"))
      assert.deepStrictEqual([...world.holds], ["b", "a"])
    })
  )

  it.effect('undoes it with surplus "undo"', () =>
    Effect.gen(function* () {
      const world = new World()
      const run = yield* ran(quorumOf(world, "undo"))
      assert.deepStrictEqual([...world.holds], ["a"])
      assert.strictEqual(shown(run.report, "/b/b"), "Succeeded compensated")
      assert.strictEqual(run.report.status, "succeeded")
    })
  )

  it.effect("that fails undoes nothing", () =>
    Effect.gen(function* () {
      const world = new World()
      yield* ran(Plan.quorum(2, { a: books(world, "a"), bad: failsAt(10) }, { surplus: "undo" }))
      assert.deepStrictEqual([...world.holds], ["a"])
    })
  )
})

it.effect("a commit that comes after its undo was asked for is refused", () =>
  Effect.gen(function* () {
    const world = new World()
    const contract = Contract.make({
      effect: "additive",
      commit: "marked",
      compensate: "atCommit",
      interruption: "never"
    })
    const twice = Effect.andThen(world.commit("a"), Effect.andThen(Effect.sleep(50), world.commit("b")))
    const run = yield* ran(Plan.atomic(Plan.all({ twice: Plan.effect(twice, contract), bad: failsAt(10) })))
    assert.deepStrictEqual(world.log, ["begin a", "do a", "undo a"])
    assert.strictEqual(shown(run.report, "/twice"), "Cancelled compensated")
  })
)

class Desk extends Context.Service<Desk, { readonly release: (key: string) => void }>()("test/Desk") {}

it.effect("a commit's undo has the services of the commit", () =>
  Effect.gen(function* () {
    const released: Array<string> = []
    const handler = Commit.run(Effect.void, {
      compensate: ({ key }) =>
        Effect.map(Effect.service(Desk), ({ release }) => {
          release(key)
        })
    }).pipe(Effect.provideService(Desk, { release: (key) => released.push(key) }))
    yield* ran(Plan.atomic(Plan.all({ a: Plan.effect(handler, compensable), bad: failsAt(10) })))
    assert.deepStrictEqual(released, ["r/a#0"])
  })
)
