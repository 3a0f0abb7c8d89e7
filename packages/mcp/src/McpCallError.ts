/**
 * How a call of an MCP tool fails. An operator's contract can say per tag what a failure means for the effect of the call
 * (`"failure": { "McpToolError": "nothing" }`).
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

/**
 * The server ended while the call was under way: whether the call did anything is not known.
 *
 * @since 0.1.0
 */
export class McpAnswerLost extends Schema.TaggedError<McpAnswerLost>()("McpAnswerLost", common) {}

/**
 * The server had ended before the call: it was not sent.
 *
 * @since 0.1.0
 */
export class McpServerGone extends Schema.TaggedError<McpServerGone>()("McpServerGone", common) {}

/**
 * @since 0.1.0
 */
export const McpCallError = Schema.Union([McpToolError, McpRequestError, McpAnswerLost, McpServerGone])

/**
 * @since 0.1.0
 */
export type McpCallError = typeof McpCallError.Type
