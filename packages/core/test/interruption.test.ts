import { assert, describe, it } from "@effect/vitest"
import { Contract, Fanout, Journal, Plan } from "@toolscope/core"
import { Sweep } from "@toolscope/testing"
import * as Effect from "effect/Effect"

const wait = (millis: number) => Plan.effect(Effect.as(Effect.sleep(millis), millis), Contract.readOnly)
const fail = (millis: number) =>
  Plan.effect(Effect.andThen(Effect.sleep(millis), Effect.fail("no")), Contract.readOnly, { retry: 1 })
const plan = Plan.all({
  first: wait(10),
  quorum: Plan.quorum(1, {
    broken: fail(5),
    slow: wait(40),
    deaf: Plan.effect(Effect.uninterruptible(Effect.sleep("1 hour")), Contract.irreversible)
  }),
  author: Plan.advisory(wait(1000)),
  pair: Plan.firstSuccess([fail(10), wait(20)], { stagger: "infinity" })
})

describe("the owner of a fan-out is interrupted", () => {
  for (const reentrant of [false, true]) {
    const where = reentrant ? "inside of any operation" : "before any operation, and while it waits"
    it.effect(`what has been opened is closed, and returns within the drain: ${where}`, () =>
      Sweep.everyStep(
        {
          setup: Effect.sync(() => Journal.memory()),
          program: (journal) => Effect.provideService(Fanout.run(plan), Journal.Current, journal),
          invariant: (journal, _exit, { time, where }) =>
            Effect.clockWith((clock) =>
              Effect.sync(() => {
                const types = journal.events.map(({ type }) => type)
                if (types.length > 0)
                  assert.deepStrictEqual([types[0], types.at(-1)], ["fanout.opened", "fanout.closed"])
                if (where !== "nowhere") assert.isAtMost(clock.currentTimeMillisUnsafe(), time + 2000)
              })
            )
        },
        { reentrant }
      )
    )
  }
})

describe("the scope of a fan-out is closed", () => {
  it.effect("there is a report all the same, wherever the close comes", () =>
    Sweep.everyStep({
      setup: Effect.sync(() => ({ handle: undefined as Fanout.Handle<unknown, unknown> | undefined })),
      program: (env) =>
        Effect.gen(function* () {
          env.handle = yield* Fanout.start(plan)
          yield* env.handle.result
        }),
      invariant: ({ handle }) =>
        Effect.gen(function* () {
          if (handle === undefined) return
          const report = yield* Effect.timeout(handle.report, "1 minute")
          assert.strictEqual(report.calls.length, 7)
        })
    })
  )
})
