/**
 * The answer of a tool as a value: its structured content, else its text, else its content as it came.
 */
import type { CallToolResult, Tool as ServerTool } from "@modelcontextprotocol/sdk/types.js"
import * as Effect from "effect/Effect"
import { McpToolError } from "../McpCallError.ts"

export const answerOf = (
  server: string,
  tool: ServerTool,
  { content, isError, structuredContent }: CallToolResult
): Effect.Effect<unknown, McpToolError> => {
  const texts = content.flatMap((part) => (part.type === "text" ? [part.text] : []))
  const isText = texts.length === content.length
  if (isError === true) {
    const message = texts.join("\n")
    return Effect.fail(
      new McpToolError({
        server,
        tool: tool.name,
        message: message === "" ? "the tool says that it failed, and not why" : message,
        ...(isText ? {} : { content: content })
      })
    )
  }
  // a tool that declares an output schema owes structured content
  if (structuredContent !== undefined || tool.outputSchema !== undefined) return Effect.succeed(structuredContent)
  return Effect.succeed(isText ? texts.join("\n") : content)
}
