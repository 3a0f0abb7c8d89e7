/**
 * Why an answer was not taken, why a snapshot was not resumed, and what a refusal is for a handler: classes of their own, whose reasons are
 * plain data.
 */

/**
 * Why an answer was not taken. The question is as it was before.
 *
 * | `_tag` | when |
 * | --- | --- |
 * | `UnknownQuestion` | nobody has asked this; `open` lists what is open |
 * | `MalformedAnswer` | the schema of the question refuses it; `issues` says where |
 * | `AlreadyAnswered` | somebody was first: an answer is taken once |
 * | `Withdrawn` | who asked was stopped, or has ended, or it has expired |
 * | `ResumeFirst` | its run was suspended: answer where it is resumed |
 *
 * @since 0.1.0
 */
export type QuestionRefusal =
  | { readonly _tag: "UnknownQuestion"; readonly id: string; readonly open: ReadonlyArray<string> }
  | {
      readonly _tag: "MalformedAnswer"
      readonly id: string
      readonly issues: ReadonlyArray<{ readonly pointer: string; readonly message: string }>
    }
  | { readonly _tag: "AlreadyAnswered"; readonly id: string; readonly by?: string }
  | { readonly _tag: "Withdrawn"; readonly id: string; readonly why: string }
  | { readonly _tag: "ResumeFirst"; readonly id: string }

/**
 * An answer that was not taken. Look at `reason._tag`.
 *
 * @since 0.1.0
 */
export class QuestionError extends Error {
  readonly _tag = "QuestionError"
  override readonly name = "QuestionError"
  readonly reason: QuestionRefusal

  constructor(reason: QuestionRefusal, message: string) {
    super(message)
    this.reason = reason
  }
}

/**
 * Why a snapshot was not resumed. Nothing was started.
 *
 * | `_tag` | when |
 * | --- | --- |
 * | `BadSnapshot` | it is no snapshot, or not of this version |
 * | `BadSignature` | there is a `key`, and it is not signed with it, or was changed |
 * | `OtherPlan` | it is of another plan, or of tools with other contracts; `differences` says where |
 * | `AlreadyClaimed` | it has been resumed |
 *
 * @since 0.1.0
 */
export type SnapshotRefusal =
  | { readonly _tag: "BadSnapshot"; readonly cause: string }
  | { readonly _tag: "BadSignature"; readonly snapshot: string }
  | { readonly _tag: "OtherPlan"; readonly differences: ReadonlyArray<string> }
  | { readonly _tag: "AlreadyClaimed"; readonly snapshot: string; readonly by: string | undefined }

/**
 * A snapshot that was not resumed. Look at `reason._tag`.
 *
 * @since 0.1.0
 */
export class SnapshotError extends Error {
  readonly _tag = "SnapshotError"
  override readonly name = "SnapshotError"
  readonly reason: SnapshotRefusal

  constructor(reason: SnapshotRefusal, message: string) {
    super(message)
    this.reason = reason
  }
}

/**
 * What `ask` rejects with when a person said no, or nobody answered before the question expired. Let through, it makes the call `Denied`.
 *
 * @since 0.1.0
 */
export class DeniedError extends Error {
  readonly _tag = "DeniedError"
  override readonly name = "DeniedError"
  /** Nobody answered in time. */
  readonly expired: boolean
  /** Who said no, if they said. */
  declare readonly by?: string
  declare readonly why?: string

  constructor(
    { by, expired, why }: { readonly expired: boolean; readonly by?: string; readonly why?: string },
    message: string
  ) {
    super(message)
    this.expired = expired
    if (by !== undefined) this.by = by
    if (why !== undefined) this.why = why
  }
}
