/**
 * The **zoo**: honest and hostile tools, scripted by data. The *parameters* of such a tool are its behaviour, so that a whole plan, what
 * every tool does included, is plain JSON in the plan format: it prints, shrinks and replays.
 *
 * Whatever a tool of the zoo does, it writes into the {@link Ledger.Current | ledger}. Its time is Effect's clock, for promises too, so
 * that it runs under `TestClock`. It never touches anything outside: to *commit* means to write so into the ledger.
 *
 * @since 0.1.0
 */
import { Attempt, type Budget, Contract, Plan, type Session, Tool } from "@toolscope/core"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as subagent from "./internal/zoo/agent.ts"
import * as catalogue from "./internal/zoo/animals.ts"
import * as behaviour from "./internal/zoo/behaviour.ts"
import { asEffect, asPromise } from "./internal/zoo/perform.ts"
import * as undoing from "./internal/zoo/undo.ts"

/**
 * What an attempt does.
 *
 * - `after`: when, in milliseconds or as text. Default: at once, in the same tick
 * - `then`: how it ends (`answer`, `refuse`, `fail`, `die`, `throw`, `interrupt`, `malformed`, `twice`, `flood`, `never`), or what it does
 *   (`commit`, `gate`, `beside`, `detach`, `block`) before it goes on with `next` (default: it answers)
 * - `value`: its answer. Default: the path of the call and the number of the attempt, `"/a#1"`
 * - `items`: how many texts `flood` answers with. `for`: how long `block` blocks, or when what was let go by `detach` commits
 * - `does`: what it does at the `gate` (default: it commits), at most for `timeout`; or `beside` what follows; or what it lets go with `detach`
 * - `deaf`: it pays no heed to a stop (an Effect: it is uninterruptible; a promise: it ignores its signal)
 * - `onStop`: unless deaf, what it does when it is stopped: after a while, `end` (default), `commit`, come to the `gate`, `fail`, `die` or
 *   `never` end; a promise can also `answer`
 * - `cleanup`: a finalizer in the scope of the attempt, which runs when the handler has ended: after a while, `end`, come to the `gate`, `die`
 *   or `never` end. A promise has none
 * - `spend`: what it says that it costs, at its start
 * - `undo`: how its effects are undone: after a while, `end`, `fail`, `die`, `never` end, or be `deaf` meanwhile. `probe`: what is said of
 *   them: after a while, `tell` the truth (default), `yes`, `no`, `fail`, `die` or `never` answer
 *
 * @example
 * ```ts
 * import { Zoo } from "@toolscope/testing"
 * import * as Schema from "effect/Schema"
 *
 * const commits = Schema.decodeUnknownSync(Zoo.Behaviour)({ after: "20 millis", then: "commit" })
 * console.log(commits) // => { after: '20 millis', then: 'commit' }
 * ```
 *
 * @since 0.1.0
 */
export const Behaviour = behaviour.Behaviour

/**
 * @since 0.1.0
 */
export type Behaviour = behaviour.Behaviour

/**
 * The parameters of a tool of the zoo: a {@link Behaviour}, or one for each attempt (`{ attempts: [first, second] }`; further attempts do
 * what the last one does).
 *
 * @since 0.1.0
 */
export const Script = behaviour.Script

/**
 * @since 0.1.0
 */
export type Script = behaviour.Script

export {
  /**
   * A typed error that says nothing about what happened.
   *
   * @since 0.1.0
   */
  Broken,
  /**
   * A typed error that says that nothing happened: the contract of {@link keyed} believes it.
   *
   * @since 0.1.0
   */
  Refused
} from "./internal/zoo/behaviour.ts"

/**
 * A tool whose parameters are its behaviour.
 *
 * @since 0.1.0
 */
export interface ZooTool<out Name extends string = string> extends Tool.Tool<
  Name,
  Script,
  Schema.Json,
  behaviour.Refused | behaviour.Broken,
  never
> {}

/**
 * @since 0.1.0
 */
export interface Options {
  /** Is its handler an Effect (default), or does it return a promise? */
  readonly drives?: "effect" | "promise"
  readonly description?: string
  readonly timeout?: Duration.Input
  readonly retry?: number
  /** The most that it says an attempt may cost; `spend` of a behaviour may say more. */
  readonly cost?: Budget.Amounts
  /** Does somebody have to agree before it starts? Default: no. */
  readonly approval?: "always" | "byContract" | "never"
}

