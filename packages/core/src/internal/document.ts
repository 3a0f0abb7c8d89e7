/**
 * Reads a plan document, level by level, and collects every fault on the way. What cannot be read becomes a `faulty` node, so that
 * the rest is still looked at.
 */
import * as Result from "effect/Result"
import type { SchemaError } from "effect/Schema"
import type { Fault, FaultTag } from "../PlanError.ts"
import type { Settings } from "../PlanDocument.ts"
import type * as Tool from "../Tool.ts"
import * as Issues from "./issues.ts"
import { kindNames, type Level, readers, readTop } from "./format.ts"
import type { Child, Node } from "./node.ts"

interface Task {
  readonly json: unknown
  readonly pointer: string
  /** Puts the node that was read where it belongs. */
  readonly put: (node: Node) => void
}

export interface ReadDocument {
  readonly node: Node
  readonly settings: Settings
  readonly faults: ReadonlyArray<Fault>
}

const faulty: Node = { policy: "faulty" }

export const readDocument = (document: unknown, tools: ReadonlyArray<Tool.Any>): ReadDocument =>
  new Reader(tools).read(document)

class Reader {
  private readonly faults: Array<Fault> = []
  private readonly byName = new Map<string, Tool.Any>()
  /** Nodes still to be read: a list instead of recursion, for documents of any depth. */
  private readonly tasks: Array<Task> = []

  constructor(tools: ReadonlyArray<Tool.Any>) {
    for (const tool of tools) {
      if (this.byName.has(tool.name)) this.fault("", "DuplicateTool", `two tools are named ${quote(tool.name)}`)
      this.byName.set(tool.name, tool)
    }
  }

  read(document: unknown): ReadDocument {
    const { faults } = this
    const version = isRecord(document) ? document.toolscope : undefined
    if (version !== undefined && version !== 1) {
      this.fault("/toolscope", "BadVersion", `version ${show(version)} of the plan format is not known here, only 1`)
      return { node: faulty, settings: {}, faults }
    }
    const settings = this.readSettings(document)
    if (!isRecord(document) || !("plan" in document)) return { node: faulty, settings, faults }
    let root = faulty
    const put = (node: Node) => {
      root = node
    }
    this.tasks.push({ json: document.plan, pointer: "/plan", put })
    for (let task = this.tasks.pop(); task !== undefined; task = this.tasks.pop()) this.readNode(task)
    return { node: root, settings, faults }
  }

  /** Read also where the top has a fault elsewhere, so that a second fault is not found only when the first is gone. */
  private readSettings(document: unknown): Settings {
    const top = readTop(document)
    const faulty = new Set<unknown>()
    if (Result.isFailure(top)) for (const key of this.misread("", top.failure)) faulty.add(key)
    if (!isRecord(document)) return {}
    const settings: Record<string, unknown> = {}
    for (const key of ["drain", "undo", "concurrency", "budget"] as const) {
      if (document[key] !== undefined && !faulty.has(key)) settings[key] = document[key]
    }
    return settings
  }

  private readNode({ json, pointer, put }: Task): void {
    if (!isRecord(json)) {
      this.fault(pointer, "BadShape", `expected a node, got ${show(json)}`)
      put(faulty)
      return
    }
    const found = kindNames.filter((kind) => Object.hasOwn(json, kind))
    const kind = found[0]
    if (kind === undefined || found.length > 1) {
      const many = kind === undefined ? "no" : "more than one"
      const kinds = kindNames.map(quote).join(", ")
      this.fault(pointer, "BadShape", `a node has exactly one of ${kinds}; this has ${many} such key`)
      put(faulty)
      return
    }
    switch (kind) {
      case "call":
        put(this.readCall(json, pointer))
        return
      case "all":
        put(
          this.group(kind, json, pointer, "all", (_level, children) => ({ policy: "all", children, shape: "record" }))
        )
        return
      case "quorum":
        put(
          this.group(kind, json, pointer, "of", ({ agree, quorum: need, surplus }, children) => ({
            policy: "quorum",
            need,
            children,
            shape: "record",
            ...(agree === true ? { agree } : {}),
            ...(surplus === undefined ? {} : { surplus })
          }))
        )
        return
      case "firstSuccess":
        put(
          this.group(kind, json, pointer, "firstSuccess", ({ stagger }, children) => ({
            policy: "firstSuccess",
            children,
            shape: "record",
            ...(stagger === undefined ? {} : { stagger: stagger as never })
          }))
        )
        return
      case "advisory":
        put(
          this.wrapper(kind, json, pointer, "advisory", ({ grace }) => ({
            policy: "advisory",
            node: faulty,
            ...(grace === undefined ? {} : { grace: grace as never })
          }))
        )
        return
      case "settled":
        put(this.wrapper(kind, json, pointer, "settled", () => ({ policy: "settled", node: faulty })))
        return
      case "atomic":
        put(this.wrapper(kind, json, pointer, "atomic", () => ({ policy: "atomic", node: faulty })))
        return
      case "deadline":
        put(
          this.wrapper(kind, json, pointer, "of", ({ deadline }) => ({
            policy: "deadline",
            node: faulty,
            duration: deadline as never
          }))
        )
    }
  }

