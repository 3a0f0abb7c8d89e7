/**
 * Answers from the command line: `ID=ANSWER`, read as on a terminal, checked against the questions of a snapshot. All faults at once.
 */
import { QuestionError, type Question, type Snapshot } from "@toolscope/core"
import { readAnswer } from "@toolscope/node/Questions"
import * as Result from "effect/Result"
import { type Fault, fault } from "./refusal.ts"
import type { Step } from "./sources.ts"

export interface Given {
  readonly answers: { readonly [id: string]: unknown }
  readonly deny: ReadonlyArray<string>
}

export const readAnswers = (
  { questions }: Snapshot.Snapshot,
  flags: { readonly answer: ReadonlyArray<string>; readonly deny: ReadonlyArray<string> }
): Step<Given> => {
  const faults: Array<Fault> = []
  const answers = new Map<string, unknown>()
  const seen = new Set<string>()
  /** The question of this id, if it waits for this reply. */
  const find = (id: string): Question.Question | undefined => {
    if (seen.has(id)) faults.push(fault(`${id} is answered or denied twice`, "BadUsage"))
    seen.add(id)
    const question = questions.find((one) => one.id === id)
    if (question?.state === "open") return question
    const reason = refusalOf(question, id, questions)
    faults.push(fault(reason.message, reason._tag))
    return undefined
  }
  for (const text of flags.answer) {
    // an id may hold an equals sign
    const ids = questions.map(({ id }) => id).filter((id) => text.startsWith(`${id}=`))
    const at = text.indexOf("=")
    if (at === -1) {
      faults.push(fault(`--answer ${text}: write ID=ANSWER`, "BadUsage"))
      continue
    }
    const id = ids.sort((a, b) => b.length - a.length)[0] ?? text.slice(0, at)
    const question = find(id)
    if (question === undefined) continue
    const answer = readAnswer(question, text.slice(id.length + 1))
    if (Result.isSuccess(answer)) answers.set(id, answer.success)
    else faults.push(fault(`--answer ${text}: ${answer.failure}`, "MalformedAnswer"))
  }
  for (const id of flags.deny) find(id)
  return { value: { answers: Object.fromEntries(answers), deny: flags.deny }, faults }
}

const refusalOf = (
  question: Question.Question | undefined,
  id: string,
  questions: ReadonlyArray<Question.Question>
): QuestionError.Reason => {
  if (question === undefined) {
    const open = questions.flatMap(({ id, state }) => (state === "open" ? [id] : []))
    return new QuestionError.UnknownQuestion({ id, open })
  }
  const { by, reason, state } = question
  if (state === "answered" || state === "denied")
    return new QuestionError.AlreadyAnswered({ id, ...(by === undefined ? {} : { by }) })
  return new QuestionError.Withdrawn({ id, why: reason ?? `it is ${state}` })
}
