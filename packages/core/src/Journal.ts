/**
 * The **journal**: the ordered log of what a fan-out did. It is enough to check the guarantees afterwards, and to draw the run.
 *
 * A journal has a *store*, which may refuse, and any number of *observers*, which are lossy: an observer that is too slow misses
 * events, sees `journal.dropped` with their number, and never blocks a run.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Entry } from "./Budget.ts"
import * as Contract from "./Contract.ts"
import * as Report from "./Report.ts"

/**
 * @since 0.1.0
 */
export class JournalError extends Data.TaggedError("JournalError")<{
  readonly reason: { readonly _tag: "Refused"; readonly cause: unknown }
}> {
  override get message(): string {
    return `the journal refused a record: ${String(this.reason.cause)}`
  }
}

const common = {
  toolscope: Schema.Literal(1),
  session: Schema.String,
  run: Schema.String,
  epoch: Schema.Int,
  seq: Schema.Int,
  time: Schema.Number
}
const event = <const Type extends string, const F extends Schema.Struct.Fields>(type: Type, fields: F) =>
  Schema.Struct({ ...common, type: Schema.Literal(type), ...fields })
const call = Schema.String
const attempt = Schema.Int
/** The attempt that a fan-out, or a session, was begun inside of. */
const inside = Schema.optionalKey(Schema.Struct({ run: Schema.String, call, attempt }))
const AttemptResult = Schema.Literals([
  "success",
  "failure",
  "malformed",
  "noAnswer",
  "timeout",
  "stopped",
  "notReached",
  "refused"
])

/**
 * Why an effect did not happen: its attempt had been stopped when it came to the gate, the journal refused its intent, its handler broke
 * its contract; or it passed the gate and, as its failure or its probe says, nothing happened.
 */
const Refusal = Schema.Literals(["stop", "journal", "contract", "failure", "probe"])

/**
 * An event as it stands in a journal: one line of NDJSON. `call` is the path of a call, `node` a JSON Pointer into the plan, `time`
 * milliseconds since the epoch; `seq` grows by one from event to event of a journal.
 *
 * @since 0.1.0
 */
