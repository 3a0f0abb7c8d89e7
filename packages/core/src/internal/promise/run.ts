/**
 * Runs a plan for somebody who awaits a promise.
 */
import * as Effect from "effect/Effect"
import * as Journal from "../../Journal.ts"
import { checkOptions } from "./arguments.ts"
import type { RunEvent } from "./events.ts"
import {
  checkFunction,
  checkSignal,
  checkText,
  checkTools,
  journalOf,
  knownOptions,
  launch,
  prepare,
  refused,
  settingsOf,
  Tools
} from "./fanout.ts"
import type { FanoutOptions } from "./fanoutTypes.ts"
import type { Plan } from "./plan.ts"
import type { Report } from "./report.ts"
import type { Tool } from "./tool.ts"

/**
 * @since 0.1.0
 */
export interface RunOptions extends FanoutOptions {
  /** Every tool that the plan calls; more are allowed. */
  readonly tools: ReadonlyArray<Tool>
  /** Default: a new one. */
  readonly runId?: string
  /** Sees every event of the journal, in order, as it happens. It is never waited for, and what it throws is ignored. */
  readonly onEvent?: (event: RunEvent) => unknown
}

const known = [...knownOptions, "runId", "onEvent"]

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
    Effect.flatMap((prepared) => Effect.map(launch(prepared.plan, prepared.settings, options.signal), prepared.plain)),
    Effect.catchTag("PlanError", (error) => Effect.succeed(refused(runId, error))),
    Effect.provideService(Journal.Current, journalOf(options.onEvent)),
    Effect.provideService(Tools, options.tools)
  )
  return Effect.runPromise(refusedOr)
}

const newRunId = (): string =>
  `run_${Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => (byte & 31).toString(32)).join("")}`

const check = (options: RunOptions): void => {
  checkOptions("run()", options, known)
  const { onEvent, runId, signal, tools } = options as Partial<RunOptions>
  checkTools("run()", tools)
  checkSignal("run()", signal)
  checkFunction("run()", "onEvent", onEvent)
  checkText("run()", "runId", runId)
}
