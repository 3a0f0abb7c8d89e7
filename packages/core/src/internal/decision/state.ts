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
    "skipped"
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
  /** `all`: advisory children that are decided. `firstSuccess`: failed children whose successor has been started. */
  readonly other: Int32Array
  /** `all`: its graces run. */
  readonly graces: Int32Array
  /** Child of a `firstSuccess`: attempts below it that have not ended. */
  readonly liveBelow: Int32Array
  /** Child of a `firstSuccess`: calls below it that acted and cannot be undone. */
  readonly stuckBelow: Int32Array
  /** Child of a `quorum` with `agree`: the first child it agrees with, or -1. */
  readonly agreesWith: Int32Array
  /** Calls that wait for a permit, first come first served: a ring of node indexes. */
  readonly queue: Int32Array
  /** Nodes whose children changed: a max-heap of node indexes, so that children decide before their parents. */
  readonly dirty: Int32Array
  readonly isDirty: Int32Array
  private readonly scalars: Int32Array

  /** Per node: the nearest ancestor-or-self that is a child of a `firstSuccess`, or -1. Fixed. */
  readonly contender: Int32Array
  /** `all`: how many children are essential. Fixed. */
  readonly essential: Int32Array

  constructor(program: Program) {
    const n = program.nodes.length
    this.program = program
    this.memory = new Int32Array(15 * n + 6)
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
    this.liveBelow = view(n)
    this.stuckBelow = view(n)
    this.agreesWith = view(n).fill(-1)
    this.queue = view(n)
    this.dirty = view(n)
    this.isDirty = view(n)
    this.scalars = view(6)
    this.deadline = -1
    this.contender = new Int32Array(n)
    this.essential = new Int32Array(n)
    for (let i = 0; i < n; i++) {
      const { parent, policy } = program.nodes[i]!
      if (parent === -1) {
        this.contender[i] = -1
      } else {
        this.contender[i] = program.nodes[parent]!.policy === "firstSuccess" ? i : this.contender[parent]!
        if (policy !== "advisory") {
          this.essential[parent] = this.essential[parent]! + 1
        }
      }
    }
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
  /** Attempts that have not ended: each holds a permit. */
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

/** Counts attempts and stuck calls below every contender (child of a `firstSuccess`) that contains `call`. */
export const countBelow = (state: State, call: number, live: number, stuck: number): void => {
  let contender = state.contender[call]!
  while (contender !== -1) {
    const race = state.program.nodes[contender]!.parent
    state.liveBelow[contender] = state.liveBelow[contender]! + live
    state.stuckBelow[contender] = state.stuckBelow[contender]! + stuck
    if (live < 0) markDirty(state, race)
    contender = state.contender[race]!
  }
}
