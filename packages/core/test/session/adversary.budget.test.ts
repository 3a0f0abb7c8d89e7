/**
 * What careless tools, large numbers and unlucky moments can try against "within budget".
 */
import { assert, describe, it } from "@effect/vitest"
import {
  Attempt,
  type Budget,
  Contract,
  Fanout,
  Journal,
  Plan,
  PlanDocument,
  PlanError,
  Report,
  Session,
  SessionError,
  Tool
} from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"

const reads = Contract.readOnly
const costing = (cost: Tool.Cost<any>, handler: Effect.Effect<unknown, unknown> = Effect.void) =>
  Tool.make("costs", { contract: reads, failure: Schema.Unknown, cost, handler: () => handler })
const forked = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.forkChild(Effect.exit(effect), { startImmediately: true })
const run = <A, E>(plan: Plan.Plan<A, E>, options: Fanout.Options = {}) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(
      Effect.scoped(Effect.flatMap(Fanout.start(plan, options), ({ report }) => report))
    )
    yield* TestClock.adjust("10 minutes")
    return yield* Fiber.join(fiber)
  })
const failureOf = <A, E>(exit: Exit.Exit<A, E>): E => {
  assert(Exit.isFailure(exit), "it succeeded")
  const fail = exit.cause.reasons.find((reason) => reason._tag === "Fail")
  assert(fail?._tag === "Fail", String(exit.cause))
  return fail.error
}
const faultsOf = <A, E>(exit: Exit.Exit<A, E>) => {
  const error = failureOf(exit)
  assert(error instanceof PlanError.PlanError, String(error))
  return error.faults.map(({ _tag, pointer }) => `${_tag} ${pointer}`)
}

describe("a cost that makes no sense", () => {
  const nonsense: ReadonlyArray<Tool.Cost<any>> = [
    { usd: NaN },
    { usd: -1 },
    { usd: Infinity },
    { usd: "much" as never },
    { calls: 0 },
    { attempts: 0 },
    { wallClock: 1 },
    5 as never,
    null as never,
    () => ({ usd: NaN }),
    () => undefined as never,
    () => {
      throw new Error("no price list")
    }
  ]

  it.effect("is a fault of the plan, before anything starts, all of them at once, with a budget or without", () =>
    Effect.gen(function* () {
      let began = 0
      const begins = Effect.sync(() => began++)
      for (const cost of nonsense) {
        const plan = Plan.all([Plan.effect(begins, reads), Plan.call(costing(cost, begins)), Plan.quorum(2, [])])
        for (const options of [{}, { budget: { costs: { usd: 1 } } }]) {
          const faults = faultsOf(yield* Effect.exit(Fanout.run(plan, options)))
          assert.deepStrictEqual(faults, ["BadCost /plan/all/1/call", "BadQuorum /plan/all/2/quorum"])
        }
      }
      assert.strictEqual(began, 0)
    })
  )

  it.effect("is a fault of a document too", () =>
    Effect.gen(function* () {
      const document = { toolscope: 1, plan: { call: "costs" } }
      const decoded = yield* Effect.exit(PlanDocument.decode(document, [costing({ usd: -1 })]))
      assert.deepStrictEqual(faultsOf(decoded), ["BadCost /plan/call"])
    })
  )

  it.effect("said by an attempt ends the attempt, and is not charged: its ceiling is", () =>
    Effect.gen(function* () {
      for (const amounts of [{ usd: NaN }, { usd: -5 }, { usd: Infinity }, { attempts: -1 }, { calls: 0 }]) {
        const plan = Plan.settled(Plan.call(costing({ usd: 0.5 }, Attempt.spend(amounts))))
        const report = yield* run(plan, { budget: { attempts: 3, calls: 3, costs: { usd: 1 } } })
        assert.strictEqual(report.calls[0]!.outcome._tag, "Failed", JSON.stringify(amounts))
        assert.deepStrictEqual(report.budget, {
          attempts: { limit: 3, used: 1, reserved: 0 },
          calls: { limit: 3, used: 1, reserved: 0 },
          usd: { limit: 1, used: 0.5, reserved: 0 }
        })
      }
    })
  )

  it.effect("names that objects have of themselves are names like others", () =>
    Effect.gen(function* () {
      const plan = Plan.call(costing({ constructor: 3 }, Attempt.spend({ constructor: 1, toString: 2 })))
      const report = yield* run(plan, { budget: { costs: { constructor: 4, toString: 4 } } })
      assert.deepStrictEqual(report.budget.constructor, { limit: 4, used: 1, reserved: 0 } as never)
      assert.deepStrictEqual(Object.entries(report.budget).find(([name]) => name === "toString")?.[1], {
        limit: 4,
        used: 2,
        reserved: 0
      })
    })
  )

  it.effect("what a tool says later than its end is not heard", () =>
    Effect.gen(function* () {
      let attempt: Attempt.Attempt | undefined
      const keep = Effect.map(Attempt.current, (current) => (attempt = current))
      const session = yield* Session.make({ budget: { costs: { usd: 1 } } })
      yield* session.fanout(Plan.call(costing({ usd: 0.5 }, keep)))
      attempt!.spend({ usd: 0.4 })
      assert.deepStrictEqual(session.usage().usd, { limit: 1, used: 0.5, reserved: 0 })
    })
  )
})

