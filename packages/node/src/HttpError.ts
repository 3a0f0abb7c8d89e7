/**
 * How a tool that is an HTTP request fails. There are two errors, because two things must never be mixed up:
 *
 * - {@link NotDone}: by all that is known the request changed nothing. It may be made again.
 * - {@link MaybeDone}: it may have been carried out. It may be made again only where it can be repeated.
 *
 * Both say why by one closed `reason`, and to what request.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Schema from "effect/Schema"

const Millis = Schema.optionalKey(Schema.Number)
const Body = Schema.optionalKey(Schema.String)

/**
 * `request` threw, or gave something that is no request. Nothing was sent.
 *
 * @since 0.1.0
 */
export const InvalidRequest = Schema.TaggedStruct("InvalidRequest", { detail: Schema.String })

/**
 * The attempt was stopped before there was a connection. Nothing was sent.
 *
 * @since 0.1.0
 */
export const StoppedBefore = Schema.TaggedStruct("StoppedBefore", {})

/**
 * There was no connection: refused, no such host, a certificate that is not trusted. Nothing was sent.
 *
 * @since 0.1.0
 */
export const NotConnected = Schema.TaggedStruct("NotConnected", { code: Schema.String, detail: Schema.String })

/**
 * The connection broke before the answer was whole.
 *
 * @since 0.1.0
 */
export const AnswerLost = Schema.TaggedStruct("AnswerLost", { code: Schema.String, detail: Schema.String })

/**
 * The server answered that it did what it was asked for, with a body that is no JSON.
 *
 * @since 0.1.0
 */
export const NotJson = Schema.TaggedStruct("NotJson", { status: Schema.Number, detail: Schema.String, body: Body })

/**
 * The answer was larger than `maxBytes`; the rest of it was not read.
 *
 * @since 0.1.0
 */
export const TooLarge = Schema.TaggedStruct("TooLarge", { status: Schema.Number, limit: Schema.Number })

/**
 * The server points elsewhere, and the request is not one that may simply be made there.
 *
 * @since 0.1.0
 */
export const Redirected = Schema.TaggedStruct("Redirected", {
  status: Schema.Number,
  location: Schema.optionalKey(Schema.String)
})

/**
 * 409, and an idempotency key was sent: the server is still at a request with the same key.
 *
 * @since 0.1.0
 */
export const StillRunning = Schema.TaggedStruct("StillRunning", {
  status: Schema.Number,
  body: Body,
  retryAfterMillis: Millis
})

/**
 * 422, and an idempotency key was sent: the server has seen that key with another request, or refuses what this one says.
 *
 * @since 0.1.0
 */
export const KeyReused = Schema.TaggedStruct("KeyReused", { status: Schema.Number, body: Body })

/**
 * 429: there were too many requests.
 *
 * @since 0.1.0
 */
export const TooManyRequests = Schema.TaggedStruct("TooManyRequests", {
  status: Schema.Number,
  body: Body,
  retryAfterMillis: Millis
})

/**
 * Any other 4xx: the server will not do it.
 *
 * @since 0.1.0
 */
export const Refused = Schema.TaggedStruct("Refused", { status: Schema.Number, body: Body })

/**
 * 5xx: the server failed at it.
 *
 * @since 0.1.0
 */
export const ServerFailed = Schema.TaggedStruct("ServerFailed", {
  status: Schema.Number,
  body: Body,
  retryAfterMillis: Millis
})

/**
 * @since 0.1.0
 */
export const Reason = Schema.Union([
  InvalidRequest,
  StoppedBefore,
  NotConnected,
  AnswerLost,
  NotJson,
  TooLarge,
  Redirected,
  StillRunning,
  KeyReused,
  TooManyRequests,
  Refused,
  ServerFailed
])

/**
 * @since 0.1.0
 */
export type Reason = typeof Reason.Type

/** The request that it is about; of its URL neither credentials nor query, which may be secret. */
const about = { method: Schema.String, url: Schema.String, reason: Reason }

/**
 * By all that is known, nothing happened. Match on `reason._tag`.
 *
 * @since 0.1.0
 */
export class NotDone extends Schema.TaggedError<NotDone>()("HttpNotDone", about) {
  override get message(): string {
    return describe(this, "nothing happened")
  }
}

/**
 * It may have happened. Match on `reason._tag`.
 *
 * @since 0.1.0
 */
export class MaybeDone extends Schema.TaggedError<MaybeDone>()("HttpMaybeDone", about) {
  override get message(): string {
    return describe(this, "it may have been done all the same")
  }
}

/**
 * @since 0.1.0
 */
export const HttpError = Schema.Union([NotDone, MaybeDone])

/**
 * @since 0.1.0
 */
export type HttpError = typeof HttpError.Type

/**
 * What is wrong with the options of a tool, found when it is made: all of it at once.
 *
 * @since 0.1.0
 */
export class BadOptions extends Data.TaggedError("HttpBadOptions")<{
  readonly tool: string
  readonly faults: ReadonlyArray<string>
}> {
  override get message(): string {
    return `Http.tool(${JSON.stringify(this.tool)}): ${this.faults.join("; ")}`
  }
}

const describe = (error: NotDone | MaybeDone, meaning: string): string => {
  const request = `${error.method} ${error.url}`.trim()
  return `${request === "" ? "the request" : request}: ${explain(error.reason)} (${meaning})`
}

const explain = (reason: Reason): string => {
  switch (reason._tag) {
    case "InvalidRequest":
      return `it is no request that can be sent: ${reason.detail}`
    case "StoppedBefore":
      return "it was stopped before it was sent"
    case "NotConnected":
      return `no connection (${reason.code}: ${reason.detail}): see that the host is right, and that its server runs`
    case "AnswerLost":
      return `the connection broke before the answer was whole (${reason.code}: ${reason.detail}): look whether it was done`
    case "NotJson":
      return `the server answered ${reason.status} with a body that is no JSON: ${reason.detail}`
    case "TooLarge":
      return `the answer has more than ${reason.limit} bytes: ask for less, or allow more (maxBytes)`
    case "Redirected":
      return `the server answered ${reason.status} and points to ${reason.location ?? "nowhere"}: send the request to where it belongs`
    case "StillRunning":
      return `the server answered ${reason.status}: it is still at a request with the same idempotency key; try again later${later(reason)}`
    case "KeyReused":
      return `the server answered ${reason.status}: it has seen this idempotency key with another request, or does not accept this one${bodyOf(reason)}`
    case "TooManyRequests":
      return `the server answered ${reason.status}: there were too many requests; try again later${later(reason)}`
    case "Refused":
      return `the server answered ${reason.status}: it will not do it${bodyOf(reason)}`
    case "ServerFailed":
      return `the server answered ${reason.status}: it failed${later(reason)}${bodyOf(reason)}`
  }
}

const later = ({ retryAfterMillis }: { readonly retryAfterMillis?: number }): string =>
  retryAfterMillis === undefined ? "" : `, in ${retryAfterMillis} ms as it says`

const bodyOf = ({ body }: { readonly body?: string }): string => {
  const line = body?.replaceAll(/\s+/g, " ").trim() ?? ""
  return line === "" ? "" : `: ${line.length > 200 ? `${line.slice(0, 200)}…` : line}`
}
