/**
 * The state of one fan-out: flat arrays indexed by node, so that a step allocates nothing and a copy is a memory copy.
 */
import type { Decision, Phase, Program } from "../../Decision.ts"

export const idle = 0
export const active = 1
export const succeeded = 2
export const failed = 3
export const some = 4
export const none = 5
export const stopped = 6
export const skipped = 7

export const byChildren = 0
export const byDeadline = 1
export const byGrace = 2
export const byStop = 3

/** Phases of a call, beside its verdict. */
export const phaseIdle = 0
export const phaseQueued = 1
export const phaseRunning = 2
export const phaseStopping = 3
export const phaseBackoff = 4
export const phaseEnded = 5
export const phaseSkipped = 6
/** It has asked somebody, and has given its permit back. */
export const phaseWaiting = 7
/** It has been answered, and waits for a permit to go on. */
export const phaseReturning = 8
/** It was to be stopped while it had no permit, and has not ended. */
export const phaseLeaving = 9

/** What a call did, as far as the core has to know: nothing that remains, something that can be undone, or something that cannot. */
export const clean = 0
export const undoable = 1
export const stuck = 2
/** From here on: it is being undone, by the scope of this index less `beingUndone`. */
export const beingUndone = 3

export class State {
  static readonly decisions: ReadonlyArray<Decision | undefined> = [
    undefined,
    undefined,
    "succeeded",
    "failed",
    "some",
    "none",
    "stopped",
    "skipped"
  ]
  static readonly phases: ReadonlyArray<Phase> = [
    "idle",
    "queued",
    "running",
    "stopping",
    "backoff",
    "ended",
    "skipped",
    "waiting",
    "returning",
    "leaving"
  ]
  static readonly causes = ["children", "deadline", "grace", "stop"] as const

  readonly program: Program
  /** Everything that changes, in one piece: the arrays below are views of it. */
  readonly memory: Int32Array
  /** Per node: idle, active, or its decision. */
  readonly status: Int32Array
  /** Per node: what decided it. */
  readonly by: Int32Array
  /** Per node: was it counted by its parent's decision? */
  readonly counted: Int32Array
  /** Per node: the instant of its verdict or decision. */
  readonly decidedAt: Int32Array
  /** Per call. */
  readonly phase: Int32Array
  /** Per node: essential children (of `all`) or children that have succeeded. */
  readonly good: Int32Array
  /** Per node: essential children (of `all`) or children that can succeed no more. */
  readonly bad: Int32Array
  /**
   * `all`: advisory children that are decided. `firstSuccess`: failed children whose successor has been started. `deadline`: it is paused.
   */
  readonly other: Int32Array
  /** `all`: its graces run. */
  readonly graces: Int32Array
  /** Per call: what it did. */
  readonly effect: Int32Array
  /** Scope: attempts below it that have not ended. */
  readonly liveBelow: Int32Array
  /** Scope: calls below it that did what can be undone. */
  readonly undoableBelow: Int32Array
  /** Scope: undos that run at or below it. */
  readonly undoingBelow: Int32Array
  /** Scope: calls below it that did what cannot be undone. */
  readonly stuckBelow: Int32Array
  /** Child of a `quorum` with `agree`: the first child it agrees with, or -1. */
  readonly agreesWith: Int32Array
  /** Calls that wait for a permit, first come first served: a ring of node indexes. */
  readonly queue: Int32Array
  /** Nodes whose children changed: a max-heap of node indexes, so that children decide before their parents. */
  readonly dirty: Int32Array
  readonly isDirty: Int32Array
  private readonly scalars: Int32Array

  /**
   * Per node: the nearest ancestor-or-self that is a **scope**, or -1: a subtree whose effects are undone together when it is lost. An
   * `atomic` is one, and so is each child of a `firstSuccess`, and of a `quorum` whose surplus is undone. Fixed.
   */
  readonly scope: Int32Array
  /** All scopes, outer ones first. Fixed. */
  readonly scopes: ReadonlyArray<number>
  /** All nodes with a deadline. Fixed. */
  readonly deadlines: ReadonlyArray<number>
  /** `all`: how many children are essential. Fixed. */
  readonly essential: Int32Array

  constructor(program: Program) {
    const n = program.nodes.length
    this.program = program
    this.memory = new Int32Array(18 * n + 10)
    let from = 0
    const view = (length: number): Int32Array => this.memory.subarray(from, (from += length))
    this.status = view(n)
    this.by = view(n)
    this.counted = view(n)
    this.decidedAt = view(n)
    this.phase = view(n)
    this.good = view(n)
    this.bad = view(n)
    this.other = view(n)
    this.graces = view(n)
    this.effect = view(n)
    this.liveBelow = view(n)
    this.undoableBelow = view(n)
    this.undoingBelow = view(n)
    this.stuckBelow = view(n)
    this.agreesWith = view(n).fill(-1)
    this.queue = view(n)
    this.dirty = view(n)
    this.isDirty = view(n)
    this.scalars = view(10)
    this.deadline = -1
    this.scope = new Int32Array(n)
    this.essential = new Int32Array(n)
    const scopes: Array<number> = []
    const deadlines: Array<number> = []
    for (let i = 0; i < n; i++) {
      const { parent, policy } = program.nodes[i]!
      const above = parent === -1 ? undefined : program.nodes[parent]!
      const isScope = policy === "atomic" || above?.policy === "firstSuccess" || above?.undoSurplus === true
      this.scope[i] = isScope ? i : parent === -1 ? -1 : this.scope[parent]!
      if (isScope) scopes.push(i)
      if (policy === "deadline") deadlines.push(i)
      if (parent !== -1 && policy !== "advisory") this.essential[parent] = this.essential[parent]! + 1
    }
    this.scopes = scopes
    this.deadlines = deadlines
  }

