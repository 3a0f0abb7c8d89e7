/**
 * Why a fan-out did not succeed.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { Shortage } from "./Budget.ts"
import type { CallError } from "./CallError.ts"
import { describeShortage } from "./internal/account.ts"
import type { Question } from "./Question.ts"
import type { Reason as QuestionReason } from "./QuestionError.ts"
import type { Snapshot } from "./Snapshot.ts"
import type { Report, StopReason } from "./Report.ts"

/**
 * A call that made a fan-out fail: its path, and its error where it has one.
 *
 * @since 0.1.0
 */
export interface FailedCall<out E> {
  readonly id: string
  readonly error: E | CallError | undefined
}

/**
 * An essential call, or the only call, can succeed no more.
 *
 * @since 0.1.0
 */
export class EssentialFailed<E> extends Data.TaggedClass("EssentialFailed")<{
  readonly calls: ReadonlyArray<FailedCall<E>>
}> {}

/**
 * Too many have failed for the quorum.
 *
 * @since 0.1.0
 */
export class QuorumFailed<E> extends Data.TaggedClass("QuorumFailed")<{
  readonly calls: ReadonlyArray<FailedCall<E>>
}> {}

/**
 * None of a first success has succeeded, or one has acted and failed.
 *
 * @since 0.1.0
 */
export class AllFailed<E> extends Data.TaggedClass("AllFailed")<{ readonly calls: ReadonlyArray<FailedCall<E>> }> {}

/**
 * The deadline of the whole plan elapsed.
 *
 * @since 0.1.0
 */
export class DeadlineExceeded<E> extends Data.TaggedClass("DeadlineExceeded")<{
  readonly calls: ReadonlyArray<FailedCall<E>>
}> {}

/**
 * Somebody stopped it before it was decided.
 *
 * @since 0.1.0
 */
export class Stopped<E> extends Data.TaggedClass("Stopped")<{
  readonly calls: ReadonlyArray<FailedCall<E>>
  readonly by: StopReason
}> {}

/**
 * The budget did not let a call start that could not be done without, or its time was up. `shortage` says of what there was too little.
 *
 * @since 0.1.0
 */
export class BudgetExceeded<E> extends Data.TaggedClass("BudgetExceeded")<{
  readonly calls: ReadonlyArray<FailedCall<E>>
  readonly shortage: Shortage
}> {}

/**
 * Nothing but answers is waited for: these questions are open. Everything that ran has ended.
 *
 * @since 0.1.0
 */
export class Suspended<E> extends Data.TaggedClass("Suspended")<{
  readonly calls: ReadonlyArray<FailedCall<E>>
  readonly questions: ReadonlyArray<Question>
  /** To go on from: see `Fanout.resume`. */
  readonly snapshot: Snapshot
  /** Answers that came with a resume, and were not taken. */
  readonly refused: ReadonlyArray<QuestionReason>
}> {}

/**
 * @since 0.1.0
 */
export type Reason<E> =
  | EssentialFailed<E>
  | QuorumFailed<E>
  | AllFailed<E>
  | DeadlineExceeded<E>
  | Stopped<E>
  | BudgetExceeded<E>
  | Suspended<E>

/**
 * A fan-out that did not succeed: why, and the report of everything that happened all the same.
 *
 * @since 0.1.0
 */
export class FanoutError<E> extends Data.TaggedError("FanoutError")<{
  readonly reason: Reason<E>
  readonly report: Report
}> {
  override get message(): string {
    // nobody failed: what is of use is who stopped it
    if (this.reason._tag === "Stopped") return `Stopped (${this.reason.by.source}: ${this.reason.by.reason})`
    if (this.reason._tag === "BudgetExceeded") return `BudgetExceeded (${describeShortage(this.reason.shortage)})`
    if (this.reason._tag === "Suspended")
      return `Suspended (${this.reason.questions.map(({ id, prompt }) => `${id}: ${prompt}`).join("; ")})`
    const calls = this.reason.calls.map(({ error, id }) => `${id}${error === undefined ? "" : `: ${describe(error)}`}`)
    return `${this.reason._tag}${calls.length === 0 ? "" : ` (${calls.join("; ")})`}`
  }
}

const describe = (error: unknown): string => {
  try {
    const { _tag, message } = (error ?? {}) as { readonly _tag?: unknown; readonly message?: unknown }
    return typeof message === "string" && message !== "" ? message : typeof _tag === "string" ? _tag : String(error)
  } catch {
    return "something that cannot be shown"
  }
}
