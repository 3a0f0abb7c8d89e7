/**
 * The undo of a subtree in its details: what it takes, in which order, what it says where it fails or is given up, and who owns what does
 * not end even then.
 */
import { assert, describe, it } from "@effect/vitest"
import { Commit, Contract, Fanout, Plan, Quarantine } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { TestClock } from "effect/testing"
import { EffectRecord } from "../../src/internal/effects.ts"
import { compensable, type Run, runOf, shown, World } from "./support.ts"

const ran = <A, E>(plan: Plan.Plan<A, E>, options?: Fanout.Options) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(runOf(plan, options))
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

const failsAt = (millis: number) => Plan.effect(Effect.delay(Effect.fail("bad"), millis), Contract.readOnly)
const answersAt = (millis: number) => Plan.effect(Effect.delay(Effect.succeed("ok"), millis), Contract.readOnly)
const deafFor = (millis: number) => Effect.uninterruptible(Effect.sleep(millis))

/** A call that has acted at once, and is undone so. */
const acts = (compensate: Contract.Compensate) => Plan.effect(Effect.void, Contract.compensable({ compensate }))
/** Fails at once and takes everything beside it along. */
const lost = (calls: Readonly<Record<string, Plan.Plan<unknown, unknown>>>) =>
  Plan.atomic(Plan.all({ ...calls, bad: failsAt(10) }))
const effectOf = ({ report }: Run, id: string) => report.calls.find((call) => call.id === id)!.effects[0]!
/** Types of what the journal says of a call, from its undo on. */
const saidOf = ({ journal }: Run, id: string) =>
  journal.events
    .filter((event) => "call" in event && event.call === id)
    .map(({ type }) => type)
    .filter((type) => type.startsWith("effect.comp") || type === "call.settled" || type === "response.late")

describe("an undo that fails", () => {
  it.effect("says why, in the words of its error", () =>
    Effect.gen(function* () {
      const errors = {
        message: [Effect.fail({ _tag: "Full", message: "no room" }), "no room"],
        tag: [Effect.fail({ _tag: "Full" }), "Full"],
        text: [Effect.fail("no room"), "no room"],
        defect: [Effect.die(new Error("bug")), "bug"]
      } as const
      const calls = Object.fromEntries(
        Object.entries(errors).map(([name, [compensate]]) => [name, acts(() => compensate)])
      )
      const run = yield* ran(lost({ ...calls, other: acts(() => Effect.fail({ room: 7 })) }))
      for (const [name, [, error]] of Object.entries(errors)) {
        assert.deepInclude(effectOf(run, `/${name}`), { state: "compensationFailed", error })
      }
      const { error, state } = effectOf(run, "/other")
      assert.strictEqual(state, "compensationFailed")
      assert.include(error, "room")
    })
  )

  it.effect("is journaled once, with its error, between its begin and the end of the call", () =>
    Effect.gen(function* () {
      const run = yield* ran(lost({ a: acts(() => Effect.fail("no")), b: acts(() => Effect.void) }))
      assert.deepStrictEqual(saidOf(run, "/a"), ["effect.compensating", "effect.compensationFailed", "call.settled"])
      assert.deepStrictEqual(saidOf(run, "/b"), ["effect.compensating", "effect.compensated", "call.settled"])
      const failed = run.journal.events.find(({ type }) => type === "effect.compensationFailed")
      assert.deepInclude(failed, { call: "/a", key: "r/a#0", error: "no" })
    })
  )

  it.effect("that throws instead of failing has failed as well", () =>
    Effect.gen(function* () {
      const throws = () => {
        throw new Error("bug")
      }
      const run = yield* ran(lost({ a: acts(throws) }))
      assert.deepInclude(effectOf(run, "/a"), { state: "compensationFailed", error: "bug" })
    })
  )

  it.effect("does not end a race that has a winner, and one that succeeds leaves nothing behind", () =>
    Effect.gen(function* () {
      for (const [compensate, state] of [
        [Effect.fail("no"), "compensationFailed"],
        [Effect.void, "compensated"]
      ] as const) {
        const loser = Plan.all({ a: acts(() => compensate), slow: answersAt(1_000) })
        const run = yield* ran(Plan.firstSuccess({ loser, winner: Plan.all([answersAt(20)]) }))
        assert.strictEqual(run.report.status, "succeeded")
        assert.strictEqual(effectOf(run, "/loser/a").state, state)
        assert.isTrue(run.report.drained)
      }
    })
  )
})

