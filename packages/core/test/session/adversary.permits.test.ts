/**
 * What long lines, deep nesting and handlers that let go can try against permits, and against "owned".
 */
import { assert, describe, it } from "@effect/vitest"
import { Attempt, CallError, Contract, Fanout, Plan, Quarantine, Session, SessionError, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { prng } from "../support.ts"
import { underSeed } from "./scheduler.ts"

const reads = Contract.readOnly
const acts = Contract.make({ effect: "mutating", interruption: "anywhere" })
const rude = Contract.make({ effect: "mutating", interruption: "never" })
const answers = <A>(value: A, millis = 0) => Plan.effect(Effect.delay(Effect.succeed(value), millis), reads)
const inside = <A, E>(plan: Plan.Plan<A, E>, options?: Fanout.Options) => Effect.orDie(Fanout.run(plan, options))
const forked = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.forkChild(Effect.exit(effect), { startImmediately: true })
const joined = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.join(fiber)
  })

interface Load {
  now: number
  most: number
}
const newLoad = (): Load => ({ now: 0, most: 0 })
const loaded = <A, E>(load: Load, effect: Effect.Effect<A, E>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      load.most = Math.max(load.most, ++load.now)
    }),
    () => effect,
    () =>
      Effect.sync(() => {
        load.now--
      })
  )

describe("a line for permits", () => {
  it.effect("of 20,000 synchronous calls is served without using up the stack", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ limits: { concurrency: 1, waiting: 20_000 } })
      let n = 0
      const Count = Tool.make("count", { contract: reads, handler: () => Effect.sync(() => n++) })
      const plan = Plan.all([answers(0, 1), ...Array.from({ length: 20_000 }, () => Plan.call(Count))])
      yield* joined(session.fanout(plan, { concurrency: 30_000 }))
      assert.strictEqual(n, 20_000)
    })
  )

  it.effect("that is full is an ordinary failure to the policies, and under settled an outcome", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ limits: { tools: { slow: 1 }, waiting: 0 } })
      const Slow = Tool.make("slow", {
        success: Schema.String,
        contract: reads,
        handler: () => Effect.as(Effect.sleep(10), "ok")
      })
      const call = Plan.call(Slow)
      const { either, first, one } = yield* joined(
        session.fanout(
          Plan.all({
            one: Plan.settled(call),
            first: Plan.settled(Plan.firstSuccess([call, answers("other", 20)])),
            either: Plan.settled(call)
          })
        )
      )
      assert.deepInclude(one, { _tag: "Succeeded", value: "ok" })
      assert.deepStrictEqual(
        first.map(({ _tag }) => _tag),
        ["Failed", "Succeeded"]
      )
      assert(either._tag === "Failed" && CallError.isCallError(either.error))
      assert.deepInclude(either.error.reason, { _tag: "Overloaded", waiting: 0 })
      const [, overloaded] = session.reports()[0]!.calls
      assert.deepInclude(overloaded, { attempts: 0, effects: [] })
    })
  )

  it.effect("is left by what is stopped, so that what comes later does not wait behind it", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ limits: { concurrency: 1, waiting: 3 } })
      for (let i = 0; i < 5; i++) {
        const fiber = yield* forked(session.fanout(Plan.all([answers(0, 50), answers(1), answers(2), answers(3)])))
        yield* TestClock.adjust(1)
        if (i % 2 === 0) yield* session.cancel()
        else yield* Fiber.interrupt(fiber)
      }
      assert.deepStrictEqual(yield* joined(session.fanout(Plan.all([1, 2, 3, 4].map((n) => answers(n))))), [1, 2, 3, 4])
    })
  )
})

