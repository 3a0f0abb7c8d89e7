/**
 * What simulation found at the edges of the gate and of undo: each a fan-out that left a journal which did not add up.
 */
import { assert, describe, it } from "@effect/vitest"
import { Attempt, CallError, Commit, Contract, Fanout, Journal, Plan, Tool } from "@toolscope/core"
import { Sweep } from "@toolscope/testing"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { TestClock } from "effect/testing"
import { EffectRecord } from "../../src/internal/effects.ts"
import { Timers } from "../../src/internal/timers.ts"
import { Undo } from "../../src/internal/undo.ts"
import { marked, runOf, shown, World } from "./support.ts"

const ran = <A, E>(plan: Plan.Plan<A, E>, options?: Fanout.Options) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(runOf(plan, options))
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

const failsAt = (millis: number) => Plan.effect(Effect.delay(Effect.fail("bad"), millis), Contract.readOnly)

describe("the journal", () => {
  it.effect("says what there was to undo, also where the undo was given up before it began", () =>
    Effect.gen(function* () {
      const world = new World()
      const books = (what: string, undoTakes: number) =>
        Plan.effect(world.effect(what, {}), Contract.compensable({ compensate: world.undo(what, undoTakes) }))
      const plan = Plan.atomic(Plan.all({ a: books("a", 0), b: books("b", 5_000), bad: failsAt(10) }))
      const { journal } = yield* ran(plan)
      const ofA = journal.events.filter((event) => "key" in event && event.key === "r/a#0").map(({ type }) => type)
      assert.deepStrictEqual(ofA, ["attempt.started", "effect.committed", "effect.compensationFailed"])
    })
  )
})

describe("several commits at the same time", () => {
  it.effect("each keep their own key, whichever passes first", () =>
    Effect.gen(function* () {
      const delays = [50, 10]
      const events: Array<Journal.Event> = []
      let intended = 0
      const journal = Journal.make({
        write: (event) => {
          events.push(event)
          if (event.type === "effect.intended") intended++
        },
        // the first intent takes longer to be kept than the second
        flush: Effect.suspend(() => (intended === 0 ? Effect.void : Effect.sleep(delays[intended - 1] ?? 0)))
      })
      const acted: Array<string> = []
      const commit = (what: string) => Commit.run((key) => Effect.sync(() => acted.push(`${what} ${key}`)))
      const both = Effect.all([commit("a"), commit("b")], { concurrency: "unbounded" })
      const fiber = yield* Effect.forkChild(
        Effect.gen(function* () {
          const handle = yield* Fanout.start(Plan.effect(both, marked), { runId: "r" })
          return yield* handle.report
        }).pipe(Effect.scoped, Effect.provideService(Journal.Current, journal))
      )
      yield* TestClock.adjust("1 second")
      const report = yield* Fiber.join(fiber)
      assert.deepStrictEqual(acted, ["b r/#1", "a r/#0"])
      assert.deepStrictEqual(report.calls[0]!.effects, [
        { key: "r/#0", state: "committed" },
        { key: "r/#1", state: "committed" }
      ])
      const committed = events.flatMap((event) => (event.type === "effect.committed" ? [event.key] : []))
      assert.deepStrictEqual(committed, ["r/#1", "r/#0"])
    })
  )
})