describe("an undo that is given up at its bound", () => {
  it.effect("is interrupted; what it was at, and what it had not begun, has failed, each said once", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const write = (line: string) => Effect.sync(() => log.push(line))
      const plan = lost({
        a: acts(() => write("a")),
        b: acts(() => Effect.onInterrupt(Effect.never, () => write("b interrupted"))),
        c: acts(() => write("c"))
      })
      const run = yield* ran(plan, { undo: "100 millis" })
      assert.deepStrictEqual(log, ["c", "b interrupted"])
      const error = "not undone within 100 ms"
      assert.deepInclude(effectOf(run, "/a"), { state: "compensationFailed", error })
      assert.deepInclude(effectOf(run, "/b"), { state: "compensationFailed", error })
      assert.strictEqual(effectOf(run, "/c").state, "compensated")
      assert.deepStrictEqual(saidOf(run, "/a"), ["effect.compensationFailed", "call.settled"])
      assert.deepStrictEqual(saidOf(run, "/b"), ["effect.compensating", "effect.compensationFailed", "call.settled"])
      assert.isTrue(run.report.drained)
      assert.deepStrictEqual(
        run.report.calls.map(({ leftBehind }) => leftBehind),
        [false, false, false, false]
      )
    })
  )

  it.effect("and does not end is owned by the quarantine, which knows what it is, until it ends", () =>
    Effect.gen(function* () {
      const quarantine = Quarantine.make()
      const log: Array<string> = []
      const plan = lost({
        a: acts(() => Effect.sync(() => log.push("a"))),
        b: acts(() =>
          Effect.andThen(
            deafFor(5_000),
            Effect.sync(() => log.push("b"))
          )
        )
      })
      const fiber = yield* Effect.forkChild(Effect.provideService(runOf(plan), Quarantine.Current, quarantine))
      yield* TestClock.adjust("2 seconds")
      const run = yield* Fiber.join(fiber)
      const [{ tool: _, ...member }] = quarantine.list() as [Quarantine.LeftBehind]
      const expected = { id: "r/b#1", runId: "r", call: "/b", attempt: 1, undo: true, mayAct: true, since: 1_010 }
      assert.deepStrictEqual<object>(member, expected)
      assert.strictEqual(quarantine.count(), 1)
      assert.isFalse(run.report.drained)
      assert.strictEqual(shown(run.report, "/a"), "Succeeded compensationFailed")
      assert.strictEqual(shown(run.report, "/b"), "Succeeded compensationFailed left behind")
      const before = run.journal.events.length
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(quarantine.count(), 0)
      assert.deepStrictEqual(log, [])
      const after = run.journal.events.slice(before)
      assert.strictEqual(after.length, 1)
      assert.deepInclude(after[0], { type: "response.late", call: "/b", attempt: 1, undo: true })
    })
  )

  it.effect("and has ended before the fan-out has is not left behind any more", () =>
    Effect.gen(function* () {
      const first = Plan.all({ a: acts(() => deafFor(500)), bad: failsAt(10) })
      const race = Plan.settled(Plan.firstSuccess({ first, next: answersAt(0) }, { stagger: "infinity" }))
      const run = yield* ran(Plan.all({ race, slow: answersAt(5_000) }), { undo: "100 millis" })
      assert.strictEqual(shown(run.report, "/race/first/a"), "Succeeded compensationFailed left behind")
      assert.isTrue(run.report.drained)
      const said = ["effect.compensating", "effect.compensationFailed", "call.settled", "response.late"]
      assert.deepStrictEqual(saidOf(run, "/race/first/a"), said)
    })
  )

  it.effect("counts as failed: what waits for it is told so, and no rival follows", () =>
    Effect.gen(function* () {
      for (const compensate of [Effect.never, deafFor(5_000)]) {
        const first = Plan.all({ a: acts(() => compensate), bad: failsAt(10) })
        const race = Plan.firstSuccess({ first, next: answersAt(0) }, { stagger: "infinity" })
        const run = yield* ran(race, { undo: "100 millis" })
        assert.strictEqual(run.report.reason?._tag, "AllFailed")
        assert.strictEqual(shown(run.report, "/next"), "Skipped")
        const { settledAt, startedAt } = run.report.calls[0]!
        assert.strictEqual(settledAt - startedAt!, 110)
      }
    })
  )
})

