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
  Session,
  SessionError,
  Tool
} from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"

const Ask = Tool.make("ask", {
  parameters: Schema.Struct({
    says: Schema.optionalKey(Schema.Literals(["ok", "no", "nothing"])),
    after: Schema.optionalKey(Schema.Number),
    usd: Schema.optionalKey(Schema.Number)
  }),
  failure: Schema.String,
  contract: Contract.readOnly,
  cost: { usd: 0.4 },
  handler: ({ after = 0, says = "ok", usd }) =>
    Effect.gen(function* () {
      yield* Effect.sleep(after)
      if (usd !== undefined) yield* Attempt.spend({ usd })
      if (says === "no") return yield* Effect.fail("no")
      if (says === "nothing") return yield* Effect.die("bug")
      return says
    })
})
const ask = (
  params: (typeof Ask)["parameters"] extends never ? never : object = {},
  options: Plan.CallOptions<string> = {}
) => Plan.call(Ask, params, options)

const reportOf = <A, E>(plan: Plan.Plan<A, E>, options: Fanout.Options) =>
  Effect.gen(function* () {
    const journal = Journal.memory()
    const started = Effect.flatMap(Fanout.start(plan, options), ({ report }) => report)
    const fiber = yield* Effect.forkChild(Effect.provideService(Effect.scoped(started), Journal.Current, journal))
    yield* TestClock.adjust("1 minute")
    return { report: yield* Fiber.join(fiber), journal }
  })
const outcomes = ({ calls }: { readonly calls: ReadonlyArray<{ readonly outcome: { readonly _tag: string } }> }) =>
  calls.map(({ outcome }) => outcome._tag)

describe("a budget", () => {
  it.effect("is refused before anything starts where it does not suffice for the essential calls", () =>
    Effect.gen(function* () {
      const plan = Plan.all([ask(), ask(), Plan.advisory(ask()), ask()])
      const error = yield* Effect.flip(Fanout.run(plan, { budget: { attempts: 2 } }))
      assert(error._tag === "PlanError")
      assert.deepStrictEqual(
        error.faults.map(({ _tag, pointer }) => `${_tag} ${pointer}`),
        ["OverBudget /plan/all/3"]
      )
    })
  )

  it.effect("goes to essential calls before advisory ones", () =>
    Effect.gen(function* () {
      const plan = Plan.all([Plan.advisory(ask()), ask(), ask()])
      const { report } = yield* reportOf(plan, { budget: { attempts: 2 } })
      assert.deepStrictEqual(outcomes(report), ["Skipped", "Succeeded", "Succeeded"])
      assert.strictEqual(report.status, "succeeded")
      assert.strictEqual(report.calls[0]!.stoppedBy!.source, "budget")
      assert.deepStrictEqual(report.calls[0]!.budget, { name: "attempts", limit: 2, used: 2, asked: 1 })
      assert.deepStrictEqual(report.budget, { attempts: { limit: 2, used: 2, reserved: 0 } })
    })
  )

  it.effect("charges what an attempt says that it cost, else its ceiling", () =>
    Effect.gen(function* () {
      const plan = Plan.all([ask({ usd: 0.1 }), ask(), Plan.settled(ask({ says: "nothing", usd: 0.1 }))])
      const { journal, report } = yield* reportOf(plan, { budget: { costs: { usd: 2 } } })
      // the last gave no answer: nobody knows what it cost
      assert.closeTo(report.budget.usd!.used, 0.1 + 0.4 + 0.4, 1e-9)
      assert.strictEqual(report.budget.usd!.reserved, 0)
      const reserved = journal.events.filter(({ type }) => type === "budget.reserved").length
      assert.strictEqual(reserved, 3)
      assert.strictEqual(journal.events.filter(({ type }) => type === "budget.settled").length, reserved)
    })
  )

  it.effect("what was not used can be used by others", () =>
    Effect.gen(function* () {
      const cheap = Array.from({ length: 4 }, () => Plan.settled(ask({ usd: 0.1, after: 10 })))
      const { report } = yield* reportOf(Plan.all(cheap), { budget: { costs: { usd: 1 } }, concurrency: 2 })
      assert.deepStrictEqual(outcomes(report), ["Succeeded", "Succeeded", "Succeeded", "Succeeded"])
      const atOnce = yield* reportOf(Plan.all(cheap), { budget: { costs: { usd: 1 } }, concurrency: 4 })
      assert.deepStrictEqual(outcomes(atOnce.report), ["Succeeded", "Succeeded", "Skipped", "Skipped"])
    })
  )

  it.effect("a call whose further attempt it does not let start ends as its last attempt did", () =>
    Effect.gen(function* () {
      const { report } = yield* reportOf(ask({ says: "no" }, { retry: 5 }), { budget: { attempts: 2 } })
      const [call] = report.calls
      assert.deepInclude(call!, { attempts: 2 })
      assert.deepStrictEqual(call!.outcome, { _tag: "Failed", error: "no" })
      assert.strictEqual(call!.budget!.name, "attempts")
      assert.strictEqual(report.reason!._tag, "EssentialFailed")
      const slow = yield* reportOf(ask({ after: 5_000 }, { retry: 5, timeout: 10 }), { budget: { attempts: 1 } })
      assert.strictEqual(slow.report.calls[0]!.outcome._tag, "Failed")
      assert.strictEqual(slow.report.calls[0]!.stoppedBy!.source, "timeout")
    })
  )

  it.effect("a fan-out that fails since a call could not start says so", () =>
    Effect.gen(function* () {
      const plan = Plan.firstSuccess([ask({ says: "no" }), ask()], { stagger: "infinity" })
      const { report } = yield* reportOf(plan, { budget: { calls: 1 } })
      assert.deepStrictEqual(outcomes(report), ["Failed", "Skipped"])
      assert.strictEqual(report.reason!._tag, "BudgetExceeded")
    })
  )

  it.effect("its wall clock stops what runs", () =>
    Effect.gen(function* () {
      const { report } = yield* reportOf(ask({ after: 60_000 }), { budget: { wallClock: "1 second" } })
      assert.strictEqual(report.reason!._tag, "BudgetExceeded")
      assert.strictEqual(report.calls[0]!.stoppedBy!.source, "budget")
      assert.strictEqual(report.budget.wallClock!.used, 1_000)
    })
  )

  it.effect("is part of the plan format", () =>
    Effect.gen(function* () {
      const document = { toolscope: 1, plan: { call: "ask" }, budget: { attempts: 1, costs: { usd: 0.3 } } }
      const { plan, settings } = yield* PlanDocument.decode(document, [Ask])
      assert.deepStrictEqual(settings.budget, document.budget)
      const error = yield* Effect.flip(Fanout.run(plan as Plan.Plan<unknown>, settings))
      assert(error instanceof PlanError.PlanError)
      assert.strictEqual(error.faults[0]!._tag, "OverBudget")
      const faults = yield* Effect.flip(
        PlanDocument.decode({ ...document, budget: { attempts: 0.5, wallClock: "soon", usd: 1 } }, [Ask])
      )
      assert.deepStrictEqual(faults.faults.map(({ pointer }) => pointer).sort(), [
        "/budget/attempts",
        "/budget/usd",
        "/budget/wallClock"
      ])
    })
  )
})