  private readCall(json: unknown, pointer: string): Node {
    const level = this.level("call", json, pointer)
    if (level === undefined) return faulty
    const { call, idempotencyKey, params = {}, retry, timeout } = level
    const tool = this.byName.get(call)
    if (tool === undefined) {
      this.fault(`${pointer}/call`, "UnknownTool", this.noSuchTool(call))
      return faulty
    }
    const options = {
      ...(timeout === undefined ? {} : { timeout: timeout as never }),
      ...(retry === undefined ? {} : { retry }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey })
    }
    return { policy: "call", tool, params, encoded: true, inline: false, options }
  }

  /** A node with a list of children. They are read also where the rest of the node is faulty. */
  private group<K extends keyof Level>(
    kind: K,
    json: Record<string, unknown>,
    pointer: string,
    key: string,
    make: (level: Level[K], children: ReadonlyArray<Child>) => Node
  ): Node {
    const level = this.level(kind, json, pointer)
    const list = json[key]
    if (!Array.isArray(list)) return faulty
    const children = list.map((item: unknown, i) => this.readChild(item, `${pointer}/${key}/${i}`, i))
    return level === undefined ? faulty : make(level, children)
  }

  private readChild(json: unknown, pointer: string, index: number): Child {
    // a stand-in id for a child without one: it is a fault already, and no sibling has it
    const child = { id: `\u0000${index}`, node: faulty }
    if (!isRecord(json)) {
      this.fault(pointer, "BadShape", `expected a node with an id, got ${show(json)}`)
      return child
    }
    const { id, ...rest } = json
    if (typeof id === "string") child.id = id
    else if (id === undefined) this.fault(`${pointer}/id`, "BadId", "a child needs an id")
    else this.fault(`${pointer}/id`, "BadId", `an id is text, got ${show(id)}`)
    const put = (node: Node) => {
      child.node = node
    }
    this.tasks.push({ json: rest, pointer, put })
    return child
  }

  /** A node around one other, which `make` leaves open. */
  private wrapper<K extends keyof Level>(
    kind: K,
    json: Record<string, unknown>,
    pointer: string,
    key: string,
    make: (level: Level[K]) => Node & { node: Node }
  ): Node {
    const level = this.level(kind, json, pointer)
    const wrapper = level === undefined ? undefined : make(level)
    const put = (node: Node) => {
      if (wrapper !== undefined) wrapper.node = node
    }
    this.tasks.push({ json: json[key], pointer: `${pointer}/${key}`, put })
    return wrapper ?? faulty
  }

  private level<K extends keyof Level>(kind: K, json: unknown, pointer: string): Level[K] | undefined {
    const level = readers[kind](json)
    if (Result.isSuccess(level)) return level.success
    this.misread(pointer, level.failure)
    return undefined
  }

  private fault(pointer: string, _tag: FaultTag, message: string): void {
    this.faults.push({ pointer, _tag, message })
  }

  /** Returns the keys of this level that are at fault. */
  private misread(at: string, error: SchemaError): ReadonlyArray<unknown> {
    return Issues.ofError(error).map(({ key, message, pointer }) => {
      this.fault(at + pointer, "BadShape", message)
      return key
    })
  }

  private noSuchTool(name: string): string {
    if (this.byName.size === 0) return `there are no tools, so not ${quote(name)} either`
    const names = [...this.byName.keys()].map(quote)
    return `no tool is named ${quote(name)}; there is: ${names.slice(0, 20).join(", ")}${names.length > 20 ? ", …" : ""}`
  }
}

const isRecord = (u: unknown): u is Record<string, unknown> => typeof u === "object" && u !== null && !Array.isArray(u)

const quote = (text: string): string => JSON.stringify(text)

const show = (u: unknown): string => {
  if (u === undefined) return "nothing"
  if (Array.isArray(u)) return "a list"
  if (typeof u === "object" && u !== null) return "an object"
  if (typeof u !== "string" && typeof u !== "number" && typeof u !== "boolean" && u !== null) return `a ${typeof u}`
  const text = typeof u === "string" ? quote(u) : String(u)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
