/**
 * Tools that are **HTTP requests**: a description of the request in, the JSON of the answer out, and errors that say whether anything was
 * done.
 *
 * A request that may be repeated under a key carries the `Idempotency-Key` header. One that failed before there was a connection has done
 * nothing; one whose answer was lost may have. A stop closes the connection; what the server had done by then is not known, unless the
 * request had not been sent.
 *
 * @since 0.1.0
 */
import { CallError, Tool } from "@toolscope/core"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type { Agent } from "node:http"
import type { Agent as SecureAgent } from "node:https"
import { BadOptions, HttpError, MaybeDone, NotDone } from "./HttpError.ts"
import { withMeaning } from "./internal/contract.ts"
import { type Answer, Broken, Cut, exchange, isSuccess, TooLarge } from "./internal/http/exchange.ts"
import * as fields from "./internal/http/fields.ts"
import { fail, isPassing, type Knowledge, type Meaning, ofBroken, ofStatus, textOf } from "./internal/http/meaning.ts"
import { Invalid, prepare, type Prepared } from "./internal/http/prepare.ts"

/**
 * A request.
 *
 * @since 0.1.0
 */
export interface Request {
  /** Default `"GET"`. */
  readonly method?: string
  /** Of `http` or `https`. */
  readonly url: string | URL
  readonly headers?: { readonly [name: string]: string }
  /** Text and bytes are sent as they are, everything else as JSON. */
  readonly body?: unknown
}

/**
 * What `request` gets beside the parameters.
 *
 * @since 0.1.0
 */
export interface Context {
  readonly runId: string
  readonly epoch: number
  readonly call: string
  readonly attempt: number
  /** For servers that want it elsewhere than in the standard header. */
  readonly idempotencyKey: string
  /** Aborted when the attempt is to stop. */
  readonly signal: AbortSignal
}

/**
 * @since 0.1.0
 */
export interface Options<P extends Tool.AnySchema, S extends Tool.AnySchema> extends Omit<
  Tool.Options<P, S, typeof Schema.Never>,
  "failure" | "retry"
> {
  /** Describes the request; called in every attempt. It must not act. */
  readonly request: (params: Tool.Value<P>, context: Context) => Request | PromiseLike<Request>
  /** Does it carry the `Idempotency-Key` header? Default: if the contract acts, and its `repeat` is `"keyed"`. */
  readonly idempotencyKey?: boolean
  /** What a status says of this server, where that is not what it says in general: `{ 503: "nothing" }`. */
  readonly statuses?: { readonly [status: number]: "nothing" | "maybe" }
  /** The largest answer that is read, in bytes. Default 10 MiB. */
  readonly maxBytes?: number
  /** Certificates, proxies and such. Default: a connection for each request, as Node makes it. */
  readonly agent?: Agent | SecureAgent
  readonly retry?: Tool.Retry<HttpError>
}

const defaultMaxBytes = 10 * 1024 * 1024
const maxRedirects = 5

/**
 * A tool from the description of a request. The body of a success (2xx) is JSON, and decoded by `success`; no body is `null`.
 *
 * What an error says of the effect follows from its class (`HttpNotDone`, `HttpMaybeDone`), and the contract of the tool says so. A
 * contract whose `failure` is `"nothing"` says of this server that its failures have done nothing, whatever their status; an answer that
 * was lost may have done something all the same.
 *
 * Throws `HttpBadOptions` if the options are wrong.
 *
 * With `commit: "marked"` the request is sent through the gate: from then on a stop no longer cuts it off, but waits for it.
 *
 * @example
 * ```ts
 * import { Contract, Fanout, Plan } from "@toolscope/core"
 * import { Http } from "@toolscope/node"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import { createServer } from "node:http"
 * import type { AddressInfo } from "node:net"
 *
 * const server = createServer((request, response) => {
 *   response.end(JSON.stringify({ id: 7, key: request.headers["idempotency-key"] }))
 * }).listen(0, "127.0.0.1")
 * await new Promise((listening) => server.once("listening", listening))
 *
 * const Order = Http.tool("order", {
 *   parameters: Schema.Struct({ item: Schema.String }),
 *   success: Schema.Struct({ id: Schema.Number, key: Schema.String }),
 *   contract: Contract.make({ effect: "additive", repeat: "keyed" }),
 *   retry: Http.retryAfter({ times: 3 }),
 *   request: (body) => ({
 *     method: "POST",
 *     url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/orders`,
 *     body
 *   })
 * })
 * const plan = Plan.call(Order, { item: "teapot" }, { idempotencyKey: "order-17" })
 * console.log(await Effect.runPromise(Fanout.run(plan))) // => { id: 7, key: '"order-17"' }
 * server.close()
 * ```
 *
 * @since 0.1.0
 */
