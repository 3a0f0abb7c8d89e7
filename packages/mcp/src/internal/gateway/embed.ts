/**
 * A tool's own JSON Schema as a part of another one that holds no references. What cannot stand there is described loosely instead: as an
 * object, whose own schema is that of the tool. Pure.
 */
import { isUsable } from "../jsonSchema.ts"

/** A JSON Schema, as an object. */
export type Json = { readonly [key: string]: unknown }

/** Where a schema holds others: in a record, in a list, or as they are. */
const inRecords = ["properties", "patternProperties", "dependentSchemas"]
const inLists = ["allOf", "anyOf", "oneOf", "prefixItems"]
const inPlace = [
  "additionalProperties",
  "unevaluatedProperties",
  "unevaluatedItems",
  "propertyNames",
  "items",
  "contains",
  "not",
  "if",
  "then",
  "else"
]
/** They speak of the whole document that the schema is in. */
const unmovable = ["$ref", "$id", "$dynamicRef", "$recursiveRef", "$dynamicAnchor", "$recursiveAnchor", "$anchor"]

/** Said of parameters whose schema is not repeated here. */
export const loosely = (tool: string): Json => ({
  type: "object",
  description: `Parameters as the tool ${tool} itself takes them`
})

/** The schema, to stand anywhere: without references. `undefined` if it has some, or cannot be used. */
export const embed = (schema: object): Json | undefined => {
  const { $id: _, $schema: dialect, ...bare } = schema as Json
  if (dialect !== undefined && !(typeof dialect === "string" && dialect.includes("2020-12")) && hasTuple(bare)) {
    return undefined
  }
  const free = freed(bare)
  return free !== undefined && isUsable(free) ? free : undefined
}

const maxDepth = 64

/** Without definitions, which nothing refers to any more; `undefined` where something does. */
const freed = (schema: unknown, depth = 0): Json | undefined => {
  if (depth > maxDepth) return undefined
  // `true` and `false` are schemas, too
  if (!isRecord(schema)) return schema as Json
  const free: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(schema)) {
    if (unmovable.includes(key)) return undefined
    if (key === "$defs" || key === "definitions" || key === "$comment") continue
    // values, such as those of "enum", "const" and "default", are no schemas
    let one: unknown = value
    if (inRecords.includes(key) && isRecord(value)) {
      const all = Object.entries(value).map(([name, inner]) => [name, freed(inner, depth + 1)] as const)
      one = all.some(([, inner]) => inner === undefined) ? undefined : Object.fromEntries(all)
    } else if (inLists.includes(key) && Array.isArray(value)) {
      const all = value.map((inner: unknown) => freed(inner, depth + 1))
      one = all.includes(undefined) ? undefined : all
    } else if (inPlace.includes(key) && isRecord(value)) {
      one = freed(value, depth + 1)
    }
    if (one === undefined) return undefined
    free[key] = one
  }
  return free
}

/** Lists under "items" are tuples of older drafts. */
const hasTuple = (schema: unknown, depth = 0): boolean => {
  if (depth > maxDepth || typeof schema !== "object" || schema === null) return false
  return Object.entries(schema).some(
    ([key, value]) => (key === "items" && Array.isArray(value)) || hasTuple(value, depth + 1)
  )
}

const isRecord = (u: unknown): u is Record<string, unknown> => typeof u === "object" && u !== null && !Array.isArray(u)
