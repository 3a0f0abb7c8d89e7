/**
 * `toolscope tools --write`: a configuration with every contract spelled out.
 */
import { assert, describe, it, vi } from "@effect/vitest"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { type Folder, folder, toolscope } from "./command.ts"

// each test starts the command several times, and that its servers
vi.setConfig({ testTimeout: 120_000 })

const server = fileURLToPath(new URL("../../mcp/test/fixtures/server.ts", import.meta.url))
const secret = "correct-horse-battery"

const config = (files: Folder) =>
  files.write("mcp.json", {
    $schema: "https://example.org/of-another-program",
    mcpServers: {
      s: {
        command: process.execPath,
        args: [server, "plain", files.write("s", "")],
        env: { SECRET: secret },
        icon: "of another program",
        toolscope: { tools: { text: "readOnly", big: { interruption: "never" } } }
      },
      trusted: {
        command: process.execPath,
        args: [server, "plain", files.write("trusted", "")],
        toolscope: { trust: true, unresponsive: "restart" }
      },
      off: { command: "not started", disabled: true }
    }
  })

interface Written {
  readonly mcpServers: {
    readonly [server: string]: {
      readonly toolscope: { readonly tools: Record<string, unknown>; readonly review: Record<string, string> }
    }
  }
}
const parsed = (text: string) => JSON.parse(text) as Written

const contractsOf = async (mcp: string) => {
  const { stdout } = await toolscope(["tools", "--json", "--mcp", mcp])
  const { tools } = JSON.parse(stdout) as {
    tools: ReadonlyArray<{ name: string; contract: { asserted: string }; review?: string }>
  }
  return tools
}

describe("toolscope tools --write", () => {
  it("writes a configuration in which every tool has the contract that it has now, and no other key is touched", async () => {
    using files = folder()
    const mcp = config(files)
    const target = files.path("proposed.json")
    const done = await toolscope(["tools", "--mcp", mcp, "--write", target])
    assert.deepStrictEqual([done.code, done.stdout], [0, ""], done.stderr)
    assert.match(done.stderr, /wrote .*proposed\.json: contracts of \d+ tools; to be looked at, under "review": \d+/)
    const before = JSON.parse(readFileSync(mcp, "utf8")) as Record<string, any>
    const after = JSON.parse(readFileSync(target, "utf8")) as Record<string, any>
    for (const name of ["s", "trusted"]) {
      const { review: _r, tools: _t, ...own } = after.mcpServers[name].toolscope
      const { review: _, tools = {}, ...was } = before.mcpServers[name].toolscope
      assert.deepInclude(after.mcpServers[name].toolscope.tools as object, tools as object)
      assert.deepStrictEqual(own, was)
      delete after.mcpServers[name].toolscope
      delete before.mcpServers[name].toolscope
    }
    assert.deepStrictEqual(after, before)
    const [was, is] = [await contractsOf(mcp), await contractsOf(target)]
    const bare = (tools: typeof was) => tools.map(({ contract: { asserted: _, ...rest }, name }) => [name, rest])
    assert.deepStrictEqual(bare(is), bare(was))
    assert.isTrue(is.every(({ contract }) => contract.asserted === "operator"))
  })

  it("marks what no operator has said, with what the server hints; once, and what was looked at is not marked again", async () => {
    using files = folder()
    const mcp = config(files)
    const target = files.path("proposed.json")
    await toolscope(["tools", "--mcp", mcp, "--write", target])
    const { s, trusted } = parsed(readFileSync(target, "utf8")).mcpServers
    assert.notProperty(s!.toolscope.review, "text")
    assert.strictEqual(
      s!.toolscope.review.texts,
      "its server only hints, so it is taken with all care; the hints: readOnlyHint: true"
    )
    assert.strictEqual(s!.toolscope.review.fails, "nobody says what it does, so it is taken with all care")
    assert.match(trusted!.toolscope.review.texts!, /^taken from its server's own hints, as "trust" is true/)
    assert.deepInclude(s!.toolscope.tools.texts as object, { effect: "destructive", repeat: "never" })
    assert.deepInclude(trusted!.toolscope.tools.texts as object, { effect: "none" })
    const noted = (await contractsOf(target)).find(({ name }) => name === "s__texts")
    assert.include(noted!.review, "its server only hints")
    // the operator looks at one
    const { texts: _, ...rest } = s!.toolscope.review
    Object.assign(s!.toolscope, { review: rest })
    const looked = files.write("looked.json", { mcpServers: { s } })
    const again = await toolscope(["tools", "--mcp", looked, "--write"])
    assert.deepStrictEqual(parsed(again.stdout).mcpServers.s!.toolscope, s!.toolscope)
  })

  it("prints to standard output only what is ours: no secret is in it", async () => {
    using files = folder()
    const mcp = config(files)
    const done = await toolscope(["tools", "--mcp", mcp, "--write"])
    assert.strictEqual(done.code, 0, done.stderr)
    const { mcpServers } = parsed(done.stdout)
    assert.deepStrictEqual(Object.keys(mcpServers), ["s", "trusted"])
    assert.deepStrictEqual(Object.keys(mcpServers.s!), ["toolscope"])
    for (const text of [done.stdout, done.stderr]) assert.notInclude(text, secret)
  })

  it("replaces no file unasked, not even its own, and with --force the whole file at once", async () => {
    using files = folder()
    const mcp = config(files)
    const before = readFileSync(mcp, "utf8")
    const refused = await toolscope(["tools", "--mcp", mcp, "--write", mcp])
    assert.strictEqual(refused.code, 2)
    assert.include(refused.stderr, "mcp.json is there already: give another file, or --force to replace it")
    assert.strictEqual(readFileSync(mcp, "utf8"), before)
    assert.strictEqual(readFileSync(files.path("s"), "utf8"), "", "no server was started")
    const { mode } = statSync(mcp)
    assert.strictEqual((await toolscope(["tools", "--mcp", mcp, "--write", mcp, "--force"])).code, 0)
    assert.notStrictEqual(readFileSync(mcp, "utf8"), before)
    assert.include(readFileSync(mcp, "utf8"), secret)
    assert.strictEqual(statSync(mcp).mode, mode)
    assert.deepStrictEqual(
      readdirSync(files.path("")).filter((name) => name.endsWith(".tmp")),
      []
    )
  })

  it("is refused without a configuration, and where it cannot be written", async () => {
    using files = folder()
    const [alone, forced, nowhere] = await Promise.all([
      toolscope(["tools", "--write"]),
      toolscope(["tools", "--force"]),
      toolscope(["tools", "--mcp", config(files), "--write", files.path("no/such/folder.json")])
    ])
    assert.deepStrictEqual([alone.code, forced.code, nowhere.code], [2, 2, 2])
    assert.include(alone.stderr, "--write proposes the configuration of --mcp CONFIG")
    assert.include(forced.stderr, "give --write FILE")
    assert.include(nowhere.stderr, "cannot be written")
    assert.isFalse(existsSync(files.path("no")))
  })
})
