/**
 * What a law is: a predicate over one run, which names the events that break it.
 */
import type { Record } from "../../Ledger.ts"
import type { Event, Run } from "./run.ts"

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
}

/** Says that something is broken, and by which events and records; what is `undefined` among them is left out. */
export type Complain = (
  message: string,
  events?: ReadonlyArray<Event | undefined>,
  records?: ReadonlyArray<Record>
) => void

export const law = (
  id: string,
  name: string,
  statement: string,
  look: (run: Run, complain: Complain) => void
): Law => ({
  id,
  name,
  statement,
  check: (run) => {
    const violations: Array<Violation> = []
    look(run, (message, events = [], records = []) => {
      const found = [...new Set(events.filter((event) => event !== undefined))]
      found.sort((a, b) => run.index.place(a) - run.index.place(b))
      const openedAt = run.index.opened?.time ?? 0
      violations.push({ law: id, name, run: run.id, openedAt, message, events: found, records })
    })
    return violations
  }
})
