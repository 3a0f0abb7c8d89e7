/**
 * Where a tool is stopped: at its steps, which are known from a run that nobody disturbed, and at times in between, for what goes on where
 * no step is seen (a promise, a process, another machine).
 */
import type { Played, Stop } from "./play.ts"

/** Times, evenly spread over the whole run. */
const spreadTimes = 10

/**
 * At most `limit` points. Where there are more steps, they are spread evenly, but those around a gate are always among them.
 */
export const pointsOf = (played: Played, limit: number): ReadonlyArray<Stop> => {
  const times = timesOf(played).slice(0, Math.floor(limit / 2))
  const steps = stepsOf(played, limit - times.length)
  return [
    ...steps.map((step): Stop => ({ type: "step", step })),
    ...times.map((millis): Stop => ({ type: "time", millis }))
  ]
}

const stepsOf = ({ gate, steps }: Played, budget: number): ReadonlyArray<number> => {
  if (steps <= budget) return Array.from({ length: steps }, (_, i) => i + 1)
  const near = gate.flatMap(({ step }) => [step, step + 1, step + 2])
  const chosen = new Set(near.filter((step) => step >= 1 && step <= steps).slice(0, budget))
  const rest = budget - chosen.size
  for (let i = 0; i < rest; i++) chosen.add(1 + Math.round((i * (steps - 1)) / Math.max(1, rest - 1)))
  return [...chosen].sort((a, b) => a - b)
}

/** The middle of what lies between start, gates and end; then evenly. None where it took no time. */
const timesOf = ({ gate, lasted }: Played): ReadonlyArray<number> => {
  if (lasted < 1) return []
  const marks = [0, ...gate.map(({ millis }) => millis), lasted]
  const middles = marks.slice(1).flatMap((mark, i) => (mark - marks[i]! >= 1 ? [(mark + marks[i]!) / 2] : []))
  const even = Array.from({ length: spreadTimes }, (_, i) => ((i + 0.5) * lasted) / spreadTimes)
  return [...new Set([...(gate.length === 0 ? [] : middles), ...even])]
}
