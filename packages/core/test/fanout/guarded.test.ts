/**
 * What stands in front of a tool: until it lets an attempt through nothing has happened, and the report says so, whatever the contract says.
 */
import { assert, describe, it } from "@effect/vitest"
import { CallError, Contract, Fanout, Journal, Plan, type Report, Session, Tool } from "@toolscope/core"
import { Laws } from "@toolscope/testing"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/testing/TestClock"
import { callOf, no, prng, reportOf } from "../support.ts"

const contracts = {
  "commits at start": Contract.make({ effect: "destructive", failure: "maybe" }),
  "is never interrupted": Contract.make({ effect: "mutating", interruption: "never" }),
  "marks its commits": Contract.make({ effect: "additive", commit: "marked" }),
  "is interrupted anywhere": Contract.make({ effect: "additive", interruption: "anywhere", repeat: "keyed" }),
  reads: Contract.readOnly
}

/** Tools that note that they were reached, written both ways. */
const toolsOf = (contract: Contract.Contract, reached: Array<string>, options: object = {}) => ({
  effect: Tool.make("effect", {
    contract,
    ...options,
    handler: () =>
      Effect.sync(() => {
        reached.push("effect")
        return "did"
      })
  }),
  promise: Tool.fromPromise("promise", {
    contract,
    ...options,
    execute: async () => {
      reached.push("promise")
      return "did"
    }
  })
})

const waits: Tool.Guard = (reach) => Effect.andThen(Effect.sleep("20 seconds"), reach)
const refuses: Tool.Guard = () => Effect.fail(new CallError.NotReached({ why: "the shop is closed" }))

const reasonOf = ({ outcome }: Report.CallReport): string | undefined =>
  "error" in outcome && CallError.isCallError(outcome.error) ? outcome.error.reason._tag : undefined

/** Its report, checked against every law by its journal. */
const lawful = <A, E>(plan: Plan.Plan<A, E>, options: Fanout.Options = {}) =>
  Effect.gen(function* () {
    const journal = Journal.memory()
    const report = yield* reportOf(plan, options).pipe(Effect.provideService(Journal.Current, journal))
    assert.deepStrictEqual(Laws.check(journal.events), [])
    return { report, events: journal.events }
  })

