/**
 * Results for people and for other programs: a table, JSON, JUnit.
 *
 * @since 0.1.0
 */
import type { Result } from "./Eval.ts"
import { groupBy } from "./internal/groupBy.ts"
import { type Check, checks } from "./Score.ts"

/**
 * The results as a table per runner, with what went wrong below it.
 *
 * @since 0.1.0
 */
export const table = (results: ReadonlyArray<Result>): string => [...byRunner(results).values()].map(tableOf).join("\n")

const byRunner = (results: ReadonlyArray<Result>) => groupBy(results, ({ runner }) => runner.module)

const tableOf = (own: ReadonlyArray<Result>): string => {
  const { name, version } = own[0]!.runner
  const seen = checks.filter((check) => own.some((result) => markOf(result, check) !== undefined))
  const head = ["scenario", "verdict", "returns", ...seen]
  const rows = own.map((result) => [
    result.scenario,
    result.verdict,
    returnsOf(result),
    ...seen.map((check) => {
      const mark = markOf(result, check)
      return mark === undefined ? "·" : mark.verdict === "passed" ? "ok" : "FAIL"
    })
  ])
  const widths = head.map((title, i) => Math.max(...[head, ...rows].map((row) => row[i]!.length), title.length))
  const line = (cells: ReadonlyArray<string>) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join("  ")
      .trimEnd()
  const passed = own.filter(({ verdict }) => verdict === "passed").length
  const played = own.filter(({ verdict }) => verdict !== "n/a").length
  const title = [name, version].filter((each) => each !== undefined).join(" ")
  const faults = faultsOf(own).map((fault) => `  ${fault}`)
  return `${printable([`${title}: ${passed} of ${played}`, line(head), ...rows.map(line), ...faults].join("\n"))}\n`
}

const markOf = ({ score }: Result, check: Check) => score?.marks.find((mark) => mark.check === check)

/** Control characters of what a runner says are shown, never sent. */
const printable = (text: string): string =>
  text.replace(
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\ufffe\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

/**
 * When it returned, and how: `1.52 s`, `throws 0.71 s`, `never`. Times count from the start of the turn.
 *
 * @since 0.1.0
 */
export const returnsOf = ({ score }: Result): string =>
  score?.returns
    .map(({ after, error, threw }) =>
      after === undefined ? "never" : `${threw || error !== undefined ? "throws " : ""}${(after / 1000).toFixed(2)} s`
    )
    .join(", ") ?? "-"

/**
 * What went wrong, a line each.
 *
 * @since 0.1.0
 */
export const faultsOf = (results: ReadonlyArray<Result>): ReadonlyArray<string> =>
  results.flatMap(({ error, scenario, score, verdict }) =>
    verdict === "n/a"
      ? []
      : [
          ...(error === undefined ? [] : [`${scenario}: ${error}`]),
          ...(score?.marks ?? [])
            .filter((mark) => mark.verdict === "failed")
            .map(({ check, detail }) => `${scenario}: ${check}: ${detail}`)
        ]
  )

/**
 * The results as one JSON object.
 *
 * @since 0.1.0
 */
export const json = (results: ReadonlyArray<Result>): string => `${JSON.stringify({ eval: 1, results })}\n`

/**
 * The results as JUnit, which most CI systems read: a suite per runner, a case per scenario.
 *
 * @since 0.1.0
 */
export const junit = (results: ReadonlyArray<Result>): string => {
  const suites = [...byRunner(results).values()].map((own) => {
    const count = (verdict: Result["verdict"]) => own.filter((each) => each.verdict === verdict).length
    const name = attribute(own[0]!.runner.name)
    const counts = `tests="${own.length}" failures="${count("failed")}" errors="${count("broken")}" skipped="${count("n/a")}"`
    const cases = own.map((result) => {
      const time = (result.score?.returns ?? []).reduce((sum, { after }) => sum + (after ?? 0), 0) / 1000
      const open = `    <testcase classname="${name}" name="${attribute(result.scenario)}" time="${time}"`
      const text = attribute(faultsOf([result]).join("\n"))
      switch (result.verdict) {
        case "passed":
          return `${open}/>`
        case "n/a":
          return `${open}><skipped message="${attribute(result.error ?? "")}"/></testcase>`
        case "broken":
          return `${open}><error message="${text}"/></testcase>`
        case "failed":
          return `${open}><failure message="${text}"/></testcase>`
      }
    })
    return [`  <testsuite name="${name}" ${counts}>`, ...cases, "  </testsuite>"].join("\n")
  })
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join("\n")}\n</testsuites>\n`
}

const entities: { readonly [char: string]: string } = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\n": "&#10;"
}

const attribute = (text: string): string => printable(text).replace(/[&<>"\n]/g, (char) => entities[char]!)
