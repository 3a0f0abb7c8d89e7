/**
 * Compares the core with the meaning after an instant: what it asked for, and everything that can be read of its state.
 */
import * as Decision from "@toolscope/core/Decision"
import type { Meaning } from "./meaning.ts"
import type { Orders } from "./orders.ts"
import { by, causes, decisions, isDecided, kept, phaseNames, status } from "./words.ts"

type Complain = (message: string) => void

/** After every instant. */
export const compare = (state: Decision.State, meaning: Meaning, asked: Orders, complain: Complain): void => {
  const { nodes } = meaning.program
  for (const difference of asked.differences(meaning.orders)) complain(difference)
  for (let i = 0; i < nodes.length; i++) {
    const decision = Decision.decision(state, i)
    const expected = meaning.status[i]!
    if (decision !== decisions[expected]) {
      complain(`${nodes[i]!.policy} ${i} is ${decision ?? "undecided"}, and should be ${word(expected)}`)
    }
    if (Decision.isActive(state, i) !== (expected === status.active)) complain(`node ${i} is not ${word(expected)}`)
    if (nodes[i]!.policy === "call") {
      const phase = Decision.phase(state, i)
      const right = phaseNames[meaning.phase[i]!]!
      if (phase !== right) complain(`call ${i} is ${phase}, and should be ${right}`)
      if (Decision.isProvisional(state, i) !== meaning.isProvisional(i))
        complain(
          `what call ${i} did is ${meaning.isProvisional(i) ? "" : "not "}provisional, and the core says otherwise`
        )
    }
    if (Decision.isSuspended(state, i) !== meaning.isSuspended(i))
      complain(`node ${i} is ${meaning.isSuspended(i) ? "" : "not "}suspended, and the core says otherwise`)
    if (nodes[i]!.policy !== "call" && isDecided(expected) && meaning.since[i] === meaning.instant)
      compareBasis(state, meaning, i, complain)
    if (meaning.isScope[i] && Decision.isLost(state, i) !== meaning.isUnwanted(i))
      complain(`scope ${i} is ${meaning.isUnwanted(i) ? "" : "not "}lost, and the core says otherwise`)
  }
  if (Decision.isClosed(state) !== meaning.isOver)
    complain(`it is ${meaning.isOver ? "" : "not "}over, and the core says otherwise`)
  if (Decision.isClosed(state)) compareAll(state, meaning, complain)
}

/** At the close: what the report is made of. Nothing of it has changed since it was fixed. */
const compareAll = (state: Decision.State, meaning: Meaning, complain: Complain): void => {
  const { nodes } = meaning.program
  const used = new Set<number>()
  collectUsed(meaning, 0, used)
  for (let i = 0; i < nodes.length; i++) {
    compareBasis(state, meaning, i, complain)
    if (nodes[i]!.policy !== "call") continue
    const expected = decisions[meaning.status[i]!]
    const verdict = expected === "succeeded" || expected === "failed" ? expected : "none"
    if (Decision.verdict(state, i) !== verdict) complain(`the verdict of ${i} is not ${verdict}`)
    if (Decision.used(state, i) !== used.has(i)) {
      complain(`call ${i} is ${used.has(i) ? "" : "not "}used, and the core says otherwise`)
    }
  }
}

/** What a decided node was decided by. */
const compareBasis = (state: Decision.State, meaning: Meaning, node: number, complain: Complain): void => {
  const basis = Decision.decidedBy(state, node)
  const cause = causes[meaning.by[node]!]!
  const isSame = typeof basis === "string" ? basis === cause : sameChildren(meaning, node, basis)
  if (isSame && (cause === "children") === (typeof basis !== "string")) return
  const counted = meaning.program.nodes[node]!.children.filter((child) => meaning.counted[child] === 1)
  const expected = cause === "children" ? `[${counted.join()}]` : cause
  complain(`node ${node} was decided by ${expected}, and the core says ${String(basis)}`)
}

/** In plan order. */
const sameChildren = (meaning: Meaning, node: number, basis: ReadonlyArray<number>): boolean => {
  let k = 0
  for (const child of meaning.program.nodes[node]!.children) {
    if (meaning.counted[child] === 1 && basis[k++] !== child) return false
  }
  return k === basis.length
}

/** From the root down: the calls whose success every ancestor counted. */
const collectUsed = (meaning: Meaning, node: number, used: Set<number>): void => {
  const { children, policy } = meaning.program.nodes[node]!
  if (!kept(meaning.status[node]!)) return
  if (policy === "call") used.add(node)
  if (meaning.by[node] !== by.children) return
  for (const child of children) if (meaning.counted[child] === 1) collectUsed(meaning, child, used)
}

const word = (s: number): string => decisions[s] ?? (s === status.active ? "active and undecided" : "idle")
