/**
 * The JSON Schema of the parameters of `fanout`: the plan format over the tools that there are, each with its own parameters, and only with
 * what its contract allows. Pure.
 *
 * Two forms, because hosts differ in what they read. Some drop `$defs` and leave references that lead nowhere; some know no recursion.
 *
 * - `inline`: no references. The root and the children of its lists are spelled out; what is nested deeper is described in words, and checked
 *   all the same when a plan comes.
 * - `refs`: the whole format, recursive, by references into `$defs`.
 */
import { Contract, PlanDocument, type Tool } from "@toolscope/core"
import { isUsable } from "../jsonSchema.ts"
import { embed, type Json, loosely } from "./embed.ts"

export type Form = "inline" | "refs"

/** A tool of the plan, and the schema of its parameters. */
export interface Planned {
  readonly tool: Tool.Any
  readonly parameters: Json
}

/** A host pays for every character, and lists the tools themselves, too: beyond this, parameters are spelled out less often. */
const maxChars = 30_000

export const planSchema = (tools: ReadonlyArray<Planned>, form: Form): Json => {
  if (form === "refs") {
    const schema = withRefs(tools)
    // a server's own schema may refer to what is not there: one such tool is not to take the others with it
    if (isUsable(schema)) return schema
  }
  const spelled = tools.map((planned) => ({
    ...planned,
    parameters: embed(planned.parameters) ?? loosely(planned.tool.name)
  }))
  const forms = [["plan", "all", "others"], ["all"], []] as const
  const sizes = forms.map((where) => inline(spelled, where))
  return sizes.find((schema) => JSON.stringify(schema).length <= maxChars) ?? sizes.at(-1)!
}

/** Milliseconds, or text such as "2 seconds"; which is said once, in the description of the tool. */
const duration = (description?: string): Json => ({
  anyOf: [{ type: "string" }, { type: "number" }],
  ...(description === undefined ? {} : { description })
})

const id: Json = { type: "string" }
const positive: Json = { type: "integer", minimum: 1 }

const top = (plan: Json): Json => ({
  type: "object",
  properties: {
    toolscope: { type: "integer", minimum: 1, maximum: 1, description: "Version of the format; may be left out" },
    plan,
    drain: duration("How long stopped calls are waited for. Default 2 seconds"),
    undo: duration("How long undoing may take. Default 5 seconds"),
    concurrency: { ...positive, description: "Calls at the same time. Default 8" },
    budget: {
      type: "object",
      description: "What the plan may use; what is absent is not limited",
      properties: {
        calls: { type: "integer", minimum: 0 },
        attempts: { type: "integer", minimum: 0 },
        wallClock: duration(),
        costs: { type: "object", additionalProperties: { type: "number" } }
      },
      additionalProperties: false
    }
  },
  required: ["plan"],
  additionalProperties: false
})

/** An object of these keys, and no others. */
const closed = (withId: boolean, properties: Json, required: ReadonlyArray<string>): Json => ({
  type: "object",
  properties: withId ? { id, ...properties } : properties,
  required: withId ? ["id", ...required] : required,
  additionalProperties: false
})

const callKeys = (names: ReadonlyArray<string>, params: Json, retries: boolean): Json => ({
  call: { type: "string", enum: names },
  params,
  timeout: duration(),
  ...(retries ? { retry: { type: "integer", minimum: 0 } } : {}),
  idempotencyKey: { type: "string" }
})

const callNode = (withId: boolean, { parameters, tool }: Planned): Json => {
  const hasRequired = Array.isArray(parameters.required) && parameters.required.length > 0
  const keys = callKeys([tool.name], parameters, Contract.canRetry(tool.contract))
  return closed(withId, keys, hasRequired ? ["call", "params"] : ["call"])
}

