/**
 * How a call of an MCP tool fails. An operator's contract can say per tag what a failure means for the effect of the call
 * (`"failure": { "McpToolError": "nothing" }`). {@link McpAnswerLost} is no such failure: it says that there was no answer.
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
  code: Schema.optionalKey(Schema.Number)
}) {}

/** How the server ended, as far as it is known, and the last lines of its standard error, values of its `env` replaced. */
const end = {
  exitCode: Schema.optionalKey(Schema.Number),
  signal: Schema.optionalKey(Schema.String),
  stderr: Schema.Array(Schema.String)
}

/**
 * The server had ended before the call, and was not started again: the call was not sent, so nothing happened.
 *
 * @since 0.1.0
 */
export class McpServerGone extends Schema.TaggedError<McpServerGone>()("McpServerGone", { ...common, ...end }) {}

/**
 * The server ended while the call was under way, or was killed: there is no answer. It is found in a `CallError` (`Rejected`); a call
 * that acts is then `Unknown`.
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
export const McpCallError = Schema.Union([McpToolError, McpRequestError, McpServerGone])

/**
 * @since 0.1.0
 */
export type McpCallError = typeof McpCallError.Type
