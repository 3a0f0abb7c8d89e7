/**
 * What other systems of structured concurrency assert about lifetimes, asserted here of a fan-out: nothing outlives its run unnoticed,
 * nothing starts late. The numbers are the rows and laws of docs/conformance.md.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Fanout, Plan, Quarantine, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { acting, deaf, no, ok, outcomes, prng, reading, reportOf } from "./support.ts"

type Random = ReturnType<typeof prng>

/** What really ran, noted by the calls themselves. */
class Ledger {
  readonly running = new Set<number>()
  started = 0
  run<A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      const me = ++this.started
      this.running.add(me)
      return Effect.onExit(effect, () => Effect.sync(() => void this.running.delete(me)))
    })
  }
}

/** A random plan of calls of every temper. */
const randomPlan = (random: Random, ledger: Ledger, depth = 2): Plan.Plan<unknown, string> => {
  const millis = random.int(40)
  const temper: ReadonlyArray<() => Effect.Effect<unknown, string>> = [
    () => Effect.sleep(millis),
    () => Effect.void,
    () => Effect.andThen(Effect.sleep(millis), Effect.fail("no")),
    () => Effect.ensuring(Effect.never, Effect.sleep(millis)),
    () => Effect.uninterruptible(Effect.sleep(millis)),
    () => Effect.andThen(Effect.sleep(millis), Effect.die("bug"))
  ]
  if (depth === 0 || random.next() < 0.2) {
    return random.next() < 0.1
      ? deaf()
      : Plan.effect(ledger.run(random.pick(temper)()), reading, random.next() < 0.3 ? { timeout: 15, retry: 1 } : {})
  }
  const children = Array.from({ length: 1 + random.int(3) }, () => randomPlan(random, ledger, depth - 1))
  switch (random.int(4)) {
    case 0:
      return Plan.all([...children, Plan.advisory(randomPlan(random, ledger, 0), { grace: 10 })])
    case 1:
      return Plan.quorum(1 + random.int(children.length), children)
    case 2:
      return Plan.firstSuccess(children, random.next() < 0.5 ? { stagger: random.pick([5, "infinity"]) } : {})
    default:
      return Plan.deadline(Plan.all(children.map((child) => Plan.settled(child))), 25)
  }
}

describe("L1: a run never ends before every call it started has ended, or is listed as left behind", () => {
  it.effect("whatever the plan, and whenever it is stopped (PY1, K5, C1, O1)", () =>
    Effect.gen(function* () {
      let left = 0
      for (let seed = 1; seed <= 150; seed++) {
        const random = prng(seed)
        const ledger = new Ledger()
        const quarantine = Quarantine.make()
        const plan = randomPlan(random, ledger)
        const handle = yield* Effect.provideService(
          Fanout.start(plan, { drain: 60, concurrency: 1 + random.int(4) }),
          Quarantine.Current,
          quarantine
        )
        yield* TestClock.adjust(random.int(80))
        const stop = yield* Effect.forkChild(handle.stop(), { startImmediately: true })
        yield* TestClock.adjust(60)
        assert.isDefined(stop.pollUnsafe(), `seed ${seed}: it returns at its bound`)
        const report = yield* Fiber.join(stop)
        assert.strictEqual(ledger.running.size, 0, `seed ${seed}: only deaf calls may still run`)
        const listed = report.calls.filter((call) => call.leftBehind).map((call) => call.id)
        assert.deepStrictEqual([...new Set(quarantine.list().map((member) => member.call))].sort(), listed.sort())
        left += listed.length
        const { started } = ledger
        yield* TestClock.adjust(1_000)
        assert.strictEqual(ledger.started, started, `seed ${seed}: nothing starts afterwards`)
      }
      assert.isAbove(left, 10, "some were deaf")
    })
  )

  it.effect("the effect of a stopped sibling never lands later, even as time passes (F4, P1)", () =>
    Effect.gen(function* () {
      let landed = false
      const slow = Plan.effect(
        Effect.andThen(
          Effect.sleep(100),
          Effect.sync(() => (landed = true))
        ),
        acting
      )
      const report = yield* reportOf(Plan.all([no("e", 50), slow]))
      assert.deepStrictEqual([landed, report.calls[1]!.outcome._tag], [false, "Unknown"])
    })
  )

  it.effect(
    "a promise that ignores its signal and acts after the stop is Unknown and left behind, never Cancelled (O6, Z10)",
    () =>
      Effect.gen(function* () {
        let landed = false
        let release = () => {}
        const Deaf = Tool.fromPromise("deaf", {
          contract: Contract.irreversible,
          execute: () =>
            new Promise((resolve) => {
              release = () => resolve((landed = true))
            })
        })
        const quarantine = Quarantine.make()
        const report = yield* reportOf(Plan.all([no("e", 5), Plan.call(Deaf)]), { drain: 10 }).pipe(
          Effect.provideService(Quarantine.Current, quarantine)
        )
        assert.deepStrictEqual(
          [report.calls[1]!.outcome._tag, report.calls[1]!.leftBehind, landed],
          ["Unknown", true, false]
        )
        assert.deepStrictEqual(
          quarantine.list().map(({ call, mayAct }) => [call, mayAct]),
          [["/1", true]]
        )
        release()
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        assert.deepStrictEqual([landed, quarantine.list()], [true, []])
      })
  )
})

describe("L2: once a stop is requested, nothing starts", () => {
  it.effect("when the owner is interrupted at any millisecond, on random plans (K14, R4, C2, E1, E3)", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 60; seed++) {
        for (const at of [0, 7, 15, 26, 40]) {
          const ledger = new Ledger()
          const plan = randomPlan(prng(seed), ledger, 3)
          const fiber = yield* Effect.forkChild(Fanout.run(plan, { drain: 50, concurrency: 2 }), {
            startImmediately: true
          })
          yield* TestClock.adjust(at)
          const { started } = ledger
          fiber.interruptUnsafe()
          yield* TestClock.adjust(500)
          assert.isDefined(fiber.pollUnsafe())
          assert.strictEqual(ledger.started, started, `seed ${seed}, interrupted at ${at}`)
        }
      }
    })
  )

  it.effect("a sibling that waits for a permit when another fails never starts (E1, E5)", () =>
    Effect.gen(function* () {
      const ledger = new Ledger()
      const call = Plan.effect(ledger.run(Effect.never), reading)
      const report = yield* reportOf(Plan.all([no("e"), call, call]), { concurrency: 1 })
      assert.deepStrictEqual(outcomes(report), { "/0": "Failed", "/1": "Skipped", "/2": "Skipped" })
      const race = yield* reportOf(Plan.firstSuccess([ok(1), call]), { concurrency: 1 })
      assert.deepStrictEqual(outcomes(race), { "/0": "Succeeded", "/1": "Skipped" })
      assert.strictEqual(ledger.started, 0)
    })
  )
})
