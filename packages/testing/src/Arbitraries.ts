/**
 * **Arbitraries** of what Toolscope runs: contracts, behaviours that keep them, plans over them, settings, moments of interruption; and the
 * *scenario* that holds them all. They are Effect's own (`effect/Arbitrary`), for `it.effect.prop`, and everything they make is plain JSON,
 * so that a failure prints as one line and shrinks.
 *
 * Plans are valid by construction, and behaviours honest: a tool may be deaf, hang, die and answer nonsense, but it does not act under a
 * contract that says it only reads.
 *
 * @since 0.1.0
 */
import { Contract, type PlanDocument, type Session, type Tool } from "@toolscope/core"
import type * as Arbitrary from "effect/Arbitrary"
import * as A from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as behaviours from "./internal/arbitraries/behaviours.ts"
import { index, int, maybe, object, one, rarely, value } from "./internal/arbitraries/choose.ts"
import * as plans from "./internal/arbitraries/plans.ts"
import * as askers from "./internal/arbitraries/questions.ts"
import * as planners from "./internal/arbitraries/sessions.ts"
import * as Zoo from "./Zoo.ts"

/**
 * A contract as data: as an operator writes it, and with `commit`, `compensate` and `probe`. Where those say `"custom"`, it has the undo and
 * the probe of the zoo.
 *
 * @since 0.1.0
 */
export const ContractData = Schema.Union([
  Contract.Operator.members[0],
  Schema.Struct({
    ...Contract.Operator.members[1].fields,
    commit: Contract.Data.fields.commit,
    compensate: Contract.Data.fields.compensate,
    probe: Contract.Data.fields.probe
  })
])

/**
 * The contract that data stands for.
 *
 * @since 0.1.0
 */
export const contractOf = (data: typeof ContractData.Type): Contract.Contract => {
  const contract = Contract.fromOperator(data)
  if (typeof data === "string" || contract.effect === "none") return contract
  const { commit, compensate, probe } = data
  return {
    ...contract,
    ...(commit === undefined ? {} : { commit }),
    ...(compensate === undefined ? {} : { compensate: compensate === "custom" ? Zoo.compensate : compensate }),
    ...(probe === undefined ? {} : { probe: Zoo.probe })
  }
}

/**
 * A tool of a scenario: its contract, and whether its handler is an Effect or a promise. What it does stands in the parameters of each
 * call.
 *
 * @since 0.1.0
 */
export const ToolData = Schema.Struct({
  contract: ContractData,
  drives: Schema.optionalKey(Schema.Literals(["effect", "promise"])),
  /** The most that an attempt may cost, as it says. */
  cost: Schema.optionalKey(Schema.Record(Schema.String, Schema.Number)),
  /** Does somebody have to agree before it starts? */
  approval: Schema.optionalKey(Schema.Literals(["always", "byContract"]))
})

/**
 * Who is asked, and answers, denies, answers nonsense or too often, as a random number says; when only questions remain the fan-out waits, or
 * is suspended, and resumed with some of the answers.
 *
 * @since 0.1.0
 */
export const QuestionsData = Schema.Struct({
  when: Schema.Literals(["wait", "suspend"]),
  seed: Schema.Int
})

/**
 * How the owner of a fan-out ends it: `interrupt` its fiber, `stop` it by its handle, or `close` the scope it was started in; at a time (in
 * milliseconds) or at a step, counted as `Sweep` counts them.
 *
 * @since 0.1.0
 */
export const Interruption = Schema.Struct({
  by: Schema.Literals(["interrupt", "stop", "close"]),
  at: Schema.Union([Schema.Struct({ millis: Schema.Number }), Schema.Struct({ step: Schema.Int })])
})

/**
 * Who runs next whenever several fibers are ready.
 *
 * - `order`: `"any"`, each as likely as the other; `"ranked"`, by probabilistic concurrency testing with so many `changes`; `"plain"`, as
 *   Effect's own scheduler
 * - `yields`: the chance, in percent, that a fiber has to wait before an operation
 *
 * @since 0.1.0
 */
export const Schedule = Schema.Struct({
  order: Schema.Literals(["plain", "any", "ranked"]),
  seed: Schema.Int,
  yields: Schema.optionalKey(Schema.Int),
  changes: Schema.optionalKey(Schema.Int)
})

/**
 * One run, whole: tools, plan with its settings, how its owner ends it, and in which order fibers run.
 *
 * @since 0.1.0
 */