describe("permits", () => {
  it.effect("of a tool hold for what runs inside of the tool itself", () =>
    Effect.gen(function* () {
      const load = newLoad()
      const session = yield* Session.make({ limits: { tools: { agent: 1 }, resources: { disk: 1 } } })
      const disk = newLoad()
      const Agent: Tool.Tool<"agent", { readonly depth: number }, unknown, never, never> = Tool.make("agent", {
        parameters: Schema.Struct({ depth: Schema.Number }),
        contract: Contract.make({ effect: "none", resource: "disk" }),
        handler: ({ depth }) =>
          depth === 0
            ? loaded(disk, loaded(load, Effect.sleep(5)))
            : inside(Plan.all([1, 2, 3].map(() => Plan.call(Agent, { depth: depth - 1 }, { timeout: "1 hour" }))))
      })
      yield* joined(session.fanout(Plan.call(Agent, { depth: 2 }, { timeout: "1 hour" })))
      assert.deepStrictEqual([load.most, disk.most], [1, 1])
    })
  )

  it.effect("of one are enough for fan-outs inside of fan-outs, five deep, with a limit on every tool", () =>
    Effect.gen(function* () {
      const load = newLoad()
      const names = ["t0", "t1", "t2", "t3", "t4", "t5"]
      const tools = Object.fromEntries(names.map((name) => [name, 1]))
      const session = yield* Session.make({ limits: { concurrency: 1, tools, resources: { r: 1 } } })
      const at = (depth: number): Tool.Tool<string, object, unknown, never, never> =>
        Tool.make(`t${depth}`, {
          contract: Contract.make({ effect: "none", resource: "r" }),
          handler: () =>
            depth === 0
              ? loaded(load, Effect.sleep(1))
              : Effect.suspend(() => {
                  const below = at(depth - 1)
                  return inside(Plan.all([1, 2].map(() => Plan.call(below, {}, { timeout: "1 hour" }))))
                })
        })
      yield* joined(session.fanout(Plan.call(at(5), {}, { timeout: "1 hour" })))
      assert.deepStrictEqual(load, { now: 0, most: 1 })
    })
  )

  it.effect("two tools that call each other, one at a time each: whoever waits for the other ends at a timeout", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ limits: { tools: { a: 1, b: 1 } } })
      const leaf = (name: string) => Tool.make(name, { contract: reads, handler: () => Effect.sleep(1) })
      const [LeafA, LeafB] = [leaf("a"), leaf("b")]
      const both = Plan.all({
        a: Plan.settled(
          Plan.call(Tool.make("a", { contract: reads, handler: () => Effect.delay(inside(Plan.call(LeafB)), 1) }))
        ),
        b: Plan.settled(
          Plan.call(Tool.make("b", { contract: reads, handler: () => Effect.delay(inside(Plan.call(LeafA)), 1) }))
        )
      })
      const { a, b } = yield* joined(session.fanout(both, { timeout: "1 second" }))
      assert.includeMembers(["Succeeded", "Failed"], [a._tag, b._tag])
      assert.strictEqual(yield* joined(session.fanout(answers("free"))), "free")
    })
  )

  it.effect("never leak: after 300 random plans with random stops all are free", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 300; seed++) {
        const random = prng(seed)
        const concurrency = 1 + random.int(4)
        const limits = { concurrency, tools: { t: concurrency }, resources: { r: concurrency }, waiting: random.int(6) }
        const session = yield* Session.make({ limits, loop: Infinity, budget: { costs: { usd: 1_000 } } })
        const T = Tool.make("t", {
          parameters: Schema.Struct({ does: Schema.String, n: Schema.Number }),
          failure: Schema.String,
          contract: Contract.make({ effect: "none", resource: "r" }),
          cost: ({ n }) => ({ usd: n / 100 }),
          handler: ({ does, n }): Effect.Effect<unknown, string> =>
            does === "fails"
              ? Effect.delay(Effect.fail("no"), n)
              : does === "dies"
                ? Effect.die("bug")
                : does === "deaf"
                  ? Effect.uninterruptible(Effect.sleep(10 * n))
                  : does === "nests"
                    ? Effect.exit(Fanout.run(planOf(1), { concurrency: 1 + (n % 3) }))
                    : Effect.sleep(n)
        })
        const planOf = (depth: number): Plan.Plan<unknown, string> => {
          const kinds = depth === 0 ? ["fails", "dies", "deaf", "sleeps"] : ["fails", "deaf", "sleeps", "nests"]
          const call = () =>
            Plan.call(
              T,
              { does: random.pick(kinds), n: random.int(50) },
              { retry: random.int(2), timeout: 20 + random.int(200) }
            )
          const children = Array.from({ length: 1 + random.int(5) }, call)
          return random.pick<() => Plan.Plan<unknown, string>>([
            () => Plan.all(children),
            () => Plan.all(children.map((child) => Plan.settled(child))),
            () => Plan.firstSuccess(children),
            () => Plan.quorum(1, children),
            () => Plan.deadline(Plan.all([...children, Plan.advisory(call())]), random.int(100))
          ])()
        }
        const fiber = yield* forked(session.fanout(planOf(2), { drain: 30 + random.int(100), undo: 10 }))
        yield* TestClock.adjust(random.int(200))
        const end = random.int(3)
        if (end === 0) yield* Effect.forkChild(session.cancel(), { startImmediately: true })
        else if (end === 1) yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
        yield* TestClock.adjust("1 hour")
        yield* Fiber.await(fiber)
        yield* session.quarantine.awaitEmpty()
        assert.strictEqual(session.usage().usd!.reserved, 0, `seed ${seed}`)

        // all permits at once, and one more that finds none
        const load = newLoad()
        const Free = Tool.make("t", {
          contract: Contract.make({ effect: "none", resource: "r" }),
          handler: () => loaded(load, Effect.sleep(1))
        })
        yield* joined(
          session.fanout(Plan.all(Array.from({ length: concurrency }, () => Plan.call(Free))), { concurrency: 20 })
        )
        assert.strictEqual(load.most, concurrency, `seed ${seed}`)
      }
    })
  )
})

