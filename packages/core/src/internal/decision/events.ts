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
  countLive,
  enqueue,
  failed,
  none,
  phaseBackoff,
  phaseEnded,
  phaseQueued,
  phaseRunning,
  phaseStopping,
  setEffect,
  type State,
  stuck,
  succeeded,
  undoable
} from "./state.ts"
import { recordUndone } from "./undo.ts"

const rank = {
  ended: 0,
  leftBehind: 1,
  undone: 2,
  retryDue: 3,
  timeout: 4,
  grace: 4,
  stagger: 4,
  deadline: 4,
  stop: 5
} as const

/** What has ended: recorded before anything is decided. */
export const isEnd = (event: Event): boolean => rank[event.type] <= rank.undone

/** Ends in plan order; then timers, inner first (a parent has a lower index than its children); then a stop from above. */
export const sortEvents = (events: Array<Event>): void => {
  if (events.length > 1) {
    events.sort(
      (a, b) => rank[a.type] - rank[b.type] || (rank[a.type] === rank.deadline ? b.node - a.node : a.node - b.node)
    )
  }
}

export const record = (state: State, commands: Commands, event: Event): void => {
  switch (event.type) {
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
      if (state.status[event.node] === active) {
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
  if (phase !== phaseRunning && phase !== phaseStopping) return
  const undecided = state.status[call] === active
  state.phase[call] = undecided && result === "retry" ? phaseBackoff : phaseEnded
  if (undecided && result !== "retry") giveVerdict(state, call, result === "success" ? succeeded : failed)
  setEffect(state, call, effect)
  countLive(state, call, -1)
}
