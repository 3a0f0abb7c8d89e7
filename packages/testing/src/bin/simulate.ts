/**
 * `npm run simulate -- [--seeds N] [--questions N] [--sessions N] [--from S] [--depth D] [--width W] [--replay JSON] [--json]`: whole fan-outs
 * from seeds, then some whose tools ask people, and then whole sessions (default: one of each for each third seed), checked against every law. Exit 1 on a violation, with the line that replays it;
 * 2 on bad usage.
 */
import type { PlanError } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { parseArgs } from "node:util"
import { Scenario, SessionScenario } from "../Arbitraries.ts"
import * as Laws from "../Laws.ts"
import * as Simulation from "../Simulation.ts"

const usage =
  "usage: simulate [--seeds N] [--questions N] [--sessions N] [--from S] [--depth D] [--width W] [--replay JSON] [--json]"
const show = (violations: ReadonlyArray<Laws.Violation>): string => violations.map(Laws.show).join("\n\n")

const number = (text: string | undefined, otherwise: number, least: number): number => {
  const n = text === undefined ? otherwise : Number(text)
  if (!Number.isInteger(n) || n < least) throw new Error(`expected a whole number from ${least}, got ${text}`)
  return n
}

const replay = async (text: string, json: boolean): Promise<number> => {
  const scenario = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Union([SessionScenario, Scenario])))(text)
  const run: Effect.Effect<Simulation.Run | Simulation.SessionRun, PlanError.PlanError> =
    "planner" in scenario ? Simulation.runSession(scenario) : Simulation.run(scenario)
  const { events, ledger, violations } = await Effect.runPromise(run)
  if (json) console.log(JSON.stringify({ scenario, events, ledger: ledger.records, violations }, null, 2))
  else {
    for (const event of events) console.log(JSON.stringify(event))
    console.log(violations.length === 0 ? "\nevery law holds" : `\n${show(violations)}`)
  }
  return violations.length === 0 ? 0 : 1
}

type Found = Simulation.Failure | Simulation.Failure<Simulation.SessionRun>

/** Runs so many seeds of one kind, and shows how far it is. */
const count = async <S extends { readonly failures: ReadonlyArray<Found> }>(
  what: string,
  seeds: number,
  run: (onRun: (done: number, failed: number) => void) => Effect.Effect<S>
) => {
  const started = performance.now()
  let told = started
  const elapsed = () => (performance.now() - started) / 1000
  const { failures, ...summary } = await Effect.runPromise(
    run((done, failed) => {
      if (!process.stderr.isTTY || performance.now() - told < 500) return
      told = performance.now()
      const speed = Math.round(done / elapsed())
      process.stderr.write(`\r${done} of ${seeds} ${what}, ${failed} failed, ${speed} a second `)
    })
  )
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K")
  const seconds = elapsed()
  const violations = failures.reduce((n, { run }) => n + run.violations.length, 0)
  const time = { seconds: Number(seconds.toFixed(1)), perSecond: Math.round(seeds / Math.max(seconds, 0.001)) }
  return { numbers: { ...summary, violations, ...time }, failures }
}

const explore = async (
  options: Simulation.Options & { from: number },
  seeds: number,
  asking: number,
  sessions: number,
  json: boolean
): Promise<number> => {
  const fanouts = await count("seeds", seeds, (onRun) => Simulation.runSeeds(seeds, { ...options, onRun }))
  // those that ask, and sessions, have plans of their own size
  const { from } = options
  const asked = await count("seeds that ask", asking, (onRun) =>
    Simulation.runSeeds(asking, { from, questions: true, onRun })
  )
  const planned = await count("sessions", sessions, (onRun) => Simulation.runSessions(sessions, { from, onRun }))
  const failures: ReadonlyArray<Found> = [...fanouts.failures, ...asked.failures, ...planned.failures]
  const violations = [fanouts, asked, planned].reduce((sum, { numbers }) => sum + numbers.violations, 0)
  if (json) {
    const shown = failures.map(({ replay, seed, smallest }) => ({ seed, violations: smallest.violations, replay }))
    console.log(
      JSON.stringify(
        { ...fanouts.numbers, violations, questions: asked.numbers, planners: planned.numbers, failures: shown },
        null,
        2
      )
    )
  } else {
    for (const numbers of [fanouts.numbers, asked.numbers, planned.numbers]) {
      for (const [name, value] of Object.entries(numbers))
        console.log(`${name.padEnd(12)}${value.toLocaleString("en")}`)
      console.log("")
    }
    for (const { replay, seed, smallest } of failures) {
      console.log(`seed ${seed}, shrunk:\n${show(smallest.violations)}\n${replay}\n`)
    }
  }
  return violations === 0 ? 0 : 1
}

const main = async (args: ReadonlyArray<string>): Promise<number> => {
  const text = { type: "string" } as const
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seeds: text,
        questions: text,
        sessions: text,
        from: text,
        depth: text,
        width: text,
        replay: text,
        json: { type: "boolean" }
      }
    })
    const { json = false } = values
    if (values.replay !== undefined) return await replay(values.replay, json)
    const options = {
      from: number(values.from, 0, 0),
      depth: number(values.depth, 3, 0),
      width: number(values.width, 3, 1)
    }
    const seeds = number(values.seeds, 1000, 0)
    const third = Math.ceil(seeds / 3)
    const asking = number(values.questions, third, 0)
    return await explore(options, seeds, asking, number(values.sessions, third, 0), json)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
    return 2
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
