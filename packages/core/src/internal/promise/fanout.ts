/**
 * What `run`, sessions, and fan-outs inside of handlers share: from data and options to a plan of the core, and from its report to the
 * plain one.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Fanout from "../../Fanout.ts"
import { FanoutError, type Suspended } from "../../FanoutError.ts"
import * as Journal from "../../Journal.ts"
import * as CorePlan from "../../Plan.ts"
import * as PlanDocument from "../../PlanDocument.ts"
import { PlanError } from "../../PlanError.ts"
import * as CoreReport from "../../Report.ts"
import type * as CoreTool from "../../Tool.ts"
import * as json from "../json.ts"
import { limitsOf } from "../limits.ts"
import { approvalOf, checkApproval } from "./answering.ts"
import { isObject, wrong } from "./arguments.ts"
import type { RunEvent } from "./events.ts"
import type { FanoutOptions } from "./fanoutTypes.ts"
import { plainRefusal } from "./questionErrorOf.ts"
import type { CallFailure, CallReport, Report } from "./report.ts"
import type { Tool } from "./tool.ts"
import { isTool } from "./toolOf.ts"
import { listsOf, plainFailure, plainValue } from "./value.ts"

const settings = ["drain", "undo", "concurrency", "timeout", "budget"] as const
export const knownOptions = ["tools", "signal", "approval", ...settings] as const

/** The tools that a fan-out inside of a handler knows without being told. */
export const Tools: Context.Reference<ReadonlyArray<Tool>> = Context.Reference<ReadonlyArray<Tool>>(
  "@toolscope/core/promise/Tools",
  { defaultValue: () => [] }
)

/** Of two with one name, the nearer one. */
export const withTools = (
  around: ReadonlyArray<Tool>,
  nearer: ReadonlyArray<Tool> | undefined
): ReadonlyArray<Tool> => {
  if (nearer === undefined) return around
  const names = new Set(nearer.map(({ name }) => name))
  return [...nearer, ...around.filter(({ name }) => !names.has(name))]
}

/** The settings among the options; an absent one stays absent, and leaves to the document what it says. */
export const settingsOf = (options: FanoutOptions): Fanout.Options => ({
  ...Object.fromEntries(settings.flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]]))),
  ...(options.approval === undefined ? {} : { approval: approvalOf(options.approval) })
})

export interface Prepared {
  readonly plan: CorePlan.Any
  /** Those of the document, overruled by those that were chosen. */
  readonly settings: Fanout.Options
  readonly plain: (ended: Ended) => Report
}

/** Reads a plan: what the builders make, a NODE, or a document. Faults of the plan and of the options come together. */
export const prepare = (
  plan: unknown,
  tools: ReadonlyArray<Tool>,
  chosen: Fanout.Options
): Effect.Effect<Prepared, PlanError> => {
  const isDocument = isObject(plan) && (Object.hasOwn(plan, "toolscope") || Object.hasOwn(plan, "plan"))
  const document = isDocument ? plan : { toolscope: 1, plan }
  return Effect.matchEffect(PlanDocument.decode(document, tools as never as ReadonlyArray<CoreTool.Any>), {
    onFailure: (error) => {
      const limits = limitsOf(chosen)
      const others = Result.isFailure(limits) ? limits.failure : []
      return Effect.fail(others.length > 0 ? new PlanError({ faults: [...error.faults, ...others] }) : error)
    },
    onSuccess: (decoded) => {
      const root = CorePlan.toNode(decoded.plan)
      const lists = listsOf(document.plan, root)
      return Effect.succeed({
        plan: decoded.plan,
        settings: { ...decoded.settings, ...chosen },
        plain: (ended) => plainReport(ended, () => plainValue(root, lists, ended.report))
      })
    }
  })
}

/** A plan of promise tools: they require nothing. */
export type Startable = CorePlan.Plan<unknown, unknown>

/** What a fan-out came to, and what it can go on from. */
export interface Ended {
  readonly report: CoreReport.Report
  readonly suspended: Suspended<unknown> | undefined
}

type Starting<E> = (ready: (stop: (reason: string) => void) => void) => Effect.Effect<unknown, E, Scope.Scope>

/** Runs what was prepared to its close; `signal` stops it, unless somebody else does for the same reason. */
export const launch = <E>(
  start: Starting<E>,
  signal: AbortSignal | undefined,
  isStopping: (reason: unknown) => boolean = () => false
): Effect.Effect<Ended, E> =>
  Effect.suspend(() => {
    let ignore = () => {}
    const started = start((stop) => {
      if (signal === undefined) return
      ignore = onAbort(signal, () => {
        if (!isStopping(signal.reason)) stop(reasonOf(signal))
      })
    }) as Effect.Effect<Fanout.Handle<unknown, unknown>, E, Scope.Scope>
    const ended = ({ report, result }: Fanout.Handle<unknown, unknown>) =>
      Effect.zipWith(report, Effect.exit(result), (report, exit): Ended => ({ report, suspended: suspensionIn(exit) }))
    return Effect.ensuring(
      Effect.scoped(Effect.flatMap(started, ended)),
      Effect.sync(() => {
        ignore()
      })
    )
  })

