/**
 * The report of a fan-out that has closed, derived from what the executor holds; and why it failed, if it did.
 */
import * as Result from "effect/Result"
import * as Decision from "../Decision.ts"
import {
  AllFailed,
  BudgetExceeded,
  DeadlineExceeded,
  EssentialFailed,
  type FailedCall,
  QuorumFailed,
  type Reason,
  Stopped,
  type Suspended
} from "../FanoutError.ts"
import * as Outcome from "../Outcome.ts"
import type { CallReport, EffectReport, Report } from "../Report.ts"
import { withEncoders, withValueJson } from "../Report.ts"
import type * as Tool from "../Tool.ts"
import type { CallState } from "./call.ts"
import type { Conclusion } from "./ending.ts"
import * as codec from "./codec.ts"
import type { EffectRecord } from "./effects.ts"
import type { Executor } from "./executor.ts"
import * as json from "./json.ts"
import { nodeReport } from "./recorder.ts"
import { compose } from "./values.ts"

/** What a fan-out came to. The report is made when somebody reads it: one that succeeded is mostly asked for its value alone. */
export interface Summary {
  readonly value: unknown
  readonly reason: Reason<unknown> | undefined
  readonly report: () => Report
}

export const summarize = (executor: Executor, suspended: Suspended<unknown> | undefined): Summary => {
  const { recorder, state } = executor
  const drained = executor.hasDrained
  const drainMillis = Math.max(0, Math.round(executor.closedAt - (executor.decidedAt ?? executor.closedAt)))
  const reason = Decision.decision(state, 0) === "succeeded" ? undefined : (suspended ?? reasonOf(executor))
  const value = reason === undefined ? executor.valueOf(0) : undefined
  let made: Report | undefined
  const report = () => (made ??= reportOf(executor, { drained, drainMillis, reason, value }))
  // from here on nothing changes that the report would show
  executor.reported = true
  recorder.drained(drained, drainMillis)
  recorder.closed(report)
  // what was done inside of a handler may be undone with its caller: its own report has it as it was
  if (executor.env.caller !== undefined) report()
  return { value, reason, report }
}

const reportOf = (
  executor: Executor,
  facts: Pick<Report, "drained" | "drainMillis"> & Pick<Summary, "reason" | "value">
): Report => {
  const { calls, compiled, env, recorder, state } = executor
  const { drainMillis, drained, reason, value } = facts
  const report: Report = {
    runId: env.runId,
    status: executor.isSuspended ? "suspended" : statusOf(reason),
    ...(reason === undefined ? { value } : { reason: { _tag: reason._tag, calls: reason.calls.map(({ id }) => id) } }),
    calls: [...calls.values()].map((call) => callReport(executor, call)),
    nodes: compiled.nodes.flatMap((node, i) => (node.policy === "call" ? [] : [nodeReport(compiled, state, i)])),
    drained,
    drainMillis,
    budget: executor.usage,
    questions: executor.env.caller === undefined ? executor.desk.list(env.runId) : [],
    ...(recorder.refusal === undefined ? {} : { journalRefused: recorder.refusal })
  }
  return withValueJson(report, () => valueJson(executor))
}

const statusOf = (reason: Reason<unknown> | undefined): Report["status"] => {
  switch (reason?._tag) {
    case undefined:
      return "succeeded"
    case "Stopped":
      return "interrupted"
    case "Suspended":
      return "suspended"
    default:
      return "failed"
  }
}

const valueJson = (executor: Executor): unknown =>
  json.sanitize(
    compose(executor.compiled, executor.state, 0, {
      value: (call) => {
        const { end } = executor.calls.get(call)!
        return end?._tag === "success" ? end.json : undefined
      },
      outcome: (call) => outcomeJson(executor.calls.get(call)!),
      some: (value) => value,
      none: null
    })
  )

/** An outcome that is part of the value (`settled`), as a call of the report has it. */
const outcomeJson = ({ conclusion, end, spec }: CallState): unknown => {
  const { outcome } = conclusion!
  if (outcome._tag === "Succeeded") return { _tag: outcome._tag, value: end?._tag === "success" ? end.json : null }
  return "error" in outcome
    ? { _tag: outcome._tag, error: json.error(outcome.error, errorEncoder(spec.tool)) }
    : outcome
}

