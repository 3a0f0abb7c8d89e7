/**
 * The words of the meaning: where a node and a call can be, and what decides. Numbers, because a state is copied often.
 */
import type { Acted, Decision, Phase, Program } from "@toolscope/core/Decision"

export const status = {
  idle: 0,
  active: 1,
  succeeded: 2,
  failed: 3,
  some: 4,
  none: 5,
  stopped: 6,
  skipped: 7
} as const

/** The decision that a status stands for, in the words of the core. */
export const decisions: ReadonlyArray<Decision | undefined> = [
  undefined,
  undefined,
  "succeeded",
  "failed",
  "some",
  "none",
  "stopped",
  "skipped"
]

export const isDecided = (s: number): boolean => s !== status.idle && s !== status.active

/** It can succeed no more. */
export const bad = (s: number): boolean => s === status.failed || s === status.skipped

/** Something came of it. */
export const kept = (s: number): boolean => s === status.succeeded || s === status.some

export const phases = {
  idle: 0,
  queued: 1,
  running: 2,
  stopping: 3,
  backoff: 4,
  ended: 5,
  skipped: 6,
  waiting: 7,
  returning: 8,
  leaving: 9
} as const

/** A phase in the words of the core. */
export const phaseNames = Object.keys(phases) as ReadonlyArray<Phase>

export const by = { children: 0, deadline: 1, grace: 2, stop: 3 } as const

/** What decided a node, in the words of the core; its children are listed instead of named. */
export const causes = ["children", "deadline", "grace", "stop"] as const

/** What a call did, in the order of the core's words. */
export const deeds = { no: 0, undoable: 1, stuck: 2 } as const satisfies { readonly [A in Acted]: number }

/** Does this node choose among its children, and undo what it has not chosen? */
export const isChosenFrom = (above: Program["nodes"][number] | undefined): boolean =>
  above !== undefined && (above.policy === "firstSuccess" || above.undoSurplus)

/** Per node: is what happens below it undone as a whole, if it is not wanted? */
export const findScopes = ({ nodes }: Program): ReadonlyArray<boolean> =>
  nodes.map(({ parent, policy }) => policy === "atomic" || isChosenFrom(nodes[parent]))