  get queueHead(): number {
    return this.scalars[0]!
  }
  set queueHead(value: number) {
    this.scalars[0] = value
  }
  get queueSize(): number {
    return this.scalars[1]!
  }
  set queueSize(value: number) {
    this.scalars[1] = value
  }
  get dirtySize(): number {
    return this.scalars[2]!
  }
  set dirtySize(value: number) {
    this.scalars[2] = value
  }
  /** Attempts that hold a permit. */
  get live(): number {
    return this.scalars[3]!
  }
  set live(value: number) {
    this.scalars[3] = value
  }
  get instant(): number {
    return this.scalars[4]!
  }
  set instant(value: number) {
    this.scalars[4] = value
  }
  /** Undos that run. */
  get undoing(): number {
    return this.scalars[6]!
  }
  set undoing(value: number) {
    this.scalars[6] = value
  }
  /** Calls that did what can be undone, and is not being undone. */
  get undoable(): number {
    return this.scalars[7]!
  }
  set undoable(value: number) {
    this.scalars[7] = value
  }
  /** Attempts that have not ended and hold no permit: they have asked somebody. */
  get asking(): number {
    return this.scalars[8]!
  }
  set asking(value: number) {
    this.scalars[8] = value
  }
  /** Deadlines that are paused. */
  get paused(): number {
    return this.scalars[9]!
  }
  set paused(value: number) {
    this.scalars[9] = value
  }
  /** Subtree whose deadline is being applied, or -1. */
  get deadline(): number {
    return this.scalars[5]!
  }
  set deadline(value: number) {
    this.scalars[5] = value
  }
}

export const isDecided = (state: State, node: number): boolean => state.status[node]! >= succeeded

export const enqueue = (state: State, call: number): void => {
  state.queue[(state.queueHead + state.queueSize) % state.queue.length] = call
  state.queueSize++
}

export const dequeue = (state: State): number => {
  const call = state.queue[state.queueHead]!
  state.queueHead = (state.queueHead + 1) % state.queue.length
  state.queueSize--
  return call
}

/** It has ended before its turn came: a further attempt would stand in line twice. */
export const leaveQueue = (state: State, call: number): void => {
  const { queue, queueHead, queueSize } = state
  let kept = 0
  for (let k = 0; k < queueSize; k++) {
    const one = queue[(queueHead + k) % queue.length]!
    if (one !== call) queue[(queueHead + kept++) % queue.length] = one
  }
  state.queueSize = kept
}

export const markDirty = (state: State, node: number): void => {
  if (state.isDirty[node] === 1) return
  state.isDirty[node] = 1
  const heap = state.dirty
  let i = state.dirtySize++
  while (i > 0) {
    const up = (i - 1) >> 1
    if (heap[up]! >= node) break
    heap[i] = heap[up]!
    i = up
  }
  heap[i] = node
}

/** The dirty node with the highest index, which is never an ancestor of another dirty one. */
export const takeDirty = (state: State): number => {
  const heap = state.dirty
  const top = heap[0]!
  const last = heap[--state.dirtySize]!
  const size = state.dirtySize
  let i = 0
  for (;;) {
    let child = 2 * i + 1
    if (child >= size) break
    if (child + 1 < size && heap[child + 1]! > heap[child]!) child++
    if (heap[child]! <= last) break
    heap[i] = heap[child]!
    i = child
  }
  heap[i] = last
  state.isDirty[top] = 0
  return top
}

/**
 * The scopes that contain a node, inner first: what is counted below each of them, and which races have to look again, because less runs
 * there, or is being undone. (What can be undone is less as soon as it is being undone: that is no news.)
 */
const countBelow = (state: State, counts: Int32Array, node: number, by: number): void => {
  const isNews = by < 0 && counts !== state.undoableBelow
  for (let scope = state.scope[node]!; scope !== -1;) {
    const { parent } = state.program.nodes[scope]!
    counts[scope] = counts[scope]! + by
    if (isNews && parent !== -1 && state.program.nodes[parent]!.policy === "firstSuccess") markDirty(state, parent)
    scope = parent === -1 ? -1 : state.scope[parent]!
  }
}

/** An attempt of this call has begun (1), or is over (-1); `asking`, it had given its permit back. */
export const countLive = (state: State, call: number, by: 1 | -1, asking: boolean): void => {
  if (asking) state.asking += by
  else state.live += by
  countBelow(state, state.liveBelow, call, by)
}

/** An attempt gives its permit back while it waits for an answer (1), or has one again (-1). */
export const countAsking = (state: State, by: 1 | -1): void => {
  state.asking += by
  state.live -= by
}

/** What a call did, as it is known now. */
export const setEffect = (state: State, call: number, effect: number): void => {
  const was = state.effect[call]!
  if (was === effect) return
  state.effect[call] = effect
  if (was === undoable) {
    state.undoable--
    countBelow(state, state.undoableBelow, call, -1)
  }
  if (effect === undoable) {
    state.undoable++
    countBelow(state, state.undoableBelow, call, 1)
  }
  if (effect === stuck) countBelow(state, state.stuckBelow, call, 1)
}

/** An undo of this scope has begun (1), or is over (-1). */
export const countUndoing = (state: State, scope: number, by: 1 | -1): void => {
  state.undoing += by
  countBelow(state, state.undoingBelow, scope, by)
}
