/**
 * A **simulation** runs whole fan-outs in a world of their own and checks every law on what they leave: generated plans over hostile tools,
 * ended by their owner at any moment, under a scheduler that lets the fibers run in any order.
 *
 * One seed is one run: plan, behaviours, interruption and order all follow from it, time is virtual, and the same seed leaves the same
 * journal, byte for byte. A run never takes real time and never touches anything outside.
 *
 * @since 0.1.0
 */
import type { Journal, PlanError } from "@toolscope/core"
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import { type Bounds, type Scenario, scenarios, sessions, type SessionScenario } from "./Arbitraries.ts"
import { run as simulate, type Trace } from "./internal/simulation/run.ts"
import { runSession as simulateSession, type SessionTrace, wrongExits } from "./internal/simulation/session.ts"
import { smaller, smallerSession } from "./internal/simulation/shrink.ts"
import * as Laws from "./Laws.ts"
import type { Ledger } from "./Ledger.ts"

/**
 * What one run left.
 *
 * @since 0.1.0
 */
export interface Run {
  readonly scenario: Scenario
  /** In the order of their making; also what came after the fan-out had closed. */
  readonly events: ReadonlyArray<Journal.Event>
  /** What the tools wrote down themselves. */
  readonly ledger: Ledger
  /** How the owner's fiber ended. Absent if it never did, which is a violation. */
  readonly exit: Exit.Exit<unknown, unknown> | undefined
  /** Empty if every law holds. */
  readonly violations: ReadonlyArray<Laws.Violation>
  /** Moments at which the owner could have ended it: what `step` counts. */
  readonly steps: number
}

/**
 * @since 0.1.0
 */
export interface Options extends Bounds {
  /** Only these laws, by id. Default: all. */
  readonly laws?: ReadonlyArray<string>
}

/**
 * The scenario of a seed. `depth` and `width` belong to it: with others, the same seed means another scenario.
 *
 * @since 0.1.0
 */
export const scenarioOf = (seed: number, bounds: Bounds = {}): Effect.Effect<Scenario> =>
  Effect.map(Effect.orDie(Arbitrary.sampleEffect(scenarios(bounds), { count: 1, seed, size })), (all) => all[0]!)

const size = 5

/**
 * Runs a scenario and checks the laws. Fails only where the plan of the scenario is refused.
 *
 * @example
 * ```ts
 * import { Simulation } from "@toolscope/testing"
 * import * as Effect from "effect/Effect"
 *
 * const run = await Effect.runPromise(
 *   Simulation.run({
 *     tools: { reads: { contract: "readOnly" } },
 *     plan: { toolscope: 1, plan: { call: "reads", params: { then: "never", deaf: true } } },
 *     interruption: { by: "interrupt", at: { millis: 5 } },
 *     schedule: { order: "any", seed: 1 }
 *   })
 * )
 * console.log(run.violations.length, run.events.at(-1)?.time) // => 0 2005
 * ```
 *
 * @since 0.1.0
 */
export const run = (scenario: Scenario, options: Options = {}): Effect.Effect<Run, PlanError.PlanError> =>
  Effect.map(simulate(scenario), (trace) => ({
    scenario,
    events: trace.events,
    ledger: trace.ledger,
    exit: trace.exit,
    violations: [...ownLaws(trace), ...Laws.check(trace.events, { ...options, ledger: trace.ledger })],
    steps: trace.steps
  }))

/** What a journal cannot show, because the owner who waited is not in it. */
const ownLaws = ({ drain, endedAt, events, exit, hang, returnedAt, undo }: Trace): ReadonlyArray<Laws.Violation> => {
  const violations: Array<Laws.Violation> = []
  const broken = (law: string, name: string, message: string) =>
    violations.push({ law, name, run: "run", openedAt: 0, message, events: events.slice(-1), records: [] })
  if (hang !== undefined) {
    broken(
      "S1",
      "The owner gets its answer",
      `${exit === undefined ? "it" : "what it left behind"} never ended: ${hang}`
    )
  }
  const undoes = events.some(({ type }) => type.startsWith("effect.compensat"))
  // nobody can end what is suspended, and its owner may resume it
  const isResumed = events.some(
    ({ time, type }) => type === "fanout.resumed" && endedAt !== undefined && time >= endedAt
  )
  if (
    !isResumed &&
    endedAt !== undefined &&
    returnedAt !== undefined &&
    returnedAt > endedAt + drain + (undoes ? undo : 0)
  ) {
    broken(
      "S2",
      "The owner waits no longer",
      `ended at ${endedAt} ms, it returned at ${returnedAt} ms: drain is ${drain} ms, undo ${undo} ms`
    )
  }
  if (exit?._tag === "Failure" && exit.cause.reasons.some(Cause.isDieReason)) {
    broken("S3", "The owner sees no defect", Cause.pretty(exit.cause))
  }
  return violations
}

