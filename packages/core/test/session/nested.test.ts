import { assert, describe, it } from "@effect/vitest"
import { Attempt, Commit, Contract, Fanout, Journal, Plan, Quarantine, Session, Tool } from "@toolscope/core"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { underSeed } from "./scheduler.ts"

const reads = Contract.readOnly
const acts = Contract.make({ effect: "mutating", interruption: "anywhere" })
const marked = Contract.make({ effect: "mutating", commit: "marked", interruption: "never" })
const answers = <A>(value: A, millis = 0) => Plan.effect(Effect.delay(Effect.succeed(value), millis), reads)
const failsAt = (millis: number) => Plan.effect(Effect.delay(Effect.fail("bad"), millis), reads)
const inside = <A, E>(plan: Plan.Plan<A, E>, options?: Fanout.Options) => Effect.orDie(Fanout.run(plan, options))

const ran = <A, E>(plan: Plan.Plan<A, E>, options: Fanout.Options = {}) =>
  Effect.gen(function* () {
    const journal = Journal.memory()
    const started = Effect.flatMap(Fanout.start(plan, { runId: "r", ...options }), ({ report }) => report)
    const fiber = yield* Effect.forkChild(Effect.provideService(Effect.scoped(started), Journal.Current, journal))
    yield* TestClock.adjust("1 minute")
    return { report: yield* Fiber.join(fiber), journal }
  })

