/**
 * What a circuit guarantees: an open one lets nothing through, nothing is said to have happened that it refused, and only what is the
 * dependency's fault is held against it.
 */
import { assert, describe, it } from "@effect/vitest"
import { CallError, Contract, Fanout, Plan, Tool } from "@toolscope/core"
import { Circuit, Http, RateLimit } from "@toolscope/node"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/testing/TestClock"
import { acts, callOf, lawful, messageOf, promiseOf, type Reached, reasonOf, toolOf } from "./guards.ts"

const open = { failures: 1, openDuration: "1 minute" } as const
const no = (millis: number) => Plan.effect(Effect.andThen(Effect.sleep(millis), Effect.fail("no")), Contract.readOnly)
const fails = () => Effect.fail("503")
/** Runs only as long as it takes: virtual time stays where it is. */
const brief = <A, E, R>(plan: Plan.Plan<A, E, R>, millis = 0) => lawful(plan, {}, millis)
const endOf = (tool: ReturnType<typeof toolOf>, millis = 0) => Effect.map(brief(Plan.call(tool, {}), millis), callOf)
const tagsOf = (tool: ReturnType<typeof toolOf>, n: number) =>
  Effect.forEach(Array.from({ length: n }), () =>
    Effect.map(endOf(tool), (call) => reasonOf(call)?._tag ?? call.outcome._tag)
  )

describe("an open circuit", () => {
  it.effect("lets nothing through, and what it refuses is Failed, NotReached, without an effect", () =>
    Effect.gen(function* () {
      const reached: Reached = { at: [] }
      const Tooled = toolOf("t", reached, fails).pipe(Circuit.tool({ failures: 3, openDuration: "1 minute" }))
      assert.deepStrictEqual(yield* tagsOf(Tooled, 5), ["Failed", "Failed", "Failed", "NotReached", "NotReached"])
      assert.strictEqual(reached.at.length, 3)
      const refused = yield* endOf(Tooled)
      assert.deepStrictEqual(refused.effects, [])
      assert.deepInclude(reasonOf(refused), { retryAfterMillis: 60_000 })
      assert.strictEqual(
        messageOf(refused),
        "not reached, nothing happened: the circuit t is open: too many calls have failed"
      )
    }).pipe(Effect.scoped)
  )

  it.effect("refuses promise tools as well", () =>
    Effect.gen(function* () {
      const reached: Reached = { at: [] }
      const [Bad, Good] = [
        toolOf("bad", { at: [] }, fails).pipe(Circuit.tool({ ...open, key: "vendor" })),
        promiseOf("good", reached).pipe(Circuit.tool({ ...open, key: "vendor" }))
      ]
      yield* endOf(Bad)
      const call = callOf(yield* brief(Plan.call(Good, {})))
      assert.deepStrictEqual([reasonOf(call)?._tag, call.effects, reached.at], ["NotReached", [], []])
    }).pipe(Effect.scoped)
  )

  it.effect("opens by the rate of failures, where that is asked for", () =>
    Effect.gen(function* () {
      const ends = (n: number) => (n % 2 === 0 ? Effect.fail("no") : Effect.succeed(n))
      const rate = { failures: { threshold: 0.5, of: 4 } }
      const Tooled = toolOf("t", { at: [] }, ends).pipe(Circuit.tool(rate))
      const tags = ["Succeeded", "Failed", "Succeeded", "Failed", "NotReached"]
      assert.deepStrictEqual(yield* tagsOf(Tooled, 5), tags)
    }).pipe(Effect.scoped)
  )

  it.effect("counts each attempt of a call once, and ends its further attempts by not letting them through", () =>
    Effect.gen(function* () {
      const reached: Reached = { at: [] }
      const retry = Schedule.spaced(1).pipe(Schedule.upTo({ times: 5 }))
      const Tooled = toolOf("t", reached, fails, { retry }).pipe(Circuit.tool({ failures: 2 }))
      const call = callOf(yield* lawful(Plan.call(Tooled, {}), {}, 1_000))
      assert.deepStrictEqual([reached.at.length, call.attempts, reasonOf(call)?._tag], [2, 6, "NotReached"])
      // the first two may have acted, and nobody can say that they did not
      assert.deepStrictEqual([call.outcome._tag, call.effects.map(({ state }) => state)], ["Unknown", ["unknown"]])
    }).pipe(Effect.scoped)
  )

  it.effect("is waited for by Http.retryAfter, and by a counted retry", () =>
    Effect.gen(function* () {
      for (const retry of [Http.retryAfter({ times: 2 }), 2] as const) {
        const options = { failures: 1, openDuration: "5 seconds", key: typeof retry } as const
        yield* endOf(toolOf("other", { at: [] }, fails).pipe(Circuit.tool(options)))
        const reached: { at: Array<number> } = { at: [] }
        const Tooled = toolOf("t", reached, undefined, { retry: retry as never }).pipe(Circuit.tool(options))
        const from = yield* Clock.currentTimeMillis
        const call = callOf(yield* lawful(Plan.call(Tooled, {}), {}, 60_000))
        assert.deepStrictEqual([call.outcome._tag, call.attempts, reached.at], ["Succeeded", 2, [from + 5_000]])
      }
    }).pipe(Effect.scoped)
  )
})

