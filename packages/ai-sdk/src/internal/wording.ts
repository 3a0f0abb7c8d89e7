/**
 * What the model is told of a call that gave no value that stands: short, and true. It never says that nothing happened where something may have.
 */
import type { CallReport } from "@toolscope/core/promise"

/** Did it succeed, and does what it did stand? Then its value is the result. */
export const stands = ({ effects, outcome }: CallReport): boolean =>
  outcome === "Succeeded" && !effects.some(({ state }) => state === "compensated" || state === "compensationFailed")

/** The message for a call whose result is not its value. */
export const wordingOf = (call: CallReport): string => `${ending(call)}${call.leftBehind ? "; it still runs" : ""}`

const ending = (call: CallReport): string => {
  const why = reasonOf(call)
  switch (call.outcome) {
    case "Succeeded":
      return keysOf(call, "compensationFailed").length > 0
        ? `it had succeeded, and was to be undone, which failed: what it did stays${look(call, "compensationFailed")}`
        : "it had succeeded, and was undone, because what it belonged to failed"
    case "Failed":
      return `${failureOf(call)}${remains(call)}`
    case "Cancelled":
      if (call.effects.length > 0) return `stopped, and what it had done was undone: ${why}`
      return call.contract.effect === "none" ? `stopped before it answered: ${why}` : `stopped before it acted: ${why}`
    case "Unknown":
      return `outcome unknown (${call.error === undefined ? why : failureOf(call)}): it may have acted${look(call, "unknown", "committed", "compensationFailed")}`
    case "Skipped":
      return `not started: ${why}`
    case "Denied":
      return `not done: a person said no${call.error === undefined ? "" : ` (${call.error.message})`}`
    case "Suspended":
      return "it asks a person, and nobody is there to answer"
  }
}

const reasonOf = ({ budget, stoppedBy }: CallReport): string =>
  budget !== undefined
    ? `the budget does not allow it (${budget.name}: ${budget.used} of ${budget.limit} used)`
    : (stoppedBy?.reason ?? "it was not needed any more")

/** As the AI SDK itself would have said it. */
const failureOf = ({ error }: CallReport): string => {
  if (error === undefined) return "it failed"
  const { cause } = error
  if (cause instanceof Error && cause.message !== "") return cause.message
  return error.message
}

/** What a failed call leaves in the world. */
const remains = (call: CallReport): string => {
  const states = new Set(call.effects.map(({ state }) => state))
  if (states.has("unknown")) return `; it may have acted all the same${look(call, "unknown")}`
  if (states.has("committed") || states.has("compensationFailed")) {
    return `; by then it had acted${look(call, "committed", "compensationFailed")}`
  }
  return states.has("compensated") ? "; what it had done was undone" : ""
}

type State = CallReport["effects"][number]["state"]

const keysOf = ({ effects }: CallReport, ...states: ReadonlyArray<State>): ReadonlyArray<string> =>
  effects.flatMap(({ key, state }) => (states.includes(state) ? [key] : []))

const look = (call: CallReport, ...states: ReadonlyArray<State>): string => {
  const keys = keysOf(call, ...states)
  return `; check before you repeat it${keys.length === 0 ? "" : ` (key ${keys.join(", ")})`}`
}