describe("a fan-out inside of a handler", () => {
  it.effect("extends the path of its caller, and writes into the same journal", () =>
    Effect.gen(function* () {
      const inner = Effect.flatMap(
        Effect.all([inside(Plan.all({ x: answers(1) })), Attempt.current]),
        ([value, { runId }]) => Effect.succeed({ value, runId })
      )
      const { journal, report } = yield* ran(Plan.all({ a: Plan.effect(inner, reads) }))
      assert.strictEqual(report.status, "succeeded")
      const started = journal.events.flatMap((event) =>
        event.type === "attempt.started" ? [`${event.run} ${event.call} ${event.key}`] : []
      )
      assert.deepStrictEqual(started, ["r /a r/a#0", "r/a@1 /a/x r/a/x#0"])
    })
  )

  it.effect("has the same keys in every attempt of its caller", () =>
    Effect.gen(function* () {
      const keys: Array<string> = []
      const leaf = Effect.map(Attempt.current, ({ idempotencyKey }) => keys.push(idempotencyKey))
      const inner = Effect.gen(function* () {
        const { attempt } = yield* Attempt.current
        yield* inside(Plan.all({ x: Plan.effect(leaf, reads) }))
        yield* inside(Plan.all({ x: Plan.effect(leaf, reads) }))
        if (attempt === 1) return yield* Effect.fail("again")
      })
      yield* ran(Plan.all({ a: Plan.effect(inner, reads, { retry: 1 }) }))
      assert.deepStrictEqual(keys, ["r/a/x#0", "r~2/a/x#0", "r/a/x#0", "r~2/a/x#0"])
    })
  )

  it.effect("acts under no key of its caller, however deep it is, and whether it has one call or several", () =>
    Effect.gen(function* () {
      const keys: Array<string> = []
      const noted = Effect.map(Attempt.current, ({ idempotencyKey }) => keys.push(idempotencyKey))
      const agent = (plan: Plan.Plan<unknown, unknown>) => Plan.effect(Effect.andThen(noted, inside(plan)), acts)
      const leaf = Plan.effect(noted, acts)
      const deep = agent(agent(Plan.deadline(agent(Plan.all({ x: agent(leaf) })), "1 minute")))
      for (const plan of [deep, Plan.all({ a: deep })]) {
        keys.length = 0
        yield* ran(plan)
        assert.strictEqual(keys.length, 5)
        assert.strictEqual(new Set(keys).size, 5, keys.join(" "))
      }
    })
  )

  it.effect("has keys of its own, whichever of the fan-outs around it was the second in its handler", () =>
    Effect.gen(function* () {
      const keys: Array<string> = []
      const noted = Effect.map(Attempt.current, ({ idempotencyKey }) => keys.push(idempotencyKey))
      const shapes = [
        (call: Plan.Plan<unknown, unknown>) => call,
        (call: Plan.Plan<unknown, unknown>) => Plan.all({ x: call, y: call })
      ]
      const agent = (depth: number): Plan.Plan<unknown, unknown> => {
        const runs = shapes.flatMap((shape) => [1, 2].map(() => Effect.suspend(() => inside(shape(agent(depth - 1))))))
        return Plan.effect(Effect.andThen(noted, depth === 0 ? Effect.void : Effect.asVoid(Effect.all(runs))), acts)
      }
      yield* ran(Plan.all({ a: agent(3) }))
      assert.strictEqual(keys.length, 1 + 6 + 36 + 216)
      assert.deepStrictEqual(
        keys.filter((key, i) => keys.indexOf(key) !== i),
        []
      )
    })
  )

  it.effect("undoes with its caller what it left behind, when that has ended and not before", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const undoable = Contract.compensable({ compensate: "atCommit" })
      const slow = Commit.run(
        Effect.delay(
          Effect.sync(() => log.push("done")),
          400
        ),
        {
          compensate: () => Effect.sync(() => log.push("undone"))
        }
      )
      const inner = Plan.all({ x: Plan.effect(slow, undoable, { timeout: 20 }) })
      const agent = Plan.effect(Effect.ignore(Fanout.run(inner, { drain: 20 })), undoable)
      const quarantine = Quarantine.make()
      const { report } = yield* ran(Plan.atomic(Plan.all({ agent, bad: failsAt(100) }))).pipe(
        Effect.provideService(Quarantine.Current, quarantine)
      )
      assert.isFalse(report.drained)
      assert.deepStrictEqual(log, ["done", "undone"])
      assert.strictEqual(quarantine.count(), 0)
    })
  )

  it.effect(
    "does what it does once in the report of its caller, however many attempts that has, and is undone once",
    () =>
      Effect.gen(function* () {
        const undone: Array<string> = []
        const undoable = Contract.compensable({ compensate: ({ key }) => Effect.sync(() => undone.push(key)) })
        const leaf = Plan.effect(Effect.void, undoable)
        const twice = Effect.gen(function* () {
          const { attempt } = yield* Attempt.current
          yield* inside(Plan.all({ x: leaf }))
          if (attempt === 1) return yield* Effect.fail("again")
        })
        const retried = Plan.effect(twice, reads, { retry: 1 })
        const { journal, report } = yield* ran(Plan.atomic(Plan.all({ retried, bad: failsAt(50) })))
        assert.deepStrictEqual(report.calls[0]!.effects, [{ key: "r/retried/x#0", state: "compensated" }])
        assert.deepStrictEqual(undone, ["r/retried/x#0"])
        // its own report has it as it was
        const closed = journal.events.flatMap((event) => (event.type === "fanout.closed" ? [event.report] : []))
        assert.deepStrictEqual(closed[0]!.calls[0]!.effects, [{ key: "r/retried/x#0", state: "committed" }])
      })
  )

  it.effect("that has not closed when its caller is left behind may still act, also where that only reads", () =>
    Effect.gen(function* () {
      // told to stop twice: by a timeout, and then sooner, by the replan
      const acting = Plan.effect(Effect.uninterruptible(Effect.sleep(3_000)), acts)
      const agent = Plan.effect(inside(Plan.all({ acting }), { undo: 10 }), reads, { timeout: 10 })
      const around = Plan.effect(
        inside(Plan.all({ agent })),
        Contract.make({ effect: "mutating", interruption: "never" })
      )
      const session = yield* Session.make({ id: "s" })
      yield* Effect.forkChild(Effect.exit(session.fanout(Plan.all({ around }))), { startImmediately: true })
      yield* TestClock.adjust(50)
      const replan = yield* Effect.forkChild(Effect.flip(session.replan(answers(1))), { startImmediately: true })
      yield* TestClock.adjust("10 seconds")
      const error = yield* Fiber.join(replan)
      assert.strictEqual(error._tag === "SessionError" ? error.reason._tag : error._tag, "NotDrained")
    })
  )

  it.effect("stops when its caller is told to, for the same reason, also where that is not interrupted", () =>
    Effect.gen(function* () {
      for (const contract of [acts, marked]) {
        const reasons: Array<string> = []
        const leaf = Effect.onInterrupt(Effect.never, () =>
          Effect.map(Attempt.current, (attempt) =>
            reasons.push(`${attempt.stopping()!.source} ${attempt.stopping()!.call}`)
          )
        )
        const inner = Effect.exit(Fanout.run(Plan.effect(leaf, reads)))
        yield* ran(Plan.all({ a: Plan.effect(inner, contract), bad: failsAt(10) }))
        assert.deepStrictEqual(reasons, ["sibling /bad"])
      }
    })
  )

  it.effect("is cancelled when its caller times out: it is not itself what took too long", () =>
    Effect.gen(function* () {
      const leaf = Plan.effect(Effect.never, reads, { timeout: 500 })
      const { journal } = yield* ran(Plan.all({ a: Plan.effect(inside(Plan.all({ leaf })), reads, { timeout: 20 }) }))
      const closed = journal.events.flatMap((event) => (event.type === "fanout.closed" ? [event.report] : []))
      const [inner, outer] = closed.map(({ calls }) => calls[0]!)
      assert.deepInclude(inner, { outcome: "Cancelled", verdict: "none" })
      assert.deepInclude(inner!.stoppedBy, { source: "timeout", call: "/a" })
      assert.isUndefined(inner!.error)
      assert.deepInclude(outer, { outcome: "Failed", verdict: "failed" })
      const ends = journal.events.flatMap((event) => (event.type === "attempt.ended" ? [event.result] : []))
      assert.strictEqual(ends[0], "stopped")
    })
  )

  it.effect("is over before the bound of its caller, so that only what is deaf is left behind", () =>
    Effect.gen(function* () {
      const quarantine = Quarantine.make()
      const deaf = Plan.effect(Effect.uninterruptible(Effect.sleep("10 seconds")), acts)
      const inner = Effect.exit(Fanout.run(Plan.all({ deaf }), { drain: "5 seconds", undo: "5 seconds" }))
      const outer = Plan.all({ a: Plan.effect(inner, marked), bad: failsAt(10) })
      const program = Effect.scoped(
        Effect.flatMap(Fanout.start(outer, { drain: "1 second", undo: "1 second" }), ({ report }) => report)
      ).pipe(Effect.provideService(Quarantine.Current, quarantine))
      const fiber = yield* Effect.forkChild(program)
      yield* TestClock.adjust("1010 millis")
      const report = yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        quarantine.list().map(({ call }) => call),
        ["/a/deaf"]
      )
      const call = report.calls[0]!
      // its own handler ended; what it had started may still act
      assert.strictEqual(call.outcome._tag, "Succeeded")
      assert.isTrue(call.leftBehind)
      assert.deepStrictEqual(
        call.effects.map(({ state }) => state),
        ["unknown"]
      )
      assert.isFalse(report.drained)
    })
  )

  it.live("what it has done by then, and may be doing, reaches the top also where its caller is left behind", () =>
    Effect.gen(function* () {
      const undoable = Contract.compensable({ compensate: "atCommit" })
      let leftOpen = 0
      for (let seed = 0; seed < 60; seed++) {
        const log: Array<string> = []
        const [begun, passes, ends] = [
          Deferred.makeUnsafe<void>(),
          Deferred.makeUnsafe<void>(),
          Deferred.makeUnsafe<void>()
        ]
        const writes = (what: string, effect: Effect.Effect<unknown>) =>
          Commit.run(
            Effect.andThen(
              effect,
              Effect.sync(() => log.push(what))
            ),
            { compensate: () => Effect.sync(() => log.push(`undo ${what}`)) }
          )
        const inner = Plan.all({
          done: Plan.effect(Effect.andThen(writes("done", Effect.void), Deferred.succeed(begun, undefined)), undoable),
          passing: Plan.effect(
            Effect.andThen(
              Deferred.await(begun),
              writes("passing", Effect.andThen(Deferred.succeed(passes, undefined), Deferred.await(ends)))
            ),
            undoable
          )
        })
        // two fan-outs deep, and without any time to drain
        const opens = (plan: Plan.Plan<unknown, unknown>) => Effect.exit(Fanout.run(plan))
        const deep = Plan.effect(opens(Plan.all({ inner: Plan.effect(opens(inner), reads) })), reads)
        const journal = Journal.memory()
        const quarantine = Quarantine.make()
        const stopped = Effect.gen(function* () {
          const { stop } = yield* Fanout.start(Plan.atomic(Plan.all({ deep })), { drain: 0 })
          yield* Deferred.await(passes)
          return yield* stop()
        })
        const report = yield* underSeed(seed, Effect.scoped(stopped)).pipe(
          Effect.provideService(Journal.Current, journal),
          Effect.provideService(Quarantine.Current, quarantine)
        )
        const before = JSON.stringify(report)
        const states = report.calls[0]!.effects.map(({ key, state }) => `${key.slice(key.lastIndexOf("/"))} ${state}`)
        assert.deepStrictEqual(states, ["/done#0 committed", "/passing#0 unknown"], `seed ${seed}`)
        assert.isTrue(quarantine.list().some(({ mayAct }) => mayAct))
        const closings = journal.events.flatMap((event) => (event.type === "fanout.closed" ? [event.run] : []))
        if (closings.at(0) === report.runId) leftOpen++
        yield* Deferred.succeed(ends, undefined)
        yield* quarantine.awaitEmpty()
        assert.strictEqual(JSON.stringify(report), before)
        // what it did is undone when it has ended, once, and the last first
        assert.deepStrictEqual(log, ["done", "passing", "undo passing", "undo done"], `seed ${seed}`)
      }
      assert.isAbove(leftOpen, 0)
    })
  )

  it.effect("its unknowns reach the top: a caller that only reads is not cancelled over them", () =>
    Effect.gen(function* () {
      const inner = inside(Plan.all({ x: Plan.effect(Effect.never, acts) }))
      const { report } = yield* ran(Plan.all({ a: Plan.effect(inner, reads), bad: failsAt(10) }))
      assert.strictEqual(report.calls[0]!.outcome._tag, "Unknown")
      assert.deepStrictEqual(report.calls[0]!.effects, [{ key: "r/a/x#0", state: "unknown" }])
    })
  )

  it.effect("what it did is undone with what its caller did, last first", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const commits = (what: string) =>
        Commit.run(
          Effect.sync(() => log.push(what)),
          { compensate: () => Effect.sync(() => log.push(`undo ${what}`)) }
        )
      const contract = Contract.compensable({ compensate: "atCommit" })
      const inner = Effect.gen(function* () {
        yield* commits("before")
        yield* inside(Plan.all({ x: Plan.effect(commits("inside"), contract) }))
        yield* commits("after")
      })
      const plan = Plan.atomic(Plan.all({ a: Plan.effect(inner, contract), bad: failsAt(10) }))
      const { report } = yield* ran(plan)
      assert.deepStrictEqual(log, ["before", "inside", "after", "undo after", "undo inside", "undo before"])
      assert.deepStrictEqual(
        report.calls[0]!.effects.map(({ state }) => state),
        ["compensated", "compensated", "compensated"]
      )
    })
  )
})