export const tool = <
  const Name extends string,
  P extends Tool.AnySchema = Schema.Struct<{}>,
  S extends Tool.AnySchema = typeof Schema.Unknown
>(
  name: Name,
  options: Options<P, S>
): Tool.Tool<Name, Tool.Input<P>, Tool.Value<S>, HttpError, never> => {
  const { agent, maxBytes = defaultMaxBytes, request: describe, statuses = {}, ...rest } = options
  const faults = [
    ...(typeof (describe as unknown) === "function" ? [] : ["request: expected a function that describes it"]),
    ...(maxBytes > 0 ? [] : [`maxBytes: expected a number above 0, got ${maxBytes}`]),
    ...Object.entries(statuses).flatMap(([status, meaning]) =>
      /^[1-5]\d\d$/.test(status) && ["nothing", "maybe"].includes(meaning)
        ? []
        : [`statuses: expected "nothing" or "maybe" for a status, got ${JSON.stringify({ [status]: meaning })}`]
    )
  ]
  if (faults.length > 0) throw new BadOptions({ tool: name, faults })
  const given = rest.contract
  const acts = given.effect !== "none"
  const isKeyed = rest.idempotencyKey ?? (acts && given.repeat === "keyed")
  const answered: Meaning | undefined = acts && given.failure === "nothing" ? "nothing" : undefined
  const knowledge: Knowledge = { keyed: isKeyed, statuses, answered }
  const isStandard = rest.success !== undefined && !Schema.isSchema(rest.success)
  const marked = acts && given.commit === "marked"
  /** Where a stop does not cut it off, it is awaited; the bound cuts it off all the same. */
  const cutBefore = !acts || given.interruption !== "never"
  const cutWithin = !acts || given.interruption === "anywhere" || (given.interruption === "beforeCommit" && !marked)

  const execute = async (params: unknown, context: Tool.PromiseContext): Promise<unknown> => {
    const { attempt, call, commit, epoch, idempotencyKey, onBound, runId, signal } = context
    const stoppedBefore = (request?: Prepared): unknown =>
      acts ? fail("nothing", request, { _tag: "StoppedBefore" }) : signal.reason
    if (cutBefore && signal.aborted) throw stoppedBefore()

    /** Ends what it is at; at first that is the description of the request. */
    let cut = (): void => {}
    const describing = new Promise<never>((_resolve, reject) => {
      cut = () => {
        reject(stoppedBefore())
      }
    })
    let isSending = false
    const onStop = (): void => {
      if (isSending ? cutWithin : cutBefore) cut()
    }

    const build = async (): Promise<(key: string) => Prepared> => {
      try {
        const request = await describe(params as Tool.Value<P>, { runId, epoch, call, attempt, idempotencyKey, signal })
        const withKey = (key: string) => prepare(request, isKeyed ? fields.idempotencyKey(key) : undefined)
        // all that is wrong with it is wrong before it passes a gate
        withKey(idempotencyKey)
        return withKey
      } catch (error) {
        throw fail("nothing", undefined, { _tag: "InvalidRequest", detail: detailOf(error) })
      }
    }

    const send = async (request: Prepared): Promise<unknown> => {
      isSending = true
      let trips = 0
      const trip = async (to: Prepared): Promise<Answer> => {
        // a stop can come between two of them
        if (cutWithin && signal.aborted) throw new Cut(trips > 0)
        trips++
        return exchange(to, {
          agent,
          maxBytes,
          onCut: (own) => {
            cut = own
          }
        })
      }
      try {
        const [last, answer] = await follow(request, !acts, trip)
        if (!isSuccess(answer.status)) throw ofStatus(last, answer, knowledge)
        return valueOf(last, answer, isStandard)
      } catch (error) {
        if (error instanceof Cut) throw error.connected ? signal.reason : stoppedBefore(request)
        if (error instanceof Broken || error instanceof TooLarge) throw ofBroken(request, error, maxBytes)
        throw error
      }
    }

    signal.addEventListener("abort", onStop, { once: true })
    onBound(() => {
      cut()
    })
    try {
      const withKey = await Promise.race([build(), describing])
      return await (marked ? commit((key) => send(withKey(key))) : send(withKey(idempotencyKey)))
    } finally {
      signal.removeEventListener("abort", onStop)
    }
  }

  return Tool.fromPromise(name, {
    ...(rest as Tool.Options<any, any, any>),
    contract: withMeaning(given, { HttpNotDone: "nothing" }),
    failure: HttpError,
    execute,
    catch: (rejection) => {
      if (rejection instanceof NotDone || rejection instanceof MaybeDone) return rejection
      // a bug
      throw rejection
    }
  }) as never
}