describe("numbers", () => {
  it.effect("however small add up", () =>
    Effect.gen(function* () {
      const tiny = costing({ usd: 2e-10 }, Effect.void)
      const plan = Plan.all(Array.from({ length: 100 }, () => Plan.settled(Plan.call(tiny))))
      const report = yield* run(plan, { budget: { costs: { usd: 1e-8 } } })
      assert.strictEqual(report.calls.filter(({ outcome }) => outcome._tag === "Succeeded").length, 50)
      const { limit, reserved, used } = report.budget.usd!
      assert.isAtMost(used, limit * (1 + 1e-9))
      assert.strictEqual(reserved, 0)
    })
  )

  it.effect("that cannot be exact in binary add up to their limit", () =>
    Effect.gen(function* () {
      const dime = costing({ usd: 0.1 })
      const plan = Plan.all(Array.from({ length: 11 }, () => Plan.settled(Plan.call(dime))))
      const report = yield* run(plan, { budget: { costs: { usd: 1 } } })
      assert.strictEqual(report.calls.filter(({ outcome }) => outcome._tag === "Succeeded").length, 10)
      assert.deepStrictEqual(report.budget.usd, { limit: 1, used: 1, reserved: 0 })
    })
  )

  it.effect("however large do not wrap, and do not let anything else through", () =>
    Effect.gen(function* () {
      const huge = Plan.settled(Plan.call(costing({ usd: Number.MAX_VALUE })))
      const report = yield* run(Plan.all([huge, huge, huge]), {
        budget: { costs: { usd: Number.MAX_VALUE } },
        concurrency: 1
      })
      assert.deepStrictEqual(
        report.calls.map(({ outcome }) => outcome._tag),
        ["Succeeded", "Skipped", "Skipped"]
      )
      assert.deepStrictEqual(report.budget.usd, { limit: Number.MAX_VALUE, used: Number.MAX_VALUE, reserved: 0 })
    })
  )

  it.effect("no limit is a limit of infinity, and a report stays JSON", () =>
    Effect.gen(function* () {
      const budget: Budget.Budget = { attempts: 2, wallClock: "Infinity", costs: { usd: Infinity } }
      const report = yield* run(Plan.call(costing({ usd: 1e300 })), { budget })
      assert.deepStrictEqual(report.budget, { attempts: { limit: 2, used: 1, reserved: 0 } })
      const json = Report.toJson(report)
      assert.deepStrictEqual(JSON.parse(JSON.stringify(json)), json)
    })
  )

  it.effect("that are times are no part of a canonical report", () =>
    Effect.gen(function* () {
      const budget: Budget.Budget = { wallClock: "1 minute", attempts: 3 }
      const lasting = (millis: number) => run(Plan.effect(Effect.sleep(millis), reads), { budget })
      const [short, long] = [yield* lasting(1), yield* lasting(1_000)]
      assert.notDeepEqual(short.budget, long.budget)
      assert.deepStrictEqual(Report.canonical(short), Report.canonical(long))
    })
  )

  it.effect("a wall clock that began between two milliseconds ends all the same", () =>
    Effect.gen(function* () {
      for (let i = 0; i < 50; i++) {
        yield* TestClock.adjust(`${i * 7919 + 1} micros`)
        const session = yield* Session.make({ budget: { wallClock: 0.3 + i / 10 } })
        const fiber = yield* forked(session.fanout(Plan.effect(Effect.never, reads, { timeout: "Infinity" })))
        yield* TestClock.adjust(10)
        assert.isTrue(fiber.pollUnsafe() !== undefined, `${i}`)
      }
    })
  )
})

