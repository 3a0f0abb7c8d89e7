/**
 * Bad input: a clear error, nothing started, nothing lost.
 */
import { assert, describe, it } from "@effect/vitest"
import { existsSync } from "node:fs"
import { call, child, type Done, fixture, folder, inProcess, reportOf, runPlan, toolscope } from "./command.ts"

/** `[pointer, tag]` of all faults; the run must have been refused. */
const faultsOf = (done: Done): ReadonlyArray<readonly [string, string]> => {
  const report = reportOf(done)
  assert.strictEqual(done.code, 2, done.stderr)
  assert.strictEqual(report.status, "refused")
  assert.deepStrictEqual(report.calls, [])
  return report.faults!.map(({ _tag, pointer }) => [pointer, _tag])
}

const messagesOf = (done: Done): string =>
  reportOf(done)
    .faults!.map(({ message }) => message)
    .join("\n")

describe("a plan that cannot be used", () => {
  it("is refused: unreadable, no JSON, no plan, of another version", async () => {
    using files = folder()
    const run = (path: string) => inProcess(["run", path, "--json"])
    const missing = await toolscope(["run", files.path("missing.json"), "--json"])
    const directory = await run(files.path("."))
    const text = await run(files.write("text.json", "{ plan"))
    const empty = await run(files.write("empty.json", ""))
    const list = await run(files.write("list.json", "[]"))
    const version = await run(files.write("version.json", '{"toolscope": 2, "plan": {}}'))
    assert.deepStrictEqual(faultsOf(missing), [["", "BadFile"]])
    assert.include(messagesOf(missing), "missing.json cannot be read: ENOENT")
    assert.include(messagesOf(directory), "EISDIR")
    assert.deepStrictEqual(faultsOf(text), [["", "BadJson"]])
    assert.deepStrictEqual(faultsOf(empty), [["", "BadJson"]])
    assert.deepStrictEqual(faultsOf(list), [["", "BadShape"]])
    assert.deepStrictEqual(faultsOf(version), [["/toolscope", "BadVersion"]])
  })

  it("is refused with all its faults at once, each at its place, and nothing was started", async () => {
    using files = folder()
    const mark = files.path("mark")
    const plan = {
      plan: {
        all: [
          child("first", "echo", { text: "would leave a mark" }),
          child("unknown", "nobody"),
          child("params", "echo", { text: 1 }),
          child("first", "act"),
          child("", "act"),
          child("a/b", "act"),
          child("__proto__", "act"),
          child("constructor", "act"),
          call("act"),
          { id: "quorum", quorum: 4, of: [child("a", "act"), child("b", "act"), child("c", "act")] },
          { id: "hedge", firstSuccess: [child("a", "act"), child("b", "act")] },
          { id: "retry", call: "act", retry: 1 },
          { id: "none", firstSuccess: [] }
        ]
      }
    }
    const [json, human] = await Promise.all([
      runPlan(plan, ["--json"], { env: { TOOLSCOPE_MARK: mark } }),
      runPlan(plan, [], { env: { TOOLSCOPE_MARK: mark } })
    ])
    assert.sameDeepMembers(
      [...new Set(faultsOf(json).map((fault) => fault.join(" ")))],
      [
        "/plan/all/1/call UnknownTool",
        "/plan/all/2/params/text BadParameters",
        "/plan/all/3/id DuplicateId",
        "/plan/all/4/id BadId",
        "/plan/all/5/id BadId",
        "/plan/all/6/id BadId",
        "/plan/all/7/id BadId",
        "/plan/all/8/id BadId",
        "/plan/all/9/quorum BadQuorum",
        "/plan/all/10/firstSuccess/0/call OverlapForbidden",
        "/plan/all/10/firstSuccess/1/call OverlapForbidden",
        "/plan/all/11/retry RetryForbidden",
        "/plan/all/12/firstSuccess Empty"
      ]
    )
    assert.strictEqual(human.code, 2)
    assert.strictEqual(human.stdout, "")
    assert.include(human.stderr, "refused, nothing was started:")
    assert.include(human.stderr, "  /plan/all/1/call: UnknownTool: ")
    assert.isFalse(existsSync(mark))
  })
})

