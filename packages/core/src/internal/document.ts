/**
 * Reads a plan document, level by level, and collects every fault on the way. What cannot be read becomes a `faulty` node, so that
 * the rest is still looked at.
 */
import * as Result from "effect/Result"
import type { SchemaError } from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import type { Fault, FaultTag } from "../PlanError.ts"
import type { Settings } from "../PlanDocument.ts"
import type * as Tool from "../Tool.ts"
import { kindNames, readers, readTop } from "./format.ts"
import type { Child, Node } from "./node.ts"
import { fromPath } from "./pointer.ts"

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

interface Task {
  readonly json: unknown
  readonly pointer: string
  readonly put: (node: Node) => void
}

const format = SchemaIssue.makeFormatterStandardSchemaV1()
const faulty = { policy: "faulty" } as Node

export const readDocument = (
  document: unknown,
  tools: ReadonlyArray<Tool.Any>
): { readonly node: Node; readonly settings: Settings; readonly faults: ReadonlyArray<Fault> } => {
  const faults: Array<Fault> = []
  const fault = (pointer: string, _tag: FaultTag, message: string) => faults.push({ pointer, _tag, message })
  const misread = (at: string, error: SchemaError) => {
    for (const { message, path } of format(error.issue).issues) {
      fault(at + fromPath((path ?? []).map((p) => (typeof p === "object" ? p.key : p))), "BadShape", message)
    }
  }
  const byName = new Map<string, Tool.Any>()
  for (const tool of tools) {
    if (byName.has(tool.name)) fault("", "DuplicateTool", `two tools are named ${quote(tool.name)}`)
    byName.set(tool.name, tool)
  }

  const version = isRecord(document) ? document.toolscope : undefined
  if (version !== undefined && version !== 1) {
    fault("/toolscope", "BadVersion", `version ${show(version)} of the plan format is not known here, only 1`)
    return { node: faulty, settings: {}, faults }
  }
  const top = readTop(document)
  if (Result.isFailure(top)) {
    misread("", top.failure)
    if (!isRecord(document) || !("plan" in document)) return { node: faulty, settings: {}, faults }
  } else if (top.success.budget !== undefined) {
    fault("/budget", "Unsupported", "budgets are not in this version; leave it out")
  }
  const settings: Mutable<Settings> = {}
  if (Result.isSuccess(top)) {
    const { concurrency, drain, undo } = top.success
    if (drain !== undefined) settings.drain = drain as never
    if (undo !== undefined) settings.undo = undo as never
    if (concurrency !== undefined) settings.concurrency = concurrency
  }

  const nameHint = (name: string): string =>
    byName.size === 0
      ? "there are no tools"
      : `there is: ${[...byName.keys()].slice(0, 20).map(quote).join(", ")}${byName.size > 20 ? ", …" : ""}; not ${quote(name)}`

  let root: Node = faulty
  const tasks: Array<Task> = [
    { json: (document as { plan: unknown }).plan, pointer: "/plan", put: (node) => void (root = node) }
  ]
  for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
    const { json, pointer, put } = task
    if (!isRecord(json)) {
      fault(pointer, "BadShape", `expected a node, got ${show(json)}`)
      put(faulty)
      continue
    }
    const found = kindNames.filter((kind) => Object.hasOwn(json, kind))
    if (found.length !== 1) {
      const what = found.length === 0 ? "no" : "more than one"
      fault(
        pointer,
        "BadShape",
        `a node has exactly one of ${kindNames.map(quote).join(", ")}; this has ${what} such key`
      )
      put(faulty)
      continue
    }
    const kind = found[0]!
    const read = readers[kind](json)
    if (Result.isFailure(read)) misread(pointer, read.failure)

    // what follows reads on past such faults, as far as the children can be found
    const one = (key: string, make: (node: Node) => Node) => {
      const wrapper = Result.isSuccess(read) ? make(faulty) : faulty
      put(wrapper)
      tasks.push({
        json: json[key],
        pointer: `${pointer}/${key}`,
        put: (node) => {
          if (wrapper !== faulty) (wrapper as { node: Node }).node = node
        }
      })
    }
    const many = (key: string, make: (children: ReadonlyArray<Child>) => Node) => {
      const list = json[key]
      if (!Array.isArray(list)) return put(faulty)
      const children: Array<{ id: string; node: Node }> = []
      list.forEach((item: unknown, i) => {
        const at = `${pointer}/${key}/${i}`
        // a stand-in id for a child without one: it is a fault already, and no sibling has it
        const child = { id: `\u0000${i}`, node: faulty }
        children.push(child)
        if (!isRecord(item)) {
          fault(at, "BadShape", `expected a node with an id, got ${show(item)}`)
          return
        }
        const { id, ...rest } = item
        if (typeof id === "string") child.id = id
        else fault(`${at}/id`, "BadId", id === undefined ? "a child needs an id" : `an id is text, got ${show(id)}`)
        tasks.push({ json: rest, pointer: at, put: (node) => void (child.node = node) })
      })
      put(Result.isSuccess(read) ? make(children) : faulty)
    }

    const value = (Result.isSuccess(read) ? read.success : {}) as Record<string, never>
    switch (kind) {
      case "call": {
        if (Result.isFailure(read)) {
          put(faulty)
          break
        }
        const { call, idempotencyKey, params = {}, retry, timeout } = value
        const tool = byName.get(call)
        if (tool === undefined) {
          fault(`${pointer}/call`, "UnknownTool", nameHint(call))
          put(faulty)
          break
        }
        const options = {
          ...(timeout === undefined ? {} : { timeout }),
          ...(retry === undefined ? {} : { retry }),
          ...(idempotencyKey === undefined ? {} : { idempotencyKey })
        }
        put({ policy: "call", tool, params, encoded: true, inline: false, options })
        break
      }
      case "all":
        many("all", (children) => ({ policy: "all", children, shape: "record" }))
        break
      case "quorum":
        many("of", (children) => {
          const { agree, quorum: need, surplus } = value
          return {
            policy: "quorum",
            need,
            children,
            shape: "record",
            ...(agree === true ? { agree } : {}),
            ...(surplus === undefined ? {} : { surplus })
          }
        })
        break
      case "firstSuccess":
        many("firstSuccess", (children) => ({
          policy: "firstSuccess",
          children,
          shape: "record",
          ...(value.stagger === undefined ? {} : { stagger: value.stagger })
        }))
        break
      case "advisory":
        one("advisory", (node) => ({
          policy: "advisory",
          node,
          ...(value.grace === undefined ? {} : { grace: value.grace })
        }))
        break
      case "settled":
        one("settled", (node) => ({ policy: "settled", node }))
        break
      case "atomic":
        one("atomic", (node) => ({ policy: "unsupported", part: "atomic", node }))
        break
      case "deadline":
        one("of", (node) => ({ policy: "deadline", node, duration: value.deadline! }))
    }
  }
  return { node: root, settings, faults }
}

const isRecord = (u: unknown): u is Record<string, unknown> => typeof u === "object" && u !== null && !Array.isArray(u)

const quote = (text: string): string => JSON.stringify(text)

const show = (u: unknown): string => {
  const text = JSON.stringify(u) ?? String(u)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
