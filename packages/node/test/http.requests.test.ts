/**
 * What an HTTP tool sends, where it follows, when it tries again, and what a stop does to it.
 */
import { assert, describe, it } from "@effect/vitest"
import { CallError, Contract, Fanout, Plan } from "@toolscope/core"
import { Http, HttpError } from "@toolscope/node"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { Agent } from "node:http"
import { idempotencyKey, retryAfter } from "../src/internal/http/fields.ts"
import { answers, call, get, keyed, post, raw, said, serve } from "./servers.ts"
import { callOf, errorOf, eventually, reportOf, valueOf } from "./support.ts"

describe("a request", () => {
  it.live("is sent as described: text and bytes as they are, everything else as JSON", () =>
    Effect.gen(function* () {
      const server = yield* answers(200, "1")
      const send = (request: Omit<Http.Request, "url">) =>
        callOf(call(post(server.url, { request: () => ({ url: `${server.url}/a?b=c`, ...request }) })))
      yield* send({ method: "PUT", body: { a: [1, "é"] }, headers: { Authorization: "Bearer x" } })
      yield* send({ method: "POST", body: "text" })
      yield* send({ method: "PATCH", body: new Uint8Array([104, 105]), headers: { "content-type": "text/x" } })
      yield* send({ method: "DELETE" })
      yield* send({ method: "POST" })
      assert.deepStrictEqual(
        server.got.map(({ body, headers, method, url }) => [
          method,
          url,
          headers["content-type"],
          headers["content-length"],
          body
        ]),
        [
          ["PUT", "/a?b=c", "application/json", "14", `{"a":[1,"é"]}`],
          ["POST", "/a?b=c", "text/plain; charset=utf-8", "4", "text"],
          ["PATCH", "/a?b=c", "text/x", "2", "hi"],
          ["DELETE", "/a?b=c", undefined, undefined, ""],
          ["POST", "/a?b=c", undefined, "0", ""]
        ]
      )
      assert.strictEqual(server.got[0]!.headers.authorization, "Bearer x")
    })
  )

  it.live("carries the key as a quoted string where the contract makes it safe to repeat under it", () =>
    Effect.gen(function* () {
      const server = yield* answers(200, "1")
      const send = (options: Parameters<typeof post>[1]) =>
        callOf(call(post(server.url, options), { idempotencyKey: `o"1` }))
      const request = { method: "POST", url: server.url, headers: { "Idempotency-Key": "own" } }
      yield* send({})
      yield* send({ idempotencyKey: false })
      yield* send({ contract: Contract.idempotent })
      yield* send({ contract: Contract.irreversible, idempotencyKey: true })
      yield* send({ contract: Contract.readOnly })
      yield* send({ request: () => request })
      yield* send({
        request: (_params, { idempotencyKey }) => ({ ...request, headers: { "x-request-id": idempotencyKey } })
      })
      assert.deepStrictEqual(
        server.got.map(({ headers }) => headers["idempotency-key"]),
        [`"o\\"1"`, undefined, undefined, `"o\\"1"`, undefined, "own", `"o\\"1"`]
      )
      assert.strictEqual(server.got[6]!.headers["x-request-id"], `o"1`)
    })
  )

  it("a key is a string of structured fields, whatever it holds", () => {
    assert.strictEqual(idempotencyKey("run/call"), `"run/call"`)
    assert.strictEqual(idempotencyKey(`a\\b"c`), `"a\\\\b\\"c"`)
    assert.strictEqual(idempotencyKey("é\n"), `"%C3%A9%0A"`)
    for (const key of ["", "\u0000", "😀", "\ud800", "%"])
      assert.match(idempotencyKey(key), /^"(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"$/)
  })
})

describe("options", () => {
  it("that are wrong are found when the tool is made, all at once", () => {
    const bad = () =>
      Http.tool("bad", {
        contract: keyed,
        request: undefined as never,
        maxBytes: Number.NaN,
        statuses: { 503: "perhaps" as never, 7: "nothing" }
      })
    try {
      bad()
      assert.fail("it was accepted")
    } catch (error) {
      assert.instanceOf(error, HttpError.BadOptions)
      assert.strictEqual(error.faults.length, 4)
    }
  })
})