/**
 * A tool whose parameters are its behaviour, under the contract that it is given: an honest one, or one that lies.
 *
 * @example
 * ```ts
 * import { Contract, Fanout, Plan } from "@toolscope/core"
 * import { Ledger, Zoo } from "@toolscope/testing"
 * import * as Effect from "effect/Effect"
 *
 * const Book = Zoo.tool("book", Contract.irreversible)
 * const plan = Plan.call(Book, { after: "5 millis", then: "commit", next: { then: "fail" } })
 * const ledger = Ledger.memory()
 * const run = Effect.flip(Fanout.run(plan)).pipe(Effect.provideService(Ledger.Current, ledger))
 * console.log(String((await Effect.runPromise(run)).message)) // => EssentialFailed (/: / attempt 1 failed)
 * console.log(ledger.records.map(({ what }) => what)) // => [ 'began', 'committed', 'ended' ]
 * ```
 *
 * @since 0.1.0
 */
export const tool = <const Name extends string>(
  name: Name,
  contract: Contract.Contract,
  options: Options = {}
): ZooTool<Name> => {
  const { drives = "effect", ...rest } = options
  const common = { parameters: Script, success: Schema.Json, contract, ...rest }
  return drives === "promise"
    ? Tool.fromPromise(name, { ...common, execute: asPromise(contract) })
    : Tool.make(name, {
        ...common,
        failure: Schema.Union([behaviour.Refused, behaviour.Broken]),
        handler: asEffect(contract, currentAttempt)
      })
}

/**
 * What a sub-agent does: see {@link agent}.
 *
 * @since 0.1.0
 */
export const AgentScript = subagent.AgentScript

/**
 * @since 0.1.0
 */
export type AgentScript = subagent.AgentScript

/**
 * A sub-agent: its handler runs a plan (`does: "fanout"`), lets it go without waiting (`letsGo`), runs it in a session of its own and plans it anew
 * (`session`); or asks the session `around` it for another fan-out, which has to be refused (`replan`), or to stop everything (`cancel`).
 * With `strict` it fails if the plan does. Plans are documents over `tools`.
 *
 * @example
 * ```ts
 * import { Contract, Fanout, Plan } from "@toolscope/core"
 * import { Zoo } from "@toolscope/testing"
 * import * as Effect from "effect/Effect"
 *
 * const Agent = Zoo.agent("agent", Contract.readOnly, { tools: [Zoo.tools.reads] })
 * const plan = { toolscope: 1, plan: { all: [{ id: "x", call: "reads", params: { then: "answer" } }] } }
 * const answer = Fanout.run(Plan.all({ a: Plan.call(Agent, { does: "fanout", plan }) }))
 * console.log(await Effect.runPromise(answer)) // => { a: '/a#1' }
 * ```
 *
 * @since 0.1.0
 */
export const agent = <const Name extends string>(
  name: Name,
  contract: Contract.Contract,
  options: {
    readonly tools: ReadonlyArray<Tool.Any>
    readonly around?: () => Session.Session | undefined
    readonly cost?: Budget.Amounts
  }
): Tool.Tool<Name, AgentScript, Schema.Json, behaviour.Broken, never> => {
  const { around = () => undefined, tools, ...rest } = options
  return Tool.make(name, {
    parameters: AgentScript,
    success: Schema.Json,
    failure: behaviour.Broken,
    contract,
    ...rest,
    handler: subagent.asAgent(tools, around)
  })
}

/** The handler is called inside of the fiber of its attempt. */
const currentAttempt = (): Attempt.Attempt => Context.get(Fiber.getCurrent()!.context, Attempt.Current)!

/**
 * The `compensate` of a contract of the zoo: undoes an effect as the parameters of its call say, and writes so into the ledger.
 *
 * @since 0.1.0
 */
export const compensate: Contract.Compensate = undoing.compensate

/**
 * The `probe` of a contract of the zoo: answers as the parameters of the call say; by default it looks into the ledger.
 *
 * @since 0.1.0
 */
export const probe: Contract.Probe = undoing.probe

