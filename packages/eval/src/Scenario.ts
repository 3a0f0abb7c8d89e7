/**
 * Scenarios as data: what hostile tools do, which calls a turn has, when the caller aborts, what is answered, what is scored.
 *
 * A scenario never says how a runner has to work; only what must be true afterwards.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { readdirSync, readFileSync } from "node:fs"
import { capabilities } from "./Runner.ts"

const Millis = Schema.Number.check(Schema.isBetween({ minimum: 0, maximum: 60_000 }))

/**
 * What a tool does, in each attempt.
 *
 * @since 0.1.0
 */
export const Behaviour = Schema.Struct({
  /** Milliseconds until it ends, or `"never"`. */
  after: Schema.Union([Millis, Schema.Literal("never")]),
  /** How it ends. Default: it answers. */
  then: Schema.optionalKey(Schema.Literals(["answer", "malformed", "fail"])),
  /** So many attempts fail first. */
  failures: Schema.optionalKey(Schema.Int),
  /** So many attempts hang first. */
  hangs: Schema.optionalKey(Schema.Int),
  /** It ends when its signal is aborted; without, it pays no heed. */
  hears: Schema.optionalKey(Schema.Boolean),
  /** Milliseconds of cleanup, once it has heard. */
  cleanup: Schema.optionalKey(Millis),
  /** Its effect lands at its end. */
  acts: Schema.optionalKey(Schema.Boolean),
  repeat: Schema.optionalKey(Schema.Literals(["safe", "never"])),
  timeout: Schema.optionalKey(Millis),
  retries: Schema.optionalKey(Schema.Int),
  asks: Schema.optionalKey(Schema.Boolean)
})

/**
 * @since 0.1.0
 */
export type Behaviour = typeof Behaviour.Type

/**
 * What the caller does: starts a turn, or answers. Each step begins when the one before it has returned.
 *
 * @since 0.1.0
 */
export const Step = Schema.Union([
  Schema.Struct({
    /** Names of tools: each is called once. */
    turn: Schema.Array(Schema.String),
    /** Milliseconds from the first start of a call. */
    abortAt: Schema.optionalKey(Millis)
  }),
  Schema.Struct({
    /** By call. A name that is no call stands for a question that nobody has asked. */
    answer: Schema.Record(Schema.String, Schema.Boolean),
    /** The same answers to the same state a second time: when the first has returned, or at the same time. */
    again: Schema.optionalKey(Schema.Literals(["after", "atOnce"]))
  }),
  Schema.Struct({
    /** The planner plans these calls again and again. */
    loop: Schema.Array(Schema.String)
  })
])

/**
 * @since 0.1.0
 */
export type Step = typeof Step.Type

/**
 * @since 0.1.0
 */
export const Scenario = Schema.Struct({
  eval: Schema.Literal(1),
  name: Schema.String,
  /** What it asks, in a sentence. */
  title: Schema.String,
  /** Without these a runner is `n/a`. */
  needs: Schema.Array(Schema.Literals(capabilities)),
  tools: Schema.Record(Schema.String, Behaviour),
  steps: Schema.Array(Step),
  /** Milliseconds that stopped calls may take to end. */
  drain: Millis,
  concurrency: Schema.optionalKey(Schema.Int),
  budget: Schema.optionalKey(Schema.Struct({ attempts: Schema.Int, millis: Millis })),
  /** It has to return so many milliseconds after the abort, or, where nobody aborts, after the start of the turn. Generous. */
  within: Millis,
  /** How long the tools are watched after the last return. */
  watch: Millis,
  /** After so many milliseconds its process is killed. */
  watchdog: Millis
})

/**
 * @since 0.1.0
 */
export type Scenario = typeof Scenario.Type

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Scenario), { onExcessProperty: "error", errors: "all" })

/**
 * Reads a scenario from JSON. Throws an `Error` that says what is wrong.
 *
 * @since 0.1.0
 */
export const parse = (text: string): Scenario => {
  const scenario = decode(text)
  const named = scenario.steps.flatMap((step) => ("turn" in step ? step.turn : "loop" in step ? step.loop : []))
  const stranger = named.find((name) => !(name in scenario.tools))
  if (stranger !== undefined) throw new Error(`${scenario.name}: ${JSON.stringify(stranger)} is none of its tools`)
  return scenario
}

const folder = new URL("../scenarios/", import.meta.url)

/**
 * Those that come with the package, in the order in which they are told.
 *
 * @example
 * ```ts
 * import { Scenario } from "@toolscope/eval"
 *
 * console.log(Scenario.all().some(({ name }) => name === "cancel")) // => true
 * ```
 *
 * @since 0.1.0
 */
export const all = (): ReadonlyArray<Scenario> =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => parse(readFileSync(new URL(name, folder), "utf8")))
