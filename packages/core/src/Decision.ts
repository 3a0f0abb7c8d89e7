/**
 * `Decision` is the pure core: given the events of one instant it says what the policies of a plan decide and what must be
 * stopped and started. It knows policies, permits and admission. It knows no fibers, no clock, no contracts and no values:
 * the executor derives what it needs to know (`acted`) and hands it in with the events.
 *
 * A **node** is `idle` (never activated) → `active` → decided, once: `succeeded`, `failed`, `some`, `none`, `stopped`,
 * `skipped`. For a call that decision is its *verdict*.
 *
 * A **call** moves through its own phases beside its verdict:
 *
 * ```text
 *   idle ── activated ──▶ queued ── permit ──▶ running ── answer ─────────────▶ ended
 *     │                     ▲ │                  │  ▲                            ▲
 *     │                     │ │ stop             │  └─ (retry) ─▶ backoff ─┐     │
 *     │                     │ ▼                  │ stop, timeout   │ due   │stop │
 *     └───── stop ───────▶ skipped               ▼                 ▼       ▼     │
 *                                            stopping ────────── queued  ended   │
 *                                                └── end, or left behind ────────┘
 *
 *   running ── asks ──▶ waiting ── answered ──▶ returning ── permit ──▶ running
 *                          └─────── stop ───────────┴──▶ leaving ── end ──▶ ended
 * ```
 *
 * A call that **waits** for somebody's answer has given its permit back, and so has one that is **leaving**: told to stop while it had none.
 * A subtree in which one waits and nothing else goes on is **suspended**; deadlines do not run there.
 *
 * A **scope** is a subtree whose effects are undone together when it is *lost*: an `atomic` that failed or was stopped, a child of a
 * `firstSuccess` that is not the winner, a child that a `quorum` which undoes its surplus did not count. Its undo begins when nothing in it
 * runs any more, and what happened in it is undone once.
 *
 * One call of {@link step} takes all events of one instant: ends are recorded, nodes decide bottom-up, then timers (inner
 * first), then a stop from above; commands to stop come before commands to undo, and these before commands to start.
 *
 * What it never does: start a call whose stop was requested; decide a node twice; depend on the order in which the events of
 * one instant are listed; allocate per event.
 *
 * @since 0.1.0
 */
import { activate } from "./internal/decision/activation.ts"
import { stopAll } from "./internal/decision/close.ts"
import { admit, decideDirty } from "./internal/decision/decide.ts"
import { isEnd, record, sortEvents } from "./internal/decision/events.ts"
import { key as projectedKey, wholeKey as fullKey } from "./internal/decision/key.ts"
import { active, State } from "./internal/decision/state.ts"
import { isSuspended as suspended, pauseDeadlines } from "./internal/decision/suspension.ts"
import { beginUndos, isLost as lost, isProvisional as provisional } from "./internal/decision/undo.ts"

/**
 * The policy of a node, as the core knows it.
 *
 * @since 0.1.0
 */
export type Policy = "call" | "all" | "advisory" | "quorum" | "firstSuccess" | "settled" | "atomic" | "deadline"

/**
 * One node of a {@link Program}. Nodes are listed in plan order, parents before children.
 *
 * @since 0.1.0
 */
export interface ProgramNode {
  readonly policy: Policy
  /** Index of the parent, `-1` for the root. */
  readonly parent: number
  /** Indexes of the children, in plan order. */
  readonly children: ReadonlyArray<number>
  /** Index after the last descendant: the subtree is `[index, end)`. */
  readonly end: number
  /** `quorum`: how many must succeed. Otherwise 0. */
  readonly need: number
  /** `quorum`: the successes must agree, see {@link Program.agrees}. */
  readonly agree: boolean
  /** `quorum`: once it has succeeded, what the children did that it did not count is undone. */
  readonly undoSurplus: boolean
  /** `firstSuccess`: all at once, one more each stagger or failure, or one after the other. */
  readonly stagger: "none" | "timed" | "infinite"
}

/**
 * A plan, compiled for the core.
 *
 * @since 0.1.0
 */
export interface Program {
  readonly nodes: ReadonlyArray<ProgramNode>
  /** How many attempts may run at the same time, at least 1. */
  readonly concurrency: number
  /** Do two succeeded children of this quorum agree? Called only where `agree` is set; must not throw. */
  readonly agrees: (quorum: number, a: number, b: number) => boolean
}

/**
 * What a call that has ended may have done to the world, as far as its contract tells.
 *
 * - `no`: nothing, or nothing that remains
 * - `undoable`: something, all of which can be undone
 * - `stuck`: something that cannot be undone
 *
 * @since 0.1.0
 */