describe("a redirect", () => {
  it.live("of a read is followed, a few times; what is secret stays with its host", () =>
    Effect.gen(function* () {
      const other = yield* answers(200, `"there"`)
      const server = yield* serve(({ url }, response) => {
        if (url === "/away") response.writeHead(302, { location: `${other.url}/x` }).end()
        else if (url === "/near") response.writeHead(307, { location: "/end" }).end()
        else if (url === "/end") response.end(`"here"`)
        else if (url === "/bad") response.writeHead(302, { location: "ftp://127.0.0.1/" }).end()
        else response.writeHead(301, { location: "/round" }).end()
      })
      const read = (path: string) =>
        callOf(
          call(
            get(server.url, {
              request: () => ({
                url: `${server.url}${path}`,
                headers: { authorization: "secret", "x-key": "secret", "accept-language": "eo" }
              })
            })
          )
        )
      assert.strictEqual(valueOf(yield* read("/near")), "here")
      assert.strictEqual(server.got.at(-1)!.headers.authorization, "secret")
      assert.strictEqual(valueOf(yield* read("/away")), "there")
      const { headers } = other.got[0]!
      assert.strictEqual(headers["accept-language"], "eo")
      assert.notInclude(JSON.stringify(headers), "secret")
      assert.strictEqual(errorOf(yield* read("/bad")).reason._tag, "Redirected")
      const before = server.got.length
      assert.strictEqual(errorOf(yield* read("/round")).reason._tag, "Redirected")
      assert.strictEqual(server.got.length - before, 6)
    })
  )

  it.live("is not followed by what is no GET, nor by what acts", () =>
    Effect.gen(function* () {
      const server = yield* serve((_got, response) => {
        response.writeHead(308, { location: "/other" }).end()
      })
      const search = get(server.url, { request: (body) => ({ method: "POST", url: server.url, body }) })
      assert.strictEqual(errorOf(yield* callOf(call(search))).reason._tag, "Redirected")
      const acting = post(server.url, { request: () => ({ url: server.url }) })
      assert.strictEqual(errorOf(yield* callOf(call(acting))).reason._tag, "Redirected")
      assert.strictEqual(server.got.length, 2)
    })
  )
})

