/**
 * The tree behind a plan: what the builders make, what a plan document decodes to, and what is compiled.
 */
import type * as Duration from "effect/Duration"
import type { Equivalence } from "effect/Equivalence"
import type * as Tool from "../Tool.ts"

export interface CallOptions {
  readonly timeout?: Duration.Input
  readonly retry?: Tool.Retry<never>
  readonly idempotencyKey?: string
}

export interface CallNode {
  readonly policy: "call"
  readonly tool: Tool.Any
  readonly params: unknown
  /** Are the parameters JSON, still to be decoded? */
  readonly encoded: boolean
  /** An inline Effect: it has no name and is no data. */
  readonly inline: boolean
  readonly options: CallOptions
}

export interface Child {
  readonly id: string
  readonly node: Node
}

/** How the children were given, which is the shape of the result. */
export type Shape = "record" | "array"

export interface Group {
  readonly children: ReadonlyArray<Child>
  readonly shape: Shape
  /** What is wrong with the object that the children were given in. */
  readonly wrong?: string
}

export type Node =
  | CallNode
  | ({ readonly policy: "all" } & Group)
  | (Group & {
      readonly policy: "quorum"
      readonly need: number
      readonly agree?: true | Equivalence<never>
      readonly surplus?: "keep" | "undo"
    })
  | (Group & { readonly policy: "firstSuccess"; readonly stagger?: Duration.Input | "infinity" })
  | { readonly policy: "advisory"; readonly node: Node; readonly grace?: Duration.Input }
  | { readonly policy: "settled"; readonly node: Node }
  | { readonly policy: "atomic"; readonly node: Node }
  | { readonly policy: "deadline"; readonly node: Node; readonly duration: Duration.Input }
  /** A part of a document that could not be read: its faults are known already. */
  | { readonly policy: "faulty" }

/** The children of a node, each with the tokens that lead to it in the document. */
export const childrenOf = (
  node: Node
): ReadonlyArray<{ readonly id: string | undefined; readonly node: Node; readonly tokens: string }> => {
  switch (node.policy) {
    case "all":
      return node.children.map(({ id, node }, i) => ({ id, node, tokens: `/all/${i}` }))
    case "quorum":
      return node.children.map(({ id, node }, i) => ({ id, node, tokens: `/of/${i}` }))
    case "firstSuccess":
      return node.children.map(({ id, node }, i) => ({ id, node, tokens: `/firstSuccess/${i}` }))
    case "advisory":
    case "settled":
    case "atomic":
      return [{ id: undefined, node: node.node, tokens: `/${node.policy}` }]
    case "deadline":
      return [{ id: undefined, node: node.node, tokens: "/of" }]
    case "call":
    case "faulty":
      return []
  }
}
