/**
 * The error that stands for a call without a value.
 */
import type { CallReport, Outcome } from "@toolscope/core/promise"

/**
 * What the AI SDK is told of a call that gave no value that stands: the `error` of its `tool-error` part. The model reads the message.
 *
 * `cause` is what the tool itself threw or rejected with, if it did.
 *
 * @since 0.1.0
 */
export class ToolCallError extends Error {
  override readonly name = "ToolCallError"
  readonly toolCallId: string
  readonly tool: string
  /** How the call ended. `Skipped` where its turn was refused, too: nothing of it was started. */
  readonly outcome: Outcome<unknown>["_tag"]
  /** All that is known of it. Absent where its turn was refused. */
  readonly report: CallReport | undefined

  constructor(
    message: string,
    of: {
      readonly toolCallId: string
      readonly tool: string
      readonly outcome: Outcome<unknown>["_tag"]
      readonly report?: CallReport
      readonly cause?: unknown
    }
  ) {
    super(message, of.cause === undefined ? {} : { cause: of.cause })
    this.toolCallId = of.toolCallId
    this.tool = of.tool
    this.outcome = of.outcome
    this.report = of.report
  }

  /** What the AI SDK tells the model. */
  override toString(): string {
    return this.message
  }
}
