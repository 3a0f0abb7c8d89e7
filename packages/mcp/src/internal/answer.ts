/**
 * The answer of a tool as a value: its structured content, else its text, else its content as it came. Throws {@link McpToolError} where
 * it says that the tool failed.
 */
import type { CallToolResult, Tool as ServerTool } from "@modelcontextprotocol/sdk/types.js"
import { McpToolError } from "../McpCallError.ts"

export const answerOf = (
  server: string,
  tool: ServerTool,
  { content, isError, structuredContent }: CallToolResult
): unknown => {
  const texts = content.flatMap((part) => (part.type === "text" ? [part.text] : []))
  const isText = texts.length === content.length
  if (isError === true) {
    const message = texts.join("\n")
    throw new McpToolError({
      server,
      tool: tool.name,
      message: message === "" ? "the tool says that it failed, and not why" : message,
      ...(isText ? {} : { content: content })
    })
  }
  // a tool that declares an output schema owes structured content
  if (structuredContent !== undefined || tool.outputSchema !== undefined) return structuredContent
  return isText ? texts.join("\n") : content
}