export type Acted = "no" | "undoable" | "stuck"

/**
 * The events of an instant. `node` and `call` are indexes into {@link Program.nodes}.
 *
 * - `ended`: the attempt of a call has ended. `retry`: it failed, and another attempt will follow a back-off. `acted`: what the call has
 *   done so far, earlier attempts included
 * - `leftBehind`: the attempt of a call had not ended at its bound
 * - `undone`: the undo of a scope is over. `failure`: not everything could be undone
 * - `asks`: a call waits for somebody's answer, in an attempt or before its first · `answered`: it can go on
 * - `timeout`: the attempt of a call has used up its time; it is to be stopped
 * - `retryDue`, `grace`, `stagger`, `deadline`: a timer that was armed has elapsed
 * - `stop`: a stop from above
 *
 * @since 0.1.0
 */
export type Event =
  | {
      readonly type: "ended" | "leftBehind"
      readonly node: number
      readonly result: "success" | "failure" | "retry"
      readonly acted: Acted
    }
  | { readonly type: "undone"; readonly node: number; readonly result: "success" | "failure" }
  | { readonly type: "asks" | "answered"; readonly node: number }
  | { readonly type: "timeout" | "retryDue" | "grace" | "stagger" | "deadline"; readonly node: number }
  | { readonly type: "stop"; readonly node: 0 }

/**
 * What the core asks for. The methods are called during {@link step}, in this order: decisions and stops as they follow from
 * one another, then undos, then starts. They must not call {@link step}.
 *
 * @since 0.1.0
 */
export interface Commands {
  /** A node was activated: its deadline runs from now. Called for `deadline` nodes only. */
  activated(node: number): void
  /** A call waits for a permit. */
  queued(call: number): void
  /** Arm a timer. A timer whose node has been decided meanwhile may elapse all the same: the core ignores it. */
  arm(timer: "grace" | "stagger", node: number): void
  /** A node that is no call has been decided. */
  decided(node: number): void
  /**
   * Stop the attempt of a call. `cause` is the node whose decision or deadline asks for it (the call itself for its timeout),
   * `-1` for a stop from above.
   */
  stop(call: number, cause: number): void
  /** A call that was waiting, for a permit or between two attempts, is over without having to be stopped. */
  drop(call: number, cause: number): void
  /**
   * Undo what the calls below this scope did, last first. Nothing runs there any more, and nothing will. What inner scopes are undoing
   * already is theirs. An `undone` event is to follow.
   */
  undo(scope: number): void
  /** Start an attempt of a call. */
  start(call: number): void
  /** A call that was answered has a permit again: it goes on. */
  resume(call: number): void
  /** Nothing goes on below this deadline but people who think: it does not run. */
  pause(deadline: number): void
  /** It runs again, for what was left of it. */
  proceed(deadline: number): void
}

/**
 * The decision of a node.
 *
 * @since 0.1.0
 */
export type Decision = "succeeded" | "failed" | "some" | "none" | "stopped" | "skipped"

/**
 * A new state, in which nothing has happened.
 *
 * @since 0.1.0
 */
export const make = (program: Program): State => new State(program)

/**
 * A copy of what has happened so far. With {@link restore} it lets an explorer go back and try another event.
 *
 * @since 0.1.0
 */
export const snapshot = (state: State): Int32Array => state.memory.slice()

/**
 * Puts a {@link snapshot} of a state of the same program back.
 *
 * @since 0.1.0
 */
export const restore = (state: State, snapshot: Int32Array): void => {
  state.memory.set(snapshot)
}

/**
 * The projection of a state onto what its decisions can still depend on, as a text: states of one program with the same key behave
 * alike from here on.
 *
 * @since 0.1.0
 */
export const key: (state: State) => string = projectedKey

/**
 * All that has happened, except when, as a text: the finer identity that {@link key} was proved against.
 *
 * @since 0.1.0
 */
export const wholeKey: (state: State) => string = fullKey

/**
 * The first instant: the root is activated, and what the permits allow is started.
 *
 * @since 0.1.0
 */
export const open = (state: State, commands: Commands): void => {
  activate(state, commands, 0)
  decideDirty(state, commands)
  admit(state, commands)
}

/**
 * Takes all events of one instant. Updates `state` in place and sorts `events` in place.
 *
 * @since 0.1.0
 */
