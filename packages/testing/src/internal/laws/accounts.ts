/**
 * The books of a budget, kept again from the journal: of a fan-out or of a session, over everything that ran in it.
 */
import type { Event, Of, Run } from "./run.ts"
import { isUnconditional } from "./tree.ts"

/** Who has the budget. */
export interface Owner {
  readonly name: string
  readonly opened: Of<"session.opened" | "fanout.opened">
  readonly limits: Of<"session.opened">["budget"]
  readonly runs: ReadonlyArray<Run>
}

export interface Ledger {
  readonly used: ReadonlyMap<string, number>
  /** Where more was used and reserved than there is: of what. */
  readonly excesses: ReadonlyArray<{ readonly event: Event; readonly at: string; readonly amount: number }>
  /** Attempts without a reservation. */
  readonly missing: ReadonlyArray<Of<"attempt.started">>
  /** Reservations that are settled later. */
  readonly late: number
  /** Reservations that were never settled. */
  readonly opened: ReadonlyArray<Of<"budget.reserved">>
}

type Amounts = { readonly [name: string]: number }

/** Differences below this part of a limit are rounding. */
const rounding = 1e-9

/**
 * Goes through the journal up to `until`. What calls without which a fan-out cannot succeed need is reserved from its opening on. A tool
 * that spends more than its ceiling breaks no limit: that holds against what it declared.
 */
export const ledgerOf = ({ limits, runs }: Owner, until: Event | undefined): Ledger => {
  const whole = runs[0]?.whole
  const used = new Map<string, number>()
  const declared = new Map<string, number>()
  const reserved = new Map<string, { readonly amounts: Amounts; readonly event: Of<"budget.reserved"> | undefined }>()
  const excesses: Array<Ledger["excesses"][number]> = []
  const missing: Array<Of<"attempt.started">> = []
  const isOver = (event: Event) => until !== undefined && whole!.place(event) > whole!.place(until)
  const events = runs.flatMap(({ events }) => events).sort((a, b) => whole!.place(a) - whole!.place(b))
  const add = (to: Map<string, number>, name: string, amount: number) => void to.set(name, (to.get(name) ?? 0) + amount)
  const check = (event: Event) => {
    for (const [at, { limit }] of Object.entries(limits)) {
      if (at === "wallClock" || at === "cohorts") continue
      let amount = declared.get(at) ?? 0
      for (const { amounts } of reserved.values()) amount += amounts[at] ?? 0
      if (amount - limit > rounding * Math.max(1, limit)) excesses.push({ event, at, amount })
    }
  }
  for (const event of events) {
    if (isOver(event)) break
    switch (event.type) {
      case "fanout.opened": {
        for (const [call, amounts] of essentialOf(whole!.runOf(event)!))
          reserved.set(`${event.run} ${call}`, { amounts, event: undefined })
        check(event)
        break
      }
      case "budget.reserved":
        if (event.attempt === 1) reserved.delete(`${event.run} ${event.call}`)
        reserved.set(attemptOf(event), { amounts: event.amounts, event })
        check(event)
        break
      case "budget.settled": {
        const { amounts = {} } = reserved.get(attemptOf(event)) ?? {}
        reserved.delete(attemptOf(event))
        for (const [name, amount] of Object.entries(event.amounts)) {
          add(used, name, amount)
          add(declared, name, Math.min(amount, amounts[name] ?? 0))
        }
        break
      }
      case "attempt.started":
        if (!reserved.has(attemptOf(event))) missing.push(event)
        break
      // it will not start: what it had goes back
      case "attempt.refused":
      case "stop.requested":
      case "call.settled":
        reserved.delete(`${event.run} ${event.call}`)
        break
      case "fanout.closed":
        for (const key of reserved.keys())
          if (key.startsWith(`${event.run} `) && !key.includes("#")) reserved.delete(key)
    }
  }
  // what runs inside of what was left behind may end, and settle, later
  const isLate = (run: string): boolean => {
    const { inside } = whole!.insideRun(run)
    return whole!.outlives(run) || (inside !== undefined && isLate(inside.run))
  }
  const all = [...reserved.values()].flatMap(({ event }) => (event === undefined || until === undefined ? [] : [event]))
  const open = all.filter(({ run }) => !isLate(run))
  return { used, excesses, missing, opened: open, late: all.length - open.length }
}

const attemptOf = ({ attempt, call, run }: Of<"budget.reserved" | "budget.settled" | "attempt.started">): string =>
  `${run} ${call}#${attempt}`

/** What is reserved at the opening; of a call that never came to start its costs are not known. */
const essentialOf = ({ index: { calls, opened } }: Run): ReadonlyArray<readonly [string, Amounts]> => {
  // what is begun when its handler has ended starts nothing, and reserves nothing
  const isBegun = calls.some(({ attempts }) => attempts.some(({ started }) => started.length > 0))
  if (!isBegun && opened?.inside !== undefined) return []
  return calls
    .filter(({ node }) => isUnconditional(node))
    .map(({ events, id }) => {
      const own = events.find((event) => event.type === "budget.reserved")
      return [id, own?.type === "budget.reserved" ? own.amounts : { calls: 1, attempts: 1 }] as const
    })
}
