/**
 * From samples to what is printed: costs, ratios, and the two checks (no dearer than `forEach`, and linear).
 */
import type { Kind, Name } from "./contenders.ts"
import { ratio, type Samples, spread, type Spread } from "./measure.ts"

export interface Row {
  readonly kind: Kind
  readonly calls: number
  readonly name: string
  /** Of the processor. */
  readonly microsPerCall: Spread
  readonly wallMicrosPerCall: Spread
  /** Beside `Promise.all`, in the same rounds. */
  readonly toPromiseAll: Spread
  /** Beside `Effect.forEach` with the same concurrency, checks, timeout and exit. */
  readonly toForEach: Spread
}

export interface Check {
  readonly name: string
  readonly ratio: number
  readonly limit: number
  readonly ok: boolean
}

export interface Result {
  readonly rows: ReadonlyArray<Row>
  readonly checks: ReadonlyArray<Check>
}

/** Which `forEach` a contender is compared with. */
const rivalOf = (name: string): Name => (name.endsWith(", 8") ? "forEach, 8" : "forEach, unbounded")

export const rowsOf = (kind: Kind, calls: number, samples: ReadonlyArray<Samples>): ReadonlyArray<Row> => {
  const of = (name: Name): Samples => samples.find((s) => s.name === name)!
  return samples.map((s) => ({
    kind,
    calls,
    name: s.name,
    microsPerCall: spread(s.micros),
    wallMicrosPerCall: spread(s.wallMicros),
    toPromiseAll: ratio(s, of("Promise.all")),
    toForEach: ratio(s, of(rivalOf(s.name)))
  }))
}

/** How much dearer a call may be among 10,000 than among 1,000 before it counts as more than linear; noise included. */
export const linearLimit = 1.5

const watched: ReadonlyArray<Name> = ["Toolscope, N", "Toolscope, 8"]

export const checksOf = (rows: ReadonlyArray<Row>): ReadonlyArray<Check> => {
  const check = (name: string, ratio: number, limit: number): Check => ({ name, ratio, limit, ok: ratio <= limit })
  const sizes = [...new Set(rows.map(({ calls }) => calls))].sort((a, b) => a - b)
  const many = sizes.at(-1)!
  const fewer = sizes.at(-2)
  return watched.flatMap((name) =>
    rows
      .filter((row) => row.name === name && row.calls === many)
      .flatMap((row) => {
        const before = rows.find((other) => other.name === name && other.kind === row.kind && other.calls === fewer)
        const no = check(`${name}, ${row.kind}: no dearer than forEach at ${many}`, row.toForEach.median, 1)
        if (before === undefined) return [no]
        const growth = row.microsPerCall.median / before.microsPerCall.median
        return [no, check(`${name}, ${row.kind}: linear, ${many} against ${fewer}`, growth, linearLimit)]
      })
  )
}

const micros = ({ high, low, median }: Spread): string => `${digits(median)} (${digits(low)}-${digits(high)})`
const times = ({ high, low, median }: Spread): string => `${median.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`
const digits = (n: number): string => (n < 10 ? n.toFixed(1) : n.toFixed(0))

export const tableOf = ({ checks, rows }: Result): string => {
  const header = ["handler", "N", "contender", "us per call", "/ Promise.all", "/ forEach"]
  const cells = rows.map((row) => [
    row.kind,
    row.calls.toLocaleString("en"),
    row.name,
    micros(row.microsPerCall),
    times(row.toPromiseAll),
    times(row.toForEach)
  ])
  const widths = header.map((title, i) => Math.max(title.length, ...cells.map((line) => line[i]!.length)))
  const line = (texts: ReadonlyArray<string>): string =>
    `| ${texts.map((text, i) => (i === 1 || i > 2 ? text.padStart(widths[i]!) : text.padEnd(widths[i]!))).join(" | ")} |`
  const rule = `| ${widths.map((width, i) => (i === 1 || i > 2 ? `${"-".repeat(width - 1)}:` : "-".repeat(width))).join(" | ")} |`
  const verdicts = checks.map(
    ({ limit, name, ok, ratio }) => `${ok ? "ok  " : "OVER"} ${ratio.toFixed(2)} (at most ${limit}) ${name}`
  )
  return [line(header), rule, ...cells.map(line), "", ...verdicts].join("\n")
}