export const Scenario = Schema.Struct({
  tools: Schema.Record(Schema.String, ToolData),
  /** In the plan format. */
  plan: Schema.Json,
  interruption: Schema.optionalKey(Interruption),
  /** Where its tools ask. Then `agent`, `acting` and `steadfast` are among them, as in a session. */
  questions: Schema.optionalKey(QuestionsData),
  schedule: Schedule
})

/**
 * @since 0.1.0
 */
export type Scenario = typeof Scenario.Type

/**
 * What a session is allowed: the options of `Session.make` that are data.
 *
 * @since 0.1.0
 */
export const SessionData = Schema.Struct({
  budget: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
  limits: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
  loop: Schema.optionalKey(Schema.Int),
  retryRatio: Schema.optionalKey(Schema.Number)
})

/**
 * @since 0.1.0
 */
export type SessionData = typeof SessionData.Type

/**
 * What a planner does, so many milliseconds after its last move, or when so many more calls have settled: it runs a plan (`fanout`), plans
 * anew (`replan`; with `despite`, whatever was left behind), stops what runs (`cancel`), is itself interrupted while it waits for what it
 * ran last (`interrupt`), or closes the session (`close`).
 *
 * @since 0.1.0
 */
export const Move = Schema.Struct({
  when: Schema.Union([Schema.Struct({ millis: Schema.Number }), Schema.Struct({ outcomes: Schema.Int })]),
  does: Schema.Literals(["fanout", "replan", "cancel", "interrupt", "close"]),
  /** In the plan format; of `fanout` and `replan`. */
  plan: Schema.optionalKey(Schema.Json),
  despite: Schema.optionalKey(Schema.Boolean)
})

/**
 * @since 0.1.0
 */
export type Move = typeof Move.Type

/**
 * A whole session: its tools, what it is allowed, what its planner does, and in which order fibers run. Beside its own tools there are three
 * sub-agents (`Zoo.agent`): `agent` reads, `acting` acts, `steadfast` acts and is never interrupted.
 *
 * @since 0.1.0
 */
export const SessionScenario = Schema.Struct({
  tools: Schema.Record(Schema.String, ToolData),
  session: SessionData,
  planner: Schema.Array(Move),
  schedule: Schedule
})

/**
 * @since 0.1.0
 */
export type SessionScenario = typeof SessionScenario.Type

/**
 * How large plans become.
 *
 * @since 0.1.0
 */
export interface Bounds {
  /** Policies above a call. Default 3. */
  readonly depth?: number
  /** Children of a policy. Default 3. */
  readonly width?: number
  /** Tools ask people, and sub-agents run fan-outs in which they do. Default `false`. */
  readonly questions?: boolean
}

/**
 * A contract as data: {@link contractOf} makes the contract of it.
 *
 * @since 0.1.0
 */
export const contracts: Arbitrary.Arbitrary<typeof ContractData.Type> = behaviours.contractData

/**
 * What a tool of the zoo does in an attempt. It is honest: what it does keeps the contract, and an error that says that nothing happened
 * follows no act.
 *
 * @since 0.1.0
 */
export const behavioursOf = (
  contract: Contract.Contract,
  options: { readonly drives?: "effect" | "promise" } = {}
): Arbitrary.Arbitrary<Zoo.Behaviour> => behaviours.behaviour(contract, options.drives ?? "effect")

/**
 * Nodes of the plan format over these tools of the zoo. Each decodes without a fault.
 *
 * @since 0.1.0
 */
export const nodes = (tools: ReadonlyArray<Zoo.ZooTool>, { depth = 3, width = 3 }: Bounds = {}) =>
  plans.nodes(tools, { depth, width })

/**
 * Bounds of a fan-out: drain, undo and concurrency, small and large.
 *
 * @since 0.1.0
 */
export const settings: Arbitrary.Arbitrary<PlanDocument.Settings> = object({
  drain: maybe(2, value(0, 15, 100)),
  undo: maybe(2, value(0, 15, 100)),
  concurrency: maybe(2, int(1, 4))
})

/**
 * @since 0.1.0
 */
export const interruptions: Arbitrary.Arbitrary<typeof Interruption.Type> = object({
  by: value("interrupt", "interrupt", "stop", "close"),
  at: one<(typeof Interruption.Type)["at"]>(
    A.map(index(13), (n) => ({ millis: 5 * n })),
    A.map(index(120), (n) => ({ step: n + 1 }))
  )
})

/**
 * @since 0.1.0
 */
export const schedules: Arbitrary.Arbitrary<typeof Schedule.Type> = object({
  order: value("plain", "any", "any", "ranked", "ranked"),
  seed: int(0, 1_000_000),
  yields: maybe(2, value(5, 30)),
  changes: maybe(2, int(1, 5))
})