/** Calls of all of them, told apart only by what may be repeated. */
const anyCall = (withId: boolean, tools: ReadonlyArray<Planned>): ReadonlyArray<Json> =>
  [true, false].flatMap((retries) => {
    const names = tools.filter(({ tool }) => Contract.canRetry(tool.contract) === retries).map(({ tool }) => tool.name)
    const params = { type: "object", description: "As the tool of this name takes them" }
    return names.length === 0 ? [] : [closed(withId, callKeys(names, params, retries), ["call"])]
  })

/** What the nodes around calls hold. `undoable` has only what does nothing, or can be undone. */
interface Below {
  readonly list: (undoable: boolean) => Json
  /** With advisories. */
  readonly allList: (undoable: boolean) => Json
  readonly node: (undoable: boolean) => Json
}

const groupNodes = (withId: boolean, undoable: boolean, { allList, list, node }: Below): ReadonlyArray<Json> => {
  const agree = { type: "boolean" }
  const keep = { type: "string", enum: ["keep"] }
  const undo = { type: "string", enum: ["undo"] }
  const keeping = { quorum: positive, of: list(undoable), agree, surplus: keep }
  const undoing = { quorum: positive, of: list(true), agree, surplus: undo }
  const overlapping = { firstSuccess: list(true), stagger: duration() }
  const oneByOne = { firstSuccess: list(undoable), stagger: { type: "string", enum: ["infinity"] } }
  return [
    closed(withId, { all: allList(undoable) }, ["all"]),
    closed(withId, keeping, ["quorum", "of"]),
    closed(withId, undoing, ["quorum", "of", "surplus"]),
    closed(withId, overlapping, ["firstSuccess"]),
    closed(withId, oneByOne, ["firstSuccess", "stagger"]),
    closed(withId, { settled: node(undoable) }, ["settled"]),
    closed(withId, { atomic: node(true) }, ["atomic"]),
    closed(withId, { deadline: duration(), of: node(undoable) }, ["deadline", "of"])
  ]
}

/** A group among the children of another, by its keys alone. */
const nestedGroup: Json = {
  type: "object",
  description: "A group in the same form as plan, with an id",
  properties: {
    id,
    ...Object.fromEntries(
      ["all", "of", "firstSuccess"].map((key) => [key, { type: "array", items: { type: "object" } }])
    ),
    ...Object.fromEntries(["advisory", "settled", "atomic"].map((key) => [key, { type: "object" }])),
    ...Object.fromEntries(["stagger", "grace", "deadline"].map((key) => [key, duration()])),
    quorum: positive,
    agree: { type: "boolean" },
    surplus: { type: "string", enum: ["keep", "undo"] }
  },
  required: ["id"],
  additionalProperties: false
}

/** `where` says in which places the parameters of each tool are spelled out. */
const inline = (tools: ReadonlyArray<Planned>, where: ReadonlyArray<"plan" | "all" | "others">): Json => {
  const calls = (withId: boolean, undoable: boolean, place: "plan" | "all" | "others") => {
    const allowed = tools.filter(({ tool }) => !undoable || Contract.canUndo(tool.contract))
    return where.includes(place) ? allowed.map((planned) => callNode(withId, planned)) : anyCall(withId, allowed)
  }
  const nested: Json = { type: "object", description: "A node in the same form as plan" }
  const children = (undoable: boolean, place: "all" | "others"): Json => ({
    type: "array",
    items: { anyOf: [...calls(true, undoable, place), nestedGroup] }
  })
  const below: Below = {
    node: () => nested,
    list: (undoable) => children(undoable, "others"),
    allList: (undoable) => children(undoable, "all")
  }
  return top({ anyOf: [...calls(false, false, "plan"), ...groupNodes(false, false, below)] })
}

/** As the core has it; the version may be left out, as it is said by the tool that takes the plan. */
const withRefs = (tools: ReadonlyArray<Planned>): Json => {
  const { $schema: _, ...schema } = PlanDocument.jsonSchemaOf(tools.map(({ tool }) => tool)) as Json
  return { ...schema, required: ["plan"] }
}
