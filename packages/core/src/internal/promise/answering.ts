/**
 * From the options of a run or a session to the services that the core reads: who is asked, what happens when only questions remain, and
 * how snapshots are signed and claimed.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Contract from "../../Contract.ts"
import type * as CoreError from "../../QuestionError.ts"
import * as Questions from "../../Questions.ts"
import * as Core from "../../Snapshot.ts"
import type { Approval as CoreApproval } from "../../Tool.ts"
import { fromFunction } from "../promiseCommit.ts"
import { checkFunction, checkOptions, checkText, isObject, wrong } from "./arguments.ts"
import { handled } from "./handled.ts"
import type { Answers, Approval, QuestionOptions, ResumeAnswers } from "./question.ts"
import { questionError } from "./questionErrorOf.ts"

export const questionOptions = ["onQuestion", "questions", "key", "claim"] as const
export const resumeAnswers = ["answers", "deny", "by"] as const

export const provideQuestions = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  { claim, key, onQuestion, questions }: QuestionOptions
): Effect.Effect<A, E, R> => {
  const policy: Questions.Policy = {
    whenOnlyQuestionsRemain: questions ?? (onQuestion === undefined ? "suspend" : "wait"),
    asked:
      onQuestion === undefined
        ? undefined
        : (question, desk) =>
            // interrupted when somebody else has closed the question: its promise is then told, and not waited for
            Effect.tryPromise({
              try: (signal) => Promise.resolve(onQuestion(question, { ...answersOf(desk), signal })),
              catch: (error) => error
            })
  }
  const asked = Effect.provideService(effect, Questions.Current, policy)
  const signed = key === undefined ? asked : Effect.provideService(asked, Core.Key, Redacted.make(key))
  return claim === undefined ? signed : Effect.provideService(signed, Core.Claims, claimOf(claim))
}

const claimOf =
  (claim: NonNullable<QuestionOptions["claim"]>): Core.Claim =>
  (snapshot) =>
    Effect.flatMap(Effect.orDie(fromFunction(() => claim(snapshot))), (isFirst) =>
      isFirst
        ? Effect.void
        : Effect.fail(
            new Core.SnapshotError({ reason: new Core.AlreadyClaimed({ snapshot: snapshot.snapshot, by: undefined }) })
          )
    )

/** Replies, as promises; `begin` says when. */
export const answersOf = (
  { answer, deny }: Questions.Answers,
  begin: (give: () => void) => void = (give) => {
    give()
  }
): Answers => {
  const give = (where: string, id: unknown, options: unknown, known: ReadonlyArray<string>, give: () => Given) => {
    try {
      if (typeof id !== "string") throw wrong(where, "the id of a question is text", { value: id })
      checkOptions(where, options, known)
      for (const name of known) checkText(where, name, (options as Record<string, unknown>)[name])
    } catch (error) {
      return Promise.reject(error)
    }
    return handled(
      new Promise<void>((resolve, reject: (error: unknown) => void) => {
        begin(() => {
          Effect.runPromise(Effect.mapError(give(), questionError)).then(resolve, reject)
        })
      })
    )
  }
  return {
    answer: (id, json, options = {}) => give("answer()", id, options, ["by"], () => answer(id, json, options)),
    deny: (id, options = {}) => give("deny()", id, options, ["by", "reason"], () => deny(id, options))
  }
}

type Given = Effect.Effect<void, CoreError.QuestionError>

/** The rule of the core: it is shown the contract as data, and whatever is not `false` asks. */
export const approvalOf = (rule: Approval<any>): CoreApproval<unknown> =>
  typeof rule === "function"
    ? (params, contract) => (rule(params, Contract.toData(contract)) as unknown) !== false
    : rule

export const checkApproval = (where: string, approval: unknown): void => {
  if (approval === undefined || typeof approval === "function") return
  if (!["always", "never", "byContract"].includes(approval as string)) {
    throw wrong(where, 'approval is "always", "never", "byContract", or a function', { value: approval })
  }
}

export const checkQuestionOptions = (where: string, options: QuestionOptions): void => {
  const { claim, key, onQuestion, questions } = options
  checkFunction(where, "onQuestion", onQuestion)
  checkFunction(where, "claim", claim)
  checkText(where, "key", key)
  if (questions !== undefined && !["suspend", "wait"].includes(questions)) {
    throw wrong(where, 'questions is "suspend" or "wait"', { value: questions })
  }
}

/** Where nobody has a handle to answer through. */
export const checkSomebodyAnswers = (where: string, { onQuestion, questions }: QuestionOptions): void => {
  if (questions === "wait" && onQuestion === undefined) {
    throw wrong(where, 'with questions: "wait" somebody has to answer: give onQuestion')
  }
}

export const checkAnswers = (where: string, { answers, by, deny }: ResumeAnswers): void => {
  if (answers !== undefined && !isObject(answers)) {
    throw wrong(where, "answers is an object: answers by the ids of their questions", { value: answers })
  }
  if (deny !== undefined && !(Array.isArray(deny) && deny.every((id: unknown) => typeof id === "string"))) {
    throw wrong(where, "deny is a list of ids", { value: deny })
  }
  checkText(where, "by", by)
}
