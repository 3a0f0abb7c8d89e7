/**
 * Runs a plan for somebody who awaits a promise.
 */
import * as Effect from "effect/Effect"
import * as Fanout from "../../Fanout.ts"
import * as Journal from "../../Journal.ts"
import type { PlanError } from "../../PlanError.ts"
import { checkQuestionOptions, checkSomebodyAnswers, provideQuestions, questionOptions } from "./answering.ts"
import { checkFunction, checkOptions, checkText } from "./arguments.ts"
import type { RunEvent } from "./events.ts"
import {
  checkFanout,
  checkTools,
  journalOf,
  knownOptions,
  launch,
  prepare,
  refused,
  settingsOf,
  type Startable,
  Tools
} from "./fanout.ts"
import type { FanoutOptions } from "./fanoutTypes.ts"
import type { Plan } from "./plan.ts"
import type { QuestionOptions } from "./question.ts"
import type { Report } from "./report.ts"
import type { Tool } from "./tool.ts"

/**
 * @since 0.1.0
 */
export interface RunOptions extends FanoutOptions, QuestionOptions {
  /** Every tool that the plan calls; more are allowed. */
  readonly tools: ReadonlyArray<Tool>
  /** Default: a new one. */
  readonly runId?: string
  /** Sees every event of the journal, in order, as it happens. It is never waited for, and what it throws is ignored. */
  readonly onEvent?: (event: RunEvent) => unknown
}

export const knownOfRun = [...knownOptions, ...questionOptions, "onEvent"]

/**
 * Runs a plan, and gives its report. It waits until every started call has ended, or has been left behind at its bound.
 *
 * The plan is what the builders make, or a NODE or a whole document of the public plan format, for example from `JSON.parse`; what a
 * document sets is overruled by the options.
 *
 * The promise is fulfilled however the plan ends: look at `status`. A plan that is refused (unknown tools, bad parameters, a quorum
 * that cannot be reached …) gives `"refused"`, with all faults, and nothing was started. It is rejected with a `TypeError` only for
 * what is wrong in the program: options that are missing, misspelt or of the wrong kind.
 *
 * @example
 * ```ts
 * import { call, contract, quorum, run, tool } from "@toolscope/core/promise"
 *
 * const ask = (name: string, answer: number) => tool({ name, contract: contract.readOnly, execute: async () => answer })
 * const [a, b, c] = [ask("a", 1), ask("b", 2), ask("c", 3)]
 * const report = await run(quorum(2, [call(a), call(b), call(c)]), { tools: [a, b, c] })
 * console.log(report.status, report.value, report.drained) // => succeeded [ 1, 2 ] true
 * ```
 *
 * @since 0.1.0
 */
export const run: {
  <A, O>(plan: Plan<A, O>, options: RunOptions): Promise<Report<A>>
  (plan: unknown, options: RunOptions): Promise<Report>
} = async (plan: unknown, options: RunOptions): Promise<any> => {
  check(options)
  const runId = options.runId ?? newRunId()
  const refusedOr = prepare(plan, options.tools, { ...settingsOf(options), runId }).pipe(
    Effect.flatMap((prepared) => {
      const start = (ready: (stop: (reason: string) => void) => void) =>
        Fanout.startStoppable(prepared.plan as Startable, prepared.settings, ready)
      return Effect.map(launch(start, options.signal), prepared.plain)
    })
  )
  return Effect.runPromise(reported(refusedOr, runId, options))
}

/** A plan that is refused has a report too. */
export const reported = <E>(
  run: Effect.Effect<Report, E | PlanError>,
  runId: string,
  options: RunOptions
): Effect.Effect<Report, Exclude<E, PlanError>> =>
  provideQuestions(
    Effect.catchIf(
      run,
      (error): error is PlanError => (error as { readonly _tag?: unknown })._tag === "PlanError",
      (error) => Effect.succeed(refused(runId, error))
    ) as Effect.Effect<Report, Exclude<E, PlanError>>,
    options
  ).pipe(
    Effect.provideService(Journal.Current, journalOf(options.onEvent)),
    Effect.provideService(Tools, options.tools)
  )

const newRunId = (): string =>
  `run_${Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => (byte & 31).toString(32)).join("")}`

const check = (options: RunOptions): void => {
  checkOptions("run()", options, [...knownOfRun, "runId"])
  checkRun("run()", options)
  checkText("run()", "runId", options.runId)
}

export const checkRun = (where: string, options: Partial<RunOptions>): void => {
  checkTools(where, options.tools)
  checkFanout(where, options)
  checkFunction(where, "onEvent", options.onEvent)
  checkQuestionOptions(where, options)
  checkSomebodyAnswers(where, options)
}
