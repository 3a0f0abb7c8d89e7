/**
 * The value of a plan, composed from the values of its calls in the shape of the plan. Without recursion, children before parents.
 */
import * as Option from "effect/Option"
import * as Decision from "../Decision.ts"
import type { Compiled, CompiledNode } from "./compile.ts"
import { define } from "./json.ts"

/** How leaves and options are written: as values, or as JSON. */
export interface Form {
  readonly value: (call: number) => unknown
  readonly outcome: (call: number) => unknown
  readonly some: (value: unknown) => unknown
  readonly none: unknown
}

export const asOption = { some: Option.some, none: Option.none() }
export const asNullable = { some: (value: unknown) => value, none: null }

/** The value of a subtree whose root has succeeded. */
export const compose = (compiled: Compiled, state: Decision.State, root: number, form: Form): unknown => {
  const values = new Map<number, unknown>()
  const outcomes = new Map<number, unknown>()
  for (let i = compiled.nodes[root]!.end - 1; i >= root; i--) {
    const node = compiled.nodes[i]!
    outcomes.set(i, node.policy === "call" ? form.outcome(i) : outcomesOf(node, outcomes))
    const decision = Decision.decision(state, i)
    if (decision === "none") values.set(i, form.none)
    else if (decision === "some") values.set(i, form.some(values.get(node.children[0]!)))
    else if (decision === "succeeded") values.set(i, valueOf(node, state, i, form, values, outcomes))
  }
  return values.get(root)
}

const valueOf = (
  node: CompiledNode,
  state: Decision.State,
  index: number,
  form: Form,
  values: Map<number, unknown>,
  outcomes: Map<number, unknown>
): unknown => {
  switch (node.policy) {
    case "call":
      return form.value(index)
    case "all":
      return group(node, values, () => true)
    case "quorum":
      return group(node, values, (child) => Decision.isCounted(state, child))
    case "firstSuccess":
      return values.get(node.children.find((child) => Decision.isCounted(state, child))!)
    case "settled":
      return outcomes.get(node.children[0]!)
    case "advisory":
    case "atomic":
    case "deadline":
      return values.get(node.children[0]!)
  }
}

const outcomesOf = (node: CompiledNode, outcomes: Map<number, unknown>): unknown =>
  "shape" in node.node ? group(node, outcomes, () => true) : outcomes.get(node.children[0]!)

const group = (node: CompiledNode, of: Map<number, unknown>, includes: (child: number) => boolean): unknown => {
  const asList = "shape" in node.node && node.node.shape === "array"
  const list: Array<unknown> = []
  const record = {}
  node.children.forEach((child, k) => {
    if (!includes(child)) return
    if (asList) list.push(of.get(child))
    else define(record, node.childIds[k]!, of.get(child))
  })
  return asList ? list : record
}
