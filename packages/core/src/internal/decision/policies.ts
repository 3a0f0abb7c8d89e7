/**
 * One rule per policy: given what is known of its children, is the node decided, and how? A rule sees a node that is active and
 * has just heard from a child. It returns a decision or `active`, and marks the children that the decision counted.
 */
import type { Commands, Policy } from "../../Decision.ts"
import { activateNext } from "./activation.ts"
import { active, failed, isDecided, none, skipped, some, type State, succeeded } from "./state.ts"

type Rule = (state: State, commands: Commands, node: number) => number

const count = (state: State, node: number, counts: (child: number) => boolean): void => {
  for (const child of state.program.nodes[node]!.children) state.counted[child] = counts(child) ? 1 : 0
}

/** Has this child failed, or can it not succeed any more? */
const isBad = (state: State, child: number): boolean =>
  state.status[child] === failed || state.status[child] === skipped

/**
 * `all`: fails with its first essential child; succeeds when every essential child has and its advisories have settled. Once the
 * last essential child has succeeded, the graces of its advisories run.
 */
const all: Rule = (state, commands, node) => {
  if (state.bad[node]! > 0) {
    count(state, node, (child) => state.program.nodes[child]!.policy !== "advisory" && isBad(state, child))
    return failed
  }
  if (state.good[node] !== state.essential[node]) return active
  const { children } = state.program.nodes[node]!
  if (state.good[node]! + state.other[node]! === children.length) {
    count(state, node, (child) => state.status[child] === succeeded || state.status[child] === some)
    return succeeded
  }
  if (state.essential[node]! > 0 && state.graces[node] === 0) {
    state.graces[node] = 1
    for (const child of children) if (!isDecided(state, child)) commands.arm("grace", child)
  }
  return active
}

/** `advisory`: `some` when its child succeeds, `none` when it fails (or when its grace has passed). It never fails. */
const advisory: Rule = (state, _commands, node) => {
  count(state, node, () => true)
  return state.good[node]! > 0 ? some : none
}

/** `quorum`: succeeds with the first `need` successes (that agree), fails when so many cannot succeed any more. */
const quorum: Rule = (state, _commands, node) => {
  const { agree, children, need } = state.program.nodes[node]!
  const pending = children.length - state.good[node]! - state.bad[node]!
  if (!agree) {
    if (state.good[node]! >= need) {
      countFirst(state, node, need, () => true)
      return succeeded
    }
    if (state.good[node]! + pending >= need) return active
  } else {
    const best = largestAgreement(state, node)
    if (best.size >= need) {
      countFirst(state, node, need, (child) => state.agreesWith[child] === best.first)
      return succeeded
    }
    if (best.size + pending >= need) return active
  }
  // where values must agree, those that succeeded and differ are a reason too
  count(state, node, (child) => isBad(state, child) || (agree && state.status[child] === succeeded))
  return failed
}

/** Counts `need` successes: those of earlier instants first, those of this instant in plan order. */
const countFirst = (state: State, node: number, need: number, eligible: (child: number) => boolean): void => {
  const { children } = state.program.nodes[node]!
  let left = need
  for (const child of children) {
    const earlier = state.status[child] === succeeded && state.decidedAt[child]! < state.instant && eligible(child)
    state.counted[child] = earlier ? 1 : 0
    if (earlier) left--
  }
  for (const child of children) {
    if (left === 0) return
    if (state.status[child] === succeeded && state.counted[child] === 0 && eligible(child)) {
      state.counted[child] = 1
      left--
    }
  }
}

/** Puts each new success, in plan order, with the first earlier one it agrees with; returns the largest group. */
const largestAgreement = (state: State, node: number): { readonly first: number; readonly size: number } => {
  const { agrees, nodes } = state.program
  const { children } = nodes[node]!
  let best = { first: -1, size: 0 }
  for (const child of children) {
    if (state.status[child] !== succeeded || state.agreesWith[child] !== -1) continue
    let first = child
    for (const other of children) {
      if (state.agreesWith[other] === other && agrees(node, other, child)) {
        first = other
        break
      }
    }
    state.agreesWith[child] = first
  }
  for (const first of children) {
    if (state.agreesWith[first] !== first) continue
    let size = 0
    for (const child of children) if (state.agreesWith[child] === first) size++
    if (size > best.size) best = { first, size }
  }
  return best
}

/**
 * `firstSuccess`: the first success wins (in plan order within one instant); fails when all have failed, or when one that failed
 * has acted and cannot be undone. Each failed child starts one more; with an infinite stagger only once it has drained and been undone.
 */
const firstSuccess: Rule = (state, commands, node) => {
  const { children, stagger } = state.program.nodes[node]!
  if (state.good[node]! > 0) {
    countFirst(state, node, 1, () => true)
    return succeeded
  }
  const stuck = children.some((child) => isBad(state, child) && state.stuckBelow[child]! > 0)
  if (stuck || state.bad[node] === children.length) {
    count(state, node, (child) => isBad(state, child) && (!stuck || state.stuckBelow[child]! > 0))
    return failed
  }
  if (stagger !== "none") {
    const ready = stagger === "timed" ? state.bad[node]! : drained(state, children)
    while (state.other[node]! < ready) {
      state.other[node] = state.other[node]! + 1
      activateNext(state, commands, node)
    }
  }
  return active
}

const drained = (state: State, children: ReadonlyArray<number>): number => {
  let n = 0
  for (const child of children) {
    const busy = state.liveBelow[child]! + state.undoableBelow[child]! + state.undoingBelow[child]!
    if (isBad(state, child) && busy === 0) n++
  }
  return n
}

/** `settled`: succeeds when its child has decided, whatever it decided. */
const settled: Rule = (state, _commands, node) => {
  count(state, node, () => true)
  return succeeded
}

/** `deadline`, `atomic`: what its child decides. */
const asItsChild: Rule = (state, _commands, node) => {
  count(state, node, () => true)
  return state.good[node]! > 0 ? succeeded : failed
}

export const rules: { readonly [P in Exclude<Policy, "call">]: Rule } = {
  all,
  advisory,
  quorum,
  firstSuccess,
  settled,
  atomic: asItsChild,
  deadline: asItsChild
}