/**
 * What a whole session left.
 *
 * @since 0.1.0
 */
export interface SessionRun extends Omit<Run, "scenario" | "steps"> {
  readonly scenario: SessionScenario
}

/**
 * The session of a seed: a planner that changes its mind, under small budgets.
 *
 * @since 0.1.0
 */
export const sessionOf = (seed: number, bounds: Bounds = {}): Effect.Effect<SessionScenario> =>
  Effect.map(Effect.orDie(Arbitrary.sampleEffect(sessions(bounds), { count: 1, seed, size })), (all) => all[0]!)

/**
 * Runs a whole session and checks the laws. Fails only where a plan of it, or what it is allowed, is refused.
 *
 * @since 0.1.0
 */
export const runSession = (
  scenario: SessionScenario,
  options: Options = {}
): Effect.Effect<SessionRun, PlanError.PlanError> =>
  Effect.map(simulateSession(scenario), (trace) => ({
    scenario,
    events: trace.events,
    ledger: trace.ledger,
    exit: trace.exit,
    violations: [...sessionLaws(trace), ...Laws.check(trace.events, { ...options, ledger: trace.ledger })]
  }))

const sessionLaws = ({ events, exit, exits, hang }: SessionTrace): ReadonlyArray<Laws.Violation> => {
  const violations: Array<Laws.Violation> = []
  const broken = (law: string, name: string, message: string) =>
    violations.push({ law, name, run: "session", openedAt: 0, message, events: events.slice(-1), records: [] })
  if (hang !== undefined)
    broken(
      "S1",
      "The owner gets its answer",
      `${exit === undefined ? "it" : "what it left behind"} never ended: ${hang}`
    )
  for (const text of wrongExits([...exits, ...(exit === undefined ? [] : [exit])]))
    broken("S3", "The owner sees no defect", text)
  return violations
}

/**
 * A violation with what replays it.
 *
 * @since 0.1.0
 */
export interface Failure<R = Run> {
  readonly seed: number
  /** The run of the seed, as it was generated. */
  readonly run: R
  /** The smallest run found that still breaks a law that the first one broke. */
  readonly smallest: R
  /** The command that replays the smallest run. */
  readonly replay: string
}

/**
 * Runs the scenario of one seed. Where a law is broken, it is shrunk: fewer calls, tamer tools, no interruption, as long as a law that was
 * broken stays broken.
 *
 * @since 0.1.0
 */
export const runSeed = (seed: number, options: Options = {}): Effect.Effect<Run | Failure> =>
  Effect.orDie(
    Effect.gen(function* () {
      const first = yield* run(yield* scenarioOf(seed, options), options)
      return first.violations.length === 0
        ? first
        : yield* shrink(seed, first, smaller, (scenario) => run(scenario, options))
    })
  )

/**
 * Runs the session of one seed, as {@link runSeed} does a fan-out.
 *
 * @since 0.1.0
 */
export const runSessionSeed = (seed: number, options: Options = {}): Effect.Effect<SessionRun | Failure<SessionRun>> =>
  Effect.orDie(
    Effect.gen(function* () {
      const first = yield* runSession(yield* sessionOf(seed, options), options)
      return first.violations.length === 0
        ? first
        : yield* shrink(seed, first, smallerSession, (scenario) => runSession(scenario, options))
    })
  )

/**
 * @since 0.1.0
 */
export const isFailure = <R extends object>(result: R | Failure<R>): result is Failure<R> => "smallest" in result

/** Runs that a failure may cost. */
const patience = 2_000

const shrink = <S extends Scenario | SessionScenario, R extends { readonly scenario: S } & Pick<Run, "violations">>(
  seed: number,
  first: R,
  smallerOf: (scenario: S) => Iterable<S>,
  run: (scenario: S) => Effect.Effect<R, PlanError.PlanError>
): Effect.Effect<Failure<R>> =>
  Effect.gen(function* () {
    const broken = new Set(first.violations.map(({ law }) => law))
    let smallest = first
    let runs = 0
    for (let shrunk = true; shrunk && runs < patience;) {
      shrunk = false
      for (const candidate of smallerOf(smallest.scenario)) {
        if (runs++ >= patience) break
        const next = yield* Effect.option(run(candidate))
        if (next._tag === "None" || !next.value.violations.some(({ law }) => broken.has(law))) continue
        smallest = next.value
        shrunk = true
        break
      }
    }
    return { seed, run: first, smallest, replay: replayLine(smallest.scenario) }
  })

/**
 * The command that replays a scenario.
 *
 * @since 0.1.0
 */
export const replayLine = (scenario: Scenario | SessionScenario): string =>
  `npm run simulate -- --replay '${JSON.stringify(scenario).replaceAll("'", "'\\''")}'`

