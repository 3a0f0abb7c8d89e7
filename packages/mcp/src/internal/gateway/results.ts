/**
 * Reports as results of `tools/call`. Pure.
 *
 * A single tool that succeeded gives what its server gave. Everything else is an error in words, with the details under `_meta`: where a tool
 * has an output schema, structured content would have to fit that.
 */
import type { CallToolResult, ContentBlock } from "@modelcontextprotocol/sdk/types.js"
import { type PlanError, Report } from "@toolscope/core"
import { callText, reportText } from "./words.ts"

/** Under this key of `_meta` stands what the report says of the call. */
const metaKey = "toolscope/call"

const text = (line: string): ContentBlock => ({ type: "text", text: line })

/** Of one call; `raw` is what its server answered, if it has one and that did. */
export const ofCall = (report: Report.Json, raw: CallToolResult | undefined): CallToolResult => {
  const [call] = report.calls
  if (call === undefined) return { content: [text(reportText(report))], isError: true }
  const { value, ...details } = call
  if (call.outcome === "Succeeded" && report.status === "succeeded") return raw ?? ofValue(value)
  // what the tool itself has said of its failure, as it said it
  const own = raw?.isError === true && call.outcome === "Failed" ? raw.content : []
  const said = callText(call, report)
  const isPlain = own.length > 0 && !/check before|has acted|left behind/.test(said)
  return {
    content: isPlain ? own : [...own, text(`${call.tool}: ${said}`)],
    isError: true,
    _meta: { [metaKey]: { ...details, runId: report.runId, drained: report.drained } }
  }
}

/** Of a tool that is not a server's. */
const ofValue = (value: unknown): CallToolResult => {
  if (value === undefined || value === null) return { content: [] }
  if (typeof value === "string") return { content: [text(value)] }
  const content = [text(JSON.stringify(value))]
  return typeof value === "object" && !Array.isArray(value)
    ? { content, structuredContent: value as Record<string, unknown> }
    : { content }
}

/** Of a plan. */
export const ofPlan = (report: Report.Json): CallToolResult => ({
  content: [text(reportText(report))],
  structuredContent: report,
  ...(report.status === "succeeded" ? {} : { isError: true })
})

/** A plan that was refused. */
export const refusedPlan = (runId: string, faults: ReadonlyArray<PlanError.Fault>): CallToolResult =>
  ofPlan(Report.refused(runId, faults))

/** A call that was refused: its faults are those of its arguments. */
export const refusedCall = (tool: string, faults: ReadonlyArray<PlanError.Fault>): CallToolResult => {
  const own = faults.map(({ pointer, ...rest }) => ({ ...rest, pointer: pointer.replace(/^\/plan(\/params)?/, "") }))
  const lines = own.map(({ message, pointer }) => (pointer === "" ? message : `${pointer}: ${message}`))
  return {
    content: [text([`${tool}: refused, nothing was started:`, ...lines].join("\n"))],
    isError: true,
    _meta: { "toolscope/faults": own }
  }
}
