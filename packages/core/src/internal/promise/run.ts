/**
 * Runs a plan for somebody who awaits a promise.
 */
import * as Effect from "effect/Effect"
import * as Fanout from "../../Fanout.ts"
import { checkOptions, checkText } from "./arguments.ts"
import { launch, prepare, settingsOf, type Startable } from "./fanout.ts"
import type { Plan } from "./plan.ts"
import type { Report } from "./report.ts"
import { checkRun, knownOfRun, reported } from "./reported.ts"
import type { RunOptions } from "./runTypes.ts"

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

const newRunId = (): string =>
  `run_${Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => (byte & 31).toString(32)).join("")}`

const check = (options: RunOptions): void => {
  checkOptions("run()", options, [...knownOfRun, "runId"])
  checkRun("run()", options)
  checkText("run()", "runId", options.runId)
}
