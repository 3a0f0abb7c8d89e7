/**
 * How what was seen is told to people: moments, worlds, outcomes.
 */
import { CallError, type Report } from "@toolscope/core"
import { inspect } from "node:util"
import type { Moment, Played } from "./play.ts"
import type { Snapshot } from "./stage.ts"

export const ms = (millis: number): string => `${Math.round(millis * 10) / 10} ms`

/** Where a run was stopped, as the beginning of a sentence. */
export const where = (moment: Moment | undefined): string => {
  if (moment === undefined) return "undisturbed"
  const at = `stopped ${ms(moment.millis)} after its start`
  if (moment.where === "time") return at
  return moment.where === "wait" ? `${at}, while it waited` : `${at}, before operation ${moment.step}`
}

const longest = 120

/** One line of a value, cut where it is long. */
export const shown = (value: unknown): string => {
  const text = inspect(value, { breakLength: Infinity, depth: 4, maxArrayLength: 20, maxStringLength: 60 })
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text
}

export const changed = (before: Snapshot, after: Snapshot): string =>
  `the world was ${shown(before)}, and is ${shown(after)}`

const text = (of: unknown, key: string): string | undefined => {
  const value: unknown = typeof of === "object" && of !== null ? (of as any)[key] : undefined
  return typeof value === "string" && value !== "" ? value : undefined
}

/** What the tool itself failed with; what a promise was rejected with included. */
export const ownError = (error: unknown): unknown =>
  CallError.isCallError(error) && error.reason._tag === "Rejected" ? error.reason.error : error

export const tagOf = (error: unknown): string => {
  const own = ownError(error)
  if (CallError.isCallError(own)) return own.reason._tag
  return text(own, "_tag") ?? text(own, "name") ?? String(own)
}

export const errorOf = ({ outcome }: Report.CallReport): unknown => ("error" in outcome ? outcome.error : undefined)

/** How a call ended, with its error and what became of its effects. */
export const ending = ({ call }: Played): string => {
  const error = errorOf(call)
  const effects = call.effects.map(({ state }) => state)
  const why = error === undefined ? "" : ` (${tagOf(error)}${messageOf(error)})`
  return `${call.outcome._tag}${why}${effects.length === 0 ? "" : `, its effect ${effects.join(" and ")}`}`
}

const messageOf = (error: unknown): string => {
  const message = text(ownError(error), "message")
  return message === undefined ? "" : `: ${message}`
}
