/**
 * An **agent**: a language model in a loop, whose tool calls run as one fan-out per turn, in one session.
 *
 * - The calls of a turn run under the policy that the model declared with them, or that the application says (`plan`); where nobody says
 *   anything each runs to its end. The next turn begins when they have drained.
 * - Every call has exactly one result, whatever becomes of it; what the model reads of a call that did not succeed is no more than is known.
 * - Nothing is thrown for one bad call, and every way to end has a tag ({@link End}).
 *
 * @since 0.1.0
 */
import type {
  Budget,
  Plan,
  PlanError,
  QuestionError,
  Report,
  Session,
  SessionError,
  Snapshot,
  Tool
} from "@toolscope/core"
import * as Effect from "effect/Effect"
import type * as Duration from "effect/Duration"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { AgentError } from "./AgentError.ts"
import type { End } from "./End.ts"
import type { AnyToolkit, AiTool, LanguageModel, Prompt, Toolkit } from "./internal/ai.ts"
import { begin, resumed } from "./internal/loop.ts"

/**
 * What an agent may use: tools, or a toolkit of `effect/ai`, whose handlers stay as they are.
 *
 * @since 0.1.0
 */
export type Tools = ReadonlyArray<Tool.Any> | AnyToolkit<any>

/**
 * What the handlers of these tools require.
 *
 * @since 0.1.0
 */
export type Services<T> =
  T extends ReadonlyArray<infer U>
    ? U extends Tool.Tool<any, any, any, any, infer R>
      ? R
      : never
    : T extends Toolkit.Toolkit<infer All>
      ? AiTool.HandlersFor<All> | AiTool.HandlerServices<All[keyof All]>
      : T extends Toolkit.WithHandler<infer All>
        ? AiTool.HandlerServices<All[keyof All]>
        : never

/**
 * A call that the model made, for an application that says itself what a turn needs.
 *
 * @since 0.1.0
 */
export interface Call<R = any> {
  /** As the model gave it. */
  readonly id: string
  readonly name: string
  /** `undefined` for a plan that the model declared. */
  readonly tool: Tool.Any | undefined
  /** As JSON; checked against the schema of the tool. */
  readonly params: unknown
  /** What the model said of it, if it did. */
  readonly policy: "essential" | "advisory" | undefined
  /** What it is in a plan: put this there, once. */
  readonly plan: Plan.Plan<unknown, unknown, R>
}

/**
 * @since 0.1.0
 */
export interface Options<T extends Tools> {
  /** What the conversation begins with: a text, messages, or the `history` of an earlier end. */
  readonly prompt: Prompt.RawInput
  readonly tools: T
  /**
   * What the calls of a turn need of each other. Default: what the model declared; where it says nothing each runs to its end. A call that
   * it leaves out is not run, and the model is told so.
   */
  readonly plan?: (calls: ReadonlyArray<Call<Services<T>>>) => Plan.Plan<unknown, unknown, Services<T>>
  /** What the model may say of its calls. Default: both, and with a `plan` neither. */
  readonly declares?: {
    /** By a tool `fanout`, whose parameters are the plan format. */
    readonly plans?: boolean
    /** By a parameter `toolscope_policy` of each call. */
    readonly policies?: boolean
  }
  /** JSON Schemas in the dialect of strict schema modes, where they have a place there. Default `true`. */
  readonly strict?: boolean
  /** How often the model may be called. Default 20. */
  readonly maxTurns?: number
  /** The session that owns the fan-outs, or the settings of one. Its budget is that of the whole run, the model included. */
  readonly session?: Session.Session | Session.Options
  /** Settings of the turns' fan-outs. */
  readonly fanout?: Session.FanoutOptions
  readonly model?: {
    /** The most that a call of the model may cost: reserved before it. Default: `{ tokens: 1 }`. */
    readonly ceiling?: Budget.Amounts
    /** What it did cost. Default: all its tokens, as `tokens`. */
    readonly charge?: (usage: { readonly inputTokens: number; readonly outputTokens: number }) => Budget.Amounts
    /** Per attempt. Default 2 minutes. */
    readonly timeout?: Duration.Input
    /** Further attempts where an error says that one may help, after 0.5 s, 1 s, 2 s, …; none once text has been streamed. Default 2. */
    readonly retries?: number
  }
}

/**
 * What happens, as it happens.
 *
 * @since 0.1.0
 */
