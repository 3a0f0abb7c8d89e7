/**
 * The table of policies of the design: what a node needs of its children. A rule looks at its children's decisions, and at nothing
 * else; it returns a decision or `undefined`, and says which children the decision counts.
 */
import type * as Decision from "@toolscope/core/Decision"
import { bad, deeds, isDecided, kept, status } from "./words.ts"

/** What a rule may look at. */
export interface Rules {
  readonly program: Decision.Program
  readonly status: Uint8Array
  readonly since: Uint8Array
  /** Per call: what it did, `deeds` in words.ts. */
  readonly did: Uint8Array
  readonly counted: Uint8Array
  readonly instant: number
}

type Rule = (now: Rules, node: number) => number | undefined

const childrenOf = (now: Rules, node: number): ReadonlyArray<number> => now.program.nodes[node]!.children

const succeeded = (now: Rules, child: number): boolean => now.status[child] === status.succeeded
const failed = (now: Rules, child: number): boolean => bad(now.status[child]!)
const open = (now: Rules, child: number): boolean => !isDecided(now.status[child]!)

const count = (now: Rules, node: number, these: ReadonlyArray<number>): void => {
  for (const child of childrenOf(now, node)) now.counted[child] = these.includes(child) ? 1 : 0
}

/** Every essential child has to succeed; advisories have to settle; one essential failure is enough to fail. */
const all: Rule = (now, node) => {
  const children = childrenOf(now, node)
  const essential = children.filter((child) => now.program.nodes[child]!.policy !== "advisory")
  const culprits = essential.filter((child) => failed(now, child))
  if (culprits.length > 0) {
    count(now, node, culprits)
    return status.failed
  }
  if (children.some((child) => open(now, child))) return undefined
  count(
    now,
    node,
    children.filter((child) => kept(now.status[child]!))
  )
  return status.succeeded
}

/** `some` or `none`, as its child; it never fails. */
const advisory: Rule = (now, node) => {
  const [child] = childrenOf(now, node)
  if (open(now, child!)) return undefined
  count(now, node, [child!])
  return succeeded(now, child!) ? status.some : status.none
}

/** The first `need` successes (that agree): all of earlier instants, and of this one the first in plan order. */
const quorum: Rule = (now, node) => {
  const { need } = now.program.nodes[node]!
  const group = largestGroup(now, node)
  if (group.length >= need) {
    const earlier = group.filter((child) => now.since[child]! < now.instant)
    const present = group.filter((child) => now.since[child] === now.instant)
    count(now, node, [...earlier, ...present].slice(0, need))
    return status.succeeded
  }
  const children = childrenOf(now, node)
  if (group.length + children.filter((child) => open(now, child)).length >= need) return undefined
  count(
    now,
    node,
    // those that do not agree stand in the way as well as those that failed
    children.filter((child) => failed(now, child) || (now.program.nodes[node]!.agree && succeeded(now, child)))
  )
  return status.failed
}

/** The successes that agree with each other, the most there are; of equal numbers, the group that began first (in plan order). */
const largestGroup = (now: Rules, node: number): ReadonlyArray<number> => {
  const { agree, children } = now.program.nodes[node]!
  const successes = children.filter((child) => succeeded(now, child))
  if (!agree || successes.length < 2) return successes
  let best: ReadonlyArray<number> = []
  let founder = -1
  for (const one of successes) {
    const group = successes.filter((other) => other === one || now.program.agrees(node, other, one))
    const first = group.reduce((a, b) => (now.since[b]! < now.since[a]! ? b : a))
    if (group.length > best.length || (group.length === best.length && first < founder)) {
      best = group
      founder = first
    }
  }
  return best
}

/** The first success wins. All have failed, or one that failed did what cannot be undone: it fails, even while others run. */
const firstSuccess: Rule = (now, node) => {
  const children = childrenOf(now, node)
  const winner = children.find((child) => succeeded(now, child))
  if (winner !== undefined) {
    count(now, node, [winner])
    return status.succeeded
  }
  const losers = children.filter((child) => failed(now, child))
  const beyondUndo = losers.filter((child) => isStuck(now, child))
  if (beyondUndo.length === 0 && losers.length < children.length) return undefined
  count(now, node, beyondUndo.length > 0 ? beyondUndo : losers)
  return status.failed
}

const isStuck = (now: Rules, root: number): boolean => {
  for (let i = root; i < now.program.nodes[root]!.end; i++) if (now.did[i] === deeds.stuck) return true
  return false
}

/** Whatever its child decides is a success. */
const settled: Rule = (now, node) => {
  const [child] = childrenOf(now, node)
  if (open(now, child!)) return undefined
  count(now, node, [child!])
  return status.succeeded
}

/** As its child. */
const asItsChild: Rule = (now, node) => {
  const [child] = childrenOf(now, node)
  if (open(now, child!)) return undefined
  count(now, node, [child!])
  return succeeded(now, child!) ? status.succeeded : status.failed
}

const table = { all, advisory, quorum, firstSuccess, settled, atomic: asItsChild, deadline: asItsChild }

export const ruleOf = (policy: Exclude<Decision.Policy, "call">): Rule => table[policy]
