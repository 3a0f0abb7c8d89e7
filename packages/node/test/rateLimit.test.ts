/**
 * What a rate limit guarantees: never more starts than it allows, and nothing is said to have happened that waited for its turn.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Plan, Session, Tool } from "@toolscope/core"
import * as Promises from "@toolscope/core/promise"
import { RateLimit } from "@toolscope/node"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as RateLimiter from "effect/persistence/RateLimiter"
import * as TestClock from "effect/testing/TestClock"
import { callOf, lawful, many, messageOf, outcomesOf, promiseOf, reasonOf, toolOf } from "./guards.ts"

const second = { limit: 3, window: "1 second" } as const
const wide = { concurrency: 100 }
const failing = (millis: number) =>
  Plan.effect(Effect.andThen(Effect.sleep(millis), Effect.fail("no")), Contract.readOnly)

describe("what waits for its turn", () => {
  it.effect("starts in the order in which it came, never more at once than the limit", () =>
    Effect.gen(function* () {
      const reached = { at: [] }
      const order: Array<string> = []
      const Tooled = Tool.guarded(toolOf("t", reached), (reach, params) =>
        Effect.andThen(
          Effect.sync(() => order.push((params as { host: string }).host)),
          reach
        )
      ).pipe(RateLimit.tool(second))
      const plan = Plan.all(Array.from({ length: 8 }, (_, i) => Plan.call(Tooled, { host: `h${i}` })))
      yield* lawful(plan, wide)
      assert.deepStrictEqual(reached.at, [0, 0, 0, 1_000, 1_000, 1_000, 2_000, 2_000])
      assert.deepStrictEqual(order, ["h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7"])
    })
  )

  it.effect("is Cancelled when it is stopped there, without an effect, also as a promise", () =>
    Effect.gen(function* () {
      for (const tool of [toolOf("t", { at: [] }), promiseOf("p", { at: [] })]) {
        const limited: Tool.Any = RateLimit.tool(tool as Tool.Any, { limit: 1, window: "1 minute" })
        const plan = Plan.all({ ...many(5, Plan.call(limited as typeof tool, {})), z: failing(10) })
        const report = yield* lawful(plan, wide)
        assert.deepStrictEqual(outcomesOf(report).slice(1, 5), ["Cancelled", "Cancelled", "Cancelled", "Cancelled"])
        assert.deepStrictEqual(
          report.calls.slice(1).flatMap(({ effects }) => effects),
          []
        )
        assert.strictEqual(report.drainMillis, 0)
      }
    })
  )

  it.effect("takes no token when it is stopped there: those that come later do not wait for it", () =>
    Effect.gen(function* () {
      const reached: { at: Array<number> } = { at: [] }
      const Tooled = toolOf("t", reached).pipe(RateLimit.tool({ limit: 1, window: "1 second" }))
      const call = Plan.call(Tooled, {})
      const session = yield* Session.make()
      const planner = Effect.gen(function* () {
        // every 100 ms it thinks better of fifty calls
        for (let i = 0; i < 20; i++) {
          yield* Effect.forkChild(Effect.exit(session.replan(Plan.all(many(50, call)), wide)))
          yield* Effect.sleep(100)
        }
        return yield* session.replan(call)
      })
      const fiber = yield* Effect.forkChild(planner)
      yield* TestClock.adjust("1 hour")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(reached.at, [0, 1_000, 2_000])
    }).pipe(Effect.scoped)
  )

  it.effect("is Failed, TimedOut when that takes longer than its timeout, never Unknown", () =>
    Effect.gen(function* () {
      const Tooled = toolOf("t", { at: [] }, undefined, { timeout: 500 }).pipe(
        RateLimit.tool({ limit: 1, window: 1_000 })
      )
      const report = yield* lawful(Plan.all(many(3, Plan.call(Tooled, {}))), wide)
      assert.deepStrictEqual(outcomesOf(report), ["Succeeded", "Failed", "Failed"])
      assert.strictEqual(reasonOf(report.calls[1]!)?._tag, "TimedOut")
      assert.deepStrictEqual(report.calls[1]!.effects, [])
    })
  )

  it.effect("waits in a line that is no longer than it is said to be; the rest is refused", () =>
    Effect.gen(function* () {
      const Tooled = toolOf("t", { at: [] }).pipe(RateLimit.tool({ limit: 1, window: 1_000, waiting: 2 }))
      const report = yield* lawful(Plan.all(many(5, Plan.call(Tooled, {}))), wide)
      assert.deepStrictEqual(outcomesOf(report), ["Succeeded", "Succeeded", "Succeeded", "Failed", "Failed"])
      assert.include(messageOf(report.calls[4]!), "2 attempts wait already under the rate limit t (1 per 1s)")
    })
  )

  it.effect("waits no longer than maxWait, and not at all where its turn cannot come by then", () =>
    Effect.gen(function* () {
      const reached = { at: [] }
      const Tooled = toolOf("t", reached).pipe(RateLimit.tool({ limit: 1, window: 1_000, maxWait: 2_500 }))
      const report = yield* lawful(Plan.all(many(6, Plan.call(Tooled, {}))), wide)
      assert.deepStrictEqual(reached.at, [0, 1_000, 2_000])
      assert.deepStrictEqual(outcomesOf(report).slice(3), ["Failed", "Failed", "Failed"])
      const settled = report.calls.slice(3).map(({ settledAt }) => settledAt)
      assert.deepStrictEqual(settled, [2_000, 2_000, 2_000])
    })
  )
})

describe("what does not want to wait", () => {
  it.effect("is refused at once, with the time after which it is of use to come again", () =>
    Effect.gen(function* () {
      const Tooled = toolOf("t", { at: [] }).pipe(RateLimit.tool({ ...second, onExceeded: "fail" }))
      const report = yield* lawful(Plan.all(many(4, Plan.call(Tooled, {}))), wide)
      assert.deepStrictEqual(outcomesOf(report), ["Succeeded", "Succeeded", "Succeeded", "Failed"])
      assert.deepInclude(reasonOf(report.calls[3]!), { _tag: "NotReached", retryAfterMillis: 1_000 })
      assert.deepStrictEqual(report.calls[3]!.effects, [])
    })
  )

  it.effect("is tried again no earlier than that, and each further attempt takes a token", () =>
    Effect.gen(function* () {
      const reached = { at: [] }
      const busy = (n: number) => (n === 1 ? Effect.fail("busy") : Effect.succeed("did"))
      const Tooled = toolOf("t", reached, busy, { retry: 2 }).pipe(
        RateLimit.tool({ limit: 1, window: 1_000, onExceeded: "fail" })
      )
      const report = yield* lawful(Plan.call(Tooled, {}))
      // 100 ms after the failure there is no token yet
      assert.deepStrictEqual(
        [callOf(report).outcome._tag, callOf(report).attempts, reached.at],
        ["Succeeded", 3, [0, 1_000]]
      )
    })
  )
})

describe("what has a limit in common", () => {
  it.effect("is what has the same key: the name, a text, or one by the parameters", () =>
    Effect.gen(function* () {
      const once = { limit: 1, window: "1 minute", onExceeded: "fail" } as const
      const run = (a: ReturnType<typeof plain>, b: typeof a, hosts: readonly [string, string]) =>
        Effect.map(
          lawful(Plan.all([a, b].map((tool, i) => Plan.settled(Plan.call(tool, { host: hosts[i]! }))))),
          outcomesOf
        )
      const plain = (name: string) => toolOf(name, { at: [] })
      const named = (name: string) => plain(name).pipe(RateLimit.tool(once))
      assert.deepStrictEqual(yield* run(named("n1"), named("n2"), ["a", "a"]), ["Succeeded", "Succeeded"])
      const one = named("n3")
      assert.deepStrictEqual(yield* run(one, one, ["a", "b"]), ["Succeeded", "Failed"])
      const shared = (name: string) => plain(name).pipe(RateLimit.tool({ ...once, key: "vendor" }))
      assert.deepStrictEqual(yield* run(shared("s1"), shared("s2"), ["a", "b"]), ["Succeeded", "Failed"])
      const byHost = plain("h").pipe(RateLimit.tool({ ...once, key: ({ host }: { host: string }) => host }))
      assert.deepStrictEqual(yield* run(byHost, byHost, ["a", "b"]), ["Succeeded", "Succeeded"])
      assert.deepStrictEqual(yield* run(byHost, byHost, ["c", "c"]), ["Succeeded", "Failed"])
    })
  )

  it.effect("is what has the same store, where the context has one", () =>
    Effect.gen(function* () {
      const Tooled = toolOf("t", { at: [] }).pipe(RateLimit.tool({ limit: 1, window: "1 hour", onExceeded: "fail" }))
      const run = Effect.map(lawful(Plan.settled(Plan.call(Tooled, {})), {}, 10), outcomesOf)
      const twice = Effect.zip(run, run)
      assert.deepStrictEqual(yield* twice, [["Succeeded"], ["Failed"]])
      const own = yield* Layer.build(RateLimiter.layerStoreMemory)
      assert.deepStrictEqual(yield* Effect.provide(twice, own), [["Succeeded"], ["Failed"]])
    })
  )
})

describe("a store that cannot be used", () => {
  const broken = RateLimiter.RateLimiterStore.of({
    fixedWindow: () =>
      Effect.fail(
        new RateLimiter.RateLimiterError({ reason: new RateLimiter.RateLimitStoreError({ message: "no redis" }) })
      )
  } as never)

  it.effect("refuses, or goes on without a limit, as it is told", () =>
    Effect.gen(function* () {
      for (const [onStoreError, expected] of [
        ["fail", "Failed"],
        ["allow", "Succeeded"]
      ] as const) {
        const Tooled = toolOf("t", { at: [] }).pipe(RateLimit.tool({ ...second, onStoreError }))
        const report = yield* lawful(Plan.call(Tooled, {})).pipe(
          Effect.provideService(RateLimiter.RateLimiterStore, broken)
        )
        assert.strictEqual(callOf(report).outcome._tag, expected)
        if (expected === "Failed") assert.include(messageOf(callOf(report)), "cannot be used: no redis")
      }
    })
  )
})

it("wrong options are named all at once, before anything starts", () => {
  const wrong = { limit: 0, window: "soon", algorithm: "leaky", onExceeded: "wait", waiting: 0.5 } as never
  assert.throws(
    () => RateLimit.tool(toolOf("t", { at: [] }), wrong),
    'RateLimit.tool: limit: expected a whole number, 1 or more, got 0; window: expected a duration above 0, and finite, got "soon"; algorithm: expected "fixed-window" or "token-bucket", got "leaky"; onExceeded: expected "delay" or "fail", got "wait"; waiting: expected a whole number, 1 or more, got 0.5'
  )
  assert.throws(() => RateLimit.tool(second)({ name: "t" } as never), "expected a tool")
})

it("a tool of the promise entry takes the same line", async () => {
  const tick = RateLimit.tool({ limit: 2, window: "1 hour", onExceeded: "fail" })(
    Promises.tool({ name: "promised", contract: { effect: "additive" }, execute: () => 1 })
  )
  const plan = Promises.all([0, 1, 2].map(() => Promises.settled(Promises.call(tick, {}))))
  const report = await Promises.run(plan, { tools: [tick] })
  assert.deepStrictEqual(
    report.calls.map(({ outcome }) => outcome),
    ["Succeeded", "Succeeded", "Failed"]
  )
  assert.deepInclude(report.calls[2]!.error, { _tag: "NotReached" })
})

it.effect("of 150 random plans none starts more than its limit allows, and what did not start has no effect", () =>
  Effect.gen(function* () {
    let seed = 7
    const int = (n: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
      return (seed >>> 8) % n
    }
    for (let round = 0; round < 150; round++) {
      const [limit, window] = [1 + int(4), 50 * (1 + int(4))]
      const algorithm = int(2) === 0 ? "fixed-window" : "token-bucket"
      const reached: { at: Array<number> } = { at: [] }
      const ends = (n: number) => (n % 3 === 0 ? Effect.fail("no") : Effect.succeed(n))
      const options = { retry: int(3), timeout: 50 + int(500) }
      const Tooled = toolOf("t", reached, ends, options).pipe(
        RateLimit.tool({ limit, window, algorithm }),
        // they do not come all at once
        Tool.guarded((reach, params) => Effect.andThen(Effect.sleep(Number((params as { host: string }).host)), reach))
      )
      const calls = Object.fromEntries(
        Array.from({ length: 1 + int(12) }, (_, i) => [`c${i}`, Plan.call(Tooled, { host: `${int(300)}` })])
      )
      const plan: Plan.Plan<unknown, unknown> = [
        Plan.all(calls),
        Plan.quorum(1, calls),
        Plan.deadline(Plan.all(calls), 1 + int(400))
      ][int(3)]!
      const own = yield* Layer.build(RateLimiter.layerStoreMemory)
      const report = yield* lawful(plan, wide).pipe(Effect.provide(own))
      for (let i = 0; i < reached.at.length; i++) {
        const inWindow = reached.at.filter((at) => at >= reached.at[i]! && at < reached.at[i]! + window)
        assert.isBelow(inWindow.length, 2 * limit, `round ${round}`)
        // in the long run it is the limit
        const elapsed = reached.at[i]! - reached.at[0]!
        assert.isAtMost(i + 1, limit * (1 + Math.floor(elapsed / window) + 1), `round ${round}`)
      }
      const begun = report.calls.filter(({ effects }) => effects.length > 0).length
      assert.isAtMost(begun, reached.at.length)
      if (reached.at.length === 0) assert.notInclude(outcomesOf(report), "Unknown")
    }
  }).pipe(Effect.scoped)
)
