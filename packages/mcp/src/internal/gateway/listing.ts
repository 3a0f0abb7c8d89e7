/**
 * What the gateway offers a host: its tools under their own names, and `fanout`. Pure.
 */
import type { Tool as Listed, ToolAnnotations } from "@modelcontextprotocol/sdk/types.js"
import { Contract, Report, Tool } from "@toolscope/core"
import * as Schema from "effect/Schema"
import { isUsable } from "../jsonSchema.ts"
import { hostName } from "../names.ts"
import { originOf, remember } from "../origins.ts"
import type { Json } from "./embed.ts"
import { type Form, planSchema } from "./planSchema.ts"

export const fanout = "fanout"

export const instructions = [
  "Tools of several servers, each under its own name, and one more: fanout runs several of them in parallel, by a plan.",
  "Take fanout where calls do not need each other's results: it decides when enough have answered, stops the rest, and says of every call how it ended.",
  "Where an outcome is unknown, the call may have acted: look before you repeat it."
].join(" ")

/** What a host is told of a tool: what its contract says, and not what a server claims of itself. */
const annotationsOf = ({ contract }: Tool.Any): ToolAnnotations => ({
  readOnlyHint: contract.effect === "none",
  ...(contract.effect === "none"
    ? {}
    : { destructiveHint: contract.effect !== "additive", idempotentHint: contract.repeat === "natural" }),
  ...(contract.openWorld === undefined ? {} : { openWorldHint: contract.openWorld })
})

type ObjectSchema = Json & { readonly type: "object" }

/** Parameters are an object; a schema that says it otherwise is not shown, and checked all the same. */
const inputOf = (tool: Tool.Any): ObjectSchema => {
  const schema = (originOf(tool)?.inputSchema ?? Tool.parametersJsonSchema(tool)) as Json | undefined
  return schema?.type === "object" ? (schema as ObjectSchema) : { type: "object" }
}

const listed = (tool: Tool.Any): Listed => {
  const { outputSchema, title } = originOf(tool) ?? {}
  return {
    name: tool.name,
    ...(title === undefined ? {} : { title }),
    description: tool.description,
    inputSchema: inputOf(tool),
    ...(outputSchema === undefined || !isUsable(outputSchema) ? {} : { outputSchema: outputSchema as ObjectSchema }),
    annotations: annotationsOf(tool)
  }
}

/** Of a plan is true what is true of any of its tools. */
const annotationsOfAll = (tools: ReadonlyArray<Tool.Any>): ToolAnnotations => {
  const acting = tools.filter(({ contract }) => contract.effect !== "none")
  return {
    title: "Run tools in parallel",
    readOnlyHint: acting.length === 0,
    ...(acting.length === 0
      ? {}
      : { destructiveHint: acting.some(({ contract }) => contract.effect !== "additive"), idempotentHint: false }),
    openWorldHint: tools.some(({ contract }) => contract.openWorld !== false)
  }
}

const describe = (tools: ReadonlyArray<Tool.Any>): string => {
  const names = (some: ReadonlyArray<Tool.Any>) => some.map(({ name }) => name).join(", ") || "none"
  const reading = tools.filter(({ contract }) => contract.effect === "none")
  const beside = tools.filter(({ contract }) => Contract.canUndo(contract))
  const example = {
    plan: {
      all: [
        { id: "a", call: tools[0]?.name ?? "TOOL", params: {} },
        {
          id: "b",
          quorum: 1,
          of: ["c", "d"].map((id, i) => ({ id, call: (tools[i + 1] ?? tools[0])?.name ?? "TOOL", params: {} }))
        }
      ]
    }
  }
  return [
    "Runs calls of the other tools in parallel, by a plan, and reports how each call ended. The value has the shape of the plan, by ids.",
    "A NODE is one of:",
    '{"call": TOOL, "params": {…}, "timeout"?: DURATION, "retry"?: further attempts}',
    '{"all": [CHILD…]}: each has to succeed; {"id", "advisory": NODE, "grace"?: DURATION} among them is welcome, not needed',
    '{"quorum": N, "of": [CHILD…], "agree"?: true}: N have to succeed (and to agree), the rest is stopped',
    '{"firstSuccess": [CHILD…], "stagger"?: DURATION}: the first that succeeds, the rest is stopped; "stagger": "infinity" tries one after the other',
    '{"settled": NODE}: never fails · {"atomic": NODE}: undone if it fails · {"deadline": DURATION, "of": NODE}',
    'A CHILD is a NODE with an "id", unique among its siblings.',
    `For example ${JSON.stringify(example)}`,
    reading.length === tools.length
      ? "All tools only read."
      : `Tools that only read: ${names(reading)}. The others act: they are never run twice, nor beside rivals in a firstSuccess, unless their contract allows it${beside.length > reading.length ? ` (it does of: ${names(beside.filter((tool) => !reading.includes(tool)))})` : ""}.`,
    "A faulty plan is refused before anything starts, with all its faults and their places."
  ].join("\n")
}

/** No references, as hosts differ in what they make of them. */
const reportSchema = (): Json & { readonly type: "object" } => {
  const { schema } = Schema.toJsonSchemaDocument(Report.Json)
  return spelled(schema) as never
}

const anything = { anyOf: ["object", "array", "string", "number", "boolean", "null"].map((type) => ({ type })) }

/** A schema that allows everything says so in words that every host reads: not all know what `{}` means. */
const spelled = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(spelled)
  if (typeof schema !== "object" || schema === null) return schema
  const entries = Object.entries(schema)
  return entries.length === 0 ? anything : Object.fromEntries(entries.map(([key, one]) => [key, spelled(one)]))
}

/** The tools under names that every host takes: their own, where those are plain. */
export const hosted = (tools: ReadonlyArray<Tool.Any>): ReadonlyArray<Tool.Any> =>
  tools.map((tool) => {
    const name = hostName(tool.name)
    if (name === tool.name) return tool
    const renamed = Object.assign(Object.create(Object.getPrototypeOf(tool) as object) as Tool.Any, tool, { name })
    const origin = originOf(tool)
    if (origin !== undefined) remember(renamed, origin)
    return renamed
  })

/** Everything that is offered. */
export const listing = (tools: ReadonlyArray<Tool.Any>, form: Form): ReadonlyArray<Listed> => [
  ...tools.map(listed),
  {
    name: fanout,
    title: "Run tools in parallel",
    description: describe(tools),
    inputSchema: planSchema(
      tools.map((tool) => ({ tool, parameters: inputOf(tool) })),
      form
    ) as Listed["inputSchema"],
    outputSchema: reportSchema(),
    annotations: annotationsOfAll(tools)
  }
]
