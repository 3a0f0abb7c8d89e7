/**
 * What an answer means: for the caller, and for the question whether anything was done.
 *
 * | the answer | means |
 * | --- | --- |
 * | 2xx | done |
 * | 4xx | nothing happened; but a 409 to a request with an idempotency key says that one with the same key is still under way |
 * | 307, 308 | nothing happened: make the request elsewhere |
 * | any other 3xx, 5xx | it may have happened |
 * | a connection that broke | nothing happened if there was none yet, else it may have |
 */
import { MaybeDone, NotDone, type Reason } from "../../HttpError.ts"
import { type Answer, Broken, TooLarge } from "./exchange.ts"
import { retryAfter } from "./fields.ts"
import { type Prepared, shown } from "./prepare.ts"

export type Meaning = "nothing" | "maybe"

/** What the tool's author knows of the server. */
export interface Knowledge {
  /** Was an idempotency key sent? */
  readonly keyed: boolean
  readonly statuses: { readonly [status: number]: Meaning }
  /** Of a failure that the server answers with. */
  readonly answered: Meaning | undefined
}

export const fail = (
  meaning: Meaning,
  request: Pick<Prepared, "method" | "url"> | undefined,
  reason: Reason
): NotDone | MaybeDone => {
  const about = {
    method: request?.method ?? "",
    url: request === undefined ? "" : shown(request.url),
    reason
  }
  return meaning === "nothing" ? new NotDone(about) : new MaybeDone(about)
}

/** Of an exchange that failed. */
export const ofBroken = (request: Prepared, why: Broken | TooLarge, limit: number): NotDone | MaybeDone => {
  if (why instanceof TooLarge) return fail("maybe", request, { _tag: "TooLarge", status: why.status, limit })
  const { code, connected, detail } = why
  return connected
    ? fail("maybe", request, { _tag: "AnswerLost", code, detail })
    : fail("nothing", request, { _tag: "NotConnected", code, detail })
}

/** Of an answer that is no success. */
export const ofStatus = (
  request: Prepared,
  { body, headers, status }: Answer,
  { answered, keyed, statuses }: Knowledge
): NotDone | MaybeDone => {
  const [meaning, reason] = read(request, { status, headers, body }, keyed)
  return fail(statuses[status] ?? answered ?? meaning, request, reason)
}

const read = (
  { url }: Prepared,
  { body: bytes, headers, status }: Answer,
  keyed: boolean
): readonly [Meaning, Reason] => {
  const text = textOf(bytes).slice(0, maxBody)
  const body = text === "" ? {} : { body: text }
  const millis = retryAfter(headers["retry-after"], headers.date, Date.now())
  const later = millis === undefined ? {} : { retryAfterMillis: millis }
  if (status < 400) {
    const elsewhere = status === 307 || status === 308
    return [elsewhere ? "nothing" : "maybe", { _tag: "Redirected", status, ...locationOf(headers.location, url) }]
  }
  if (status >= 500) return ["maybe", { _tag: "ServerFailed", status, ...body, ...later }]
  if (status === 429) return ["nothing", { _tag: "TooManyRequests", status, ...body, ...later }]
  if (status === 409 && keyed) return ["maybe", { _tag: "StillRunning", status, ...body, ...later }]
  if (status === 422 && keyed) return ["nothing", { _tag: "KeyReused", status, ...body }]
  return ["nothing", { _tag: "Refused", status, ...body }]
}

const locationOf = (location: string | undefined, url: URL): { readonly location?: string } => {
  if (location === undefined) return {}
  const target = URL.parse(location, url.href)
  return { location: target === null ? location : shown(target) }
}

/** Of the body of a failure as much is kept. */
const maxBody = 2_000

export const textOf = (bytes: Buffer): string => new TextDecoder().decode(bytes)

/** May another attempt do better? */
export const isPassing = ({ _tag }: Reason): boolean => passing.has(_tag)
const passing = new Set<Reason["_tag"]>([
  "NotConnected",
  "AnswerLost",
  "StillRunning",
  "TooManyRequests",
  "ServerFailed"
])
