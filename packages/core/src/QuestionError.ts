/**
 * Why an answer was not taken. The question is as it was before.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * Nobody has asked this. `open`: the ids of the questions that are open.
 *
 * @since 0.1.0
 */
export class UnknownQuestion extends Data.TaggedClass("UnknownQuestion")<{
  readonly id: string
  readonly open: ReadonlyArray<string>
}> {
  get message(): string {
    const { open } = this
    return `there is no question ${this.id}: ${open.length === 0 ? "none is open" : `open are ${open.join(", ")}`}`
  }
}

/**
 * The answer is not what the schema of the question asks for. The question stays open.
 *
 * @since 0.1.0
 */
export class MalformedAnswer extends Data.TaggedClass("MalformedAnswer")<{
  readonly id: string
  readonly issues: ReadonlyArray<{ readonly pointer: string; readonly message: string }>
}> {
  get message(): string {
    const issues = this.issues.map((i) => (i.pointer === "" ? i.message : `${i.pointer}: ${i.message}`))
    return `malformed answer to ${this.id}: ${issues.join("; ")}`
  }
}

/**
 * Somebody was first: an answer is taken once.
 *
 * @since 0.1.0
 */
export class AlreadyAnswered extends Data.TaggedClass("AlreadyAnswered")<{
  readonly id: string
  /** Who answered, if they said. */
  readonly by?: string
}> {
  get message(): string {
    return `${this.id} has been answered already${this.by === undefined ? "" : `, by ${this.by}`}`
  }
}

/**
 * Who asked does not wait any more: it was stopped, it has ended, or the question has expired. The answer changes nothing.
 *
 * @since 0.1.0
 */
export class Withdrawn extends Data.TaggedClass("Withdrawn")<{ readonly id: string; readonly why: string }> {
  get message(): string {
    return `${this.id} was withdrawn: ${this.why}`
  }
}

/**
 * The fan-out was suspended, and waits nowhere: the answer is given where it is resumed from its snapshot.
 *
 * @since 0.1.0
 */
export class ResumeFirst extends Data.TaggedClass("ResumeFirst")<{ readonly id: string }> {
  get message(): string {
    return `${this.id} belongs to a fan-out that was suspended: resume it from its snapshot, with the answer`
  }
}

/**
 * @since 0.1.0
 */
export type Reason = UnknownQuestion | MalformedAnswer | AlreadyAnswered | Withdrawn | ResumeFirst

/**
 * An answer that was not taken. Match on `reason._tag`.
 *
 * @since 0.1.0
 */
export class QuestionError extends Data.TaggedError("QuestionError")<{ readonly reason: Reason }> {
  override get message(): string {
    return this.reason.message
  }
}
