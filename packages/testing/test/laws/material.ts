/**
 * A journal and a ledger as they would come out of a file, and ways to break them.
 */
import type { Journal } from "@toolscope/core"
import * as Laws from "@toolscope/testing/Laws"
import type * as Ledger from "@toolscope/testing/Ledger"

export interface Material {
  readonly journal: Array<any>
  readonly ledger: Array<any>
}

/** As it would come out of a file. */
export const fromFile = ({ journal, ledger }: { readonly journal: unknown; readonly ledger: unknown }): Material =>
  JSON.parse(JSON.stringify({ journal, ledger })) as Material

export const check = ({ journal, ledger }: Material) => Laws.check(journal as ReadonlyArray<Journal.Event>, { ledger })

export type Match = { readonly [field: string]: unknown }

export const matches =
  (match: Match) =>
  (event: Match): boolean =>
    Object.entries(match).every(([name, value]) => event[name] === value)

export const indexOf = (list: ReadonlyArray<any>, match: Match): number => {
  const at = list.findIndex(matches(match))
  if (at === -1) throw new Error(`nothing matches ${JSON.stringify(match)}`)
  return at
}

/** Numbers as the journal would have given them. */
export const renumber = (journal: Array<any>): void => {
  journal.forEach((event, seq) => {
    event.seq = seq
  })
}

export const drop =
  (match: Match) =>
  ({ journal }: Material): void => {
    journal.splice(indexOf(journal, match), 1)
    renumber(journal)
  }

export const duplicate =
  (match: Match) =>
  ({ journal }: Material): void => {
    const at = indexOf(journal, match)
    journal.splice(at + 1, 0, { ...journal[at] })
    renumber(journal)
  }

/** Puts the first that matches `what` right behind the first that matches `behind`. */
export const move =
  (what: Match, behind: Match) =>
  ({ journal }: Material): void => {
    const [event] = journal.splice(indexOf(journal, what), 1)
    const at = indexOf(journal, behind)
    journal.splice(at + 1, 0, { ...event, time: journal[at].time })
    renumber(journal)
  }

export const alter =
  (match: Match, change: Match) =>
  ({ journal }: Material): void => {
    Object.assign(journal[indexOf(journal, match)], change)
  }

export const report = ({ journal }: Material): any => journal[indexOf(journal, { type: "fanout.closed" })].report

export const alterCall =
  (id: string, change: Match) =>
  (material: Material): void => {
    const { calls } = report(material)
    const call = Object.assign(calls[indexOf(calls, { id })], change)
    for (const [name, value] of Object.entries(change)) if (value === undefined) delete call[name]
  }

export const alterNode =
  (node: string, change: Match) =>
  (material: Material): void => {
    const { nodes } = report(material)
    Object.assign(nodes[indexOf(nodes, { node })], change)
  }

export const alterReport =
  (change: Match) =>
  (material: Material): void => {
    Object.assign(report(material), change)
  }

export const record =
  (match: Match, change: Match) =>
  ({ ledger }: Material): void => {
    Object.assign(ledger[indexOf(ledger, match)], change)
  }

export const add =
  (record: Partial<Ledger.Record>) =>
  ({ ledger }: Material): void =>
    void ledger.push({ run: "r", attempt: 1, ...record })

/** Takes records out. */
export const lose =
  (match: Match) =>
  ({ ledger }: Material): void => {
    indexOf(ledger, match)
    ledger.splice(0, ledger.length, ...ledger.filter((record) => !matches(match)(record)))
  }

export const both =
  (...faults: ReadonlyArray<(material: Material) => void>) =>
  (material: Material): void => {
    for (const fault of faults) fault(material)
  }

export type Fault = readonly [law: string, base: string, what: string, fault: (material: Material) => void]

export const started = (call: string, attempt = 1) => ({ type: "attempt.started", call, attempt })
export const ended = (call: string, attempt = 1) => ({ type: "attempt.ended", call, attempt })
export const settled = (call: string) => ({ type: "call.settled", call })
export const asked = (call: string) => ({ type: "stop.requested", call })
export const decided = (node: string) => ({ type: "policy.decided", node })
export const closed = { type: "fanout.closed" }
export const ofEffect = (what: string, key: string) => ({ type: `effect.${what}`, key: `r${key}` })
export const intended = (key: string) => ofEffect("intended", key)
export const committed = (key: string) => ofEffect("committed", key)
export const compensating = (key: string) => ofEffect("compensating", key)
export const compensated = (key: string) => ofEffect("compensated", key)
export const compensationFailed = (key: string) => ofEffect("compensationFailed", key)
