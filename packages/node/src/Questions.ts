/**
 * Questions, where people are: everything of `Questions` of the core, and a layer that asks on a terminal.
 *
 * However many questions are open, one is shown at a time; the others wait in a line, and calls that wait for no answer run on. A question
 * that is withdrawn, that expires, or that somebody else has answered, is taken away while it is shown, and what was typed so far with it.
 * It never answers anything by itself.
 *
 * @since 0.1.0
 */
import { Questions, type Question, type QuestionError } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import { userInfo } from "node:os"
import type { Readable, Writable } from "node:stream"
import { hint, read } from "./internal/terminal/answer.ts"
import * as Lines from "./internal/terminal/lines.ts"
import { describe, says } from "./internal/terminal/text.ts"

export * from "@toolscope/core/Questions"

/**
 * @since 0.1.0
 */
export interface TerminalOptions {
  /** Where answers are typed. Default: standard input. */
  readonly input?: Readable
  /** Where questions are shown. Default: standard error, as standard output belongs to results. */
  readonly output?: Writable
  /** Who answers. Default: the name of the user whose process this is. */
  readonly by?: string
}

/**
 * Asks on the terminal: what is asked, by which call and which tool, and with which parameters a call that wants approval would start.
 *
 * An approval is answered by `y`, `n`, or `n` and a reason; anything else by JSON, or by the text itself where the schema wants text. An answer
 * that cannot be taken is asked for again, with the reason. At the end of the input (Ctrl-D) the question stays open: once only such
 * questions remain, the fan-out is suspended. Ctrl-C is the signal that it always is.
 *
 * @example
 * ```ts
 * import { Contract, Fanout, Plan, Question } from "@toolscope/core"
 * import { Questions } from "@toolscope/node"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import { PassThrough, Readable } from "node:stream"
 *
 * const plan = Plan.effect(Question.ask({ prompt: "Which room?", schema: Schema.Number }), Contract.readOnly)
 * const typed = Questions.terminal({ input: Readable.from(["attic\n101\n"]), output: new PassThrough() })
 * console.log(await Effect.runPromise(Fanout.run(plan).pipe(Effect.provide(typed)))) // => 101
 * ```
 *
 * @since 0.1.0
 */
export const terminal = (options: TerminalOptions = {}): Layer.Layer<never> =>
  Layer.effect(
    Questions.Current,
    Effect.gen(function* () {
      const { by = userName(), input = process.stdin, output = process.stderr } = options
      const who = by === undefined ? {} : { by }
      const lines = yield* Lines.make(input, output)
      const turn = yield* Semaphore.make(1)
      const show = (text: string) => Effect.sync(() => void output.write(text))
      let open = 0
      let hasChanged = false

      /** What was typed for it; nothing where it stays open. */
      const reply = (question: Question.Question, wrong: string | undefined): Effect.Effect<Option.Option<unknown>> =>
        Effect.gen(function* () {
          yield* show(describe(question) + (wrong === undefined ? "" : says(wrong)))
          for (;;) {
            const changed = hasChanged
            hasChanged = false
            const line = yield* lines.next(changed, () => (open > 1 ? `(${open - 1} more) > ` : "> "))
            if (Option.isNone(line)) {
              yield* show("\n" + says("it stays open"))
              return line
            }
            if (line.value.trim() === "") continue
            const answer = read(question, line.value)
            if (Result.isSuccess(answer)) return Option.some(answer.success)
            yield* show(says(answer.failure))
          }
        }).pipe(
          Effect.onInterrupt(() => {
            hasChanged = true
            return show("\n" + says("nobody waits for this answer any more"))
          }),
          turn.withPermits(1)
        )

      const ask = (question: Question.Question, { answer }: Questions.Answers, wrong?: string): Effect.Effect<void> =>
        Effect.flatMap(reply(question, wrong), (given) => {
          if (Option.isNone(given)) return Effect.void
          return Effect.catch(answer(question.id, given.value, who), ({ reason }: QuestionError.QuestionError) =>
            // in line again: another may be shown by now
            reason._tag === "MalformedAnswer"
              ? ask(question, { answer } as Questions.Answers, reason.message)
              : show(says(reason.message))
          )
        })

      return {
        whenOnlyQuestionsRemain: "suspend" as const,
        asked: (question, answers) =>
          Effect.suspend(() => {
            open++
            return Effect.ensuring(
              ask(question, answers),
              Effect.sync(() => open--)
            )
          })
      } satisfies Questions.Policy
    })
  )

/**
 * The answer to this question that a line of text stands for, as {@link terminal} reads it; fails with what is wrong. Whether the question
 * takes it, its schema says.
 *
 * @since 0.1.0
 */
export const readAnswer = (question: Question.Question, line: string): Result.Result<unknown, string> =>
  read(question, line)

/**
 * What an answer to this question is, in words.
 *
 * @since 0.1.0
 */
export const describeAnswer = (question: Question.Question): string => hint(question)

/** There are users without a name. */
const userName = (): string | undefined => {
  try {
    return userInfo().username
  } catch {
    return undefined
  }
}