describe("Retry-After", () => {
  it("is seconds or a date, by the clock of the server where that is known", () => {
    const now = Date.parse("Sun, 06 Nov 1994 08:49:37 GMT")
    assert.strictEqual(retryAfter("120", undefined, now), 120_000)
    assert.strictEqual(retryAfter("Sun, 06 Nov 1994 08:50:37 GMT", undefined, now), 60_000)
    assert.strictEqual(retryAfter("Sunday, 06-Nov-94 08:50:37 GMT", undefined, now), 60_000)
    assert.strictEqual(retryAfter("Sun Nov  6 08:50:37 1994", undefined, now), 60_000)
    assert.strictEqual(retryAfter("Sun, 06 Nov 1994 08:50:37 GMT", "Sun, 06 Nov 1994 08:50:07 GMT", now), 30_000)
    assert.strictEqual(retryAfter("Sun, 06 Nov 1994 08:00:00 GMT", undefined, now), 0)
    for (const nonsense of [undefined, "", "soon", "-1", "1.5", "1e3", "1994-11-06"]) {
      assert.strictEqual(retryAfter(nonsense, undefined, now), undefined, nonsense)
    }
  })

  const pauses = (errors: ReadonlyArray<unknown>, options?: Parameters<typeof Http.retryAfter>[0]) =>
    Effect.gen(function* () {
      const step = yield* Schedule.toStep(Http.retryAfter(options))
      const pauses: Array<number> = []
      for (const error of errors) {
        const exit = yield* Effect.exit(step(0, error as never))
        if (exit._tag === "Failure") break
        pauses.push(Duration.toMillis(exit.value[1]))
      }
      return pauses
    })
  const error = (reason: HttpError.Reason) => new HttpError.NotDone({ method: "GET", url: "http://a/", reason })
  const asks = (retryAfterMillis?: number) =>
    error({ _tag: "TooManyRequests", status: 429, ...(retryAfterMillis === undefined ? {} : { retryAfterMillis }) })

  it.effect("makes a pause longer, never shorter, and no longer than the maximum", () =>
    Effect.gen(function* () {
      const options = { times: 4, base: 100, max: 1_000 }
      assert.deepStrictEqual(yield* pauses([asks(), asks(), asks(), asks(), asks()], options), [100, 200, 400, 800])
      assert.deepStrictEqual(
        yield* pauses([asks(50), asks(900), asks(0), asks(1_000)], options),
        [100, 900, 400, 1_000]
      )
      assert.deepStrictEqual(yield* pauses([asks(1_001)], options), [])
      assert.deepStrictEqual(
        yield* pauses(
          Array.from({ length: 9 }, () => asks()),
          { times: 9, base: "1 second", max: "3 seconds" }
        ),
        [1_000, 2_000, 3_000, 3_000, 3_000, 3_000, 3_000, 3_000, 3_000]
      )
    })
  )

  it.effect("there is another attempt after what may pass, and after nothing else", () =>
    Effect.gen(function* () {
      const timedOut = new CallError.CallError({ reason: new CallError.TimedOut({ millis: 1 }) })
      const malformed = new CallError.CallError({ reason: new CallError.MalformedResult({ issues: [] }) })
      const passing = [
        timedOut,
        error({ _tag: "NotConnected", code: "ECONNREFUSED", detail: "" }),
        error({ _tag: "AnswerLost", code: "ECONNRESET", detail: "" }),
        error({ _tag: "StillRunning", status: 409 }),
        error({ _tag: "ServerFailed", status: 500 })
      ]
      for (const one of passing) assert.strictEqual((yield* pauses([one])).length, 1)
      const lasting = [
        malformed,
        error({ _tag: "Refused", status: 400 }),
        error({ _tag: "KeyReused", status: 422 }),
        error({ _tag: "Redirected", status: 307 }),
        error({ _tag: "NotJson", status: 200, detail: "" }),
        error({ _tag: "TooLarge", status: 200, limit: 1 }),
        error({ _tag: "InvalidRequest", detail: "" })
      ]
      for (const one of lasting) assert.deepStrictEqual(yield* pauses([one]), [])
    })
  )

  it.live("is waited for", () =>
    Effect.gen(function* () {
      const at: Array<number> = []
      const server = yield* serve((_got, response, count) => {
        at.push(performance.now())
        if (count === 1) response.writeHead(429, { "retry-after": "1" }).end()
        else response.end(`"now"`)
      })
      const tool = post(server.url, { contract: Contract.irreversible, retry: Http.retryAfter({ base: "10 millis" }) })
      const there = yield* callOf(call(tool))
      assert.strictEqual(valueOf(there), "now")
      assert.isAtLeast(at[1]! - at[0]!, 1_000)
    })
  )

  it.live("of a request that is still under way leads to its answer, under the same key", () =>
    Effect.gen(function* () {
      const done = new Map<string, number>()
      const server = yield* serve(({ headers }, response, count) => {
        const key = String(headers["idempotency-key"])
        if (count === 1) {
          // it is carried out, and its answer is lost
          done.set(key, 1)
          response.socket?.resetAndDestroy()
        } else if (count === 2) response.writeHead(409).end()
        else response.end(JSON.stringify({ orders: done.get(key), keys: done.size }))
      })
      const there = yield* callOf(call(post(server.url, { retry: Http.retryAfter({ base: "10 millis" }) })))
      assert.deepStrictEqual(valueOf(there), { orders: 1, keys: 1 })
      assert.strictEqual(there.attempts, 3)
    })
  )
})