describe("reservations", () => {
  const nothingReserved = (usage: Budget.Usage) => {
    for (const [name, { reserved }] of Object.entries(usage)) assert.strictEqual(reserved, 0, name)
  }
  const usd = (used: number, limit = 10) => ({ limit, used, reserved: 0 })
  const costly = (millis: number, contract = reads) =>
    Tool.make("costly", { contract, cost: { usd: 1 }, handler: () => Effect.sleep(millis) })

  it.effect("of nested budgets are all or nothing", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ budget: { costs: { usd: 10 }, attempts: 10 } })
      const Costly = costly(0)
      // enough here, not enough there, both ways round
      for (const budget of [{ costs: { usd: 0.5 } }, { costs: { usd: 100 }, attempts: 0 }]) {
        faultsOf(yield* Effect.exit(session.fanout(Plan.all([Plan.call(Costly), Plan.call(Costly)]), { budget })))
        assert.deepStrictEqual(session.usage(), { attempts: { limit: 10, used: 0, reserved: 0 }, usd: usd(0) })
      }
      const many = Plan.all(Array.from({ length: 11 }, () => Plan.call(Costly)))
      faultsOf(yield* Effect.exit(session.fanout(many, { budget: { costs: { usd: 100 } } })))
      assert.deepStrictEqual(session.usage().usd, usd(0))
    })
  )

  it.effect("come back from calls that never start: skipped, dropped, stopped between attempts", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ budget: { costs: { usd: 10 }, calls: 10 } })
      const bad = Plan.effect(Effect.andThen(Effect.sleep(5), Effect.fail("bad")), reads)
      const Costly = costly(50)
      const plan = Plan.all([bad, Plan.call(Costly), Plan.call(Costly), Plan.call(Costly)])
      const fiber = yield* forked(session.fanout(plan, { concurrency: 2 }))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      nothingReserved(session.usage())
      // one had begun, and gave no answer
      assert.strictEqual(session.usage().usd!.used, 1)
      assert.strictEqual(session.usage().calls!.used, 2)
    })
  )

  it.effect("come back when a stop comes while a call waits in line for a permit, and when the line is full", () =>
    Effect.gen(function* () {
      const budget = { costs: { usd: 10 }, calls: 10 }
      const session = yield* Session.make({ budget, limits: { concurrency: 1, waiting: 1 } })
      const Costly = costly(50)
      const plan = Plan.all({ a: Plan.call(Costly), b: Plan.call(Costly), c: Plan.settled(Plan.call(Costly)) })
      const fiber = yield* forked(session.fanout(plan))
      yield* TestClock.adjust(1)
      assert.strictEqual(session.usage().usd!.reserved, 2)
      yield* session.cancel()
      yield* Fiber.join(fiber)
      nothingReserved(session.usage())
      const [a, b, c] = session.reports()[0]!.calls
      assert.deepStrictEqual([a!.outcome._tag, b!.outcome._tag, c!.outcome._tag], ["Cancelled", "Skipped", "Failed"])
      assert.strictEqual(session.usage().calls!.used, 1)
    })
  )

  it.effect("come back when the journal refuses the start, and when it hangs until the bound", () =>
    Effect.gen(function* () {
      const Costly = costly(1)
      const refusing = Effect.fail(new Journal.JournalError({ reason: { _tag: "Refused", cause: "full" } }))
      for (const flush of [refusing, Effect.uninterruptible(Effect.never)]) {
        const journal = Journal.make({ write: () => {}, flush })
        const made = Session.make({ budget: { costs: { usd: 10 }, attempts: 10 } })
        const session = yield* Effect.provideService(made, Journal.Current, journal)
        const plan = Plan.all([Plan.call(Costly), Plan.settled(Plan.call(Costly))])
        const fiber = yield* forked(session.fanout(plan, { timeout: 100, drain: 100 }))
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(session.usage(), { attempts: { limit: 10, used: 0, reserved: 0 }, usd: usd(0) })
      }
    })
  )

  it.effect("of what was left behind are charged to their ceiling, or to what it had said if that is more", () =>
    Effect.gen(function* () {
      for (const [said, charged] of [
        [0.25, 1],
        [3, 3]
      ] as const) {
        const session = yield* Session.make({ budget: { costs: { usd: 10 } } })
        const deaf = Tool.make("deaf", {
          contract: reads,
          cost: { usd: 1 },
          handler: () =>
            Effect.gen(function* () {
              yield* Attempt.spend({ usd: said })
              yield* Effect.sleep("1 minute")
              yield* Attempt.spend({ usd: 2 })
            }).pipe(Effect.uninterruptible)
        })
        yield* forked(session.fanout(Plan.call(deaf, {}), { drain: 10 }))
        yield* session.cancel().pipe(forked)
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual(session.usage().usd, usd(charged))
      }
    })
  )

  it.effect("and attempts of every kind: retries are counted, timed-out ones keep their ceiling", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ budget: { costs: { usd: 2.5 }, calls: 1 } })
      const plan = Plan.call(costly(1_000), {}, { timeout: 10, retry: 9 })
      const fiber = yield* forked(session.fanout(plan))
      yield* TestClock.adjust("10 minutes")
      const error = failureOf(yield* Fiber.join(fiber))
      assert(error._tag === "FanoutError")
      assert.deepStrictEqual(session.usage().usd, usd(2, 2.5))
      assert.deepInclude(session.reports()[0]!.calls[0], { attempts: 2 })
      assert.deepInclude(session.reports()[0]!.calls[0]!.budget!, { name: "usd" })
    })
  )
})