export const suspensionIn = (exit: Exit.Exit<unknown, unknown>): Suspended<unknown> | undefined => {
  const error = Exit.isFailure(exit) ? Cause.findErrorOption(exit.cause) : undefined
  if (error?._tag !== "Some" || !(error.value instanceof FanoutError)) return undefined
  const { reason } = error.value as FanoutError<unknown>
  return reason._tag === "Suspended" ? reason : undefined
}

/** Calls `listener` when the signal is aborted, at once if it has been; returns what forgets it. */
export const onAbort = (signal: AbortSignal, listener: () => void): (() => void) => {
  if (signal.aborted) {
    listener()
    return () => {}
  }
  signal.addEventListener("abort", listener, { once: true })
  return () => {
    signal.removeEventListener("abort", listener)
  }
}

export const reasonOf = ({ reason }: AbortSignal): string =>
  typeof reason === "string" ? reason : reason instanceof Error ? reason.message : "the signal was aborted"

/** A journal that keeps nothing, and tells an observer, who changes nothing. */
export const journalOf = (
  onEvent: ((event: RunEvent) => unknown) | undefined,
  before: (event: Journal.Event) => void = () => {}
): Journal.Journal => {
  const tell = (event: Journal.Event) => {
    if (onEvent === undefined) return
    try {
      void Promise.resolve(onEvent(event as RunEvent)).catch(() => {})
    } catch {
      // an observer changes nothing
    }
  }
  const journal = Journal.make({
    write: (event) => {
      before(event)
      tell(event)
    },
    flush: Effect.void
  })
  const show = (draft: Journal.Draft) => {
    journal.show(draft)
    tell(draft)
  }
  return { ...journal, show }
}

export const refused = (runId: string, { faults }: PlanError): Report =>
  CoreReport.refused(runId, faults) as unknown as Report

const plainReport = ({ report, suspended }: Ended, value: () => unknown): Report => {
  const { value: _, ...rest } = report
  const { calls, ...data } = CoreReport.toJson(rest)
  const common = {
    ...data,
    ...("value" in report ? { value: value() } : {}),
    calls: calls.map((call, i) => withCauses(call, report.calls[i]!))
  }
  // the value is the tools' own; written as JSON, the report has its public form
  const toJSON = () => ("value" in common ? { ...common, value: json.sanitize(common.value) } : { ...common })
  const { refused = [], snapshot } = suspended ?? {}
  const plain = snapshot === undefined ? common : { ...common, snapshot, refused: refused.map(plainRefusal) }
  return Object.defineProperty(plain, "toJSON", { value: toJSON }) as unknown as Report
}

/** A call that has settled while its fan-out goes on. */
export const plainCall = (call: CoreReport.CallReport): CallReport => {
  const around = {
    runId: "",
    status: "succeeded",
    calls: [call],
    nodes: [],
    drained: true,
    drainMillis: 0,
    budget: {},
    questions: []
  }
  return withCauses(CoreReport.toJson(around as CoreReport.Report).calls[0]!, call)
}

/** What a tool rejected with or threw stands beside its error, as it is. */
const withCauses = (call: CoreReport.Json["calls"][number], { afterStop, outcome }: CoreReport.CallReport) => {
  const causes: Record<string, CallFailure> = {}
  if ("error" in outcome) causes.error = plainFailure(outcome.error, call.error)
  if (afterStop !== undefined) causes.afterStop = plainFailure(afterStop, call.afterStop)
  return { ...call, ...causes } as unknown as CallReport
}

export const checkTools = (where: string, tools: unknown): void => {
  if (!Array.isArray(tools)) throw wrong(where, "tools is a list of tools", { value: tools })
  tools.forEach((tool: unknown, i) => {
    if (!isTool(tool)) throw wrong(where, `tools[${i}] is a tool, made by tool()`, { value: tool })
  })
}

export const checkSignal = (where: string, signal: unknown): void => {
  if (signal !== undefined && !(isObject(signal) && typeof signal.addEventListener === "function")) {
    throw wrong(where, "signal is an AbortSignal", { value: signal })
  }
}

/** What every fan-out can be given, wherever it is started. */
export const checkFanout = (where: string, { approval, signal, tools }: FanoutOptions): void => {
  if (tools !== undefined) checkTools(where, tools)
  checkSignal(where, signal)
  checkApproval(where, approval)
}