describe("the budget of a session", () => {
  it.effect("is shared by its fan-outs, and by those inside of handlers", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ budget: { attempts: 5, cohorts: 10 } })
      const inner = Effect.as(Effect.exit(Fanout.run(Plan.all([ask(), ask()]))), "done")
      yield* session.fanout(Plan.effect(inner, Contract.readOnly))
      assert.deepStrictEqual(session.usage().attempts, { limit: 5, used: 3, reserved: 0 })
      yield* session.fanout(Plan.all([ask(), ask()]))
      const error = yield* Effect.flip(session.fanout(ask()))
      assert.strictEqual(error._tag, "PlanError")
      assert.deepStrictEqual(session.usage().cohorts, { limit: 10, used: 2, reserved: 0 })
    })
  )

  it.effect("a fan-out has what it has of its own, and what is left above", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ budget: { attempts: 3 } })
      const options = { budget: { attempts: 2 } }
      yield* session.fanout(Plan.all([ask(), ask()]), options)
      const error = yield* Effect.flip(session.fanout(Plan.all([ask(), ask()]), options))
      assert(error._tag === "PlanError")
      assert.deepStrictEqual(session.usage().attempts, { limit: 3, used: 2, reserved: 0 })
    })
  )

  it.effect("a planner that always plans anew in a broken world ends in a typed error, within the budget", () =>
    Effect.gen(function* () {
      const budget: Budget.Budget = { cohorts: 7, attempts: 20, costs: { usd: 6 } }
      const session = yield* Session.make({ budget, loop: Infinity })
      const plan = Plan.all([
        Plan.settled(ask({ says: "no" })),
        Plan.settled(ask({ says: "nothing" })),
        ask({ says: "no" })
      ])
      let rounds = 0
      const planner = Effect.gen(function* () {
        for (;;) {
          rounds++
          const error = yield* Effect.flip(session.fanout(plan))
          if (error._tag !== "FanoutError") return error
        }
      })
      const error = yield* planner
      assert(error instanceof SessionError.SessionError || error instanceof PlanError.PlanError)
      assert.isAtMost(rounds, 8)
      for (const { limit, reserved, used } of Object.values(session.usage())) {
        assert.isAtMost(used, limit + 1e-9)
        assert.strictEqual(reserved, 0)
      }
    })
  )

  it.effect("1,000 calls at once never overshoot together", () =>
    Effect.gen(function* () {
      let began = 0
      const Count = Tool.make("count", {
        contract: Contract.readOnly,
        cost: { tokens: 3 },
        handler: () =>
          Effect.andThen(
            Effect.sync(() => began++),
            Effect.sleep(10)
          )
      })
      const session = yield* Session.make({ budget: { costs: { tokens: 1_000 } } })
      const plan = Plan.all(Array.from({ length: 1_000 }, () => Plan.settled(Plan.call(Count))))
      const fiber = yield* Effect.forkChild(session.fanout(plan, { concurrency: 1_000 }))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      assert.strictEqual(began, 333)
      assert.deepStrictEqual(session.usage().tokens, { limit: 1_000, used: 999, reserved: 0 })
    })
  )
})

describe("further attempts", () => {
  it.effect("of a broken tool are limited in proportion to its calls", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ retryRatio: 0.1, loop: Infinity })
      let attempts = 0
      for (let i = 0; i < 20; i++) {
        const fiber = yield* Effect.forkChild(Effect.exit(session.fanout(ask({ says: "no" }, { retry: 3 }))))
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(fiber)
        attempts += session.reports().at(-1)!.calls[0]!.attempts
      }
      // 10 beforehand, and 0.1 for each of the 20 calls; planning it again counts as a further attempt
      assert.isAtMost(attempts, 1 + 10 + 2)
    })
  )
})
