/**
 * A host of the real command: the official SDK's client over standard input and output.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { getDefaultEnvironment, StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js"
import type { RequestOptions } from "@modelcontextprotocol/sdk/shared/protocol.js"
import {
  type CallToolResult,
  type ElicitRequestFormParams,
  ElicitRequestSchema,
  type ElicitResult
} from "@modelcontextprotocol/sdk/types.js"
import type { Report } from "@toolscope/core"
import { readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const bin = fileURLToPath(new URL("../src/bin.ts", import.meta.url))

/** How the command is started from its source. */
export const command = (args: ReadonlyArray<string>) => ({
  command: process.execPath,
  args: ["--conditions=ws-source", bin, "mcp", ...args],
  env: { ...getDefaultEnvironment(), NODE_COMPILE_CACHE: join(tmpdir(), "toolscope-compile-cache") }
})

export interface Host extends AsyncDisposable {
  readonly client: Client
  readonly pid: number
  /** What it has written to its standard error so far. */
  readonly stderr: () => string
  readonly call: (name: string, args?: object, options?: RequestOptions) => Promise<CallToolResult>
  readonly fanout: (plan: object, options?: RequestOptions) => Promise<CallToolResult>
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>
}

export const hostOf = async (
  how: {
    readonly command: string
    readonly args: ReadonlyArray<string>
    readonly env?: Record<string, string>
    readonly cwd?: string
  },
  elicit?: (params: ElicitRequestFormParams) => ElicitResult
): Promise<Host> => {
  const transport = new StdioClientTransport({ ...how, args: [...how.args], stderr: "pipe" })
  let stderr = ""
  transport.stderr!.on("data", (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  const client = new Client(
    { name: "host", version: "1.0.0" },
    { capabilities: elicit === undefined ? {} : { elicitation: {} } }
  )
  if (elicit !== undefined) {
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => elicit(params as ElicitRequestFormParams))
  }
  const ended = new Promise<void>((resolve) => {
    client.onclose = resolve
  })
  await client.connect(transport)
  const call: Host["call"] = (name, args = {}, options) =>
    client.callTool({ name, arguments: args as Record<string, unknown> }, undefined, options) as Promise<CallToolResult>
  return {
    client,
    pid: transport.pid!,
    stderr: () => stderr,
    call,
    fanout: (plan, options) => call("fanout", { plan }, options),
    ended,
    [Symbol.asyncDispose]: () => client.close()
  }
}

export const textOf = ({ content }: CallToolResult): string =>
  content.map((part) => (part.type === "text" ? part.text : `[${part.type}]`)).join("\n")

export const reportOf = ({ structuredContent }: CallToolResult): Report.Json => structuredContent as never

/** Waits until it is so; a test that waits in vain times out. */
export const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10))
}

export const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return process.platform !== "linux" || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return false
  }
}
