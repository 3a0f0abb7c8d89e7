/**
 * What reaches a fan-out inside of a handler from around it, and when: the stop, before anything else can happen; the time that is left,
 * also where it grows shorter afterwards; and the wait of the handler around it, from the moment in which it is prepared.
 */
import { assert, describe, it } from "@effect/vitest"
import { Attempt, Contract, Fanout, Journal, Plan, Session, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { underSeed } from "./scheduler.ts"

const reads = Contract.readOnly
const acts = Contract.make({ effect: "mutating", interruption: "never" })
const never = Plan.effect(Effect.never, reads)
const deaf = Plan.effect(Effect.uninterruptible(Effect.sleep("1 hour")), reads)
const inside = <A, E>(plan: Plan.Plan<A, E>, options?: Fanout.Options) => Effect.exit(Fanout.run(plan, options))

const watched = <A, E, R>(program: (journal: Journal.Memory) => Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const journal = Journal.memory()
    return Effect.map(Effect.provideService(program(journal), Journal.Current, journal), () => journal.events)
  })

const startedAfter = (events: ReadonlyArray<Journal.Event>, type: Journal.Event["type"]) => {
  const from = events.findIndex((event) => event.type === type)
  assert.isAbove(from, -1)
  return events.slice(from).flatMap((event) => (event.type === "attempt.started" ? [event.call] : []))
}

/** When each fan-out closed, by its run. */
const closings = (events: ReadonlyArray<Journal.Event>) =>
  Object.fromEntries(events.flatMap((event) => (event.type === "fanout.closed" ? [[event.run, event.time]] : [])))

