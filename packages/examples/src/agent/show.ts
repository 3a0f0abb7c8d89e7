/**
 * What the demo prints: what the model says, what it asks for, and what it is told of each call.
 */
import type { Agent, End } from "@toolscope/agent"
import { styleText } from "node:util"

const dim = (text: string): string => styleText("dim", text)

const short = (json: unknown): string => {
  const text = JSON.stringify(json)
  return text.length > 100 ? `${text.slice(0, 97)}...` : text
}

/** One line for what the model reads of a call: the value, or what became of it. */
const line = (name: string, isFailure: boolean, result: unknown): string => {
  const { message } = (result ?? {}) as { readonly message?: string }
  const what = isFailure && message !== undefined ? styleText("yellow", message) : short(result)
  return `  ${name.padEnd(14)}  ${what}`
}

interface PlanResult {
  readonly plan: string
  readonly calls: ReadonlyArray<{ readonly id: string; readonly value?: unknown }>
}

const lines = (name: string, isFailure: boolean, result: unknown): ReadonlyArray<string> => {
  if (name !== "fanout" || !("calls" in (result as object))) return [line(name, isFailure, result)]
  const { calls, plan } = result as PlanResult
  return [
    `  a plan, which ${plan}`,
    ...calls.map((call) => line(`  ${call.id}`, !("value" in call), "value" in call ? call.value : call))
  ]
}

/** What an event adds to the output. */
export const show = (event: Agent.Event): string => {
  switch (event._tag) {
    case "Text":
      return event.delta
    case "Called":
      return `\n${dim(`  turn ${event.turn}: ${event.calls.map(({ name }) => name).join(", ")}`)}\n`
    case "Told":
      return `${event.results.flatMap(({ isFailure, name, result }) => lines(name, isFailure, result)).join("\n")}\n\n`
    case "Settled":
      return ""
    case "Ended":
      return `\n\n${ending(event.end)}\n`
  }
}

const ending = (end: End.End): string => {
  const { turns, usage } = end
  const used = Object.entries(usage).map(([name, { limit, used }]) => `${used} of ${limit} ${name}`)
  const why =
    end._tag === "ModelFailed" ? `: ${end.error.message}` : end._tag === "BudgetExceeded" ? `: ${end.why}` : ""
  return `${styleText("bold", end._tag)}${why}, after ${turns} turns; used ${used.join(", ")}`
}
