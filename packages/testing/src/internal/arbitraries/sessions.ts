/**
 * Planners that change their minds: what a session is allowed, and what its planner does with it, one move after the other.
 */
import { Contract, type PlanDocument } from "@toolscope/core"
import type * as Arbitrary from "effect/Arbitrary"
import * as A from "effect/Arbitrary"
import type * as Schema from "effect/Schema"
import type { Move, SessionData } from "../../Arbitraries.ts"
import { index, int, maybe, object, one, rarely, value } from "./choose.ts"
import { type Bounds, type Kept, nodes } from "./plans.ts"

type Json = { readonly [key: string]: Schema.Json }

/** Small limits, so that they are met. */
export const budget: Arbitrary.Arbitrary<Json> = object({
  calls: maybe(3, int(0, 8)),
  attempts: maybe(2, int(1, 10)),
  wallClock: maybe(6, int(0, 150)),
  costs: maybe(2, object({ usd: int(0, 9) }))
})

export const sessionData: Arbitrary.Arbitrary<SessionData> = object({
  budget: maybe(
    2,
    A.map(A.all([budget, maybe(3, int(1, 4))]), ([budget, cohorts]) =>
      cohorts === undefined ? budget : { ...budget, cohorts }
    )
  ),
  limits: maybe(
    2,
    object({
      concurrency: maybe(2, int(1, 3)),
      tools: maybe(3, object({ t0: int(1, 2) })),
      resources: maybe(2, object({ disk: int(1, 2) })),
      waiting: maybe(3, int(0, 3))
    })
  ),
  loop: maybe(3, int(1, 3)),
  retryRatio: maybe(4, value(0, 0.5))
})

const spend = object({ usd: int(0, 4) })

/** Now and then a behaviour says what it costs. */
const spending = (script: Schema.Json): Arbitrary.Arbitrary<Schema.Json> =>
  A.map(maybe(3, spend), (spend) => {
    if (spend === undefined) return script
    const add = (one: object) => ({ ...one, spend })
    const { attempts } = script as { readonly attempts?: ReadonlyArray<object> }
    return attempts === undefined ? add(script as object) : { attempts: attempts.map(add) }
  })

const agentOf = (name: string, contract: Contract.Contract, below: Arbitrary.Arbitrary<Schema.Json>): Kept => ({
  name,
  contract,
  drives: "effect",
  params: object({
    after: maybe(
      2,
      A.map(index(4), (n) => 10 * n)
    ),
    does: value("fanout", "fanout", "fanout", "fanout", "session", "letsGo", "replan", "cancel"),
    plan: below,
    strict: maybe(2, A.Constant(true)),
    deaf: maybe(6, A.Constant(true))
  })
})

/** The agents of a scenario, and their contracts. */
export const agents = {
  agent: Contract.readOnly,
  acting: Contract.make({ effect: "additive", repeat: "keyed", interruption: "anywhere" }),
  steadfast: Contract.make({ effect: "additive", repeat: "keyed", interruption: "never" })
} as const

const withAgents = (tools: ReadonlyArray<Kept>, below: Arbitrary.Arbitrary<Schema.Json>): ReadonlyArray<Kept> => [
  ...tools,
  ...Object.entries(agents).map(([name, contract]) => agentOf(name, contract, below))
]

/** A document with settings of its own. */
const documents = (
  tools: ReadonlyArray<Kept>,
  settings: Arbitrary.Arbitrary<PlanDocument.Settings>,
  bounds: Bounds
): Arbitrary.Arbitrary<Schema.Json> =>
  A.map(A.all([nodes(tools, bounds), settings, maybe(4, budget)]), ([plan, settings, budget]) => ({
    toolscope: 1,
    plan,
    ...(settings as Json),
    ...(budget === undefined ? {} : { budget })
  }))

export const planners = (
  tools: ReadonlyArray<Kept>,
  settings: Arbitrary.Arbitrary<PlanDocument.Settings>,
  { depth, width }: Bounds
): Arbitrary.Arbitrary<ReadonlyArray<Move>> => {
  const spenders = tools.map((tool): Kept => ({ ...tool, alter: spending }))
  const innermost = documents(spenders, settings, { depth: 1, width: 2 })
  const inner = documents(withAgents(spenders, innermost), settings, { depth: 1, width: 2 })
  const plan = documents(withAgents(spenders, inner), settings, { depth, width })
  const when = rarely<Move["when"]>(
    3,
    A.map(index(9), (n) => ({ millis: 10 * n })),
    A.map(index(3), (n) => ({ outcomes: n + 1 }))
  )
  const planned = object({
    when,
    does: value("replan", "replan", "fanout"),
    plan,
    despite: maybe(2, A.Constant(true))
  })
  const other = object({ when, does: value("cancel", "interrupt", "interrupt", "cancel", "close") })
  return A.map(
    A.all([
      object({ when, does: value("fanout"), plan }),
      A.array(one<Move>(planned, planned, other), { minLength: 1, maxLength: 4 })
    ]),
    ([first, rest]) => [first, ...rest] as ReadonlyArray<Move>
  )
}
