/**
 * Undo: which subtrees are lost, and from when on what they did is undone. A **scope** is lost as a whole; what it did is undone once,
 * when nothing in it runs any more. An outer scope that is lost too takes over what its inner ones have not begun.
 */
import type { Commands } from "../../Decision.ts"
import {
  beingUndone,
  clean,
  countUndoing,
  failed,
  isDecided,
  setEffect,
  type State,
  stopped,
  stuck,
  succeeded,
  undoable
} from "./state.ts"

const isWinner = (state: State, node: number, parent: number): boolean =>
  state.status[parent] === succeeded && state.counted[node] === 1

/** What this scope did is not wanted, and never will be. */
export const isLost = (state: State, scope: number): boolean => {
  const { nodes } = state.program
  const { parent, policy } = nodes[scope]!
  const hasEnded = state.status[scope] === failed || state.status[scope] === stopped
  if (policy === "atomic" && hasEnded) return true
  if (parent === -1) return false
  const above = nodes[parent]!
  if (above.policy === "firstSuccess") return hasEnded || (isDecided(state, parent) && !isWinner(state, scope, parent))
  return above.undoSurplus && state.status[parent] === succeeded && state.counted[scope] === 0
}

/** It is not lost, and still can be. */
const isOpen = (state: State, scope: number): boolean => {
  const { nodes } = state.program
  const { parent, policy } = nodes[scope]!
  if (policy === "atomic" && !isDecided(state, scope)) return true
  return (
    parent !== -1 &&
    !isDecided(state, parent) &&
    (nodes[parent]!.policy === "firstSuccess" || nodes[parent]!.undoSurplus)
  )
}

/** Has this call done what may still be undone, or is being undone? */
export const isProvisional = (state: State, call: number): boolean => {
  const effect = state.effect[call]!
  if (effect >= beingUndone) return true
  if (effect !== undoable) return false
  for (let scope = state.scope[call]!; scope !== -1;) {
    if (isOpen(state, scope) || isLost(state, scope)) return true
    const { parent } = state.program.nodes[scope]!
    scope = parent === -1 ? -1 : state.scope[parent]!
  }
  return false
}

/** Asks for the undo of every scope that is lost and in which nothing runs, outer ones first. */
export const beginUndos = (state: State, commands: Commands): void => {
  if (state.undoable === 0) return
  for (const scope of state.scopes) {
    if (state.undoableBelow[scope] === 0 || state.liveBelow[scope] !== 0 || !isLost(state, scope)) continue
    const { end } = state.program.nodes[scope]!
    for (let i = scope; i < end; i++) {
      if (state.effect[i] === undoable) setEffect(state, i, beingUndone + scope)
    }
    countUndoing(state, scope, 1)
    commands.undo(scope)
  }
}

/** The undo of a scope is over. What could not be undone stays. */
export const recordUndone = (state: State, scope: number, result: "success" | "failure"): void => {
  const { end } = state.program.nodes[scope]!
  let found = false
  for (let i = scope; i < end; i++) {
    if (state.effect[i] !== beingUndone + scope) continue
    setEffect(state, i, result === "success" ? clean : stuck)
    found = true
  }
  if (found) countUndoing(state, scope, -1)
}
