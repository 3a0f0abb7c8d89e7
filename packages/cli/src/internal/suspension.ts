/**
 * What a suspended run says on standard error: what is open, where its snapshot is, and how to go on. No parameter and no answer is in it.
 */
import type { Question, QuestionError } from "@toolscope/core"
import { describeAnswer } from "@toolscope/node/Questions"
import { clip, oneLine, table } from "./text.ts"

export interface Suspension {
  readonly questions: ReadonlyArray<Question.Question>
  /** Answers that were not taken. */
  readonly refused: ReadonlyArray<QuestionError.Reason>
  /** Where the snapshot is; absent if it could not be written, for which `problems` says why. */
  readonly path: string | undefined
  readonly problems: ReadonlyArray<string>
  /** Flags that bring the same tools. */
  readonly sources: ReadonlyArray<string>
}

const maxLines = 50

export const linesOf = ({ path, problems, questions, refused, sources }: Suspension): ReadonlyArray<string> => {
  const many = questions.length === 1 ? "1 question is open" : `${questions.length} questions are open`
  const rows = questions
    .slice(0, maxLines)
    .map((question) => [
      oneLine(question.id),
      clip(oneLine(question.tool), 40),
      clip(oneLine(question.prompt), 100),
      clip(oneLine(describeAnswer(question)), 60)
    ])
  const lines = [
    ...refused.map((reason) => `toolscope: an answer was not taken: ${oneLine(reason.message)}`),
    `toolscope: suspended; ${many}:`,
    table(["id", "tool", "question", "answer"], rows).trimEnd().replaceAll(/^/gm, "  "),
    ...(questions.length > maxLines ? [`  and ${questions.length - maxLines} more`] : [])
  ]
  if (path === undefined)
    return [
      ...lines,
      "toolscope: the snapshot could not be written anywhere, and is lost:",
      ...problems.map((problem) => `  ${oneLine(problem)}`)
    ]
  const first = questions[0]?.id ?? "ID"
  const command = ["toolscope", "resume", path, ...sources, "--answer", `${first}=ANSWER`].map(quoted).join(" ")
  return [
    ...lines,
    ...problems.map((problem) => `toolscope: the snapshot could not be written to ${oneLine(problem)}`),
    `the snapshot is ${oneLine(path)}; go on with`,
    `  ${oneLine(command)}`
  ]
}

/** As a shell takes it. */
const quoted = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)
