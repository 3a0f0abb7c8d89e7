/**
 * From what a person types to the JSON of an answer, as the JSON Schema of its question has it. Pure. Whether the answer is right, the
 * schema itself says.
 */
import type { Question } from "@toolscope/core"
import * as Result from "effect/Result"

/** One thing that an answer can be. */
interface Alternative {
  /** Absent: anything. */
  readonly type: string | undefined
  readonly values: ReadonlyArray<unknown> | undefined
}

type Json = Readonly<Record<string, unknown>>

const maxDepth = 8

const alternatives = (schema: unknown, defs: Json, depth = 0): ReadonlyArray<Alternative> => {
  const anything = [{ type: undefined, values: undefined }]
  if (typeof schema !== "object" || schema === null || depth > maxDepth) return anything
  const { $ref, anyOf, const: only, enum: values, oneOf, type } = schema as Json
  if (typeof $ref === "string") return alternatives(defs[$ref.replace(/^.*\//, "")], defs, depth + 1)
  const several = anyOf ?? oneOf
  if (Array.isArray(several)) return several.flatMap((one) => alternatives(one, defs, depth + 1))
  const allowed = Array.isArray(values) ? (values as ReadonlyArray<unknown>) : only === undefined ? undefined : [only]
  if (allowed !== undefined) return allowed.map((value) => ({ type: typeOf(value), values: [value] }))
  const types: ReadonlyArray<unknown> = Array.isArray(type) ? type : [type]
  return types.map((one) => ({ type: typeof one === "string" ? one : undefined, values: undefined }))
}

const typeOf = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "array" : typeof value === "object" ? "object" : typeof value

const ofQuestion = ({ schema }: Question.Question): ReadonlyArray<Alternative> =>
  alternatives(schema, ((schema as Json | null)?.$defs as Json | undefined) ?? {})

const takes = (all: ReadonlyArray<Alternative>, value: unknown): boolean =>
  all.some(({ type, values }) => {
    if (values !== undefined) return values.includes(value)
    return type === undefined || type === typeOf(value) || (type === "integer" && Number.isInteger(value))
  })

const yes = /^(y|yes)$/i
const no = /^(n|no)$/i

/** What is typed as JSON, or as it is where text is wanted; `y` and `n` where yes or no is. */
export const read = (question: Question.Question, line: string): Result.Result<unknown, string> => {
  const text = line.trim()
  if (question.kind === "approval") return readApproval(text)
  const all = ofQuestion(question)
  const said = yes.test(text) ? true : no.test(text) ? false : undefined
  if (said !== undefined && !takes(all, text) && takes(all, said)) return Result.succeed(said)
  const json = parse(text)
  if (Result.isSuccess(json) && takes(all, json.success)) return json
  if (all.some(({ type }) => type === undefined || type === "string")) return Result.succeed(text)
  const wanted = `an answer is ${hint(question)}`
  const isStructure = all.some(({ type }) => type === "object" || type === "array")
  return Result.mapError(json, (why) => (isStructure ? `this is no JSON (${why}); ${wanted}` : wanted))
}

/** `y`, `n`, `n` and a reason, or the JSON of it. */
const readApproval = (text: string): Result.Result<unknown, string> => {
  if (yes.test(text)) return Result.succeed(true)
  if (no.test(text)) return Result.succeed(false)
  const refused = /^(?:n|no)\b[\s,:;-]*(.+)$/i.exec(text)
  if (refused !== null) return Result.succeed({ approved: false, reason: refused[1] })
  return Result.mapError(parse(text), () => "answer y or n; after n there may be a reason")
}

const parse = (text: string): Result.Result<unknown, string> => {
  try {
    return Result.succeed(JSON.parse(text))
  } catch (error) {
    return Result.fail(error instanceof Error ? error.message : String(error))
  }
}

/** What an answer can be, for people. */
export const hint = (question: Question.Question): string => {
  if (question.kind === "approval") return "y or n; after n there may be a reason"
  const all = ofQuestion(question)
  const values = all.flatMap(({ values }) => values ?? [])
  // a number may also be one of its three names that JSON has not
  if (all.some(({ type, values }) => type === "number" && values === undefined)) return words.number!
  const parts = [
    ...(values.length > 0
      ? [`one of ${values.map((value) => (typeof value === "string" ? value : JSON.stringify(value))).join(", ")}`]
      : []),
    ...all.flatMap(({ type, values }) =>
      values !== undefined ? [] : [type === undefined ? "text, or JSON" : (words[type] ?? "JSON")]
    )
  ]
  return [...new Set(parts)].join(", or ")
}

const words: { readonly [type: string]: string } = {
  string: "text",
  number: "a number",
  integer: "a whole number",
  boolean: "y or n",
  null: "null",
  array: "a list, as JSON",
  object: "an object, as JSON"
}
