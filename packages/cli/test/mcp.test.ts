/**
 * `toolscope mcp` as its host sees it: a process that speaks the protocol, and ends in order.
 */
import { assert, describe, it, vi } from "@effect/vitest"
import { ToolListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { fixture, folder, type Folder, toolscope } from "./command.ts"
import { command, hostOf, isAlive, read, reportOf, textOf, until } from "./hostOf.ts"

// processes that start processes
vi.setConfig({ testTimeout: 120_000 })

const server = fileURLToPath(new URL("../../mcp/test/fixtures/server.ts", import.meta.url))

const mcpConfig = (files: Folder, servers: Record<string, object>) =>
  files.write("mcp.json", {
    mcpServers: Object.fromEntries(
      Object.entries(servers).map(([name, toolscope]) => [
        name,
        { command: process.execPath, args: [server, "plain", files.write(name, "")], toolscope }
      ])
    )
  })

const pidOf = (files: Folder, name: string) => Number(/^pid (\d+)$/m.exec(read(files.path(name)))![1])

const withLedger = (files: Folder, args: ReadonlyArray<string> = []) => {
  const how = command(["--tools", fixture("ledger.ts"), ...args])
  return { ...how, env: { ...how.env, TOOLSCOPE_LEDGER: files.write("ledger", "") } }
}

interface Line {
  readonly run: string
  readonly type: string
  readonly reason?: string
  readonly report?: { readonly calls: ReadonlyArray<{ readonly outcome: string; readonly leftBehind: boolean }> }
}
const journalOf = (path: string) =>
  read(path)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line)