const detailOf = (error: unknown): string => {
  if (error instanceof Invalid) return error.message
  return `it could not be made: ${error instanceof Error ? error.message : String(error)}`
}

/** Follows redirects where that changes nothing. Gives the last request, and its answer. */
const follow = async (
  first: Prepared,
  mayFollow: boolean,
  trip: (request: Prepared) => Promise<Answer>
): Promise<readonly [Prepared, Answer]> => {
  let request = first
  for (let left = maxRedirects; ; left--) {
    const answer = await trip(request)
    const next = mayFollow && left > 0 ? redirected(request, answer) : undefined
    if (next === undefined) return [request, answer]
    request = next
  }
}

const redirects = new Set([301, 302, 303, 307, 308])
/** What another host may be told. */
const harmless = ["accept", "accept-encoding", "accept-language", "user-agent"]

const redirected = (request: Prepared, { headers, status }: Answer): Prepared | undefined => {
  const isRead = request.method === "GET" || request.method === "HEAD"
  if (!isRead || !redirects.has(status) || headers.location === undefined) return undefined
  let url: URL
  try {
    url = new URL(headers.location, request.url)
  } catch {
    return undefined
  }
  const isSafe = url.protocol === "https:" || url.protocol === request.url.protocol
  if (!isSafe || !["http:", "https:"].includes(url.protocol)) return undefined
  if (url.origin === request.url.origin) return { ...request, url }
  const few = Object.entries(request.headers).filter(([name]) => harmless.includes(name))
  return { ...request, url, headers: Object.fromEntries(few), body: undefined }
}

const valueOf = (request: Prepared, { body, headers, status }: Answer, isStandard: boolean): unknown => {
  if (body.length === 0) return isStandard ? undefined : null
  const text = textOf(body)
  const notJson = (detail: string) =>
    fail("maybe", request, { _tag: "NotJson", status, detail, body: text.slice(0, 2_000) })
  const encoding = headers["content-encoding"] ?? "identity"
  if (encoding !== "identity") throw notJson(`it is encoded as ${encoding}, which was not asked for`)
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw notJson((error as Error).message)
  }
}

/**
 * When to try again: after failures that may pass (no connection, a lost answer, 409 with a key, 429, 5xx, a timeout, an open circuit or a
 * used up rate limit), never after others. The pause doubles, and is at least as long as the server's `Retry-After`, or the circuit, says. If that is longer than `max`, there is no further attempt:
 * to come back earlier than the server has asked for helps nobody.
 *
 * Whether an attempt may follow at all, its contract decides.
 *
 * @example
 * ```ts
 * import { Http } from "@toolscope/node"
 *
 * const patient = Http.retryAfter({ times: 5, base: "500 millis", max: "2 minutes" })
 * console.log(typeof patient) // => object
 * ```
 *
 * @since 0.1.0
 */
export const retryAfter = (
  options: {
    /** Further attempts. Default 3. */
    readonly times?: number
    /** The first pause; each is twice as long as the one before. Default 200 ms. */
    readonly base?: Duration.Input
    /** The longest pause. Default 1 minute. */
    readonly max?: Duration.Input
  } = {}
): Schedule.Schedule<Duration.Duration, HttpError | CallError.CallError> => {
  const { base = "200 millis", max = "1 minute", times = 3 } = options
  const first = Duration.toMillis(Duration.fromInputUnsafe(base))
  const longest = Duration.toMillis(Duration.fromInputUnsafe(max))
  return Schedule.fromStepWithMetadata(
    Effect.succeed(({ attempt, input }: Schedule.InputMetadata<HttpError | CallError.CallError>) => {
      const asked = pauseOf(input)
      if (attempt > times || asked === undefined || asked > longest) return Cause.done(Duration.zero)
      const pause = Duration.millis(Math.max(asked, Math.min(first * 2 ** (attempt - 1), longest)))
      return Effect.succeed<[Duration.Duration, Duration.Duration]>([pause, pause])
    })
  )
}

/** How long it has to be at least, in milliseconds; `undefined` if another attempt would do no better. */
const pauseOf = (error: HttpError | CallError.CallError): number | undefined => {
  if (CallError.isCallError(error)) {
    const { reason } = error
    if (reason._tag === "NotReached") return reason.retryAfterMillis ?? 0
    return reason._tag === "TimedOut" ? 0 : undefined
  }
  if (!isPassing(error.reason)) return undefined
  return "retryAfterMillis" in error.reason ? (error.reason.retryAfterMillis ?? 0) : 0
}
