/**
 * **Laws**: what must hold in every journal, each a predicate with an id and a name. A law that a run breaks names the events that break it.
 *
 * Where there is a ledger, what the tools wrote down themselves is held against what the runtime says. The laws know the format of the
 * journal and the meaning of the policies; they use nothing of the runtime's own code.
 *
 * @since 0.1.0
 */
import type { Journal } from "@toolscope/core"
import * as attribution from "./internal/laws/attribution.ts"
import * as budgets from "./internal/laws/budgets.ts"
import * as decisions from "./internal/laws/decisions.ts"
import * as effects from "./internal/laws/effects.ts"
import * as gate from "./internal/laws/gate.ts"
import { law, type Law, type Violation } from "./internal/laws/law.ts"
import * as lifecycle from "./internal/laws/lifecycle.ts"
import { makeIndex, type Run } from "./internal/laws/run.ts"
import * as questions from "./internal/laws/questions.ts"
import * as sessions from "./internal/laws/sessions.ts"
import { show as showViolation } from "./internal/laws/show.ts"
import { Whole } from "./internal/laws/whole.ts"
import * as undo from "./internal/laws/undo.ts"
import type { Ledger, Record } from "./Ledger.ts"

export type {
  /**
   * A predicate over one run.
   *
   * @since 0.1.0
   */
  Law,
  /**
   * A law that a run breaks: its id, one sentence, and the events and records that break it.
   *
   * @since 0.1.0
   */
  Violation
} from "./internal/laws/law.ts"

export type {
  /**
   * One run of a journal, as {@link runs} makes it.
   *
   * @since 0.1.0
   */
  Run
} from "./internal/laws/run.ts"

/**
 * All laws, by id: `G…` are the guarantees, `L…` the laws that other systems of structured concurrency have, `Z…` cases that none of them
 * has, `C1` is about the tools. `docs/laws.md` lists what each looks at.
 *
 * @since 0.1.0
 */
export const all: ReadonlyArray<Law> = [
  lifecycle.owned,
  lifecycle.bounded,
  attribution.attributed,
  decisions.orderFree,
  lifecycle.neverStarted,
  effects.known,
  lifecycle.fenced,
  sessions.oneCohort,
  budgets.withinBudget,
  questions.askedAndClosed,
  attribution.explainable,
  lifecycle.closesLast,
  lifecycle.beganInTime,
  lifecycle.stoppedOnce,
  gate.runsToItsEnd,
  attribution.neverDelivered,
  lifecycle.firstEndWins,
  attribution.planOrder,
  attribution.everyFailureKept,
  attribution.firstReasonStays,
  decisions.decidedOnce,
  attribution.partial,
  attribution.advisories,
  attribution.neverConfused,
  attribution.cleanup,
  lifecycle.admission,
  lifecycle.oneDrain,
  lifecycle.concurrency,
  lifecycle.closes,
  lifecycle.inOrder,
  gate.nothingAfterAStop,
  effects.repeats,
  undo.undone,
  undo.neverSilent,
  effects.honest
]

/**
 * @since 0.1.0
 */
export interface Options {
  /** What the tools wrote down: a ledger, or its records. Records of other runs are left aside. */
  readonly ledger?: Pick<Ledger, "records"> | ReadonlyArray<Record>
  /** How many milliseconds times may be off. Default 0, which is right for virtual time; real clocks need some 50. */
  readonly tolerance?: number
  /** Runs may still be going on: one that has not closed is no violation. Default `false`. */
  readonly incomplete?: boolean
  /** Only these laws, by id. Default: {@link all}. */
  readonly laws?: ReadonlyArray<string>
}

/**
 * The runs of a journal, which may be interleaved, each with its own events and records.
 *
 * @since 0.1.0
 */
export const runs = (journal: ReadonlyArray<Journal.Event>, options: Options = {}): ReadonlyArray<Run> => {
  return [...wholeOf(journal, options).runs.values()]
}

/** Milliseconds that are no time: clocks count nanoseconds, and floats round. */
const rounding = 1e-6