describe.each(Object.entries(contracts))("a tool that %s", (_, contract) => {
  for (const kind of ["effect", "promise"] as const) {
    it.effect(`${kind}: one that is let through does what it does without a guard`, () =>
      Effect.gen(function* () {
        const reached: Array<string> = []
        const tool = Tool.guarded(toolsOf(contract, reached)[kind], waits)
        const { report } = yield* lawful(Plan.call(tool))
        assert.deepStrictEqual(callOf(report, "/").outcome, { _tag: "Succeeded", value: "did" })
        assert.deepStrictEqual(reached, [kind])
      })
    )

    it.effect(`${kind}: one that is refused is Failed, NotReached, and has no effect`, () =>
      Effect.gen(function* () {
        const reached: Array<string> = []
        const tool = Tool.guarded(toolsOf(contract, reached)[kind], refuses)
        const { events, report } = yield* lawful(Plan.call(tool))
        const call = callOf(report, "/")
        assert.deepStrictEqual([call.outcome._tag, reasonOf(call), call.effects], ["Failed", "NotReached", []])
        assert.deepStrictEqual(reached, [])
        const end = events.find((event) => event.type === "attempt.ended")
        assert.deepInclude(end, { result: "notReached", error: "not reached, nothing happened: the shop is closed" })
      })
    )

    it.effect(`${kind}: one that is stopped while it waits is Cancelled at once, and never reached`, () =>
      Effect.gen(function* () {
        const reached: Array<string> = []
        const tool = Tool.guarded(toolsOf(contract, reached)[kind], waits)
        const { events, report } = yield* lawful(Plan.all({ a: Plan.call(tool), b: no("no", 10) }))
        const call = callOf(report, "/a")
        assert.deepStrictEqual([call.outcome, call.effects, call.leftBehind], [{ _tag: "Cancelled" }, [], false])
        assert.strictEqual(call.afterStop, undefined)
        assert.strictEqual(report.drainMillis, 0)
        assert.deepStrictEqual(reached, [])
        assert.include(
          events.flatMap((event) => (event.type === "attempt.ended" ? [`${event.call} ${event.result}`] : [])),
          "/a notReached"
        )
      })
    )

    it.effect(`${kind}: one that times out while it waits is Failed, TimedOut, and has no effect`, () =>
      Effect.gen(function* () {
        const reached: Array<string> = []
        const tool = Tool.guarded(toolsOf(contract, reached, { timeout: "1 second" })[kind], waits)
        const { report } = yield* lawful(Plan.call(tool))
        const call = callOf(report, "/")
        assert.deepStrictEqual([call.outcome._tag, reasonOf(call), call.effects], ["Failed", "TimedOut", []])
        assert.deepStrictEqual(reached, [])
      })
    )

    it.effect(`${kind}: one that a deaf guard holds beyond the bound is left behind, and cannot act any more`, () =>
      Effect.gen(function* () {
        const reached: Array<string> = []
        const gate = yield* Deferred.make<void>()
        const deaf: Tool.Guard = (reach) => Effect.uninterruptible(Effect.andThen(Deferred.await(gate), reach))
        const tool = Tool.guarded(toolsOf(contract, reached)[kind], deaf)
        const session = yield* Session.make()
        const cohort = yield* Effect.forkChild(
          Effect.flip(session.fanout(Plan.all({ a: Plan.call(tool), b: no("no", 10) }), { drain: "1 second" }))
        )
        yield* TestClock.adjust("1 minute")
        const error = yield* Fiber.join(cohort)
        const call = callOf((error as { report: Report.Report }).report, "/a")
        assert.deepStrictEqual([call.outcome._tag, call.effects, call.leftBehind], ["Cancelled", [], true])
        assert.deepStrictEqual(
          session.quarantine.list().map(({ mayAct }) => mayAct),
          [false]
        )
        yield* Deferred.succeed(gate, undefined)
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual([reached, session.quarantine.list()], [[], []])
      }).pipe(Effect.scoped)
    )

    it.effect(`${kind}: a stop in the instant in which it would be let through comes first`, () =>
      Effect.gen(function* () {
        const reached: Array<string> = []
        const handle: { stop: Effect.Effect<unknown> } = { stop: Effect.void }
        // the guard itself stops the fan-out, and lets it through all the same
        const guard: Tool.Guard = (reach) =>
          Effect.sleep(1).pipe(
            Effect.flatMap(() => handle.stop),
            Effect.andThen(reach)
          )
        const tool = Tool.guarded(toolsOf(contract, reached)[kind], guard)
        const started = yield* Fanout.start(Plan.call(tool), { concurrency: 1 })
        handle.stop = Effect.forkDetach(started.stop("enough"), { startImmediately: true })
        yield* TestClock.adjust(1)
        const report = yield* started.report
        assert.deepStrictEqual([callOf(report, "/").outcome._tag, reached], ["Cancelled", []])
      }).pipe(Effect.scoped)
    )
  }
})

