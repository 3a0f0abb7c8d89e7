/**
 * `npm run matrix -- [--animal NAME] [--policy NAME] [--moment NAME] [--by plan|user|parent|nobody] [--every N] [--keep DIR] [--json]`: every
 * animal of the zoo under every policy, stopped before its start, before, in and after its commit, and while it is being undone. The oracle
 * is a file that the tools write. Exit 1 where anything is wrong, with the line that replays it; 2 on bad usage.
 */
import { parseArgs } from "node:util"
import { type Cell, limits, moments, type Result } from "../internal/matrix/cell.ts"
import { animals, type Counts, policies, runAll, type Summary } from "../internal/matrix/matrix.ts"
import * as Laws from "../Laws.ts"

const usage =
  "usage: matrix [--animal NAME] [--policy NAME] [--moment NAME] [--by plan|user|parent|nobody] [--every N] [--keep DIR] [--json]"

const stoppers = ["nobody", "plan", "user", "parent"] as const

const one = <A extends string>(name: string, text: string | undefined, all: ReadonlyArray<A>): A | undefined => {
  if (text === undefined) return undefined
  const found = all.find((each) => each === text)
  if (found === undefined) throw new Error(`--${name} ${JSON.stringify(text)} is none of: ${all.join(" · ")}`)
  return found
}

const replay = ({ animal, by, moment, policy }: Cell): string =>
  `npm run matrix -- --animal ${animal} --policy ${JSON.stringify(policy)} --moment ${JSON.stringify(moment)} --by ${by}`

const rows: ReadonlyArray<readonly [keyof Counts, string]> = [
  ["cells", "runs"],
  ["reached", "in which the moment came"],
  ["calls", "calls"],
  ["committed", "effects, by the ledger"],
  ["undone", "effects undone, by the ledger"],
  ["passed", "effects that passed the gate"],
  ["passedAfterStop", "… after a stop"],
  ["falseCancelled", 'false "cancelled"'],
  ["falseCommitted", 'false "committed"'],
  ["falseCompensated", 'false "compensated"'],
  ["unsaid", "effects that no report lists"],
  ["withoutOutcome", "calls without one outcome"],
  ["late", "returns after drain + undo"],
  ["hung", "runs that never ended"],
  ["violations", "laws broken"]
]

const table = ({ byMoment, total }: Summary): string => {
  const columns = [...moments.map((moment) => [moment, byMoment[moment]] as const), ["all", total] as const]
  const cell = (text: string | number) => (typeof text === "number" ? text.toLocaleString("en") : text).padStart(14)
  return [
    `${"".padEnd(30)}${columns.map(([name]) => cell(name)).join("")}`,
    ...rows.map(([key, name]) => `${name.padEnd(30)}${columns.map(([, counts]) => cell(counts[key])).join("")}`)
  ].join("\n")
}

const faults = (result: Result): string => {
  const { cell: _, firstAt: __, violations, waited, ...numbers } = result
  const wrong = Object.entries(numbers).filter(
    ([name, value]) =>
      (rows.findIndex(([key]) => key === name) > 5 || name === "hang") && Number(value) !== 0 && value !== undefined
  )
  const counted = wrong.map(([name, value]) => `${name}: ${String(value)}`).join(", ")
  return [`${counted} (waited ${waited} ms)`, ...violations.map(Laws.show), replay(result.cell)].join("\n")
}

const main = async (args: ReadonlyArray<string>): Promise<number> => {
  let options
  let json
  try {
    const text = { type: "string" } as const
    const { values } = parseArgs({
      args: [...args],
      options: {
        animal: text,
        policy: text,
        moment: text,
        by: text,
        every: text,
        keep: text,
        json: { type: "boolean" }
      }
    })
    json = values.json ?? false
    const every = Number(values.every ?? 1)
    if (!Number.isInteger(every) || every < 1) throw new Error(`--every is a whole number from 1, not ${values.every}`)
    const only = {
      animal: one("animal", values.animal, animals),
      policy: one("policy", values.policy, policies),
      moment: one("moment", values.moment, moments),
      by: one("by", values.by, stoppers)
    }
    options = {
      every,
      only: Object.fromEntries(Object.entries(only).filter(([, value]) => value !== undefined)) as Partial<Cell>,
      ...(values.keep === undefined ? {} : { keep: values.keep })
    }
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
    return 2
  }
  const started = performance.now()
  let told = started
  const summary = await runAll({
    ...options,
    onResult: (done, of) => {
      if (!process.stderr.isTTY || performance.now() - told < 500) return
      told = performance.now()
      process.stderr.write(`\r${done} of ${of} runs `)
    }
  })
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K")
  const seconds = Number(((performance.now() - started) / 1000).toFixed(1))
  const { longest, refused, wrong } = summary
  if (json) {
    const shown = wrong.map((result) => ({ ...result, replay: replay(result.cell) }))
    console.log(JSON.stringify({ ...summary, limits, seconds, wrong: shown }, null, 2))
    return wrong.length === 0 ? 0 : 1
  }
  console.log(`${summary.animals} animals under ${summary.policies} policies; ${refused} pairs are refused as plans`)
  console.log(table(summary))
  console.log(
    `longest return: ${longest.waited} ms, of drain ${limits.drain} ms and undo ${limits.undo} ms${longest.cell === undefined ? "" : `: ${replay(longest.cell)}`}`
  )
  console.log(`${seconds} s, ${wrong.length} runs are wrong`)
  for (const result of wrong.slice(0, 20)) console.log(`\n${faults(result)}`)
  return wrong.length === 0 ? 0 : 1
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
