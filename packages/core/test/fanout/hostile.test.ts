/**
 * Large, deep and strange: what tools return and throw, how many calls there are, and what runs inside of what.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Fanout, Outcome, Plan, Report, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { AsyncLocalStorage } from "node:async_hooks"
import { callOf, hangs, no, ok, outcomes, reading, reportOf } from "../support.ts"

describe("many calls", () => {
  for (const concurrency of [1, 8, 20_000]) {
    it.live(
      `20,000 that answer synchronously neither overflow the stack nor starve the loop, ${concurrency} at a time`,
      () =>
        Effect.gen(function* () {
          let turns = 0
          let done = false
          const tick = () => {
            turns++
            if (!done) setImmediate(tick)
          }
          setImmediate(tick)
          const calls = Array.from({ length: 20_000 }, (_, i) => ok(i))
          const values = yield* Fanout.run(Plan.all(calls), { concurrency })
          done = true
          assert.strictEqual(values.length, 20_000)
          assert.isTrue(values.every((value, i) => value === i))
          assert.isAbove(turns, concurrency === 20_000 ? -1 : 10, "the event loop kept turning")
        })
    )
  }

  it.effect("never more than the limit run at once, and each permit is used (L17, G3)", () =>
    Effect.gen(function* () {
      for (const concurrency of [1, 2, 8]) {
        let running = 0
        let most = 0
        const call = (millis: number) =>
          Plan.effect(
            Effect.acquireUseRelease(
              Effect.sync(() => void (most = Math.max(most, ++running))),
              () => Effect.sleep(millis),
              () => Effect.sync(() => running--)
            ),
            reading
          )
        const report = yield* reportOf(Plan.all(Array.from({ length: 40 }, (_, i) => call(1 + (i % 7)))), {
          concurrency
        })
        assert.deepStrictEqual([most, running, report.status], [concurrency, 0, "succeeded"])
      }
    })
  )

  it.effect("the default limit is 8 (O7)", () =>
    Effect.gen(function* () {
      const report = yield* reportOf(Plan.deadline(Plan.all(Array.from({ length: 20 }, () => hangs())), 10))
      assert.strictEqual(report.calls.filter((call) => call.attempts > 0).length, 8)
    })
  )
})

describe("nesting", () => {
  const nest = (depth: number, make: (inner: Plan.Plan<unknown, unknown>) => Plan.Plan<unknown, unknown>) => {
    let plan: Plan.Plan<unknown, unknown> = ok("bottom", 5)
    for (let i = 0; i < depth; i++) plan = make(plan)
    return plan
  }
  const wraps: ReadonlyArray<readonly [string, (inner: Plan.Plan<unknown, unknown>) => Plan.Plan<unknown, unknown>]> = [
    ["all", (inner) => Plan.all({ inner })],
    ["quorum", (inner) => Plan.quorum(1, { inner })],
    ["firstSuccess", (inner) => Plan.firstSuccess({ inner })],
    ["deadline", (inner) => Plan.deadline(inner, "1 minute")]
  ]
  for (const [name, wrap] of wraps) {
    it.effect(`of ${name} 1,000 deep gives its value and a report`, () =>
      Effect.gen(function* () {
        const report = yield* reportOf(nest(1_000, wrap))
        assert.deepStrictEqual([report.status, report.nodes.length], ["succeeded", 1_000])
        assert.strictEqual(Report.toJson(report).calls[0]!.value, "bottom")
      })
    )
  }

  it.effect("20,000 deep needs no stack, neither to succeed nor to be stopped", () =>
    Effect.gen(function* () {
      const report = yield* reportOf(nest(20_000, (inner) => Plan.all({ inner })))
      assert.strictEqual(report.status, "succeeded")
      const handle = yield* Fanout.start(nest(20_000, (inner) => Plan.settled(inner)))
      const stopped = yield* handle.stop()
      assert.strictEqual(stopped.nodes.at(-1)!.decision, "stopped")
    })
  )
})

describe("a fan-out inside a handler", () => {
  it.effect("is drained before its caller has ended (K5, JDK13)", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const leaf = Plan.effect(
        Effect.ensuring(
          Effect.never,
          Effect.andThen(
            Effect.sleep(30),
            Effect.sync(() => log.push("leaf ended"))
          )
        ),
        reading
      )
      const inner = Plan.effect(Fanout.run(Plan.all([leaf, leaf])), reading)
      const report = yield* reportOf(Plan.all({ inner, bad: no("e", 10) }))
      assert.deepStrictEqual(log, ["leaf ended", "leaf ended"])
      assert.deepStrictEqual([report.drainMillis, outcomes(report)], [30, { "/inner": "Cancelled", "/bad": "Failed" }])
    })
  )

  it.effect("fails as a typed error of its caller", () =>
    Effect.gen(function* () {
      const inner = Plan.effect(Fanout.run(Plan.all([no("deep")])), reading)
      const error = yield* Effect.flip(Fanout.run(Plan.all({ inner })))
      assert.strictEqual(error._tag, "FanoutError")
      const cause = error._tag === "FanoutError" ? error.reason.calls[0]!.error : undefined
      assert.isTrue(cause?._tag === "FanoutError" && cause.reason.calls[0]!.error === "deep")
    })
  )

  it.effect("two runs at once know nothing of each other", () =>
    Effect.gen(function* () {
      const plan = Plan.all({ a: ok(1, 10), b: no("e", 20) })
      const other = Plan.all({ a: ok(1, 10), b: ok(2, 40) })
      const both = yield* Effect.all([reportOf(plan), reportOf(other)], { concurrency: 2 })
      assert.deepStrictEqual(
        both.map((report) => report.status),
        ["failed", "succeeded"]
      )
    })
  )
})

describe("strange values", () => {
  const cyclic: { self?: unknown } = {}
  cyclic.self = cyclic
  const trap = new Proxy(
    {},
    {
      get: () => {
        throw new Error("get trap")
      },
      has: () => {
        throw new Error("has trap")
      },
      ownKeys: () => {
        throw new Error("ownKeys trap")
      }
    }
  )
  const deep = (() => {
    let value: unknown = 0
    for (let i = 0; i < 20_000; i++) value = [value]
    return value
  })()
  const values: ReadonlyArray<readonly [string, unknown]> = [
    ["undefined", undefined],
    ["null", null],
    ["a bigint", 10n],
    ["a symbol", Symbol("s")],
    ["a function", () => 1],
    ["NaN", NaN],
    ["a cycle", cyclic],
    ["something 20,000 deep", deep],
    ["an object that traps every access", trap],
    ["an object without a prototype", Object.create(null)],
    ["an invalid date", new Date(NaN)],
    ["an object with a key __proto__", JSON.parse('{"__proto__": {"polluted": true}}')]
  ]
  for (const [name, value] of values) {
    it.effect(`${name} is a value, an error and a defect like any other; the report stays JSON`, () =>
      Effect.gen(function* () {
        const report = yield* reportOf(
          Plan.all([
            Plan.settled(ok(value)),
            Plan.settled(no(value)),
            Plan.settled(Plan.effect(Effect.die(value), reading)),
            Plan.settled(
              Plan.effect(Effect.fail(value), Contract.make({ effect: "mutating", failure: { A: "nothing" } }))
            )
          ])
        )
        assert.deepStrictEqual(
          report.calls.map((call) => call.outcome._tag),
          ["Succeeded", "Failed", "Failed", "Failed"]
        )
        const { outcome } = report.calls[0]!
        assert.isTrue(outcome._tag === "Succeeded" && Object.is(outcome.value, value))
        const json = Report.toJson(report)
        assert.deepStrictEqual(JSON.parse(JSON.stringify(json)) as unknown, json)
        assert.isUndefined(({} as { polluted?: unknown }).polluted)
        const error = yield* Effect.flip(Fanout.run(no(value)))
        assert.include(error.message, "EssentialFailed")
      })
    )
  }

  it.effect("different bytes, bigints or dates do not agree in a quorum, equal ones do", () =>
    Effect.gen(function* () {
      const differ: ReadonlyArray<readonly [unknown, unknown]> = [
        [new Uint8Array([1, 2]), new Uint8Array([3, 4])],
        [1n, 2n],
        [1n, "1"],
        [new Date(1), new Date(2)],
        [new Map([["a", 1]]), new Map([["a", 2]])],
        [null, undefined],
        [{ a: 1 }, { a: 1, b: undefined, c: 2 }]
      ]
      for (const [a, b] of differ) {
        const report = yield* reportOf(Plan.quorum(2, [ok(a), ok(b)], { agree: true }))
        assert.strictEqual(report.status, "failed", `${String(a)} and ${String(b)}`)
      }
      const same: ReadonlyArray<readonly [unknown, unknown]> = [
        [
          { a: 1, b: [2] },
          { b: [2], a: 1 }
        ],
        [new Uint8Array([1, 2]), new Uint8Array([1, 2])],
        [new Date(1), new Date(1)],
        [NaN, NaN]
      ]
      for (const [a, b] of same) {
        assert.strictEqual((yield* reportOf(Plan.quorum(2, [ok(a), ok(b)], { agree: true }))).status, "succeeded")
      }
    })
  )

  it.effect("a schema that throws makes a malformed result, not a crash", () =>
    Effect.gen(function* () {
      const bomb = Schema.String.check(
        Schema.makeFilter(() => {
          throw new Error("bomb")
        })
      )
      const tool = Tool.make("t", { success: bomb, contract: reading, handler: () => Effect.succeed("x") })
      const report = yield* reportOf(Plan.all([Plan.settled(Plan.call(tool)), ok(1)]))
      assert.strictEqual(callOf(report, "/0").outcome._tag, "Failed")
      assert.strictEqual(report.status, "succeeded")
    })
  )

  it.effect("a parameter schema that throws is a fault of the plan, not a crash", () =>
    Effect.gen(function* () {
      const bomb = Schema.String.check(
        Schema.makeFilter(() => {
          throw new Error("bomb")
        })
      )
      const tool = Tool.make("t", { parameters: bomb, contract: reading, handler: () => Effect.succeed("x") })
      const error = yield* Effect.flip(Fanout.run(Plan.call(tool, "p")))
      assert.deepStrictEqual(error._tag === "PlanError" && error.faults.map((fault) => fault._tag), ["BadParameters"])
    })
  )

  it.effect("a result of 50 MB passes through untouched", () =>
    Effect.gen(function* () {
      const big = "x".repeat(50_000_000)
      const report = yield* reportOf(ok(big))
      assert.isTrue(report.value === big)
    })
  )
})

describe("the surroundings of a call", () => {
  it.live("AsyncLocalStorage of the caller is kept: at the start, after a wait, in a retry, in a started rival", () =>
    Effect.gen(function* () {
      const storage = new AsyncLocalStorage<string>()
      const seen: Array<string | undefined> = []
      const look = Effect.sync(() => void seen.push(storage.getStore()))
      let n = 0
      const plan = Plan.all({
        now: Plan.effect(look, reading),
        later: Plan.effect(Effect.andThen(Effect.sleep(2), look), reading),
        retried: Plan.effect(
          Effect.andThen(
            look,
            Effect.suspend(() => (n++ === 0 ? Effect.fail("e") : Effect.void))
          ),
          reading,
          {
            retry: 1
          }
        ),
        rival: Plan.firstSuccess([Plan.effect(Effect.never, reading), Plan.effect(look, reading)], { stagger: 3 })
      })
      yield* Effect.promise(() => storage.run("mine", () => Effect.runPromise(Fanout.run(plan))))
      assert.deepStrictEqual(seen, ["mine", "mine", "mine", "mine", "mine"])
    })
  )

  it.effect("a finalizer added by a handler belongs to its attempt, not to whoever runs the plan", () =>
    Effect.gen(function* () {
      let closed = false
      const call = Plan.effect(
        Effect.addFinalizer(() => Effect.sync(() => (closed = true))),
        reading
      )
      const fiber = yield* Effect.forkChild(
        Effect.scoped(Effect.andThen(Fanout.run(call as Plan.Plan<void>), Effect.sleep(100)))
      )
      yield* TestClock.adjust(1)
      assert.isTrue(closed, "while the scope of the caller is still open")
      yield* TestClock.adjust(100)
      yield* Fiber.join(fiber)
    })
  )

  it.effect("an outcome holds the very value and error that the tool gave", () =>
    Effect.gen(function* () {
      const value = { v: 1 }
      const error = new Error("e")
      const report = yield* reportOf(Plan.all([Plan.settled(ok(value)), Plan.settled(no(error))]))
      assert.deepStrictEqual(report.calls[0]!.outcome, Outcome.succeeded(value))
      const { outcome } = report.calls[1]!
      assert.isTrue(outcome._tag === "Failed" && outcome.error === error)
    })
  )
})