describe("a fan-out inside of a handler", () => {
  for (const policy of ["replan", "deadline"] as const) {
    it.effect(`starts nothing with the permit of another handler that is stopped in the same instant: ${policy}`, () =>
      Effect.gen(function* () {
        const first = Plan.effect(inside(Plan.all({ x: never })), acts)
        // its second call waits for a permit, until `first` gives its own back
        const second = Plan.effect(Effect.andThen(Effect.sleep(5), inside(Plan.all({ x: never, y: never }))), acts)
        const events = yield* watched(() =>
          Effect.scoped(
            Effect.gen(function* () {
              const session = yield* Session.make({ id: "s", limits: { concurrency: 2 } })
              const both = Plan.all({ first, second })
              const plan = policy === "replan" ? both : Plan.deadline(both, "20 millis")
              yield* Effect.forkChild(Effect.exit(session.fanout(plan)))
              yield* TestClock.adjust(10)
              if (policy === "replan") yield* session.cancel()
              yield* TestClock.adjust("1 minute")
            })
          )
        )
        assert.deepStrictEqual(startedAfter(events, "stop.requested"), [])
      })
    )
  }

  it.effect("that is opened when its handler has been told to stop starts nothing, and has the reason of that", () =>
    Effect.gen(function* () {
      const waits = Effect.uninterruptible(Effect.sleep(30))
      const late = Plan.effect(Effect.andThen(waits, inside(Plan.all({ x: never }))), acts)
      const fails = Plan.effect(Effect.andThen(Effect.sleep(10), Effect.fail("bad")), reads)
      const events = yield* watched(() =>
        Effect.gen(function* () {
          const fiber = yield* Effect.forkChild(Effect.exit(Fanout.run(Plan.all({ late, fails }), { runId: "r" })))
          yield* TestClock.adjust("1 minute")
          yield* Fiber.join(fiber)
        })
      )
      const inner = events.filter(({ run }) => run === "r/late@1")
      assert.deepStrictEqual(startedAfter(inner, "fanout.opened"), [])
      const stops = inner.flatMap((event) => (event.type === "stop.requested" ? [event.source] : []))
      assert.deepStrictEqual(stops, ["sibling"])
      assert.strictEqual(closings(inner)["r/late@1"], 30)
    })
  )

  it.effect("is over before the bound of its caller, also where that has grown shorter since its stop", () =>
    Effect.gen(function* () {
      // at 10 ms the agent times out, with 2 s to drain; at 100 ms what is around it is stopped, with 400 ms in all
      const agent = Plan.effect(inside(Plan.all({ deaf })), acts, { timeout: 10 })
      const around = Plan.effect(inside(Plan.all({ agent })), acts)
      const fails = Plan.effect(Effect.andThen(Effect.sleep(100), Effect.fail("bad")), reads)
      const events = yield* watched(() =>
        Effect.gen(function* () {
          const plan = Plan.all({ around, fails })
          const fiber = yield* Effect.forkChild(Effect.exit(Fanout.run(plan, { runId: "r", drain: 400 })))
          yield* TestClock.adjust("1 minute")
          yield* Fiber.join(fiber)
        })
      )
      const closed = closings(events)
      const left = events.flatMap((event) => (event.type === "attempt.leftBehind" ? [event.call] : []))
      // only what is deaf: the others have ended within their bounds
      assert.deepStrictEqual(left, ["/around/agent/deaf"])
      assert.isAtMost(closed["r"]!, 500)
    })
  )

  it.effect("has what runs elsewhere killed once, however often its bound has grown shorter", () =>
    Effect.gen(function* () {
      const kills: Array<number> = []
      const elsewhere = Effect.gen(function* () {
        const { onBound } = yield* Attempt.current
        const clock = yield* Effect.clockWith(Effect.succeed)
        yield* Effect.callback<void>(() => {
          onBound(() => kills.push(clock.currentTimeMillisUnsafe()))
        })
      })
      const leaf = Plan.effect(Effect.uninterruptible(elsewhere), reads)
      const agent = Plan.effect(inside(Plan.all({ leaf })), acts, { timeout: 10 })
      const around = Plan.effect(inside(Plan.all({ agent })), acts)
      const fails = Plan.effect(Effect.andThen(Effect.sleep(100), Effect.fail("bad")), reads)
      const fiber = yield* Effect.forkChild(Effect.exit(Fanout.run(Plan.all({ around, fails }), { drain: 400 })))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      assert.strictEqual(kills.length, 1)
      assert.isBelow(kills[0]!, 500)
    })
  )

  it.effect("that its handler let go is over before the bound that its handler has from its answer on", () =>
    Effect.gen(function* () {
      const letsGo = Plan.effect(Effect.andThen(Effect.forkDetach(inside(Plan.all({ deaf }))), Effect.sleep(10)), acts)
      const events = yield* watched(() =>
        Effect.gen(function* () {
          const fiber = yield* Effect.forkChild(Effect.exit(Fanout.run(Plan.all({ letsGo }), { drain: 400 })))
          yield* TestClock.adjust("1 minute")
          yield* Fiber.join(fiber)
        })
      )
      assert.deepStrictEqual(
        events.flatMap((event) => (event.type === "attempt.leftBehind" ? [event.call] : [])),
        ["/letsGo/deaf"]
      )
    })
  )

  it.live(
    "is waited for from the moment in which it is prepared: what it has reserved is given back by the close",
    () =>
      Effect.gen(function* () {
        const Look = Tool.make("look", { contract: reads, handler: () => Effect.void })
        let nested = 0
        for (let seed = 0; seed < 400; seed++) {
          const letsGo = Effect.andThen(Effect.forkDetach(inside(Plan.call(Look))), Effect.yieldNow)
          const plan = Plan.all({ letsGo: Plan.effect(letsGo, reads) })
          const events = yield* watched(() => underSeed(seed, Fanout.run(plan, { budget: { attempts: 5 } })))
          const closed = events.filter((event) => event.type === "fanout.closed")
          if (closed.length > 1) nested++
          const top = closed.find(({ run }) => !run.includes("@"))!
          assert.strictEqual(top.report.budget["attempts"]!.reserved, 0, `seed ${seed}`)
        }
        assert.isAbove(nested, 50)
      })
  )
})
