/**
 * A server process as a transport of MCP: one JSON message per line, over its standard input and output.
 *
 * Other than the SDK's own transport it knows how the process ended and what it last said on its standard error; it gives it a process
 * group of its own, so that Ctrl-C in a terminal reaches only this process, which then stops the calls in order; it ends the whole
 * group, also what a launcher such as `npx` has started; and it can kill the server at once with all that descends from it. It never
 * lets the server write to our standard output or error.
 */
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import { type JSONRPCMessage, JSONRPCMessageSchema } from "@modelcontextprotocol/sdk/types.js"
import { getDefaultEnvironment } from "@modelcontextprotocol/sdk/client/stdio.js"
import spawn from "cross-spawn"
import type { ChildProcess } from "node:child_process"
import { randomUUID } from "node:crypto"
import { StringDecoder } from "node:string_decoder"
import { statSync } from "node:fs"
import type { Server } from "../Config.ts"
import { CannotStart, NotFound } from "../McpError.ts"
import * as Tree from "./tree.ts"

/** Milliseconds that a server has to end by itself when its input closes, after SIGTERM, and after SIGKILL. */
const patience = { eof: 1_000, term: 1_000, kill: 1_000 }
const maxMessageBytes = 256 * 1024 * 1024
const maxStderrChars = 4_000
const maxStderrLines = 10

export interface Ended {
  readonly exitCode: number | undefined
  readonly signal: string | undefined
}

/** Processes that are to be gone when this one exits, however it does. */
const live = new Set<ServerProcess>()
const killAll = () => {
  for (const server of live) if (server.kill() === 0) server.signal("SIGKILL")
}

export class ServerProcess implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: JSONRPCMessage) => void
  /** Sees each message first; what it takes goes no further. */
  take: (message: JSONRPCMessage) => boolean = () => false
  /** How it ended; `undefined` while it runs. */
  ended: Ended | undefined
  /** The first line on its standard output that was no message. */
  garbage: string | undefined

  private readonly server: Server
  private child: ChildProcess | undefined
  private readonly finished: Promise<void>
  private onFinished = () => {}
  private groupIsGone = false
  private stderrText = ""
  private chunks: Array<Buffer> = []
  private size = 0
  private closed = false
  /** By it what the server has started is known. */
  private readonly mark = randomUUID()
  private killed: ReadonlyArray<Tree.Found> | undefined

  constructor(server: Server) {
    this.server = server
    this.finished = new Promise((resolve) => {
      this.onFinished = resolve
    })
  }

  start(): Promise<void> {
    const { args = [], command, cwd, env } = this.server
    if (cwd !== undefined && !isDirectory(cwd)) {
      return Promise.reject(new CannotStart({ detail: `its cwd ${JSON.stringify(cwd)} is no directory` }))
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
      this.read(chunk)
    })
    const utf8 = new StringDecoder("utf8")
    child.stderr!.on("error", () => {})
    child.stderr!.on("data", (chunk: Buffer) => {
      this.stderrText = (this.stderrText + utf8.write(chunk)).slice(-maxStderrChars)
    })
  }

  send(message: JSONRPCMessage): Promise<void> {
    const stdin = this.child?.stdin
    if (!stdin?.writable) return Promise.reject(new Error("the server has ended"))
    return new Promise((resolve, reject) => {
      stdin.write(`${JSON.stringify(message)}\n`, (error) => {
        if (error) reject(error)
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

  /** The last lines of its standard error, with the values of its `env` replaced. */
  stderr(): ReadonlyArray<string> {
    const lines = this.redact(this.stderrText)
      .split(/\r?\n/)
      .filter((line) => line.trim() !== "")
    return lines.slice(-maxStderrLines)
  }

  /** Replaces what may be secret: the values of `env`. */
  redact(text: string): string {
    const secrets = Object.values(this.server.env ?? {}).filter((value) => value.length >= 4)
    return secrets.reduce((clean, secret) => clean.replaceAll(secret, "[redacted]"), text)
  }

  private startError(error: unknown): NotFound | CannotStart {
    const { code } = error as NodeJS.ErrnoException
    if (code === "ENOENT") return new NotFound({ command: this.server.command })
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
    this.chunks = []
    this.onFinished()
    this.onclose?.()
  }

  private read(chunk: Buffer): void {
    let rest = chunk
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      this.chunks.push(rest.subarray(0, end))
      const line = Buffer.concat(this.chunks).toString("utf8")
      this.chunks = []
      this.size = 0
      rest = rest.subarray(end + 1)
      this.receive(line)
    }
    this.chunks.push(rest)
    this.size += rest.length
    if (this.size > maxMessageBytes) {
      this.onerror?.(new Error(`a message of more than ${maxMessageBytes} bytes`))
      this.chunks = []
      this.size = 0
      this.kill()
    }
  }

  private receive(line: string): void {
    let message: JSONRPCMessage
    try {
      message = JSONRPCMessageSchema.parse(JSON.parse(line))
    } catch (error) {
      if (line.trim() !== "") {
        this.garbage ??= this.redact(line).slice(0, 200)
        this.onerror?.(error as Error)
      }
      return
    }
    if (!this.take(message)) this.onmessage?.(message)
  }
}

const isDirectory = (path: string): boolean => {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
