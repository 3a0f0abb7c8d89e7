/**
 * A server that is reached over HTTP: a session of the streamable transport of the SDK, or of the older one (HTTP with SSE), which is
 * tried where the server does not know the first.
 *
 * A session ends when the server knows it no more, cannot be reached, or breaks the one stream of the older transport. What was under way
 * is then lost; the next call begins another. A stream of answers that breaks is resumed where the server offers that.
 */
import { SSEClientTransport, SseError } from "@modelcontextprotocol/sdk/client/sse.js"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import { isJSONRPCRequest, type JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js"
import type { Http } from "../Config.ts"
import { type Connection, type EndOf, Lost, NotSent, Refused, TooLarge } from "./connection.ts"
import type { Secrets } from "./secrets.ts"
import { cleaned } from "./text.ts"
import { verdictOf, Watch } from "./watch.ts"

/** When a stream of answers has broken: how often it is asked for again, and after how many milliseconds. */
const resumption = {
  initialReconnectionDelay: 250,
  reconnectionDelayGrowFactor: 2,
  maxReconnectionDelay: 5_000,
  maxRetries: 4
}
/** Milliseconds that a server has to hear that its session is over. */
const goodbye = 1_000
const maxWords = 300

export class HttpConnection implements Connection {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: JSONRPCMessage) => void
  take: (message: JSONRPCMessage) => boolean = () => false
  settle: (id: number, error: Lost | TooLarge) => void = () => {}
  isWaiting: (id: number) => boolean = () => true
  readonly canStayBeside = true
  readonly garbage = undefined

  private readonly server: Http
  private readonly secrets: Secrets
  private readonly watch: Watch
  private inner: Transport | undefined
  private readonly url: URL
  private readonly headers: Headers
  /** Why it cannot be called any more. */
  private downFor: string | undefined
  private closed = false

  /** `limit`: bytes of a message. */
  constructor(server: Http, secrets: Secrets, limit: number) {
    this.server = server
    this.secrets = secrets
    this.url = new URL(server.url)
    this.headers = new Headers(server.headers)
    const { password, username } = this.url
    if (username + password !== "") {
      // no request may have these in its URL
      const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)
      if (!this.headers.has("authorization"))
        this.headers.set("authorization", `Basic ${credentials.toString("base64")}`)
      this.url.username = this.url.password = ""
    }
    this.watch = new Watch(limit, resumption.maxRetries, {
      isWaiting: (id) => this.isWaiting(id),
      onLost: (id, error) => {
        this.settle(id, error)
      },
      onSessionOver: (status) => {
        this.goDown(`its session is over (HTTP ${status})`)
      }
    })
  }

  async start(): Promise<void> {
    await this.open(this.server.type === "sse" ? this.older() : this.streamable())
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const id = isJSONRPCRequest(message) && typeof message.id === "number" ? message.id : undefined
    try {
      if (!this.isUp) throw new NotSent("its connection had been closed")
      await this.inner!.send(message, {
        onresumptiontoken: (token) => {
          if (id !== undefined) this.watch.noteToken(id, token)
        }
      })
    } catch (error) {
      const verdict = this.verdict(error)
      if (this.isOld(message, verdict)) {
        await this.inner!.close().catch(() => {})
        await this.open(this.older())
        return this.send(message)
      }
      throw verdict
    }
  }

  setProtocolVersion(version: string): void {
    this.inner?.setProtocolVersion?.(version)
  }

  get isUp(): boolean {
    return this.downFor === undefined && !this.closed
  }

  endsWithin(): Promise<boolean> {
    return Promise.resolve(!this.isUp)
  }

  end(): EndOf {
    return { stderr: [] }
  }

  describeEnd(): string {
    return this.downFor ?? "its connection was closed"
  }

  hasDied(): boolean {
    return false
  }

  kill(): number {
    this.finish()
    return 0
  }

  async close(): Promise<void> {
    const { inner } = this
    if (this.isUp && inner instanceof StreamableHTTPClientTransport) {
      let timer: NodeJS.Timeout | undefined
      const elapsed = new Promise<void>((resolve) => (timer = setTimeout(resolve, goodbye)))
      await Promise.race([inner.terminateSession().catch(() => {}), elapsed])
      clearTimeout(timer)
    }
    this.finish()
  }

  private finish(): void {
    if (this.closed) return
    this.closed = true
    const { inner } = this
    this.inner = undefined
    if (inner !== undefined) void inner.close().catch(() => {})
    this.onclose?.()
  }

  private goDown(why: string): void {
    this.downFor ??= why
  }

  private streamable(): Transport {
    return new StreamableHTTPClientTransport(this.url, {
      fetch: this.watch.fetch,
      requestInit: { headers: this.headers },
      reconnectionOptions: resumption
    })
  }

  private older(): Transport {
    // deprecated, as the transport is; servers that know no other are still there
    // eslint-disable-next-line @typescript-eslint/no-deprecated
    return new SSEClientTransport(this.url, { fetch: this.watch.fetch, requestInit: { headers: this.headers } })
  }

  private async open(inner: Transport): Promise<void> {
    this.inner = inner
    inner.onmessage = (message) => {
      if (!this.take(message)) this.onmessage?.(message)
    }
    let isOpen = false
    inner.onerror = (error) => {
      this.onerror?.(error)
      // all its answers come on this one stream, and its session ends with it
      if (isOpen && error instanceof SseError && this.inner === inner) {
        this.goDown("its stream broke")
        this.finish()
      }
    }
    try {
      await inner.start()
      isOpen = true
    } catch (error) {
      void inner.close().catch(() => {})
      throw this.verdict(error)
    }
  }

  /** Does it answer as a server that only knows the older transport? */
  private isOld(message: JSONRPCMessage, error: Error): boolean {
    return (
      this.server.type === undefined &&
      "method" in message &&
      message.method === "initialize" &&
      this.inner instanceof StreamableHTTPClientTransport &&
      error instanceof Refused &&
      [400, 404, 405].includes(error.status)
    )
  }

  private verdict(error: unknown): Error {
    const verdict = verdictOf(error)
    if (verdict instanceof NotSent && verdict.message !== "" && this.isUp) this.goDown(verdict.message)
    if (verdict instanceof Refused) {
      const { message, retryAfterMillis, status } = verdict
      return new Refused(status, cleaned(this.secrets.redactAnswer(message), maxWords), retryAfterMillis)
    }
    return verdict
  }
}
