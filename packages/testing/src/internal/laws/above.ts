/**
 * Stops that come from outside of a plan: of its owner, its session, its budget, or of the call that it runs inside of.
 */
import type { Event, Of, Run } from "./run.ts"

const outside = new Set(["parent", "user", "replan", "budget"])

/** Did everything of the run have to stop? */
export const isFromAbove = (run: Run, event: Of<"stop.requested">): boolean => {
  const { origin, reason, source } = event
  if (outside.has(source)) return true
  const { inside } = run.whole.insideRun(run.id)
  const caller = inside === undefined ? undefined : run.whole.runs.get(inside.run)?.index.call(inside.call)
  const isEarlier = (stop: Event) => run.whole.place(stop) < run.whole.place(event)
  return (
    caller?.stops.some(
      (stop) =>
        stop.source === source &&
        stop.origin === origin &&
        stop.reason === reason &&
        (stop.attempt === undefined || stop.attempt === inside!.attempt) &&
        isEarlier(stop)
    ) === true
  )
}

/** Does it end the call, and not only an attempt of it? */
export const endsCall = (run: Run, stop: Of<"stop.requested">): boolean =>
  stop.source !== "timeout" || isFromAbove(run, stop)

/** The first stop of everything, if there was one. */
export const stopFromAbove = (run: Run): Of<"stop.requested"> | undefined =>
  run.events.find((event): event is Of<"stop.requested"> => event.type === "stop.requested" && isFromAbove(run, event))
