/**
 * Permits of a session: how many attempts run at the same time, by tool and by resource.
 */
import type { Complain } from "./law.ts"
import { type CallTrace, type Event, isAgain, type Of } from "./run.ts"
import type { Inside, Session } from "./whole.ts"

interface Running {
  readonly started: Of<"attempt.started">
  /** Attempts around it that hold the same permit and lend it, the nearest. */
  readonly lender: string | undefined
}

export const checkPermits = (session: Session, complain: Complain): void => {
  const { concurrency, resources = {}, tools = {} } = session.opened?.limits ?? {}
  if (concurrency !== undefined) checkPermit(session, "attempts", concurrency, () => true, complain)
  for (const [name, limit] of Object.entries(tools))
    checkPermit(session, `attempts of ${name}`, limit, ({ node }) => node.tool === name, complain)
  for (const [name, limit] of Object.entries(resources))
    checkPermit(session, `attempts at ${name}`, limit, ({ contract }) => contract?.resource === name, complain)
}

/**
 * Of those inside of one that holds the same permit, one at a time runs on that: so at least so many permits are taken as attempts run,
 * less one for each that lends.
 */
const checkPermit = (
  session: Session,
  what: string,
  limit: number,
  needs: (call: CallTrace) => boolean,
  complain: Complain
): void => {
  const running = new Map<string, Running>()
  const events = session.runs.flatMap(({ events }) => events)
  for (const event of events.sort((a, b) => session.whole.place(a) - session.whole.place(b))) {
    if (event.type === "attempt.ended" || event.type === "attempt.refused" || event.type === "attempt.leftBehind") {
      running.delete(idOf(session, event))
    } else if (event.type === "question.asked") {
      // who asks has no permit, nor have those around it if nothing else goes on there; when they have one again is not written down
      for (let at: Inside | undefined = event; at !== undefined; at = session.whole.insideAt(at))
        running.delete(idOf(session, at))
    } else if (event.type === "attempt.started") {
      const run = session.whole.runOf(event)!
      const call = run.index.call(event.call)
      if (call === undefined || !needs(call) || isAgain(call, event.attempt)) continue
      running.set(idOf(session, event), { started: event, lender: lenderOf(session, event, needs) })
      const here = [...running.values()].filter(({ started }) => !endsNow(session, started, event))
      const lenders = new Set(here.flatMap(({ lender }) => lender ?? []))
      const taken = here.length - lenders.size
      if (taken > limit)
        complain(`${taken} ${what} ran at the same time, of ${limit}`, [
          session.opened,
          ...here.map(({ started }) => started)
        ])
    }
  }
}

const idOf = ({ whole }: Pick<Session, "whole">, { attempt, call, run }: Inside) =>
  `${whole.idOf(run)}${call}#${attempt}`

/** Its end, and what begins with its permit, are of one instant: which is written first says nothing. */
const endsNow = ({ whole }: Session, started: Of<"attempt.started">, now: Event): boolean => {
  const attempt = whole.runs
    .get(whole.idOf(started.run))!
    .index.call(started.call)!
    .attempts.find(({ number }) => number === started.attempt)
  const over = attempt?.ended[0] ?? attempt?.leftBehind[0] ?? attempt?.refused[0]
  return over !== undefined && over.time === now.time
}

/** `at`: of what runs inside of it. */
const lenderOf = (
  { whole }: Pick<Session, "whole">,
  at: { readonly run: string },
  needs: (call: CallTrace) => boolean
): string | undefined => {
  const inside = whole.insideAt(at)
  const call = inside === undefined ? undefined : whole.runOf(inside)?.index.call(inside.call)
  if (call === undefined) return undefined
  return needs(call) ? idOf({ whole }, inside!) : lenderOf({ whole }, inside!, needs)
}
