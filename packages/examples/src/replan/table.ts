/**
 * What the demo prints: the ledgers. Times are rounded to half seconds, so that it prints the same every time. Colours only on a terminal,
 * and not with NO_COLOR.
 */
import { styleText } from "node:util"
import type { Run } from "./planners.ts"
import type { Entry } from "./world.ts"

type Style = Parameters<typeof styleText>[0]
interface Cell {
  readonly text: string
  readonly style?: Style
}

/** Writes of the old plan that landed after one of the new plan. */
export const late = ({ ledger }: Run): ReadonlyArray<Entry> => {
  const first = ledger.findIndex(({ kind, plan }) => plan === "new" && kind === "write")
  return ledger.slice(first + 1).filter(({ kind, plan }) => plan === "old" && kind === "write")
}

/** What the price list says in the end. */
export const inTheEnd = ({ ledger }: Run): string =>
  ledger.findLast(({ kind, what }) => kind === "write" && what.startsWith(list))?.what.slice(list.length) ?? "nothing"

const list = "price list: "

export const print = (runs: ReadonlyArray<Run>): string =>
  [
    "A planner publishes a price of 100. After half a second a result says that it is 120, and it plans anew.",
    "What the ledger of the tools says:",
    "",
    ...runs.flatMap((run) => [...ofRun(run), ""])
  ]
    .map((line) => `${line.trimEnd()}\n`)
    .join("")

const ofRun = (run: Run): ReadonlyArray<string> => {
  const surprises = late(run)
  const rows = run.ledger.map((entry): ReadonlyArray<Cell> => {
    const isLate = surprises.includes(entry)
    return [
      { text: `${(Math.round(entry.at / 500) / 2).toFixed(1)} s` },
      { text: entry.plan },
      { text: entry.what, ...(entry.kind === "note" ? { style: "dim" } : {}) },
      { text: isLate ? "after the new one" : "", style: "red" }
    ]
  })
  const end = inTheEnd(run)
  const said = Object.entries(run.said).map(([id, text]) => [{ text: id.slice(1) }, { text }])
  return [
    styleText("bold", run.planner),
    ...table(["at", "plan", "what", ""], rows).map((line) => `  ${line}`),
    `  in the end the price list says ${styleText(end === "120" ? "green" : "red", end)}`,
    ...(said.length === 0 ? [] : ["", ...table(["old call", "what the session says of it"], said).map((l) => `  ${l}`)])
  ]
}

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<Cell>>): ReadonlyArray<string> => {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.text.length)))
  const line = (cells: ReadonlyArray<Cell>) =>
    cells
      .map(({ style, text }, i) => {
        const padded = i === cells.length - 1 ? text : text.padEnd(widths[i]!)
        return style === undefined || text === "" ? padded : styleText(style, padded)
      })
      .join("  ")
  return [line(head.map((text) => ({ text, style: "dim" }))), ...rows.map(line)]
}