const errorEncoder =
  (tool: Tool.Any) =>
  (error: unknown): unknown => {
    const encoded = codec.of(tool.failure).encode(error)
    return Result.isSuccess(encoded) ? encoded.success : error
  }

const effectReport = ({ error, key, reported }: EffectRecord): ReadonlyArray<EffectReport> =>
  reported === undefined ? [] : [{ key, state: reported, ...(error === undefined ? {} : { error }) }]

export const callReport = ({ compiled, state }: Executor, call: CallState): CallReport => {
  const { contract, id, index, tool } = call.spec
  const { afterStop, outcome }: Conclusion = call.conclusion ?? { outcome: Outcome.suspended }
  const node = compiled.nodes[index]!.node
  const report: CallReport = {
    id,
    tool: node.policy === "call" && node.inline && tool.name === "" ? "custom" : tool.name,
    contract,
    outcome,
    verdict: Decision.verdict(state, index),
    used: Decision.used(state, index),
    attempts: call.attempts,
    effects: call.effects.flatMap(effectReport),
    ...(call.stoppedBy === undefined ? {} : { stoppedBy: call.stoppedBy }),
    leftBehind: call.leftBehind,
    ...(afterStop === undefined ? {} : { afterStop }),
    ...(call.cleanup === undefined ? {} : { cleanup: call.cleanup }),
    ...(call.late.length === 0 ? {} : { late: call.late }),
    ...(call.shortage === undefined ? {} : { budget: call.shortage }),
    ...(call.startedAt === undefined ? {} : { startedAt: call.startedAt }),
    settledAt: call.settledAt
  }
  const answer = call.end?._tag === "success" ? call.end.json : undefined
  return withEncoders(report, { value: () => json.sanitize(answer), error: errorEncoder(tool) })
}

const reasonOf = (executor: Executor): Reason<unknown> => {
  const { compiled, state } = executor
  if (executor.isSuspended)
    return new Stopped({ calls: [], by: { source: "suspend", reason: "the fan-out around it is suspended" } })
  const failed = (): ReadonlyArray<FailedCall<unknown>> => causes(executor)
  if (Decision.decision(state, 0) === "stopped") {
    const by = executor.stoppedFromAbove!
    const shortage = by.source === "budget" ? executor.timeShortage : undefined
    return shortage === undefined ? new Stopped({ calls: [], by }) : new BudgetExceeded({ calls: [], shortage })
  }
  const short = [...executor.calls.values()].find(
    ({ attempts, shortage, spec }) =>
      shortage !== undefined && attempts === 0 && failed().some(({ id }) => id === spec.id)
  )
  if (short !== undefined) return new BudgetExceeded({ calls: failed(), shortage: short.shortage! })
  // wrappers decide what their child decides
  let root = 0
  while (compiled.nodes[root]!.policy === "deadline" || compiled.nodes[root]!.policy === "atomic") {
    if (Decision.decidedBy(state, root) === "deadline") return new DeadlineExceeded({ calls: failed() })
    root = compiled.nodes[root]!.children[0]!
  }
  switch (compiled.nodes[root]!.policy) {
    case "quorum":
      return new QuorumFailed({ calls: failed() })
    case "firstSuccess":
      return new AllFailed({ calls: failed() })
    default:
      return new EssentialFailed({ calls: failed() })
  }
}

/** The calls that made the root fail, in plan order: down through the children that were counted. */
const causes = (executor: Executor): ReadonlyArray<FailedCall<unknown>> => {
  const { calls, compiled, state } = executor
  const found: Array<FailedCall<unknown>> = []
  const stack = [0]
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    const { children, path, policy } = compiled.nodes[node]!
    const decision = Decision.decision(state, node)
    if (policy === "call") {
      const outcome = calls.get(node)!.conclusion?.outcome
      if (decision === "failed")
        found.push({ id: path, error: outcome !== undefined && "error" in outcome ? outcome.error : undefined })
    } else if (decision === "failed") {
      for (let i = children.length - 1; i >= 0; i--) stack.push(children[i]!)
    }
  }
  return found
}
