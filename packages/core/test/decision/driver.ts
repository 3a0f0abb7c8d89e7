/**
 * Drives the pure decision core by hand: programs as short trees, commands as short texts.
 */
import * as Decision from "@toolscope/core/Decision"

/** `"call"`, or a policy over trees. A node's number is its place in plan order, the root is 0. */
export type Tree =
  | "call"
  | { readonly all: ReadonlyArray<Tree> }
  | { readonly advisory: Tree }
  | {
      readonly quorum: number
      readonly of: ReadonlyArray<Tree>
      readonly agree?: boolean
      readonly surplus?: "keep" | "undo"
    }
  | { readonly first: ReadonlyArray<Tree>; readonly stagger?: "timed" | "infinite" }
  | { readonly settled: Tree }
  | { readonly atomic: Tree }
  | { readonly deadline: Tree }

type Draft = { -readonly [K in keyof Decision.ProgramNode]: Decision.ProgramNode[K] } & { children: Array<number> }

export const toNodes = (tree: Tree): ReadonlyArray<Decision.ProgramNode> => {
  const nodes: Array<Draft> = []
  const visit = (tree: Tree, parent: number): number => {
    const index = nodes.length
    const draft: Draft = {
      policy: "call",
      parent,
      children: [],
      end: 0,
      need: 0,
      agree: false,
      undoSurplus: false,
      stagger: "none"
    }
    nodes.push(draft)
    const below = (list: ReadonlyArray<Tree>) => {
      draft.children = list.map((child) => visit(child, index))
    }
    if (tree !== "call") {
      if ("all" in tree) {
        draft.policy = "all"
        below(tree.all)
      } else if ("advisory" in tree) {
        draft.policy = "advisory"
        below([tree.advisory])
      } else if ("quorum" in tree) {
        draft.policy = "quorum"
        draft.need = tree.quorum
        draft.agree = tree.agree ?? false
        draft.undoSurplus = tree.surplus === "undo"
        below(tree.of)
      } else if ("first" in tree) {
        draft.policy = "firstSuccess"
        draft.stagger = tree.stagger ?? "none"
        below(tree.first)
      } else if ("settled" in tree) {
        draft.policy = "settled"
        below([tree.settled])
      } else if ("atomic" in tree) {
        draft.policy = "atomic"
        below([tree.atomic])
      } else {
        draft.policy = "deadline"
        below([tree.deadline])
      }
    }
    draft.end = nodes.length
    return index
  }
  visit(tree, -1)
  return nodes
}

/** Writes down what the core asks for. */
export const recorder = (log: Array<string>): Decision.Commands => ({
  activated: (node) => void log.push(`deadline ${node}`),
  queued: (call) => void log.push(`queued ${call}`),
  arm: (timer, node) => void log.push(`arm ${timer} ${node}`),
  decided: (node) => void log.push(`decided ${node}`),
  stop: (call, cause) => void log.push(`stop ${call} by ${cause}`),
  drop: (call, cause) => void log.push(`drop ${call} by ${cause}`),
  undo: (scope) => void log.push(`undo ${scope}`),
  start: (call) => void log.push(`start ${call}`),
  resume: (call) => void log.push(`resume ${call}`),
  pause: (deadline) => void log.push(`pause ${deadline}`),
  proceed: (deadline) => void log.push(`proceed ${deadline}`)
})

export const success = (node: number, acted: Decision.Acted = "no"): Decision.Event => ({
  type: "ended",
  node,
  result: "success",
  acted
})
export const failure = (node: number, acted: Decision.Acted = "no"): Decision.Event => ({
  type: "ended",
  node,
  result: "failure",
  acted
})
export const retry = (node: number, acted: Decision.Acted = "no"): Decision.Event => ({
  type: "ended",
  node,
  result: "retry",
  acted
})
export const undone = (node: number, result: "success" | "failure" = "success"): Decision.Event => ({
  type: "undone",
  node,
  result
})
export const leftBehind = (node: number, acted: Decision.Acted = "no"): Decision.Event => ({
  type: "leftBehind",
  node,
  result: "failure",
  acted
})
export const timer = (
  type: "timeout" | "retryDue" | "grace" | "stagger" | "deadline",
  node: number
): Decision.Event => ({
  type,
  node
})
export const stop: Decision.Event = { type: "stop", node: 0 }

export interface Run {
  readonly state: Decision.State
  readonly nodes: ReadonlyArray<Decision.ProgramNode>
  /** Takes one instant; returns what was asked for. */
  readonly step: (...events: ReadonlyArray<Decision.Event>) => ReadonlyArray<string>
  /** The decision of a node, and what decided it. */
  readonly decided: (node: number) => readonly [Decision.Decision | undefined, unknown]
}

/** Opens a program. `opened` is what that asked for. */
export const open = (
  tree: Tree,
  { agrees = () => true, concurrency = 100 }: Partial<Decision.Program> = {}
): Run & { readonly opened: ReadonlyArray<string> } => {
  const nodes = toNodes(tree)
  const state = Decision.make({ nodes, concurrency, agrees })
  const opened: Array<string> = []
  Decision.open(state, recorder(opened))
  return {
    state,
    nodes,
    opened,
    step: (...events) => {
      const log: Array<string> = []
      Decision.step(state, [...events], recorder(log))
      return log
    },
    decided: (node) => {
      const decision = Decision.decision(state, node)
      return [decision, decision === undefined ? undefined : Decision.decidedBy(state, node)]
    }
  }
}