describe("a rival whose effects cannot be undone", () => {
  const raceOf = (first: Plan.Plan<unknown, unknown>) =>
    ran(Plan.firstSuccess({ first, next: answersAt(0) }, { stagger: "infinity" }))

  it.effect("is the last: because there is no undo, or not of all of them, or because it was left behind", () =>
    Effect.gen(function* () {
      const marked = Contract.make({ effect: "additive", commit: "marked" })
      const contract = Contract.compensable({ compensate: () => Effect.void })
      const forGood = Plan.effect(Effect.andThen(Commit.run(Effect.void), Effect.fail("no")), marked)
      for (const first of [
        forGood,
        Plan.all({ undoable: acts(() => Effect.void), forGood }),
        Plan.all({ undoable: acts(() => Effect.void), fails: acts(() => Effect.fail("no")), bad: failsAt(10) }),
        Plan.effect(deafFor(5_000), contract, { timeout: 10 })
      ]) {
        const run = yield* raceOf(first)
        assert.strictEqual(shown(run.report, "/next"), "Skipped")
        assert.strictEqual(run.report.reason?._tag, "AllFailed")
      }
    })
  )

  it.effect("is followed by the next where they can", () =>
    Effect.gen(function* () {
      const run = yield* raceOf(Plan.all({ undoable: acts(() => Effect.void), bad: failsAt(10) }))
      assert.strictEqual(shown(run.report, "/next"), "Succeeded used")
    })
  )
})