describe("the gate", () => {
  for (const drives of ["effect", "promise"] as const) {
    it.effect(`looks at the fence and begins in one step, whoever else is ready (${drives})`, () =>
      Sweep.everyStep({
        setup: Effect.sync((): Array<boolean> => []),
        program: (begun) => {
          const options = { contract: marked }
          const tool =
            drives === "promise"
              ? Tool.fromPromise("acts", {
                  ...options,
                  execute: async (_, { commit, signal }) => commit(() => void begun.push(signal.aborted))
                })
              : Tool.make("acts", {
                  ...options,
                  handler: () =>
                    Effect.flatMap(Attempt.current, ({ stopping }) =>
                      Commit.run(() => {
                        begun.push(stopping() !== undefined)
                        return Effect.void
                      })
                    )
                })
          return Fanout.run(Plan.all({ acts: Plan.call(tool) }))
        },
        invariant: (begun) => Effect.sync(() => assert.notInclude(begun, true))
      })
    )
  }

  it.effect("takes a stop that was asked for while the batch of its call was being started", () =>
    Effect.gen(function* () {
      const world = new World()
      let stop: Effect.Effect<unknown> = Effect.void
      // nobody has delivered it when the handler comes to the gate, in the same synchronous piece
      const stops = Effect.suspend(() => {
        Effect.runFork(stop)
        return world.commit("a")
      })
      const plan = Plan.firstSuccess([failsAt(10), Plan.effect(stops, marked)], { stagger: "infinity" })
      const fiber = yield* Effect.forkChild(
        Effect.scoped(
          Effect.flatMap(Fanout.start(plan), (handle) => {
            stop = handle.stop("from within")
            return handle.report
          })
        )
      )
      yield* TestClock.adjust("1 second")
      const report = yield* Fiber.join(fiber)
      assert.deepStrictEqual(world.log, [])
      assert.strictEqual(shown(report, "/1"), "Cancelled")
    })
  )

  it.effect("lets nothing pass whose attempt ended while the intent was being kept", () =>
    Effect.gen(function* () {
      const world = new World()
      let slow = false
      const journal = Journal.make({
        write: (event) => {
          if (event.type === "effect.intended") slow = true
        },
        flush: Effect.suspend(() => (slow ? Effect.sleep(50) : Effect.void))
      })
      let gate: Exit.Exit<unknown, unknown> | undefined
      const forgets = Effect.forkDetach(
        Effect.map(Effect.exit(world.commit("a")), (exit) => {
          gate = exit
        })
      )
      const plan = Plan.all({
        forgets: Plan.effect(Effect.andThen(forgets, Effect.sleep(10)), marked),
        slow: Plan.effect(Effect.sleep(200), Contract.readOnly)
      })
      const fiber = yield* Effect.forkChild(Effect.provideService(Fanout.run(plan), Journal.Current, journal))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(world.log, [])
      assert(gate !== undefined && Exit.isFailure(gate))
      const error = Cause.squash(gate.cause)
      assert(CallError.isCallError(error))
      assert.deepInclude(error.reason, { _tag: "ContractViolation", rule: "hasEnded" })
    })
  )
})

describe("the timers of a fan-out", () => {
  it.effect("one that is armed while another falls asleep elapses in its own time", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const elapsed: Array<string> = []
      let armInside = () => {}
      // whoever is woken by the operation that arms a timer may arm one too
      const reentrant = Object.create(clock, {
        sleep: {
          value: (duration: Duration.Duration) =>
            Effect.suspend(() => {
              armInside()
              return clock.sleep(duration)
            })
        }
      }) as Clock.Clock
      const timers: Timers<string> = new Timers(
        reentrant,
        (effect) => Effect.runForkWith(Context.empty())(effect),
        () => void elapsed.push(...timers.takeDue())
      )
      armInside = () => {
        armInside = () => {}
        timers.arm("soon", 30)
      }
      timers.arm("late", 100)
      yield* TestClock.adjust(30)
      assert.deepStrictEqual(elapsed, ["soon"])
      yield* TestClock.adjust(70)
      assert.deepStrictEqual(elapsed, ["soon", "late"])
      timers.close()
    })
  )
})

describe("an undo", () => {
  it.effect("that has ended when its bound passes has not failed", () =>
    Effect.gen(function* () {
      const told: Array<string> = []
      const effect = new EffectRecord(0, "k")
      effect.undo = () => Effect.void
      effect.end("committed", Option.none())
      const undo = new Undo(0, [{ call: {} as never, effect }], [], {
        begins: () => void told.push("begins"),
        ends: (_item, error) => void told.push(error ?? "ends")
      })
      yield* undo.program
      // its fiber has something to do yet when the timer elapses, in the same instant
      assert.isFalse(undo.giveUp(0))
      assert.isTrue(undo.isOver)
      assert.deepStrictEqual(told, ["begins", "ends"])
    })
  )
})
