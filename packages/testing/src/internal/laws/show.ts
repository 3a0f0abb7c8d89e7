/**
 * Violations for people: one line of text, then the events that break the law, one per line, with times from the opening of the run.
 */
import type { Record as LedgerRecord } from "../../Ledger.ts"
import type { Violation } from "./law.ts"
import type { Event } from "./run.ts"

/** What is the same for all events of a run, or too large to be shown. */
const hidden = new Set([
  "toolscope",
  "session",
  "run",
  "epoch",
  "seq",
  "time",
  "type",
  "call",
  "node",
  "plan",
  "contracts"
])

const isPlain = (value: unknown): boolean => typeof value === "string" && /^[^\s"=]+$/.test(value)

const field = (name: string, value: unknown): string => {
  const text = isPlain(value) ? String(value) : JSON.stringify(value)
  return `${name}=${text.length > 80 ? `${text.slice(0, 79)}…` : text}`
}

const rest = (event: Event): string => {
  if (event.type === "fanout.closed") {
    const { drained, reason, status } = event.report
    return [
      field("status", status),
      ...(reason === undefined ? [] : [field("reason", reason._tag)]),
      field("drained", drained)
    ].join(" ")
  }
  return Object.entries(event)
    .filter(([name, value]) => !hidden.has(name) && (value as unknown) !== undefined)
    .map(([name, value]) => field(name, value))
    .join(" ")
}

const subject = (event: Event): string => ("call" in event ? event.call : "node" in event ? event.node : "")

const line = (...columns: ReadonlyArray<string>): string => `  ${columns.join("  ")}`.trimEnd()

/** Columns of the same width, one row per event. */
const table = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
  return rows.map((row) => line(...row.map((cell, i) => (i < 2 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))))
}

/** `run`: of which it is a matter of course. */
const eventRow = (event: Event, openedAt: number, run: string): ReadonlyArray<string> => [
  `#${event.seq}`,
  `${event.time - openedAt} ms`,
  event.type,
  event.run === run ? subject(event) : `${event.run} ${subject(event)}`.trimEnd(),
  rest(event)
]

const recordRow = (
  { at, attempt, call, detached, error, what }: LedgerRecord,
  openedAt: number
): ReadonlyArray<string> => [
  "ledger",
  `${at - openedAt} ms`,
  what,
  call,
  [
    field("attempt", attempt),
    ...(error === undefined ? [] : [field("error", error)]),
    ...(detached ? ["detached"] : [])
  ].join(" ")
]

export const show = ({ events, law, message, name, openedAt = 0, records, run }: Violation): string =>
  [
    `${law} ${name}: ${message} (run ${run})`,
    ...table([
      ...events.map((event) => eventRow(event, openedAt, run)),
      ...records.map((record) => recordRow(record, openedAt))
    ])
  ].join("\n")