describe("a half-open circuit", () => {
  it.effect("lets one through as a probe, which closes it", () =>
    Effect.gen(function* () {
      const reached: Reached = { at: [] }
      const ends = (n: number) => (n === 1 ? Effect.fail("503") : Effect.as(Effect.sleep(10), n))
      const Tooled = toolOf("t", reached, ends).pipe(Circuit.tool(open))
      yield* endOf(Tooled)
      yield* TestClock.adjust("1 minute")
      const call = Plan.settled(Plan.call(Tooled, {}))
      const report = yield* brief(Plan.all([call, call, call]), 10)
      const tags = report.calls.map((c) => reasonOf(c)?._tag ?? c.outcome._tag)
      assert.deepStrictEqual(tags, ["Succeeded", "NotReached", "NotReached"])
      assert.strictEqual((yield* endOf(Tooled, 10)).outcome._tag, "Succeeded")
    }).pipe(Effect.scoped)
  )

  it.effect("is opened anew by a probe that fails, longer where a schedule says so", () =>
    Effect.gen(function* () {
      const openDuration = Schedule.exponential("1 minute")
      const Tooled = toolOf("t", { at: [] }, fails).pipe(Circuit.tool({ failures: 1, openDuration }))
      yield* endOf(Tooled)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* tagsOf(Tooled, 2), ["Failed", "NotReached"])
      assert.deepInclude(reasonOf(yield* endOf(Tooled)), { retryAfterMillis: 120_000 })
    }).pipe(Effect.scoped)
  )

  const probes = {
    "hears its stop": Contract.make({ effect: "additive", interruption: "anywhere" }),
    "does not hear its stop": Contract.make({ effect: "additive", interruption: "never" })
  }
  for (const [how, contract] of Object.entries(probes)) {
    it.effect(`takes another probe when the first one is stopped, also one that ${how}`, () =>
      Effect.gen(function* () {
        const ends = (n: number) => (n === 1 ? Effect.fail("503") : n === 2 ? Effect.never : Effect.succeed(n))
        const Tooled = toolOf("t", { at: [] }, ends, { contract }).pipe(Circuit.tool(open))
        yield* endOf(Tooled)
        yield* TestClock.adjust("1 minute")
        const report = yield* lawful(Plan.all({ a: Plan.call(Tooled, {}), b: no(5) }), { drain: 20 }, 100)
        assert.strictEqual(callOf(report, "/a").outcome._tag, "Unknown")
        assert.strictEqual((yield* endOf(Tooled)).outcome._tag, "Succeeded")
      }).pipe(Effect.scoped)
    )
  }
})

