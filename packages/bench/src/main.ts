/**
 * `npm run bench [-- --quick] [-- --json] [-- --check] [-- --sizes 5,1000]`: the cost of a call, as ratios within one run. The table goes
 * to standard output, progress to standard error. With `--check` it exits 1 when something is over its limit.
 */
import { parseArgs } from "node:util"
import { answerTo, contendersOf, type Item, itemsOf, kinds } from "./contenders.ts"
import { measure } from "./measure.ts"
import { checksOf, type Result, type Row, rowsOf, tableOf } from "./result.ts"

const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    sizes: { type: "string", default: "5,1000,10000" }
  }
})
const sizes = flags.sizes.split(",").map(Number)
if (sizes.some((size) => !Number.isInteger(size) || size < 1)) {
  console.error(`--sizes is a list of whole numbers from 1, such as 5,1000, not ${flags.sizes}`)
  process.exit(2)
}
const { gc } = globalThis
if (gc === undefined) {
  console.error(
    "Run it with `npm run bench`: without node --expose-gc garbage of one contender is charged to the next."
  )
  process.exit(2)
}
const options = {
  rounds: flags.quick ? 3 : 9,
  warmUp: flags.quick ? 1 : 2,
  collectGarbage: () => {
    gc()
  },
  processor: () => {
    const { system, user } = process.cpuUsage()
    return system + user
  },
  wall: () => performance.now() * 1_000
}
/** So that a sample takes long enough to be timed. */
const callsPerSample = flags.quick ? 500 : 5_000

const checked = async (name: string, items: ReadonlyArray<Item>, answers: Promise<ReadonlyArray<unknown>>) => {
  const given = await answers
  const last = items.at(-1)!
  if (given.length !== items.length || JSON.stringify(given.at(-1)) !== JSON.stringify(answerTo(last))) {
    throw new Error(`${name} lost or changed answers: what it measures means nothing`)
  }
}

const rows: Array<Row> = []
for (const kind of kinds) {
  for (const calls of sizes) {
    console.error(`${kind}, ${calls.toLocaleString("en")} calls`)
    const items = itemsOf(calls)
    const tasks = contendersOf(kind).map(({ name, run }) => ({ name, run: () => checked(name, items, run(items)) }))
    rows.push(...rowsOf(kind, calls, await measure(tasks, calls, callsPerSample, options)))
  }
}
const result: Result = { rows, checks: checksOf(rows) }
console.log(flags.json ? JSON.stringify({ node: process.version, ...result }, null, 2) : tableOf(result))
if (flags.check && result.checks.some(({ ok }) => !ok)) process.exitCode = 1
