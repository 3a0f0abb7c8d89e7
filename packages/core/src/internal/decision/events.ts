/**
 * What each event does to the state, and in which order the events of one instant are taken.
 */
import type { Commands, Event } from "../../Decision.ts"
import { activateNext } from "./activation.ts"
import { applyDeadline, endCall, giveVerdict, settle } from "./close.ts"
import { decideDirty } from "./decide.ts"
import {
  active,
  byGrace,
  clean,
  countAsking,
  countLive,
  enqueue,
  failed,
  leaveQueue,
  none,
  phaseBackoff,
  phaseEnded,
  phaseLeaving,
  phaseQueued,
  phaseReturning,
  phaseRunning,
  phaseStopping,
  phaseWaiting,
  setEffect,
  type State,
  stuck,
  succeeded,
  undoable
} from "./state.ts"
import { isPaused } from "./suspension.ts"
import { recordUndone } from "./undo.ts"

const rank = {
  asks: 0,
  ended: 1,
  leftBehind: 2,
  undone: 3,
  retryDue: 4,
  answered: 4,
  timeout: 5,
  grace: 5,
  stagger: 5,
  deadline: 5,
  stop: 6
} as const

/** What has ended, or waits: recorded before anything is decided. */
export const isEnd = (event: Event): boolean => rank[event.type] <= rank.undone

/** Ends in plan order, after what was asked before; then timers, inner first (a parent has a lower index than its children); then a stop from above. */
export const sortEvents = (events: Array<Event>): void => {
  if (events.length > 1) {
    events.sort(
      (a, b) => rank[a.type] - rank[b.type] || (rank[a.type] === rank.deadline ? b.node - a.node : a.node - b.node)
    )
  }
}

export const record = (state: State, commands: Commands, event: Event): void => {
  switch (event.type) {
    case "asks":
      // one that is being stopped keeps its permit to its end
      if (state.phase[event.node] === phaseRunning) {
        state.phase[event.node] = phaseWaiting
        countAsking(state, 1)
      }
      return
    case "ended":
    case "leftBehind":
      return recordEnd(state, event.node, event.result, effects[event.acted])
    case "undone":
      return recordUndone(state, event.node, event.result)
    case "retryDue":
      if (state.phase[event.node] === phaseBackoff) {
        state.phase[event.node] = phaseQueued
        enqueue(state, event.node)
        commands.queued(event.node)
      }
      return
    case "answered":
      if (state.phase[event.node] === phaseWaiting) {
        state.phase[event.node] = phaseReturning
        enqueue(state, event.node)
        commands.queued(event.node)
      }
      return
    case "timeout":
      if (state.phase[event.node] === phaseRunning) endCall(state, commands, event.node, event.node)
      return
    case "grace":
      if (state.status[event.node] === active) settle(state, commands, event.node, none, byGrace)
      return
    case "stagger":
      if (state.status[event.node] === active) activateNext(state, commands, event.node)
      return
    case "deadline":
      if (state.status[event.node] === active && !isPaused(state, event.node)) {
        state.deadline = event.node
        applyDeadline(state, commands, event.node)
        decideDirty(state, commands)
        state.deadline = -1
      }
      return
    case "stop":
      return
  }
}

const effects = { no: clean, undoable, stuck } as const

/** An attempt has ended, or was left behind: it gives its permit back. A call that is undecided gets its verdict, or waits for a retry. */
const recordEnd = (state: State, call: number, result: "success" | "failure" | "retry", effect: number): void => {
  const phase = state.phase[call]
  const asking = phase === phaseWaiting || phase === phaseReturning || phase === phaseLeaving
  if (phase !== phaseRunning && phase !== phaseStopping && !asking) return
  const undecided = state.status[call] === active
  if (phase === phaseReturning) leaveQueue(state, call)
  state.phase[call] = undecided && result === "retry" ? phaseBackoff : phaseEnded
  if (undecided && result !== "retry") giveVerdict(state, call, result === "success" ? succeeded : failed)
  setEffect(state, call, effect)
  countLive(state, call, -1, asking)
}
