/**
 * `npm run simulate -- [--seeds N] [--from S] [--depth D] [--width W] [--replay JSON] [--json]`: whole fan-outs from seeds, checked against
 * every law. Exit 1 on a violation, with the line that replays it; 2 on bad usage.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { parseArgs } from "node:util"
import { Scenario } from "../Arbitraries.ts"
import * as Laws from "../Laws.ts"
import * as Simulation from "../Simulation.ts"

const usage = "usage: simulate [--seeds N] [--from S] [--depth D] [--width W] [--replay JSON] [--json]"
const show = (violations: ReadonlyArray<Laws.Violation>): string => violations.map(Laws.show).join("\n\n")

const number = (text: string | undefined, otherwise: number, least: number): number => {
  const n = text === undefined ? otherwise : Number(text)
  if (!Number.isInteger(n) || n < least) throw new Error(`expected a whole number from ${least}, got ${text}`)
  return n
}

const replay = async (text: string, json: boolean): Promise<number> => {
  const scenario = Schema.decodeUnknownSync(Schema.fromJsonString(Scenario))(text)
  const { events, ledger, violations } = await Effect.runPromise(Simulation.run(scenario))
  if (json) console.log(JSON.stringify({ scenario, events, ledger: ledger.records, violations }, null, 2))
  else {
    for (const event of events) console.log(JSON.stringify(event))
    console.log(violations.length === 0 ? "\nevery law holds" : `\n${show(violations)}`)
  }
  return violations.length === 0 ? 0 : 1
}

const explore = async (
  options: Simulation.Options & { from: number },
  seeds: number,
  json: boolean
): Promise<number> => {
  const started = performance.now()
  let told = started
  const elapsed = () => (performance.now() - started) / 1000
  const { failures, ...summary } = await Effect.runPromise(
    Simulation.runSeeds(seeds, {
      ...options,
      onRun: (done, failed) => {
        if (!process.stderr.isTTY || performance.now() - told < 500) return
        told = performance.now()
        process.stderr.write(`\r${done} of ${seeds} seeds, ${failed} failed, ${Math.round(done / elapsed())} a second `)
      }
    })
  )
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K")
  const seconds = elapsed()
  const violations = failures.reduce((n, { run }) => n + run.violations.length, 0)
  const numbers = {
    ...summary,
    violations,
    seconds: Number(seconds.toFixed(1)),
    perSecond: Math.round(seeds / seconds)
  }
  if (json) {
    const shown = failures.map(({ replay, seed, smallest }) => ({ seed, violations: smallest.violations, replay }))
    console.log(JSON.stringify({ ...numbers, failures: shown }, null, 2))
  } else {
    for (const [name, value] of Object.entries(numbers)) console.log(`${name.padEnd(12)}${value.toLocaleString("en")}`)
    for (const { replay, seed, smallest } of failures) {
      console.log(`\nseed ${seed}, shrunk:\n${show(smallest.violations)}\n${replay}`)
    }
  }
  return violations === 0 ? 0 : 1
}

const main = async (args: ReadonlyArray<string>): Promise<number> => {
  const text = { type: "string" } as const
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { seeds: text, from: text, depth: text, width: text, replay: text, json: { type: "boolean" } }
    })
    const { json = false } = values
    if (values.replay !== undefined) return await replay(values.replay, json)
    const options = {
      from: number(values.from, 0, 0),
      depth: number(values.depth, 3, 0),
      width: number(values.width, 3, 1)
    }
    return await explore(options, number(values.seeds, 1000, 1), json)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
    return 2
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
