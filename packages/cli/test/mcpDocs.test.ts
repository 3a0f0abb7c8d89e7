/**
 * The page about the gateway, followed as somebody would who is new: its files, its command, and the entries of its hosts, as they stand there.
 */
import { assert, describe, it, vi } from "@effect/vitest"
import { getDefaultEnvironment } from "@modelcontextprotocol/sdk/client/stdio.js"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { type Folder, folder, toolscope } from "./command.ts"
import { hostOf, reportOf, textOf } from "./hostOf.ts"

vi.setConfig({ testTimeout: 120_000 })

const root = fileURLToPath(new URL("../../../", import.meta.url))
const page = readFileSync(`${root}docs/mcp-gateway.md`, "utf8")
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm"))].map((m) => m[1]!)
const [servers, desktop, code, request] = blocks("json")
const [, answer] = blocks("text")

interface Entry {
  readonly type?: string
  readonly command: string
  readonly args: ReadonlyArray<string>
}

/** Puts the paths of this machine where the page has its own. */
const here = (files: Folder, text: string): string =>
  text
    .replaceAll("/PATH/TO/toolscope/", root)
    .replaceAll("/PATH/TO/notes", files.path("").replace(/\/$/, ""))
    .replaceAll(/\/PATH\/TO\/(mcp|reviewed)\.json/g, (_, name: string) => files.path(`${name}.json`))

/** Steps 1 and 2. */
const prepare = async (files: Folder) => {
  files.write("monday.txt", "Ask Ada")
  files.write("mcp.json", here(files, servers!))
  const [line, , ...rest] = /^\$ npx toolscope (.*)\n(.*)\n/m.exec(blocks("console")[0]!)!.slice(1)
  assert.deepStrictEqual(rest, [])
  const said = /^toolscope: wrote .*$/m.exec(page)![0]
  const done = await toolscope(here(files, line!).split(" "), { cwd: root })
  assert.strictEqual(done.code, 0, done.stderr)
  assert.include(done.stderr, here(files, said))
  const reviewed = JSON.parse(readFileSync(files.path("reviewed.json"), "utf8")) as {
    mcpServers: Record<string, { toolscope: { tools: Record<string, unknown>; review: Record<string, string> } }>
  }
  const noted = /"list_directory": "(its server only hints.*)"/.exec(page)![1]
  assert.strictEqual(reviewed.mcpServers.notes!.toolscope.review.list_directory, noted)
  for (const [, name] of page.matchAll(/`"(\w+)": "readOnly"`/g)) {
    const own = Object.values(reviewed.mcpServers).find(({ toolscope }) => name! in toolscope.tools)!.toolscope
    own.tools[name!] = "readOnly"
    delete own.review[name!]
  }
  writeFileSync(files.path("reviewed.json"), JSON.stringify(reviewed))
}

describe("the page about the gateway", () => {
  it.each([
    ["Claude Desktop", desktop!, "mcpServers"],
    ["VS Code", code!, "servers"]
  ])("leads from the servers of a host to a fan-out: %s", async (_, file, key) => {
    assert.isTrue(existsSync(`${root}packages/cli/dist/bin.js`), "npm run build")
    using files = folder()
    await prepare(files)
    const [[name, entry]] = Object.entries(
      (JSON.parse(here(files, file)) as Record<string, Record<string, Entry>>)[key]!
    ) as [[string, Entry]]
    assert.strictEqual(name, "toolscope")
    assert.include(["stdio", undefined], entry.type)
    const env = { ...getDefaultEnvironment(), PATH: process.env.PATH ?? "" }
    await using host = await hostOf({ command: entry.command, args: entry.args, env, cwd: root })
    const { tools } = await host.client.listTools()
    const hints = Object.fromEntries(tools.map(({ annotations, name }) => [name, annotations?.readOnlyHint]))
    assert.deepInclude(hints, { notes__list_directory: true, notes__write_file: false, memory__read_graph: true })
    const result = await host.call("fanout", JSON.parse(here(files, request!)) as object)
    assert.strictEqual(
      textOf(result).slice(0, here(files, answer!).length - 1),
      here(files, answer!).trimEnd(),
      textOf(result)
    )
    assert.strictEqual(reportOf(result).status, "succeeded")
  })
})
