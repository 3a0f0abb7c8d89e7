/**
 * What the journal says of an effect: that it is wanted, before it begins; what came of it, before its attempt ends; and why it did not
 * happen, in one word.
 */
import { assert, describe, it } from "@effect/vitest"
import { CallError, Commit, Contract, Fanout, Journal, Plan } from "@toolscope/core"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { marked, type Run, runOf, shown, World } from "./support.ts"

const ran = <A, E>(plan: Plan.Plan<A, E>, options?: Fanout.Options) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(runOf(plan, options))
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

const failsAt = (millis: number) => Plan.effect(Effect.delay(Effect.fail("bad"), millis), Contract.readOnly)
const acting = (fields: Partial<Contract.Acting>) => Contract.make({ effect: "additive", commit: "marked", ...fields })

/** Of one call: what was written about its effects and about its attempts, each with its reason or its answer. */
const told = (events: ReadonlyArray<Journal.Event>, call = "/") =>
  events.flatMap((event) => {
    if (!("call" in event) || event.call !== call) return []
    if (event.type === "effect.refused") return [`refused: ${event.reason}`]
    if (event.type === "effect.probed") return [`probed: ${event.happened}`]
    if (event.type.startsWith("effect.")) return [event.type.slice("effect.".length)]
    return ["attempt.ended", "attempt.leftBehind", "response.late"].includes(event.type) ? [event.type] : []
  })
const toldIn = ({ journal }: Run, call?: string) => told(journal.events, call)

/** A journal whose store does as it is told once an intent was written. */
const journalWith = (afterIntent: Effect.Effect<void, Journal.JournalError>) => {
  const events: Array<Journal.Event> = []
  const journal = Journal.make({
    write: (event) => void events.push(event),
    flush: Effect.suspend(() => (events.some(({ type }) => type === "effect.intended") ? afterIntent : Effect.void))
  })
  return { events, journal }
}
const full = Effect.fail(new Journal.JournalError({ reason: { _tag: "Refused", cause: "full" } }))

describe("of what passed the gate the journal says, before its attempt ends,", () => {
  it.effect("that it was committed", () =>
    Effect.gen(function* () {
      const run = yield* ran(Plan.effect(Commit.run(Effect.void), marked))
      assert.deepStrictEqual(toldIn(run), ["intended", "committed", "attempt.ended"])
    })
  )

  it.effect("that nothing happened, as its failure says", () =>
    Effect.gen(function* () {
      const run = yield* ran(Plan.effect(Commit.run(Effect.fail("no")), acting({ failure: "nothing" })))
      assert.deepStrictEqual(toldIn(run), ["intended", "refused: failure", "attempt.ended"])
    })
  )

  it.effect("that nobody knows, where there is no probe to ask", () =>
    Effect.gen(function* () {
      for (const end of [Effect.fail("no"), Effect.die("bug")]) {
        const run = yield* ran(Plan.effect(Commit.run(end), marked))
        assert.deepStrictEqual(toldIn(run), ["intended", "unknown", "attempt.ended"])
      }
    })
  )

  it.effect("what its probe said, and what follows from that", () =>
    Effect.gen(function* () {
      for (const [probe, said, follows, comesTo] of [
        [Effect.succeed(true), "yes", "committed", "Failed committed"],
        [Effect.succeed(false), "no", "refused: probe", "Failed"],
        [Effect.fail("down"), "unknown", "unknown", "Failed unknown"]
      ] as const) {
        const run = yield* ran(Plan.effect(Commit.run(Effect.fail("no"), { probe: () => probe }), marked))
        assert.deepStrictEqual(toldIn(run), ["intended", `probed: ${said}`, follows, "attempt.ended"])
        assert.strictEqual(shown(run.report, "/"), comesTo)
      }
    })
  )
})

describe("of what did not pass the gate the journal says why:", () => {
  it.effect("its call had been stopped", () =>
    Effect.gen(function* () {
      const deaf = Plan.effect(
        Effect.andThen(Effect.sleep(50), Commit.run(Effect.void)),
        acting({ interruption: "never" })
      )
      const run = yield* ran(Plan.all({ deaf, bad: failsAt(20) }))
      assert.deepStrictEqual(toldIn(run, "/deaf"), ["intended", "refused: stop", "attempt.ended"])
    })
  )

  it.effect("a stop came while the intent was being kept", () =>
    Effect.gen(function* () {
      const world = new World()
      const { events, journal } = journalWith(Effect.never)
      const plan = Plan.all({ acts: Plan.effect(world.commit("a"), marked), bad: failsAt(20) })
      const fiber = yield* Effect.forkChild(
        Effect.provideService(Fanout.run(plan, { drain: "1 second" }), Journal.Current, journal)
      )
      yield* TestClock.adjust("1 minute")
      assert.isDefined(fiber.pollUnsafe())
      assert.deepStrictEqual(told(events, "/acts"), ["intended", "refused: stop", "attempt.ended"])
      assert.deepStrictEqual(world.log, [])
    })
  )

  it.effect("the journal itself refused the intent", () =>
    Effect.gen(function* () {
      const { events, journal } = journalWith(full)
      const plan = Plan.effect(Commit.run(Effect.void), marked)
      yield* Effect.provideService(Effect.flip(Fanout.run(plan)), Journal.Current, journal)
      assert.deepStrictEqual(told(events), ["intended", "refused: journal", "attempt.ended"])
    })
  )

  it.effect("its handler broke the contract: it was not even wanted", () =>
    Effect.gen(function* () {
      const run = yield* ran(Plan.effect(Commit.run(Effect.void), Contract.readOnly))
      assert.deepStrictEqual(toldIn(run), ["refused: contract", "attempt.ended"])
    })
  )
})

