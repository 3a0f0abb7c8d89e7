/**
 * A question as a form that a host can show: flat, of text, numbers, yes and no, and choices. What does not fit is asked as JSON text. Pure.
 */
import type { ElicitRequestFormParams, PrimitiveSchemaDefinition } from "@modelcontextprotocol/sdk/types.js"
import type { Question } from "@toolscope/core"
import * as Result from "effect/Result"

export interface Form {
  readonly schema: ElicitRequestFormParams["requestedSchema"]
  /** Said after the question. */
  readonly hint: string | undefined
  /** From what the person gave to the answer of the question. */
  readonly read: (content: Record<string, unknown>) => Result.Result<unknown, string>
}

type Json = { readonly [key: string]: unknown }

/** Keys that a form may have, by the type of a field. */
const fieldKeys = {
  string: ["title", "description", "minLength", "maxLength", "format", "enum", "enumNames", "default"],
  number: ["title", "description", "minimum", "maximum", "default"],
  integer: ["title", "description", "minimum", "maximum", "default"],
  boolean: ["title", "description", "default"]
} as const

/** Those that a form cannot say, and that change what is accepted. The question's own schema checks them. */
const formats = ["email", "uri", "date", "date-time"]

export const formOf = (question: Pick<Question.Question, "kind" | "schema">): Form => {
  if (question.kind === "approval") return approval
  const schema = isRecord(question.schema) ? question.schema : {}
  const field = fieldOf(schema)
  if (field !== undefined) {
    return {
      schema: { type: "object", properties: { answer: field }, required: ["answer"] },
      hint: undefined,
      read: ({ answer }) => Result.succeed(answer)
    }
  }
  return flat(schema) ?? asText(schema)
}

const approval: Form = {
  schema: {
    type: "object",
    properties: {
      approved: { type: "boolean", title: "May it run?" },
      reason: { type: "string", title: "Why not, if it may not" }
    },
    required: ["approved"]
  },
  hint: undefined,
  read: ({ approved, reason }) =>
    Result.succeed({ approved: approved === true, ...(typeof reason === "string" && reason !== "" ? { reason } : {}) })
}

/** An object of fields, and nothing that they do not say. */
const flat = (schema: Json): Form | undefined => {
  const { properties, required = [], type } = schema
  if (type !== "object" || !isRecord(properties) || "anyOf" in schema || "allOf" in schema || "oneOf" in schema) {
    return undefined
  }
  const fields: Record<string, PrimitiveSchemaDefinition> = {}
  for (const [name, property] of Object.entries(properties)) {
    const field = isRecord(property) ? fieldOf(property) : undefined
    if (field === undefined || name === "__proto__") return undefined
    fields[name] = field
  }
  if (Object.keys(fields).length === 0) return undefined
  return {
    schema: { type: "object", properties: fields, required: required as Array<string> },
    hint: undefined,
    read: Result.succeed
  }
}

const fieldOf = (schema: Json): PrimitiveSchemaDefinition | undefined => {
  const { type } = schema
  // checks of an Effect schema may stand in an allOf: the question's own schema has the last word anyway
  if (typeof type !== "string" || !(type in fieldKeys) || "anyOf" in schema || "oneOf" in schema || "$ref" in schema) {
    return undefined
  }
  if (type !== "string" && "enum" in schema) return undefined
  const keys: ReadonlyArray<string> = fieldKeys[type as keyof typeof fieldKeys]
  const field = Object.fromEntries(
    Object.entries(schema).filter(
      ([key, value]) => keys.includes(key) && (key !== "format" || formats.includes(value as string))
    )
  )
  return { type, ...field } as PrimitiveSchemaDefinition
}

const asText = (schema: Json): Form => {
  const wanted = Object.keys(schema).length === 0 ? "" : ` The JSON has to fit this schema: ${JSON.stringify(schema)}`
  return {
    schema: {
      type: "object",
      properties: { answer: { type: "string", title: "Answer, as JSON" } },
      required: ["answer"]
    },
    hint: `The answer is written as JSON.${wanted}`,
    read: ({ answer }) => {
      try {
        return Result.succeed(JSON.parse(String(answer)) as unknown)
      } catch (error) {
        return Result.fail(`no JSON: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
}

const isRecord = (u: unknown): u is Json => typeof u === "object" && u !== null && !Array.isArray(u)
