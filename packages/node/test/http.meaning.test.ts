/**
 * What is said of an HTTP request that failed: nothing happened, or it may have. Every case against a real server.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Plan } from "@toolscope/core"
import { Http, HttpError } from "@toolscope/node"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Agent } from "node:http"
import { Agent as SecureAgent, createServer as createSecureServer } from "node:https"
import type { AddressInfo, Socket } from "node:net"
import { connect as connectSecurely } from "node:tls"
import { cert, key } from "./fixtures/selfSigned.ts"
import { answers, call, deadPort, get, keyed, post, raw, said, serve } from "./servers.ts"
import { callOf, errorOf, valueOf } from "./support.ts"

const head = (status: string, ...fields: ReadonlyArray<string>) =>
  `HTTP/1.1 ${status}\r\n${fields.join("\r\n")}\r\n\r\n`

describe("a success", () => {
  it.live("is decoded by its schema; no body is null", () =>
    Effect.gen(function* () {
      const Success = Schema.Struct({ id: Schema.Number, at: Schema.Date })
      const ok = yield* answers(201, { id: 7, at: "1970-01-01T00:00:00.000Z" })
      const there = yield* callOf(call(post(ok.url, { success: Success as never })))
      assert.deepStrictEqual(valueOf(there), { id: 7, at: new Date(0) })
      const empty = yield* answers(204)
      const nothing = yield* callOf(call(post(empty.url, { success: Schema.Null as never })))
      assert.deepStrictEqual(said(nothing), ["Succeeded", "committed"])
    })
  )

  it.live("that its schema does not allow is malformed, and may have been done", () =>
    Effect.gen(function* () {
      const ok = yield* answers(200, { id: "seven" })
      const Success = Schema.Struct({ id: Schema.Number })
      const there = yield* callOf(call(post(ok.url, { success: Success as never })))
      assert.strictEqual(errorOf(there).reason._tag, "MalformedResult")
      assert.deepStrictEqual(
        there.effects.map(({ state }) => state),
        ["unknown"]
      )
    })
  )

  it.live("that is no JSON, is encoded as nobody asked, or is too large, may have been done", () =>
    Effect.gen(function* () {
      const contract = Contract.make({ effect: "additive", failure: "nothing" })
      const text = yield* answers(200, "<html>")
      assert.deepStrictEqual(said(yield* callOf(call(post(text.url, { contract })))), [
        "Failed",
        "HttpMaybeDone",
        "NotJson",
        "unknown"
      ])
      const encoded = yield* answers(200, "{}", { "content-encoding": "br" })
      assert.deepStrictEqual(said(yield* callOf(call(post(encoded.url)))), [
        "Failed",
        "HttpMaybeDone",
        "NotJson",
        "unknown"
      ])
      const large = yield* answers(200, `"${"x".repeat(1_998)}"`)
      const there = yield* callOf(call(post(large.url, { maxBytes: 1_999 })))
      assert.deepStrictEqual(said(there), ["Failed", "HttpMaybeDone", "TooLarge", "unknown"])
      assert.strictEqual(
        said(yield* callOf(call(post(large.url, { maxBytes: 2_000, success: Schema.Json as never }))))[0],
        "Succeeded"
      )
    })
  )
})

describe("a status", () => {
  const table: ReadonlyArray<readonly [status: number, ...said: ReadonlyArray<string>]> = [
    [301, "HttpMaybeDone", "Redirected", "unknown"],
    [303, "HttpMaybeDone", "Redirected", "unknown"],
    [304, "HttpMaybeDone", "Redirected", "unknown"],
    [307, "HttpNotDone", "Redirected"],
    [308, "HttpNotDone", "Redirected"],
    [400, "HttpNotDone", "Refused"],
    [401, "HttpNotDone", "Refused"],
    [404, "HttpNotDone", "Refused"],
    [408, "HttpNotDone", "Refused"],
    [409, "HttpMaybeDone", "StillRunning", "unknown"],
    [422, "HttpNotDone", "KeyReused"],
    [429, "HttpNotDone", "TooManyRequests"],
    [500, "HttpMaybeDone", "ServerFailed", "unknown"],
    [502, "HttpMaybeDone", "ServerFailed", "unknown"],
    [503, "HttpMaybeDone", "ServerFailed", "unknown"]
  ]
  it.live("says whether anything was done, as the table in the docs has it", () =>
    Effect.gen(function* () {
      const server = yield* serve(({ url }, response) => {
        response.writeHead(Number(url.slice(1)), { location: "/elsewhere?token=secret" }).end("because")
      })
      for (const [status, ...expected] of table) {
        const there = yield* callOf(call(post(`${server.url}/${status}`)))
        assert.deepStrictEqual(said(there), ["Failed", ...expected], String(status))
        assert.strictEqual(Contract.mayHaveActed(there.contract, errorOf(there)), expected[0] === "HttpMaybeDone")
        assert.strictEqual(errorOf(there).reason.status, status)
        assert.include(errorOf(there).message, String(status))
        assert.notInclude(errorOf(there).message, "secret")
      }
      // nobody went where they were sent
      assert.strictEqual(server.got.length, table.length)
    })
  )

  it.live("409 and 422 speak of the key only if one was sent", () =>
    Effect.gen(function* () {
      const contract = Contract.make({ effect: "additive" })
      for (const status of [409, 422]) {
        const server = yield* answers(status, "conflict")
        assert.deepStrictEqual(said(yield* callOf(call(post(server.url, { contract })))), [
          "Failed",
          "HttpNotDone",
          "Refused"
        ])
      }
    })
  )

  it.live("means what the author of the tool says of this server", () =>
    Effect.gen(function* () {
      const server = yield* answers(503, "full")
      const own = post(server.url, { statuses: { 503: "nothing", 404: "maybe" } })
      assert.deepStrictEqual(said(yield* callOf(call(own))), ["Failed", "HttpNotDone", "ServerFailed"])
      const missing = yield* answers(404)
      const careful = post(missing.url, { statuses: { 404: "maybe" } })
      assert.deepStrictEqual(said(yield* callOf(call(careful))), ["Failed", "HttpMaybeDone", "Refused", "unknown"])
      const contract = Contract.make({ effect: "additive", failure: "nothing" })
      assert.deepStrictEqual(said(yield* callOf(call(post(server.url, { contract })))), [
        "Failed",
        "HttpNotDone",
        "ServerFailed"
      ])
    })
  )

  it.live("keeps the body of a failure, cut off where it is long", () =>
    Effect.gen(function* () {
      const server = yield* answers(400, `no such item ${"x".repeat(5_000)}`)
      const error = errorOf(yield* callOf(call(post(server.url, { maxBytes: 100 }))))
      assert.strictEqual(error.reason._tag, "Refused")
      const whole = errorOf(yield* callOf(call(post(server.url))))
      assert.strictEqual(whole.reason.body.length, 2_000)
      assert.include(whole.message, "no such item")
    })
  )
})

describe("a connection", () => {
  const acting = Contract.make({ effect: "additive", failure: "nothing" })

  it.live("that is refused has done nothing, and may be tried again even where nothing may be repeated", () =>
    Effect.gen(function* () {
      const port = yield* deadPort
      const tool = post(`http://127.0.0.1:${port}/orders?key=secret`, { contract: Contract.irreversible })
      const there = yield* callOf(call(tool, { retry: 1 }))
      assert.deepStrictEqual(said(there), ["Failed", "HttpNotDone", "NotConnected"])
      assert.strictEqual(there.attempts, 2)
      assert.strictEqual(errorOf(there).reason.code, "ECONNREFUSED")
      assert.include(errorOf(there).message, `POST http://127.0.0.1:${port}/orders: no connection`)
      assert.notInclude(errorOf(there).message, "secret")
    })
  )

  it.live("to a host that has no address has done nothing", () =>
    Effect.gen(function* () {
      const agent = new Agent({
        lookup: (_host, _options, back) => {
          back(Object.assign(new Error("getaddrinfo ENOTFOUND nowhere"), { code: "ENOTFOUND" }), "", 4)
        }
      })
      const there = yield* callOf(call(post("http://nowhere.invalid/", { agent })))
      assert.deepStrictEqual(said(there), ["Failed", "HttpNotDone", "NotConnected"])
      assert.strictEqual(errorOf(there).reason.code, "ENOTFOUND")
    })
  )

  it.live("whose encryption fails has sent nothing", () =>
    Effect.gen(function* () {
      // a server that does not speak it, one that hangs up, and one that nobody trusts
      const plain = yield* answers(200)
      const hangsUp = yield* raw((socket) => {
        socket.once("data", () => socket.destroy())
      })
      for (const { port } of [plain, hangsUp]) {
        const there = yield* callOf(call(post(`https://127.0.0.1:${port}/`)))
        assert.deepStrictEqual(said(there), ["Failed", "HttpNotDone", "NotConnected"])
      }
      assert.deepStrictEqual(plain.got, [])

      let requests = 0
      const secure = createSecureServer({ key, cert }, (_request, response) => {
        requests++
        response.end("{}")
      })
      yield* Effect.callback<void>((resume) => {
        secure.listen(0, "127.0.0.1", () => {
          resume(Effect.void)
        })
      })
      const url = `https://127.0.0.1:${(secure.address() as AddressInfo).port}/`
      const untrusted = yield* callOf(call(post(url)))
      assert.deepStrictEqual(said(untrusted), ["Failed", "HttpNotDone", "NotConnected"])
      assert.strictEqual(requests, 0)
      const agent = new SecureAgent({ rejectUnauthorized: false })
      assert.strictEqual((yield* callOf(call(post(url, { agent })))).outcome._tag, "Succeeded")
      assert.strictEqual(requests, 1)
      secure.close()
      secure.closeAllConnections()
    })
  )

  const broken: Record<string, (socket: Socket) => void> = {
    "closed as soon as it was made": (socket) => socket.end(),
    "reset when the request had come": (socket) => socket.once("data", () => socket.resetAndDestroy()),
    "closed in the middle of the status line": (socket) => socket.once("data", () => socket.end("HTTP/1.1 20")),
    "closed after the head": (socket) => socket.once("data", () => socket.end(head("200 OK", "content-length: 10"))),
    "closed in the middle of the body": (socket) =>
      socket.once("data", () => socket.end(`${head("200 OK", "content-length: 10")}{"a"`)),
    "reset in the middle of the body": (socket) =>
      socket.once("data", () =>
        socket.write(`${head("200 OK", "content-length: 10")}{"a"`, () => socket.resetAndDestroy())
      ),
    "closed in the middle of a chunk": (socket) =>
      socket.once("data", () => socket.end(`${head("200 OK", "transfer-encoding: chunked")}5\r\n{"a`)),
    "answered with something that is no HTTP": (socket) => socket.once("data", () => socket.end("220 mail\r\n")),
    "answered with another protocol": (socket) =>
      socket.once("data", () => socket.write(head("101 Switching Protocols", "connection: upgrade", "upgrade: chat")))
  }
  for (const [name, behaviour] of Object.entries(broken)) {
    it.live(`${name} may have done it, whatever its contract says of failures`, () =>
      Effect.gen(function* () {
        const server = yield* raw(behaviour)
        const there = yield* callOf(call(post(server.url, { contract: acting })))
        assert.deepStrictEqual(said(there), ["Failed", "HttpMaybeDone", "AnswerLost", "unknown"])
        const reading = yield* callOf(call(get(server.url)))
        assert.strictEqual(reading.outcome._tag, "Failed")
        assert.deepStrictEqual(reading.effects, [])
      })
    )
  }

  it.live("that was reset as soon as it was made: what is said fits whether there was one", () =>
    Effect.gen(function* () {
      const server = yield* raw((socket) => socket.resetAndDestroy())
      const there = said(yield* callOf(call(post(server.url))))
      if (there[2] === "NotConnected") assert.deepStrictEqual(there, ["Failed", "HttpNotDone", "NotConnected"])
      else assert.deepStrictEqual(there, ["Failed", "HttpMaybeDone", "AnswerLost", "unknown"])
    })
  )

  it.live("over which the answer comes before the request is read has answered", () =>
    Effect.gen(function* () {
      const server = yield* raw((socket) => {
        socket.pause()
        socket.write(head("413 Content Too Large", "content-length: 0"))
      })
      const tool = post(server.url, {
        request: () => ({ method: "POST", url: server.url, body: "x".repeat(20_000_000) })
      })
      assert.deepStrictEqual(said(yield* callOf(call(tool))), ["Failed", "HttpNotDone", "Refused"])
    })
  )

  it.live("that an agent gives ready made counts as made, also an encrypted one", () =>
    Effect.gen(function* () {
      const secure = createSecureServer({ key, cert }, (request) => request.socket.destroy())
      yield* Effect.callback<void>((resume) => {
        secure.listen(0, "127.0.0.1", () => {
          resume(Effect.void)
        })
      })
      const { port } = secure.address() as AddressInfo
      const agent = new SecureAgent()
      // as agents for proxies do it: the connection is handed over when it is there
      agent.createConnection = (_options, back) => {
        const socket = connectSecurely({ port, host: "127.0.0.1", rejectUnauthorized: false }, () =>
          back?.(null, socket)
        )
        return undefined
      }
      const there = yield* callOf(call(post(`https://127.0.0.1:${port}/`, { agent })))
      assert.deepStrictEqual(said(there), ["Failed", "HttpMaybeDone", "AnswerLost", "unknown"])
      secure.close()
    })
  )

  it.live("that broke is tried again where the key makes it safe, and only there", () =>
    Effect.gen(function* () {
      const keys: Array<string> = []
      const server = yield* serve(({ headers }, response, count) => {
        keys.push(String(headers["idempotency-key"]))
        if (count % 2 === 1) response.socket?.resetAndDestroy()
        else response.end(`"done"`)
      })
      const safe = yield* callOf(call(post(server.url), { retry: 2, idempotencyKey: "k-1" }))
      assert.strictEqual(valueOf(safe), "done")
      assert.strictEqual(safe.attempts, 2)
      assert.deepStrictEqual(keys, [`"k-1"`, `"k-1"`])
      const unsafe = yield* callOf(call(post(server.url, { contract: acting }), { retry: 2 }))
      assert.strictEqual(unsafe.attempts, 1)
      assert.strictEqual(keys.length, 3)
    })
  )
})

describe("a description", () => {
  it.live("that throws, hangs together badly, or is no request, has done nothing", () =>
    Effect.gen(function* () {
      const circle: Record<string, unknown> = {}
      circle.self = circle
      const cases: Record<string, (params: unknown) => Http.Request | Promise<Http.Request>> = {
        throws: () => {
          throw new Error("no account")
        },
        rejects: () => Promise.reject(new Error("no account")),
        url: () => ({ url: "/orders" }),
        protocol: () => ({ url: "ftp://127.0.0.1/" }),
        method: () => ({ url: "http://127.0.0.1:1/", method: "PO ST" }),
        header: () => ({ url: "http://127.0.0.1:1/", headers: { authorization: "a\r\nx-evil: 1" } }),
        reserved: () => ({ url: "http://127.0.0.1:1/", headers: { "Transfer-Encoding": "chunked" } }),
        body: () => ({ url: "http://127.0.0.1:1/", method: "POST", body: circle })
      }
      for (const [name, request] of Object.entries(cases)) {
        const there = yield* callOf(Plan.call(Http.tool("it", { contract: keyed, request }), {}))
        assert.deepStrictEqual(said(there), ["Failed", "HttpNotDone", "InvalidRequest"], name)
        assert.notInclude(errorOf(there).message, "x-evil")
      }
    })
  )
})

describe("errors", () => {
  it("are data: what was encoded decodes to the same", () => {
    const error = new HttpError.MaybeDone({
      method: "POST",
      url: "http://a/b",
      reason: { _tag: "StillRunning", status: 409, retryAfterMillis: 3_000 }
    })
    const codec = Schema.toCodecJson(HttpError.HttpError)
    const back = Schema.decodeUnknownSync(codec)(JSON.parse(JSON.stringify(Schema.encodeUnknownSync(codec)(error))))
    assert.instanceOf(back, HttpError.MaybeDone)
    assert.strictEqual(back.message, error.message)
    assert.include(back.message, "try again later, in 3000 ms")
  })
})