export type Event =
  | { readonly _tag: "Text"; readonly turn: number; readonly delta: string }
  /** The model has answered, and asks for these; what cannot be planned is among them. */
  | {
      readonly _tag: "Called"
      readonly turn: number
      readonly calls: ReadonlyArray<{ readonly id: string; readonly name: string; readonly params: unknown }>
    }
  /** A call of the turn's plan has settled; `id` is that of the model's call. */
  | { readonly _tag: "Settled"; readonly turn: number; readonly id: string; readonly call: Report.CallReport }
  /** What the model will read. */
  | {
      readonly _tag: "Told"
      readonly turn: number
      readonly results: ReadonlyArray<{
        readonly id: string
        readonly name: string
        readonly isFailure: boolean
        readonly result: unknown
      }>
    }
  | { readonly _tag: "Ended"; readonly end: End }

/**
 * The settings of a resume. The tools, `plan` and `declares` are those of the run that was suspended.
 *
 * @since 0.1.0
 */
export interface ResumeOptions<T extends Tools>
  extends Omit<Options<T>, "prompt">, Pick<Session.SessionResume, "answers" | "deny" | "by"> {}

/**
 * What is wrong with the tools or the settings, or with the session that was given.
 *
 * @since 0.1.0
 */
export type RunError = PlanError.PlanError | SessionError.SessionError

/**
 * What can be wrong with a resume besides.
 *
 * @since 0.1.0
 */
export type ResumeError = RunError | AgentError | Snapshot.SnapshotError | QuestionError.QuestionError

/**
 * Runs an agent to its end.
 *
 * @example
 * ```ts
 * import { Agent, ScriptedModel } from "@toolscope/agent"
 * import { Contract, Tool } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const Weather = Tool.make("weather", {
 *   parameters: Schema.Struct({ city: Schema.String }),
 *   contract: Contract.readOnly,
 *   handler: ({ city }) => Effect.succeed(`rain in ${city}`)
 * })
 * const model = ScriptedModel.layer([[{ call: "weather", params: { city: "Rome" } }], "Take an umbrella."])
 * const end = await Effect.runPromise(Agent.run({ prompt: "Rome?", tools: [Weather] }).pipe(Effect.provide(model)))
 * console.log(end._tag, end.turns) // => Answered 2
 * ```
 *
 * @since 0.1.0
 */
export const run = <T extends Tools>(
  options: Options<T>
): Effect.Effect<End, RunError, Services<T> | LanguageModel.LanguageModel> =>
  Effect.scoped(begin(options as Options<any>, undefined)) as never

/**
 * As {@link run}, and tells what happens as it happens: text as the model writes it, calls as they settle. Ends with `Ended`. A stream that
 * is not read to its end stops the run, and waits until it has drained.
 *
 * @since 0.1.0
 */
export const stream = <T extends Tools>(
  options: Options<T>
): Stream.Stream<Event, RunError, Services<T> | LanguageModel.LanguageModel> =>
  streamed((emit) => begin(options as Options<any>, emit)) as never

/**
 * Goes on from the `state` of a `Suspended`, with answers to its questions: see `Fanout.resume`. What is over is not run again.
 *
 * @since 0.1.0
 */
export const resume = <T extends Tools>(
  state: unknown,
  options: ResumeOptions<T>
): Effect.Effect<End, ResumeError, Services<T> | LanguageModel.LanguageModel> =>
  Effect.scoped(resumed(state, options as ResumeOptions<any>, undefined)) as never

/**
 * As {@link resume}, as a stream.
 *
 * @since 0.1.0
 */
export const resumeStream = <T extends Tools>(
  state: unknown,
  options: ResumeOptions<T>
): Stream.Stream<Event, ResumeError, Services<T> | LanguageModel.LanguageModel> =>
  streamed((emit) => resumed(state, options as ResumeOptions<any>, emit)) as never

const streamed = <E, R>(
  loop: (emit: (event: Event) => Effect.Effect<void>) => Effect.Effect<End, E, R | Scope.Scope>
): Stream.Stream<Event, E, Exclude<R, Scope.Scope>> =>
  Stream.callback<Event, E, R>((queue) =>
    Effect.flatMap(Effect.scoped(loop((event) => Effect.asVoid(Queue.offer(queue, event)))), (end) =>
      Effect.andThen(Queue.offer(queue, { _tag: "Ended", end }), Queue.end(queue))
    )
  )