describe("a stop", () => {
  /** Runs the tool beside a call that fails when the server has the request. */
  const stopped = (tool: ReturnType<typeof post>, when: () => boolean, settings: Fanout.Options = {}) => {
    const enough = Plan.effect(Effect.andThen(eventually(when), Effect.fail("enough")), Contract.readOnly)
    return Effect.map(reportOf(Plan.all({ it: call(tool), enough }), settings), ({ calls, drainMillis }) => ({
      there: calls[0]!,
      drainMillis
    }))
  }

  it.live("closes the connection at once; whether it was done is not known", () =>
    Effect.gen(function* () {
      const server = yield* serve(() => {})
      const got = () => server.got.length > 0
      const { drainMillis, there } = yield* stopped(post(server.url), got)
      assert.deepStrictEqual(said(there), ["Unknown", "unknown"])
      assert.isFalse(there.leftBehind)
      assert.isBelow(drainMillis, 1_500)
      yield* eventually(() => server.open() === 0)
      assert.strictEqual((yield* stopped(get(server.url), () => server.got.length > 1)).there.outcome._tag, "Cancelled")
    })
  )

  it.live("in the midst of an answer does the same", () =>
    Effect.gen(function* () {
      let sent = false
      const server = yield* serve((_got, response) => {
        response.writeHead(200, { "content-length": "100" })
        response.write("{", () => {
          sent = true
        })
      })
      const { there } = yield* stopped(post(server.url), () => sent)
      assert.deepStrictEqual(said(there), ["Unknown", "unknown"])
    })
  )

  it.live("before there was a connection has done nothing", () =>
    Effect.gen(function* () {
      let asked = false
      // an address that never comes
      const agent = new Agent({
        lookup: () => {
          asked = true
        }
      })
      const { there } = yield* stopped(post("http://nowhere.invalid/", { agent }), () => asked)
      assert.deepStrictEqual(said(there), ["Cancelled"])
      assert.deepInclude(there.afterStop as object, { _tag: "HttpNotDone" })
    })
  )

  it.live("before the request was described has done nothing, and does not wait for the description", () =>
    Effect.gen(function* () {
      let asked = false
      const request = () => {
        asked = true
        return new Promise<never>(() => {})
      }
      const { drainMillis, there } = yield* stopped(post("", { request }), () => asked)
      assert.deepStrictEqual(said(there), ["Cancelled"])
      assert.isBelow(drainMillis, 1_500)
    })
  )

  it.live("before a request passes the gate does not wait for its description either", () =>
    Effect.gen(function* () {
      let asked = false
      const request = () => {
        asked = true
        return new Promise<never>(() => {})
      }
      const contract = Contract.make({ effect: "additive", commit: "marked" })
      const { drainMillis, there } = yield* stopped(post("", { request, contract }), () => asked)
      assert.deepStrictEqual(said(there), ["Cancelled"])
      assert.isBelow(drainMillis, 1_500)
    })
  )

  it.live("waits for the answer where the contract says that nothing interrupts it; the bound ends that", () =>
    Effect.gen(function* () {
      const contract = Contract.make({ effect: "additive", interruption: "never" })
      const slow = yield* serve((_got, response) => {
        setTimeout(() => response.end(`"late"`), 100)
      })
      const late = yield* stopped(post(slow.url, { contract }), () => slow.got.length > 0)
      assert.deepStrictEqual(said(late.there), ["Succeeded", "committed"])
      assert.isFalse(late.there.used)

      const silent = yield* serve(() => {})
      const { drainMillis, there } = yield* stopped(post(silent.url, { contract }), () => silent.got.length > 0, {
        drain: "2 seconds"
      })
      assert.deepStrictEqual(said(there), ["Unknown", "unknown"])
      assert.isFalse(there.leftBehind)
      assert.isAtLeast(drainMillis, 1_450)
      yield* eventually(() => silent.open() === 0)
    })
  )

  it.live("waits for what has passed the gate, and its probe settles what is in doubt", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const contract = Contract.make({
        effect: "additive",
        repeat: "keyed",
        commit: "marked",
        probe: ({ key }) => Effect.sync(() => asked.push(key) > 0)
      })
      const slow = yield* serve((_got, response) => {
        setTimeout(() => response.end(`"late"`), 100)
      })
      const late = yield* stopped(post(slow.url, { contract }), () => slow.got.length > 0)
      assert.deepStrictEqual(said(late.there), ["Succeeded", "committed"])
      const loses = yield* serve((_got, response) => {
        response.socket?.resetAndDestroy()
      })
      const there = yield* callOf(call(post(loses.url, { contract })))
      assert.deepStrictEqual(said(there), ["Failed", "HttpMaybeDone", "AnswerLost", "committed"])
      assert.deepStrictEqual(
        loses.got.map(({ headers }) => headers["idempotency-key"]),
        asked.map(idempotencyKey)
      )
      const refuses = yield* answers(400)
      assert.deepStrictEqual(said(yield* callOf(call(post(refuses.url, { contract })))), [
        "Failed",
        "HttpNotDone",
        "Refused"
      ])
    })
  )

  it.live("by a timeout is unknown where it may have been done, and nothing where it cannot have been", () =>
    Effect.gen(function* () {
      const silent = yield* serve(() => {})
      const there = yield* callOf(call(post(silent.url), { timeout: "50 millis" }))
      assert.strictEqual(there.outcome._tag, "Unknown")
      assert.strictEqual(errorOf(there).reason._tag, "TimedOut")
      const agent = new Agent({ lookup: () => {} })
      const never = yield* callOf(call(post("http://nowhere.invalid/", { agent }), { timeout: "50 millis" }))
      assert.strictEqual(never.outcome._tag, "Failed")
      assert.deepStrictEqual(never.effects, [])
    })
  )

  it.live("of the owner closes the connection", () =>
    Effect.gen(function* () {
      const silent = yield* serve(() => {})
      const fiber = yield* Effect.forkChild(Fanout.run(call(post(silent.url))))
      yield* eventually(() => silent.got.length > 0)
      yield* Fiber.interrupt(fiber)
      yield* eventually(() => silent.open() === 0)
    })
  )
})

