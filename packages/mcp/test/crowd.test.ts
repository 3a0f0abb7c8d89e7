/**
 * Many servers at once, of all kinds, some of which hang, die, or are not there.
 */
import { assert, describe, it } from "@effect/vitest"
import { McpTools } from "@toolscope/mcp"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { fileURLToPath } from "node:url"
import {
  config,
  errorOf,
  everything,
  folder,
  isAlive,
  newFile,
  outcomesOf,
  pidsOf,
  reportOf,
  serverOf,
  web
} from "./support.ts"

const hostile = serverOf("hostile.ts")
const server = serverOf("server.ts")
const reference = (name: string, ...args: ReadonlyArray<string>) => ({
  command: process.execPath,
  args: [fileURLToPath(import.meta.resolve(`@modelcontextprotocol/server-${name}/dist/index.js`)), ...args]
})

describe("twenty servers", () => {
  it.live(
    "at once: one hangs at start, one is not there, one dies in the midst of a call; the others answer, all of them",
    () =>
      Effect.gen(function* () {
        const remote = yield* web("")
        const hangs = newFile()
        const crowd = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`h${i}`, hostile("up", newFile())]))
        const [opening, servers] = yield* Effect.timed(
          McpTools.open(
            config({
              ...crowd,
              hangs: server("silent", hangs),
              absent: { command: "there-is-no-such-command" },
              dies: hostile("up", newFile()),
              web: { url: remote.url },
              everything: everything(),
              files: reference("filesystem", folder),
              memory: { ...reference("memory"), env: { MEMORY_FILE_PATH: newFile() } },
              plain: server("plain")
            }),
            { startTimeout: "15 seconds", unusable: "leaveOut" }
          )
        )
        assert.isBelow(Duration.toMillis(opening), 20_000)
        assert.deepStrictEqual(
          servers.failures.map((failed) => [failed.server, failed.reason._tag]),
          [
            ["hangs", "NoHandshake"],
            ["absent", "NotFound"]
          ]
        )
        // what could not be used does not live on
        assert.deepStrictEqual(pidsOf(hangs).filter(isAlive), [])
        const tools = yield* servers.tools
        const settled = (id: string, call: string, params: object = {}) => ({ id, settled: { call, params } })
        const report = yield* reportOf(
          tools,
          {
            all: [
              settled("dies", "dies__dies"),
              ...Object.keys(crowd).map((name) => settled(name, `${name}__deaf`, { millis: 500 })),
              settled("web", "web__slow", { millis: 500 }),
              settled("everything", "everything__get-sum", { a: 2, b: 3 }),
              settled("files", "files__list_directory", { path: folder }),
              settled("memory", "memory__read_graph"),
              settled("plain", "plain__text")
            ]
          },
          { concurrency: 32 }
        )
        const [dies, ...others] = outcomesOf(report)
        assert.strictEqual(dies, "Unknown")
        assert.strictEqual(errorOf(report)?._tag, "McpAnswerLost")
        assert.deepStrictEqual(
          others.filter((outcome) => outcome !== "Succeeded"),
          []
        )
        assert.strictEqual(others.length, 17)
        // and the one that died is there again for the next
        assert.deepStrictEqual(outcomesOf(yield* reportOf(tools, { call: "dies__pid" })), ["Succeeded"])
      }),
    120_000
  )
})
