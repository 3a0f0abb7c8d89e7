/**
 * Lists of tools that change while their server runs: what plans see of it, and what calls of plans that were read before do.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract } from "@toolscope/core"
import { McpTools } from "@toolscope/mcp"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { config, errorOf, type Extra, newFile, outcomesOf, reads, reportOf, run } from "./support.ts"

const changing = (file: string, extra: Extra = {}) => ({
  command: process.execPath,
  args: [fileURLToPath(new URL("fixtures/changing.ts", import.meta.url)), file],
  ...extra
})
const opened = (extra: Extra = {}) =>
  Effect.gen(function* () {
    const file = newFile()
    const servers = yield* McpTools.open(config({ s: changing(file, extra) }))
    const change = (what: string) =>
      Effect.gen(function* () {
        const next = yield* Effect.forkChild(Stream.runHead(servers.changes), { startImmediately: true })
        const tools = yield* servers.tools
        yield* reportOf(tools, { call: "s__change", params: { what } })
        yield* Fiber.join(next)
      })
    const isCalled = (name: string) => readFileSync(file, "utf8").includes(`${name} called`)
    return { servers, change, isCalled, before: yield* servers.tools }
  })
const names = (tools: ReadonlyArray<{ readonly name: string }>) => tools.map(({ name }) => name)

describe("a list of tools that changes", () => {
  it.live(
    "is read again: a new tool is there for plans that are read from then on, under the operator's contract",
    () =>
      Effect.gen(function* () {
        const { before, change, isCalled, servers } = yield* opened(reads("one"))
        assert.notInclude(names(before), "s__two")
        yield* change("add")
        const after = yield* servers.tools
        assert.include(names(after), "s__two")
        assert.deepStrictEqual(after.find(({ name }) => name === "s__one")!.contract, Contract.readOnly)
        assert.deepStrictEqual(outcomesOf(yield* reportOf(after, { call: "s__two" })), ["Succeeded"])
        assert.isTrue(isCalled("two"))
        // what was read before goes on as it was
        assert.deepStrictEqual(outcomesOf(yield* reportOf(before, { call: "s__still" })), ["Succeeded"])
      })
  )

  it.live("leaves a call of a tool that has gone unsent, typed; plans that are read from then on do not know it", () =>
    Effect.gen(function* () {
      const { before, change, isCalled, servers } = yield* opened()
      yield* change("remove")
      const report = yield* reportOf(before, { call: "s__one" })
      assert.deepStrictEqual(outcomesOf(report), ["Failed"])
      assert.strictEqual(errorOf(report)?._tag, "McpToolChanged")
      assert.include(errorOf(report)?.message, "has gone since the plan was read: the call was not sent")
      // whatever its contract says
      assert.deepStrictEqual(report.calls[0]!.effects, [])
      assert.isFalse(isCalled("one"))
      const error = yield* Effect.flip(run(yield* servers.tools, { call: "s__one" }))
      assert.deepStrictEqual(
        error.faults.map(({ _tag }) => _tag),
        ["UnknownTool"]
      )
    })
  )

  it.live(
    "leaves a call unsent whose schema is another than the plan was read with, though its parameters may fit",
    () =>
      Effect.gen(function* () {
        const { before, change, isCalled, servers } = yield* opened()
        yield* change("schema")
        const report = yield* reportOf(before, { call: "s__one", params: { n: 1 } })
        assert.strictEqual(errorOf(report)?._tag, "McpToolChanged")
        assert.isFalse(isCalled("one"))
        const now = yield* servers.tools
        assert.deepStrictEqual(outcomesOf(yield* reportOf(now, { call: "s__one", params: { n: "1" } })), ["Succeeded"])
      })
  )

  it.live("leaves a call unsent of which its trusted server says something else now: nobody has agreed to that", () =>
    Effect.gen(function* () {
      const { before, change, isCalled, servers } = yield* opened({ toolscope: { trust: true } })
      assert.strictEqual(before.find(({ name }) => name === "s__reads")!.contract.effect, "none")
      yield* change("hint")
      const report = yield* reportOf(before, { call: "s__reads" })
      assert.strictEqual(errorOf(report)?._tag, "McpToolChanged")
      assert.isFalse(isCalled("reads"))
      const now = (yield* servers.tools).find(({ name }) => name === "s__reads")!
      assert.strictEqual(now.contract.effect, "destructive")
    })
  )

  it.live("in words only changes no call; and what has not changed stays the same value", () =>
    Effect.gen(function* () {
      const { before, change, isCalled, servers } = yield* opened()
      yield* change("words")
      const after = yield* servers.tools
      const of = (tools: typeof after, name: string) => tools.find((tool) => tool.name === name)
      assert.strictEqual(of(after, "s__one")!.description, "now in other words")
      assert.strictEqual(of(after, "s__still"), of(before, "s__still"))
      yield* reportOf(before, { call: "s__one" })
      assert.isTrue(isCalled("one"))
    })
  )

  it.live("is not taken where two names in it could not be told apart", () =>
    Effect.gen(function* () {
      const { before, servers } = yield* opened()
      // the first of the two has a name that no host allows, and would get another: that of the second
      yield* reportOf(before, { call: "s__change", params: { what: "twins" } })
      // a call waits for the list to be read
      assert.deepStrictEqual(outcomesOf(yield* reportOf(before, { call: "s__still" })), ["Succeeded"])
      assert.deepStrictEqual(yield* servers.tools, before)
    })
  )

  it.live("all the time holds up no call", () =>
    Effect.gen(function* () {
      const { before } = yield* opened()
      yield* reportOf(before, { call: "s__change", params: { what: "storm" } })
      const report = yield* reportOf(before, {
        all: Array.from({ length: 10 }, (_, i) => ({ id: `${i}`, call: "s__still", timeout: "10 seconds" }))
      })
      assert.isTrue(outcomesOf(report).every((outcome) => outcome === "Succeeded"))
    })
  )
})