describe("a fan-out inside of a handler", () => {
  it.live("gives back what it has reserved wherever it is interrupted", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 300; seed++) {
        const random = prng(seed)
        const program = Effect.gen(function* () {
          const session = yield* Session.make({ budget: { calls: 100 }, limits: { concurrency: 2 } })
          const inner = Effect.exit(Fanout.run(Plan.all([1, 2, 3].map((n) => answers(n)))))
          const impatient = Effect.gen(function* () {
            const fiber = yield* Effect.forkChild(inner)
            for (let i = random.int(12); i > 0; i--) yield* Effect.yieldNow
            yield* Fiber.interrupt(fiber)
          })
          yield* session.fanout(Plan.all({ a: Plan.effect(impatient, reads), b: Plan.effect(impatient, reads) }))
          assert.strictEqual(session.usage().calls!.reserved, 0, `seed ${seed}`)
          assert.deepStrictEqual(yield* session.fanout(Plan.all([answers(1), answers(2)])), [1, 2])
        })
        yield* underSeed(seed, Effect.scoped(program))
      }
    })
  )

  it.effect("that outlives its handler is stopped, and drained before its caller has ended", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const session = yield* Session.make()
      const leaf = Effect.onInterrupt(Effect.sleep("10 seconds"), () =>
        Effect.andThen(
          Effect.sleep(100),
          Effect.map(Attempt.current, (attempt) => log.push(`drained: ${attempt.stopping()!.source}`))
        )
      )
      const careless = Effect.as(
        Effect.forkDetach(Fanout.run(Plan.all({ x: Plan.effect(leaf, acts) })), { startImmediately: true }),
        "answer"
      )
      const fiber = yield* forked(session.fanout(Plan.all({ a: Plan.effect(careless, rude) })))
      yield* TestClock.adjust(99)
      assert.isTrue(fiber.pollUnsafe() === undefined)
      yield* TestClock.adjust(1)
      const exit = yield* Fiber.join(fiber)
      assert(Exit.isSuccess(exit))
      assert.deepStrictEqual(exit.value, { a: "answer" })
      assert.deepStrictEqual(log, ["drained: parent"])
      const [call] = session.reports()[0]!.calls
      assert.deepStrictEqual(
        call!.effects.map(({ state }) => state),
        ["committed", "unknown"]
      )
      yield* TestClock.adjust("1 minute")
    })
  )

  it.effect("that outlives its handler and pays no heed is left behind, named, and holds a replan up", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const session = yield* Session.make({ id: "s" })
      const leaf = Effect.uninterruptible(
        Effect.delay(
          Effect.sync(() => log.push("old write")),
          "10 seconds"
        )
      )
      const careless = Effect.forkDetach(Fanout.run(Plan.all({ x: Plan.effect(leaf, acts) })), {
        startImmediately: true
      })
      const fiber = yield* forked(session.fanout(Plan.all({ a: Plan.effect(careless, reads) }), { drain: "1 second" }))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      const [report] = session.reports()
      assert.isFalse(report!.drained)
      assert.isTrue(report!.calls[0]!.leftBehind)
      const refused = yield* Effect.flip(session.replan(answers(1)))
      assert(refused instanceof SessionError.SessionError && refused.reason._tag === "NotDrained")
      assert.include(
        refused.reason.leftBehind.map(({ id }) => id),
        "s.1/a@1/a/x#1"
      )
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* session.fanout(answers(1)), 1)
    })
  )

  it.effect("that is begun by what its handler let go, when the handler has ended, starts nothing", () =>
    Effect.gen(function* () {
      let began = 0
      let exit: Exit.Exit<unknown, unknown> | undefined
      const later = Effect.delay(
        Effect.map(
          Effect.exit(
            Fanout.run(
              Plan.effect(
                Effect.sync(() => began++),
                reads
              )
            )
          ),
          (it) => (exit = it)
        ),
        100
      )
      yield* joined(Fanout.run(Plan.effect(Effect.forkDetach(later), reads)))
      assert.strictEqual(began, 0)
      assert.isTrue(exit !== undefined && Exit.isFailure(exit))
    })
  )

  it.effect("starts nothing for a caller that has been left behind, and its budget is given back", () =>
    Effect.gen(function* () {
      let began = 0
      const session = yield* Session.make({ budget: { calls: 10 } })
      const inner = inside(
        Plan.all(
          [1, 2, 3].map(() =>
            Plan.effect(
              Effect.sync(() => began++),
              acts
            )
          )
        )
      )
      const zombie = Effect.uninterruptible(Effect.andThen(Effect.sleep("10 seconds"), Effect.exit(inner)))
      yield* forked(session.fanout(Plan.all({ a: Plan.effect(zombie, acts) }), { drain: 100 }))
      yield* forked(session.cancel())
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(began, 0)
      assert.deepStrictEqual(session.usage().calls, { limit: 10, used: 1, reserved: 0 })
    })
  )

  it.effect("whose caller has no time left: what it did is what its caller did all the same", () =>
    Effect.gen(function* () {
      for (const drain of [0, 1, 10]) {
        const quarantine = Quarantine.make()
        const leaf = Effect.uninterruptible(Effect.sleep("10 seconds"))
        const inner = Effect.uninterruptible(Effect.exit(Fanout.run(Plan.all({ x: Plan.effect(leaf, acts) }))))
        const outer = Plan.deadline(Plan.all({ a: Plan.effect(inner, reads) }), 5)
        const started = Effect.scoped(Effect.flatMap(Fanout.start(outer, { drain, undo: 10 }), ({ report }) => report))
        const fiber = yield* Effect.forkChild(Effect.provideService(started, Quarantine.Current, quarantine))
        yield* TestClock.adjust("1 minute")
        const report = yield* Fiber.join(fiber)
        assert.isFalse(report.drained, `drain ${drain}`)
        assert.include(["Succeeded", "Unknown"], report.calls[0]!.outcome._tag, `drain ${drain}`)
        assert.deepStrictEqual(
          report.calls[0]!.effects.map(({ state }) => state),
          ["unknown"],
          `drain ${drain}`
        )
      }
    })
  )

  it.effect("a child of a handler that pays no heed does not hold the fan-out beyond its bound", () =>
    Effect.gen(function* () {
      const careless = Effect.forkChild(Effect.uninterruptible(Effect.sleep("1 hour")), { startImmediately: true })
      const fiber = yield* forked(Fanout.run(Plan.effect(careless, acts), { drain: "1 second" }))
      yield* TestClock.adjust("2 seconds")
      assert.isTrue(fiber.pollUnsafe() !== undefined)
      yield* TestClock.adjust("2 hours")
    })
  )
})

