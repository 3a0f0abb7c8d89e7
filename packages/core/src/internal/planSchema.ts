/**
 * JSON Schema of the plans that can be made of given tools: their parameters as they have them, and of retries, rivals and undos only what
 * the contract of each allows. What only a whole plan can tell (unique ids, quorums that can be reached), decoding says.
 *
 * In the strict form every property is required and what is optional may be `null`; parameters that have no strict schema are text: JSON,
 * of the schema in the description. {@link fromStrict} takes both back.
 */
import * as Contract from "../Contract.ts"
import type * as Tool from "../Tool.ts"
import { asText, hoistAll, parametersFrom, strictDefinitions } from "./parametersSchema.ts"
import { isRecord, type JsonSchema, nullable } from "./strictSchema.ts"

const ref = (name: string): JsonSchema => ({ $ref: `#/$defs/${name}` })
const only = (value: string): JsonSchema => ({ type: "string", enum: [value] })
const text: JsonSchema = { type: "string" }

type Fields = { readonly [key: string]: JsonSchema }

/** All plans, or those whose calls can all be undone: rivals that run at the same time, and what stands in an `atomic`. */
type Family = "" | "Undoable"

type Kind = readonly [required: Fields, optional: Fields]

export const planSchemaOf = (tools: ReadonlyArray<Tool.Any>, isStrict: boolean): object => {
  const all = hoistAll(tools)
  const definitions: Record<string, unknown> = {}
  const object = (required: Fields, optional: Fields = {}): JsonSchema => {
    const extra = Object.entries(optional).map(([key, s]) => [key, isStrict ? nullable(s) : s] as const)
    const properties = { ...required, ...Object.fromEntries(extra) }
    return {
      type: "object",
      properties,
      required: Object.keys(isStrict ? properties : required),
      additionalProperties: false
    }
  }
  // bounds are for the lax form: not every strict mode knows them, and decoding says them anyway
  const whole = (minimum: number, description?: string): JsonSchema => ({
    type: "integer",
    ...(isStrict ? {} : { minimum }),
    ...(description === undefined ? {} : { description })
  })
  const list = (items: JsonSchema, minItems = 0): JsonSchema => ({
    type: "array",
    items,
    ...(isStrict || minItems === 0 ? {} : { minItems })
  })
  const duration = ref("Duration")
  const undoable = tools.filter(({ contract }) => Contract.canUndo(contract))
  // where every call can be undone there is one family, and where none can there is no other
  const isOne = undoable.length === tools.length
  const hasUndoable = undoable.length > 0

  const kindsOf = (family: Family): ReadonlyArray<Kind> => {
    const isUndoable = isOne || family === "Undoable"
    const node = ref(`${family}Node`)
    const child = ref(`${family}Child`)
    const safe: Family = isOne ? "" : "Undoable"
    const calls = all
      .filter(({ tool }) => !isUndoable || Contract.canUndo(tool.contract))
      .map(({ isRequired, name, tool }): Kind => {
        const params = { params: ref(name) }
        return [
          { call: only(tool.name), ...(isRequired ? params : {}) },
          {
            ...(isRequired ? {} : params),
            timeout: duration,
            ...(Contract.canRetry(tool.contract) ? { retry: whole(0, "Further attempts") } : {}),
            idempotencyKey: text
          }
        ]
      })
    const quorum = (of: JsonSchema): Fields => ({ quorum: whole(1, "How many must succeed"), of: list(of, 1) })
    const agree: Fields = { agree: { type: "boolean", description: "The counted values must be equal" } }
    const surplus = (values: ReadonlyArray<string>): Fields => ({
      surplus: {
        type: "string",
        enum: values,
        description: "What becomes of the effects of children that are not counted, once it has succeeded"
      }
    })
    const acting: ReadonlyArray<Kind> = [
      [quorum(child), { ...agree, ...surplus(["keep"]) }],
      [{ firstSuccess: list(child, 1), stagger: only("infinity") }, {}]
    ]
    const undone: ReadonlyArray<Kind> = [
      isUndoable
        ? [quorum(child), { ...agree, ...surplus(["keep", "undo"]) }]
        : [{ ...quorum(ref("UndoableChild")), ...surplus(["undo"]) }, agree],
      [{ firstSuccess: list(ref(`${safe}Child`), 1) }, { stagger: duration }],
      [{ atomic: ref(`${safe}Node`) }, {}]
    ]
    return [
      ...calls,
      [{ all: list(ref(`${family}AllChild`)) }, {}],
      ...(isUndoable ? [] : acting),
      ...(isUndoable || hasUndoable ? undone : []),
      [{ settled: node }, {}],
      [{ deadline: duration, of: node }, {}]
    ]
  }

  for (const family of isOne || !hasUndoable ? ([""] as const) : (["", "Undoable"] as const)) {
    const kinds = kindsOf(family)
    const id = { id: { ...text, description: 'Unique among its siblings, without "/"' } }
    const withId = kinds.map(([required, optional]) => object({ ...id, ...required }, optional))
    const advisory = object({ ...id, advisory: ref(`${family}Node`) }, { grace: duration })
    definitions[`${family}Node`] = { anyOf: kinds.map(([required, optional]) => object(required, optional)) }
    definitions[`${family}Child`] = { anyOf: withId }
    definitions[`${family}AllChild`] = { anyOf: [...withId, advisory] }
  }
  definitions.Duration = {
    anyOf: [text, { type: "number" }],
    description: 'Milliseconds, or text such as "50 millis", "2 seconds", "1 minute"'
  }
  for (const one of all) {
    const made = isStrict ? strictDefinitions(one) : { ...one.definitions, [one.name]: one.schema }
    Object.assign(definitions, made ?? { [one.name]: asText(one) })
  }
  const budget = object(
    {},
    {
      calls: whole(0),
      attempts: whole(0, "Retries included"),
      wallClock: duration,
      // their names are not known beforehand
      ...(isStrict ? {} : { costs: { type: "object", additionalProperties: { type: "number" } } })
    }
  )
  return {
    ...(isStrict ? {} : { $schema: "https://json-schema.org/draft/2020-12/schema" }),
    ...object(
      { toolscope: { type: "integer", enum: [1], description: "Version of the format" }, plan: ref("Node") },
      { drain: duration, undo: duration, concurrency: whole(1), budget }
    ),
    $defs: definitions
  }
}

