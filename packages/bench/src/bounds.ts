/**
 * `npm run bench:bounds [-- --json]`: how closely a fan-out keeps its bound. N tools that pay no heed to a stop, with undos that hang, on
 * the real clock: from the decision to the return, as a part of what is allowed (`drain`, or `drain` + `undo`).
 */
import { Contract, Fanout, Plan } from "@toolscope/core"
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"

const { values: flags } = parseArgs({ options: { json: { type: "boolean", default: false } } })
const rounds = 7

interface Case {
  readonly name: string
  readonly calls: number
  readonly plan: Plan.Plan<unknown, unknown>
  /** Milliseconds from the decision to the last bound. */
  readonly allowed: number
}

const drain = 200
const undo = 300
const reads = Contract.readOnly
const fails = Plan.effect(Effect.delay(Effect.fail("bad"), 20), reads)
const deaf = Effect.uninterruptible(Effect.sleep(2_000))
const many = <A>(calls: number, make: () => A): ReadonlyArray<A> => Array.from({ length: calls }, make)
const hangs = Contract.compensable({ compensate: () => Effect.never })

const cases: ReadonlyArray<Case> = [1, 100, 1_000].flatMap((calls) => [
  {
    name: "deaf readers",
    calls,
    plan: Plan.all([fails, ...many(calls, () => Plan.effect(deaf, reads))]),
    allowed: drain
  },
  {
    name: "undos that hang",
    calls,
    plan: Plan.atomic(Plan.all([fails, ...many(calls, () => Plan.effect(Effect.void, hangs))])),
    allowed: undo
  },
  {
    name: "a deaf reader, then undos that hang",
    calls,
    plan: Plan.atomic(
      Plan.all([fails, Plan.effect(deaf, reads), ...many(calls, () => Plan.effect(Effect.void, hangs))])
    ),
    allowed: drain + undo
  }
])

const drainOf = (plan: Case["plan"]): Promise<number> =>
  Fanout.start(plan, { drain, undo, concurrency: 2_000 }).pipe(
    Effect.flatMap(({ report }) => report),
    Effect.map(({ drainMillis }) => drainMillis),
    Effect.scoped,
    Effect.runPromise
  )

const rows: Array<{ readonly case: string; readonly calls: number; readonly median: number; readonly worst: number }> =
  []
for (const { allowed, calls, name, plan } of cases) {
  console.error(`${name}, ${calls.toLocaleString("en")} calls`)
  const ratios: Array<number> = []
  for (let round = 0; round < rounds; round++) ratios.push((await drainOf(plan)) / allowed)
  ratios.sort((a, b) => a - b)
  rows.push({ case: name, calls, median: ratios[rounds >> 1]!, worst: ratios[rounds - 1]! })
}

if (flags.json) console.log(JSON.stringify({ node: process.version, drain, undo, rows }, null, 2))
else {
  console.log("| case | calls | used of what is allowed, median | worst of 7 |\n| --- | ---: | ---: | ---: |")
  for (const row of rows)
    console.log(
      `| ${row.case} | ${row.calls.toLocaleString("en")} | ${row.median.toFixed(3)} | ${row.worst.toFixed(3)} |`
    )
}
