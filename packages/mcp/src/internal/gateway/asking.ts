/**
 * Questions of a run, asked through the host: `elicitation/create` where it can. A host that cannot ask, a person who declines, and an answer
 * that is wrong three times deny the question, with the reason. Nothing here answers by itself.
 */
import type { ElicitRequestFormParams, ElicitResult } from "@modelcontextprotocol/sdk/types.js"
import type { Question, Questions } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { formOf } from "./form.ts"

/** Asks the host; the promise rejects where the host cannot be asked, or does not answer. `undefined`: it cannot ask at all. */
export type Elicit = (params: ElicitRequestFormParams, signal: AbortSignal) => Promise<ElicitResult>

const maxTries = 3

export const policyOf = (elicit: () => Elicit | undefined): Questions.Policy => ({
  whenOnlyQuestionsRemain: "wait",
  asked: (question, answers) => {
    const ask = elicit()
    return ask === undefined
      ? answers.deny(question.id, { reason: "this host cannot ask: it does not declare elicitation" })
      : through(ask, question, answers, 1, undefined)
  }
})

const through = (
  ask: Elicit,
  question: Question.Question,
  answers: Questions.Answers,
  tries: number,
  wrong: string | undefined
): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    const { id } = question
    const form = formOf(question)
    const asked = yield* Effect.result(
      Effect.tryPromise({
        try: (signal) => ask({ message: messageOf(question, form.hint, wrong), requestedSchema: form.schema }, signal),
        catch: (error) => (error instanceof Error ? error.message : String(error))
      })
    )
    if (Result.isFailure(asked)) return yield* answers.deny(id, { reason: `the host did not ask: ${asked.failure}` })
    const { action, content } = asked.success
    if (action !== "accept") {
      return yield* answers.deny(id, { reason: action === "decline" ? "declined" : "dismissed without an answer" })
    }
    const read = form.read(content ?? {})
    const taken = Result.isFailure(read)
      ? read
      : yield* Effect.catch(Effect.as(answers.answer(id, read.success), Result.succeed(undefined)), ({ reason }) =>
          // anything else: somebody else has answered, or nobody waits any more
          Effect.succeed(reason._tag === "MalformedAnswer" ? Result.fail(reason.message) : Result.succeed(undefined))
        )
    if (Result.isSuccess(taken)) return
    if (tries === maxTries) {
      return yield* answers.deny(id, { reason: `no answer that can be taken, ${maxTries} times: ${taken.failure}` })
    }
    return yield* through(ask, question, answers, tries + 1, taken.failure)
  })

const messageOf = (question: Question.Question, hint: string | undefined, wrong: string | undefined): string => {
  const { call, kind, params, prompt, tool } = question
  const where = call === "/" ? "" : ` (call ${call})`
  return [
    ...(wrong === undefined ? [] : [`The last answer was not taken: ${wrong}`]),
    prompt,
    `Asked by the tool ${JSON.stringify(tool)}${where}.`,
    ...(kind === "approval" && params !== undefined ? [`Its parameters: ${JSON.stringify(params)}`] : []),
    ...(hint === undefined ? [] : [hint])
  ].join("\n")
}
