/**
 * The **report** of a fan-out: every call of the plan in plan order with its outcome, every node's decision, and whether everything
 * had drained. It is derived when the fan-out closes.
 *
 * The value form carries the tools' own values and errors; {@link toJson} gives the public JSON form (`toolscope schema report`).
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { CallError } from "./CallError.ts"
import { Entry, type Shortage, type Usage } from "./Budget.ts"
import * as Contract from "./Contract.ts"
import type { Decision, Policy } from "./Decision.ts"
import * as json from "./internal/json.ts"
import type { Outcome } from "./Outcome.ts"
import { Json as QuestionJson, type Question } from "./Question.ts"

/**
 * Why a call was asked to stop. The first reason stays.
 *
 * - `policy`: enough have answered · `sibling`: one that was needed cannot succeed any more · `grace`: an advisory's time was up
 * - `deadline`, `timeout`: as they say · `parent`: the fan-out's owner was interrupted · `user`: somebody asked
 * - `budget`, `replan`: of sessions · `suspend`: the fan-out goes on elsewhere; of attempts only, no call is stopped by it
 *
 * @since 0.1.0
 */
export interface StopReason {
  readonly source:
    "policy" | "sibling" | "grace" | "deadline" | "timeout" | "budget" | "replan" | "parent" | "user" | "suspend"
  /** Path of the call that gave rise to it, the first in plan order; absent where no call did. */
  readonly call?: string
  /** For people. */
  readonly reason: string
}

/**
 * What is known of an effect of a call.
 *
 * @since 0.1.0
 */
export interface EffectReport {
  /** Idempotency key: run, call and ordinal of the commit. */
  readonly key: string
  readonly state: "committed" | "compensated" | "compensationFailed" | "unknown"
  /** Why it could not be undone. */
  readonly error?: string
}

/**
 * @since 0.1.0
 */
export interface CallReport<out A = unknown, out E = unknown> {
  /** Path in the plan, `/` for a call at the root. */
  readonly id: string
  readonly tool: string
  readonly contract: Contract.Contract
  readonly outcome: Outcome<A, E>
  readonly verdict: "succeeded" | "failed" | "none"
  /** Its verdict is success, and every ancestor succeeded and counted it. */
  readonly used: boolean
  /** How many attempts were started. */
  readonly attempts: number
  readonly effects: ReadonlyArray<EffectReport>
  readonly stoppedBy?: StopReason
  /** An attempt had not ended at the bound; it is fenced, and kept in the quarantine. */
  readonly leftBehind: boolean
  /** An error that the call ended with after it had been stopped. */
  readonly afterStop?: E | CallError
  /** A failure or defect of its cleanup. It changes nothing else. */
  readonly cleanup?: string
  /** Attempts that answered after they had been left behind, while the fan-out was still open. */
  readonly late?: ReadonlyArray<number>
  /** Why the budget did not let it start, or not let a further attempt start. */
  readonly budget?: Shortage
  /** Milliseconds since the epoch: of its first attempt. */
  readonly startedAt?: number
  readonly settledAt: number
}

/**
 * @since 0.1.0
 */
export interface NodeReport {
  /** JSON Pointer into the plan. */
  readonly node: string
  readonly policy: Exclude<Policy, "call">
  /** `suspended`: it was undecided when the fan-out was suspended. */
  readonly decision: Decision | "suspended"
  /** Paths of the children that were counted, or what else decided. */
  readonly decidedBy: ReadonlyArray<string> | "deadline" | "grace" | "stop"
}

/**
 * @since 0.1.0
 */
export interface Report {
  readonly runId: string
  readonly status: "succeeded" | "failed" | "suspended" | "interrupted"
  /** When it succeeded: the value, in the shape of the plan. */
  readonly value?: unknown
  /** When it failed: the tag of the reason, and the calls it names. */
  readonly reason?: { readonly _tag: string; readonly calls: ReadonlyArray<string> }
  readonly calls: ReadonlyArray<CallReport>
  /** Every node that is no call, in plan order. */
  readonly nodes: ReadonlyArray<NodeReport>
  /** Every started attempt has ended. If not, calls that are `leftBehind` may still act. */
  readonly drained: boolean
  /** From the decision of the root to the end of the last attempt, or to the bound. */
  readonly drainMillis: number
  /** Of the budget that it had, the session's not included: `{}` if it had none. */
  readonly budget: Usage
  /** Everything that was asked, in the order in which it was. */
  readonly questions: ReadonlyArray<Question>
  /** The journal refused a record: what the fan-out did after that is in this report only. */
  readonly journalRefused?: string
}