describe("a journal that is slow, or full,", () => {
  it.effect("has the commit before its handler goes on", () =>
    Effect.gen(function* () {
      const kept = yield* Deferred.make<void>()
      let isCommitted = false
      const journal = Journal.make({
        write: (event) => {
          if (event.type === "effect.committed") isCommitted = true
        },
        flush: Effect.suspend(() => (isCommitted ? Deferred.await(kept) : Effect.void))
      })
      let wentOn = false
      const handler = Effect.map(Commit.run(Effect.void), () => {
        wentOn = true
      })
      const fiber = yield* Effect.forkChild(
        Effect.provideService(Fanout.run(Plan.effect(handler, marked)), Journal.Current, journal)
      )
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([isCommitted, wentOn], [true, false])
      yield* Deferred.succeed(kept, undefined)
      yield* Fiber.join(fiber)
      assert.isTrue(wentOn)
    })
  )

  it.effect("takes no answer away from an effect that happened, and lets no further one pass", () =>
    Effect.gen(function* () {
      const world = new World()
      let isCommitted = false
      const journal = Journal.make({
        write: (event) => {
          if (event.type === "effect.committed") isCommitted = true
        },
        flush: Effect.suspend(() => (isCommitted ? full : Effect.void))
      })
      const answers: Array<string> = []
      const handler = Effect.gen(function* () {
        answers.push(yield* world.commit("a"))
        answers.push(yield* world.commit("b"))
      })
      const error = yield* Effect.flip(
        Effect.provideService(Fanout.run(Plan.effect(handler, marked)), Journal.Current, journal)
      )
      assert(error._tag === "FanoutError")
      assert.deepStrictEqual(answers, ["a"])
      assert.deepStrictEqual([...world.holds], ["a"])
      assert.strictEqual(shown(error.report, "/"), "Unknown committed")
      const { outcome } = error.report.calls[0]!
      assert("error" in outcome && CallError.isCallError(outcome.error))
      assert.strictEqual(outcome.error.reason._tag, "JournalRefused")
    })
  )
})

describe("an effect whose attempt was left behind", () => {
  const ends: Record<string, (world: World) => Effect.Effect<unknown, unknown>> = {
    "it succeeds": (world) => world.commit("a", { after: 3_000 }),
    "it fails, which says that nothing happened": () => Commit.run(Effect.delay(Effect.fail("no"), 3_000)),
    "it dies": () => Commit.run(Effect.delay(Effect.die("bug"), 3_000)),
    "its probe, which had been asked, says yes": () =>
      Commit.run(Effect.die("bug"), { probe: () => Effect.delay(Effect.succeed(true), 3_000) }),
    "its probe, which had been asked, says no": () =>
      Commit.run(Effect.die("bug"), { probe: () => Effect.delay(Effect.succeed(false), 3_000) })
  }
  for (const [how, commit] of Object.entries(ends)) {
    it.effect(`stays unknown, also where ${how} before the fan-out ends`, () =>
      Effect.gen(function* () {
        let asked = 0
        const probe = () => Effect.succeed(++asked > 0)
        const contract = acting({ failure: "nothing", ...(how === "it dies" ? { probe } : {}) })
        const acts = Plan.effect(commit(new World()), contract, { timeout: 10 })
        const slow = Plan.effect(Effect.sleep(5_000), Contract.readOnly)
        const run = yield* ran(Plan.all({ acts: Plan.settled(acts), slow }))
        assert.strictEqual(run.report.status, "succeeded")
        assert.strictEqual(shown(run.report, "/acts"), "Unknown unknown left behind")
        assert.deepStrictEqual(run.report.calls[0]!.late, [1])
        assert.deepStrictEqual(toldIn(run, "/acts"), ["intended", "attempt.leftBehind", "unknown", "response.late"])
        assert.strictEqual(asked, 0)
      })
    )
  }
})