describe("undos inside of one another", () => {
  /** A race that its first rival loses at 10 ms, whose undo takes so long, in an atomic that is lost at 50 ms. */
  const nested = (world: World, options: { readonly innerTakes: number; readonly after?: number }) => {
    const rival = Plan.all({
      r: acts(world.undo("r", options.innerTakes)),
      never: answersAt(10_000),
      bad: failsAt(10)
    })
    const race = Plan.firstSuccess({ rival, slow: answersAt(10_000) })
    return Plan.atomic(
      Plan.all({
        before: acts(world.undo("before")),
        race,
        after: acts(world.undo("after", options.after ?? 0)),
        bad: failsAt(50)
      })
    )
  }

  it.effect("the outer one waits for the inner one that runs already, and takes nothing of it a second time", () =>
    Effect.gen(function* () {
      const world = new World()
      const run = yield* ran(nested(world, { innerTakes: 200 }))
      assert.deepStrictEqual(world.log, ["undo r", "undo after", "undo before"])
      const { settledAt, startedAt } = run.report.calls[0]!
      assert.strictEqual(settledAt - startedAt!, 210)
      for (const id of ["/before", "/race/rival/r", "/after"])
        assert.deepStrictEqual(saidOf(run, id), ["effect.compensating", "effect.compensated", "call.settled"])
    })
  )

  it.effect("an inner one that is over is not waited for, and is not repeated", () =>
    Effect.gen(function* () {
      const world = new World()
      yield* ran(nested(world, { innerTakes: 10 }))
      assert.deepStrictEqual(world.log, ["undo r", "undo after", "undo before"])
    })
  )

  it.effect("an inner one that is given up lets the outer one begin", () =>
    Effect.gen(function* () {
      const world = new World()
      const run = yield* ran(nested(world, { innerTakes: 100_000 }), { undo: "200 millis" })
      assert.deepStrictEqual(world.log, ["undo after", "undo before"])
      assert.strictEqual(effectOf(run, "/race/rival/r").state, "compensationFailed")
      assert.strictEqual(effectOf(run, "/before").state, "compensated")
    })
  )

  it.effect("the outer one waits for all of them, also for those that end before their turn", () =>
    Effect.gen(function* () {
      const world = new World()
      const rival = (what: string, takes: number) =>
        Plan.firstSuccess({
          rival: Plan.all({ [what]: acts(world.undo(what, takes)), bad: failsAt(10) }),
          slow: answersAt(10_000)
        })
      const calls = { x: acts(world.undo("x")), slow: rival("slow", 200), quick: rival("quick", 100), bad: failsAt(50) }
      const run = yield* ran(Plan.atomic(Plan.all(calls)))
      assert.deepStrictEqual(world.log, ["undo quick", "undo slow", "undo x"])
      const { settledAt, startedAt } = run.report.calls[0]!
      assert.strictEqual(settledAt - startedAt!, 210)
    })
  )

  it.effect("those beside each other do not wait for each other, whichever begins first", () =>
    Effect.gen(function* () {
      for (const first of ["a", "b"]) {
        const world = new World()
        const rival = (what: string) =>
          Plan.all({
            [what]: acts(world.undo(what, what === first ? 300 : 100)),
            bad: failsAt(what === first ? 10 : 50)
          })
        yield* ran(Plan.firstSuccess({ a: rival("a"), b: rival("b"), slow: answersAt(1_000) }))
        assert.deepStrictEqual(world.log, first === "a" ? ["undo b", "undo a"] : ["undo a", "undo b"])
      }
    })
  )

  it.effect("one in a fan-out inside of a handler is given up before its caller's bound", () =>
    Effect.gen(function* () {
      const world = new World()
      const inner = lost({ b: acts(world.undo("b")), a: acts(() => Effect.never) })
      const handler = Effect.exit(Fanout.run(inner, { undo: "10 seconds" }))
      const run = yield* ran(Plan.all({ around: Plan.effect(handler, Contract.readOnly), bad: failsAt(50) }))
      assert.isTrue(run.report.drained)
      assert.isFalse(run.report.calls[0]!.leftBehind)
      const said = run.journal.events.filter(({ type }) => type === "effect.compensationFailed")
      assert.strictEqual(said.length, 2)
      assert.isBelow(run.report.drainMillis, 1_000)
    })
  )
})