const ErrorJson = Schema.Struct({
  _tag: Schema.String,
  message: Schema.String,
  details: Schema.optionalKey(Schema.Json)
})
const StopReasonJson = Schema.Struct({
  source: Schema.Literals([
    "policy",
    "sibling",
    "grace",
    "deadline",
    "timeout",
    "budget",
    "replan",
    "parent",
    "user",
    "suspend"
  ]),
  call: Schema.optionalKey(Schema.String),
  reason: Schema.String
})
const FaultJson = Schema.Struct({ pointer: Schema.String, _tag: Schema.String, message: Schema.String })
const DecisionJson = Schema.Literals(["succeeded", "failed", "some", "none", "stopped", "skipped", "suspended"])
const DecidedByJson = Schema.Union([Schema.Array(Schema.String), Schema.Literals(["deadline", "grace", "stop"])])
const CallJson = Schema.Struct({
  id: Schema.String,
  tool: Schema.String,
  contract: Contract.Data,
  outcome: Schema.Literals(["Succeeded", "Failed", "Cancelled", "Unknown", "Skipped", "Denied", "Suspended"]),
  verdict: Schema.Literals(["succeeded", "failed", "none"]),
  used: Schema.Boolean,
  value: Schema.optionalKey(Schema.Json),
  error: Schema.optionalKey(ErrorJson),
  attempts: Schema.Int,
  effects: Schema.Array(
    Schema.Struct({
      key: Schema.String,
      state: Schema.Literals(["committed", "compensated", "compensationFailed", "unknown"]),
      error: Schema.optionalKey(Schema.String)
    })
  ),
  stoppedBy: Schema.optionalKey(StopReasonJson),
  leftBehind: Schema.Boolean,
  afterStop: Schema.optionalKey(ErrorJson),
  cleanup: Schema.optionalKey(Schema.String),
  late: Schema.optionalKey(Schema.Array(Schema.Int)),
  budget: Schema.optionalKey(
    Schema.Struct({ name: Schema.String, limit: Schema.Number, used: Schema.Number, asked: Schema.Number })
  ),
  startedAt: Schema.optionalKey(Schema.Number),
  settledAt: Schema.Number
})
const NodeJson = Schema.Struct({
  node: Schema.String,
  policy: Schema.Literals(["all", "advisory", "quorum", "firstSuccess", "settled", "atomic", "deadline"]),
  decision: DecisionJson,
  decidedBy: DecidedByJson
})

/**
 * The public JSON form of a report.
 *
 * @since 0.1.0
 */
export const Json = Schema.Struct({
  toolscope: Schema.Literal(1),
  runId: Schema.String,
  status: Schema.Literals(["succeeded", "failed", "suspended", "interrupted", "refused"]),
  value: Schema.optionalKey(Schema.Json),
  reason: Schema.optionalKey(Schema.Struct({ _tag: Schema.String, calls: Schema.Array(Schema.String) })),
  faults: Schema.optionalKey(Schema.Array(FaultJson)),
  calls: Schema.Array(CallJson),
  nodes: Schema.Array(NodeJson),
  drained: Schema.Boolean,
  drainMillis: Schema.Number,
  budget: Schema.Record(Schema.String, Entry),
  questions: Schema.Array(QuestionJson),
  journalRefused: Schema.optionalKey(Schema.String)
})

/**
 * @since 0.1.0
 */
export type Json = typeof Json.Type

/** How the values and errors of a call become JSON; kept beside its report. */
export interface Encoders {
  readonly value: (value: unknown) => unknown
  readonly error: (error: unknown) => unknown
}

const encoders = new WeakMap<CallReport, Encoders>()
const values = new WeakMap<Report, () => unknown>()

/** @internal */
export const withEncoders = (report: CallReport, encoder: Encoders): CallReport => {
  encoders.set(report, encoder)
  return report
}

/** @internal */
export const withValueJson = (report: Report, value: () => unknown): Report => {
  values.set(report, value)
  return report
}

const encodersOf = (call: CallReport): Encoders => encoders.get(call) ?? { value: json.sanitize, error: json.sanitize }

const callToJson = (call: CallReport): typeof CallJson.Type => {
  const { afterStop, contract, id, outcome, tool, used, verdict, ...rest } = call
  const { error: encodeError, value: encodeValue } = encodersOf(call)
  return {
    id,
    tool,
    contract: Contract.toData(contract),
    outcome: outcome._tag,
    verdict,
    used,
    ...(outcome._tag === "Succeeded" ? { value: encodeValue(outcome.value) as Schema.Json } : {}),
    ...("error" in outcome ? { error: json.error(outcome.error, encodeError) } : {}),
    ...rest,
    ...(afterStop === undefined ? {} : { afterStop: json.error(afterStop, encodeError) })
  }
}

/**
 * The public JSON form. Values and errors are encoded by their schemas; what is no JSON all the same is described, never dropped.
 *
 * @since 0.1.0
 */
export const toJson = (report: Report): Json => {
  const { calls, drainMillis, drained, journalRefused, nodes, reason, runId, status, value } = report
  const valueJson = values.get(report) ?? (() => json.sanitize(value))
  return {
    toolscope: 1,
    runId,
    status,
    ...("value" in report ? { value: valueJson() as Schema.Json } : {}),
    ...(reason === undefined ? {} : { reason }),
    calls: calls.map(callToJson),
    nodes,
    drained,
    drainMillis,
    budget: report.budget,
    questions: report.questions,
    ...(journalRefused === undefined ? {} : { journalRefused })
  }
}

/**
 * The JSON form of a run that was refused before anything started.
 *
 * @since 0.1.0
 */
export const refused = (runId: string, faults: ReadonlyArray<typeof FaultJson.Type>): Json => ({
  toolscope: 1,
  runId,
  status: "refused",
  faults,
  calls: [],
  nodes: [],
  drained: true,
  drainMillis: 0,
  budget: {},
  questions: []
})

/**
 * The report without what differs from run to run: no times, no run id. It is a function of each call's outcome, of whether it was
 * stopped first, and of each node's `decidedBy` (guarantee 4).
 *
 * @since 0.1.0
 */
export const canonical = (report: Report): object => {
  const { budget, calls, drainMillis: _, questions, runId, ...rest } = toJson(report)
  const unrun = (text: string) => (text.startsWith(runId) ? text.slice(runId.length) : text)
  const { wallClock: _time, ...counted } = budget
  return {
    ...rest,
    budget: counted,
    calls: calls.map(({ effects, settledAt: _settled, startedAt: _started, ...call }) => ({
      ...call,
      effects: effects.map(({ key, state }) => ({ key: unrun(key), state }))
    })),
    questions: questions
      .map(({ askedAt: _asked, expiresAt: _expires, id, runId: _run, ...question }) => ({ ...question, id: unrun(id) }))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
  }
}