describe("further attempts", () => {
  const keyed = Contract.make({ effect: "additive", repeat: "keyed" })

  it.effect("may follow an attempt that was not reached, and come no earlier than it is of use", () =>
    Effect.gen(function* () {
      const times: Array<number> = []
      const closed = new CallError.NotReached({ why: "the shop is closed", retryAfterMillis: 3_000 })
      const tool = Tool.make("t", { contract: keyed, retry: 2, handler: () => Effect.succeed("did") })
      const guard: Tool.Guard = (reach) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          times.push(now)
          return times.length < 3 ? Effect.fail(closed) : Effect.void
        }).pipe(Effect.andThen(reach))
      const { report } = yield* lawful(Plan.call(Tool.guarded(tool, guard)))
      assert.strictEqual(callOf(report, "/").outcome._tag, "Succeeded")
      assert.deepStrictEqual(times, [0, 3_000, 6_000])
    })
  )

  it.effect("do not follow where it would be of no use for longer than a counted retry ever waits", () =>
    Effect.gen(function* () {
      const tool = Tool.make("t", { contract: keyed, retry: 2, handler: () => Effect.succeed("did") })
      const closed = new CallError.NotReached({ why: "the shop is closed", retryAfterMillis: 10_001 })
      const { report } = yield* lawful(Plan.call(Tool.guarded(tool, () => Effect.fail(closed))))
      assert.strictEqual(callOf(report, "/").attempts, 1)
    })
  )

  const flaky = (acts: Contract.Contract, guard: (attempt: number) => Effect.Effect<void, CallError.NotReached>) => {
    let attempt = 0
    const tool = Tool.make("t", {
      contract: acts,
      retry: Schedule.recurs(3),
      handler: () => Effect.die(new CallError.CallError({ reason: new CallError.Rejected({ error: "lost" }) }))
    })
    return Tool.guarded(tool, (reach) =>
      Effect.andThen(
        Effect.suspend(() => guard(++attempt)),
        reach
      )
    )
  }

  it.effect("that are not reached do not make good what an earlier one may have done", () =>
    Effect.gen(function* () {
      const closed = Effect.fail(new CallError.NotReached({ why: "closed" }))
      const { report } = yield* lawful(Plan.call(flaky(keyed, (n) => (n === 1 ? Effect.void : closed))))
      const call = callOf(report, "/")
      assert.deepStrictEqual(
        [call.outcome._tag, reasonOf(call), call.effects.map(({ state }) => state)],
        ["Unknown", "NotReached", ["unknown"]]
      )
    })
  )

  it.effect("that are stopped while they wait leave the error of the attempt before", () =>
    Effect.gen(function* () {
      const tool = flaky(Contract.readOnly, (n) => (n === 1 ? Effect.void : Effect.never))
      const { report } = yield* lawful(Plan.all({ a: Plan.call(tool), b: no("no", 10) }))
      const call = callOf(report, "/a")
      assert.deepStrictEqual([call.outcome._tag, reasonOf(call)], ["Cancelled", "Rejected"])
    })
  )
})

