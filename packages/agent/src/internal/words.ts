/**
 * What the model reads about a call: what it answered, or in a sentence what became of it. Never more than is known, and where it is not
 * known whether something happened, that, with the key to look for it by.
 */
import type { Outcome, PlanError, Report } from "@toolscope/core"
import type * as Schema from "effect/Schema"

/** What the model reads of a call that did not succeed. */
export interface Told {
  readonly outcome: "Failed" | "Cancelled" | "Unknown" | "Undone" | "Skipped" | "Denied" | "Suspended" | "Refused"
  readonly message: string
  readonly error?: Schema.Json
  /** Of effects of which nobody knows whether they happened. */
  readonly idempotencyKeys?: ReadonlyArray<string>
}

type CallJson = Report.Json["calls"][number]

/** A call that was not planned, and so did nothing. */
export const refused = (message: string): Told => ({ outcome: "Refused", message: `not run: ${message}` })

/** Of parameters, or of a declared plan: where, and what to do. */
export const faulty = (faults: ReadonlyArray<PlanError.Fault>, below = ""): Told =>
  refused(
    faults
      .map(({ message, pointer }) => {
        const place = pointer.startsWith(below) ? pointer.slice(below.length) : pointer
        return place === "" ? message : `${place}: ${message}`
      })
      .join("; ")
  )

const has = ({ effects }: CallJson, ...states: ReadonlyArray<CallJson["effects"][number]["state"]>): boolean =>
  effects.some(({ state }) => states.includes(state))

/** Did it succeed, and does what it did stand? */
export const isSuccess = (call: CallJson): boolean =>
  call.outcome === "Succeeded" && !has(call, "compensated", "compensationFailed")

/** Of several runs of a call that did not succeed, the one that is to be told: the more it may have done, the rather. */
export const gravity = (call: CallJson): number =>
  call.outcome === "Unknown" || has(call, "unknown", "compensationFailed")
    ? 4
    : has(call, "committed")
      ? 3
      : call.leftBehind
        ? 2
        : call.outcome === "Skipped"
          ? 0
          : 1

/** Of one that did not succeed, or whose success does not stand. */
export const told = (call: CallJson, outcome: Outcome.Outcome<unknown, unknown>): Told => {
  const keys = call.effects
    .filter(({ state }) => state === "unknown" || state === "compensationFailed")
    .map(({ key }) => key)
  return {
    outcome:
      call.outcome !== "Succeeded" ? call.outcome : has(call, "compensationFailed", "unknown") ? "Unknown" : "Undone",
    message: sentence(call, outcome),
    ...(call.error === undefined ? {} : { error: call.error }),
    ...(keys.length === 0 ? {} : { idempotencyKeys: keys })
  }
}

const sentence = (call: CallJson, outcome: Outcome.Outcome<unknown, unknown>): string => {
  const running = call.leftBehind ? " It had not ended when it was left behind, and may still be running." : ""
  switch (call.outcome) {
    case "Skipped":
      return `${unstarted(call)}; nothing of it happened`
    case "Cancelled":
      return `stopped${why(call)}. ${done(call)}${running}`
    case "Unknown":
      return `outcome unknown: it may have happened${because(call)}. Check before repeating it.${running}`
    case "Failed":
      return `failed${because(call)}. ${done(call)}${running}`
    case "Denied": {
      const said = outcome._tag === "Denied" && outcome.why !== undefined ? `: ${outcome.why}` : ""
      return `a person did not allow it${said}. ${done(call)}`
    }
    case "Suspended":
      return "it waits for the answer of a person"
    case "Succeeded":
      return has(call, "compensationFailed", "unknown")
        ? "it had succeeded, was to be undone, and could not be undone: what it did may stand. Check before repeating it."
        : "it had succeeded, and was undone, because what it belonged to failed, or had no need of it"
  }
}

const unstarted = ({ budget, stoppedBy }: CallJson): string =>
  budget !== undefined
    ? `not started: of ${budget.name} ${budget.used} of ${budget.limit} are gone, and it asks for ${budget.asked} more`
    : stoppedBy === undefined
      ? "not started"
      : `stopped before it started (${reasonOf(stoppedBy)})`

const why = ({ stoppedBy }: CallJson): string => (stoppedBy === undefined ? "" : ` (${reasonOf(stoppedBy)})`)

/** With the call that gave rise to it, which the model knows by its id. */
const reasonOf = ({ call, reason }: NonNullable<CallJson["stoppedBy"]>): string =>
  call === undefined ? reason : `${reason}: ${call}`

const because = ({ error }: CallJson): string =>
  error === undefined ? "" : `: ${[error._tag, error.message].filter((part) => part !== "").join(": ")}`

/** What it has done, as far as that is known. */
const done = ({ contract, effects }: CallJson): string => {
  const states = new Set(effects.map(({ state }) => state))
  if (states.has("unknown")) return "It may have happened all the same: check before repeating it."
  if (states.has("compensationFailed")) return "What it had done could not be undone: check before repeating it."
  if (states.has("committed")) return "What it had done by then is done."
  if (states.has("compensated")) return "What it had done was undone."
  return contract.effect === "none" ? "It only reads: nothing was changed." : "Nothing of it happened."
}
