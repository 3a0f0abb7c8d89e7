/**
 * MCP servers as tools, against real processes: the reference server for files, and servers of many tempers.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Tool } from "@toolscope/core"
import { McpTools } from "@toolscope/mcp"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import {
  config,
  errorOf,
  folder,
  isAlive,
  newFile,
  pidsOf,
  reads,
  reportOf,
  run,
  serverOf,
  written
} from "./support.ts"

const server = serverOf("server.ts")

describe("with the reference server for files", () => {
  const filesystem = fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-filesystem/dist/index.js"))

  it.live("lists its tools, reads, reports its errors, and finds bad parameters before anything starts", () =>
    Effect.gen(function* () {
      writeFileSync(join(folder, "hello.txt"), "hello")
      const tools = yield* McpTools.connect(
        config({ files: { command: process.execPath, args: [filesystem, folder], ...reads("read_text_file") } })
      )
      const read = tools.find(({ name }) => name === "files__read_text_file")!
      assert.deepStrictEqual(read.contract, Contract.readOnly)
      assert.include(read.description, "Read")
      assert.deepInclude(Tool.parametersJsonSchema(read), { type: "object" })
      assert.deepStrictEqual(tools.find(({ name }) => name === "files__write_file")!.contract, {
        ...Contract.unknown,
        asserted: "hint"
      })
      const report = yield* reportOf(tools, {
        all: [
          { id: "ok", call: read.name, params: { path: join(folder, "hello.txt") } },
          { id: "no", settled: { call: read.name, params: { path: join(folder, "missing") } } }
        ]
      })
      const [ok, no] = report.calls.map(({ outcome }) => outcome)
      assert.deepInclude(ok, { _tag: "Succeeded", value: { content: "hello" } })
      assert.strictEqual(no!._tag, "Failed")
      assert.include(JSON.stringify(no), "ENOENT")

      const faults = (yield* Effect.flip(run(tools, { call: read.name, params: { path: 1 } }))).faults
      assert.deepStrictEqual(
        faults.map(({ _tag, pointer }) => [pointer, _tag]),
        [["/plan/params/path", "BadParameters"]]
      )
    })
  )
})

describe("tools of a server", () => {
  it.live("answer with structured content, text, or content as it came; the rest is a typed failure", () =>
    Effect.gen(function* () {
      const tools = yield* McpTools.connect(config({ s: server("plain") }))
      const one = (id: string) => ({ id, settled: { call: `s__${id}`, params: { n: 3 } } })
      const names = ["text", "texts", "image", "structured", "owes", "fails", "refuses"]
      const report = yield* reportOf(tools, { all: names.map(one) })
      const [plain, texts, image, structured, owes, fails, refuses] = report.calls.map(({ outcome }) => outcome)
      assert.deepInclude(plain, { value: "one" })
      assert.deepInclude(texts, { value: "one\ntwo" })
      assert.deepInclude(image, { value: [{ type: "image", data: "AAAA", mimeType: "image/png" }] })
      assert.deepInclude(structured, { value: { sum: 3 } })
      assert.include(JSON.stringify(owes), "without structured content")
      assert.deepInclude((fails as { error: object }).error, {
        _tag: "McpToolError",
        message: "it is\nfull",
        server: "s"
      })
      assert.deepInclude((refuses as { error: object }).error, { _tag: "McpRequestError" })
      // structured content that is not as the server's own schema says
      const wrong = yield* reportOf(tools, { call: "s__structured" })
      assert.strictEqual(errorOf(wrong)?.reason?._tag, "MalformedResult")
      const big = yield* reportOf(tools, { call: "s__big" })
      assert.strictEqual((big.value as string).length, 20_000_000)
    })
  )

  it.live(
    "have bad parameters found at plan time, all of them; a schema that cannot be used refuses its tool alone",
    () =>
      Effect.gen(function* () {
        const tools = yield* McpTools.connect(config({ s: server("plain") }))
        const { faults } = yield* Effect.flip(
          run(tools, {
            all: [
              { id: "a", call: "s__strict", params: { mode: "x", extra: 1 } },
              { id: "b", call: "s__broken", params: {} },
              { id: "c", call: "s__text" }
            ]
          })
        )
        assert.sameMembers(
          faults.map(({ pointer }) => pointer),
          ["/plan/all/0/params", "/plan/all/0/params/mode", "/plan/all/0/params/extra", "/plan/all/1/params"]
        )
        assert.include(faults.map(({ message }) => message).join("\n"), "schema of this tool cannot be used")
      })
  )

  it.live("get the operator's contract, else trusted hints, else the most careful one", () =>
    Effect.gen(function* () {
      const tools = yield* McpTools.connect(
        config({
          plain: server("plain"),
          trusted: server("plain", newFile(), { toolscope: { trust: true } }),
          again: server("plain", newFile(), {
            toolscope: {
              unresponsive: "restart",
              tools: { image: { failure: { McpServerGone: "maybe", McpToolError: "nothing" } } }
            }
          }),
          set: server("plain", newFile(), {
            toolscope: { trust: true, tools: { texts: { effect: "mutating", failure: "nothing" } } }
          })
        })
      )
      const contract = (name: string) => tools.find((tool) => tool.name === name)!.contract
      assert.deepStrictEqual(contract("plain__text"), Contract.unknown)
      // a hint that nobody vouches for allows nothing
      assert.deepStrictEqual(contract("plain__texts"), { ...Contract.unknown, asserted: "hint" })
      assert.deepInclude(contract("trusted__texts"), { effect: "none", asserted: "operator" })
      assert.deepInclude(contract("trusted__image"), {
        effect: "additive",
        repeat: "natural",
        openWorld: false,
        asserted: "operator"
      })
      assert.deepStrictEqual(contract("trusted__text"), Contract.unknown)
      const set = contract("set__texts")
      assert.deepInclude(set, { effect: "mutating", asserted: "operator" })
      // a server that is started again may be waited for in vain: then nothing was sent, and this may follow a retry
      const again = contract("again__text")
      assert.deepStrictEqual(again, { ...(Contract.unknown as Contract.Acting), failure: { McpServerGone: "nothing" } })
      assert.isFalse(Contract.canRetry(contract("plain__text")))
      assert.isTrue(Contract.mayHaveActed(again, { _tag: "McpToolError" }))
      const { failure } = contract("again__image") as Contract.Acting
      assert.deepStrictEqual(failure, { McpServerGone: "maybe", McpToolError: "nothing" })
      // "a failure means that nothing happened" is not said of an answer that was lost
      assert.isFalse(Contract.mayHaveActed(set, { _tag: "McpToolError" }))
      assert.isTrue(Contract.mayHaveActed(set, { _tag: "McpAnswerLost" }))
    })
  )

  it.live("see of our environment only what is safe, and what the entry names", () =>
    Effect.gen(function* () {
      process.env.TOOLSCOPE_TEST_SECRET = "hunter2"
      const tools = yield* McpTools.connect(config({ s: server("plain", newFile(), { env: { OWN: "1" } }) }))
      delete process.env.TOOLSCOPE_TEST_SECRET
      const names = String((yield* reportOf(tools, { call: "s__environment" })).value).split("\n")
      assert.includeMembers(names, ["PATH", "OWN"])
      assert.notInclude(names, "TOOLSCOPE_TEST_SECRET")
    })
  )
})

describe("a server that cannot be used", () => {
  it.live("is named with its reason, together with all others, and those that could be used are ended again", () =>
    Effect.gen(function* () {
      const good = newFile()
      const error = yield* Effect.flip(
        Effect.scoped(
          McpTools.connect(
            config({
              absent: { command: "there-is-no-such-command", args: ["hunter2"] },
              nowhere: { ...server("plain"), cwd: "/there/is/no/such/folder" },
              dies: server("dies", newFile(), { env: { SECRET: "hunter2" } }),
              silent: server("silent"),
              garbage: server("garbage"),
              unknown: server("plain", newFile(), reads("text", "txt")),
              good: server("plain", good),
              off: { command: "there-is-no-such-command", disabled: true }
            }),
            { startTimeout: "6 seconds" }
          )
        )
      )
      const { reason } = error
      assert.deepStrictEqual(
        reason._tag === "ServersFailed" ? reason.servers.map((failed) => [failed.server, failed.reason._tag]) : [],
        [
          ["absent", "NotFound"],
          ["nowhere", "CannotStart"],
          ["dies", "DiedAtStart"],
          ["silent", "NoHandshake"],
          ["garbage", "NoHandshake"],
          ["unknown", "UnknownTools"]
        ]
      )
      for (const part of [
        'no command "there-is-no-such-command"',
        "exit code 3",
        "| no licence for [redacted env.SECRET]",
        "within 6000 ms",
        "Listening on port 3000",
        "/mcpServers/unknown/toolscope/tools/txt"
      ]) {
        assert.include(error.message, part)
      }
      assert.notInclude(error.message + JSON.stringify(error), "hunter2")
      assert.isFalse(isAlive(pidsOf(good)[0]!))
    })
  )

  it.live("does not hold up who gives up waiting for it", () =>
    Effect.gen(function* () {
      const file = newFile()
      const fiber = yield* Effect.forkChild(
        Effect.scoped(McpTools.connect(config({ silent: server("silent", file) }))),
        {
          startImmediately: true
        }
      )
      yield* written(file, "pid")
      const [taken] = yield* Effect.timed(Fiber.interrupt(fiber))
      assert.isBelow(Duration.toMillis(taken), 5_000)
      assert.isFalse(isAlive(pidsOf(file)[0]!))
    })
  )
})

describe("closing the scope", () => {
  it.live("ends every server, also one that is deaf, and what a launcher has started", () =>
    Effect.gen(function* () {
      const [plain, deaf, launcher] = [newFile(), newFile(), newFile()]
      const scope = yield* Scope.make()
      yield* McpTools.connect(
        config({ plain: server("plain", plain), deaf: server("deaf", deaf), launcher: server("launcher", launcher) })
      ).pipe(Scope.provide(scope))
      const pids = [plain, deaf, launcher].flatMap(pidsOf)
      assert.strictEqual(pids.length, 4)
      assert.isTrue(pids.every(isAlive))
      const [taken] = yield* Effect.timed(Scope.close(scope, Exit.void))
      assert.isBelow(Duration.toMillis(taken), 6_000)
      assert.deepStrictEqual(pids.filter(isAlive), [])
    })
  )
})