const toolData: Arbitrary.Arbitrary<typeof ToolData.Type> = object({
  contract: behaviours.contractData,
  drives: rarely<"promise" | undefined>(3, A.Constant(undefined), A.Constant("promise"))
})

/**
 * Whole scenarios. `interrupted`: always, never, or (default) every other.
 *
 * @since 0.1.0
 */
export const scenarios = (
  options: Bounds & { readonly interrupted?: "always" | "never" } = {}
): Arbitrary.Arbitrary<Scenario> => {
  const interrupted =
    options.interrupted === "always"
      ? interruptions
      : options.interrupted === "never"
        ? A.Constant(undefined)
        : maybe(2, interruptions)
  const asks = options.questions === true
  const tools = A.map(
    A.array(asks ? askingData : toolData, { minLength: 1, maxLength: 3 }),
    (list): Scenario["tools"] => ({
      reads: { contract: "readOnly" },
      ...Object.fromEntries(list.map((tool, i) => [`t${i}`, tool]))
    })
  )
  const bounds = { depth: options.depth ?? (asks ? 2 : 3), width: options.width ?? 3 }
  return A.flatMap(tools, (tools): Arbitrary.Arbitrary<Scenario> =>
    A.map(
      A.all([
        asks ? askers.plans(toolsOf(tools), settings, bounds) : nodes(toolsOf(tools), bounds),
        settings,
        interrupted,
        asks ? questions : A.Constant(undefined),
        schedules
      ]),
      ([plan, settings, interruption, questions, schedule]) => ({
        tools,
        plan: { toolscope: 1, plan, ...(settings as { readonly [key: string]: Schema.Json }) },
        ...(interruption === undefined ? {} : { interruption }),
        ...(questions === undefined ? {} : { questions }),
        schedule
      })
    )
  )
}

const questions: Arbitrary.Arbitrary<typeof QuestionsData.Type> = object({
  when: value("wait", "suspend", "suspend"),
  seed: int(0, 1_000_000)
})

const askingData: Arbitrary.Arbitrary<typeof ToolData.Type> = A.map(
  A.all([toolData, maybe(3, value("always", "byContract"))]),
  ([tool, approval]) => ({ ...tool, ...(approval === undefined ? {} : { approval }) })
)

/**
 * The tools of a scenario.
 *
 * @since 0.1.0
 */
export const toolsOf = (tools: Scenario["tools"]): ReadonlyArray<Zoo.ZooTool> =>
  Object.entries(tools).map(([name, { approval, contract, cost, drives = "effect" }]) =>
    Zoo.tool(name, contractOf(contract), {
      drives,
      ...(approval === undefined ? {} : { approval }),
      ...(cost === undefined ? {} : { cost })
    })
  )

const spenderData: Arbitrary.Arbitrary<typeof ToolData.Type> = A.map(
  A.all([toolData, maybe(2, object({ usd: int(0, 3) })), maybe(3, A.Constant("disk"))]),
  ([{ contract, ...tool }, cost, resource]) => ({
    ...tool,
    contract: resource === undefined || typeof contract === "string" ? contract : { ...contract, resource },
    ...(cost === undefined ? {} : { cost })
  })
)

/**
 * Whole sessions: planners that change their minds, over hostile tools and sub-agents, with small budgets and few permits.
 *
 * @since 0.1.0
 */
export const sessions = ({ depth = 2, width = 3 }: Bounds = {}): Arbitrary.Arbitrary<SessionScenario> => {
  const tools = A.map(A.array(spenderData, { minLength: 1, maxLength: 2 }), (list): SessionScenario["tools"] => ({
    reads: { contract: "readOnly" },
    ...Object.fromEntries(list.map((tool, i) => [`t${i}`, tool]))
  }))
  return A.flatMap(tools, (tools): Arbitrary.Arbitrary<SessionScenario> =>
    A.map(
      A.all([planners.sessionData, planners.planners(toolsOf(tools), settings, { depth, width }), schedules]),
      ([session, planner, schedule]) => ({ tools, session, planner, schedule })
    )
  )
}

/**
 * The tools of a session, its sub-agents included: these ask the session that `around` gives.
 *
 * @since 0.1.0
 */
export const agentsOf = (
  tools: SessionScenario["tools"],
  around: () => Session.Session | undefined
): ReadonlyArray<Tool.Any> => {
  const own = toolsOf(tools)
  const over = (below: ReadonlyArray<Tool.Any>) => [
    ...own,
    ...Object.entries(planners.agents).map(([name, contract]) => Zoo.agent(name, contract, { tools: below, around }))
  ]
  return over(over(own))
}
