/**
 * A plan as it stands in `fanout.opened`, as a list of nodes in plan order. Read here once more, and not by the code of the core, so that
 * laws depend on nothing but the format.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

export type Policy = "call" | "all" | "quorum" | "firstSuccess" | "advisory" | "settled" | "atomic" | "deadline"

export interface PlanNode {
  readonly policy: Policy
  /** JSON Pointer, from `/plan`. */
  readonly pointer: string
  /** The ids that lead to it; `/` at the root. */
  readonly path: string
  readonly parent: PlanNode | undefined
  readonly children: ReadonlyArray<PlanNode>
  /** `call`: the name of its tool, and its parameters as JSON. */
  readonly tool: string
  readonly params: unknown
  /** `quorum`: how many. */
  readonly need: number
  /** `quorum`: must they agree, and can it be seen from their values? */
  readonly agree: "no" | "equal" | "custom"
  /** `quorum`: is what it does not count undone? */
  readonly undoesSurplus: boolean
  /** `firstSuccess`: one after the other. */
  readonly isSerial: boolean
  /** `advisory`: its grace. `deadline`: its duration. Milliseconds. */
  readonly millis: number
}

type Draft = { -readonly [K in keyof PlanNode]: PlanNode[K] } & { children: Array<PlanNode> }

interface Visit {
  readonly json: any
  readonly pointer: string
  readonly path: string
  readonly parent: Draft | undefined
}

const lists = { all: "all", quorum: "of", firstSuccess: "firstSuccess" } as const
const wrapped = { advisory: "advisory", settled: "settled", atomic: "atomic", deadline: "of" } as const
const policies: ReadonlyArray<Policy> = [
  "call",
  "all",
  "quorum",
  "firstSuccess",
  "advisory",
  "settled",
  "atomic",
  "deadline"
]

const millis = (input: unknown, ifAbsent: number): number =>
  input === undefined
    ? ifAbsent
    : Option.match(Duration.fromInput(input as Duration.Input), {
        onNone: () => ifAbsent,
        onSome: Duration.toMillis
      })

/** The nodes of a plan, parents before children, in plan order; `undefined` where it is no plan. `caller`: what runs it. */
export const readPlan = (plan: unknown, caller = "/"): ReadonlyArray<PlanNode> | undefined => {
  const nodes: Array<Draft> = []
  const stack: Array<Visit> = [{ json: plan, pointer: "/plan", path: caller === "/" ? "" : caller, parent: undefined }]
  for (let visit = stack.pop(); visit !== undefined; visit = stack.pop()) {
    const { json, parent, path, pointer } = visit
    if (typeof json !== "object" || json === null) return undefined
    const policy = policies.find((p) => p in json)
    if (policy === undefined) return undefined
    const node: Draft = {
      policy,
      pointer,
      path: path === "" ? "/" : path,
      parent,
      children: [],
      tool: policy === "call" ? String(json.call) : "",
      params: policy === "call" ? json.params : undefined,
      need: policy === "quorum" ? Number(json.quorum) : 0,
      agree: json.agree === true ? "equal" : json.agree === undefined || json.agree === false ? "no" : "custom",
      undoesSurplus: policy === "quorum" && json.surplus === "undo",
      isSerial: policy === "firstSuccess" && (json.stagger === "infinity" || millis(json.stagger, 0) === Infinity),
      millis: policy === "advisory" ? millis(json.grace, 250) : millis(json.deadline, Infinity)
    }
    nodes.push(node)
    parent?.children.push(node)
    if (policy === "all" || policy === "quorum" || policy === "firstSuccess") {
      const key = lists[policy]
      const list: unknown = json[key]
      if (!Array.isArray(list)) return undefined
      for (let i = list.length - 1; i >= 0; i--) {
        const child = list[i] as { readonly id?: unknown } | null
        stack.push({
          json: child,
          pointer: `${pointer}/${key}/${i}`,
          path: `${path}/${String(child?.id)}`,
          parent: node
        })
      }
    } else if (policy !== "call") {
      const key = wrapped[policy]
      stack.push({ json: json[key], pointer: `${pointer}/${key}`, path, parent: node })
    }
  }
  return nodes
}

/** The node itself, its parent, and so on up to the root. */
export function* upwards(node: PlanNode): Generator<PlanNode> {
  for (let at: PlanNode | undefined = node; at !== undefined; at = at.parent) yield at
}

/** The calls at and below a node, in plan order. */
export const callsBelow = (node: PlanNode): ReadonlyArray<PlanNode> => {
  const found: Array<PlanNode> = []
  const stack = [node]
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (at.policy === "call") found.push(at)
    for (let i = at.children.length - 1; i >= 0; i--) stack.push(at.children[i]!)
  }
  return found
}

/** Must this call start, and succeed, for the plan to succeed? */
export const isUnconditional = (call: PlanNode): boolean =>
  [...upwards(call)].slice(1).every(({ children, need, policy }) => {
    if (policy === "quorum") return need === children.length
    if (policy === "firstSuccess") return children.length === 1
    return policy === "all" || policy === "atomic" || policy === "deadline"
  })
