/**
 * A runner: any tool layer, as the eval sees it. It is asked to run the calls of one turn, and says what became of each.
 *
 * A runner never measures anything: what its tools really did stands in a ledger that they write themselves. Every scenario runs in a
 * process of its own, so whatever a runner's module holds is its own for that scenario.
 *
 * @since 0.1.0
 */

/**
 * What a runner can do beside running calls and being aborted. A scenario that needs more than that is `n/a`, not failed.
 *
 * - `timeout`, `retry`: per call, as its tool says
 * - `concurrency`: at most so many calls of a turn at the same time
 * - `questions`: a tool that wants an agreement waits for one; needs {@link Runner.resume}
 * - `partialAnswers`: some of several questions may be answered, and the others later
 * - `budget`: a planner that always plans the same again is ended by a budget; needs {@link Runner.loop}
 *
 * @since 0.1.0
 */
export type Capability = "timeout" | "retry" | "concurrency" | "questions" | "partialAnswers" | "budget"

/**
 * @since 0.1.0
 */
export const capabilities: ReadonlyArray<Capability> = [
  "timeout",
  "retry",
  "concurrency",
  "questions",
  "partialAnswers",
  "budget"
]

/**
 * What every fixture tool answers, unless its answer is malformed.
 *
 * @since 0.1.0
 */
export interface Answer {
  readonly text: string
}

/**
 * A hostile tool, for the runner to make a tool of its own from. Its parameters are an empty object.
 *
 * @since 0.1.0
 */
export interface Fixture {
  readonly name: string
  readonly description: string
  /** It changes the world. Without it, it only reads. */
  readonly acts: boolean
  /** May a further attempt follow one that may have acted? */
  readonly repeat: "safe" | "never"
  /** Milliseconds per attempt, for runners that have timeouts. */
  readonly timeout: number | undefined
  /** Further attempts, for runners that have retries. */
  readonly retries: number
  /** A person has to agree before it starts. */
  readonly asks: boolean
  /** JSON Schema of its answer. */
  readonly result: object
  /** Is this an answer as `result` says? */
  readonly accepts: (value: unknown) => value is Answer
  /** One attempt. Give it the signal that the runner has for this attempt, if it has one. */
  readonly execute: (params: unknown, context?: { readonly signal?: AbortSignal | undefined }) => Promise<unknown>
}

/**
 * A call of a turn.
 *
 * @since 0.1.0
 */
export interface Call {
  readonly id: string
  /** Name of a fixture of the turn. */
  readonly tool: string
}

/**
 * What a runner is asked to do.
 *
 * @since 0.1.0
 */
export interface Turn {
  readonly tools: ReadonlyArray<Fixture>
  /** To be run at the same time. A call that fails is no reason to stop the others. */
  readonly calls: ReadonlyArray<Call>
  /** Aborted when the caller wants no more. */
  readonly signal: AbortSignal
  /** Milliseconds that stopped calls may take to end. */
  readonly drain: number
  /** How many calls at the same time. `undefined`: all. */
  readonly concurrency: number | undefined
  /** Of a `loop`: how many attempts, and how many milliseconds, all turns together. */
  readonly budget: { readonly attempts: number; readonly millis: number } | undefined
}

/**
 * What a runner says of a call.
 *
 * | status | it says that the call |
 * | --- | --- |
 * | `succeeded` | answered, with this value |
 * | `failed` | failed, and did nothing |
 * | `cancelled` | was stopped, and did nothing |
 * | `unknown` | was stopped or failed, and may have acted |
 * | `notStarted` | never started |
 * | `denied` | did not start: a person said no |
 * | `waiting` | waits for an answer |
 *
 * @since 0.1.0
 */
export type Status = "succeeded" | "failed" | "cancelled" | "unknown" | "notStarted" | "denied" | "waiting"

/**
 * @since 0.1.0
 */
export const statuses: ReadonlyArray<Status> = [
  "succeeded",
  "failed",
  "cancelled",
  "unknown",
  "notStarted",
  "denied",
  "waiting"
]

/**
 * What a runner says of one call, by the time that it returns.
 *
 * @since 0.1.0
 */
export interface Claim {
  /** Id of the call. */
  readonly call: string
  readonly status: Status
  readonly value?: unknown
  /** For people: what the runner says of the failure. */
  readonly error?: string | undefined
  /** It says that the call was left behind and may still run. */
  readonly running?: boolean | undefined
}

/**
 * A question that a runner shows its caller.
 *
 * @since 0.1.0
 */
export interface Question {
  /** What an answer names. */
  readonly id: string
  /** Id of the call that may not start without an answer. */
  readonly call: string
}