/** The document that a strict one stands for. What is no such document is given back as it is: decoding says what is wrong. */
export const fromStrict = (document: unknown, tools: ReadonlyArray<Tool.Any>): unknown => {
  if (!isRecord(document)) return document
  const all = new Map(hoistAll(tools).map((one) => [one.tool.name, one]))
  const bare = present(document)
  if (isRecord(bare.budget)) bare.budget = present(bare.budget)
  const tasks: Array<{ readonly in: Record<string, unknown>; readonly key: string }> = [{ in: bare, key: "plan" }]
  const wait = (list: Array<unknown>, i: number) => tasks.push({ in: list as never, key: String(i) })
  // a list instead of recursion, as where documents are read
  for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
    const json = task.in[task.key]
    if (!isRecord(json)) continue
    const node = present(json)
    task.in[task.key] = node
    const one = typeof node.call === "string" ? all.get(node.call) : undefined
    if (one !== undefined && "params" in node) node.params = parametersFrom(one, node.params)
    for (const key of ["all", "of", "firstSuccess", "advisory", "settled", "atomic"]) {
      const inner = node[key]
      if (Array.isArray(inner)) {
        const children = [...(inner as ReadonlyArray<unknown>)]
        node[key] = children
        children.forEach((_, i) => wait(children, i))
      } else if (isRecord(inner)) tasks.push({ in: node, key })
    }
  }
  return bare
}

/** Without what is `null`: no key of the format may be that. */
const present = (json: { readonly [key: string]: unknown }): Record<string, unknown> =>
  Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null))