const wholeOf = (journal: ReadonlyArray<Journal.Event>, options: Options): Whole => {
  const { incomplete = false, ledger } = options
  const tolerance = (options.tolerance ?? 0) + rounding
  const whole = new Whole(journal)
  const byRun = [...whole.all]
  const records = ledger === undefined ? undefined : "records" in ledger ? ledger.records : ledger
  for (const [id, events] of byRun) {
    const mine = records?.filter(({ run }) => (run === undefined ? byRun.length === 1 : whole.idOf(run) === id))
    const index = makeIndex(
      events,
      mine,
      (call) => ({
        all: whole.eventsInside(id, call),
        // of one that was left behind it is not said what came of the fan-outs inside of it
        certain: whole.eventsInside(id, call, (run) => !whole.outlives(run))
      }),
      (a, b) => whole.place(a) - whole.place(b)
    )
    whole.runs.set(id, { id, events, ledger: mine, tolerance, incomplete, index, whole })
  }
  whole.addSessions({ tolerance, incomplete })
  return whole
}

/** What keeps a run, or a session, from being checked at all. */
const whole = law(
  "G11",
  "Explainable",
  "The journal is whole.",
  (run, complain) => {
    const opened = run.events.filter(({ type }) => type === "fanout.opened")
    const dropped = run.events.filter(({ type }) => type === "journal.dropped")
    if (opened.length === 0) complain("it has no opening, so nothing can be said of it", run.events.slice(0, 1))
    if (opened.length > 1) complain("it was opened more than once: two runs have one id", opened)
    if (dropped.length > 0) complain("events were dropped, so nothing can be said of it", dropped)
    if (opened.length === 1 && run.index.nodes.length === 0) complain("its plan cannot be read", opened)
  },
  ({ cohorts, events, opened }, complain) => {
    const openings = events.filter(({ type }) => type === "session.opened")
    const runs = cohorts.map(({ index }) => index.opened)
    if (opened === undefined)
      complain("the session has no opening, so nothing can be said of it", [events[0] ?? runs[0]])
    if (openings.length > 1) complain("it was opened more than once: two sessions have one id", openings)
  }
)

/**
 * What is wrong with a journal: every law that a run of it breaks, in the order of {@link all}. Empty if nothing is.
 *
 * A run whose journal is not whole (no opening, dropped events) cannot be checked, and is reported as that alone.
 *
 * @example
 * ```ts
 * import { Contract, Fanout, Journal, Plan } from "@toolscope/core"
 * import { Laws } from "@toolscope/testing"
 * import * as Effect from "effect/Effect"
 *
 * const journal = Journal.memory()
 * const plan = Plan.effect(Effect.succeed(1), Contract.readOnly)
 * await Effect.runPromise(Effect.provideService(Fanout.run(plan), Journal.Current, journal))
 * console.log(Laws.check(journal.events, { tolerance: 50 })) // => []
 * ```
 *
 * @since 0.1.0
 */
export const check = (journal: ReadonlyArray<Journal.Event>, options: Options = {}): ReadonlyArray<Violation> => {
  const { laws } = options
  const unknown = laws?.filter((id) => !all.some((law) => law.id === id)) ?? []
  if (unknown.length > 0)
    throw new Error(
      `Laws.check: no law is called ${unknown.join(", ")}; there are ${all.map(({ id }) => id).join(", ")}`
    )
  const chosen = laws === undefined ? all : all.filter(({ id }) => laws.includes(id))
  const { runs, sessions } = wholeOf(journal, options)
  const ofRuns = [...runs.values()].flatMap((run) => {
    if (run.whole.isTangled(run.id)) return []
    const missing = whole.check(run)
    return missing.length > 0 ? missing : chosen.flatMap((law) => law.check(run))
  })
  const ofSessions = [...sessions.values()].flatMap((session) => {
    const missing = whole.checkSession!(session)
    return missing.length > 0 ? missing : chosen.flatMap((law) => law.checkSession?.(session) ?? [])
  })
  return [...ofRuns, ...ofSessions]
}

/**
 * A violation as text: its law and sentence, then the events that break it, one per line.
 *
 * @since 0.1.0
 */
export const show: (violation: Violation) => string = showViolation

/**
 * Throws an error that shows all violations of a journal, if there are any. It works in Vitest and in any other runner.
 *
 * @since 0.1.0
 */
export const expectLaws = (journal: ReadonlyArray<Journal.Event>, options: Options = {}): void => {
  const violations = check(journal, options)
  if (violations.length === 0) return
  const count = violations.length === 1 ? "" : ` in ${violations.length} places`
  throw new Error([`the laws are broken${count}`, ...violations.map(show)].join("\n\n"))
}
