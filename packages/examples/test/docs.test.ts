/**
 * Every program in README.md, in docs/ and in the doc comments of the packages runs, type-checks, and prints what stands beside it.
 */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../../", import.meta.url))
// inside of the repository, so that the packages are found
const folder = join(root, "packages/examples/.cache/docs")

interface Program {
  readonly name: string
  readonly file: string
  readonly code: string
  /** The whole output, where a `text` block follows. */
  readonly output: string | undefined
  /** The values beside the lines that print them. */
  readonly values: ReadonlyArray<string>
}

const walk = (path: string, ending: string): ReadonlyArray<string> =>
  readdirSync(path, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending) && !entry.parentPath.includes("node_modules"))
    .map((entry) => join(entry.parentPath, entry.name))

const blocks = (file: string, text: string): ReadonlyArray<Program> => {
  const found: Array<Program> = []
  const pattern = /^```ts\n([\s\S]*?)^```\n(?:\s*^```text\n([\s\S]*?)^```)?/gm
  for (const match of text.matchAll(pattern)) {
    const line = text.slice(0, match.index).split("\n").length
    const name = `${relative(root, file)}:${line}`
    const code = match[1]!
    const values = [...code.matchAll(/\/\/ => (.*)$/gm)].map((m) => m[1]!)
    found.push({ name, file: `${name.replaceAll(/[^a-zA-Z0-9]+/g, "_")}.ts`, code, output: match[2], values })
  }
  return found
}

/** Doc comments: the stars go, the line numbers stay. */
const withoutStars = (text: string): string => text.replaceAll(/^ *(\/\*\*|\*\/|\* ?)/gm, "")

const markdown = [join(root, "README.md"), ...walk(join(root, "docs"), ".md")].flatMap((file) =>
  blocks(file, readFileSync(file, "utf8"))
)
const comments = readdirSync(join(root, "packages"))
  .filter((name) => !["examples", "bench"].includes(name))
  .flatMap((name) => walk(join(root, "packages", name, "src"), ".ts"))
  .flatMap((file) => blocks(file, withoutStars(readFileSync(file, "utf8"))))
const programs = [...markdown, ...comments]

const run = (
  command: string,
  args: ReadonlyArray<string>,
  cwd: string
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> =>
  new Promise((resolve) => {
    execFile(
      command,
      args,
      { cwd, timeout: 60_000, env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" } },
      (error, out, err) => {
        resolve({ code: error === null ? 0 : 1, out, err })
      }
    )
  })

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
for (const { code, file } of programs) writeFileSync(join(folder, file), `${code}\nexport {}\n`)
writeFileSync(
  join(folder, "tsconfig.json"),
  JSON.stringify({
    extends: "../../../../tsconfig.json",
    compilerOptions: {
      noEmit: true,
      composite: false,
      incremental: false,
      declarationMap: false,
      noUnusedLocals: false,
      rootDir: "../../../..",
      tsBuildInfoFile: null
    },
    include: ["*.ts"]
  })
)

describe.concurrent("a program in the documentation", { timeout: 120_000 }, () => {
  for (const program of programs) {
    it(`does what stands beside it: ${program.name}`, async () => {
      const { code, err, out } = await run(
        process.execPath,
        ["--conditions=ws-source", join(folder, program.file)],
        root
      )
      assert.strictEqual(code, 0, err)
      if (program.output !== undefined) assert.strictEqual(out.trimEnd(), program.output.trimEnd())
      else if (program.values.length > 0) assert.deepStrictEqual(out.trimEnd().split("\n"), program.values)
    })
  }
})

describe("the programs in the documentation", () => {
  it("are found", () => {
    assert.isAbove(markdown.length, 0)
    assert.isAbove(comments.length, 5)
  })

  it("and the commands that the README tells a newcomer are those that the landing runs", () => {
    const readme = readFileSync(join(root, "README.md"), "utf8")
    const landing = readFileSync(join(root, ".ci/run"), "utf8")
    const commands = [...readme.matchAll(/^\$ ([^#\n]*)/gm)].map(([, command]) => command!.trim())
    assert.isAbove(commands.length, 3)
    assert.deepStrictEqual(
      commands.filter((command) => !landing.includes(`step ${command}\n`)),
      []
    )
  })

  it("type-check", { timeout: 120_000 }, async () => {
    const { code, out } = await run(process.execPath, [join(root, "node_modules/ts7/bin/tsc"), "-p", folder], root)
    assert.strictEqual(code, 0, out)
  })
})