describe("a guard", () => {
  const pay = Tool.make("pay", {
    contract: Contract.irreversible,
    cost: { usd: 5 },
    handler: () => Effect.succeed("paid")
  })
  const callWith = (guard: Tool.Guard) =>
    Effect.map(lawful(Plan.settled(Plan.call(Tool.guarded(pay, guard)))), ({ report }) => callOf(report, "/"))

  it.effect("that dies before it lets an attempt through has done nothing either", () =>
    Effect.gen(function* () {
      const call = yield* callWith(() => Effect.die(new Error("bug")))
      assert.deepStrictEqual([call.outcome._tag, reasonOf(call), call.effects], ["Failed", "NotReached", []])
      assert.include((call.outcome as { error: Error }).error.message, "died: Error: bug")
      const thrown = yield* callWith(() => {
        throw new Error("bug")
      })
      assert.deepStrictEqual([reasonOf(thrown), thrown.effects], ["NotReached", []])
    })
  )

  it.effect("that interrupts itself has done nothing either", () =>
    Effect.gen(function* () {
      const call = yield* callWith(() => Effect.interrupt)
      assert.deepStrictEqual([call.outcome._tag, reasonOf(call), call.effects], ["Failed", "NotReached", []])
    })
  )

  it.effect("that fails after it has let an attempt through may have acted", () =>
    Effect.gen(function* () {
      const call = yield* callWith((reach) => Effect.andThen(reach, Effect.die("late")))
      assert.strictEqual(call.outcome._tag, "Unknown")
    })
  )

  it.effect("may stand in front of another; whichever does not let through, nothing happened", () =>
    Effect.gen(function* () {
      const inner = pay.pipe(
        Tool.guarded(refuses),
        Tool.guarded((reach) => reach)
      )
      const outer = pay.pipe(
        Tool.guarded((reach) => reach),
        Tool.guarded(refuses)
      )
      for (const tool of [inner, outer]) {
        const { report } = yield* lawful(Plan.call(tool))
        assert.deepStrictEqual([reasonOf(callOf(report, "/")), callOf(report, "/").effects], ["NotReached", []])
      }
    })
  )

  it.effect("leaves its tool as it was but for the handler", () =>
    Effect.sync(() => {
      const { handler: _, ...guarded } = Tool.guarded(pay, waits)
      const { handler: __, ...plain } = pay
      assert.deepStrictEqual(guarded, plain)
    })
  )

  it.effect("may stand in front of a tool whose handler comes from a layer", () =>
    Effect.gen(function* () {
      const Definition = Tool.make("defined", { contract: Contract.readOnly })
      const guarded = Tool.guarded(Definition, (reach) => reach)
      const value = yield* Fanout.run(Plan.call(guarded)).pipe(
        Effect.provide(Definition.toLayer(() => Effect.succeed("from the layer")))
      )
      assert.strictEqual(value, "from the layer")
    })
  )

  it.effect("lets what is not reached cost nothing but its try", () =>
    Effect.gen(function* () {
      const plan = Plan.settled(Plan.call(Tool.guarded(pay, refuses)))
      const { report } = yield* lawful(plan, { budget: { costs: { usd: 10 }, calls: 3, attempts: 3 } })
      const { attempts, calls, usd } = report.budget
      assert.deepStrictEqual([usd?.used, calls?.used, attempts?.used], [0, 1, 1])
    })
  )

  it.effect("that keeps refusing is no loop of the planner: it says nothing about the call", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ loop: 2 })
      const plan = Plan.settled(Plan.call(Tool.guarded(pay, refuses)))
      for (let i = 0; i < 5; i++) assert.strictEqual((yield* session.fanout(plan))._tag, "Failed")
    }).pipe(Effect.scoped)
  )
})

it.effect("of 300 random plans with guards no call that was not reached may have acted, and the laws hold", () =>
  Effect.gen(function* () {
    for (let seed = 1; seed <= 300; seed++) {
      const random = prng(seed)
      const reached = new Set<string>()
      const one = (i: number) => {
        const contract = random.pick(Object.values(contracts))
        const [wait, work] = [random.int(60), random.int(60)]
        const why = new CallError.NotReached({ why: "refused" })
        const ends = random.next() < 0.3 ? Effect.fail(why) : Effect.void
        const id = `/c${i}`
        const options = { contract, timeout: 1 + random.int(90) }
        const tool =
          random.next() < 0.5
            ? Tool.make(`t${i}`, {
                ...options,
                handler: () =>
                  Effect.andThen(
                    Effect.sync(() => reached.add(id)),
                    Effect.sleep(work)
                  )
              })
            : Tool.fromPromise(`t${i}`, {
                ...options,
                execute: async () => {
                  reached.add(id)
                }
              })
        const guarded = Tool.guarded(tool, (reach) => Effect.andThen(Effect.andThen(Effect.sleep(wait), ends), reach))
        return [id.slice(1), Plan.call(guarded)] as const
      }
      const calls = Object.fromEntries(Array.from({ length: 1 + random.int(6) }, (_, i) => one(i)))
      const plan: Plan.Any = random.pick([
        Plan.all(calls),
        Plan.quorum(1, calls),
        Plan.deadline(Plan.all(calls), 1 + random.int(80)),
        Plan.all({ ...calls, z: no("no", random.int(60)) })
      ])
      const { report } = yield* lawful(plan as Plan.Plan<unknown, unknown>, { drain: 20 })
      for (const call of report.calls) {
        if (call.id === "/z" || reached.has(call.id)) continue
        assert.notStrictEqual(call.outcome._tag, "Unknown", `${call.id} of seed ${seed}`)
        assert.deepStrictEqual(call.effects, [], `${call.id} of seed ${seed}`)
      }
    }
  })
)
