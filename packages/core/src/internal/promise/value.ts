/**
 * The value of a run in the plain form: lists where the plan was built with lists, `null` for an advisory that gave nothing, outcomes
 * with plain errors. Without recursion: a plan may be nested as deep as memory allows.
 */
import * as Option from "effect/Option"
import { isCallError } from "../../CallError.ts"
import type { Outcome as CoreOutcome } from "../../Outcome.ts"
import type * as CoreReport from "../../Report.ts"
import * as json from "../json.ts"
import { childrenOf, type Node } from "../node.ts"
import { wasList } from "./plan.ts"
import type { CallFailure, Outcome } from "./report.ts"

/**
 * The groups of a plan whose children were given as a list, which the data of a plan does not say. `document` is the NODE that `root`
 * was read from, without faults.
 */
export const listsOf = (document: unknown, root: Node): ReadonlySet<Node> => {
  const lists = new Set<Node>()
  const pending = [{ data: document as Record<string, any>, node: root }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { data, node } = next
    const isGroup = "children" in node
    const inside: unknown = data[node.policy === "quorum" || node.policy === "deadline" ? "of" : node.policy]
    if (isGroup && wasList(inside as object)) lists.add(node)
    childrenOf(node).forEach((child, i) => {
      pending.push({ data: (isGroup ? (inside as Array<any>)[i] : inside) as Record<string, any>, node: child.node })
    })
  }
  return lists
}

interface Place {
  readonly node: Node
  readonly parent: number
  readonly id: string | undefined
  /** The ids that lead to it. */
  readonly path: string
  readonly pointer: string
  /** Under `settled`, outcomes are asked for instead of values. */
  readonly outcomes: boolean
  readonly raw: unknown
}

interface Entry extends Place {
  /** What its children have handed up, the last one first. */
  readonly handed: Array<{ readonly id: string | undefined; readonly value: unknown }>
}

/** From the value of the core's report to the plain form. */
export const plainValue = (root: Node, lists: ReadonlySet<Node>, report: CoreReport.Report): unknown => {
  const entries: Array<Entry> = []
  const decidedBy = new Map(
    report.nodes.flatMap(({ decidedBy, node, policy }) =>
      policy === "firstSuccess" ? [[node, decidedBy] as const] : []
    )
  )
  const pending: Array<Place> = [
    { node: root, parent: -1, id: undefined, path: "", pointer: "/plan", outcomes: false, raw: report.value }
  ]
  for (let place = pending.pop(); place !== undefined; place = pending.pop()) {
    const parent = entries.length
    entries.push({ ...place, handed: [] })
    const by = place.node.policy === "firstSuccess" ? decidedBy.get(place.pointer) : undefined
    const inside = contentsOf(place, by)
    for (let i = inside.length - 1; i >= 0; i--) pending.push({ ...inside[i]!, parent })
  }
  // children stand behind their parents: from the end, each is complete when it is handed up
  for (let i = entries.length - 1; i > 0; i--) {
    const entry = entries[i]!
    entries[entry.parent]!.handed.push({ id: entry.id, value: gather(entry, lists) })
  }
  return gather(entries[0]!, lists)
}

/** The children of a node that its value is made of. */
const contentsOf = (
  { node, outcomes, path, pointer, raw }: Place,
  decidedBy: CoreReport.NodeReport["decidedBy"] | undefined
): ReadonlyArray<Omit<Place, "parent">> => {
  const children = childrenOf(node).map((child) => ({
    node: child.node,
    id: child.id,
    path: child.id === undefined ? path : `${path}/${child.id}`,
    pointer: pointer + child.tokens,
    outcomes: outcomes || node.policy === "settled"
  }))
  if (node.policy === "firstSuccess" && !outcomes) {
    return children.filter((child) => child.path === decidedBy?.[0]).map((child) => ({ ...child, raw }))
  }
  if ("children" in node) {
    return children.flatMap((child) =>
      Object.hasOwn(raw as object, child.id!) ? [{ ...child, raw: (raw as Record<string, unknown>)[child.id!] }] : []
    )
  }
  if (node.policy === "advisory" && !outcomes) {
    const option = raw as Option.Option<unknown>
    return Option.isSome(option) ? [{ ...children[0]!, raw: option.value }] : []
  }
  return children.map((child) => ({ ...child, raw }))
}

const gather = ({ handed, node, outcomes, raw }: Entry, lists: ReadonlySet<Node>): unknown => {
  if (node.policy === "call") return outcomes ? plainOutcome(raw as CoreOutcome<unknown, unknown>) : raw
  if (!("children" in node) || (node.policy === "firstSuccess" && !outcomes)) {
    return handed.length === 0 ? null : handed[0]!.value
  }
  if (lists.has(node)) return handed.reverse().map(({ value }) => value)
  const record = {}
  for (let i = handed.length - 1; i >= 0; i--) json.define(record, handed[i]!.id!, handed[i]!.value)
  return record
}

const plainOutcome = (outcome: CoreOutcome<unknown, unknown>): Outcome<unknown> =>
  ("error" in outcome ? { _tag: outcome._tag, error: plainFailure(outcome.error) } : { ...outcome }) as Outcome<unknown>

/** An error as data; what the tool rejected with or threw stands beside it, as it is, where JSON does not see it. */
export const plainFailure = (error: unknown, data: CallFailure = json.error(error, (e) => e)): CallFailure => {
  const reason = isCallError(error) ? error.reason : undefined
  if (reason?._tag === "Rejected") return withCause(data, reason.error)
  return reason?._tag === "Threw" ? withCause(data, reason.defect) : data
}

const withCause = (data: CallFailure, cause: unknown): CallFailure =>
  Object.defineProperty({ ...data }, "cause", { value: cause })
