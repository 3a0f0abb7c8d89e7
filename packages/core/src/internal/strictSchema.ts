/**
 * JSON Schema in the small dialect that strict schema modes of models take: every property required (an optional one may be `null`), no
 * further ones, and few keywords. What a schema asks for beyond that goes into its description: it is checked all the same, when the
 * parameters are decoded.
 *
 * Some shapes have no place in that dialect (records of any keys, tuples, anything at all). For those there is no strict schema.
 */
export type JsonSchema = { readonly [keyword: string]: unknown }

export const isRecord = (u: unknown): u is { readonly [key: string]: unknown } =>
  typeof u === "object" && u !== null && !Array.isArray(u)

const listed = new Set(["anyOf", "oneOf", "allOf", "prefixItems"])
const single = new Set([
  ...["items", "additionalProperties", "unevaluatedProperties", "unevaluatedItems", "additionalItems", "contains"],
  ...["propertyNames", "not", "if", "then", "else"]
])
const keyed = new Set(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"])

/** The schema, with `f` applied to it and to all schemas in it; what is data (`enum`, `const`, `default`) is let be. */
export const mapSchemas = (schema: unknown, f: (schema: JsonSchema) => JsonSchema): unknown => {
  if (!isRecord(schema)) return schema
  const entries = Object.entries(schema).map(([keyword, value]): [string, unknown] => {
    if (Array.isArray(value) && (listed.has(keyword) || keyword === "items")) {
      return [keyword, value.map((inner) => mapSchemas(inner, f))]
    }
    if (single.has(keyword)) return [keyword, mapSchemas(value, f)]
    if (keyed.has(keyword) && isRecord(value)) {
      return [keyword, Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mapSchemas(inner, f)]))]
    }
    return [keyword, value]
  })
  return f(Object.fromEntries(entries))
}

/** An optional property: it may be `null`. */
export const nullable = (schema: JsonSchema): JsonSchema =>
  Array.isArray(schema.anyOf)
    ? { ...schema, anyOf: [...(schema.anyOf as ReadonlyArray<unknown>), { type: "null" }] }
    : { anyOf: [schema, { type: "null" }] }