describe("tools that cannot be used", () => {
  it("are refused, every module with its path and reason, at once with what else is wrong", async () => {
    using files = folder()
    const modules = {
      "throws.mjs": "throw new Error('on load')",
      "syntax.mjs": "export default [",
      "nothing.mjs": "export const tools = []",
      "number.mjs": "export default 5",
      "stranger.mjs": "export default [{ name: 'x' }]",
      "import.mjs": "import 'not-installed'"
    }
    const paths = Object.entries(modules).map(([name, text]) => files.write(name, text))
    const all = [...paths, files.path("missing.mjs")]
    const done = await toolscope([
      ...["run", files.path("missing.json"), "--json", "--mcp", files.write("mcp.json", { mcpServers: { a: {} } })],
      ...["--journal", files.path(".")],
      ...all.flatMap((path) => ["--tools", path])
    ])
    const messages = messagesOf(done).split("\n")
    assert.strictEqual(faultsOf(done).length, all.length + 3)
    for (const [path, reason] of [
      ["throws.mjs", "on load"],
      ["syntax.mjs", "cannot be loaded"],
      ["nothing.mjs", "no default export"],
      ["number.mjs", "got a number"],
      ["stranger.mjs", "element 0 of its array is no tool"],
      ["import.mjs", "not-installed"],
      ["missing.mjs", "no such file"],
      ["missing.json", "ENOENT"]
    ]) {
      assert.isTrue(
        messages.some((message) => message.includes(path!) && message.includes(reason!)),
        `${path!}: ${reason!}\n${messages.join("\n")}`
      )
    }
    assert.include(messagesOf(done), "/mcpServers/a/command: ")
    assert.include(messagesOf(done), "journal")
  })

  it("are refused as layers: one that fails, one without a Toolset, a tool that nobody handles", async () => {
    using files = folder()
    const effect = (name: string) => JSON.stringify(import.meta.resolve(`effect/${name}`))
    const core = JSON.stringify(new URL("../../core/src/index.ts", import.meta.url).href)
    const head = `import * as Effect from ${effect("Effect")}; import * as Layer from ${effect("Layer")};
      import { Contract, Tool, Toolset } from ${core};`
    const modules = [
      files.write("fails.mjs", `${head} export default Toolset.layer(Effect.fail(new Error("no database")))`),
      files.write("other.mjs", `${head} export default Layer.empty`),
      files.write("open.mjs", `${head} export default [Tool.make("open", { contract: Contract.readOnly })]`)
    ]
    const done = await toolscope(["tools", "--json", ...modules.flatMap((path) => ["--tools", path])])
    assert.strictEqual(faultsOf(done).length, 3)
    assert.include(messagesOf(done), "no database")
    assert.include(messagesOf(done), "does not provide Toolset")
    assert.include(messagesOf(done), 'nobody handles the tool "open"')
  })

  it("are refused where two have one name, with where they come from", async () => {
    const done = await runPlan({ plan: call("act") }, ["--json", "--tools", fixture("tools.ts")])
    assert.isTrue(faultsOf(done).every(([, tag]) => tag === "DuplicateTool"))
    assert.include(messagesOf(done), '"act"')
    assert.include(messagesOf(done), "tools.ts")
  })
})

describe("a tool that misbehaves", () => {
  it("fails its own call, typed, and no other: thrown at once, a wrong shape, never an answer", async () => {
    const one = (id: string, tool: string) => ({ id, settled: { call: tool } })
    const done = await runPlan(
      {
        plan: {
          all: [one("throw", "throw"), one("wrong", "wrong"), { id: "never", settled: { call: "never", timeout: 50 } }]
        }
      },
      ["--json"]
    )
    assert.strictEqual(done.code, 0, done.stderr)
    assert.deepStrictEqual(
      reportOf(done).calls.map(({ error, outcome }) => [outcome, error?._tag]),
      [
        ["Failed", "Threw"],
        ["Failed", "MalformedResult"],
        ["Failed", "TimedOut"]
      ]
    )
  })

  it("with a result that is no JSON is described, and nothing else is lost", async () => {
    const names = ["bigint", "cyclic", "function", "undefined", "map", "proto"]
    const done = await runPlan({ plan: { all: names.map((name) => child(name, name)) } }, ["--json"])
    assert.strictEqual(done.code, 0, done.stderr)
    assert.deepStrictEqual(
      reportOf(done).calls.map(({ value }) => JSON.stringify(value)),
      [
        '"100000000000000000000"',
        '{"self":"[circular]"}',
        '"[function named]"',
        "null",
        '[["a",1]]',
        '{"__proto__":{"x":1}}'
      ]
    )
  })
})

describe("a plan of any size", () => {
  it("runs: 10,000 calls, in plan order", async () => {
    const calls = Array.from({ length: 10_000 }, (_, i) => child(`c${i}`, "act"))
    const [json, human] = await Promise.all([
      runPlan({ plan: { all: calls } }, ["--json"]),
      runPlan({ plan: { all: calls } }, ["--progress"])
    ])
    assert.strictEqual(json.code, 0, json.stderr)
    const report = reportOf(json)
    assert.deepStrictEqual(
      report.calls.map(({ id }) => id),
      calls.map(({ id }) => `/${id}`)
    )
    assert.strictEqual(human.code, 0)
    assert.include(human.stdout, "/c9999 ")
  })

  it("runs: nested 1,000 deep", async () => {
    let nested: object = child("leaf", "act")
    for (let i = 0; i < 1_000; i++) nested = { id: `n${i}`, all: [nested] }
    const { id: _, ...plan } = nested as { id: string }
    const [json, human] = await Promise.all([runPlan({ plan }, ["--json"]), runPlan({ plan })])
    assert.strictEqual(json.code, 0, json.stderr.slice(0, 500))
    assert.strictEqual(reportOf(json).calls[0]!.outcome, "Succeeded")
    assert.strictEqual(reportOf(json).nodes.length, 1_000)
    assert.strictEqual(human.code, 0, human.stderr.slice(0, 500))
  })
})
