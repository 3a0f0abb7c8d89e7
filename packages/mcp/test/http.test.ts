/**
 * Servers over HTTP: against real ones in processes of their own, over sockets that break.
 */
import { assert, describe, it } from "@effect/vitest"
import { Journal } from "@toolscope/core"
import { McpTools } from "@toolscope/mcp"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { readFileSync } from "node:fs"
import { spawn } from "node:child_process"
import { type AddressInfo, connect, createServer } from "node:net"
import {
  config,
  errorOf,
  everything,
  newFile,
  outcomesOf,
  reads,
  reportOf,
  run,
  until,
  web,
  written
} from "./support.ts"

const count = (file: string, line: string) => readFileSync(file, "utf8").split(line).length - 1
const pid = { call: "s__pid" }

const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo
    server.close(() => {
      resume(Effect.succeed(port))
    })
  })
})

/** Waits until somebody does. */
const listening = (port: number): Effect.Effect<void> =>
  Effect.flatMap(
    Effect.callback<boolean>((resume) => {
      const socket = connect(port, "127.0.0.1")
      const end = (answer: boolean) => () => {
        socket.destroy()
        resume(Effect.succeed(answer))
      }
      socket.on("connect", end(true)).on("error", end(false))
    }),
    (answers) => (answers ? Effect.void : Effect.andThen(Effect.sleep("20 millis"), listening(port)))
  )

describe("a server over HTTP", () => {
  for (const modes of ["", "json", "resumable", "older"]) {
    it.live(`lists its tools, answers, and hears of stops (${modes === "" ? "streams" : modes})`, () =>
      Effect.gen(function* () {
        const { child, file, url } = yield* web(modes)
        const tools = yield* McpTools.connect(config({ s: { url, ...reads("obedient") } }))
        assert.strictEqual((yield* reportOf(tools, pid)).value, String(child.pid))
        const handle = yield* run(tools, { call: "s__obedient", params: { id: "a" } }, { drain: "20 seconds" })
        yield* written(file, "obedient a began")
        const report = yield* handle.stop("enough")
        yield* written(file, "obedient a was cancelled")
        assert.deepStrictEqual(outcomesOf(report), ["Cancelled"])
        assert.isTrue(report.drained)
      })
    )
  }

  it.live("ends its session with the scope", () =>
    Effect.gen(function* () {
      const { file, url } = yield* web("")
      yield* Effect.scoped(McpTools.connect(config({ s: { url } })))
      assert.strictEqual(count(file, "DELETE"), 1)
    })
  )

  it.live("says how far its calls have come", () =>
    Effect.gen(function* () {
      const { url } = yield* web("")
      const tools = yield* McpTools.connect(config({ s: { url } }))
      const journal = Journal.memory()
      const events = yield* journal.observe()
      yield* Effect.provideService(reportOf(tools, { call: "s__slow" }), Journal.Current, journal)
      const seen = yield* events.pipe(
        Stream.takeUntil(({ type }) => type === "fanout.closed"),
        Stream.filter(({ type }) => type === "attempt.progress"),
        Stream.runCollect
      )
      assert.strictEqual(seen.length, 1)
    })
  )

  for (const modes of ["", "bad400"]) {
    it.live(`that knows the session no more gets another, and the call with it (${modes === "" ? "404" : "400"})`, () =>
      Effect.gen(function* () {
        const { child, file, url } = yield* web(modes)
        const tools = yield* McpTools.connect(config({ s: { url } }))
        yield* reportOf(tools, { call: "s__forgets" })
        yield* written(file, "forgot")
        const report = yield* reportOf(tools, pid)
        assert.strictEqual(report.value, String(child.pid))
        assert.strictEqual(report.calls[0]!.attempts, 1)
        assert.strictEqual(count(file, "POST initialize"), 2)
      })
    )
  }
})

describe("with the reference server for everything", () => {
  for (const transport of ["streamableHttp", "sse"]) {
    it.live(`calls, and hears of progress, over ${transport}`, () =>
      Effect.gen(function* () {
        const port = yield* freePort
        const { args, command } = everything()
        yield* Effect.acquireRelease(
          Effect.sync(() =>
            spawn(command, [args![0]!, transport], { env: { ...process.env, PORT: String(port) }, stdio: "ignore" })
          ),
          (child) => Effect.sync(() => child.kill("SIGKILL"))
        )
        yield* listening(port)
        const url = `http://127.0.0.1:${port}/${transport === "sse" ? "sse" : "mcp"}`
        const tools = yield* McpTools.connect(config({ any: { url } }))
        const journal = Journal.memory()
        const events = yield* journal.observe()
        const report = yield* reportOf(tools, {
          all: [
            { id: "sum", call: "any__get-sum", params: { a: 2, b: 3 } },
            { id: "long", call: "any__trigger-long-running-operation", params: { duration: 0.3, steps: 3 } }
          ]
        }).pipe(Effect.provideService(Journal.Current, journal))
        assert.include(JSON.stringify(report.value), "The sum of 2 and 3 is 5")
        const seen = yield* events.pipe(
          Stream.takeUntil(({ type }) => type === "fanout.closed"),
          Stream.filter(({ type }) => type === "attempt.progress"),
          Stream.runCollect
        )
        assert.strictEqual(seen.length, 3)
      })
    )
  }
})

