/**
 * A report for people: one line per call in plan order, the decisions, the value, and the verdict.
 */
import type { Report } from "@toolscope/core"
import { inspect } from "node:util"
import { mayStillAct } from "./exitCodes.ts"
import { clip, oneLine, type Paint, printable, table } from "./text.ts"

type Call = Report.Json["calls"][number]

const maxCell = 40
const maxReason = 100
const maxValue = 4_000

export const reportText = (report: Report.Json, paint: Paint): string => {
  const { calls, nodes } = report
  const parts: Array<string> = []
  if (calls.length > 0) {
    parts.push(
      table(
        ["call", "tool", "outcome", "used", "attempts", "ms", "effects", "left behind", "why"],
        calls.map(row),
        (text, column, at) => (at < 0 ? paint("dim", text) : column === 2 ? paint(colorOf(calls[at]!), text) : text)
      )
    )
  }
  if (nodes.length > 0) {
    const rows = nodes.map(({ decidedBy, decision, node, policy }) => [
      clip(oneLine(node), maxCell * 2),
      policy,
      decision,
      clip(oneLine(typeof decidedBy === "string" ? decidedBy : decidedBy.join(" ")), maxReason)
    ])
    parts.push(
      table(["node", "policy", "decision", "decided by"], rows, (text, _, at) => (at < 0 ? paint("dim", text) : text))
    )
  }
  if (report.questions.length > 0) {
    const rows = report.questions.map(({ by, id, prompt, reason, state }) => [
      clip(oneLine(id), maxCell * 2),
      state,
      clip(oneLine(by ?? "-"), maxCell),
      clip(oneLine(reason === undefined ? prompt : `${prompt} (${reason})`), maxReason)
    ])
    parts.push(
      table(["question", "state", "by", "prompt"], rows, (text, _, at) => (at < 0 ? paint("dim", text) : text))
    )
  }
  if ("value" in report) parts.push(`${paint("dim", "value")}\n${preview(report.value)}\n`)
  parts.push(`${verdict(report, paint)}\n`)
  return parts.join("\n")
}

const row = (call: Call): ReadonlyArray<string> => [
  clip(oneLine(call.id), maxCell * 2),
  clip(oneLine(call.tool), maxCell),
  call.outcome,
  call.used ? "yes" : "no",
  String(call.attempts),
  call.startedAt === undefined ? "-" : String(Math.max(0, Math.round(call.settledAt - call.startedAt))),
  call.effects.map(({ state }) => state).join(",") || "-",
  call.leftBehind ? "yes" : "-",
  clip(oneLine(why(call)), maxReason)
]

const why = ({ error, stoppedBy }: Call): string => {
  const stop = stoppedBy === undefined ? [] : [`${stoppedBy.source}: ${stoppedBy.reason}`]
  const failed = error === undefined ? [] : [error.message === "" ? error._tag : `${error._tag}: ${error.message}`]
  return [...stop, ...failed].join("; ")
}

const colorOf = ({ outcome }: Call): Parameters<Paint>[0] =>
  outcome === "Succeeded" ? "green" : outcome === "Failed" || outcome === "Unknown" ? "red" : "yellow"

/** As much of the value as a person wants to see. */
const preview = (value: unknown): string => {
  const text =
    typeof value === "string"
      ? value.slice(0, maxValue + 1)
      : inspect(value, { depth: 8, maxStringLength: 1_000, maxArrayLength: 50, breakLength: 100 })
  const short = text.length > maxValue ? `${text.slice(0, maxValue)}\n… (--json has all of it)` : text
  return printable(short)
}

const verdict = (report: Report.Json, paint: Paint): string => {
  const { calls, drainMillis, drained, reason, status } = report
  const counts = new Map<string, number>()
  for (const { outcome } of calls) counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
  const summary = [...counts].map(([outcome, count]) => `${count} ${outcome.toLowerCase()}`).join(", ")
  const causes = reason?.calls.map(oneLine) ?? []
  const because =
    reason === undefined || status === "suspended"
      ? ""
      : ` (${reason._tag}${causes.length === 0 ? "" : `: ${clip(causes.join(" "), 200)}`})`
  const left = calls.filter((call) => call.leftBehind).length
  const acting = mayStillAct(report)
  const still = acting.length === 0 ? "" : paint("red", `; may still act: ${clip(acting.map(oneLine).join(" "), 200)}`)
  const drain = drained ? `drained in ${drainMillis} ms` : `${left} left behind after ${drainMillis} ms`
  const color = status === "succeeded" ? "green" : status === "suspended" ? "yellow" : "red"
  return `${paint(color, status)}${because}: ${summary || "no calls"}; ${drain}${still}`
}
