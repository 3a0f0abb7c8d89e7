/**
 * What the journal of a session says beside what happened: enough to check afterwards that it kept to its limits.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Fanout, Journal, Plan, Session, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const Leaf = Tool.make("leaf", { contract: Contract.readOnly, cost: { usd: 2 }, handler: () => Effect.void })
const Nest = Tool.make("nest", {
  contract: Contract.readOnly,
  handler: () => Effect.orDie(Fanout.run(Plan.all([Plan.call(Leaf)]), { budget: { calls: 1 } }))
})
const Agent = Tool.make("agent", {
  contract: Contract.readOnly,
  handler: () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ id: "inner" })
      yield* session.fanout(Plan.call(Leaf))
    }).pipe(Effect.scoped, Effect.orDie)
})

const opened = <Type extends "fanout.opened" | "session.opened">(events: ReadonlyArray<Journal.Event>, type: Type) =>
  events.filter((event): event is Extract<Journal.Event, { type: Type }> => event.type === type)

const journalOf = (options: Session.Options, plan: Plan.Plan<unknown, unknown>, settings: Session.FanoutOptions = {}) =>
  Effect.gen(function* () {
    const journal = Journal.memory()
    yield* Session.make({ id: "s", ...options }).pipe(
      Effect.flatMap((session) => session.fanout(plan, settings)),
      Effect.provideService(Journal.Current, journal),
      Effect.scoped
    )
    for (const event of journal.events) Schema.decodeUnknownSync(Journal.Event)(JSON.parse(JSON.stringify(event)))
    return journal.events
  })

describe("the journal of a session", () => {
  it.effect("says what its limits are, and leaves out what is not limited", () =>
    Effect.gen(function* () {
      const limits = { concurrency: 3, tools: { leaf: 2, nest: Infinity }, resources: { "a/b": 1 }, waiting: 5 }
      const events = yield* journalOf({ limits, retryRatio: 0.5 }, Plan.call(Leaf))
      const [first] = opened(events, "session.opened")
      assert.deepStrictEqual(first?.limits, {
        concurrency: 3,
        tools: { leaf: 2 },
        resources: { "a/b": 1 },
        loop: 3,
        retryRatio: 0.5
      })
      assert.isUndefined(first?.inside)
      const [other] = opened(yield* journalOf({ loop: Infinity }, Plan.call(Leaf)), "session.opened")
      assert.deepStrictEqual(other?.limits, {})
    })
  )

  it.effect("has the budget of a fan-out, with what is reserved at its opening", () =>
    Effect.gen(function* () {
      const plan = Plan.all({ a: Plan.call(Leaf), b: Plan.advisory(Plan.call(Leaf)) })
      const [fanout] = opened(
        yield* journalOf({}, plan, { budget: { attempts: 3, costs: { usd: 9 } } }),
        "fanout.opened"
      )
      assert.deepStrictEqual(fanout?.budget, {
        attempts: { limit: 3, used: 0, reserved: 1 },
        usd: { limit: 9, used: 0, reserved: 2 }
      })
      const [none] = opened(yield* journalOf({ budget: { attempts: 3 } }, plan), "fanout.opened")
      assert.isUndefined(none?.budget)
    })
  )

  it.effect("says inside of which attempt a fan-out runs, and a session was opened", () =>
    Effect.gen(function* () {
      const events = yield* journalOf({}, Plan.all({ a: Plan.call(Nest), b: Plan.call(Agent) }))
      assert.deepStrictEqual(
        opened(events, "fanout.opened").map(({ inside, run }) => [run, inside]),
        [
          ["s.1", undefined],
          ["s.1/a@1", { run: "s.1", call: "/a", attempt: 1 }],
          // it is the session that was opened inside
          ["inner.1", undefined]
        ]
      )
      assert.deepStrictEqual(
        opened(events, "session.opened").map(({ inside, session }) => [session, inside]),
        [
          ["s", undefined],
          ["inner", { run: "s.1", call: "/b", attempt: 1 }]
        ]
      )
    })
  )
})