/**
 * What a number of seeds came to.
 *
 * @since 0.1.0
 */
export interface Summary {
  readonly seeds: number
  /** Laws that each run was checked against. */
  readonly laws: number
  readonly calls: number
  readonly attempts: number
  readonly events: number
  /** Effects that happened or may have, effects that a stop kept from passing the gate, and undos. */
  readonly effects: number
  readonly refused: number
  readonly undos: number
  /** Runs that their owner ended early. */
  readonly interrupted: number
  /** Questions that were asked, and resumes of what had been suspended. */
  readonly asked: number
  readonly resumed: number
  readonly failures: ReadonlyArray<Failure>
}

/**
 * Runs the scenarios of `count` seeds from `from` (default 0) on. `onRun` is told after each how many are done.
 *
 * @since 0.1.0
 */
export const runSeeds = (
  count: number,
  options: Options & { readonly from?: number; readonly onRun?: (done: number, failures: number) => void } = {}
): Effect.Effect<Summary> =>
  Effect.gen(function* () {
    const failures: Array<Failure> = []
    const total = {
      calls: 0,
      attempts: 0,
      effects: 0,
      refused: 0,
      undos: 0,
      events: 0,
      interrupted: 0,
      asked: 0,
      resumed: 0
    }
    const { from = 0, onRun } = options
    for (let i = 0; i < count; i++) {
      const result = yield* runSeed(from + i, options)
      if (isFailure(result)) failures.push(result)
      const { events } = isFailure(result) ? result.run : result
      total.events += events.length
      for (const event of events) {
        if (event.type === "attempt.started") total.attempts++
        if (event.type === "call.settled") total.calls++
        if (event.type === "effect.committed" || event.type === "effect.unknown") total.effects++
        if (event.type === "effect.refused" && event.reason === "stop") total.refused++
        if (event.type === "effect.compensating") total.undos++
        if (event.type === "fanout.closed" && event.report.status === "interrupted") total.interrupted++
        if (event.type === "question.asked") total.asked++
        if (event.type === "fanout.resumed" && event.inside === undefined) total.resumed++
      }
      onRun?.(i + 1, failures.length)
    }
    return { seeds: count, laws: (options.laws ?? Laws.all).length + 3, ...total, failures }
  })

/**
 * What a number of sessions came to.
 *
 * @since 0.1.0
 */
export interface SessionSummary {
  readonly sessions: number
  /** Fan-outs of planners, and those inside of handlers. */
  readonly cohorts: number
  readonly nested: number
  /** Times that a planner planned anew, or gave up, while something ran. */
  readonly replans: number
  /** Fan-outs that were told to stop, and drained. */
  readonly drains: number
  readonly calls: number
  readonly attempts: number
  readonly events: number
  /** Attempts that a budget or a full line did not let start. */
  readonly unpaid: number
  readonly overloaded: number
  /** Attempts and undos that were left behind, and fan-outs that began in spite of such. */
  readonly leftBehind: number
  readonly overridden: number
  readonly failures: ReadonlyArray<Failure<SessionRun>>
}

/**
 * Runs the sessions of `count` seeds from `from` (default 0) on. `onRun` is told after each how many are done.
 *
 * @since 0.1.0
 */
export const runSessions = (
  count: number,
  options: Options & { readonly from?: number; readonly onRun?: (done: number, failures: number) => void } = {}
): Effect.Effect<SessionSummary> =>
  Effect.gen(function* () {
    const failures: Array<Failure<SessionRun>> = []
    const total = { cohorts: 0, nested: 0, replans: 0, drains: 0, calls: 0, attempts: 0, events: 0 }
    const refused = { unpaid: 0, overloaded: 0 }
    const behind = { leftBehind: 0, overridden: 0 }
    const { from = 0, onRun } = options
    for (let i = 0; i < count; i++) {
      const result = yield* runSessionSeed(from + i, options)
      if (isFailure(result)) failures.push(result)
      const { events } = isFailure(result) ? result.run : result
      total.events += events.length
      for (const event of events) {
        if (event.type === "fanout.opened") total[event.inside === undefined ? "cohorts" : "nested"]++
        if (event.type === "session.replanned") total.replans++
        if (event.type === "fanout.closed" && event.report.status === "interrupted") total.drains++
        if (event.type === "call.settled") total.calls++
        if (event.type === "attempt.started") total.attempts++
        if (event.type === "attempt.refused" && event.reason === "budget") refused.unpaid++
        if (event.type === "attempt.refused" && event.reason === "overloaded") refused.overloaded++
        if (event.type === "attempt.leftBehind") behind.leftBehind++
        if (event.type === "session.overridden") behind.overridden++
      }
      onRun?.(i + 1, failures.length)
    }
    return { sessions: count, ...total, ...refused, ...behind, failures }
  })
