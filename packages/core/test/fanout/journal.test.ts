/**
 * The journal: what stands in it, what a store that refuses does to a run, and that observers never do anything to it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Fanout, Journal, Outcome, Plan, Report } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { acting, hangs, no, ok, outcomes, reading, reportOf } from "../support.ts"

const refusal = (cause: string) => new Journal.JournalError({ reason: { _tag: "Refused", cause } })
const on = (journal: Journal.Journal) => Effect.provideService(Journal.Current, journal)

describe("the events of a run", () => {
  it.effect("are numbered without a gap, fit their schema, and end with the report", () =>
    Effect.gen(function* () {
      const journal = Journal.memory()
      const report = yield* reportOf(
        Plan.all({
          a: Plan.effect(Effect.fail("e"), reading, { retry: 1 }),
          b: Plan.advisory(hangs(acting)),
          c: Plan.firstSuccess([no("x", 5), ok(1)], { stagger: 3 })
        })
      ).pipe(on(journal))
      assert.deepStrictEqual(
        journal.events.map((event) => event.seq),
        journal.events.map((_, i) => i)
      )
      for (const event of journal.events) {
        const line: unknown = JSON.parse(JSON.stringify(event))
        yield* Schema.decodeUnknownEffect(Journal.Event)(line, { onExcessProperty: "error" })
      }
      const last = journal.events.at(-1)!
      assert.deepStrictEqual(last.type === "fanout.closed" && last.report, Report.toJson(report))
    })
  )

  it.effect(
    "tell every call's life in order: queued, started, ended, settled once; a stop is requested before it is delivered (M4)",
    () =>
      Effect.gen(function* () {
        const journal = Journal.memory()
        yield* reportOf(Plan.all([no("e", 10), hangs(), hangs()]), { concurrency: 2 }).pipe(on(journal))
        const of = (call: string) =>
          journal.events.flatMap((event) => ("call" in event && event.call === call ? [event.type] : []))
        assert.deepStrictEqual(of("/0"), ["call.queued", "attempt.started", "attempt.ended", "call.settled"])
        assert.deepStrictEqual(of("/1"), [
          "call.queued",
          "attempt.started",
          "stop.requested",
          "stop.delivered",
          "attempt.ended",
          "call.settled"
        ])
        assert.deepStrictEqual(of("/2"), ["call.queued", "stop.requested", "call.settled"])
      })
  )

  it.effect("of two runs at once on one journal share its numbers and never mix their calls", () =>
    Effect.gen(function* () {
      const journal = Journal.memory()
      const run = (runId: string) => reportOf(Plan.all([ok(1, 5), ok(2, 5)]), { runId }).pipe(on(journal))
      yield* Effect.all([run("one"), run("two")], { concurrency: 2 })
      assert.deepStrictEqual(
        journal.events.map((event) => event.seq),
        journal.events.map((_, i) => i)
      )
      for (const runId of ["one", "two"]) {
        const mine = journal.events.filter((event) => event.run === runId)
        assert.strictEqual(mine[0]!.type, "fanout.opened")
        assert.strictEqual(mine.at(-1)!.type, "fanout.closed")
        assert.strictEqual(mine.filter((event) => event.type === "call.settled").length, 2)
      }
    })
  )
})

describe("a journal that refuses", () => {
  /** A plan whose second call starts after the first has run. */
  const twoInTurn = (log: Array<string>) => {
    const call = (name: string) => Effect.sync(() => void log.push(name))
    return Plan.firstSuccess(
      [Plan.effect(Effect.andThen(call("a"), Effect.fail("e")), reading), Plan.effect(call("b"), reading)],
      { stagger: "infinity" }
    )
  }
  const failing: ReadonlyArray<readonly [string, () => Journal.Journal]> = [
    [
      "synchronously",
      () => {
        let n = 0
        return Journal.make({
          write: () => {},
          flush: Effect.suspend(() => (n++ === 0 ? Effect.void : Effect.fail(refusal("disk full"))))
        })
      }
    ],
    [
      "asynchronously",
      () => {
        let n = 0
        const flush = Effect.suspend(() => (n++ === 0 ? Effect.void : Effect.fail(refusal("disk full"))))
        return Journal.make({ write: () => {}, flush: Effect.andThen(Effect.sleep(10), flush) })
      }
    ],
    [
      "by dying",
      () => {
        let n = 0
        return Journal.make({
          write: () => {},
          flush: Effect.suspend(() => (n++ === 0 ? Effect.void : Effect.die(refusal("disk full"))))
        })
      }
    ],
    [
      "by throwing as it writes",
      () => {
        let started = 0
        return Journal.make({
          write: (event) => {
            if (event.type === "attempt.started" && started++ === 1) throw refusal("disk full")
          },
          flush: Effect.void
        })
      }
    ]
  ]
  for (const [how, make] of failing) {
    it.effect(
      `${how} shuts the door: no further attempt begins, the call says why, and so does the report (JDK4, L17, L18)`,
      () =>
        Effect.gen(function* () {
          const log: Array<string> = []
          const report = yield* reportOf(twoInTurn(log)).pipe(on(make()))
          assert.deepStrictEqual(log, ["a"])
          assert.deepStrictEqual(outcomes(report), { "/0": "Failed", "/1": "Failed" })
          assert.strictEqual(report.calls[1]!.attempts, 0)
          const { outcome } = report.calls[1]!
          assert.include(String(outcome._tag === "Failed" && outcome.error), "disk full")
          assert.include(report.journalRefused!, "disk full")
        })
    )
  }

  it.effect("while a call waits for it, and the call is stopped: Skipped, for it never started", () =>
    Effect.gen(function* () {
      const flush = Effect.andThen(Effect.uninterruptible(Effect.sleep(10)), Effect.fail(refusal("late")))
      const handle = yield* Fanout.start(Plan.all([ok(1)])).pipe(on(Journal.make({ write: () => {}, flush })))
      yield* TestClock.adjust(5)
      const stop = yield* Effect.forkChild(handle.stop(), { startImmediately: true })
      yield* TestClock.adjust(60_000)
      assert.deepStrictEqual((yield* Fiber.join(stop)).calls[0]!.outcome, Outcome.skipped)
    })
  )

  it.effect("at a late answer, when the run is long over, harms nobody (K13)", () =>
    Effect.gen(function* () {
      let asked = false
      const journal = Journal.make({
        write: (event) => {
          if (event.type !== "response.late") return
          asked = true
          throw refusal("closed")
        },
        flush: Effect.void
      })
      const late = Plan.effect(Effect.uninterruptible(Effect.sleep(100)), reading)
      const report = yield* reportOf(Plan.all([no("e"), late]), { drain: 10 }).pipe(on(journal))
      assert.deepStrictEqual([asked, report.drained, report.journalRefused], [true, false, undefined])
    })
  )
})

