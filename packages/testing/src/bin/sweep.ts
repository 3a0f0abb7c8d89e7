/**
 * `npm run sweep -- [--name NAME] [--only STEP] [--reentrant] [--json]`: fan-outs and sessions whose owner is interrupted at every step. Exit 1 where a
 * law is broken, with the line that replays it; 2 on bad usage.
 */
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import * as fanouts from "../internal/sweep/fanouts.ts"
import * as sessions from "../internal/sweep/sessions.ts"
import type { Options, SweepError, Swept } from "../Sweep.ts"

const names = [...fanouts.names, ...sessions.names]
const sweep = (name: string, options: Options) =>
  sessions.names.includes(name) ? sessions.sweep(name, options) : fanouts.sweep(name, options)

const usage = "usage: sweep [--name NAME] [--only STEP] [--reentrant] [--json]"

interface Row {
  readonly name: string
  readonly steps: number
  readonly swept: number
  readonly seconds: number
  readonly error?: string
  readonly replay?: string
}

const stepOf = ({ reason }: SweepError): number => ("moment" in reason ? reason.moment.step : 0)

const run = async (name: string, only: number | undefined, reentrant: boolean): Promise<Row> => {
  const started = performance.now()
  const options = { reentrant, ...(only === undefined ? {} : { only }) }
  const result = await Effect.runPromise(
    Effect.match(sweep(name, options), {
      onSuccess: (swept: Swept) => swept,
      onFailure: (error: SweepError) => ({
        steps: 0,
        swept: 0,
        error: error.message,
        replay: `npm run sweep -- --name ${JSON.stringify(name)} --only ${stepOf(error)}${reentrant ? " --reentrant" : ""}`
      })
    })
  )
  return { name, ...result, seconds: Number(((performance.now() - started) / 1000).toFixed(1)) }
}

const main = async (args: ReadonlyArray<string>): Promise<number> => {
  let values
  try {
    const options = {
      name: { type: "string" },
      only: { type: "string" },
      reentrant: { type: "boolean" },
      json: { type: "boolean" }
    } as const
    values = parseArgs({ args: [...args], options }).values
    if (values.name !== undefined && !names.includes(values.name)) {
      throw new Error(`nothing is called ${JSON.stringify(values.name)}; there are: ${names.join(" · ")}`)
    }
    if (values.only !== undefined && !(Number(values.only) >= 0)) throw new Error(`${values.only} is no step`)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
    return 2
  }
  const { json = false, name, only, reentrant = false } = values
  const rows: Array<Row> = []
  for (const each of name === undefined ? names : [name]) {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${each} …`)
    rows.push(await run(each, only === undefined ? undefined : Number(only), reentrant))
  }
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K")
  const failed = rows.filter(({ error }) => error !== undefined)
  if (json) console.log(JSON.stringify(rows, null, 2))
  else {
    for (const { name, seconds, steps, swept } of rows) {
      console.log(
        `${name.padEnd(40)}${String(steps).padStart(6)} steps${String(swept).padStart(7)} runs${seconds.toFixed(1).padStart(7)} s`
      )
    }
    const total = rows.reduce((n, { swept }) => n + swept, 0)
    console.log(`${rows.length} fan-outs and sessions, ${total} runs interrupted, ${failed.length} failed`)
    for (const { error, name, replay } of failed) console.log(`\n${name}: ${error}\n${replay}`)
  }
  return failed.length === 0 ? 0 : 1
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
