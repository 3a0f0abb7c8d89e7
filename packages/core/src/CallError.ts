/**
 * What can go wrong with a call beside the errors that its tool declares. These are made by Toolscope, never by a tool.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

const TypeId = "~@toolscope/core/CallError"

/**
 * The attempt, or an effect at the gate that has a timeout of its own, had not answered when its time was up. Give it more (`timeout`), or
 * find out why it hangs.
 *
 * @since 0.1.0
 */
export class TimedOut extends Data.TaggedClass("TimedOut")<{ readonly millis: number }> {
  get message(): string {
    return `no answer within ${this.millis} ms`
  }
}

/**
 * The tool answered with something that its `success` schema does not allow. The answer is not used; the effect, if the tool has
 * one, may have happened.
 *
 * @since 0.1.0
 */
export class MalformedResult extends Data.TaggedClass("MalformedResult")<{
  readonly issues: ReadonlyArray<{ readonly pointer: string; readonly message: string }>
}> {
  get message(): string {
    return `malformed result: ${this.issues.map((i) => (i.pointer === "" ? i.message : `${i.pointer}: ${i.message}`)).join("; ")}`
  }
}

/**
 * The handler threw before it returned an Effect or a promise.
 *
 * @since 0.1.0
 */
export class Threw extends Data.TaggedClass("Threw")<{ readonly defect: unknown }> {
  get message(): string {
    return `the handler threw: ${describe(this.defect)}`
  }
}

/**
 * The handler died: an error that it does not declare.
 *
 * @since 0.1.0
 */
export class Defect extends Data.TaggedClass("Defect")<{ readonly defect: unknown }> {
  get message(): string {
    return `the handler died: ${describe(this.defect)}`
  }
}

/**
 * The promise of a `Tool.fromPromise` without `catch` was rejected.
 *
 * @since 0.1.0
 */
export class Rejected extends Data.TaggedClass("Rejected")<{ readonly error: unknown }> {
  get message(): string {
    return `rejected: ${describe(this.error)}`
  }
}

/**
 * The handler interrupted itself; nobody had asked it to stop.
 *
 * @since 0.1.0
 */
export class Interrupted extends Data.TaggedClass("Interrupted") {
  get message(): string {
    return "the handler interrupted itself"
  }
}

/**
 * The schedule that decides about further attempts died; there are none.
 *
 * @since 0.1.0
 */
export class RetryDied extends Data.TaggedClass("RetryDied")<{ readonly defect: unknown; readonly error: unknown }> {
  get message(): string {
    return `the retry schedule died: ${describe(this.defect)}, after: ${describe(this.error)}`
  }
}

/**
 * The journal refused to record the start of the attempt, or the intent of an effect, so it did not start.
 *
 * @since 0.1.0
 */
export class JournalRefused extends Data.TaggedClass("JournalRefused")<{ readonly cause: string }> {
  get message(): string {
    return `the journal refused to record the start: ${this.cause}`
  }
}

/**
 * The handler broke the contract of its tool at the gate; the effect that it asked for did not happen.
 *
 * - `readsOnly`: its contract says `effect: "none"` · `commitsAtStart`: it does not say `commit: "marked"`
 * - `undoIsMissing`: it says `compensate: "atCommit"`, and this commit does not say how it is undone
 * - `hasEnded`: its attempt was over: something that the handler had let go, or a finalizer
 * - `asks`: it commits at start, and asks somebody
 *
 * @since 0.1.0
 */
export class ContractViolation extends Data.TaggedClass("ContractViolation")<{
  readonly rule: "readsOnly" | "commitsAtStart" | "undoIsMissing" | "hasEnded" | "asks" | "asksAtGate"
}> {
  get message(): string {
    return `the handler broke its contract: ${violations[this.rule]}`
  }
}

const violations = {
  readsOnly: 'it commits, and its contract says effect "none": correct the contract',
  commitsAtStart: 'it passes the gate, and its contract does not say commit "marked": add that',
  undoIsMissing: 'its contract says compensate "atCommit": give Commit.run a compensate',
  hasEnded:
    "it commits or asks after its attempt has ended: wait for everything that the handler starts, and do neither in a finalizer",
  asks: 'it asks somebody, and may have acted by then: mark its commits (commit "marked"), or ask before the call',
  asksAtGate:
    "an effect that passes the gate asks somebody: ask before Commit.run, which is to take no longer than it has to"
} as const

/**
 * Too many wait already for a permit of the session, the tool or the resource. Nothing was started. Ask for less at a time.
 *
 * @since 0.1.0
 */
export class Overloaded extends Data.TaggedClass("Overloaded")<{ readonly waiting: number }> {
  get message(): string {
    return `${this.waiting} attempts wait for a permit already, and the line is no longer`
  }
}

/**
 * A person said no, or did not answer before the question expired.
 *
 * @since 0.1.0
 */
export class Denied extends Data.TaggedClass("Denied")<{
  /** Nobody answered in time. */
  readonly expired: boolean
  /** Who said no, if they said. */
  readonly by?: string
  readonly why?: string
}> {
  get message(): string {
    const by = this.by === undefined ? "" : ` by ${this.by}`
    return `denied${by}${this.why === undefined ? "" : `: ${this.why}`}`
  }
}

/**
 * After a resume the handler came to an effect of which nobody knows whether it happened before, and its contract allows no repetition.
 * Look, by its key, before you repeat it.
 *
 * @since 0.1.0
 */
export class NotRepeated extends Data.TaggedClass("NotRepeated")<{ readonly key: string }> {
  get message(): string {
    return `whether ${this.key} happened before is not known, and its contract allows no repetition`
  }
}

/**
 * The attempt ended before it reached what its tool acts on: something in front of it (a rate limit, an open circuit, a queue) did not let it
 * through, or it was stopped while it waited there. So nothing happened, whatever the contract of the tool says.
 *
 * Whoever makes one vouches for that. A handler fails with it by `Effect.die`, a promise tool by throwing it, inside a `CallError`.
 *
 * - `why`: in words that are the same each time · `retryAfterMillis`: how long it would be of no use to come again, where that is known ·
 *   `error`: what says the same with more to it, where something does
 *
 * @since 0.1.0
 */
export class NotReached extends Data.TaggedClass("NotReached")<{
  readonly why: string
  readonly retryAfterMillis?: number
  readonly error?: unknown
}> {
  get message(): string {
    return `not reached, nothing happened: ${this.why}`
  }
}

/**
 * @since 0.1.0
 */
export type Reason =
  | TimedOut
  | MalformedResult
  | Threw
  | Defect
  | Rejected
  | Interrupted
  | RetryDied
  | JournalRefused
  | ContractViolation
  | Overloaded
  | Denied
  | NotRepeated
  | NotReached

/**
 * The failure of a call that is not one of its tool's own errors. Match on `reason._tag`.
 *
 * @since 0.1.0
 */
export class CallError extends Data.TaggedError("CallError")<{ readonly reason: Reason }> {
  /** By it an error of another copy of this package is known. */
  get [TypeId](): typeof TypeId {
    return TypeId
  }
  override get message(): string {
    return this.reason.message
  }
}

/**
 * @since 0.1.0
 */
export const isCallError = (u: unknown): u is CallError => {
  try {
    return typeof u === "object" && u !== null && TypeId in u
  } catch {
    // a foreign error may trap every access
    return false
  }
}

/** One line about a value that was thrown. */
const describe = (u: unknown): string => {
  try {
    return u instanceof Error ? `${u.name}: ${u.message}` : String(u)
  } catch {
    return "something that cannot be shown"
  }
}
