/**
 * A plain JSON Schema as a Standard Schema. Effect makes a schema of it and does the checking; what Effect cannot check is refused when the
 * schema is given, and never let through unchecked.
 */
import * as Draft from "effect/JsonSchema"
import * as Schema from "effect/Schema"
import * as SchemaRepresentation from "effect/SchemaRepresentation"
import { isObject, show, wrong } from "./arguments.ts"
import type { JsonSchema, StandardSchema } from "./schema.ts"

/** One of these says that an object is meant as a JSON Schema; without, it might be anything. */
const telling = ["$schema", "type", "$ref", "properties", "anyOf", "oneOf", "allOf", "enum", "const"]
const types = ["null", "boolean", "object", "array", "number", "string", "integer"]

const isJsonSchema = (u: unknown): u is JsonSchema =>
  isObject(u) && !("~standard" in u) && telling.some((keyword) => Object.hasOwn(u, keyword))

/** The schema of an option: a Standard Schema as it is, a JSON Schema as one. */
export const readSchema = (where: string, option: string, schema: unknown): StandardSchema | undefined => {
  if (schema === undefined) return undefined
  const standard: unknown =
    isObject(schema) || typeof schema === "function" ? (schema as Record<string, unknown>)["~standard"] : undefined
  if (isObject(standard) && typeof standard.validate === "function") return schema as StandardSchema
  if (isJsonSchema(schema)) return toStandard(where, option, schema)
  throw wrong(where, `${option} is a Standard Schema (of zod, valibot, arktype or another library), or a JSON Schema`, {
    value: schema
  })
}

const cache = new WeakMap<object, StandardSchema>()

/** What stands for it where schemas are used. Throws a `TypeError` where it cannot be checked. */
const toStandard = (where: string, option: string, schema: JsonSchema): StandardSchema => {
  const known = cache.get(schema)
  if (known !== undefined) return known
  let validate: StandardSchema["~standard"]["validate"]
  try {
    const imported = SchemaRepresentation.fromJsonSchemaDocument(documentOf(schema), {
      // whoever writes the tool writes its schema
      patterns: "apply",
      onEnter: checkKeywords
    }) as Schema.Codec<unknown>
    const parseOptions = { errors: "all", onExcessProperty: "error" } as const
    validate = Schema.toStandardSchemaV1(imported, { parseOptions })["~standard"].validate
  } catch (error) {
    const why = error instanceof Error ? error.message.replaceAll(/\s+/g, " ") : String(error)
    throw wrong(where, `the JSON Schema of ${option} cannot be checked (${why}): change it, or give a Standard Schema`)
  }
  const standard = {
    version: 1,
    vendor: "json-schema",
    validate,
    jsonSchema: { input: () => schema, output: () => schema }
  } as const
  const made: StandardSchema = { "~standard": standard }
  cache.set(schema, made)
  return made
}

const documentOf = (schema: JsonSchema): Draft.Document<"draft-2020-12"> => {
  const { $schema } = schema as { readonly $schema?: unknown }
  const json = schema as Draft.JsonSchema
  if ($schema === undefined || (typeof $schema === "string" && $schema.includes("2020-12"))) {
    return Draft.fromSchemaDraft2020_12(json)
  }
  if (typeof $schema === "string" && $schema.includes("draft-07")) return Draft.fromSchemaDraft07(withDefinitions(json))
  throw new Error(`its $schema is ${show($schema)}, and is to be draft 2020-12 or draft-07`)
}

/** Effect 3 and others say draft-07, and have their definitions where later drafts have them. */
const withDefinitions = (schema: Draft.JsonSchema): Draft.JsonSchema => {
  const { $defs, ...rest } = schema
  return $defs === undefined || "definitions" in rest
    ? schema
    : (renamed({ ...rest, definitions: $defs }) as Draft.JsonSchema)
}

const renamed = (u: unknown): unknown => {
  if (Array.isArray(u)) return u.map(renamed)
  if (!isObject(u)) return u
  return Object.fromEntries(
    Object.entries(u).map(([key, value]) => [
      key,
      key === "$ref" && typeof value === "string" ? value.replace(/^#\/\$defs\//, "#/definitions/") : renamed(value)
    ])
  )
}

/** What is misspelt in one of these would let everything through. */
const checkKeywords = (schema: Draft.JsonSchema): Draft.JsonSchema => {
  const { properties, required, type } = schema as Record<string, unknown>
  for (const one of Array.isArray(type) ? (type as ReadonlyArray<unknown>) : type === undefined ? [] : [type]) {
    if (!types.includes(one as string)) throw new Error(`there is no type ${show(one)}`)
  }
  if (required !== undefined && !(Array.isArray(required) && required.every((key) => typeof key === "string"))) {
    throw new Error(`required is a list of names, got ${show(required)}`)
  }
  const isSchema = (u: unknown) => isObject(u) || typeof u === "boolean"
  if (properties !== undefined && !(isObject(properties) && Object.values(properties).every(isSchema))) {
    throw new Error("properties is an object of schemas")
  }
  return schema
}