describe("a stream that breaks", () => {
  it.live("is taken up again where the server offers that: the answer comes, and nothing is sent twice", () =>
    Effect.gen(function* () {
      const { file, url } = yield* web("resumable")
      const tools = yield* McpTools.connect(config({ s: { url } }))
      const report = yield* reportOf(tools, { call: "s__breaks", params: { millis: 300 } })
      assert.strictEqual(report.value, "whole")
      assert.isAtLeast(count(file, "resumed"), 1)
      assert.strictEqual(count(file, "breaks began"), 1)
    })
  )

  it.live("and cannot be taken up leaves a call that acts Unknown, at once; other calls of the server go on", () =>
    Effect.gen(function* () {
      const { file, url } = yield* web("")
      const tools = yield* McpTools.connect(config({ s: { url } }))
      const report = yield* reportOf(tools, {
        all: [
          { id: "broken", settled: { call: "s__breaks", params: { millis: 60_000 } } },
          { id: "other", call: "s__slow", params: { millis: 1_500 } }
        ]
      })
      assert.deepStrictEqual(outcomesOf(report), ["Unknown", "Succeeded"])
      assert.strictEqual(errorOf(report)?._tag, "McpAnswerLost")
      assert.include(errorOf(report)?.message, "its stream")
      assert.isBelow(report.calls[0]!.settledAt, report.calls[1]!.settledAt)
      // not sent a second time: it may have acted
      assert.strictEqual(count(file, "breaks began"), 1)
    })
  )

  it.live("of the older transport takes all of its calls with it; the next one gets another", () =>
    Effect.gen(function* () {
      const { child, file, url } = yield* web("older")
      const tools = yield* McpTools.connect(config({ s: { type: "sse", url } }))
      const handle = yield* run(tools, { call: "s__slow", params: { id: "a", millis: 60_000 } })
      yield* written(file, "slow a began")
      process.kill(child.pid!, "SIGKILL")
      const report = yield* handle.report
      assert.deepStrictEqual(outcomesOf(report), ["Unknown"])
      const again = yield* web(`older,port=${new URL(url).port}`)
      assert.strictEqual((yield* reportOf(tools, pid)).value, String(again.child.pid))
    })
  )

  it.live(
    "because its server died: Unknown; the next call waits for the server, with pauses, and gets the new one",
    () =>
      Effect.gen(function* () {
        const { child, file, port, url } = yield* web("")
        const tools = yield* McpTools.connect(config({ s: { url } }))
        const lost = yield* reportOf(tools, { call: "s__dies" })
        assert.deepStrictEqual(outcomesOf(lost), ["Unknown"])
        assert.strictEqual(errorOf(lost)?._tag, "McpAnswerLost")
        yield* until(() => child.exitCode !== null)
        const handle = yield* run(tools, pid)
        const again = yield* web(`port=${port}`, newFile())
        const report = yield* handle.report
        assert.strictEqual(report.value, String(again.child.pid))
        assert.strictEqual(count(file, "dies began"), 1)
      })
  )

  it.live("and a server that does not come back: the call was not sent, and nothing happened", () =>
    Effect.gen(function* () {
      const { url } = yield* web("")
      const tools = yield* McpTools.connect(config({ s: { url } }))
      yield* reportOf(tools, { call: "s__dies" })
      const report = yield* reportOf(tools, pid)
      assert.deepStrictEqual(outcomesOf(report), ["Failed"])
      assert.strictEqual(errorOf(report)?._tag, "McpServerGone")
      assert.include(errorOf(report)?.message, "ECONNREFUSED")
      assert.deepStrictEqual(report.calls[0]!.effects, [])
    })
  )
})

describe("a session that ends", () => {
  it.live("does not take with it what is under way elsewhere: that ends beside the next session", () =>
    Effect.gen(function* () {
      const { child, file, url } = yield* web("")
      const tools = yield* McpTools.connect(config({ s: { url } }))
      const long = yield* run(tools, { call: "s__slow", params: { id: "a", millis: 1_500 } })
      yield* written(file, "slow a began")
      yield* reportOf(tools, { call: "s__forgets" })
      yield* written(file, "forgot")
      assert.strictEqual((yield* reportOf(tools, pid)).value, String(child.pid))
      assert.strictEqual(count(file, "POST initialize"), 2)
      assert.deepStrictEqual(outcomesOf(yield* long.report), ["Succeeded"])
    })
  )
})

