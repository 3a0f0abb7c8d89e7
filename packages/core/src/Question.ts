/**
 * A **question** to a person: from inside of a handler ({@link ask}), or from an approval rule before a tool starts.
 *
 * A call that waits for an answer holds no permit, and the time counts against no timeout. Its siblings run on. A question has a stable id
 * (run, path of the call, ordinal), an answer goes to the question it names, once, and a question whose asker is stopped is withdrawn and
 * says so.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { CallError, Denied } from "./CallError.ts"
import { running } from "./internal/attempt.ts"
import type * as Tool from "./Tool.ts"

/**
 * What to ask, and what an answer looks like.
 *
 * @since 0.1.0
 */
export interface Options<S extends Tool.AnySchema> {
  /** For the person who answers. */
  readonly prompt: string
  /** What an answer has to be; it is decoded by this. */
  readonly schema: S
  /** After this long it counts as denied. Default: never. */
  readonly expires?: Duration.Input
}

/**
 * A question, as those who answer see it, and as it stands in a report.
 *
 * @since 0.1.0
 */
export interface Question {
  /** The same in every attempt, and after a resume. */
  readonly id: string
  readonly runId: string
  /** Path of the call that asks. */
  readonly call: string
  readonly tool: string
  /** `approval`: may this call start, with these parameters? Answered by `true`, `false`, or `{ "approved": …, "reason": … }`. */
  readonly kind: "question" | "approval"
  readonly prompt: string
  /** JSON Schema of an answer, where the schema can say it. */
  readonly schema: Schema.Json
  /** Of an approval: what the call is to be started with. */
  readonly params?: Schema.Json
  readonly state: "open" | "answered" | "denied" | "expired" | "withdrawn"
  /** Milliseconds since the epoch. */
  readonly askedAt: number
  readonly expiresAt?: number
  /** Who answered, if they said. */
  readonly by?: string
  readonly answer?: Schema.Json
  /** Why it was denied or withdrawn, if that is known. */
  readonly reason?: string
}

/**
 * @since 0.1.0
 */
export const Json = Schema.Struct({
  id: Schema.String,
  runId: Schema.String,
  call: Schema.String,
  tool: Schema.String,
  kind: Schema.Literals(["question", "approval"]),
  prompt: Schema.String,
  schema: Schema.Json,
  params: Schema.optionalKey(Schema.Json),
  state: Schema.Literals(["open", "answered", "denied", "expired", "withdrawn"]),
  askedAt: Schema.Number,
  expiresAt: Schema.optionalKey(Schema.Number),
  by: Schema.optionalKey(Schema.String),
  answer: Schema.optionalKey(Schema.Json),
  reason: Schema.optionalKey(Schema.String)
})

/**
 * Asks a person, and waits for the answer. A refusal, or an expiry, ends the call: its outcome is `Denied`.
 *
 * Questions of one handler are counted in the order in which they are asked; in a further attempt, and after a resume, those that have been
 * answered are not asked again. Of several that are asked at once the handler goes on when all have been answered.
 *
 * Once a stop has been requested nothing is asked: the handler is interrupted here. It dies with a `CallError` (`ContractViolation`) in a
 * tool that commits at start: it may have acted by then, and would act again after a resume. Dies outside of a handler.
 *
 * @example
 * ```ts
 * import { Contract, Fanout, Plan, Question } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const room = Question.ask({ prompt: "Which room?", schema: Schema.Number })
 * const program = Effect.gen(function* () {
 *   const handle = yield* Fanout.start(Plan.effect(room, Contract.readOnly), { runId: "r" })
 *   yield* handle.onQuestion(({ id, prompt }) => {
 *     console.log(id, prompt) // => r/?0 Which room?
 *     return handle.answer(id, 101)
 *   })
 *   return yield* handle.result
 * })
 * console.log(await Effect.runPromise(Effect.scoped(program))) // => 101
 * ```
 *
 * @since 0.1.0
 */
export const ask = <S extends Tool.AnySchema>(options: Options<S>): Effect.Effect<Tool.Value<S>> =>
  Effect.flatMap(askResult(options), (answer) =>
    Result.isSuccess(answer) ? Effect.succeed(answer.success) : Effect.die(new CallError({ reason: answer.failure }))
  )

/**
 * As {@link ask}, for handlers that know what to do without an answer.
 *
 * @since 0.1.0
 */
export const askResult = <S extends Tool.AnySchema>(
  options: Options<S>
): Effect.Effect<Result.Result<Tool.Value<S>, Denied>> =>
  Effect.flatMap(running, (attempt) => attempt.heritage.asking.ask(attempt, options)) as never
