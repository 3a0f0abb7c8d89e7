/**
 * Closing: what a decision, a deadline or a stop does to what has not been decided below it.
 */
import type { Commands } from "../../Decision.ts"
import {
  active,
  byChildren,
  byDeadline,
  byStop,
  failed,
  idle,
  isDecided,
  markDirty,
  phaseBackoff,
  phaseEnded,
  phaseLeaving,
  phaseQueued,
  phaseReturning,
  phaseRunning,
  phaseSkipped,
  phaseStopping,
  phaseWaiting,
  skipped,
  some,
  type State,
  stopped,
  succeeded
} from "./state.ts"

/** A node is decided, once: tells its parent, and ends what is undecided below it. */
export const settle = (state: State, commands: Commands, node: number, status: number, by: number): void => {
  state.status[node] = status
  state.by[node] = by
  state.decidedAt[node] = state.instant
  commands.decided(node)
  closeBelow(state, commands, node, node)
  tellParent(state, node)
}

/** The verdict of a call is fixed: tells its parent. */
export const giveVerdict = (state: State, call: number, status: number): void => {
  state.status[call] = status
  state.decidedAt[call] = state.instant
  tellParent(state, call)
}

export const tellParent = (state: State, node: number): void => {
  const { nodes } = state.program
  const parent = nodes[node]!.parent
  if (parent === -1 || state.status[parent] !== active) return
  if (nodes[node]!.policy === "advisory") {
    state.other[parent] = state.other[parent]! + 1
  } else if (state.status[node] === succeeded) {
    state.good[parent] = state.good[parent]! + 1
  } else {
    state.bad[parent] = state.bad[parent]! + 1
  }
  markDirty(state, parent)
}

/** Everything undecided below `node` ends: what never came to life is skipped, the rest is stopped. */
const closeBelow = (state: State, commands: Commands, node: number, cause: number): void => {
  const { nodes } = state.program
  const end = nodes[node]!.end
  for (let i = node + 1; i < end;) {
    if (isDecided(state, i)) {
      i = nodes[i]!.end
      continue
    }
    const wasIdle = state.status[i] === idle
    state.status[i] = wasIdle ? skipped : stopped
    state.by[i] = byStop
    state.decidedAt[i] = state.instant
    if (nodes[i]!.policy === "call") endCall(state, commands, i, cause)
    else commands.decided(i)
    i++
  }
}

/** A call is to end: a running attempt is asked to stop, anything else is over at once. */
export const endCall = (state: State, commands: Commands, call: number, cause: number): void => {
  switch (state.phase[call]) {
    case phaseRunning:
      state.phase[call] = phaseStopping
      commands.stop(call, cause)
      return
    case phaseWaiting:
    case phaseReturning:
      state.phase[call] = phaseLeaving
      commands.stop(call, cause)
      return
    case phaseBackoff:
      state.phase[call] = phaseEnded
      commands.drop(call, cause)
      return
    case phaseQueued:
      state.phase[call] = phaseSkipped
      commands.drop(call, cause)
      return
    case phaseStopping:
    case phaseLeaving:
    case phaseEnded:
      return
    default:
      state.phase[call] = phaseSkipped
      commands.drop(call, cause)
  }
}

/**
 * A deadline has elapsed: undecided calls below it fail, what never came to life is skipped. Its nodes then decide by their own
 * rules, for which they are marked dirty.
 */
export const applyDeadline = (state: State, commands: Commands, deadline: number): void => {
  const { nodes } = state.program
  const end = nodes[deadline]!.end
  for (let i = deadline + 1; i < end;) {
    if (isDecided(state, i)) {
      i = nodes[i]!.end
      continue
    }
    if (state.status[i] === idle) {
      skipSubtree(state, commands, i, deadline)
      i = nodes[i]!.end
      continue
    }
    if (nodes[i]!.policy === "call") {
      state.by[i] = byDeadline
      endCall(state, commands, i, deadline)
      giveVerdict(state, i, failed)
    }
    i++
  }
}

const skipSubtree = (state: State, commands: Commands, root: number, cause: number): void => {
  const { nodes } = state.program
  for (let i = root; i < nodes[root]!.end; i++) {
    state.status[i] = skipped
    state.by[i] = byDeadline
    state.decidedAt[i] = state.instant
    if (nodes[i]!.policy === "call") endCall(state, commands, i, cause)
    else commands.decided(i)
  }
  tellParent(state, root)
}

/** A stop from above: the first decides every undecided node; a decided root stays decided. */
export const stopAll = (state: State, commands: Commands): void => {
  if (isDecided(state, 0)) return
  state.status[0] = stopped
  state.by[0] = byStop
  state.decidedAt[0] = state.instant
  if (state.program.nodes[0]!.policy === "call") endCall(state, commands, 0, -1)
  else commands.decided(0)
  closeBelow(state, commands, 0, -1)
}

/** A node that can succeed no more because of a deadline around it is decided by that; otherwise its children decide. */
export const causeOf = (state: State, node: number, status: number): number =>
  status !== succeeded &&
  status !== some &&
  state.deadline !== -1 &&
  node >= state.deadline &&
  node < state.program.nodes[state.deadline]!.end
    ? byDeadline
    : byChildren
