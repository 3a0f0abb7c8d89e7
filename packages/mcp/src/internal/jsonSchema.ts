/**
 * A server's JSON Schema as a Standard Schema, so that parameters are checked before anything starts.
 *
 * A schema that cannot be used (invalid, or it refers to something outside) accepts nothing, and says so: one broken tool takes
 * neither its server nor other tools with it.
 */
import { Ajv, type AnySchema, type ErrorObject, type ValidateFunction } from "ajv"
import { Ajv2020 } from "ajv/dist/2020.js"
import type { StandardSchemaV1 } from "effect/StandardSchema"

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

const compile = (schema: object): ValidateFunction | string => {
  const { $schema, $id: _, ...bare } = schema as { readonly $schema?: unknown; readonly $id?: unknown }
  const old = typeof $schema === "string" && /draft-0\d/.test($schema)
  let reason = ""
  for (const i of old ? [2, 3] : [0, 1, 2, 3]) {
    try {
      return (instances[i] ??= makers[i]!()).compile(bare as AnySchema)
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
  const validate = (value: unknown): StandardSchemaV1.Result<unknown> => {
    compiled ??= compile(schema)
    if (typeof compiled === "string") {
      return { issues: [{ message: `the server's own schema of this tool cannot be used: ${compiled}` }] }
    }
    if (value === undefined) return { issues: [{ message: absent }] }
    return compiled(value) ? { value } : { issues: (compiled.errors ?? []).slice(0, maxIssues).map(toIssue) }
  }
  const standard = {
    version: 1,
    vendor: "json-schema",
    validate,
    jsonSchema: { input: () => shown, output: () => shown }
  }
  return { "~standard": standard } as never
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
