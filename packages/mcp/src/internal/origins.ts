/**
 * What the gateway has to know of a server's tool beyond what every tool has: what the server says of it, and its answers as they came.
 */
import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js"
import type { Tool } from "@toolscope/core"
import type { Entry } from "./catalog.ts"
import type { Resolved } from "./variables.ts"

const origins = new WeakMap<Tool.Any, Entry>()

export const remember = (tool: Tool.Any, origin: Entry): void => {
  origins.set(tool, origin)
}

/** `undefined` where the tool is not that of a server. */
export const originOf = (tool: Tool.Any): Entry | undefined => origins.get(tool)

const listeners = new Map<string, (result: CallToolResult) => void>()

/** Is told every answer to the calls of this run, until it is forgotten. */
export const listen = (runId: string, listener: (result: CallToolResult) => void): (() => void) => {
  listeners.set(runId, listener)
  return () => {
    listeners.delete(runId)
  }
}

/** The value of a call that succeeded is never touched; what a tool says when it fails goes without what may be secret. */
export const answered = (runId: string, { secrets }: Resolved, result: CallToolResult): void => {
  const listener = listeners.get(runId)
  if (listener === undefined) return
  listener(result.isError === true ? { ...result, content: secrets.redactJson(result.content) } : result)
}
