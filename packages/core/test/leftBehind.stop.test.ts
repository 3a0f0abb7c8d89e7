import { assert, it } from "@effect/vitest"
import * as Contract from "../src/Contract.ts"
import * as Journal from "../src/Journal.ts"
import * as Plan from "../src/Plan.ts"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { callOf, no, reportOf } from "./support.ts"

const stops = (journal: Journal.Memory, call: string) =>
  journal.events.flatMap((event) =>
    (event.type === "stop.requested" || event.type === "stop.delivered") && event.call === call
      ? [`${event.time} ${event.type} ${event.attempt ?? "no attempt"}`]
      : []
  )

it.effect("an attempt that was left behind is not asked to stop again when its call is dropped before the next", () =>
  Effect.gen(function* () {
    const journal = Journal.memory()
    const a = Plan.effect(Effect.uninterruptible(Effect.never), Contract.readOnly, { timeout: 10, retry: 1 })
    const plan = Plan.all({ a, b: no("no", 40) })
    const report = yield* reportOf(plan, { drain: 20 }).pipe(Effect.provideService(Journal.Current, journal))
    assert.deepStrictEqual(stops(journal, "/a"), [
      "10 stop.requested 1",
      "10 stop.delivered 1",
      "40 stop.requested no attempt"
    ])
    assert.strictEqual(callOf(report, "/a").stoppedBy?.source, "sibling")
  })
)

it.effect("nor while its schedule is being asked for the next", () =>
  Effect.gen(function* () {
    const journal = Journal.memory()
    const retry = Schedule.forever.pipe(Schedule.tap(() => Effect.sleep(15)))
    const hangs = Effect.andThen(
      Effect.addFinalizer(() => Effect.never),
      Effect.fail("no")
    )
    const plan = Plan.all({ a: Plan.effect(hangs, Contract.readOnly, { retry }), b: no("no", 30) })
    const run = Effect.scoped(reportOf(plan, { drain: 20 }))
    yield* Effect.provideService(run, Journal.Current, journal)
    assert.deepStrictEqual(stops(journal, "/a"), ["30 stop.requested no attempt"])
  })
)
