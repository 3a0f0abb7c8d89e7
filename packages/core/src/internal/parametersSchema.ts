/**
 * JSON Schemas of the parameters of tools, to stand side by side: the definitions of each under names of their own; and the same in the
 * strict dialect, where they have a place there.
 */
import * as Schema from "effect/Schema"
import type * as Tool from "../Tool.ts"
import * as codec from "./codec.ts"
import { type JsonSchema, isRecord, mapSchemas, strict, withoutNulls } from "./strictSchema.ts"

/** The parameters of a tool: its schema, and how it stands among the definitions. */
export interface Parameters {
  readonly tool: Tool.Any
  readonly name: string
  /** With references into all definitions. */
  readonly schema: JsonSchema
  readonly definitions: { readonly [name: string]: unknown }
  readonly isRequired: boolean
}

const closed = { type: "object", properties: {}, additionalProperties: false }

/** Encoded parameters, exactly: a key that the schema does not name is refused when they are decoded. */
export const parametersOf = (tool: Tool.Any): JsonSchema | undefined => {
  if (!codec.isEffectSchema(tool.parameters)) return codec.of(tool.parameters).jsonSchema() as JsonSchema | undefined
  try {
    const json = Schema.toCodecJson(tool.parameters as Schema.Codec<unknown>)
    const { definitions, schema } = Schema.toJsonSchemaDocument(json, { onExcessProperty: "error" })
    // a struct without fields takes anything but null; what is meant is that there are no parameters
    if (JSON.stringify(schema) === '{"not":{"type":"null"}}') return closed
    return Object.keys(definitions).length === 0 ? schema : { ...schema, $defs: definitions }
  } catch {
    return undefined
  }
}

/** With the definitions of a tool beside those of the others, under names of their own. */
const hoist = (tool: Tool.Any, taken: Set<string>): Parameters => {
  let name = `params_${tool.name.replace(/[^\w-]/g, "_")}`
  while (taken.has(name)) name += "_"
  taken.add(name)
  const own = parametersOf(tool) ?? {}
  const { $defs, $id: _id, $schema: _schema, definitions: old, ...root } = own
  const inner = { ...(isRecord(old) ? old : {}), ...(isRecord($defs) ? $defs : {}) }
  const names = new Map<string, string>()
  for (const key of Object.keys(inner)) {
    let unique = `${name}_${key.replace(/[^\w-]/g, "_")}`
    while (taken.has(unique)) unique += "_"
    taken.add(unique)
    names.set(key, unique)
  }
  const moved = (ref: string): string => {
    if (ref === "#") return `#/$defs/${name}`
    const [, key, rest = ""] = /^#\/(?:\$defs|definitions)\/([^/]+)(\/.*)?$/.exec(ref) ?? []
    const target = key === undefined ? undefined : names.get(decode(key))
    if (target !== undefined) return `#/$defs/${target}${rest}`
    return ref.startsWith("#/") ? `#/$defs/${name}${ref.slice(1)}` : ref
  }
  const rewrite = (schema: unknown) =>
    mapSchemas(schema, (s) => (typeof s.$ref === "string" ? { ...s, $ref: moved(s.$ref) } : s))
  const said = [tool.description, root.description].filter((text) => typeof text === "string" && text !== "")
  const schema = {
    ...(rewrite(root) as JsonSchema),
    ...(said.length === 0 ? {} : { description: [...new Set(said)].join(" ") })
  }
  return {
    tool,
    name,
    schema,
    definitions: Object.fromEntries([...names].map(([key, unique]) => [unique, rewrite(inner[key])])),
    isRequired: Array.isArray(root.required) && root.required.length > 0
  }
}

const decode = (token: string): string => {
  try {
    return decodeURIComponent(token).replaceAll("~1", "/").replaceAll("~0", "~")
  } catch {
    return token
  }
}

export const hoistAll = (tools: ReadonlyArray<Tool.Any>): ReadonlyArray<Parameters> => {
  const taken = new Set<string>()
  return tools.map((tool) => hoist(tool, taken))
}

/** Their strict definitions; `undefined` where a part of them has none, or refers to what is not there. */
export const strictDefinitions = ({
  definitions,
  name,
  schema
}: Parameters): { [name: string]: JsonSchema } | undefined => {
  const made: Record<string, JsonSchema> = {}
  for (const [key, inner] of Object.entries({ ...definitions, [name]: schema })) {
    const one = strict(inner)
    if (one === undefined) return undefined
    made[key] = one
  }
  const refs: Array<string> = []
  mapSchemas({ $defs: made }, (s) => {
    if (typeof s.$ref === "string") refs.push(s.$ref.slice("#/$defs/".length))
    return s
  })
  // parameters are an object, or the mode refuses them
  return refs.every((ref) => Object.hasOwn(made, ref)) && made[name]?.type === "object" ? made : undefined
}

export const asText = ({ definitions, schema }: Parameters): JsonSchema => {
  const { description = "The parameters", ...rest } = schema
  const whole = Object.keys(definitions).length === 0 ? rest : { ...rest, $defs: definitions }
  return {
    type: "string",
    description: `${String(description)} As JSON text, of this JSON Schema: ${JSON.stringify(whole)}`
  }
}

/** The encoded parameters that strict ones stand for: without the nulls; parameters that are text are read. */
export const parametersFrom = (one: Parameters, params: unknown): unknown => {
  if (typeof params === "string" && strictDefinitions(one) === undefined) {
    try {
      return JSON.parse(params)
    } catch {
      return params
    }
  }
  const resolve = (ref: string): unknown => {
    const name = ref.slice("#/$defs/".length)
    return name === one.name ? one.schema : one.definitions[name]
  }
  return withoutNulls(params, [one.schema], resolve)
}

/** Of one tool, in the strict dialect; `undefined` where they have no place there. */
export const strictParameters = (tool: Tool.Any): object | undefined => {
  const one = hoist(tool, new Set())
  const made = strictDefinitions(one)
  if (made === undefined) return undefined
  return { ...made[one.name], ...(Object.keys(made).length === 1 ? {} : { $defs: made }) }
}

/** As {@link parametersFrom}, of one tool. */
export const parametersOfStrict = (tool: Tool.Any, params: unknown): unknown =>
  parametersFrom(hoist(tool, new Set()), params)