describe("an answer that comes late", () => {
  it.effect("changes nothing where the budget let no second attempt begin (Z14)", () =>
    Effect.gen(function* () {
      const deaf = costing({ usd: 1 }, Effect.uninterruptible(Effect.as(Effect.sleep("1 minute"), "late")))
      const slow = Plan.effect(Effect.sleep("5 minutes"), reads, { timeout: "Infinity" })
      const plan = Plan.all([Plan.settled(Plan.call(deaf, {}, { timeout: 100, retry: 3 })), slow])
      const report = yield* run(plan, { budget: { costs: { usd: 1 } }, drain: 100 })
      const [call] = report.calls
      assert.deepInclude(call, { attempts: 1, leftBehind: true, late: [1], used: false, verdict: "failed" })
      assert.strictEqual(call!.outcome._tag, "Failed")
      assert.deepStrictEqual(call!.budget, { name: "usd", limit: 1, used: 1, asked: 1 })
      assert.deepStrictEqual(report.budget.usd, { limit: 1, used: 1, reserved: 0 })
    })
  )
})

describe("the budget of a session", () => {
  it.effect("its wall clock runs while nothing runs, and what comes too late is refused typed, whatever its plan", () =>
    Effect.gen(function* () {
      const nothing = Plan.effect(Effect.void, reads)
      const plans: ReadonlyArray<Plan.Plan<unknown>> = [nothing, Plan.settled(nothing), Plan.all([])]
      for (const plan of plans) {
        const session = yield* Session.make({ budget: { wallClock: "1 second" } })
        yield* session.fanout(plan)
        yield* TestClock.adjust("2 seconds")
        for (const asked of [session.fanout(plan), session.replan(plan)]) {
          const error = failureOf(yield* Effect.exit(asked as Effect.Effect<unknown, SessionError.SessionError>))
          assert(error instanceof SessionError.SessionError && error.reason._tag === "BudgetExceeded", String(error))
          assert.deepInclude(error.reason, { name: "wallClock", limit: 1_000, used: 2_000 })
        }
        assert.deepStrictEqual(session.usage().wallClock, { limit: 1_000, used: 2_000, reserved: 0 })
      }
    })
  )

  it.effect("a cohort that did not start is none", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ budget: { cohorts: 1 } })
      faultsOf(yield* Effect.exit(session.fanout(Plan.quorum(2, []))))
      assert.deepStrictEqual(session.usage().cohorts, { limit: 1, used: 0, reserved: 0 })
      yield* session.fanout(Plan.all([]))
      const error = failureOf(yield* Effect.exit(session.fanout(Plan.all([]))))
      assert(error instanceof SessionError.SessionError && error.reason._tag === "BudgetExceeded")
      assert.deepInclude(error.reason, { name: "cohorts", limit: 1, used: 1, asked: 1 })
    })
  )

  it.effect("of none at all lets nothing start", () =>
    Effect.gen(function* () {
      let began = 0
      const begins = Plan.effect(
        Effect.sync(() => began++),
        reads
      )
      for (const budget of [{ calls: 0 }, { attempts: 0 }, { cohorts: 0 }, { wallClock: 0 }] as const) {
        const session = yield* Session.make({ budget })
        yield* Effect.exit(session.fanout(Plan.all([begins, Plan.settled(begins), Plan.advisory(begins)])))
        yield* Effect.exit(session.fanout(Plan.settled(begins)))
        nothing(session.usage())
      }
      assert.strictEqual(began, 0)
    })
  )
  const nothing = (usage: Budget.Usage) => {
    for (const { reserved } of Object.values(usage)) assert.strictEqual(reserved, 0)
  }
})