const noted = new Set([
  ...["minLength", "maxLength", "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
  ...["multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "default"]
])
const isNoted = (keyword: string, value: unknown): boolean =>
  // the bounds of what a number can be say nothing
  noted.has(keyword) && !(typeof value === "number" && Math.abs(value) === Number.MAX_SAFE_INTEGER)

/** What the schema says for people, and what it asks for that the dialect cannot say. */
const described = (schema: JsonSchema, out: JsonSchema): JsonSchema => {
  const members = Array.isArray(schema.allOf) ? schema.allOf.filter(isRecord) : []
  const notes = [schema, ...members].flatMap((part) =>
    Object.entries(part)
      .filter(([keyword, value]) => isNoted(keyword, value))
      .map(([keyword, value]) => `${keyword}: ${JSON.stringify(value)}`)
  )
  const said = [schema, ...members].flatMap(({ description }) => (typeof description === "string" ? [description] : []))
  const text = [...said, ...(notes.length === 0 ? [] : [`(${notes.join(", ")})`])].join(" ")
  return text === "" ? out : { ...out, description: text }
}

const shapes = ["$ref", "type", "properties", "items", "prefixItems", "anyOf", "oneOf", "allOf", "enum", "const"]

/** The schema in the strict dialect; `undefined` where it has no place there. References are to what is made strict too. */
export const strict = (schema: unknown): JsonSchema | undefined => {
  if (!isRecord(schema)) return undefined
  const says = (keyword: string) => schema[keyword] !== undefined
  if (says("$ref")) return { $ref: schema.$ref }
  const { allOf, type } = schema
  // members that only narrow what is said beside them are notes; others would have to be merged
  if (Array.isArray(allOf) && allOf.some((part) => !isRecord(part) || shapes.some((key) => key in part)))
    return undefined
  const alternatives = schema.anyOf ?? schema.oneOf
  if (Array.isArray(alternatives)) {
    if (["properties", "items", "enum", "const"].some(says)) return undefined
    const anyOf = alternatives.map(strict)
    return anyOf.includes(undefined) ? undefined : described(schema, { anyOf })
  }
  if (Array.isArray(type)) {
    const anyOf = type.map((one: unknown) => strict({ ...schema, type: one, description: undefined }))
    return anyOf.includes(undefined) ? undefined : described({ description: schema.description }, { anyOf })
  }
  const values = Array.isArray(schema.enum)
    ? (schema.enum as ReadonlyArray<unknown>)
    : "const" in schema
      ? [schema.const]
      : undefined
  if (values !== undefined) return strictEnum(schema, values)
  switch (type ?? (says("properties") ? "object" : undefined)) {
    case "object":
      return strictObject(schema)
    case "array": {
      const items = says("prefixItems") ? undefined : strict(schema.items)
      return items === undefined ? undefined : described(schema, { type: "array", items })
    }
    case "string":
    case "number":
    case "integer":
    case "boolean":
    case "null":
      return described(schema, { type })
    default:
      return undefined
  }
}

const typeOf = (value: unknown): string => (value === null ? "null" : typeof value)

const strictEnum = (schema: JsonSchema, values: ReadonlyArray<unknown>): JsonSchema | undefined => {
  const among = typeof schema.type === "string" ? values.filter((value) => isOfType(value, schema.type)) : values
  const types = [...new Set(among.map(typeOf))]
  if (types.length === 0 || types.some((type) => type === "object" || type === "undefined")) return undefined
  const one = (type: string) =>
    type === "null" ? { type } : { type, enum: among.filter((value) => typeOf(value) === type) }
  return described(schema, types.length === 1 ? one(types[0]!) : { anyOf: types.map(one) })
}

const isOfType = (value: unknown, type: unknown): boolean =>
  type === "integer" ? Number.isInteger(value) : typeOf(value) === type

const strictObject = (schema: JsonSchema): JsonSchema | undefined => {
  const properties = isRecord(schema.properties) ? Object.entries(schema.properties) : []
  const rest = schema.additionalProperties
  const isOpen = isRecord(rest) && Object.keys(rest).length > 0
  // with named properties what may stand beside them is given up; without, there would be nothing left
  if (isOpen || (properties.length === 0 && rest !== false) || isRecord(schema.patternProperties)) return undefined
  const required = Array.isArray(schema.required) ? (schema.required as ReadonlyArray<unknown>) : []
  const out: Record<string, unknown> = {}
  for (const [key, inner] of properties) {
    const property = strict(inner)
    if (property === undefined || key === "__proto__") return undefined
    out[key] = required.includes(key) ? property : nullable(property)
  }
  return described(schema, {
    type: "object",
    properties: out,
    required: Object.keys(out),
    additionalProperties: false
  })
}

/** The schemas that a value may have to fit: references and alternatives are followed. */
const flatten = (schema: unknown, resolve: (ref: string) => unknown, seen = new Set<unknown>()): Array<JsonSchema> => {
  if (!isRecord(schema) || seen.has(schema)) return []
  seen.add(schema)
  const inner = [schema.anyOf, schema.oneOf, schema.allOf].flatMap((list) => (Array.isArray(list) ? list : []))
  return [
    schema,
    ...(typeof schema.$ref === "string" ? flatten(resolve(schema.$ref), resolve, seen) : []),
    ...inner.flatMap((part) => flatten(part, resolve, seen))
  ]
}

const takesNull = (schema: unknown, resolve: (ref: string) => unknown): boolean =>
  flatten(schema, resolve).some(
    ({ const: only, enum: values, type }) =>
      type === "null" ||
      only === null ||
      (Array.isArray(type) && type.includes("null")) ||
      (Array.isArray(values) && values.includes(null))
  )

/** May the value be of this alternative? Not where a property of it can only be something else, as the tag of a union. */
const mayBe = (value: JsonSchema, { properties }: JsonSchema, resolve: (ref: string) => unknown): boolean =>
  !isRecord(properties) ||
  Object.entries(properties).every(([key, schema]) => {
    const said = Object.hasOwn(value, key) ? value[key] : undefined
    if (said === undefined || said === null || typeof said === "object") return true
    const leaves = flatten(schema, resolve).filter((one) => ["type", "enum", "const"].some((keyword) => keyword in one))
    return (
      leaves.length === 0 ||
      leaves.some(({ const: only, enum: values }) =>
        Array.isArray(values) ? values.includes(said) : only === undefined || only === said
      )
    )
  })

/** The value without the nulls that stand for optional properties, where `schema` (not made strict) has them and takes no `null` there. */
export const withoutNulls = (
  value: unknown,
  schemas: ReadonlyArray<unknown>,
  resolve: (ref: string) => unknown
): unknown => {
  const among = schemas.flatMap((schema) => flatten(schema, resolve))
  if (Array.isArray(value)) {
    const items = among.flatMap((schema) => (schema.items === undefined ? [] : [schema.items]))
    return items.length === 0 ? value : value.map((item) => withoutNulls(item, items, resolve))
  }
  if (!isRecord(value)) return value
  const fit = among.filter((schema) => mayBe(value, schema, resolve))
  const entries = Object.entries(value).flatMap(([key, inner]): Array<[string, unknown]> => {
    const of = fit.flatMap(({ properties, required }) =>
      isRecord(properties) && Object.hasOwn(properties, key)
        ? [{ schema: properties[key], isRequired: Array.isArray(required) && required.includes(key) }]
        : []
    )
    const stands = of.length > 0 && of.every(({ isRequired, schema }) => !isRequired && !takesNull(schema, resolve))
    if (inner === null && stands) return []
    return [
      [
        key,
        withoutNulls(
          inner,
          of.map(({ schema }) => schema),
          resolve
        )
      ]
    ]
  })
  return Object.fromEntries(entries)
}
