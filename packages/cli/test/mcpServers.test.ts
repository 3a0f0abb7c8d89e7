/**
 * `toolscope mcp` over the reference servers `everything`, `filesystem` and `memory`, driven by the official SDK's client and by the command
 * line of the MCP inspector.
 */
import { assert, describe, it, vi } from "@effect/vitest"
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { folder, type Folder } from "./command.ts"
import { command, hostOf, isAlive, read, reportOf, textOf, until } from "./hostOf.ts"

// four processes a test, and eight where the inspector starts one of its own
vi.setConfig({ testTimeout: 120_000 })

const require = createRequire(import.meta.url)
const binOf = (name: string): string => {
  const json = require.resolve(`${name}/package.json`)
  const { bin } = JSON.parse(readFileSync(json, "utf8")) as { bin: Record<string, string> }
  return join(dirname(json), Object.values(bin)[0]!)
}
const serverOf = (name: string) => binOf(`@modelcontextprotocol/server-${name}`)

/** Each notes its number before it becomes the server. */
const entryOf = (files: Folder, name: string, args: ReadonlyArray<string>, more: object) => ({
  command: "sh",
  args: ["-c", 'echo $$ > "$0"; exec "$@"', files.path(`${name}.pid`), process.execPath, serverOf(name), ...args],
  ...more
})

const started = (files: Folder, env: Record<string, string> = {}) => {
  files.write("monday.txt", "Ask Ada")
  files.write("tuesday.txt", "Ask Bob")
  const reads = (...names: ReadonlyArray<string>) => ({
    toolscope: { tools: Object.fromEntries(names.map((name) => [name, "readOnly"])) }
  })
  const mcp = files.write("mcp.json", {
    mcpServers: {
      everything: entryOf(files, "everything", [], {
        env,
        ...reads("echo", "get-sum", "get-structured-content", "trigger-long-running-operation", "get-tiny-image")
      }),
      files: entryOf(files, "filesystem", [files.path("")], reads("read_text_file", "list_directory")),
      memory: entryOf(files, "memory", [], {
        env: { MEMORY_FILE_PATH: files.path("memory.jsonl") },
        toolscope: { tools: { read_graph: "readOnly", create_entities: { effect: "additive" } } }
      })
    }
  })
  return command(["--mcp", mcp, "--journal", files.path("journal.ndjson")])
}

const pidOf = (files: Folder, name: string) => Number(read(files.path(`${name}.pid`)))
const long = (id: string, duration: number) => ({
  id,
  call: "everything__trigger-long-running-operation",
  params: { duration, steps: 10 }
})