describe("what is held against the dependency", () => {
  const after = (ends: () => Effect.Effect<unknown, string>, options: Circuit.Options = {}, plan?: number) =>
    Effect.gen(function* () {
      const reached: Reached = { at: [] }
      const first = (n: number) => (n === 1 ? ends() : Effect.succeed(n))
      const Tooled = toolOf("t", reached, first, { timeout: 50 }).pipe(Circuit.tool({ ...open, ...options }))
      const call = Plan.call(Tooled, {})
      const own = yield* Layer.build(CircuitBreaker.layerStoreMemory())
      return yield* Effect.provide(
        Effect.gen(function* () {
          yield* lawful(plan === undefined ? call : Plan.all({ a: call, b: no(plan) }), { drain: 10 }, 100)
          return reasonOf(yield* endOf(Tooled))?._tag === "NotReached" ? "held against it" : "not"
        }),
        own
      )
    })

  it.effect("is a failure, a defect, and a timeout", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* after(fails), "held against it")
      assert.strictEqual(yield* after(() => Effect.die("bug")), "held against it")
      assert.strictEqual(yield* after(() => Effect.never), "held against it")
      assert.strictEqual(yield* after(() => Effect.uninterruptible(Effect.never)), "held against it")
      assert.strictEqual(yield* after(() => Effect.succeed(1)), "not")
    }).pipe(Effect.scoped)
  )

  it.effect("is not that somebody stopped it", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* after(() => Effect.never, {}, 10), "not")
      assert.strictEqual(yield* after(() => Effect.uninterruptible(Effect.never), {}, 10), "not")
      assert.strictEqual(
        yield* after(() => Effect.uninterruptible(Effect.andThen(Effect.sleep(15), fails())), {}, 10),
        "not"
      )
    }).pipe(Effect.scoped)
  )

  it.effect("is not that a handler around it timed out", () =>
    Effect.gen(function* () {
      for (const end of [Effect.never, Effect.uninterruptible(Effect.never)]) {
        const reached: Reached = { at: [] }
        const Tooled = toolOf("t", reached, (n) => (n === 1 ? end : Effect.succeed(n))).pipe(Circuit.tool(open))
        // of the same path as what runs inside of it
        const inside = Effect.exit(Fanout.run(Plan.call(Tooled, {})))
        const around = Plan.effect(inside, Contract.readOnly, { timeout: 20 })
        const own = yield* Layer.build(CircuitBreaker.layerStoreMemory())
        yield* Effect.provide(lawful(around, { drain: 10 }, 100), own)
        assert.strictEqual((yield* Effect.provide(endOf(Tooled), own)).outcome._tag, "Succeeded")
      }
    }).pipe(Effect.scoped)
  )

  it.effect("is what `counts` says of an error, of a timeout too; where it throws, everything", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const counts = (error: unknown) => {
        seen.push(CallError.isCallError(error) ? error.message : error)
        return false
      }
      assert.strictEqual(yield* after(fails, { counts }), "not")
      assert.strictEqual(yield* after(() => Effect.never, { counts }), "not")
      assert.deepStrictEqual(seen, ["503", "no answer within 50 ms"])
      const throws = () => {
        throw new Error("bug")
      }
      assert.strictEqual(yield* after(fails, { counts: throws }), "held against it")
      assert.strictEqual(yield* after(() => Effect.never, { counts: throws }), "held against it")
    }).pipe(Effect.scoped)
  )

  it.effect("is not that it waited under a rate limit, whichever of the two is in front", () =>
    Effect.gen(function* () {
      const limit = RateLimit.tool({ limit: 1, window: "1 hour" })
      for (const order of ["inside", "outside"] as const) {
        const plain = toolOf(order, { at: [] }, undefined, { timeout: 50 })
        const Tooled =
          order === "inside" ? plain.pipe(limit, Circuit.tool(open)) : plain.pipe(Circuit.tool(open), limit)
        yield* endOf(Tooled)
        for (let i = 0; i < 3; i++) assert.strictEqual(reasonOf(yield* endOf(Tooled, 100))?._tag, "TimedOut")
        assert.strictEqual(reasonOf(yield* endOf(Tooled, 100))?._tag, "TimedOut")
      }
    }).pipe(Effect.scoped)
  )
})

