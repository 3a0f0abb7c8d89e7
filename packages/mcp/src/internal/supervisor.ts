/**
 * Keeps one server: starts it, says whether it can be called, and starts it again if the operator wants that.
 *
 * - `fence` (default): a server that has ended stays so. It is never killed for a call.
 * - `restart`: a server that has ended, or was killed for a call, is started again when the next call needs it: at once, then with
 *   growing pauses, and not more often than five times within a minute.
 *
 * It never starts a server before everything of the one before has been ended.
 */
import type { Tool as ServerTool } from "@modelcontextprotocol/sdk/types.js"
import type { Server } from "../Config.ts"
import { describeEnd, type ServerReason } from "../McpError.ts"
import { Live } from "./live.ts"

/** At most so many restarts within so many milliseconds. */
const maxRestarts = 5
const windowMillis = 60_000
/** Milliseconds before the second restart within the window; doubled for each further one. */
const firstPause = 100

/** The server cannot be called; the message says why. */
export class Down extends Error {
  readonly end: EndOf

  constructor(message: string, end: EndOf) {
    super(message)
    this.end = end
  }
}

/** How a server ended, as errors have it. */
export interface EndOf {
  readonly exitCode?: number
  readonly signal?: string
  readonly stderr: ReadonlyArray<string>
}

export const endOf = ({ process }: Live): EndOf => {
  const { exitCode, signal } = process.ended ?? {}
  return {
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
    stderr: process.stderr()
  }
}

export class Supervisor {
  readonly name: string
  readonly restarts: boolean
  private readonly server: Server
  private readonly startMillis: number
  private live: Live
  private restarting: Promise<Live> | undefined
  private restartedAt: ReadonlyArray<number> = []
  private readonly closing = new AbortController()

  constructor(name: string, server: Server, startMillis: number) {
    this.name = name
    this.server = server
    this.startMillis = startMillis
    this.restarts = server.toolscope?.unresponsive === "restart"
    this.live = new Live(server)
  }

  /** For the first time; rejects with a {@link ServerReason}. */
  start(signal: AbortSignal): Promise<ReadonlyArray<ServerTool>> {
    return this.live.start(this.startMillis, signal)
  }

  /** The server, at once if it is up; rejects with {@link Down}. */
  ready(): Live | Promise<Live> {
    if (this.restarting !== undefined) return this.restarting
    if (this.live.process.isUp) return this.live
    if (!this.restarts) {
      const end = endOf(this.live)
      return Promise.reject(new Down(`the server ${JSON.stringify(this.name)} had ended (${describe(end)})`, end))
    }
    this.restarting = this.restart().finally(() => {
      this.restarting = undefined
    })
    return this.restarting
  }

  /** Ends the server. Takes at most a few seconds. */
  async close(): Promise<void> {
    this.closing.abort()
    await this.live.process.close()
    await this.restarting?.catch(() => {})
  }

  private async restart(): Promise<Live> {
    let failure = ""
    await this.live.process.close()
    const end = endOf(this.live)
    for (;;) {
      const now = performance.now()
      this.restartedAt = this.restartedAt.filter((at) => now - at < windowMillis)
      const before = this.restartedAt.length
      if (before >= maxRestarts) {
        const often = `it was started again ${before} times within ${windowMillis / 1000} s`
        throw new Down(
          `the server ${JSON.stringify(this.name)} had ended (${describe(end)}), and is not started again for now: ${often}${failure}`,
          end
        )
      }
      if (before > 0) await pause(firstPause * 2 ** (before - 1), this.closing.signal)
      if (this.closing.signal.aborted) throw new Down(`the server ${JSON.stringify(this.name)} has been closed`, end)
      this.restartedAt = [...this.restartedAt, performance.now()]
      const next = new Live(this.server)
      this.live = next
      try {
        await next.start(this.startMillis, this.closing.signal)
        return next
      } catch (reason) {
        await next.process.close()
        failure = `, and at last ${(reason as ServerReason).message}`
      }
    }
  }
}

const describe = ({ exitCode, signal }: EndOf): string => describeEnd({ exitCode, signal })

const pause = (millis: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, millis)
    signal.addEventListener("abort", () => {
      clearTimeout(timer)
      resolve()
    })
  })