export const Event = Schema.Union([
  event("fanout.opened", {
    plan: Schema.Json,
    contracts: Schema.Record(Schema.String, Contract.Data),
    limits: Schema.Struct({
      drain: Schema.Number,
      undo: Schema.Number,
      concurrency: Schema.Int,
      timeout: Schema.Number
    }),
    // of its own, with what calls without which it cannot succeed have reserved
    budget: Schema.optionalKey(Schema.Record(Schema.String, Entry)),
    inside
  }),
  // a fan-out of this run id that was suspended goes on; one inside of a handler may go on in a further attempt, under the run id of that
  event("fanout.resumed", { inside }),
  event("call.queued", { call, attempt }),
  event("call.settled", { call, outcome: Schema.String, verdict: Schema.String }),
  event("attempt.started", { call, attempt, key: Schema.String }),
  event("attempt.refused", { call, attempt, reason: Schema.String }),
  event("attempt.ended", { call, attempt, result: AttemptResult, error: Schema.optionalKey(Schema.String) }),
  event("attempt.leftBehind", { call, attempt }),
  // for observers alone: with the number of the event before it
  event("attempt.progress", {
    call,
    attempt,
    done: Schema.Number,
    total: Schema.optionalKey(Schema.Number),
    message: Schema.optionalKey(Schema.String)
  }),
  event("effect.intended", { call, attempt, key: Schema.String }),
  event("effect.refused", { call, attempt, key: Schema.String, reason: Refusal }),
  event("effect.committed", { call, key: Schema.String }),
  event("effect.unknown", { call, key: Schema.String }),
  event("effect.probed", { call, key: Schema.String, happened: Schema.Literals(["yes", "no", "unknown"]) }),
  event("effect.compensating", { call, key: Schema.String }),
  event("effect.compensated", { call, key: Schema.String }),
  event("effect.compensationFailed", { call, key: Schema.String, error: Schema.String }),
  // `attempt` 0: before the first, by an approval rule
  event("question.asked", {
    call,
    attempt,
    question: Schema.String,
    kind: Schema.Literals(["question", "approval"]),
    prompt: Schema.String,
    schema: Schema.Json,
    params: Schema.optionalKey(Schema.Json),
    expiresAt: Schema.optionalKey(Schema.Number)
  }),
  event("question.answered", {
    call,
    question: Schema.String,
    reply: Schema.Literals(["answer", "denied", "expired"]),
    answer: Schema.optionalKey(Schema.Json),
    reason: Schema.optionalKey(Schema.String),
    by: Schema.optionalKey(Schema.String)
  }),
  event("question.withdrawn", { call, question: Schema.String, reason: Schema.String }),
  event("call.suspended", { call, questions: Schema.Array(Schema.String) }),
  event("budget.reserved", { call, attempt, amounts: Schema.Record(Schema.String, Schema.Number) }),
  event("budget.settled", { call, attempt, amounts: Schema.Record(Schema.String, Schema.Number) }),
  event("policy.decided", {
    node: Schema.String,
    policy: Report.Json.fields.nodes.value.fields.policy,
    decision: Schema.String,
    decidedBy: Report.Json.fields.nodes.value.fields.decidedBy
  }),
  event("stop.requested", {
    call,
    attempt: Schema.optionalKey(Schema.Int),
    source: Schema.String,
    origin: Schema.optionalKey(Schema.String),
    reason: Schema.String
  }),
  event("stop.delivered", { call, attempt }),
  // with `undo` it is the undo of an effect of this call that has ended
  event("response.late", {
    call,
    attempt,
    answer: Schema.Literals(["success", "failure", "noAnswer"]),
    undo: Schema.optionalKey(Schema.Literal(true))
  }),
  event("fanout.drained", { drained: Schema.Boolean, millis: Schema.Number }),
  event("fanout.closed", { report: Report.Json }),
  event("session.opened", {
    budget: Schema.Record(Schema.String, Entry),
    // what is absent is not limited
    limits: Schema.Struct({
      concurrency: Schema.optionalKey(Schema.Int),
      tools: Schema.optionalKey(Schema.Record(Schema.String, Schema.Int)),
      resources: Schema.optionalKey(Schema.Record(Schema.String, Schema.Int)),
      loop: Schema.optionalKey(Schema.Int),
      retryRatio: Schema.optionalKey(Schema.Number)
    }),
    inside
  }),
  event("session.replanned", { reason: Schema.String, despite: Schema.Array(Schema.String) }),
  event("session.overridden", { leftBehind: Schema.Array(Schema.String) }),
  event("session.closed", { cohorts: Schema.Int, budget: Schema.Record(Schema.String, Entry) }),
  event("journal.dropped", { count: Schema.Int })
])

/**
 * @since 0.1.0
 */
export type Event = typeof Event.Type

/**
 * An event before the journal has numbered it.
 *
 * @since 0.1.0
 */
export type Draft = Event extends infer E ? (E extends Event ? { -readonly [K in keyof E]: E[K] } : never) : never

/**
 * Where events are kept. `write` takes an event, in order, and never blocks; `flush` waits until all that was written is kept,
 * and fails if it will not be: the journal then refuses, and no further attempt starts.
 *
 * @since 0.1.0
 */
export interface Store {
  readonly write: (event: Event) => void
  readonly flush: Effect.Effect<void, JournalError>
}

/**
 * @since 0.1.0
 */
