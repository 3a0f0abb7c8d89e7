/**
 * `npm run explore [-- --quick] [--json]`: every reachable state of the decision core for all small plans. Exit 1 on a violation.
 */
import * as Explorer from "../Explorer.ts"
import { suites } from "../internal/explorer/suites.ts"

const count = (n: number): string => (n < 1e9 ? n.toLocaleString("en") : n.toExponential(2))

const main = (args: ReadonlyArray<string>): number => {
  const json = args.includes("--json")
  const chosen = suites.filter((suite) => suite.quick || !args.includes("--quick"))
  const rows: Array<object> = []
  let violations = 0
  if (!json)
    console.log(
      "plans                                    programs      states   transitions     schedules  violations  seconds"
    )
  for (const suite of chosen) {
    const started = performance.now()
    const trees = suite.trees()
    let told = started
    const result = Explorer.exploreAll(trees, {
      alphabet: suite.alphabet,
      concurrency: suite.concurrency,
      onProgram: ({ programs, transitions }) => {
        if (!process.stderr.isTTY || performance.now() - told < 500) return
        told = performance.now()
        process.stderr.write(
          `\r${suite.name}: ${programs} of ${trees.length * suite.concurrency.length}, ${count(transitions)} transitions `
        )
      }
    })
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[K")
    const seconds = (performance.now() - started) / 1000
    violations += result.violations.length
    rows.push({ plans: suite.name, ...result, seconds: Number(seconds.toFixed(1)) })
    if (json) continue
    const { programs, schedules, states, transitions } = result
    console.log(
      suite.name.padEnd(38) +
        count(programs).padStart(11) +
        count(states).padStart(12) +
        count(transitions).padStart(14) +
        schedules.toExponential(1).padStart(14) +
        String(result.violations.length).padStart(12) +
        seconds.toFixed(1).padStart(9)
    )
    for (const violation of result.violations) console.log(Explorer.describe(violation))
  }
  if (json) console.log(JSON.stringify(rows, null, 2))
  return violations === 0 ? 0 : 1
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2))
