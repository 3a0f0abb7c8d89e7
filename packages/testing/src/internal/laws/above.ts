/**
 * Stops that come from outside of a plan: of its owner, its session, its budget, or of the call that it runs inside of.
 */
import type { Event, Of, Run } from "./run.ts"

const outside = new Set(["parent", "user", "replan", "budget", "suspend"])

/** Did everything of the run have to stop? */
export const isFromAbove = (run: Run, event: Of<"stop.requested">): boolean => {
  const { origin, reason, source } = event
  if (outside.has(source)) return true
  const isEarlier = (stop: Event) => run.whole.place(stop) < run.whole.place(event)
  // of several around one another each may be the first to hear of it
  for (
    let { inside } = run.whole.insideRun(run.id);
    inside !== undefined;
    inside = run.whole.insideRun(inside.run).inside
  ) {
    const { attempt, call, run: around } = inside
    const isIt = (stop: Of<"stop.requested">) =>
      stop.source === source &&
      stop.origin === origin &&
      stop.reason === reason &&
      (stop.attempt === undefined || stop.attempt === attempt) &&
      isEarlier(stop)
    if (run.whole.runs.get(around)?.index.call(call)?.stops.some(isIt) === true) return true
  }
  return false
}

/** Does it end the call, and not only an attempt of it? */
export const endsCall = (run: Run, stop: Of<"stop.requested">): boolean =>
  stop.source !== "timeout" || isFromAbove(run, stop)

/** The first stop of everything, if there was one. */
export const stopFromAbove = (run: Run): Of<"stop.requested"> | undefined =>
  run.events.find((event): event is Of<"stop.requested"> => event.type === "stop.requested" && isFromAbove(run, event))