export interface Journal {
  /** Numbers an event, in place, and hands it to the store and the observers. */
  readonly write: (draft: Draft) => void
  /**
   * Shows an event to the observers alone, under the number of the event before it. It is not kept; and an observer whose line is half
   * full does not get it, and is not told: the rest of the line is for what is kept.
   */
  readonly show: (draft: Draft) => void
  /** Waits until everything written is kept. */
  readonly flush: Effect.Effect<void, JournalError>
  /**
   * The events from now on, live. At most `capacity` (default 1,024) wait for a slow reader; more are dropped for it, and counted
   * in a `journal.dropped` event.
   */
  readonly observe: (options?: {
    readonly capacity?: number
  }) => Effect.Effect<Stream.Stream<Event>, never, Scope.Scope>
}

interface Observer {
  readonly queue: Queue.Queue<Event>
  readonly capacity: number
  /** Stands at the end of a full queue and counts what did not fit. */
  notice: { -readonly [K in keyof Dropped]: Dropped[K] } | undefined
}

type Dropped = Extract<Event, { readonly type: "journal.dropped" }>

/** The queue has one place more than its capacity, for the notice: so the last thing that a slow reader sees is what it missed. */
const tell = (observer: Observer, event: Event): void => {
  const { capacity, queue } = observer
  if (Queue.sizeUnsafe(queue) < capacity) {
    observer.notice = undefined
    Queue.offerUnsafe(queue, event)
  } else if (observer.notice !== undefined) {
    observer.notice.count++
  } else {
    const { epoch, run, seq, session, time } = event
    observer.notice = { toolscope: 1, session, run, epoch, seq, time, type: "journal.dropped", count: 1 }
    Queue.offerUnsafe(queue, observer.notice)
  }
}

/**
 * A journal on a store.
 *
 * @since 0.1.0
 */
export const make = (store: Store): Journal => {
  const observers = new Set<Observer>()
  let seq = 0
  let last = 0
  return {
    write: (draft) => {
      // numbered in place: parts of it may be getters, to be read only where somebody wants them
      draft.seq = seq++
      store.write(draft)
      last = draft.seq
      for (const observer of observers) tell(observer, draft)
    },
    show: (draft) => {
      draft.seq = last
      for (const { capacity, queue } of observers) {
        if (Queue.sizeUnsafe(queue) < capacity / 2) Queue.offerUnsafe(queue, draft)
      }
    },
    flush: store.flush,
    observe: ({ capacity = 1024 } = {}) =>
      Effect.map(
        Effect.acquireRelease(
          Effect.map(Queue.make<Event>({ capacity: capacity + 1, strategy: "dropping" }), (queue) => {
            const observer: Observer = { queue, capacity, notice: undefined }
            observers.add(observer)
            return observer
          }),
          (observer) => {
            observers.delete(observer)
            return Queue.shutdown(observer.queue)
          }
        ),
        ({ queue }) => Stream.fromQueue(queue)
      )
  }
}

/**
 * A journal in memory; `events` is what it holds so far.
 *
 * @since 0.1.0
 */
export interface Memory extends Journal {
  readonly events: ReadonlyArray<Event>
}

/**
 * A new journal in memory. It refuses nothing.
 *
 * @since 0.1.0
 */
export const memory = (): Memory => {
  const events: Array<Event> = []
  const journal = make({ write: (event) => void events.push(event), flush: Effect.void })
  return { ...journal, events }
}

/**
 * The journal of the fan-outs below. By default each fan-out has one of its own, in memory.
 *
 * @example
 * ```ts
 * import { Contract, Fanout, Journal, Plan } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 *
 * const journal = Journal.memory()
 * const plan = Plan.effect(Effect.succeed(1), Contract.readOnly)
 * await Effect.runPromise(Fanout.run(plan).pipe(Effect.provideService(Journal.Current, journal)))
 * console.log(journal.events.map((event) => event.type).join(" "))
 * // => fanout.opened call.queued attempt.started attempt.ended call.settled fanout.drained fanout.closed
 * ```
 *
 * @since 0.1.0
 */
export const Current: Context.Reference<Journal | undefined> = Context.Reference<Journal | undefined>(
  "@toolscope/core/Journal",
  { defaultValue: () => undefined }
)
