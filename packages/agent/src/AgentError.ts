/**
 * Why a suspended run was not resumed, beside what can be wrong with its snapshot.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * This is no state of a suspended run, or not of this version. Pass the `state` of a `Suspended` as it was.
 *
 * @since 0.1.0
 */
export class BadState extends Data.TaggedClass("BadState")<{ readonly cause: string }> {
  get message(): string {
    return `this is no state that a run can be resumed from: ${this.cause}`
  }
}

/**
 * The calls that wait cannot be planned with these tools. Resume with the tools, `plan` and `declares` of the run that was suspended.
 *
 * @since 0.1.0
 */
export class OtherTools extends Data.TaggedClass("OtherTools")<{ readonly calls: ReadonlyArray<string> }> {
  get message(): string {
    return `the calls ${this.calls.join(", ")} cannot be planned with these tools: resume with those of the run that was suspended`
  }
}

/**
 * @since 0.1.0
 */
export type Reason = BadState | OtherTools

/**
 * A run that was not resumed. Nothing was started. Match on `reason._tag`.
 *
 * @since 0.1.0
 */
export class AgentError extends Data.TaggedError("AgentError")<{ readonly reason: Reason }> {
  override get message(): string {
    return this.reason.message
  }
}
