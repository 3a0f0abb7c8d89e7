/**
 * `npm run explore [-- --quick | --long] [--only TEXT] [--json]`: every reachable state of the decision core for all small plans. Exit 1 on a
 * violation, 2 on an argument that means nothing.
 *
 * `--quick`: what takes a few minutes in all. `--long`: also what takes hours. `--only`: the suites whose names contain this text, whatever
 * their size. How far it has come stands on standard error: on a terminal in one line, elsewhere every half minute.
 */
import { parseArgs } from "node:util"
import * as Explorer from "../Explorer.ts"
import { type Suite, suites } from "../internal/explorer/suites.ts"

const count = (n: number): string => (n < 1e9 ? n.toLocaleString("en") : n.toExponential(2))

const columns = [48, 10, 12, 15, 12, 12, 10]
const row = (cells: ReadonlyArray<string>): string =>
  cells.map((cell, i) => (i === 0 ? cell.padEnd(columns[i]!) : cell.padStart(columns[i]!))).join("")

const reporter = ({ name }: Suite, programs: number): ((sofar: Explorer.Progress) => void) => {
  const { isTTY } = process.stderr
  let told = performance.now()
  return (sofar) => {
    if (performance.now() - told < (isTTY ? 500 : 30_000)) return
    told = performance.now()
    const text = `${name}: ${sofar.programs} of ${programs} programs, ${count(sofar.transitions)} transitions`
    process.stderr.write(isTTY ? `\r${text} ` : `${text}\n`)
  }
}

const run = (suite: Suite) => {
  const { alphabet, concurrency } = suite
  const trees = suite.trees()
  const started = performance.now()
  const onProgress = reporter(suite, trees.length * concurrency.length)
  const result = Explorer.exploreAll(trees, { alphabet, concurrency, onProgress })
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K")
  return { plans: suite.name, ...result, seconds: Number(((performance.now() - started) / 1000).toFixed(1)) }
}

interface Choice {
  readonly json: boolean
  readonly chosen: ReadonlyArray<Suite>
}

const parse = (args: ReadonlyArray<string>): Choice => {
  const flag = { type: "boolean", default: false } as const
  const { values } = parseArgs({
    args: [...args],
    options: { quick: flag, long: flag, json: flag, only: { type: "string" } }
  })
  const { json, long, only, quick } = values
  const isOfSize = ({ size }: Suite): boolean =>
    size === "small" || size === "quick" || (!quick && (size === "usual" || long))
  const chosen = suites.filter((suite) => (only === undefined ? isOfSize(suite) : suite.name.includes(only)))
  if (chosen.length > 0) return { json, chosen }
  throw new Error(`no suite has "${only}" in its name; there are:\n${suites.map(({ name }) => name).join("\n")}`)
}

const main = ({ chosen, json }: Choice): number => {
  const done: Array<ReturnType<typeof run>> = []
  if (!json) console.log(row(["plans", "programs", "states", "transitions", "schedules", "violations", "seconds"]))
  for (const suite of chosen) {
    const result = run(suite)
    done.push(result)
    if (json) continue
    const { programs, schedules, seconds, states, transitions, violations } = result
    const numbers = [count(programs), count(states), count(transitions), schedules.toExponential(1)]
    console.log(row([suite.name, ...numbers, String(violations.length), seconds.toFixed(1)]))
    for (const violation of violations) console.log(Explorer.describe(violation))
  }
  if (json) console.log(JSON.stringify(done, null, 2))
  return done.every(({ violations }) => violations.length === 0) ? 0 : 1
}

if (import.meta.main) {
  let choice: Choice | undefined
  try {
    choice = parse(process.argv.slice(2))
  } catch (error) {
    console.error((error as Error).message)
  }
  process.exitCode = choice === undefined ? 2 : main(choice)
}
