/**
 * How a call of an MCP tool fails.
 *
 * - {@link McpToolError}, {@link McpRequestError} and {@link McpResultTooLarge} are answers. An operator's contract can say per tag what such
 *   a failure means for the effect of the call (`"failure": { "McpToolError": "nothing" }`).
 * - {@link McpServerGone}, {@link McpUnauthorized} and {@link McpToolChanged} say that the call was not sent, or not accepted: nothing
 *   happened. They are the `error` of a `CallError` (`NotReached`).
 * - {@link McpAnswerLost} says that there was no answer. It is the `error` of a `CallError` (`Rejected`).
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const common = { server: Schema.String, tool: Schema.String, message: Schema.String }

/**
 * The tool answered that it failed (`isError`). The message is the text of its answer.
 *
 * @since 0.1.0
 */
export class McpToolError extends Schema.TaggedError<McpToolError>()("McpToolError", {
  ...common,
  /** The answer as it came, where it holds more than text. */
  content: Schema.optionalKey(Schema.Json)
}) {}

/**
 * The server refused the call, or answered with something that is no answer to it.
 *
 * @since 0.1.0
 */
export class McpRequestError extends Schema.TaggedError<McpRequestError>()("McpRequestError", {
  ...common,
  /** Of JSON-RPC, where there is one. */
  code: Schema.optionalKey(Schema.Number),
  /** Of HTTP, where that refused it. */
  status: Schema.optionalKey(Schema.Number)
}) {}

/**
 * The answer is larger than `maxMessageBytes` of the server's entry. It was not read; what the tool does may have happened.
 *
 * @since 0.1.0
 */
export class McpResultTooLarge extends Schema.TaggedError<McpResultTooLarge>()("McpResultTooLarge", {
  ...common,
  /** In bytes. */
  limit: Schema.Number
}) {}

/** How the server ended, as far as it is known, and the last lines of its standard error, without what may be secret. */
const end = {
  exitCode: Schema.optionalKey(Schema.Number),
  signal: Schema.optionalKey(Schema.String),
  stderr: Schema.Array(Schema.String)
}

/**
 * The server had ended before the call, and is not, or cannot be, started again: the call was not sent.
 *
 * @since 0.1.0
 */
export class McpServerGone extends Schema.TaggedError<McpServerGone>()("McpServerGone", { ...common, ...end }) {}

/**
 * The server wants to know who asks (401), or refuses whoever this is (403): the call was not accepted.
 *
 * @since 0.1.0
 */
export class McpUnauthorized extends Schema.TaggedError<McpUnauthorized>()("McpUnauthorized", {
  ...common,
  status: Schema.Literals([401, 403])
}) {}

/**
 * The tool is not there any more, or is not what it was when the plan was read: its schemas or its contract have changed. The call was not
 * sent. Read the plan again.
 *
 * @since 0.1.0
 */
export class McpToolChanged extends Schema.TaggedError<McpToolChanged>()("McpToolChanged", common) {}

/**
 * The server ended while the call was under way, or was killed, or its connection broke: there is no answer. A call that acts is then
 * `Unknown`.
 *
 * @since 0.1.0
 */
export class McpAnswerLost extends Schema.TaggedError<McpAnswerLost>()("McpAnswerLost", {
  ...common,
  ...end,
  /** Path of the call for whose sake the server was killed, if it was: this one or another. */
  killedFor: Schema.optionalKey(Schema.String)
}) {}

/**
 * The errors that a tool of a server may fail with.
 *
 * @since 0.1.0
 */
export const McpCallError = Schema.Union([McpToolError, McpRequestError, McpResultTooLarge])

/**
 * @since 0.1.0
 */
export type McpCallError = typeof McpCallError.Type

/**
 * Why a call did not reach its tool.
 *
 * @since 0.1.0
 */
export type McpNotReached = McpServerGone | McpUnauthorized | McpToolChanged
