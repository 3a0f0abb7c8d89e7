/**
 * What a law is: a predicate over one run, which names the events that break it.
 */
import type { Record } from "../../Ledger.ts"
import type { Event, Run } from "./run.ts"
import type { Session } from "./whole.ts"

/**
 * A law that a run breaks.
 *
 * @since 0.1.0
 */
export interface Violation {
  /** Id of the law, such as `"G5"`. */
  readonly law: string
  readonly name: string
  readonly run: string
  /** When the run was opened, in milliseconds since the epoch. */
  readonly openedAt?: number
  /** One sentence. */
  readonly message: string
  /** The events that break it, in the order of the journal. */
  readonly events: ReadonlyArray<Event>
  /** The records of the ledger that break it. */
  readonly records: ReadonlyArray<Record>
}

/**
 * @since 0.1.0
 */
export interface Law {
  readonly id: string
  /** In three to six words. */
  readonly name: string
  /** What must hold, in one sentence. */
  readonly statement: string
  readonly check: (run: Run) => ReadonlyArray<Violation>
  /** @internal What must hold of a whole session. */
  readonly checkSession?: (session: Session) => ReadonlyArray<Violation>
}

/** Says that something is broken, and by which events and records; what is `undefined` among them is left out. */
export type Complain = (
  message: string,
  events?: ReadonlyArray<Event | undefined>,
  records?: ReadonlyArray<Record>
) => void

type Look<A> = (of: A, complain: Complain) => void

/** `lookAtSession`: what it says of a session, beside what it says of each run. */
export const law = (
  id: string,
  name: string,
  statement: string,
  look: Look<Run>,
  lookAtSession?: Look<Session>
): Law => {
  const check =
    <A extends Pick<Run, "id" | "whole">>(look: Look<A>, openedAt: (of: A) => number | undefined) =>
    (of: A): ReadonlyArray<Violation> => {
      const violations: Array<Violation> = []
      look(of, (message, events = [], records = []) => {
        const found = [...new Set(events.filter((event) => event !== undefined))]
        found.sort((a, b) => of.whole.place(a) - of.whole.place(b))
        violations.push({ law: id, name, run: of.id, openedAt: openedAt(of) ?? 0, message, events: found, records })
      })
      return violations
    }
  return {
    id,
    name,
    statement,
    check: check(look, ({ index }) => index.opened?.time),
    ...(lookAtSession === undefined ? {} : { checkSession: check(lookAtSession, ({ opened }) => opened?.time) })
  }
}
