/**
 * What carries the messages of one server, until it ends: a process ({@link ServerProcess}) or a session over HTTP
 * ({@link HttpConnection}). It is a transport of the SDK that also knows how it ended, and what became of what was sent.
 *
 * A message that is sent ends in one of these ways: it reached the server (then `send` resolves), it did not ({@link NotSent}: nothing
 * happened), the server refused it ({@link Refused}), or nobody knows ({@link Lost}).
 */
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js"

/** The message did not reach the server: nothing happened. */
export class NotSent extends Error {}

/** There will be no answer; the message says why, where there is more to say than that the server ended. */
export class Lost extends Error {}

/** The server refused the message before it looked at what it asks for. */
export class Refused extends Error {
  readonly status: number
  readonly retryAfterMillis: number | undefined

  constructor(status: number, message: string, retryAfterMillis?: number) {
    super(message)
    this.status = status
    this.retryAfterMillis = retryAfterMillis
  }
}

/** The answer is larger than answers may be. */
export class TooLarge extends Error {
  readonly limit: number

  constructor(limit: number) {
    super(`an answer of more than ${limit} bytes`)
    this.limit = limit
  }
}

/** How a connection ended, as errors have it. */
export interface EndOf {
  readonly exitCode?: number
  readonly signal?: string
  readonly stderr: ReadonlyArray<string>
}

export interface Connection extends Transport {
  /** Sees each message first; what it takes goes no further. */
  take: (message: JSONRPCMessage) => boolean
  /** Told that the request of this number will have no answer, and why. */
  settle: (id: number, error: Lost | TooLarge) => void
  /** Does anybody wait for the answer to the request of this number? */
  isWaiting: (id: number) => boolean
  /** When it cannot be called any more: may what was under way end beside its successor? */
  readonly canStayBeside: boolean
  /** Can it be called? */
  readonly isUp: boolean
  /** Has it ended, and all that it said been read, or does it within this time? */
  readonly endsWithin: (millis: number) => Promise<boolean>
  readonly end: () => EndOf
  /** In words: `exit code 7`. */
  readonly describeEnd: () => string
  /** Did it come up, and end before it could be used? */
  readonly hasDied: () => boolean
  /** The first that it said that was no message. */
  readonly garbage: string | undefined
  /** Ends it at once, with what it has started, and gives how many processes that were. {@link Transport.onclose} follows. */
  readonly kill: () => number
  /** Ends it in order. Takes at most a few seconds. */
  readonly close: () => Promise<void>
}
