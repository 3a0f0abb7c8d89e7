/**
 * Durations as people write them: milliseconds, text such as "2 seconds", `"infinity"`, or Effect's `Duration`.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { sanitize } from "./json.ts"

/** Milliseconds, or `undefined` where it is no duration, or a negative one. */
export const toMillis = (input: unknown): number | undefined => {
  if (input === "infinity") return Infinity
  const duration = Duration.fromInput(input as Duration.Input)
  if (Option.isNone(duration) || Number.isNaN(input) || Duration.isNegative(duration.value)) return undefined
  return Duration.toMillis(duration.value)
}

/** What to say where {@link toMillis} gives nothing. */
export const notADuration = (input: unknown): string =>
  `not a duration, or negative: ${JSON.stringify(sanitize(input))}; write milliseconds, or text such as "2 seconds"`
