/**
 * Where everything in a plan stands: for those who put plans of others into one of their own, and ask later what became of each.
 */
import type { Policy } from "../Decision.ts"
import type * as Tool from "../Tool.ts"
import { childrenOf, type Node } from "./node.ts"

/** A node of a plan, in its place. */
export interface Place {
  /** JSON Pointer into the plan, as in `NodeReport.node`. */
  readonly node: string
  /** Path, as in `CallReport.id`. */
  readonly id: string
  readonly policy: Policy
  /** Of a call. */
  readonly tool?: Tool.Any
  /** The part that it is, or stands in: the first of them that the plan was made with. */
  readonly part?: number
  /** Is it the part itself? */
  readonly isPart: boolean
}

export const outline = (root: Node, parts: ReadonlyArray<Node>): ReadonlyArray<Place> => {
  const places: Array<Place> = []
  const stack: Array<{ node: Node; pointer: string; path: string; part: number }> = [
    { node: root, pointer: "/plan", path: "", part: -1 }
  ]
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const { node, path, pointer } = at
    const found = at.part === -1 ? parts.indexOf(node) : -1
    const part = at.part === -1 ? found : at.part
    if (node.policy !== "faulty") {
      places.push({
        node: pointer,
        id: path === "" ? "/" : path,
        policy: node.policy,
        ...(node.policy === "call" ? { tool: node.tool } : {}),
        ...(part === -1 ? {} : { part }),
        isPart: found !== -1
      })
    }
    const children = childrenOf(node)
    for (let i = children.length - 1; i >= 0; i--) {
      const child = children[i]!
      const below = child.id === undefined ? path : `${path}/${child.id}`
      stack.push({ node: child.node, pointer: pointer + child.tokens, path: below, part })
    }
  }
  return places
}
