/**
 * The tools of MCP servers as Toolscope tools.
 *
 * @since 0.1.0
 */
export * as Config from "./Config.ts"
export * as Gateway from "./Gateway.ts"
export * as McpCallError from "./McpCallError.ts"
export * as McpError from "./McpError.ts"
export * as McpTools from "./McpTools.ts"
