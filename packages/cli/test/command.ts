/**
 * The real command in a process of its own, from source.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Report } from "@toolscope/core"
import { main, type Options as MainOptions } from "../src/main.ts"

const bin = fileURLToPath(new URL("../src/bin.ts", import.meta.url))
export const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))

export interface Done {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

export interface Options {
  readonly stdin?: string
  readonly env?: Record<string, string>
  readonly cwd?: string
  /** Called with everything on standard error so far. */
  readonly onStderr?: (text: string, kill: (signal: NodeJS.Signals) => void) => void
  /** Standard input stays open: what is said to this is typed. With it standard input and error pass for a terminal. */
  readonly onTerminal?: (text: string, type: (keys: string) => void, kill: (signal: NodeJS.Signals) => void) => void
  /** Closes the reading end of standard output after so many bytes. */
  readonly closeStdoutAfter?: number
}

export const toolscope = (args: ReadonlyArray<string>, options: Options = {}): Promise<Done> =>
  new Promise((resolve) => {
    const terminal = options.onTerminal === undefined ? [] : [`--import=${fixture("terminal.ts")}`]
    const child = spawn(process.execPath, ["--conditions=ws-source", ...terminal, bin, ...args], {
      // most of a start is compiling: the suite does it once
      env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "toolscope-compile-cache"), ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
      cwd: options.cwd,
      detached: true
    })
    let stdout = ""
    let stderr = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text
      if (options.closeStdoutAfter !== undefined && stdout.length >= options.closeStdoutAfter) child.stdout.destroy()
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text
      // the whole group gets it, as from a terminal
      const kill = (signal: NodeJS.Signals) => process.kill(-child.pid!, signal)
      options.onStderr?.(stderr, kill)
      options.onTerminal?.(stderr, (keys) => child.stdin.write(keys), kill)
    })
    child.stdin.on("error", () => {})
    if (options.onTerminal === undefined) child.stdin.end(options.stdin ?? "")
    child.on("close", (code, signal) => {
      resolve({ code, signal, stdout, stderr })
    })
  })

/** The command in this process, for what needs none of its own. */
export const inProcess = async (args: ReadonlyArray<string>, options?: MainOptions): Promise<Done> => {
  const streams = [process.stdout, process.stderr] as const
  const texts = ["", ""]
  const own = streams.map((stream): unknown => Reflect.get(stream, "write"))
  streams.forEach((stream, i) => {
    stream.write = (chunk: string | Uint8Array, ...rest: ReadonlyArray<unknown>) => {
      texts[i] += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString()
      rest.forEach((done) => {
        if (typeof done === "function") (done as () => void)()
      })
      return true
    }
  })
  try {
    return { code: await main(args, options), signal: null, stdout: texts[0]!, stderr: texts[1]! }
  } finally {
    streams.forEach((stream, i) => {
      stream.write = own[i] as never
    })
  }
}

export interface Folder {
  readonly path: (name: string) => string
  readonly write: (name: string, content: unknown) => string
  readonly [Symbol.dispose]: () => void
}

/** A folder that goes with its test. */
export const folder = (): Folder => {
  const root = mkdtempSync(join(tmpdir(), "toolscope-"))
  return {
    path: (name) => join(root, name),
    write: (name, content) => {
      const path = join(root, name)
      writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content))
      return path
    },
    [Symbol.dispose]: () => {
      rmSync(root, { recursive: true, force: true })
    }
  }
}

/** Runs a plan, given on standard input, with the tools of the fixtures. */
export const runPlan = (plan: unknown, args: ReadonlyArray<string> = [], options: Options = {}): Promise<Done> =>
  toolscope(["run", "-", "--tools", fixture("tools.ts"), ...args], {
    ...options,
    stdin: JSON.stringify({ toolscope: 1, drain: "200 millis", ...(plan as object) })
  })

/** The report of `--json`: throws unless standard output is one object and nothing else. */
export const reportOf = ({ stderr, stdout }: Done): Report.Json => {
  try {
    return JSON.parse(stdout) as Report.Json
  } catch (error) {
    throw new Error(`not one JSON object: ${String(error)}\n${stdout.slice(0, 500)}\n${stderr}`)
  }
}

export const call = (tool: string, params: object = {}) => ({ call: tool, params })
export const child = (id: string, tool: string, params: object = {}) => ({ id, call: tool, params })