describe("an observer", () => {
  const crowd = Plan.all(Array.from({ length: 50 }, (_, i) => ok(i)))

  it.effect("sees every event, in order, while the run goes on (L19, T14, A3, E15)", () =>
    Effect.gen(function* () {
      const journal = Journal.memory()
      const stream = yield* journal.observe()
      const seen = yield* Effect.forkChild(
        Stream.runCollect(Stream.takeUntil(stream, (event) => event.type === "fanout.closed"))
      )
      yield* reportOf(crowd).pipe(on(journal))
      assert.deepStrictEqual(
        (yield* Fiber.join(seen)).map((event) => event.seq),
        journal.events.map((event) => event.seq)
      )
    })
  )

  it.effect("that is too slow misses events, is told how many, and never blocks the run (P3)", () =>
    Effect.gen(function* () {
      const journal = Journal.memory()
      const stream = yield* journal.observe({ capacity: 4 })
      const report = yield* reportOf(crowd).pipe(on(journal))
      assert.strictEqual(report.status, "succeeded")
      const reader = yield* Effect.forkChild(
        Stream.runCollect(Stream.takeUntil(stream, (event) => event.type === "journal.dropped"))
      )
      yield* TestClock.adjust(0)
      const missed = journal.events.length - 4
      yield* reportOf(ok(1)).pipe(on(journal))
      const seen = yield* Fiber.join(reader)
      const notice = seen.at(-1)!
      assert.deepStrictEqual(
        seen.slice(0, 4).map((event) => event.seq),
        [0, 1, 2, 3]
      )
      assert.strictEqual(notice.type === "journal.dropped" && notice.count, missed)
    })
  )
})
