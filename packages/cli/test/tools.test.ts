/**
 * Tools from layers and MCP servers, as the command lists and runs them.
 */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { call, child, type Folder, fixture, folder, reportOf, runPlan, toolscope } from "./command.ts"

const server = fileURLToPath(new URL("../../mcp/test/fixtures/server.ts", import.meta.url))

const mcpConfig = (files: Folder, servers: Record<string, readonly [mode: string, more?: object]>) =>
  files.write("mcp.json", {
    mcpServers: Object.fromEntries(
      Object.entries(servers).map(([name, [mode, more]]) => [
        name,
        { command: process.execPath, args: [server, mode, files.write(name, "")], ...more }
      ])
    )
  })

const pidOf = (files: Folder, name: string) => Number(/^pid (\d+)$/m.exec(readFileSync(files.path(name), "utf8"))![1])

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return process.platform !== "linux" || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return false
  }
}

describe("a module with a layer", () => {
  it("gives its tools the services of the layer, which is closed when the run is over", async () => {
    const done = await toolscope(["run", "-", "--json", "--tools", fixture("layer.ts")], {
      stdin: JSON.stringify({
        toolscope: 1,
        plan: { all: [child("a", "greet", { name: "Ada" }), child("b", "double", { n: 21 })] }
      })
    })
    assert.strictEqual(done.code, 0, done.stderr)
    assert.deepStrictEqual(reportOf(done).value, { a: "Hello, Ada", b: 42 })
    assert.include(done.stderr, "the layer was closed")
  })
})

describe("MCP servers", () => {
  it("run calls under the operator's contracts, and are gone when the command has ended", async () => {
    using files = folder()
    const mcp = mcpConfig(files, { s: ["plain", { toolscope: { tools: { text: "readOnly" } } }], deaf: ["deaf"] })
    const done = await runPlan(
      { plan: { all: [child("a", "s__text"), child("b", "s__structured", { n: 2 }), child("c", "act")] } },
      ["--json", "--mcp", mcp]
    )
    const report = reportOf(done)
    assert.strictEqual(done.code, 0, done.stderr)
    assert.deepStrictEqual(report.value, { a: "one", b: { sum: 2 }, c: "done" })
    assert.deepStrictEqual(
      report.calls.map(({ contract, effects }) => [contract.effect, effects.map(({ state }) => state).join()]),
      [
        ["none", ""],
        ["destructive", "committed"],
        ["destructive", "committed"]
      ]
    )
    assert.deepStrictEqual([isAlive(pidOf(files, "s")), isAlive(pidOf(files, "deaf"))], [false, false])
  })

  it("that are not found or die at start refuse the run, all named, none started for nothing", async () => {
    using files = folder()
    const mcp = mcpConfig(files, { dies: ["dies"], good: ["plain"] })
    const config = JSON.parse(readFileSync(mcp, "utf8")) as { mcpServers: object }
    files.write("mcp.json", { mcpServers: { ...config.mcpServers, absent: { command: "no-such-command" } } })
    const [json, human] = await Promise.all([
      runPlan({ plan: call("act") }, ["--json", "--mcp", mcp]),
      runPlan({ plan: call("act") }, ["--mcp", mcp])
    ])
    assert.strictEqual(json.code, 2)
    assert.strictEqual(reportOf(json).status, "refused")
    const messages = reportOf(json).faults!.map(({ message }) => message)
    assert.strictEqual(messages.length, 2)
    assert.match(messages[0]!, /^MCP server "dies": it died at start \(exit code 3\).*\n {2}\| first line\n/)
    assert.match(messages[1]!, /^MCP server "absent": there is no command "no-such-command"/)
    assert.strictEqual(human.code, 2)
    assert.include(human.stderr, "| no licence for nobody")
    assert.isFalse(isAlive(pidOf(files, "good")))
  })

  it("survive the death of one: its call is unknown, with a reason, and the others are as they were", async () => {
    using files = folder()
    const mcp = mcpConfig(files, { s: ["plain"], t: ["plain"] })
    const done = await runPlan({ plan: { all: [{ id: "a", settled: call("s__dies") }, child("b", "t__text")] } }, [
      "--json",
      "--mcp",
      mcp
    ])
    assert.strictEqual(done.code, 0, done.stderr)
    assert.strictEqual(reportOf(done).calls[0]!.outcome, "Unknown")
    assert.include(reportOf(done).calls[0]!.error?.message, 'McpAnswerLost: the server "s" ended during the call')
    assert.strictEqual(reportOf(done).calls[1]!.value, "one")
  })

  it("are told to cancel by Ctrl-C, which never reaches them itself, and are gone after a second one", async () => {
    using files = folder()
    const mcp = mcpConfig(files, { s: ["plain"], deaf: ["deaf"] })
    let sent = false
    const once = await runPlan({ plan: call("s__slow") }, ["--progress", "--json", "--mcp", mcp], {
      onStderr: (text, kill) => {
        if (sent || !text.includes("/ started")) return
        sent = true
        setTimeout(kill, 200, "SIGINT")
      }
    })
    assert.strictEqual(once.code, 130)
    assert.strictEqual(reportOf(once).calls[0]!.outcome, "Unknown")
    assert.include(readFileSync(files.path("s"), "utf8"), "slow was cancelled")
    let signals = 0
    const twice = await runPlan(
      { plan: { all: [child("a", "s__slow"), child("b", "deaf")] }, drain: "1 hour" },
      ["--progress", "--mcp", mcp],
      {
        onStderr: (text, kill) => {
          if (signals < 1 && text.includes("/b started")) {
            signals = 1
            kill("SIGINT")
          } else if (signals === 1 && text.includes("/b stopped")) {
            signals = 2
            kill("SIGINT")
          }
        }
      }
    )
    assert.strictEqual(twice.code, 130)
    assert.match(twice.stderr, /\n {2}\/a +s__slow +may have acted\n {2}\/b +deaf +only reads\n$/)
    assert.deepStrictEqual([isAlive(pidOf(files, "s")), isAlive(pidOf(files, "deaf"))], [false, false])
  })
})

