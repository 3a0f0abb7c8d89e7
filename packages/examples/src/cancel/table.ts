/**
 * What the demo prints. Times are rounded to half seconds, so that it prints the same every time. Colours only on a terminal, and not
 * with NO_COLOR.
 */
import { styleText } from "node:util"
import type { Run } from "./runners.ts"
import { type Entry, names } from "./world.ts"

type Style = Parameters<typeof styleText>[0]
interface Cell {
  readonly text: string
  readonly style?: Style
}

/** Effects that landed when the runner had returned. */
export const late = ({ ledger, returned }: Run): ReadonlyArray<Entry> =>
  ledger.filter(({ at, kind }) => kind === "effect" && at > returned)

/** Those of them that it had not said may come. */
export const unannounced = (run: Run): ReadonlyArray<Entry> =>
  late(run).filter(({ tool }) => !run.warned.includes(tool))

/** Effects that nobody has taken back, and of which the runner said nothing, though the whole had failed. */
export const unaccounted = (run: Run): ReadonlyArray<Entry> =>
  run.ledger.filter(
    ({ kind, tool }) =>
      kind === "effect" &&
      !run.ledger.some((other) => other.tool === tool && other.kind === "undo") &&
      !(run.said[tool] ?? "").match(/Unknown|effect /)
  )

export const seconds = (millis: number): string => `${(Math.round(millis / 500) / 2).toFixed(1)} s`

export const print = (runs: ReadonlyArray<Run>): string =>
  [
    "Five tools that are hard to stop. After 0.5 s one of them fails, and with it the whole.",
    "What each runner said of the calls when it returned, and what the ledger of the tools says:",
    "",
    ...runs.flatMap((run) => [...ofRun(run), ""]),
    ...summary(runs)
  ]
    .map((line) => `${line.trimEnd()}\n`)
    .join("")

const ofRun = (run: Run): ReadonlyArray<string> => {
  const rows = names.map((name): ReadonlyArray<Cell> => {
    const entries = run.ledger.filter(({ tool }) => tool === name)
    const after = late(run).filter(({ tool }) => tool === name)
    const surprise = unannounced(run).some(({ tool }) => tool === name)
    const times = after.map(({ at }) => seconds(at)).join(", ")
    return [
      { text: name },
      { text: run.said[name] ?? "nothing", ...(run.said[name] === undefined ? { style: "dim" } : {}) },
      { text: happened(entries) },
      after.length === 0
        ? { text: "-", style: "dim" }
        : { text: surprise ? `at ${times}` : `at ${times}, as it said`, style: surprise ? "red" : "yellow" }
    ]
  })
  const head = ["call", "what it said", "what happened", "after the return"]
  return [
    styleText("bold", `${run.runner} returned after ${seconds(run.returned)}`),
    ...table(head, rows).map((line) => `  ${line}`)
  ]
}

const happened = (entries: ReadonlyArray<Entry>): string => {
  const counts = new Map<string, number>()
  for (const { what } of entries) counts.set(what, (counts.get(what) ?? 0) + 1)
  return [...counts].map(([what, count]) => (count === 1 ? what : count === 2 ? `${what} twice` : what)).join(", ")
}

const summary = (runs: ReadonlyArray<Run>): ReadonlyArray<string> =>
  table(
    ["runner", "returned after", "effects after that", "unannounced", "effects it did not account for"],
    runs.map((run) => [
      { text: run.runner },
      { text: seconds(run.returned) },
      { text: String(late(run).length) },
      count(unannounced(run).length),
      count(unaccounted(run).length)
    ])
  )

const count = (n: number): Cell => ({ text: String(n), style: n === 0 ? "green" : "red" })

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<Cell>>): ReadonlyArray<string> => {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.text.length)))
  const line = (cells: ReadonlyArray<Cell>) =>
    cells
      .map(({ style, text }, i) => {
        const padded = i === cells.length - 1 ? text : text.padEnd(widths[i]!)
        return style === undefined ? padded : styleText(style, padded)
      })
      .join("  ")
  return [line(head.map((text) => ({ text, style: "dim" }))), ...rows.map(line)]
}