describe("permits of a session", () => {
  interface Load {
    now: number
    most: number
  }
  const loaded = (load: Load, millis = 10) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        load.most = Math.max(load.most, ++load.now)
      }),
      () => Effect.sleep(millis),
      () =>
        Effect.sync(() => {
          load.now--
        })
    )
  const joined = <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(effect)
      yield* TestClock.adjust("10 minutes")
      return yield* Fiber.join(fiber)
    })

  it.effect("bound attempts over all fan-outs; nested ones do not wait for themselves, at any depth", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ limits: { concurrency: 2 } })
      const load: Load = { now: 0, most: 0 }
      const nest = (depth: number): Effect.Effect<unknown> =>
        depth === 0
          ? loaded(load)
          : inside(Plan.all(Array.from({ length: 3 }, () => Plan.effect(nest(depth - 1), reads))))
      yield* joined(session.fanout(Plan.effect(nest(4), reads, { timeout: "1 hour" })))
      assert.isAtMost(load.most, 2)
      assert.isAtLeast(load.most, 1)
    })
  )

  it.effect("bound each tool and each resource", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ limits: { tools: { one: 1 }, resources: { disk: 2 } } })
      const loads: Record<string, Load> = { one: { now: 0, most: 0 }, disk: { now: 0, most: 0 } }
      const tool = (name: string, load: Load, resource?: string) =>
        Tool.make(name, {
          contract: Contract.make({ effect: "none", ...(resource === undefined ? {} : { resource }) }),
          handler: () => loaded(load)
        })
      const One = tool("one", loads.one!)
      const [A, B] = [tool("a", loads.disk!, "disk"), tool("b", loads.disk!, "disk")]
      const plan = Plan.all([1, 2, 3].flatMap(() => [Plan.call(One), Plan.call(A), Plan.call(B)]))
      yield* joined(session.fanout(plan, { concurrency: 20 }))
      assert.deepStrictEqual([loads.one!.most, loads.disk!.most], [1, 2])
    })
  )

  it.effect("go to essential calls before advisory ones", () =>
    Effect.gen(function* () {
      const order: Array<string> = []
      const session = yield* Session.make({ limits: { concurrency: 1 } })
      const call = (name: string) =>
        Plan.effect(
          Effect.delay(
            Effect.sync(() => order.push(name)),
            10
          ),
          reads
        )
      const plan = Plan.all([
        call("first"),
        Plan.advisory(call("advisory"), { grace: "1 minute" }),
        call("second"),
        call("third")
      ])
      yield* joined(session.fanout(plan))
      assert.deepStrictEqual(order, ["first", "second", "third", "advisory"])
    })
  )

  it.effect("a line that is too long is refused, typed, and nothing of it starts", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ limits: { concurrency: 1, waiting: 2 } })
      let began = 0
      const Count = Tool.make("count", {
        parameters: Schema.Struct({}),
        contract: reads,
        handler: () =>
          Effect.andThen(
            Effect.sync(() => began++),
            Effect.sleep(10)
          )
      })
      yield* joined(session.fanout(Plan.all(Array.from({ length: 8 }, () => Plan.settled(Plan.call(Count))))))
      assert.strictEqual(began, 3)
      const { calls } = session.reports()[0]!
      const overloaded = calls.filter(
        ({ outcome }) => outcome._tag === "Failed" && String(outcome.error).includes("wait for a permit")
      )
      assert.strictEqual(overloaded.length, 5)
    })
  )

  it.effect("what waits in line when the stop comes is skipped, and gives its place up", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ limits: { concurrency: 1 } })
      const plan = Plan.all({ a: answers(1, 1_000), b: answers(2), bad: Plan.deadline(answers(3), 10) })
      const fiber = yield* Effect.forkChild(Effect.exit(session.fanout(plan)))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      const { calls } = session.reports()[0]!
      assert.deepStrictEqual(
        calls.map(({ outcome }) => outcome._tag),
        ["Cancelled", "Skipped", "Skipped"]
      )
      assert.strictEqual(yield* session.fanout(answers("free")), "free")
    })
  )
})