describe("a session inside of a handler", () => {
  it.effect("has the permits around it, one of them its handler's own, and none of its own beside them", () =>
    Effect.gen(function* () {
      const load = newLoad()
      const session = yield* Session.make({ limits: { concurrency: 1 } })
      const asks = Effect.gen(function* () {
        const refused = yield* Effect.flip(Session.make({ limits: { concurrency: 9 } }))
        const own = yield* Session.make()
        yield* own.fanout(Plan.all([1, 2, 3].map(() => Plan.effect(loaded(load, Effect.sleep(1)), reads))))
        const inner = Effect.map(Effect.exit(session.replan(answers(1))), String)
        return [refused.faults[0]!.pointer, yield* own.fanout(Plan.effect(inner, reads))] as const
      })
      const [pointer, inside] = yield* joined(session.fanout(Plan.effect(Effect.orDie(asks), reads)))
      assert.strictEqual(pointer, "/limits")
      // also a handler of the inner session is inside of the outer one
      assert.include(inside, "cannot start another fan-out")
      assert.strictEqual(load.most, 1)
    })
  )

  it.effect("spends of the budget around it", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ budget: { attempts: 5 } })
      const planner = Effect.gen(function* () {
        const own = yield* Session.make({ budget: { attempts: 100 } })
        let n = 0
        for (; n < 10; n++) if (Exit.isFailure(yield* Effect.exit(own.fanout(answers(n))))) return n
        return n
      })
      assert.strictEqual(yield* session.fanout(Plan.effect(Effect.orDie(planner), reads)), 4)
      assert.deepStrictEqual(session.usage().attempts, { limit: 5, used: 5, reserved: 0 })
    })
  )

  it.effect("stops with its handler, for the same reason, and what it did is what its handler did", () =>
    Effect.gen(function* () {
      const reasons: Array<string> = []
      const leaf = Effect.onInterrupt(Effect.never, () =>
        Effect.map(Attempt.current, (attempt) => reasons.push(attempt.stopping()!.reason))
      )
      const session = yield* Session.make({ id: "s" })
      const planner = Effect.flatMap(Session.make({ id: "own" }), (own) =>
        Effect.exit(own.fanout(Plan.all({ x: Plan.effect(leaf, acts) })))
      )
      for (const contract of [reads, rude]) {
        const fiber = yield* forked(session.fanout(Plan.all({ a: Plan.effect(Effect.orDie(planner), contract) })))
        yield* TestClock.adjust(1)
        yield* session.cancel("enough")
        yield* Fiber.join(fiber)
        const [call] = session.reports().at(-1)!.calls
        assert.includeDeepMembers([...call!.effects], [{ key: "own.1/x#0", state: "unknown" }])
      }
      assert.deepStrictEqual(reasons, ["enough", "enough"])
    })
  )

  it.effect("what it leaves behind holds up a replan of the session around it", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ id: "s" })
      const leaf = Effect.uninterruptible(Effect.sleep("10 seconds"))
      const planner = Effect.flatMap(Session.make({ id: "own" }), (own) =>
        Effect.exit(own.fanout(Plan.all({ x: Plan.effect(leaf, acts) }), { drain: 10 }))
      )
      yield* forked(session.fanout(Plan.all({ a: Plan.effect(Effect.orDie(planner), reads) })))
      const again = yield* forked(session.replan(answers(1)))
      yield* TestClock.adjust("3 seconds")
      const exit = yield* Fiber.join(again)
      assert(Exit.isFailure(exit))
      assert.include(String(exit.cause), "own.1/x#1")
      yield* TestClock.adjust("1 minute")
    })
  )
})
