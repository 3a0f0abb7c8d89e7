/**
 * A server's JSON Schema as a Standard Schema, so that parameters are checked before anything starts.
 *
 * A schema that cannot be used (invalid, or it refers to something outside) accepts nothing, and says so: one broken tool takes
 * neither its server nor other tools with it. Nor does one whose patterns or references take for ever: the time of each check is bounded.
 */
import { Ajv, type AnySchema, type ErrorObject, type ValidateFunction } from "ajv"
import { Ajv2020 } from "ajv/dist/2020.js"
import type { StandardSchemaV1 } from "effect/StandardSchema"
import { within } from "./within.ts"

const options = {
  strict: false,
  allErrors: true,
  // formats are annotations, and a foreign schema is not to make us log
  validateFormats: false,
  logger: false,
  ownProperties: true,
  addUsedSchema: false
} as const

/** Patterns are to be Unicode, but many are not; drafts before 2020-12 have other tuples. */
const makers = [
  () => new Ajv2020(options),
  () => new Ajv2020({ ...options, unicodeRegExp: false }),
  () => new Ajv(options),
  () => new Ajv({ ...options, unicodeRegExp: false })
]
const instances: Array<Ajv | Ajv2020 | undefined> = []

const maxIssues = 50
/** Milliseconds for which everything else stands still at most. */
const maxMillis = 2_000
const tooLong = `it takes more than ${maxMillis} ms`

/** What may take for ever: the rest takes as long as what it is applied to is large. */
const mayTakeLong = /"(?:pattern|patternProperties|\$ref|\$dynamicRef|\$recursiveRef)":/

const compile = (schema: object): ValidateFunction | string => {
  const { $schema, $id: _, ...bare } = schema as { readonly $schema?: unknown; readonly $id?: unknown }
  const old = typeof $schema === "string" && /draft-0\d/.test($schema)
  let reason = ""
  for (const i of old ? [2, 3] : [0, 1, 2, 3]) {
    try {
      const compiled = within(maxMillis, () => (instances[i] ??= makers[i]!()).compile(bare as AnySchema))
      if (compiled !== undefined) return compiled
      // it was left in the midst of its work
      instances[i] = undefined
      return tooLong
    } catch (error) {
      reason ||= error instanceof Error ? error.message : String(error)
    }
  }
  return reason
}

/** Does the schema compile? */
export const isUsable = (schema: object): boolean => typeof compile(schema) !== "string"

/** `absent` is what is said of `undefined`, which no JSON Schema can speak of; `shown` what is shown of the schema. */
export const fromJsonSchema = (
  schema: object,
  absent: string,
  shown: object = schema
): StandardSchemaV1<unknown, unknown> => {
  let compiled: ValidateFunction | string | undefined
  let isBounded = true
  const validate = (value: unknown): StandardSchemaV1.Result<unknown> => {
    if (compiled === undefined) {
      compiled = compile(schema)
      isBounded = typeof compiled === "string" || mayTakeLong.test(JSON.stringify(schema))
    }
    if (typeof compiled === "string") {
      return { issues: [{ message: `the server's own schema of this tool cannot be used: ${compiled}` }] }
    }
    if (value === undefined) return { issues: [{ message: absent }] }
    const valid = validityOf(compiled, value, isBounded ? maxMillis : undefined)
    if (typeof valid === "string") {
      return { issues: [{ message: `cannot be checked with the server's own schema of this tool: ${valid}` }] }
    }
    return valid ? { value } : { issues: (compiled.errors ?? []).slice(0, maxIssues).map(toIssue) }
  }
  const standard = {
    version: 1,
    vendor: "json-schema",
    validate,
    jsonSchema: { input: () => shown, output: () => shown }
  }
  return { "~standard": standard } as never
}

const validityOf = (compiled: ValidateFunction, value: unknown, millis: number | undefined): boolean | string => {
  try {
    if (millis === undefined) return compiled(value)
    return within(millis, () => compiled(value)) ?? tooLong
  } catch (error) {
    // such as a stack that is too small for it
    return error instanceof Error ? error.message : String(error)
  }
}

const toIssue = ({ instancePath, keyword, message = "not as the schema says", params }: ErrorObject) => {
  const path = instancePath
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"))
  const { additionalProperty, allowedValue, allowedValues, unevaluatedProperty } = params as Record<string, unknown>
  const extra = additionalProperty ?? unevaluatedProperty
  // at the property that is too many, not at the object that has it
  if (typeof extra === "string") return { message: "no such property is known", path: [...path, extra] }
  const allowed = keyword === "enum" ? allowedValues : keyword === "const" ? allowedValue : undefined
  return { message: allowed === undefined ? message : `${message}: ${JSON.stringify(allowed)}`, path }
}
