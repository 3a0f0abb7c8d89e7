/**
 * Watches the requests of a transport over HTTP, since the SDK's says of none of them what became of it: which were refused and how, which
 * streams of answers broke and for whom, and that no answer is larger than answers may be.
 */
import { Lost, NotSent, Refused, TooLarge } from "./connection.ts"

/** Milliseconds in which what a stream held at its end has been read. */
const settling = 50
const maxTokens = 1_000
const maxErrorBytes = 64 * 1024

interface Listener {
  readonly isWaiting: (id: number) => boolean
  /** There will be no answer to the request of this number. */
  readonly onLost: (id: number, error: Lost | TooLarge) => void
  /** The server does not know the session any more. */
  readonly onSessionOver: (status: number) => void
}

/** A response whose answers can be asked for again, by the last event that was read of it. */
interface Resumable {
  readonly id: number
  failures: number
}

export class Watch {
  private readonly limit: number
  private readonly maxRetries: number
  private readonly listener: Listener
  private readonly tokens = new Map<number, string>()
  private readonly byToken = new Map<string, Resumable>()

  constructor(limit: number, maxRetries: number, listener: Listener) {
    this.limit = limit
    this.maxRetries = maxRetries
    this.listener = listener
  }

  /** The stream of the answer to this request can be resumed after this event. */
  noteToken(id: number, token: string): void {
    const before = this.tokens.get(id)
    if (before !== undefined) this.byToken.delete(before)
    this.tokens.set(id, token)
    if (this.tokens.size > maxTokens)
      for (const id of [...this.tokens.keys()]) if (!this.listener.isWaiting(id)) this.forget(id)
    this.byToken.set(token, { id, failures: 0 })
  }

  readonly fetch = async (url: string | URL, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers)
    if (init.method === "POST") return this.post(url, init, headers)
    const token = headers.get("last-event-id")
    const resumed = token === null ? undefined : this.byToken.get(token)
    if (resumed !== undefined) return this.resume(url, init, resumed)
    const response = await fetch(url, init)
    if (init.method === "GET") this.noteSession(response.status, headers)
    return this.limited(response, undefined)
  }

  private async post(url: string | URL, init: RequestInit, headers: Headers): Promise<Response> {
    const response = await fetch(url, init)
    if (response.status < 400) return this.limited(response, idOfBody(init.body))
    const words = await textOf(response)
    const { status } = response
    const said = words.trim() === "" ? "" : `: ${reasonIn(words)}`
    if (this.noteSession(status, headers, words)) throw new NotSent(`its session is over (HTTP ${status})`)
    throw new Refused(status, `HTTP ${status}${said}`, retryAfter(response))
  }

  /** Asks again for the rest of a stream. */
  private async resume(url: string | URL, init: RequestInit, resumed: Resumable): Promise<Response> {
    const { id } = resumed
    if (!this.listener.isWaiting(id)) return over()
    const lose = (why: string) => {
      this.forget(id)
      this.listener.onLost(id, new Lost(why))
      return over()
    }
    let response: Response
    try {
      response = await fetch(url, init)
    } catch (error) {
      resumed.failures++
      if (resumed.failures < this.maxRetries) throw error
      return lose(`its stream broke, and could not be resumed (${codeOf(error)})`)
    }
    if (response.ok) {
      resumed.failures = 0
      return this.limited(response, id)
    }
    if (response.status >= 500 && ++resumed.failures < this.maxRetries) return response
    await response.body?.cancel()
    this.noteSession(response.status, new Headers(init.headers))
    return lose(`its stream broke, and could not be resumed (HTTP ${response.status})`)
  }

  private noteSession(status: number, headers: Headers, words = ""): boolean {
    // servers made after the SDK's examples say 400 instead of 404
    const isOver = headers.has("mcp-session-id") && (status === 404 || (status === 400 && /session/i.test(words)))
    if (isOver) this.listener.onSessionOver(status)
    return isOver
  }

  private forget(id: number): void {
    const token = this.tokens.get(id)
    this.tokens.delete(id)
    if (token !== undefined) this.byToken.delete(token)
  }

  /** The same response, watched: its end, and the size of each of its messages. `id`: of the request that it answers. */
  private limited(response: Response, id: number | undefined): Response {
    const { body } = response
    if (body === null || response.status >= 300) return response
    const isStream = (response.headers.get("content-type") ?? "").includes("text/event-stream")
    const reader = body.getReader()
    const ended = (why: string) => {
      if (id === undefined || !isStream) return
      setTimeout(() => {
        // one that has been answered has nobody who listens
        if (!this.tokens.has(id)) this.listener.onLost(id, new Lost(why))
      }, settling)
    }
    let size = 0
    const watched = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        try {
          const { done, value } = await reader.read()
          if (done) {
            ended("its stream ended without an answer")
            controller.close()
            return
          }
          size += value.length
          // an empty line ends a message
          const at = isStream ? lastEnd(value) : -1
          if (at !== -1) size = value.length - at
          if (size > this.limit) throw new TooLarge(this.limit)
          controller.enqueue(value)
        } catch (error) {
          if (error instanceof TooLarge) {
            if (id !== undefined) {
              this.forget(id)
              this.listener.onLost(id, error)
            }
            void reader.cancel().catch(() => {})
          } else ended(`its stream broke (${codeOf(error)})`)
          controller.error(error)
        }
      },
      cancel: (reason) => reader.cancel(reason)
    })
    return new Response(watched, {
      status: response.status,
      statusText: response.statusText,
      headers: response.headers
    })
  }
}