export const step = (state: State, events: Array<Event>, commands: Commands): void => {
  state.instant++
  sortEvents(events)
  let i = 0
  while (i < events.length && isEnd(events[i]!)) {
    record(state, commands, events[i]!)
    i++
  }
  decideDirty(state, commands)
  for (; i < events.length && events[i]!.type !== "stop"; i++) {
    record(state, commands, events[i]!)
    decideDirty(state, commands)
  }
  if (i < events.length) stopAll(state, commands)
  beginUndos(state, commands)
  admit(state, commands)
  pauseDeadlines(state, commands)
}

/**
 * Has the root been decided, has every started attempt ended or been left behind, and is every undo over?
 *
 * @since 0.1.0
 */
export const isClosed = (state: State): boolean =>
  state.live === 0 && state.asking === 0 && state.undoing === 0 && decision(state, 0) !== undefined

/**
 * Does a call in this subtree wait for an answer, and nothing else go on there? Nothing is queued, runs or is to be undone, no grace and no
 * stagger runs.
 *
 * @since 0.1.0
 */
export const isSuspended: (state: State, node: number) => boolean = suspended

/**
 * Has this call done what an enclosing scope may still undo, or is undoing? Its outcome is not fixed then.
 *
 * @since 0.1.0
 */
export const isProvisional: (state: State, call: number) => boolean = provisional

/**
 * Is what this subtree did not wanted any more? True of a failed or stopped `atomic`, of every child of a `firstSuccess` that is not its
 * winner and will not be, and of what a `quorum` that undoes its surplus did not count. Only for nodes that are such a **scope**.
 *
 * @since 0.1.0
 */
export const isLost: (state: State, scope: number) => boolean = lost

/**
 * The scopes that contain a node, itself included, inner ones first.
 *
 * @since 0.1.0
 */
export const scopesOf = (state: State, node: number): ReadonlyArray<number> => {
  const scopes: Array<number> = []
  for (let scope = state.scope[node]!; scope !== -1;) {
    scopes.push(scope)
    const { parent } = state.program.nodes[scope]!
    scope = parent === -1 ? -1 : state.scope[parent]!
  }
  return scopes
}

/**
 * The decision of a node, or `undefined` while there is none.
 *
 * @since 0.1.0
 */
export const decision = (state: State, node: number): Decision | undefined => State.decisions[state.status[node]!]

/**
 * Has this node come to life, and is it undecided?
 *
 * @since 0.1.0
 */
export const isActive = (state: State, node: number): boolean => state.status[node] === active

/**
 * Where a call is, beside its verdict.
 *
 * @since 0.1.0
 */
export type Phase =
  "idle" | "queued" | "running" | "stopping" | "backoff" | "ended" | "skipped" | "waiting" | "returning" | "leaving"

/**
 * Where a call is, beside its verdict.
 *
 * @since 0.1.0
 */
export const phase = (state: State, call: number): Phase => State.phases[state.phase[call]!]!

/**
 * How many attempts hold a permit: they have started, have not ended, and wait for nobody's answer.
 *
 * @since 0.1.0
 */
export const live = (state: State): number => state.live

/**
 * The verdict of a call: what the policies were told. `none`: a stop from above came first, or it was never activated.
 *
 * @since 0.1.0
 */
export const verdict = (state: State, call: number): "succeeded" | "failed" | "none" => {
  const d = decision(state, call)
  return d === "succeeded" || d === "failed" ? d : "none"
}

/**
 * What a node was decided by: the children that were counted, or something else than its children.
 *
 * @since 0.1.0
 */
export const decidedBy = (state: State, node: number): ReadonlyArray<number> | "deadline" | "grace" | "stop" => {
  const by = State.causes[state.by[node]!]!
  return by === "children" ? state.program.nodes[node]!.children.filter((child) => isCounted(state, child)) : by
}

/**
 * Was this node counted by the decision of its parent?
 *
 * @since 0.1.0
 */
export const isCounted = (state: State, node: number): boolean => state.counted[node] === 1

/**
 * Was the verdict of this call success, and did every ancestor succeed and count it?
 *
 * @since 0.1.0
 */
export const used = (state: State, call: number): boolean => {
  if (decision(state, call) !== "succeeded") return false
  for (let node = call; ;) {
    const parent = state.program.nodes[node]!.parent
    if (parent === -1) return true
    const d = decision(state, parent)
    if (!isCounted(state, node) || (d !== "succeeded" && d !== "some")) return false
    node = parent
  }
}

export type {
  /**
   * The state of one fan-out. Opaque: read it through this module.
   *
   * @since 0.1.0
   */
  State
}