describe("over the reference servers, a host", () => {
  it("lists all tools of all servers, and calls them as if they were its own", async () => {
    using files = folder()
    await using host = await hostOf(started(files))
    const { tools } = await host.client.listTools()
    for (const prefix of ["everything__", "files__", "memory__"]) {
      assert.isAbove(tools.filter(({ name }) => name.startsWith(prefix)).length, 5, prefix)
    }
    assert.strictEqual(tools.at(-1)!.name, "fanout")
    assert.strictEqual(textOf(await host.call("everything__echo", { message: "hello" })), "Echo: hello")
    const weather = await host.call("everything__get-structured-content", { location: "Chicago" })
    assert.property(weather.structuredContent as object, "temperature")
    const image = await host.call("everything__get-tiny-image")
    assert.isTrue(image.content.some(({ type }) => type === "image"))
    const entities = [{ name: "Ada", entityType: "person", observations: ["knows fibers"] }]
    await host.call("memory__create_entities", { entities })
    assert.deepInclude((await host.call("memory__read_graph")).structuredContent, { entities })
  })

  it("runs a parallel plan over all of them: enough have answered, the slow one is stopped, and one call acts", async () => {
    using files = folder()
    await using host = await hostOf(started(files))
    await host.client.listTools()
    const entities = [{ name: "Bob", entityType: "person", observations: [] }]
    const began = performance.now()
    const result = await host.fanout({
      all: [
        {
          id: "notes",
          quorum: 2,
          of: [
            { id: "monday", call: "files__read_text_file", params: { path: files.path("monday.txt") } },
            { id: "tuesday", call: "files__read_text_file", params: { path: files.path("tuesday.txt") } },
            long("slow", 60)
          ]
        },
        { id: "sum", call: "everything__get-sum", params: { a: 2, b: 3 }, retry: 1 },
        { id: "person", call: "memory__create_entities", params: { entities } }
      ]
    })
    assert.isBelow(performance.now() - began, 10_000)
    const report = reportOf(result)
    assert.strictEqual(report.status, "succeeded", textOf(result))
    assert.isTrue(report.drained)
    assert.deepStrictEqual(
      report.calls.map(({ id, outcome }) => `${id} ${outcome}`),
      [
        "/notes/monday Succeeded",
        "/notes/tuesday Succeeded",
        "/notes/slow Cancelled",
        "/sum Succeeded",
        "/person Succeeded"
      ]
    )
    assert.deepInclude(report.value, {
      notes: { monday: { content: "Ask Ada" }, tuesday: { content: "Ask Bob" } },
      person: { entities }
    })
    assert.strictEqual(report.calls[4]!.effects[0]!.state, "committed")
  })

  it("hears how far a plan has come, and how far a single tool says that it has", async () => {
    using files = folder()
    await using host = await hostOf(started(files))
    const steps: Array<number> = []
    const plan = { all: [long("a", 0.5), long("b", 0.3)] }
    await host.fanout(plan, { onprogress: ({ progress }) => steps.push(progress) })
    // the servers' own steps count, too
    assert.isAtLeast(steps.length, 4)
    assert.strictEqual(steps.at(-1), 2)
    assert.deepStrictEqual(
      steps,
      [...steps].sort((a, b) => a - b)
    )
    const own: Array<object> = []
    const { call, params } = long("a", 0.5)
    await host.call(call, params, { onprogress: (step) => own.push(step) })
    assert.deepInclude(own[0], { progress: 1, total: 10 })
  })

  it("cancels in the midst of a call: the server is told, nothing is answered, and the next call is served", async () => {
    using files = folder()
    await using host = await hostOf(started(files))
    const abort = new AbortController()
    const answer = host.fanout({ all: [long("a", 60)] }, { signal: abort.signal }).then(
      () => "answered",
      () => "cancelled"
    )
    await until(() => read(files.path("journal.ndjson")).includes("attempt.started"))
    // its answer is behind the call that is to be cancelled
    await host.call("everything__echo", { message: "has begun" })
    abort.abort("changed my mind")
    assert.strictEqual(await answer, "cancelled")
    await until(() => read(files.path("journal.ndjson")).match(/"fanout\.closed"/g)?.length === 2)
    const last = JSON.parse(read(files.path("journal.ndjson")).trim().split("\n").at(-1)!) as {
      report: { calls: ReadonlyArray<object> }
    }
    assert.deepInclude(last.report.calls[0], { outcome: "Cancelled", leftBehind: false })
    assert.strictEqual(textOf(await host.call("everything__echo", { message: "still here" })), "Echo: still here")
  })

  it("learns that a server was killed in the midst of a call, and goes on with the others", async () => {
    using files = folder()
    await using host = await hostOf(started(files))
    const answer = host.fanout({
      all: [
        { id: "a", settled: { call: long("a", 60).call, params: { duration: 60, steps: 2 } } },
        { id: "b", call: "files__list_directory", params: { path: files.path("") } }
      ]
    })
    await until(() => read(files.path("journal.ndjson")).match(/attempt\.started/g)?.length === 2)
    process.kill(pidOf(files, "everything"), "SIGKILL")
    const report = reportOf(await answer)
    assert.deepStrictEqual(
      report.calls.map(({ outcome }) => outcome),
      // it only reads: that it gave no answer is all that there is to know
      ["Failed", "Succeeded"]
    )
    assert.include(JSON.stringify(report.calls[0]!.error), "signal SIGKILL")
    // the next call starts it again
    assert.strictEqual(textOf(await host.call("everything__echo", { message: "again" })), "Echo: again")
    assert.isUndefined((await host.call("memory__read_graph")).isError)
  })

  it("leaves nothing of them running when it goes", async () => {
    using files = folder()
    const host = await hostOf(started(files))
    const pids = ["everything", "filesystem", "memory"].map((name) => pidOf(files, name))
    assert.isTrue(pids.every(isAlive))
    await host.client.close()
    await until(() => !pids.some(isAlive) && !isAlive(host.pid))
  })
})

describe("the inspector", () => {
  const inspector = binOf("@modelcontextprotocol/inspector-cli")
  const inspect = async (files: Folder, ...args: ReadonlyArray<string>) => {
    const { args: own, command: node, env } = started(files)
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [inspector, "--cli", node, ...own, ...args],
      // it looks for its own package.json from the folder in which it is started
      { cwd: dirname(inspector), env: { ...process.env, ...env }, maxBuffer: 2 ** 24 }
    )
    return JSON.parse(stdout.slice(stdout.indexOf("\n{") + 1)) as Record<string, any>
  }

  const call = (name: string, arg: string) => ["--method", "tools/call", "--tool-name", name, "--tool-arg", arg]

  it("lists the tools and their schemas", async () => {
    using files = folder()
    const { tools } = await inspect(files, "--method", "tools/list")
    assert.strictEqual(tools.at(-1).name, "fanout")
    assert.strictEqual(tools.at(-1).inputSchema.type, "object")
  })

  it("calls one", async () => {
    using files = folder()
    const echo = await inspect(files, ...call("everything__echo", "message=hello"))
    assert.deepStrictEqual(echo.content, [{ type: "text", text: "Echo: hello" }])
  })

  it("runs a plan", async () => {
    using files = folder()
    const plan = { all: [{ id: "sum", call: "everything__get-sum", params: { a: 2, b: 3 } }] }
    const { structuredContent } = await inspect(files, ...call("fanout", `plan=${JSON.stringify(plan)}`))
    assert.strictEqual(structuredContent.status, "succeeded")
  })
})