describe("what was left behind in a lost subtree", () => {
  const deaf = (compensate: Contract.Compensate) => Plan.effect(deafFor(5_000), Contract.compensable({ compensate }))
  const owned = (plan: Plan.Plan<unknown, unknown>, options?: Fanout.Options) =>
    Effect.gen(function* () {
      const quarantine = Quarantine.make()
      const fiber = yield* Effect.forkChild(
        Effect.provideService(runOf(plan, { ...options }), Quarantine.Current, quarantine)
      )
      yield* TestClock.adjust("2 seconds")
      return { quarantine, run: yield* Fiber.join(fiber) }
    })

  it.effect("is not undone while it may still act; what stands beside it is", () =>
    Effect.gen(function* () {
      const world = new World()
      const { run } = yield* owned(lost({ deaf: deaf(world.undo("deaf")), a: acts(world.undo("a")) }))
      assert.deepStrictEqual(world.log, ["undo a"])
      assert.strictEqual(shown(run.report, "/deaf"), "Unknown unknown left behind")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(world.log, ["undo a", "undo deaf"])
    })
  )

  it.effect("is undone when it has ended: in the quarantine meanwhile, and in the journal", () =>
    Effect.gen(function* () {
      const { quarantine, run } = yield* owned(lost({ deaf: deaf(() => Effect.sleep(500)) }))
      assert.deepInclude(quarantine.list()[0], { id: "r/deaf#1", call: "/deaf", mayAct: true })
      yield* TestClock.adjust(3_100)
      assert.strictEqual(quarantine.count(), 1)
      assert.deepInclude(quarantine.list()[0], { id: "r/deaf#1", runId: "r", call: "/deaf", undo: true, since: 5_000 })
      yield* TestClock.adjust(500)
      assert.strictEqual(quarantine.count(), 0)
      const late = ["call.settled", "response.late", "effect.compensating", "effect.compensated"]
      assert.deepStrictEqual(saidOf(run, "/deaf"), late)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(saidOf(run, "/deaf"), late)
    })
  )

  it.effect(
    "has failed to be undone at the bound of an undo; what does not end even then stays in the quarantine",
    () =>
      Effect.gen(function* () {
        const { quarantine, run } = yield* owned(lost({ deaf: deaf(() => deafFor(5_000)) }), { undo: "1 second" })
        yield* TestClock.adjust(3_900)
        assert.deepStrictEqual(saidOf(run, "/deaf").slice(-1), ["effect.compensating"])
        yield* TestClock.adjust(200)
        const late = ["call.settled", "response.late", "effect.compensating", "effect.compensationFailed"]
        assert.deepStrictEqual(saidOf(run, "/deaf"), late)
        assert.deepInclude(run.journal.events.at(-1), { error: "not undone within 1000 ms" })
        assert.strictEqual(quarantine.count(), 1)
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(quarantine.count(), 0)
        assert.deepStrictEqual(saidOf(run, "/deaf"), late)
      })
  )

  it.effect("is undone when it has ended, whatever else still runs", () =>
    Effect.gen(function* () {
      const world = new World()
      const late = (what: string, millis: number) =>
        Plan.effect(deafFor(millis), Contract.compensable({ compensate: world.undo(what) }))
      const { run } = yield* owned(
        lost({ soon: late("soon", 3_000), later: late("later", 5_000), stuck: acts(() => deafFor(20_000)) }),
        { undo: "500 millis" }
      )
      assert.isFalse(run.report.drained)
      yield* TestClock.adjust(1_500)
      assert.deepStrictEqual(world.log, ["undo soon"])
      yield* TestClock.adjust(2_000)
      assert.deepStrictEqual(world.log, ["undo soon", "undo later"])
    })
  )

  it.effect("is undone once, when the last of its attempts has ended", () =>
    Effect.gen(function* () {
      const world = new World()
      const contract = Contract.compensable({ compensate: world.undo("a"), repeat: "keyed" })
      const deafTwice = Plan.effect(deafFor(5_000), contract, { retry: 1, timeout: 10 })
      const quarantine = Quarantine.make()
      const plan = Plan.atomic(Plan.all({ deafTwice, bad: failsAt(3_000) }))
      const fiber = yield* Effect.forkChild(Effect.provideService(runOf(plan), Quarantine.Current, quarantine))
      yield* TestClock.adjust("4 seconds")
      const { journal } = yield* Fiber.join(fiber)
      const lateOnes = () => journal.events.filter(({ type }) => type === "response.late").length
      yield* TestClock.adjust(1_000)
      assert.strictEqual(lateOnes(), 1)
      assert.deepStrictEqual(world.log, [])
      assert.deepStrictEqual(
        quarantine.list().map(({ attempt, undo }) => ({ attempt, undo })),
        [
          { attempt: 2, undo: undefined },
          { attempt: 2, undo: true }
        ]
      )
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(world.log, ["undo a"])
      assert.strictEqual(quarantine.count(), 0)
    })
  )

  it.effect("is not undone where nothing that was lost is around it", () =>
    Effect.gen(function* () {
      const world = new World()
      const { quarantine } = yield* owned(Plan.all({ deaf: deaf(world.undo("deaf")), bad: failsAt(10) }))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(world.log, [])
      assert.strictEqual(quarantine.count(), 0)
      const kept = yield* owned(
        Plan.all({
          one: Plan.atomic(Plan.all({ a: acts(world.undo("a")) })),
          deaf: deaf(world.undo("deaf")),
          bad: failsAt(10)
        })
      )
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(world.log, [])
      assert.strictEqual(kept.run.report.status, "failed")
    })
  )

  it.effect("and has nothing to undo leaves nobody in the quarantine", () =>
    Effect.gen(function* () {
      const stays = Plan.effect(deafFor(5_000), compensable)
      const { quarantine, run } = yield* owned(lost({ stays }))
      assert.deepStrictEqual(
        quarantine.list().map(({ undo }) => undo),
        [undefined]
      )
      yield* TestClock.adjust(3_500)
      assert.strictEqual(quarantine.count(), 0)
      assert.deepStrictEqual(saidOf(run, "/stays"), ["call.settled", "response.late"])
    })
  )
})

