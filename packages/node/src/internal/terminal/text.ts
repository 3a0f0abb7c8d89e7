/**
 * Questions as text. Prompts and parameters come from tools and models, and may hold anything: control characters are shown, never sent, and
 * every line of theirs is indented, so that none can pass for one of ours.
 */
import type { Question } from "@toolscope/core"
import { hint } from "./answer.ts"

/** C0 without tab and newline, DEL, C1, what turns the direction of writing, separators of lines, lone surrogates. */

const hostile =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/gu

const maxChars = 10_000

/** Text of others, each line indented, its control characters as `\u001b`. */
export const foreign = (text: string): string => {
  const more = text.length - maxChars
  const shown = more <= 0 ? text : `${text.slice(0, maxChars)}\n… and ${more} more characters, which are not shown`
  return shown
    .replace(hostile, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .replaceAll("\t", " ")
    .replaceAll("\n", "\n    ")
}

const line = (text: string): string => foreign(text.replaceAll(/\s*\n\s*/g, " "))

export const describe = (question: Question.Question): string => {
  const { call, expiresAt, id, kind, params, prompt, tool } = question
  const by = [`call ${call}`, ...(tool === "" ? [] : [`tool ${tool}`]), id].map(line)
  if (expiresAt !== undefined) by.push(`until ${new Date(expiresAt).toISOString()}`)
  return [
    "",
    `? ${foreign(prompt)}`,
    `  ${by.join(" · ")}`,
    ...(kind === "approval" ? [`  parameters: ${foreign(JSON.stringify(params ?? {}, null, 2))}`] : []),
    `  an answer is ${line(hint(question))}`,
    ""
  ].join("\n")
}

export const says = (text: string): string => `  ${foreign(text)}\n`
