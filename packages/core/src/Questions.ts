/**
 * What becomes of the **questions** of the fan-outs below: who is told, and what happens when nothing but answers is waited for.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Question } from "./Question.ts"
import type { QuestionError } from "./QuestionError.ts"

/**
 * How a question is answered, or refused.
 *
 * @since 0.1.0
 */
export interface Answers {
  /** The answer as JSON, which the schema of the question decodes. Fails, and the question stays open, where it is not taken. */
  readonly answer: (
    id: string,
    answer: unknown,
    options?: { readonly by?: string }
  ) => Effect.Effect<void, QuestionError>
  /** Nobody will answer: the call that asked ends as `Denied`, unless its handler knows better. */
  readonly deny: (
    id: string,
    options?: { readonly by?: string; readonly reason?: string }
  ) => Effect.Effect<void, QuestionError>
}

/**
 * The questions of a fan-out or of a session, those of fan-outs inside of handlers included.
 *
 * @since 0.1.0
 */
export interface Desk extends Answers {
  /** All so far, in the order in which they were asked. */
  readonly questions: () => ReadonlyArray<Question>
  /** The open ones, then each as it is asked; ends with the fan-out or the session. */
  readonly questionStream: Effect.Effect<Stream.Stream<Question>, never, Scope.Scope>
  /** Runs this for each of that stream, in a fiber of its own, until the scope closes. */
  readonly onQuestion: <X, Y, R>(
    asked: (question: Question) => Effect.Effect<X, Y, R>
  ) => Effect.Effect<void, never, R | Scope.Scope>
}

/**
 * @since 0.1.0
 */
export interface Policy {
  /** When only questions remain, and `asked` runs for none of them: end as suspended, with a snapshot to go on from, or wait for answers. */
  readonly whenOnlyQuestionsRemain: "suspend" | "wait"
  /**
   * Run for each question as it is asked, in a fiber of its own; after a resume also for those that are open and come without an answer.
   * It is interrupted with the fan-out, and when its question is withdrawn, expires, or gets its answer from somebody else.
   */
  readonly asked: ((question: Question, answers: Answers) => Effect.Effect<unknown, unknown>) | undefined
}

/**
 * Of the fan-outs below. Default: what runs on the fiber of its caller (`Fanout.run`, `Fanout.resume`, a session) is suspended; what has a
 * handle to be answered through (`Fanout.start`, `Fanout.startFrom`) waits.
 *
 * @since 0.1.0
 */
export const Current: Context.Reference<Policy | undefined> = Context.Reference<Policy | undefined>(
  "@toolscope/core/Questions",
  { defaultValue: () => undefined }
)

/**
 * When only questions remain a fan-out ends: `FanoutError` with the reason `Suspended`, which has all of them and a snapshot.
 *
 * @since 0.1.0
 */
export const suspend: Layer.Layer<never> = Layer.succeed(Current, {
  whenOnlyQuestionsRemain: "suspend",
  asked: undefined
})

/**
 * A fan-out waits until its questions have been answered through its handle or its session, however long that takes.
 *
 * @since 0.1.0
 */
export const deferred: Layer.Layer<never> = Layer.succeed(Current, {
  whenOnlyQuestionsRemain: "wait",
  asked: undefined
})

/**
 * Every question goes to this function, as it is asked: it answers or denies. What it leaves open is waited for. If it fails, the question
 * is denied, with that as the reason.
 *
 * @example
 * ```ts
 * import { Contract, Fanout, Plan, Question, Questions } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const plan = Plan.effect(Question.ask({ prompt: "Go on?", schema: Schema.Boolean }), Contract.readOnly)
 * const yes = Questions.answering(({ id }, { answer }) => answer(id, true, { by: "a test" }))
 * console.log(await Effect.runPromise(Fanout.run(plan).pipe(Effect.provide(yes)))) // => true
 * ```
 *
 * @since 0.1.0
 */
export const answering = <E, R>(
  asked: (question: Question, answers: Answers) => Effect.Effect<unknown, E, R>
): Layer.Layer<never, never, R> =>
  Layer.effect(
    Current,
    Effect.map(Effect.context<R>(), (context): Policy => ({
      whenOnlyQuestionsRemain: "wait",
      asked: (question, answers) => Effect.provideContext(asked(question, answers), context)
    }))
  )