/**
 * What a turn came to. A runner that throws instead has claimed nothing.
 *
 * @since 0.1.0
 */
export interface Returned {
  /** At most one per call. What a caller is told nothing of is not in it. */
  readonly claims: ReadonlyArray<Claim>
  /** Open questions. */
  readonly questions?: ReadonlyArray<Question>
  /** What `resume` needs to go on, whatever it is. */
  readonly state?: unknown
  /** The error that the caller is given as well, if there is one. */
  readonly error?: string | undefined
}

/**
 * @since 0.1.0
 */
export interface Runner {
  readonly name: string
  /** Of what is tested. */
  readonly version?: string
  /** How it is set: which of its documented settings, in a sentence. */
  readonly settings?: string
  readonly can: ReadonlyArray<Capability>
  /** Runs the calls, and returns when it considers the turn as over. */
  readonly turn: (turn: Turn) => Promise<Returned>
  /** Goes on with a turn that had questions, with answers by question id: `true`, go on; `false`, do not. It may be given one state twice. */
  readonly resume?: (turn: Turn, state: unknown, answers: ReadonlyMap<string, boolean>) => Promise<Returned>
  /** A planner that plans the same calls again, whatever they come to, until `turn.budget` ends it. Claims are those of the last turn. */
  readonly loop?: (turn: Turn) => Promise<Returned>
}

/**
 * A runner, checked by the compiler: the default export of a module that is given to `toolscope eval --runner`.
 *
 * @example
 * ```ts
 * import { Runner } from "@toolscope/eval"
 *
 * const runner = Runner.make({
 *   name: "Promise.allSettled",
 *   can: [],
 *   turn: async ({ calls, signal, tools }) => {
 *     const started = calls.map(({ tool }) => tools.find(({ name }) => name === tool)!.execute({}, { signal }))
 *     const ends = await Promise.allSettled(started)
 *     return {
 *       claims: ends.map((end, i) =>
 *         end.status === "fulfilled"
 *           ? { call: calls[i]!.id, status: "succeeded", value: end.value }
 *           : { call: calls[i]!.id, status: "failed", error: String(end.reason) }
 *       )
 *     }
 *   }
 * })
 * console.log(runner.name) // => Promise.allSettled
 * ```
 *
 * @since 0.1.0
 */
export const make = (runner: Runner): Runner => runner

/**
 * What is wrong with the default export of a module that ought to be a runner; `undefined` if nothing is.
 *
 * @since 0.1.0
 */
export const faultOf = (u: unknown): string | undefined => {
  if (typeof u !== "object" || u === null) return "expected a default export that is a runner: see Runner.make"
  const { can, loop, name, resume, turn } = u as { readonly [K in keyof Runner]?: unknown }
  if (typeof name !== "string" || name === "") return "a runner has a name: text, not empty"
  if (typeof turn !== "function") return "a runner has a function: turn"
  if (!Array.isArray(can)) return "a runner says what it can do beside running calls: can, a list, which may be empty"
  const stranger = (can as ReadonlyArray<unknown>).find((each) => !capabilities.includes(each as Capability))
  if (stranger !== undefined) return `can: ${JSON.stringify(stranger)} is none of ${capabilities.join(", ")}`
  if (can.includes("questions") && typeof resume !== "function") return "who can do questions has a function: resume"
  if (can.includes("budget") && typeof loop !== "function") return "who can do budget has a function: loop"
  return undefined
}

const isObject = (u: unknown): u is { readonly [key: string]: unknown } => typeof u === "object" && u !== null
const show = (u: unknown): string => (isObject(u) ? `an object with ${Object.keys(u).join(", ")}` : String(u))

/**
 * What is wrong with the form of what a runner returned; `undefined` if nothing is. Whether it is true is another question: see `Score`.
 *
 * @since 0.1.0
 */
export const faultOfReturned = (u: unknown): string | undefined => {
  if (!isObject(u)) return "a runner returns an object with claims"
  const { claims, questions } = u
  if (!Array.isArray(claims)) return "a runner returns claims: a list, which may be empty"
  for (const claim of claims as ReadonlyArray<unknown>) {
    if (!isObject(claim) || typeof claim.call !== "string" || typeof claim.status !== "string") {
      return `a claim names its call and a status: ${show(claim)}`
    }
  }
  if (questions === undefined) return undefined
  if (!Array.isArray(questions)) return "questions that a runner returns are a list, or left out"
  for (const question of questions as ReadonlyArray<unknown>) {
    if (!isObject(question) || typeof question.id !== "string" || typeof question.call !== "string") {
      return `a question has an id and names its call: ${show(question)}`
    }
  }
  return undefined
}