describe("toolscope tools", () => {
  it("lists contract, who asserted it, and what follows", async () => {
    using files = folder()
    const own = { text: "idempotent", big: { interruption: "never" } }
    const mcp = mcpConfig(files, { s: ["plain", { toolscope: { unresponsive: "restart", tools: own } }] })
    const args = ["tools", "--tools", fixture("tools.ts"), "--mcp", mcp]
    const [json, human] = await Promise.all([toolscope([...args, "--json"]), toolscope(args)])
    const { tools } = JSON.parse(json.stdout) as { tools: ReadonlyArray<Record<string, unknown> & { name: string }> }
    const tool = (name: string) => tools.find((candidate) => candidate.name === name)!
    assert.deepInclude(tool("echo"), { retry: true, overlap: true, description: "Answers with what it is given" })
    assert.deepInclude(tool("s__text"), { retry: true, overlap: false })
    assert.deepInclude(tool("s__texts"), { retry: true, overlap: false })
    assert.deepInclude(tool("act"), { retry: false, overlap: false })
    assert.deepInclude(tool("s__text"), {
      stop: "its server is told, and has to show that it has heard; without an answer its outcome is Unknown"
    })
    assert.include(tool("s__big").stop, "its server is not told, and its answer is awaited")
    assert.deepInclude(tool("s__texts").contract as object, { effect: "destructive", asserted: "hint" })
    assert.deepInclude(tool("s__strict").parameters as object, { required: ["path"] })
    assert.strictEqual(human.code, 0)
    assert.match(
      human.stdout,
      /^s__texts\n {2}contract {2}effect: destructive, .*\n {2}asserted {2}by nobody: .*\n {2}hints {5}readOnlyHint: true\n {2}retry {5}allowed where nothing has happened\n {2}overlap {3}refused\n {2}a stop {4}.*Unknown\n/m
    )

    assert.notMatch(human.stdout, /[\u0000-\u0009\u000b-\u001f]/)
  })
})
