/**
 * Servers that answer what is no answer, or what takes for ever to be looked at: each such call ends at once, and nothing else is held up.
 */
import { assert, describe, it } from "@effect/vitest"
import { Tool } from "@toolscope/core"
import { Gateway, McpTools } from "@toolscope/mcp"
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js"
import * as Effect from "effect/Effect"
import { config, errorOf, outcomesOf, reads, reportOf, serverOf } from "./support.ts"

const raw = serverOf("raw.ts")
const connected = () =>
  McpTools.connect(config({ s: raw("plain", undefined, reads("noResult", "noError", "batch", "deep")) }))

describe("an answer", () => {
  it.live("that is none of JSON-RPC fails its call, typed, at once: nobody waits for a better one", () =>
    Effect.gen(function* () {
      const tools = yield* connected()
      for (const name of ["noResult", "noError"]) {
        const report = yield* reportOf(tools, { call: `s__${name}` })
        assert.deepStrictEqual(outcomesOf(report), ["Failed"])
        assert.strictEqual(errorOf(report)?._tag, "McpRequestError")
        assert.include(errorOf(report)?.message, "no answer of JSON-RPC")
      }
    })
  )

  it.live("may stand in a batch, as one version of the protocol has it", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* reportOf(yield* connected(), { call: "s__batch" })).value, "fine")
    })
  )

  it.live("that is nested too deeply to be passed on fails its call, and the host is answered", () =>
    Effect.gen(function* () {
      const tools = yield* connected()
      const report = yield* reportOf(tools, { call: "s__deep" })
      assert.deepStrictEqual(outcomesOf(report), ["Failed"])
      assert.include(errorOf(report)?.message, "nested too deeply")
      const [ours, theirs] = InMemoryTransport.createLinkedPair()
      const host = new Client({ name: "host", version: "1.0.0" })
      yield* Gateway.serve(ours, { tools })
      yield* Effect.promise(() => host.connect(theirs))
      const { content, isError } = yield* Effect.promise(() => host.callTool({ name: "s__deep" }))
      assert.isTrue(isError)
      assert.include(JSON.stringify(content), "nested too deeply")
    })
  )
})

describe("a schema of a server", () => {
  for (const name of ["pattern", "references"]) {
    it.live(`that takes for ever holds up its own call for a moment, and nothing for ever (${name})`, () =>
      Effect.gen(function* () {
        const report = yield* reportOf(yield* connected(), { call: `s__${name}` })
        assert.strictEqual(errorOf(report)?.reason?._tag, "MalformedResult")
        assert.include(JSON.stringify(errorOf(report)), "more than 2000 ms")
        // it has answered, and that it acted is not known to be untrue
        assert.notStrictEqual(report.calls[0]!.outcome._tag, "Cancelled")
      })
    )
  }

  it.live("has words of plain text, and values as they were", () =>
    Effect.gen(function* () {
      const tool = (yield* connected()).find((one) => one.name === "s__words")!
      const { properties } = Tool.parametersJsonSchema(tool) as { properties: { default: Record<string, unknown> } }
      assert.strictEqual(properties.default.description, "turned")
      assert.deepStrictEqual(properties.default.enum, ["\u202eturned\u{e0041}\u001b[31m"])
      assert.deepStrictEqual(McpTools.entryOf(tool)?.inputSchema, Tool.parametersJsonSchema(tool))
    })
  )

  it.live("that is nested too deeply leaves its server out, and no other", () =>
    Effect.gen(function* () {
      const { failures, tools } = yield* McpTools.open(config({ s: raw("plain"), deep: raw("deepList") }), {
        unusable: "leaveOut"
      })
      assert.deepStrictEqual(
        failures.map(({ reason, server }) => [server, reason._tag]),
        [["deep", "BadAnswer"]]
      )
      assert.isNotEmpty(yield* tools)
    })
  )
})