describe("many requests", () => {
  it.live("leave no connection, whatever became of them", () =>
    Effect.gen(function* () {
      const server = yield* serve((_got, response, count) => {
        if (count % 4 === 0) response.socket?.destroy()
        else if (count % 4 === 1) response.writeHead(500).end()
        else if (count % 4 === 2) response.end(`"ok"`)
      })
      const tool = post(server.url, { timeout: "3 seconds" })
      const plan = Plan.all(
        Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`c${i}`, Plan.settled(call(tool))]))
      )
      const { calls } = yield* reportOf(plan, { concurrency: 25 })
      const count = (tag: string) => calls.filter(({ outcome }) => outcome._tag === tag).length
      assert.deepStrictEqual([count("Succeeded"), count("Failed"), count("Unknown")], [25, 50, 25])
      yield* eventually(() => server.open() === 0)
    })
  )

  it.live("over an agent that keeps connections know that a kept one was there", () =>
    Effect.gen(function* () {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      let connections = 0
      const server = yield* raw((socket) => {
        connections++
        let requests = 0
        socket.on("data", () => {
          if (++requests === 1) socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1`)
          else socket.resetAndDestroy()
        })
      })
      const tool = post(server.url, { agent, contract: keyed })
      assert.strictEqual(valueOf(yield* callOf(call(tool))), 1)
      assert.deepStrictEqual(said(yield* callOf(call(tool))), ["Failed", "HttpMaybeDone", "AnswerLost", "unknown"])
      assert.strictEqual(connections, 1)
      agent.destroy()
    })
  )
})

it("the types of an HTTP tool follow from its schemas", () => {
  const tool = Http.tool("typed", {
    parameters: Schema.Struct({ id: Schema.Number }),
    success: Schema.Struct({ name: Schema.String }),
    contract: Contract.readOnly,
    request: ({ id }) => ({ url: `http://127.0.0.1/${id.toFixed()}` })
  })
  const plan: Plan.Plan<{ readonly name: string }, HttpError.HttpError> = Plan.call(tool, { id: 1 })
  assert.isDefined(plan)
})
