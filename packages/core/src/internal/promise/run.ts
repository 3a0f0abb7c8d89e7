/**
 * Runs a plan for somebody who awaits a promise: from data to a fan-out, and from its report to the plain one.
 */
import * as Effect from "effect/Effect"
import * as Fanout from "../../Fanout.ts"
import * as Journal from "../../Journal.ts"
import * as CorePlan from "../../Plan.ts"
import * as PlanDocument from "../../PlanDocument.ts"
import { PlanError } from "../../PlanError.ts"
import * as CoreReport from "../../Report.ts"
import type * as CoreTool from "../../Tool.ts"
import * as json from "../json.ts"
import { checkOptions, isObject, wrong } from "./arguments.ts"
import type { RunEvent } from "./events.ts"
import type { Plan } from "./plan.ts"
import type { CallFailure, Report } from "./report.ts"
import type { Duration } from "./schema.ts"
import type { Tool } from "./tool.ts"
import { isTool } from "./toolOf.ts"
import { listsOf, plainFailure, plainValue } from "./value.ts"

/**
 * @since 0.1.0
 */
export interface RunOptions {
  /** Every tool that the plan calls; more are allowed. */
  readonly tools: ReadonlyArray<Tool>
  /** Aborted, it stops everything; the report comes when all has drained, or been left behind. Aborted already, nothing starts. */
  readonly signal?: AbortSignal
  /** From a stop to its bound; what has not ended by then is left behind. Default 2 seconds. */
  readonly drain?: Duration
  /** For compensations. Default 5 seconds. */
  readonly undo?: Duration
  /** How many attempts run at the same time. Default 8. */
  readonly concurrency?: number
  /** Per attempt, where neither the call nor its tool says otherwise. Default 30 seconds. */
  readonly timeout?: Duration
  /** Default: a new one. */
  readonly runId?: string
  /** Sees every event of the journal, in order, as it happens. It is never waited for, and what it throws is ignored. */
  readonly onEvent?: (event: RunEvent) => unknown
}

const known = ["tools", "signal", "drain", "undo", "concurrency", "timeout", "runId", "onEvent"]
const settings = ["drain", "undo", "concurrency", "timeout"] as const

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
  const chosen: Record<string, unknown> = { runId }
  for (const key of settings) if (options[key] !== undefined) chosen[key] = options[key]
  const isDocument = isObject(plan) && (Object.hasOwn(plan, "toolscope") || Object.hasOwn(plan, "plan"))
  const document = isDocument ? plan : { toolscope: 1, plan }
  const refusedOr = decode(document, options.tools, chosen).pipe(
    Effect.flatMap((decoded) => {
      const root = CorePlan.toNode(decoded.plan)
      const lists = listsOf(document.plan, root)
      const limits = { ...decoded.settings, ...chosen }
      return Effect.map(launch(decoded.plan, limits, options.signal), (report) =>
        plainReport(report, () => plainValue(root, lists, report))
      )
    }),
    Effect.catchTag("PlanError", ({ faults }) => Effect.succeed(CoreReport.refused(runId, faults)))
  )
  return Effect.runPromise(Effect.provideService(refusedOr, Journal.Current, journalOf(options.onEvent)))
}

/** Faults of the plan and of the options come together. */
const decode = (document: unknown, tools: ReadonlyArray<Tool>, chosen: Fanout.Options) =>
  Effect.catchTag(PlanDocument.decode(document, tools as never as ReadonlyArray<CoreTool.Any>), "PlanError", (error) =>
    Effect.matchEffect(Effect.provideService(Fanout.run(CorePlan.all({}), chosen), Journal.Current, undefined), {
      onFailure: (other) =>
        Effect.fail(other._tag === "PlanError" ? new PlanError({ faults: [...error.faults, ...other.faults] }) : error),
      onSuccess: () => Effect.fail(error)
    })
  )

const launch = (
  plan: CorePlan.Any,
  limits: Fanout.Options,
  signal: AbortSignal | undefined
): Effect.Effect<CoreReport.Report, PlanError> =>
  Effect.suspend(() => {
    let ignore = () => {}
    const started = Fanout.startStoppable(plan, limits, (stop) => {
      if (signal === undefined) return
      const onAbort = () => {
        stop(reasonOf(signal))
      }
      if (signal.aborted) {
        onAbort()
        return
      }
      signal.addEventListener("abort", onAbort, { once: true })
      ignore = () => {
        signal.removeEventListener("abort", onAbort)
      }
    }) as Effect.Effect<Fanout.Handle<unknown, unknown>, PlanError, Effect.Services<typeof Effect.scope>>
    return Effect.ensuring(
      Effect.scoped(Effect.flatMap(started, (handle) => handle.report)),
      Effect.sync(() => {
        ignore()
      })
    )
  })

const reasonOf = ({ reason }: AbortSignal): string =>
  typeof reason === "string" ? reason : reason instanceof Error ? reason.message : "the signal was aborted"

const journalOf = (onEvent: RunOptions["onEvent"]): Journal.Journal =>
  Journal.make({
    write: (event) => {
      if (onEvent === undefined) return
      try {
        void Promise.resolve(onEvent(event as RunEvent)).catch(() => {})
      } catch {
        // an observer changes nothing
      }
    },
    flush: Effect.void
  })

const plainReport = (report: CoreReport.Report, value: () => unknown): Report => {
  const { value: _, ...rest } = report
  const { calls, ...data } = CoreReport.toJson(rest)
  const plain = {
    ...data,
    ...("value" in report ? { value: value() } : {}),
    calls: calls.map((call, i) => {
      const { afterStop, outcome } = report.calls[i]!
      const causes: Record<string, CallFailure> = {}
      if ("error" in outcome) causes.error = plainFailure(outcome.error, call.error)
      if (afterStop !== undefined) causes.afterStop = plainFailure(afterStop, call.afterStop)
      return { ...call, ...causes }
    })
  }
  // the value is the tools' own; written as JSON, the report has its public form
  const toJSON = () => ("value" in plain ? { ...plain, value: json.sanitize(plain.value) } : { ...plain })
  return Object.defineProperty(plain, "toJSON", { value: toJSON }) as unknown as Report
}

const newRunId = (): string =>
  `run_${Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => (byte & 31).toString(32)).join("")}`

const check = (options: RunOptions): void => {
  checkOptions("run()", options, known)
  const { onEvent, runId, signal, tools } = options as Partial<RunOptions>
  if (!Array.isArray(tools)) throw wrong("run()", "tools is a list of tools", { value: tools })
  tools.forEach((tool: unknown, i) => {
    if (!isTool(tool)) throw wrong("run()", `tools[${i}] is a tool, made by tool()`, { value: tool })
  })
  if (signal !== undefined && !(isObject(signal) && typeof signal.addEventListener === "function")) {
    throw wrong("run()", "signal is an AbortSignal", { value: signal })
  }
  if (onEvent !== undefined && typeof onEvent !== "function") {
    throw wrong("run()", "onEvent is a function", { value: onEvent })
  }
  if (runId !== undefined && (typeof runId !== "string" || runId === "")) {
    throw wrong("run()", "runId is text, not empty", { value: runId })
  }
}