describe("a store", () => {
  it.effect("is that of the context, where it has one; else each process has its own", () =>
    Effect.gen(function* () {
      const Tooled = toolOf("t", { at: [] }, fails).pipe(Circuit.tool(open))
      const own = yield* Layer.build(CircuitBreaker.layerStoreMemory())
      assert.deepStrictEqual(yield* tagsOf(Tooled, 2), ["Failed", "NotReached"])
      assert.deepStrictEqual(yield* Effect.provide(tagsOf(Tooled, 2), own), ["Failed", "NotReached"])
    }).pipe(Effect.scoped)
  )

  const error = new CircuitBreaker.CircuitBreakerError({
    reason: new CircuitBreaker.CircuitBreakerStoreError({ message: "no redis" })
  })
  it.effect("that cannot be used lets everything through, or nothing, as it is told", () =>
    Effect.gen(function* () {
      const broken = CircuitBreaker.CircuitBreakerStore.of({ admit: () => Effect.fail(error) } as never)
      for (const [onStoreError, expected] of [
        ["allow", "Succeeded"],
        ["fail", "NotReached"]
      ] as const) {
        const Tooled = toolOf("t", { at: [] }).pipe(Circuit.tool({ onStoreError }))
        const tags = yield* Effect.provideService(tagsOf(Tooled, 1), CircuitBreaker.CircuitBreakerStore, broken)
        assert.deepStrictEqual(tags, [expected])
      }
    }).pipe(Effect.scoped)
  )

  it.effect("that hangs holds no call beyond its stop: it was not reached", () =>
    Effect.gen(function* () {
      const reached: Reached = { at: [] }
      const hanging = CircuitBreaker.CircuitBreakerStore.of({ admit: () => Effect.never } as never)
      const Tooled = toolOf("t", reached).pipe(Circuit.tool(open))
      const report = yield* lawful(Plan.all({ a: Plan.call(Tooled, {}), b: no(5) })).pipe(
        Effect.provideService(CircuitBreaker.CircuitBreakerStore, hanging)
      )
      const { effects, leftBehind, outcome } = callOf(report, "/a")
      assert.deepStrictEqual([outcome._tag, effects, leftBehind, reached.at], ["Cancelled", [], false, []])
    }).pipe(Effect.scoped)
  )
})

it("wrong options are named all at once, before anything starts", () => {
  const wrong = { failures: { threshold: 2, of: 4, minimum: 5 }, openDuration: -1, onStoreError: "wait" } as never
  assert.throws(
    () => Circuit.tool(toolOf("t", { at: [] }), wrong),
    'Circuit.tool: failures.threshold: expected a number above 0, at most 1, got 2; failures.minimum: expected at most 4 (failures.of), got 5; openDuration: expected a duration above 0, and finite, got -1; onStoreError: expected "allow" or "fail", got "wait"'
  )
  assert.throws(() => Circuit.tool(toolOf("t", { at: [] }), { failures: 0 }), "failures: expected a whole number")
})

it.effect("of 150 random plans no handler runs while its circuit is open, and what was refused has no effect", () =>
  Effect.gen(function* () {
    let seed = 11
    const int = (n: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
      return (seed >>> 8) % n
    }
    for (let round = 0; round < 150; round++) {
      const own = yield* Layer.build(CircuitBreaker.layerStoreMemory())
      const store = yield* Effect.provide(Effect.service(CircuitBreaker.CircuitBreakerStore), own)
      const reached: Reached = { at: [] }
      const wrong: Array<string> = []
      const kinds = [() => fails(), () => Effect.never, () => Effect.succeed("did"), () => Effect.die("bug")]
      const ends = () =>
        Effect.flatMap(Effect.orDie(store.state("t")), ({ _tag }) => {
          if (_tag === "Open") wrong.push(`round ${round}`)
          return Effect.andThen(Effect.sleep(int(30)), kinds[int(4)]!())
        })
      const options = { retry: int(4), timeout: 20 + int(40), contract: acts }
      const Tooled = toolOf("t", reached, ends, options).pipe(
        Circuit.tool({ failures: 1 + int(3), openDuration: 1 + int(200) }),
        Tool.guarded((reach, params) => Effect.andThen(Effect.sleep(Number((params as { host: string }).host)), reach))
      )
      const calls = Object.fromEntries(
        Array.from({ length: 1 + int(10) }, (_, i) => [`c${i}`, Plan.call(Tooled, { host: `${int(200)}` })])
      )
      const plan: Plan.Plan<unknown, unknown> = [
        Plan.all(Object.fromEntries(Object.entries(calls).map(([id, call]) => [id, Plan.settled(call)]))),
        Plan.quorum(1, calls),
        Plan.deadline(Plan.all(calls), 1 + int(400))
      ][int(3)]!
      const report = yield* lawful(plan, { concurrency: 10, drain: 50 } satisfies Fanout.Options).pipe(
        Effect.provide(own)
      )
      assert.deepStrictEqual(wrong, [])
      assert.isAtMost(report.calls.filter(({ effects }) => effects.length > 0).length, reached.at.length)
      // an hour later one is let through: no probe was lost
      const before = reached.at.length
      yield* TestClock.adjust("1 hour")
      yield* Effect.provide(endOf(Tooled, 3_600_000), own)
      assert.isAbove(reached.at.length, before, `round ${round}`)
    }
  }).pipe(Effect.scoped)
)