describe("toolscope mcp", () => {
  it("writes nothing but the protocol to standard output, whatever tools print", async () => {
    using files = folder()
    const { args, env } = withLedger(files)
    const child = spawn(process.execPath, args, { env, stdio: ["pipe", "pipe", "pipe"] })
    let stdout = ""
    let stderr = ""
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()))
    const send = (message: object) => child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)
    const clientInfo = { name: "bare", version: "1" }
    send({ id: 1, method: "initialize", params: { protocolVersion: "2024-11-05", capabilities: {}, clientInfo } })
    send({ method: "notifications/initialized" })
    child.stdin.write("this is no message\n")
    send({ id: 2, method: "tools/call", params: { name: "note", arguments: {} } })
    await until(() => stdout.includes('"id":2'))
    child.stdin.end()
    const code = await new Promise((resolve) => child.on("close", resolve))
    assert.strictEqual(code, 0, stderr)
    const messages = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { jsonrpc: string; id: number; result: Record<string, unknown> })
    assert.deepStrictEqual(
      messages.map(({ id, jsonrpc }) => [jsonrpc, id]),
      [
        ["2.0", 1],
        ["2.0", 2]
      ]
    )
    assert.strictEqual(messages[0]!.result.protocolVersion, "2024-11-05")
    assert.include(stderr, "chatter: noted")
  })

  it("is refused before it serves, with all reasons on standard error, where there is nothing to offer or a name is taken", async () => {
    using files = folder()
    const [nothing, taken, missing] = await Promise.all([
      toolscope(["mcp"]),
      toolscope(["mcp", "--tools", fixture("reserved.ts")]),
      toolscope(["mcp", "--mcp", files.path("none.json"), "--tools", files.path("none.ts")])
    ])
    for (const done of [nothing, taken, missing]) {
      assert.deepStrictEqual([done.code, done.stdout], [2, ""], done.stderr)
      assert.include(done.stderr, "refused, nothing was started")
    }
    assert.include(nothing.stderr, "there is nothing to offer")
    assert.include(taken.stderr, `a tool is called "fanout": that name is the gateway's own`)
    assert.include(missing.stderr, "none.json: it cannot be read")
    assert.include(missing.stderr, "none.ts: there is no such file")
  })

  it("ends when its host has gone: what ran was told and awaited, the servers are gone, and the journal tells", async () => {
    using files = folder()
    const journal = files.path("journal.ndjson")
    const mcp = mcpConfig(files, { s: {} })
    const host = await hostOf(withLedger(files, ["--mcp", mcp, "--journal", journal]))
    void host.call("write").catch(() => {})
    await until(() => read(files.path("ledger")).includes("began"))
    const before = pidOf(files, "s")
    assert.isTrue(isAlive(before))
    // not client.close(): it kills what does not end at once
    await host.client.transport!.close()
    await until(() => !isAlive(host.pid))
    assert.strictEqual(read(files.path("ledger")), "began\ntold\nended\n")
    assert.isFalse(isAlive(before))
    const events = journalOf(journal)
    assert.strictEqual(events.find(({ type }) => type === "stop.requested")!.reason, "the host has gone")
    assert.strictEqual(events.at(-1)!.type, "fanout.closed")
  })

  it("drains at SIGTERM: the host is answered with what happened, then the process ends", async () => {
    using files = folder()
    await using host = await hostOf(withLedger(files, ["--mcp", mcpConfig(files, { s: {} })]))
    const [answer, plan] = [
      host.call("write"),
      host.fanout({
        all: [
          { id: "a", call: "note" },
          { id: "b", call: "write" }
        ]
      })
    ]
    await until(() => read(files.path("ledger")).match(/began/g)?.length === 2)
    process.kill(host.pid, "SIGTERM")
    assert.match(textOf(await answer), /^write: succeeded, and its value is not used; stopped: "SIGTERM"$/)
    const report = reportOf(await plan)
    assert.strictEqual(report.status, "interrupted")
    assert.deepStrictEqual(
      report.calls.map(({ outcome, used }) => [outcome, used]),
      [
        ["Succeeded", false],
        ["Succeeded", false]
      ]
    )
    await host.ended
    await until(() => !isAlive(host.pid))
    assert.strictEqual(read(files.path("ledger")).match(/ended/g)?.length, 2)
    assert.isFalse(isAlive(pidOf(files, "s")))
    assert.include(host.stderr(), "SIGTERM: waiting for 2 calls to stop")
  })

  it("exits with the code of the signal, and a second one leaves at once, saying what has not ended", async () => {
    using files = folder()
    const { args, env } = withLedger(files)
    const child = spawn(process.execPath, args, { env, stdio: ["pipe", "pipe", "pipe"] })
    let stderr = ""
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()))
    const send = (message: object) => child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)
    const clientInfo = { name: "bare", version: "1" }
    send({ id: 1, method: "initialize", params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo } })
    send({ id: 2, method: "tools/call", params: { name: "deaf", arguments: {} } })
    await until(() => read(files.path("ledger")).includes("deaf began"))
    child.kill("SIGINT")
    await until(() => stderr.includes("waiting for 1 call"))
    child.kill("SIGINT")
    const code = await new Promise((resolve) => child.on("close", resolve))
    assert.strictEqual(code, 130)
    assert.match(stderr, /left at once \(SIGINT\).*\n.*\n {2}\/ {5}deaf {2}may have acted/)
  })

  it("leaves a deaf tool behind at its bound, and says so to the host", async () => {
    using files = folder()
    await using host = await hostOf(withLedger(files))
    const result = await host.call("fanout", {
      plan: { call: "deaf", timeout: "50 millis" },
      drain: "50 millis"
    })
    assert.isTrue(result.isError)
    assert.match(
      textOf(result),
      /\/ \(deaf\): OUTCOME UNKNOWN: "no answer within 50 ms"; it may have acted: check before you repeat it; key run_\w+\/#0; stopped: ".*"; it had not ended when it was left behind, and may still act/
    )
    assert.include(host.stderr(), "left behind: / (deaf), may have acted")
  })

  it("serves two hosts at once, each by a process with servers of its own; both may write into one journal", async () => {
    using files = folder()
    const journal = files.write("journal.ndjson", '{"cut off')
    const args = ["--mcp", mcpConfig(files, { s: {} }), "--journal", journal]
    const [one, two] = await Promise.all([hostOf(command(args)), hostOf(command(args))])
    const results = await Promise.all([one, two, one, two].map((host) => host.call("s__text")))
    assert.deepStrictEqual(results.map(textOf), ["one", "one", "one", "one"])
    assert.strictEqual(read(files.path("s")).match(/^pid/gm)?.length, 2)
    await one.client.close()
    assert.strictEqual(textOf(await two.call("s__text")), "one")
    await two.client.close()
    const [torn, ...lines] = read(journal).trim().split("\n")
    assert.strictEqual(torn, '{"cut off')
    const closed = lines.map((line) => JSON.parse(line) as Line).filter(({ type }) => type === "fanout.closed")
    assert.strictEqual(new Set(closed.map(({ run }) => run)).size, 5)
  })

  it("goes on when a server dies in a call: that call is unknown, those of other servers are not touched", async () => {
    using files = folder()
    await using host = await hostOf(command(["--mcp", mcpConfig(files, { s: {}, other: {} })]))
    await host.client.listTools()
    const result = await host.fanout({
      all: [
        { id: "a", settled: { call: "s__dies" } },
        { id: "b", call: "other__text" }
      ]
    })
    const report = reportOf(result)
    assert.deepStrictEqual(
      report.calls.map(({ outcome }) => outcome),
      ["Unknown", "Succeeded"]
    )
    assert.include(textOf(result), "Check before you repeat: /a.")
    assert.include(textOf(result), "exit code 7")
    // the next call starts it again
    assert.strictEqual(textOf(await host.call("s__text")), "one")
    assert.strictEqual(textOf(await host.call("other__text")), "one")
  })

  it("offers what a server lists anew, and tells the host", async () => {
    using files = folder()
    const changing = fileURLToPath(new URL("../../mcp/test/fixtures/changing.ts", import.meta.url))
    const s = { command: process.execPath, args: [changing, files.write("called", "")] }
    await using host = await hostOf(command(["--mcp", files.write("mcp.json", { mcpServers: { s } })]))
    let told = 0
    host.client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
      told++
    })
    const names = async () => (await host.client.listTools()).tools.map(({ name }) => name)
    const before = await names()
    await host.call("s__change", { what: "add" })
    await until(() => told > 0)
    const after = await names()
    assert.deepStrictEqual(after.slice(0, before.length - 1), before.slice(0, -1))
    assert.isAbove(after.length, before.length)
    assert.strictEqual(after.at(-1), "fanout")
  })

  it("serves the next call after a server that says more of its progress than anybody reads", async () => {
    using files = folder()
    const raw = fileURLToPath(new URL("../../mcp/test/fixtures/raw.ts", import.meta.url))
    const mcp = files.write("mcp.json", { mcpServers: { s: { command: process.execPath, args: [raw, "plain"] } } })
    await using host = await hostOf(command(["--mcp", mcp]))
    let heard = 0
    const flooded = await host.call("s__flood", {}, { onprogress: () => heard++ })
    assert.strictEqual(textOf(flooded), "fine")
    assert.isAbove(heard, 0)
    const before = performance.now()
    assert.strictEqual(textOf(await host.call("s__ok")), "fine")
    assert.isBelow(performance.now() - before, 2_000)
  }, 60_000)

  it("leaves a server out that cannot be used, and says why on standard error; where none can be, it is refused", async () => {
    using files = folder()
    const gone = { command: "no-such-command" }
    const good = { command: process.execPath, args: [server, "plain", files.write("good", "")] }
    await using host = await hostOf(command(["--mcp", files.write("some.json", { mcpServers: { gone, good } })]))
    assert.strictEqual(textOf(await host.call("good__text")), "one")
    assert.include(host.stderr(), 'left out: MCP server "gone": there is no command "no-such-command"')
    const none = await toolscope(["mcp", "--mcp", files.write("none.json", { mcpServers: { gone } })])
    assert.strictEqual(none.code, 2)
    assert.include(none.stderr, 'MCP server "gone": there is no command "no-such-command"')
  })

  it("passes on what servers answer and list, as it is", async () => {
    using files = folder()
    await using host = await hostOf(command(["--mcp", mcpConfig(files, { s: { tools: { texts: "readOnly" } } })]))
    const { tools } = await host.client.listTools()
    const structured = tools.find(({ name }) => name === "s__structured")!
    assert.deepStrictEqual(structured.outputSchema, {
      type: "object",
      properties: { sum: { type: "number" } },
      required: ["sum"]
    })
    assert.strictEqual(structured.title, "Structured")
    assert.deepStrictEqual(await host.call("s__structured", { n: 3 }), { content: [], structuredContent: { sum: 3 } })
    assert.strictEqual((await host.call("s__image")).content[0]!.type, "image")
    assert.deepStrictEqual((await host.call("s__texts")).content.length, 2)
    // what a server claims of itself is no contract: only what the operator has written is told to the host
    const hints = Object.fromEntries(tools.map(({ annotations, name }) => [name, annotations]))
    assert.deepStrictEqual(hints.s__texts, { readOnlyHint: true })
    assert.isTrue(hints.s__image!.destructiveHint)
    const failed = await host.call("s__fails")
    assert.isTrue(failed.isError)
    assert.match(textOf(failed), /^it is\nfull\ns__fails: failed: "it is\\nfull"; it may have acted all the same/)
  })

  it("asks through its host, and says so where the host cannot ask", async () => {
    const args = ["--tools", fixture("asking.ts"), "--approve", "byContract"]
    await using asks = await hostOf(command(args), ({ requestedSchema }) =>
      "approved" in requestedSchema.properties
        ? { action: "accept", content: { approved: true } }
        : { action: "accept", content: { answer: 101 } }
    )
    await using mute = await hostOf(command(args))
    const plan = {
      all: [
        { id: "room", call: "room" },
        { id: "mail", call: "mail", params: { to: "ada" } }
      ]
    }
    assert.deepStrictEqual(reportOf(await asks.fanout(plan)).value, { room: 101, mail: "sent" })
    const denied = await mute.fanout(plan)
    assert.isTrue(denied.isError)
    assert.include(textOf(denied), 'denied: "this host cannot ask: it does not declare elicitation"')
  })
})
