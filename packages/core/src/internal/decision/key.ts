/**
 * The projection of a state onto what its decisions can still depend on. Two states of a program with the same key behave alike: the
 * same events lead to the same decisions, stops and starts, and to states with the same key again. (Proved for all small trees by a
 * bisimulation test.)
 *
 * What is left out: how a decided subtree came about, except which of its attempts still run; when things happened, since only the
 * order within one instant matters and an instant is over when a step is; and what follows from the rest.
 */
import {
  active,
  isDecided,
  phaseEnded,
  phaseLeaving,
  phaseQueued,
  phaseReturning,
  phaseRunning,
  phaseSkipped,
  phaseStopping,
  type State
} from "./state.ts"
import { isLost, isProvisional } from "./undo.ts"

const buffer: Array<number> = []

export const key = (state: State): string => {
  const { nodes } = state.program
  buffer.length = 0
  for (let i = 0; i < nodes.length; i++) {
    const { parent, policy } = nodes[i]!
    const phase = state.phase[i]!
    if (parent !== -1 && isDecided(state, parent)) {
      if (policy === "call")
        buffer.push(phase === phaseRunning || phase === phaseStopping ? 2 : phase === phaseLeaving ? 1 : 0)
      continue
    }
    buffer.push(3 + state.status[i]!)
    if (policy === "call") buffer.push(phase === phaseSkipped ? phaseEnded : phase)
    if (state.status[i] === active) buffer.push(state.other[i]!, state.graces[i]!)
    if (parent === -1) continue
    const above = nodes[parent]!
    if (above.policy === "firstSuccess") buffer.push(state.stuckBelow[i]! > 0 ? 1 : 0)
    if (above.agree) buffer.push(1 + state.agreesWith[i]!)
  }
  if (state.scopes.length > 0) pushUndo(state)
  for (let k = 0; k < state.queueSize; k++) {
    const call = state.queue[(state.queueHead + k) % state.queue.length]!
    if (state.phase[call] === phaseQueued || state.phase[call] === phaseReturning) buffer.push(call)
  }
  return String.fromCharCode(...buffer)
}

/** What is or may still be undone; of a scope in which something runs, whether it is lost: what that does will be undone. */
const pushUndo = (state: State): void => {
  const { nodes } = state.program
  for (let i = 0; i < nodes.length; i++) {
    if (nodes[i]!.policy === "call") buffer.push(isProvisional(state, i) ? 1 + state.effect[i]! : 0)
  }
  for (const scope of state.scopes) buffer.push(state.liveBelow[scope]! > 0 && isLost(state, scope) ? 1 : 0)
}

/** All that has happened, except when: what the projection is compared with. */
export const wholeKey = (state: State): string => {
  const parts = [state.status, state.by, state.counted, state.phase, state.good, state.bad, state.other, state.graces]
  const rest = [
    state.effect,
    state.liveBelow,
    state.undoableBelow,
    state.undoingBelow,
    state.stuckBelow,
    state.agreesWith
  ]
  buffer.length = 0
  for (const part of [...parts, ...rest]) for (const value of part) buffer.push(1 + value)
  for (let k = 0; k < state.queueSize; k++) buffer.push(state.queue[(state.queueHead + k) % state.queue.length]!)
  return String.fromCharCode(...buffer)
}
