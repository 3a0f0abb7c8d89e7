/**
 * From one attempt to the one that waits in line for its permit.
 */
import { assert, describe, it } from "@effect/vitest"
import { Attempt, Contract, Journal, Plan, Session, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"

const Thrifty = Tool.make("thrifty", {
  contract: Contract.readOnly,
  cost: { usd: 2 },
  handler: () => Effect.andThen(Effect.sleep(10), Attempt.spend({ usd: 1 }))
})

describe("an attempt that has ended", () => {
  it.effect("gives back what it has not spent before its permit: who waits for that has both", () =>
    Effect.gen(function* () {
      const journal = Journal.memory()
      const plan = Plan.all([Plan.settled(Plan.call(Thrifty)), Plan.settled(Plan.call(Thrifty))])
      const session = Session.make({ budget: { costs: { usd: 3 } }, limits: { concurrency: 1 } })
      const program = Effect.scoped(Effect.flatMap(session, (session) => session.fanout(plan)))
      const fiber = yield* Effect.forkChild(Effect.provideService(program, Journal.Current, journal))
      yield* TestClock.adjust("1 second")
      const outcomes = yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        outcomes.map(({ _tag }) => _tag),
        ["Succeeded", "Succeeded"]
      )
      const steps = journal.events.flatMap((event) =>
        event.type === "attempt.started" || event.type === "attempt.ended" ? [`${event.call} ${event.type}`] : []
      )
      assert.deepStrictEqual(steps, [
        "/0 attempt.started",
        "/0 attempt.ended",
        "/1 attempt.started",
        "/1 attempt.ended"
      ])
    })
  )
})
