/**
 * The two drivers of a step: nodes decide bottom-up, then calls are admitted.
 */
import type { Commands } from "../../Decision.ts"
import { causeOf, settle } from "./close.ts"
import { rules } from "./policies.ts"
import {
  active,
  countAsking,
  countLive,
  dequeue,
  phaseQueued,
  phaseReturning,
  phaseRunning,
  type State,
  takeDirty
} from "./state.ts"

export const decideDirty = (state: State, commands: Commands): void => {
  while (state.dirtySize > 0) {
    const node = takeDirty(state)
    if (state.status[node] !== active) continue
    const { policy } = state.program.nodes[node]!
    if (policy === "call") continue
    const status = rules[policy](state, commands, node)
    if (status !== active) settle(state, commands, node, status, causeOf(state, node, status))
  }
}

/** Gives free permits to the calls that wait, first come first served. */
export const admit = (state: State, commands: Commands): void => {
  while (state.queueSize > 0 && state.live < state.program.concurrency) {
    const call = dequeue(state)
    const phase = state.phase[call]
    if (phase !== phaseQueued && phase !== phaseReturning) continue
    state.phase[call] = phaseRunning
    if (phase === phaseReturning) {
      countAsking(state, -1)
      commands.resume(call)
    } else {
      countLive(state, call, 1, false)
      commands.start(call)
    }
  }
}
