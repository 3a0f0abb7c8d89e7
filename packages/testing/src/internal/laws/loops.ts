/**
 * Loops of a planner: the same call that fails the same way, again and again; and how many further attempts a tool may have.
 */
import type { Complain } from "./law.ts"
import { began, type CallTrace, type Event } from "./run.ts"
import type { Session } from "./whole.ts"

export const checkLoops = (session: Session, complain: Complain): void => {
  const { loop = Infinity, retryRatio } = session.opened?.limits ?? {}
  const failures = new Map<string, { readonly way: string; readonly events: ReadonlyArray<Event> }>()
  for (const { index } of session.cohorts) {
    for (const call of index.calls) {
      const failed = failures.get(keyOf(call) ?? "")
      if (failed !== undefined && failed.events.length >= loop)
        complain(
          `${call.id} was planned again, after it had failed ${failed.events.length} times with: ${failed.way}`,
          [...failed.events, index.opened]
        )
    }
    const settled = index.calls.flatMap((call) => call.settled.slice(0, 1).map((event) => ({ call, event })))
    settled.sort((a, b) => session.whole.place(a.event) - session.whole.place(b.event))
    for (const { call, event } of settled) {
      const key = keyOf(call)
      const { error, outcome } = call.report ?? {}
      if (key === undefined || !call.attempts.some(began)) continue
      if (outcome === "Succeeded") failures.delete(key)
      if (error === undefined || (outcome !== "Failed" && outcome !== "Unknown")) continue
      const way = `${error._tag}: ${error.message}`
      const before = failures.get(key)
      failures.set(key, { way, events: [...(before?.way === way ? before.events : []), event] })
    }
  }
  if (retryRatio !== undefined) checkPace(session, retryRatio, complain)
}

/** A tool and its parameters; an inline Effect is like no other. */
const keyOf = ({ node: { params, tool } }: CallTrace): string | undefined =>
  params === undefined || params === "custom" ? undefined : `${tool} ${canonical(params)}`

const canonical = (json: unknown): string =>
  JSON.stringify(json, (_, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value
  )

/** A tool starts with so many further attempts. */
const first = 10

const checkPace = (session: Session, ratio: number, complain: Complain): void => {
  const calls = new Map<string, number>()
  const further = new Map<string, Array<Event>>()
  for (const { index } of session.runs) {
    for (const { attempts, events, node } of index.calls) {
      if (events.some(({ type }) => type === "call.queued")) calls.set(node.tool, (calls.get(node.tool) ?? 0) + 1)
      const mine = attempts.filter(({ number }) => number > 1).flatMap(({ started }) => started)
      further.set(node.tool, [...(further.get(node.tool) ?? []), ...mine])
    }
  }
  for (const [tool, events] of further) {
    const most = first + ratio * (calls.get(tool) ?? 0)
    if (events.length > Math.max(0, most)) complain(`${tool} had ${events.length} further attempts, of ${most}`, events)
  }
}
