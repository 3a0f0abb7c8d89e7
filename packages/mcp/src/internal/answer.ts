/**
 * The answer of a tool as a value: its structured content, else its text, else its content as it came. Throws {@link McpToolError} where
 * it says that the tool failed, without what may be secret.
 */
import type { CallToolResult, Tool as ServerTool } from "@modelcontextprotocol/sdk/types.js"
import { McpToolError } from "../McpCallError.ts"
import type { Resolved } from "./variables.ts"

export const answerOf = (
  { name, secrets }: Resolved,
  tool: ServerTool,
  { content, isError, structuredContent }: CallToolResult
): unknown => {
  const texts = content.flatMap((part) => (part.type === "text" ? [part.text] : []))
  const isText = texts.length === content.length
  if (isError === true) {
    const message = texts.join("\n")
    throw new McpToolError({
      server: name,
      tool: tool.name,
      message: message === "" ? "the tool says that it failed, and not why" : secrets.redactAnswer(message),
      ...(isText ? {} : { content: secrets.redactJson(content) })
    })
  }
  // a tool that declares an output schema owes structured content
  if (structuredContent !== undefined || tool.outputSchema !== undefined) return structuredContent
  return isText ? texts.join("\n") : content
}
