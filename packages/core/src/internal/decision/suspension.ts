/**
 * Suspension: a subtree in which somebody has been asked, and nothing else goes on, stands still. Its deadline does not run then.
 */
import type { Commands } from "../../Decision.ts"
import {
  active,
  idle,
  phaseBackoff,
  phaseLeaving,
  phaseQueued,
  phaseReturning,
  phaseRunning,
  phaseStopping,
  phaseWaiting,
  type State
} from "./state.ts"

/** One call waits for an answer; none is queued, runs, is between two attempts, or has yet to end; nothing is undone; no grace or stagger runs. */
export const isSuspended = (state: State, root: number): boolean => {
  if (state.asking === 0) return false
  const { nodes } = state.program
  let waits = false
  for (let i = root; i < nodes[root]!.end; i++) {
    if (state.undoingBelow[i]! > 0) return false
    switch (state.phase[i]) {
      case phaseWaiting:
        waits = true
        break
      case phaseQueued:
      case phaseRunning:
      case phaseStopping:
      case phaseBackoff:
      case phaseReturning:
      case phaseLeaving:
        return false
    }
    if (state.status[i] !== active) continue
    if (state.graces[i] === 1) return false
    const { children, policy, stagger } = nodes[i]!
    if (policy === "firstSuccess" && stagger === "timed" && state.status[children[children.length - 1]!] === idle)
      return false
  }
  return waits
}

export const isPaused = (state: State, deadline: number): boolean => state.other[deadline] === 1

/** Deadlines stand still while their subtree does, and go on with it. */
export const pauseDeadlines = (state: State, commands: Commands): void => {
  if (state.asking === 0 && state.paused === 0) return
  for (const deadline of state.deadlines) {
    const isDone = state.status[deadline] !== active
    const pause = !isDone && isSuspended(state, deadline)
    if (pause === isPaused(state, deadline)) continue
    state.other[deadline] = pause ? 1 : 0
    state.paused += pause ? 1 : -1
    if (pause) commands.pause(deadline)
    else if (!isDone) commands.proceed(deadline)
  }
}
