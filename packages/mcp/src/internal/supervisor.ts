/**
 * Keeps one server: starts it, says whether it can be called, starts it again when it has ended, and knows the tools that it lists.
 *
 * - A server that has ended by itself is started again when the next call needs it (`ended: "restart"`, default), or stays so (`"stay"`).
 * - One that was killed for a call (`unresponsive: "restart"`) is started again in any case.
 * - At once, then with growing pauses, and not more often than five times within a minute.
 *
 * It never starts a process before everything of the one before has been ended. What was under way over HTTP may end beside its successor.
 */
import type { Tool as ServerTool } from "@modelcontextprotocol/sdk/types.js"
import type { ServerReason } from "../McpError.ts"
import type { EndOf } from "./connection.ts"
import { HttpConnection } from "./http.ts"
import { Live } from "./live.ts"
import { ServerProcess } from "./process.ts"
import type { Resolved } from "./variables.ts"

/** At most so many restarts within so many milliseconds. */
const maxRestarts = 5
const windowMillis = 60_000
/** Milliseconds before the second restart within the window; doubled for each further one. Elsewhere somebody else has to start it. */
const firstPause = 100
const firstPauseElsewhere = 500
/** Milliseconds between two readings of a list that does not come to rest. */
const longestPause = 5_000
/** Bytes of a message, unless the operator says otherwise. */
const defaultLimit = 32 * 1024 * 1024

/** The server cannot be called; the message says why. */
export class Down extends Error {
  readonly end: EndOf
  /** How long it would be of no use to come again, where that is known. */
  readonly retryAfterMillis: number | undefined

  constructor(message: string, end: EndOf, retryAfterMillis?: number) {
    super(message)
    this.end = end
    this.retryAfterMillis = retryAfterMillis
  }
}

export class Supervisor {
  readonly name: string
  readonly resolved: Resolved
  /** Is it killed for a call that does not end? */
  readonly kills: boolean
  /** Told of each list that the server gives after its first. */
  onList: (tools: ReadonlyArray<ServerTool>) => void = () => {}
  private readonly startMillis: number
  private live: Live
  /** Of which answers are still awaited, and that nobody calls any more. */
  private readonly retired = new Set<Live>()
  private restarting: Promise<Live> | undefined
  private isListing = false
  /** The list that is being read. */
  private listing: Promise<void> | undefined
  /** How often a server has said that its list has changed. */
  private changes = 0
  private restartedAt: ReadonlyArray<number> = []
  private readonly closing = new AbortController()

  constructor(resolved: Resolved, startMillis: number) {
    this.name = resolved.name
    this.resolved = resolved
    this.startMillis = startMillis
    this.kills = resolved.server.toolscope?.unresponsive === "restart"
    this.live = this.make()
  }

  /** For the first time; rejects with a {@link ServerReason}. */
  start(signal: AbortSignal): Promise<ReadonlyArray<ServerTool>> {
    return this.live.start(this.startMillis, signal)
  }

  /** The server, at once if it is up and its list of tools is known; rejects with {@link Down}. */
  ready(): Live | Promise<Live> {
    if (this.restarting !== undefined) return this.restarting
    const { live } = this
    if (live.connection.isUp) return this.listing === undefined ? live : this.listing.then(() => live)
    if (!this.kills && this.resolved.server.toolscope?.ended === "stay") {
      return Promise.reject(new Down(this.hadEnded(live), live.connection.end()))
    }
    this.restarting = this.restart().finally(() => {
      this.restarting = undefined
    })
    return this.restarting
  }

  /** Ends the server. Takes at most a few seconds. */
  async close(): Promise<void> {
    this.closing.abort()
    await Promise.all([this.live, ...this.retired].map(({ connection }) => connection.close()))
    await this.restarting?.catch(() => {})
  }

  private make(): Live {
    const { secrets, server } = this.resolved
    const limit = server.toolscope?.maxMessageBytes ?? defaultLimit
    const connection =
      "url" in server ? new HttpConnection(server, secrets, limit) : new ServerProcess(server, secrets, limit)
    const live = new Live(connection, secrets)
    live.onListChanged = () => {
      this.listAgain(live)
    }
    return live
  }

  /** One that changes while it is being read is read once more, and one that changes all the time not all the time. */
  private listAgain(live: Live): void {
    if (live !== this.live || this.closing.signal.aborted) return
    this.changes++
    if (this.isListing) return
    this.isListing = true
    void this.follow(live).finally(() => {
      this.isListing = false
    })
  }

  private async follow(live: Live): Promise<void> {
    for (let read = 0, rounds = 0; read !== this.changes && live === this.live && live.connection.isUp; rounds++) {
      if (rounds > 0) await pause(Math.min(firstPause * 2 ** (rounds - 1), longestPause), this.closing.signal)
      read = this.changes
      this.listing = this.list(live)
      await this.listing
      this.listing = undefined
    }
  }

  private async list(live: Live): Promise<void> {
    try {
      const aborted = AbortSignal.any([this.closing.signal, AbortSignal.timeout(this.startMillis)])
      const tools = await live.listTools(aborted)
      if (live === this.live) this.onList(tools)
    } catch {
      // what was known of its tools stays
    }
  }

  private async restart(): Promise<Live> {
    let failure = ""
    const before = this.live
    if (before.connection.canStayBeside) this.retire(before)
    else await before.connection.close()
    const end = before.connection.end()
    for (;;) {
      const now = performance.now()
      this.restartedAt = this.restartedAt.filter((at) => now - at < windowMillis)
      const count = this.restartedAt.length
      if (count >= maxRestarts) {
        const often = `it was started again ${count} times within ${windowMillis / 1000} s`
        const wait = Math.ceil(windowMillis - (now - this.restartedAt[0]!))
        throw new Down(`${this.hadEnded(before)}, and is not started again for now: ${often}${failure}`, end, wait)
      }
      const first = "url" in this.resolved.server ? firstPauseElsewhere : firstPause
      if (count > 0) await pause(first * 2 ** (count - 1), this.closing.signal)
      if (this.closing.signal.aborted) throw new Down(`the server ${JSON.stringify(this.name)} has been closed`, end)
      this.restartedAt = [...this.restartedAt, performance.now()]
      const next = this.make()
      this.live = next
      try {
        this.onList(await next.start(this.startMillis, this.closing.signal))
        return next
      } catch (reason) {
        await next.connection.close()
        failure = `, and at last ${(reason as ServerReason).message}`
      }
    }
  }

  private retire(live: Live): void {
    this.retired.add(live)
    void live.isIdle.then(() => {
      this.retired.delete(live)
      return live.connection.close()
    })
  }

  private hadEnded({ connection }: Live): string {
    return `the server ${JSON.stringify(this.name)} had ended (${connection.describeEnd()})`
  }
}

const pause = (millis: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, millis)
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true }
    )
  })