describe("an effect that several attempts have made", () => {
  it.effect("has not happened before it passes the gate, and is in doubt until it has ended", () =>
    Effect.sync(() => {
      const record = new EffectRecord(0, "key")
      record.undo = () => Effect.void
      assert.deepStrictEqual([record.acted, record.canBeUndone, record.reported], [false, false, undefined])
      record.pass(1)
      assert.deepStrictEqual([record.acted, record.canBeUndone, record.reported], [true, false, "unknown"])
      record.end("committed", Option.none())
      assert.deepStrictEqual([record.acted, record.canBeUndone, record.reported], [true, true, "committed"])
    })
  )

  const keyed = (fields: Partial<Contract.Acting>) =>
    Contract.make({ effect: "additive", commit: "marked", repeat: "keyed", failure: { Refused: "nothing" }, ...fields })
  const ends = {
    committed: Effect.succeed("first"),
    unknown: Effect.die("bug"),
    absent: Effect.fail({ _tag: "Refused" })
  }
  const comesTo = {
    committed: { committed: "committed", unknown: "committed", absent: "committed" },
    unknown: { committed: "committed", unknown: "unknown", absent: "unknown" },
    absent: { committed: "committed", unknown: "unknown", absent: undefined }
  }
  for (const first of Object.keys(ends) as Array<keyof typeof ends>) {
    for (const second of Object.keys(ends) as Array<keyof typeof ends>) {
      const expected = comesTo[first][second]
      it.effect(`has happened if it may have in one of them: ${first}, then ${second}: ${expected ?? "absent"}`, () =>
        Effect.gen(function* () {
          const told: Array<unknown> = []
          const compensate = ({ value }: Contract.Done) => Effect.sync(() => told.push(value))
          let attempts = 0
          const handler = Effect.gen(function* () {
            const end: Effect.Effect<string, unknown> = [ends[first], ends[second]][attempts++]!
            yield* Effect.exit(Commit.run(end))
            return yield* Effect.fail({ _tag: "Refused" })
          })
          const run = yield* ran(Plan.effect(handler, keyed({}), { retry: 1 }))
          assert.strictEqual(attempts, 2)
          assert.strictEqual(run.report.calls[0]!.effects[0]?.state, expected)
          attempts = 0
          yield* ran(Plan.atomic(Plan.effect(handler, keyed({ compensate }), { retry: 1 })))
          const answer = first === "committed" || second === "committed" ? Option.some("first") : Option.none()
          assert.deepStrictEqual(told, expected === undefined ? [] : [answer])
        })
      )
    }
  }
})

it.effect("the journal says that an effect happened before it says that it is undone", () =>
  Effect.gen(function* () {
    const world = new World()
    const run = yield* ran(lost({ a: acts(world.undo("a")), b: Plan.effect(world.commit("b"), compensable) }))
    for (const key of ["r/a#0", "r/b#0"]) {
      const types = run.journal.events
        .filter((event) => "key" in event && event.key === key)
        .map(({ type }) => type)
        .filter((type) => type !== "attempt.started" && type !== "effect.intended")
      assert.deepStrictEqual(types, ["effect.committed", "effect.compensating", "effect.compensated"])
    }
  })
)
