/**
 * Permits of a session: how many attempts run at the same time, by tool and by resource.
 */
import type { Complain } from "./law.ts"
import type { CallTrace, Event, Of, Run } from "./run.ts"
import type { Session } from "./whole.ts"

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
      running.delete(idOf(event))
    } else if (event.type === "attempt.started") {
      const run = session.whole.runs.get(event.run)!
      const call = run.index.call(event.call)
      if (call === undefined || !needs(call)) continue
      running.set(idOf(event), { started: event, lender: lenderOf(session, run, needs) })
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

const idOf = ({ attempt, call, run }: { readonly run: string; readonly call: string; readonly attempt: number }) =>
  `${run}${call}#${attempt}`

/** Its end, and what begins with its permit, are of one instant: which is written first says nothing. */
const endsNow = ({ whole }: Session, started: Of<"attempt.started">, now: Event): boolean => {
  const attempt = whole.runs
    .get(started.run)!
    .index.call(started.call)!
    .attempts.find(({ number }) => number === started.attempt)
  const over = attempt?.ended[0] ?? attempt?.leftBehind[0] ?? attempt?.refused[0]
  return over !== undefined && over.time === now.time
}

const lenderOf = ({ whole }: Session, run: Run, needs: (call: CallTrace) => boolean): string | undefined => {
  const { inside } = whole.insideRun(run.id)
  const around = inside === undefined ? undefined : whole.runs.get(inside.run)
  const call = around?.index.call(inside!.call)
  if (around === undefined || call === undefined) return undefined
  return needs(call) ? idOf(inside!) : lenderOf({ whole } as Session, around, needs)
}
