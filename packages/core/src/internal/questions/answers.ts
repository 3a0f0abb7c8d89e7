/**
 * How those who own a fan-out, or a session, see its questions, and answer them.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Question } from "../../Question.ts"
import type * as Questions from "../../Questions.ts"
import type { Desk } from "./desk.ts"

export const answersOf = (desk: Desk): Questions.Desk => ({
  answer: desk.answer,
  deny: desk.deny,
  questions: () => desk.list(),
  questionStream: desk.observe,
  onQuestion: <X, Y, R>(
    asked: (question: Question) => Effect.Effect<X, Y, R>
  ): Effect.Effect<void, never, R | Scope.Scope> =>
    Effect.flatMap(desk.observe, (stream) =>
      Effect.asVoid(
        Effect.forkScoped(
          Stream.runForEach(stream, (question) => Effect.forkScoped(Effect.exit(asked(question)))),
          { startImmediately: true }
        )
      )
    )
})
