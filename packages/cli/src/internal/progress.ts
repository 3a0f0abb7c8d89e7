/**
 * Plain lines on standard error as things happen. They are made from what an observer of the journal sees, and may have gaps.
 */
import type { Journal } from "@toolscope/core"
import { clip, oneLine } from "./text.ts"

/** The line of an event, or nothing where it is of no interest while a run goes on. */
export const lineOf = (event: Journal.Event, startedAt: number): string | undefined => {
  const text = wordsOf(event)
  if (text === undefined) return undefined
  const seconds = ((event.time - startedAt) / 1000).toFixed(2)
  return `[${seconds.padStart(6)}s] ${clip(oneLine(text), 200)}`
}

/** Milliseconds between two lines of how far a call has come. */
const pause = 1_000

/** Leaves out what a call says of its progress too soon after its last word. */
export const calm = (): ((event: Journal.Event) => boolean) => {
  const last = new Map<string, number>()
  return (event) => {
    if (event.type !== "attempt.progress") return true
    const at = last.get(event.call)
    if (at !== undefined && event.time - at < pause) return false
    last.set(event.call, event.time)
    return true
  }
}

const wordsOf = (event: Journal.Event): string | undefined => {
  switch (event.type) {
    case "attempt.started":
      return `${event.call} started${event.attempt === 1 ? "" : ` (attempt ${event.attempt})`}`
    case "attempt.refused":
      return `${event.call} not started: ${event.reason}`
    case "attempt.ended":
      return `${event.call} ${ends[event.result]}${event.error === undefined ? "" : `: ${event.error}`}`
    case "attempt.progress": {
      const of = event.total === undefined ? "" : ` of ${event.total}`
      return `${event.call} is at ${event.done}${of}${event.message === undefined ? "" : `: ${event.message}`}`
    }
    case "attempt.leftBehind":
      return `${event.call} left behind: it had not ended at its bound`
    case "effect.refused":
      return event.reason === "stop"
        ? `${event.call} came to its gate after its stop: its effect did not happen`
        : undefined
    case "effect.compensating":
      return `${event.call} is being undone`
    case "effect.compensated":
      return `${event.call} has been undone`
    case "effect.compensationFailed":
      return `${event.call} could not be undone: ${event.error}`
    case "stop.requested":
      return `${event.call} stopped: ${event.reason}`
    case "policy.decided":
      return `${event.policy} at ${event.node} decided: ${event.decision}`
    case "response.late":
      return event.undo === true
        ? `the undo of ${event.call} has ended too late: nothing changes`
        : `${event.call} answered too late: nothing changes`
    case "question.asked":
      return `${event.call} asks: ${event.prompt}`
    case "question.answered":
      return `${event.question} ${event.reply === "expired" ? "has expired" : event.reply === "denied" ? "was denied" : "was answered"}${event.by === undefined ? "" : ` by ${event.by}`}`
    case "question.withdrawn":
      return `${event.question} was withdrawn: ${event.reason}`
    case "fanout.resumed":
      return "the run goes on where it was suspended"
    case "fanout.drained":
      return event.drained ? undefined : "the run closes with something left behind"
    case "journal.dropped":
      return `… ${event.count} lines left out: too much at once`
    default:
      return undefined
  }
}

const ends: { readonly [R in Extract<Journal.Event, { readonly type: "attempt.ended" }>["result"]]: string } = {
  success: "answered",
  failure: "failed",
  malformed: "answered with something it must not",
  noAnswer: "gave no answer",
  timeout: "timed out",
  stopped: "has stopped",
  notReached: "did not reach its tool: nothing happened",
  refused: "was refused"
}
