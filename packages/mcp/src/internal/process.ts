/**
 * A server process as a transport of MCP: one JSON message per line, over its standard input and output.
 *
 * Other than the SDK's own transport it knows how the process ended and what it last said on its standard error; it gives it a process
 * group of its own, so that Ctrl-C in a terminal reaches only this process, which then stops the calls in order; it ends the whole
 * group, also what a launcher such as `npx` has started; and it can kill the server at once with all that descends from it. It never
 * lets the server write to our standard output or error.
 */
import { type JSONRPCMessage, JSONRPCMessageSchema } from "@modelcontextprotocol/sdk/types.js"
import { getDefaultEnvironment } from "@modelcontextprotocol/sdk/client/stdio.js"
import spawn from "cross-spawn"
import type { ChildProcess } from "node:child_process"
import { randomUUID } from "node:crypto"
import { StringDecoder } from "node:string_decoder"
import { statSync } from "node:fs"
import type { Stdio } from "../Config.ts"
import { CannotStart, describeEnd, NotFound } from "../McpError.ts"
import { type Connection, type EndOf, Lost, NotSent, TooLarge } from "./connection.ts"
import { idOf, Lines } from "./lines.ts"
import type { Secrets } from "./secrets.ts"
import { cleaned } from "./text.ts"
import * as Tree from "./tree.ts"

/** Milliseconds that a server has to end by itself when its input closes, after SIGTERM, and after SIGKILL. */
const patience = { eof: 1_000, term: 1_000, kill: 1_000 }
const maxStderrChars = 4_000
const maxStderrLines = 10
const maxLineChars = 500

interface Ended {
  readonly exitCode: number | undefined
  readonly signal: string | undefined
}

/** Processes that are to be gone when this one exits, however it does. */
const live = new Set<ServerProcess>()
const killAll = () => {
  for (const server of live) if (server.kill() === 0) server.signal("SIGKILL")
}