describe("a server that refuses", () => {
  const headers = { Authorization: "Bearer ${TOOLSCOPE_TEST_TOKEN}" }
  const withToken = <A, E, R>(token: string, effect: Effect.Effect<A, E, R>) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        process.env.TOOLSCOPE_TEST_TOKEN = token
      }),
      () => effect,
      () =>
        Effect.sync(() => {
          delete process.env.TOOLSCOPE_TEST_TOKEN
        })
    )

  it.live("who has no token says so at start, and never shows the one that it was given", () =>
    Effect.gen(function* () {
      const { url } = yield* web("token", newFile(), { TOKEN: "sesame-opens" })
      const wrong = yield* Effect.flip(withToken("open-barley", McpTools.connect(config({ s: { url, headers } }))))
      assert.include(wrong.message, "HTTP 401")
      assert.include(wrong.message, `"headers"`)
      const { reason } = wrong
      assert.strictEqual(reason._tag === "ServersFailed" && reason.servers[0]!.reason._tag, "Unauthorized")
      const unset = yield* Effect.flip(McpTools.connect(config({ s: { url, headers } })))
      assert.include(
        unset.message,
        `/mcpServers/s/headers/Authorization: the environment variable "TOOLSCOPE_TEST_TOKEN"`
      )
      assert.notInclude(wrong.message + JSON.stringify(wrong), "open-barley")
      const tools = yield* withToken("sesame-opens", McpTools.connect(config({ s: { url, headers } })))
      assert.deepStrictEqual(outcomesOf(yield* reportOf(tools, pid)), ["Succeeded"])
    })
  )

  it.live("in the midst of it says so, typed, and nothing has happened", () =>
    Effect.gen(function* () {
      const { url } = yield* web("token", newFile(), { TOKEN: "sesame-opens" })
      const tools = yield* withToken("sesame-opens", McpTools.connect(config({ s: { url, headers } })))
      yield* reportOf(tools, { call: "s__refuses" })
      const report = yield* reportOf(tools, pid)
      assert.deepStrictEqual(outcomesOf(report), ["Failed"])
      assert.strictEqual(errorOf(report)?._tag, "McpUnauthorized")
      assert.deepStrictEqual(report.calls[0]!.effects, [])
      assert.notInclude(JSON.stringify(report), "sesame-opens")
    })
  )

  for (const [status, outcome, tag] of [
    [429, "Failed", "McpServerGone"],
    [413, "Failed", "McpRequestError"],
    [502, "Unknown", "McpAnswerLost"]
  ] as const) {
    it.live(`a call with ${status} leaves it ${outcome}: ${tag}`, () =>
      Effect.gen(function* () {
        const { url } = yield* web("")
        const tools = yield* McpTools.connect(config({ s: { url } }))
        yield* reportOf(tools, { call: "s__refuses", params: { millis: status } })
        const report = yield* reportOf(tools, pid)
        assert.deepStrictEqual(outcomesOf(report), [outcome])
        assert.strictEqual(errorOf(report)?._tag, tag)
        assert.include(errorOf(report)?.message, `HTTP ${status}`)
      })
    )
  }

  it.live("because nothing of MCP is there is named with what is there", () =>
    Effect.gen(function* () {
      const { port } = yield* web("")
      const closed = yield* Effect.scoped(web(""))
      yield* until(() => closed.child.signalCode !== null)
      const error = yield* Effect.flip(
        McpTools.connect(
          config({
            nothing: { url: closed.url },
            forbidden: { url: "http://127.0.0.1:9/mcp" },
            typed: { type: "sse", url: `http://127.0.0.1:${port}/mcp` },
            page: { url: `http://127.0.0.1:${port}/page` },
            moved: { type: "http", url: `http://127.0.0.1:${port}/moved` }
          })
        )
      )
      const { reason } = error
      assert.deepStrictEqual(
        reason._tag === "ServersFailed" ? reason.servers.map((failed) => [failed.server, failed.reason._tag]) : [],
        [
          ["nothing", "Unreachable"],
          ["forbidden", "Unreachable"],
          ["typed", "BadAnswer"],
          ["page", "Unreachable"],
          ["moved", "BadAnswer"]
        ]
      )
      for (const part of ["ECONNREFUSED", "what it answered is no MCP", "which is not followed"]) {
        assert.include(error.message, part)
      }
    })
  )
})

describe("an answer that is larger than allowed", () => {
  for (const modes of ["", "json", "resumable"]) {
    it.live(`over HTTP fails its call, typed, and no other (${modes === "" ? "streams" : modes})`, () =>
      Effect.gen(function* () {
        const { url } = yield* web(modes)
        const tools = yield* McpTools.connect(config({ s: { url, toolscope: { maxMessageBytes: 100_000 } } }))
        const report = yield* reportOf(tools, {
          all: [
            { id: "big", settled: { call: "s__big", params: { millis: 200_000 } } },
            { id: "fits", call: "s__big", params: { millis: 50_000 } }
          ]
        })
        assert.deepStrictEqual(outcomesOf(report), ["Failed", "Succeeded"])
        assert.strictEqual(errorOf(report)?._tag, "McpResultTooLarge")
        // the tool did what it does
        assert.strictEqual(report.calls[0]!.effects[0]?.state, "unknown")
      })
    )
  }
})