/** Of a stream that nobody is to ask for again: the SDK takes it so. */
const over = (): Response => new Response(null, { status: 405 })

const lastEnd = (bytes: Uint8Array): number => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Math.max(buffer.lastIndexOf("\n\n"), buffer.lastIndexOf("\r\n\r\n"))
}

const idOfBody = (body: unknown): number | undefined => {
  if (typeof body !== "string") return undefined
  const { id, method } = JSON.parse(body) as { readonly id?: unknown; readonly method?: unknown }
  return typeof id === "number" && typeof method === "string" ? id : undefined
}

const textOf = async (response: Response): Promise<string> => {
  const chunks: Array<Uint8Array> = []
  let size = 0
  try {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      chunks.push(chunk)
      size += chunk.length
      if (size > maxErrorBytes) break
    }
  } catch {
    // what came of it is enough
  }
  return Buffer.concat(chunks).toString("utf8")
}

/** What a body of JSON-RPC says; else the body, unless it is a page for browsers. */
const reasonIn = (words: string): string => {
  try {
    const { error, message } = JSON.parse(words) as { readonly error?: unknown; readonly message?: unknown }
    const inner =
      typeof error === "object" && error !== null ? (error as { readonly message?: unknown }).message : error
    const said = inner ?? message
    if (typeof said === "string") return said
  } catch {
    // no JSON
  }
  return /^\s*</.test(words) ? "a page, and no answer of MCP" : words
}

const retryAfter = (response: Response): number | undefined => {
  const value = response.headers.get("retry-after")
  if (value === null) return undefined
  const millis = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now()
  return Number.isFinite(millis) ? Math.max(0, millis) : undefined
}

/** Errors of a request that never had a connection. */
const unconnected = new Set([
  "bad port",
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
  "UND_ERR_CONNECT_TIMEOUT",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"
])

const badPort = "bad port"

const codeOf = (error: unknown): string => {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { code } = at as { readonly code?: unknown }
    if (typeof code === "string") return code
    // of those that no browser goes to
    if (at.message === badPort) return badPort
  }
  return error instanceof Error ? error.name : "for a reason that is not known"
}

/** What is known of a message whose sending ended so. */
export const verdictOf = (error: unknown): Error => {
  if (error instanceof NotSent || error instanceof Refused || error instanceof TooLarge || error instanceof Lost) {
    return error
  }
  const code = codeOf(error)
  if (unconnected.has(code) || /^(?:CERT_|ERR_TLS|ERR_SSL)/.test(code)) {
    return new NotSent(`it cannot be reached (${code})`)
  }
  const { code: status } = error as { readonly code?: unknown }
  if (typeof status === "number" && status >= 300) {
    // above: of the stream that the older transport begins with
    const words = status < 400 ? ": it sends to another place, which is not followed: correct the url" : ""
    return new Refused(status, `HTTP ${status}${words}`)
  }
  // of the SDK, or of whoever read the answer
  if (status === -1 || error instanceof SyntaxError || (error instanceof Error && error.name === "ZodError")) {
    return new Lost("what it answered is no MCP")
  }
  return new Lost(`its connection broke (${code})`)
}
