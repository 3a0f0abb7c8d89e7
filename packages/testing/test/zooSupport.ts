/**
 * Runs a plan in virtual time, small step by small step so that promises keep up, and gives back all that can be known about it.
 */
import { Fanout, Journal, type Plan, Quarantine, type Report } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as Ledger from "@toolscope/testing/Ledger"

export interface Observed {
  readonly journal: ReadonlyArray<Journal.Event>
  readonly ledger: ReadonlyArray<Ledger.Record>
  /** `undefined`: it never closed. */
  readonly report: Report.Report | undefined
}

/** Virtual milliseconds; promises and what they resolve get their turn after each step. */
const advance = (millis: number, step: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let left = millis; left > 0; left -= step) {
      yield* TestClock.adjust(Math.min(step, left))
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    }
  })

export const observe = (
  plan: Plan.Plan<unknown, unknown>,
  { flush = 0, ...options }: Fanout.Options & { readonly flush?: number } = {},
  stopAt?: number
): Effect.Effect<Observed> =>
  Effect.gen(function* () {
    const events: Array<Journal.Event> = []
    const journal = Journal.make({
      write: (event) => void events.push(event),
      // a journal that takes its time holds up every start
      flush: flush === 0 ? Effect.void : Effect.sleep(flush)
    })
    const ledger = Ledger.memory()
    const handle = yield* Fanout.start(plan, {
      runId: "r",
      drain: "40 millis",
      undo: "60 millis",
      timeout: "1500 millis",
      ...options
    }).pipe(
      Effect.provideService(Journal.Current, journal),
      Effect.provideService(Ledger.Current, ledger),
      Effect.provideService(Quarantine.Current, Quarantine.make())
    )
    const report = yield* Effect.forkChild(handle.report)
    if (stopAt !== undefined) {
      yield* advance(stopAt, 5)
      yield* Effect.forkChild(handle.stop(), { startImmediately: true })
    }
    yield* advance(100, 5)
    yield* advance(160, 20)
    yield* advance(6_000, 500)
    const exit = report.pollUnsafe()
    yield* Fiber.interrupt(report)
    return {
      journal: events,
      ledger: ledger.records,
      report: exit !== undefined && exit._tag === "Success" ? exit.value : undefined
    }
  }).pipe(Effect.scoped, Effect.orDie)

export const orThrow = <A>(a: A | undefined, what: string): A =>
  Option.getOrThrowWith(Option.fromUndefinedOr(a), () => new Error(what))