const keyedContract = Contract.make({
  effect: "additive",
  repeat: "keyed",
  failure: { Refused: "nothing" },
  interruption: "anywhere"
})
const guardedContract = Contract.make({ effect: "additive", interruption: "never" })
const failure = { Refused: "nothing" } as const
const marksContract = Contract.make({ effect: "additive", commit: "marked", repeat: "keyed", failure })
const marksGuardedContract = Contract.make({ effect: "additive", commit: "marked", failure, interruption: "never" })
const booksContract = Contract.compensable({ compensate: "atCommit", repeat: "keyed", failure })
const undoableContract = Contract.compensable({ compensate, failure })
const probedContract = Contract.make({ effect: "additive", commit: "marked", failure, compensate, probe })

/**
 * The tools that {@link animals} are kept by; each once as an Effect, and once as a promise (`readsPromise`, …).
 *
 * - `reads`: without effect · `acts`: irreversible, never repeated · `keyed`: repeatable under its key, stops anywhere, and `Refused` means
 *   that nothing happened · `guarded`: acts, and is never interrupted
 * - `marks`: marks its commits, repeatable under its keys; `Refused` means that nothing happened · `marksGuarded`: marks them, and is never
 *   interrupted · `books`: marks them, and says at each how it is undone · `undoable`: acts from its start, and can be undone · `probed`:
 *   marks its commits; they can be undone, and what is in doubt can be looked up
 *
 * @since 0.1.0
 */
export const tools: { readonly [Name in catalogue.Keeper]: ZooTool<Name> } = {
  reads: tool("reads", Contract.readOnly),
  acts: tool("acts", Contract.irreversible),
  keyed: tool("keyed", keyedContract),
  guarded: tool("guarded", guardedContract),
  marks: tool("marks", marksContract),
  marksGuarded: tool("marksGuarded", marksGuardedContract),
  books: tool("books", booksContract),
  undoable: tool("undoable", undoableContract),
  probed: tool("probed", probedContract),
  readsPromise: tool("readsPromise", Contract.readOnly, { drives: "promise" }),
  actsPromise: tool("actsPromise", Contract.irreversible, { drives: "promise" }),
  keyedPromise: tool("keyedPromise", keyedContract, { drives: "promise" }),
  guardedPromise: tool("guardedPromise", guardedContract, { drives: "promise" }),
  marksPromise: tool("marksPromise", marksContract, { drives: "promise" }),
  marksGuardedPromise: tool("marksGuardedPromise", marksGuardedContract, { drives: "promise" }),
  booksPromise: tool("booksPromise", booksContract, { drives: "promise" }),
  undoablePromise: tool("undoablePromise", undoableContract, { drives: "promise" }),
  probedPromise: tool("probedPromise", probedContract, { drives: "promise" })
}

/**
 * A behaviour with a name, the tool of the zoo that shows it, and one sentence on what it shows.
 *
 * @since 0.1.0
 */
export interface Animal extends catalogue.Animal {}

/**
 * The catalogue. `docs/zoo.md` describes each.
 *
 * @since 0.1.0
 */
export const animals: { readonly [Name in keyof typeof catalogue.animals]: Animal } = catalogue.animals

/**
 * The call of an animal, for a plan.
 *
 * @example
 * ```ts
 * import { Fanout, Plan } from "@toolscope/core"
 * import { Zoo } from "@toolscope/testing"
 * import * as Effect from "effect/Effect"
 *
 * const plan = Plan.firstSuccess({ deaf: Zoo.call(Zoo.animals.deafNever), quick: Zoo.call(Zoo.animals.answers) })
 * console.log(await Effect.runPromise(Fanout.run(plan, { drain: "10 millis" }))) // => /quick#1
 * ```
 *
 * @since 0.1.0
 */
export const call = (animal: Animal): Plan.Plan<Schema.Json, behaviour.Refused | behaviour.Broken> => {
  const { does, retry, timeout, tool } = animal
  return Plan.call(tools[tool], does, {
    ...(timeout === undefined ? {} : { timeout: timeout as Duration.Input }),
    ...(retry === undefined ? {} : { retry })
  })
}

/**
 * The call of an animal as a node of the plan format, to be decoded with {@link tools}.
 *
 * @since 0.1.0
 */
export const node = (animal: Animal): { readonly [key: string]: Schema.Json } => {
  const { does, retry, timeout, tool } = animal
  return {
    call: tool,
    params: does as unknown as Schema.Json,
    ...(timeout === undefined ? {} : { timeout }),
    ...(retry === undefined ? {} : { retry })
  }
}