describe("a loop of the planner", () => {
  const Search = Tool.make("search", {
    parameters: Schema.Struct({ q: Schema.Unknown }),
    failure: Schema.String,
    contract: reads,
    handler: () => Effect.fail("nothing")
  })

  it.effect("is seen whatever the order of keys, and whether planned in code or in JSON", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ loop: 3 })
      yield* Effect.exit(session.fanout(Plan.call(Search, { q: { a: 1, b: [{ c: 2, d: 3 }] } })))
      yield* Effect.exit(session.fanout(Plan.call(Search, { q: { b: [{ d: 3, c: 2 }], a: 1 } })))
      const document = { toolscope: 1, plan: { call: "search", params: { q: { b: [{ d: 3, c: 2 }], a: 1 } } } }
      const { plan } = yield* PlanDocument.decode(document, [Search])
      yield* Effect.exit(session.fanout(plan as Plan.Plan<unknown>))
      const error = failureOf(
        yield* Effect.exit(session.fanout(Plan.call(Search, { q: { a: 1, b: [{ d: 3, c: 2 }] } })))
      )
      assert(error instanceof SessionError.SessionError)
      assert.strictEqual(error.reason._tag, "LoopDetected")
      // the order of a list means something
      const other = failureOf(yield* Effect.exit(session.fanout(Plan.call(Search, { q: { a: 1, b: [] } }))))
      assert.strictEqual(other._tag, "FanoutError")
    })
  )

  it.effect("what never began says nothing of the call", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ loop: 1, limits: { tools: { search: 1, slow: 1 }, waiting: 0 } })
      const parameters = Schema.Struct({ n: Schema.Number })
      const Slow = Tool.make("slow", { parameters, contract: reads, handler: () => Effect.sleep(10) })
      const plan = Plan.all({ a: Plan.call(Slow, { n: 1 }), b: Plan.settled(Plan.call(Slow, { n: 2 })) })
      for (let i = 0; i < 3; i++) {
        const fiber = yield* forked(session.fanout(plan))
        yield* TestClock.adjust(10)
        assert.isTrue(Exit.isSuccess(yield* Fiber.join(fiber)))
      }
      assert.strictEqual(session.reports()[2]!.calls[1]!.outcome._tag, "Failed")
    })
  )

  it.effect("a success in between begins the count anew, a stop does not", () =>
    Effect.gen(function* () {
      let says: "no" | "yes" | "never" = "no"
      const Moody = Tool.make("moody", {
        contract: reads,
        failure: Schema.String,
        handler: () =>
          Effect.suspend(() => (says === "no" ? Effect.fail("no") : says === "yes" ? Effect.void : Effect.never))
      })
      const session = yield* Session.make({ loop: 2 })
      const asks = (mood: typeof says) =>
        Effect.gen(function* () {
          says = mood
          const fiber = yield* forked(session.fanout(Plan.deadline(Plan.call(Moody), 10)))
          yield* TestClock.adjust("1 minute")
          const exit = yield* Fiber.join(fiber)
          return Exit.isSuccess(exit) ? "ok" : failureOf(exit)._tag
        })
      const tags = []
      for (const mood of ["no", "yes", "no", "never", "no", "yes"] as const) tags.push(yield* asks(mood))
      assert.deepStrictEqual(tags, ["FanoutError", "ok", "FanoutError", "FanoutError", "FanoutError", "SessionError"])
    })
  )
})

describe("the ratio of further attempts", () => {
  it.effect("is kept per tool: one that is broken does not use up what another has", () =>
    Effect.gen(function* () {
      const tool = (name: string) =>
        Tool.make(name, { contract: reads, failure: Schema.String, handler: () => Effect.fail("no") })
      const session = yield* Session.make({ retryRatio: 0, loop: Infinity })
      const attempts = (broken: ReturnType<typeof tool>) =>
        Effect.gen(function* () {
          const fiber = yield* forked(session.fanout(Plan.call(broken, {}, { retry: 30 })))
          yield* TestClock.adjust("1 hour")
          yield* Fiber.join(fiber)
          return session.reports().at(-1)!.calls[0]!
        })
      const [a, b] = [tool("a"), tool("b")]
      // the first and 10 beyond that
      assert.strictEqual((yield* attempts(a)).attempts, 11)
      const again = yield* attempts(a)
      assert.deepInclude(again, { attempts: 0 })
      assert.deepInclude(again.budget!, { name: "further attempts of a" })
      assert.strictEqual((yield* attempts(b)).attempts, 11)
    })
  )
})