export class ServerProcess implements Connection {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: JSONRPCMessage) => void
  /** Sees each message first; what it takes goes no further. */
  take: (message: JSONRPCMessage) => boolean = () => false
  settle: (id: number, error: Lost | TooLarge) => void = () => {}
  isWaiting: (id: number) => boolean = () => true
  readonly canStayBeside = false
  /** How it ended; `undefined` while it runs. */
  private ended: Ended | undefined
  /** The first line on its standard output that was no message. */
  garbage: string | undefined

  private readonly server: Stdio
  private readonly secrets: Secrets
  private readonly lines: Lines
  private child: ChildProcess | undefined
  private readonly finished: Promise<void>
  private onFinished = () => {}
  private groupIsGone = false
  private stderrText = ""
  private stderrIsCut = false
  private closed = false
  /** By it what the server has started is known. */
  private readonly mark = randomUUID()
  private killed: ReadonlyArray<Tree.Found> | undefined

  /** `limit`: bytes of a message. */
  constructor(server: Stdio, secrets: Secrets, limit: number) {
    this.server = server
    this.secrets = secrets
    this.lines = new Lines(
      limit,
      (line) => {
        this.receive(line)
      },
      (long) => {
        const id = idOf(long)
        this.onerror?.(new TooLarge(limit))
        // whose it is cannot be told: none of those that wait can be said to be answered
        if (id === undefined) this.kill()
        else if (this.isWaiting(id)) this.settle(id, new TooLarge(limit))
        else {
          const error = { code: -32603, message: `an answer of more than ${limit} bytes` }
          this.onmessage?.({ jsonrpc: "2.0", id, error })
        }
      }
    )
    this.finished = new Promise((resolve) => {
      this.onFinished = resolve
    })
  }

  start(): Promise<void> {
    const { args = [], command, cwd, env } = this.server
    if (cwd !== undefined && !isDirectory(cwd)) {
      return Promise.reject(
        new CannotStart({ detail: this.secrets.redact(`its cwd ${JSON.stringify(cwd)} is no directory`) })
      )
    }
    return new Promise((resolve, reject) => {
      try {
        this.child = spawn(command, args, {
          cwd,
          env: { ...getDefaultEnvironment(), ...env, [Tree.markName]: this.mark },
          stdio: ["pipe", "pipe", "pipe"],
          detached: process.platform !== "win32",
          windowsHide: true
        })
      } catch (error) {
        reject(this.startError(error))
        return
      }
      this.child.once("spawn", () => {
        if (live.size === 0) process.on("exit", killAll)
        live.add(this)
        resolve()
      })
      this.child.on("error", (error) => {
        reject(this.startError(error))
        this.onerror?.(error)
      })
      this.listen(this.child)
    })
  }

  private listen(child: ChildProcess): void {
    child.once("exit", (exitCode, signal) => {
      this.ended = { exitCode: exitCode ?? undefined, signal: signal ?? undefined }
      // its number may be given to another process from now on, unless others of the group hold it
      this.groupIsGone = !this.signal(0)
      // what it wrote last is still on its way; but what it started may hold the pipes open for ever
      setTimeout(() => {
        this.finish()
      }, 250)
    })
    child.once("close", () => {
      if (this.killed === undefined) this.finish()
      else
        void Tree.whenGone(this.killed, patience.kill).then(() => {
          this.finish()
        })
    })
    child.stdin!.on("error", (error) => this.onerror?.(error))
    child.stdout!.on("error", (error) => this.onerror?.(error))
    child.stdout!.on("data", (chunk: Buffer) => {
      this.lines.push(chunk)
    })
    const utf8 = new StringDecoder("utf8")
    child.stderr!.on("error", () => {})
    child.stderr!.on("data", (chunk: Buffer) => {
      const text = this.stderrText + utf8.write(chunk)
      const kept = maxStderrChars + 2 * this.secrets.longest
      this.stderrIsCut ||= text.length > kept
      this.stderrText = text.slice(-kept)
    })
  }

  send(message: JSONRPCMessage): Promise<void> {
    const stdin = this.child?.stdin
    if (!stdin?.writable) return Promise.reject(new NotSent())
    return new Promise((resolve, reject) => {
      stdin.write(`${JSON.stringify(message)}\n`, (error) => {
        // whoever read from the pipe had gone: what was written of it, if anything, is no whole message
        if (error) reject(new NotSent())
        else resolve()
      })
    })
  }

  /** Can it be called? */
  get isUp(): boolean {
    return this.ended === undefined && this.killed === undefined && !this.closed
  }

  /** Kills it at once, with all that it has started, and gives how many that were, as far as that is known. {@link onclose} follows. */
  kill(): number {
    const pid = this.child?.pid
    if (pid === undefined || !this.isUp) return 0
    this.killed = Tree.killTree(pid, this.mark)
    // also where there is no group
    this.child!.kill("SIGKILL")
    return Math.max(1, this.killed.length)
  }

  /** Ends the process and what it started: closes its input, then SIGTERM, then SIGKILL. Takes at most a few seconds. */
  async close(): Promise<void> {
    const { child } = this
    if (child?.pid === undefined) return this.finish()
    const crashed = this.ended !== undefined && this.killed === undefined
    child.stdin?.end()
    if (!(await this.endsWithin(patience.eof))) {
      this.signal("SIGTERM")
      if (!(await this.endsWithin(patience.term))) {
        this.kill()
        await this.endsWithin(patience.kill)
      }
    }
    await this.endGroup()
    // one that did not end in order may have left more than its group
    if (crashed) Tree.killTree(undefined, this.mark)
    if (live.delete(this) && live.size === 0) process.off("exit", killAll)
    this.finish()
  }

  /** Signals the whole group; false if nobody is left in it. */
  signal(signal: NodeJS.Signals | 0): boolean {
    const pid = this.child?.pid
    if (pid === undefined || this.groupIsGone) return false
    try {
      if (process.platform === "win32") return this.ended === undefined && this.child!.kill(signal)
      return process.kill(-pid, signal)
    } catch {
      return false
    }
  }

  end(): EndOf {
    const { exitCode, signal } = this.ended ?? {}
    return {
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(signal === undefined ? {} : { signal }),
      stderr: this.stderr()
    }
  }

  describeEnd(): string {
    return describeEnd({ exitCode: undefined, signal: undefined, ...this.ended })
  }

  hasDied(): boolean {
    return this.ended !== undefined
  }

  /** The last lines of its standard error, without what may be secret. */
  private stderr(): ReadonlyArray<string> {
    const text = this.secrets.redact(this.stderrText)
    // where it was cut there may stand the rest of a secret
    return (this.stderrIsCut ? text.slice(this.secrets.longest) : text)
      .slice(-maxStderrChars)
      .split(/\r?\n/)
      .map((line) => cleaned(line, maxLineChars))
      .filter((line) => line.trim() !== "")
      .slice(-maxStderrLines)
  }

  private startError(error: unknown): NotFound | CannotStart {
    const { code } = error as NodeJS.ErrnoException
    if (code === "ENOENT") return new NotFound({ command: this.secrets.redact(this.server.command) })
    return new CannotStart({ detail: code ?? "the command or its arguments cannot be passed to a process" })
  }

  /** Has it ended, and all that it wrote been read, or does it within this time? */
  async endsWithin(millis: number): Promise<boolean> {
    if (this.closed) return true
    let timer: NodeJS.Timeout | undefined
    const elapsed = new Promise<void>((resolve) => (timer = setTimeout(resolve, millis)))
    await Promise.race([this.finished, elapsed])
    clearTimeout(timer)
    return this.closed
  }

  /** A launcher may have ended and left the server that it started. */
  private async endGroup(): Promise<void> {
    if (process.platform === "win32" || !this.signal("SIGTERM")) return
    for (let waited = 0; waited < patience.term && this.signal(0); waited += 20) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    this.signal("SIGKILL")
  }

  private finish(): void {
    if (this.closed) return
    this.closed = true
    this.child?.stdout?.destroy()
    this.child?.stderr?.destroy()
    this.lines.clear()
    this.onFinished()
    this.onclose?.()
  }

  private receive(line: string): void {
    let json: unknown
    try {
      json = JSON.parse(line)
    } catch (error) {
      if (line.trim() !== "") this.noteGarbage(line, error)
      return
    }
    // several at once, as 2025-03-26 has it
    for (const one of Array.isArray(json) ? json : [json]) {
      const read = JSONRPCMessageSchema.safeParse(one)
      if (!read.success) this.noteGarbage(line, read.error)
      const message = read.success ? read.data : this.badAnswer(one)
      if (message !== undefined && !this.take(message)) this.onmessage?.(message)
    }
  }

  private noteGarbage(line: string, error: unknown): void {
    this.garbage ??= cleaned(this.secrets.redact(line), 200)
    this.onerror?.(error as Error)
  }

  /** Who waits for it is to learn at once that nothing better will come. */
  private badAnswer(json: unknown): JSONRPCMessage | undefined {
    if (typeof json !== "object" || json === null || !("id" in json) || "method" in json) return undefined
    const { id } = json
    if (typeof id !== "number" || !this.isWaiting(id)) return undefined
    return { jsonrpc: "2.0", id, error: { code: -32603, message: "the answer is no answer of JSON-RPC" } }
  }
}

const isDirectory = (path: string): boolean => {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
