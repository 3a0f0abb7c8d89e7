/**
 * What the promise entry exports can be used by a program that has no Effect: its declarations need none.
 */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, relative, resolve } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../..", import.meta.url))
/** Compiles, and gives what there is to complain about. */
const tsc = (...args: ReadonlyArray<string>): string =>
  spawnSync(process.execPath, [join(root, "node_modules/ts7/bin/tsc"), ...args], { encoding: "utf8" }).stdout

/** A file without its comments, whose examples may import what they like. */
const code = (file: string): string => readFileSync(file, "utf8").replace(/\/\*[^]*?\*\//g, "")

/** The declaration file and all that it imports: which files, and which packages. */
const closure = (
  entry: string
): { readonly files: ReadonlyArray<string>; readonly packages: ReadonlyArray<string> } => {
  const files = new Set([entry])
  const packages = new Set<string>()
  for (const file of files) {
    for (const [, double, single] of code(file).matchAll(
      /(?:from|import|import\(|require\()\s*(?:"([^"]+)"|'([^']+)')/g
    )) {
      const specifier = double ?? single!
      if (!specifier.startsWith(".")) packages.add(specifier)
      else files.add(resolve(dirname(file), specifier.replace(/\.[jt]s$/, ".d.ts")))
    }
  }
  return { files: [...files], packages: [...packages] }
}

const consumer = `
import { all, advisory, call, contract, openSession, quorum, run, SessionError, settled, tool } from "./core/promise.js"
import type { LeftBehind, Report, Session, StandardSchema } from "./core/promise.js"

declare const text: StandardSchema<{ readonly q: string }, { readonly q: string; readonly limit: number }>
declare const list: StandardSchema<unknown, ReadonlyArray<string>>
export const search = tool({
  name: "search",
  parameters: text,
  result: list,
  contract: contract.readOnly,
  execute: async ({ limit, q }, { signal }) => [q.repeat(limit), String(signal.aborted)]
})
export const plan = all({ a: call(search, { q: "x" }), b: advisory(settled(quorum(1, [call(search, { q: "y" })]))) })
export const report: Report<{
  readonly a: ReadonlyArray<string>
  readonly b: ReadonlyArray<{ readonly _tag: string }> | null
}> = await run(plan, { tools: [search], timeout: "1 second", budget: { costs: { usd: 1 } } })

export const agent = tool({
  name: "agent",
  parameters: text,
  contract: contract.readOnly,
  cost: ({ limit, q }) => ({ usd: limit * q.length }),
  execute: async ({ q }, { fanout, spend }) => {
    spend({ usd: 0.5 })
    const report = await fanout(all([call(search, { q })]), { tools: [search], budget: { calls: 1 } })
    return report.status === "succeeded" ? report.value[0].length : report.status
  }
})
export const session: Session = await openSession({ tools: [agent], limits: { tools: { agent: 1 } }, loop: 2 })
export const first = await session.fanout(call(agent, { q: "x" }), { despite: [] })
export const length: string | number | undefined = first.value
export const again: Report<ReadonlyArray<string | number>> = await session.replan(all([call(agent, { q: "y" })]), { reason: "z" })
export const untyped: Report<unknown> = await session.fanout({ call: "agent" })
for await (const { call, epoch } of session.outcomes) console.log(call.outcome, epoch.toFixed())
export const ids = (error: unknown): ReadonlyArray<LeftBehind> =>
  error instanceof SessionError && error.reason._tag === "NotDrained" ? error.reason.leftBehind : []
export const block = async () => {
  await using session = await openSession({ tools: [agent] })
  // @ts-expect-error a reason is of a replan
  await session.fanout(call(agent, { q: "x" }), { reason: "z" })
  // @ts-expect-error a signal is an option, not the options
  await session.drained(new AbortController().signal)
}
`

describe("the declarations of the promise entry", () => {
  it("mention no type of Effect, and compile for a program that has none", () => {
    const temporary = mkdtempSync(join(tmpdir(), "toolscope-declarations-"))
    try {
      const built = join(temporary, "built")
      tsc(
        ...["-p", join(root, "packages/core"), "--outDir", built, "--declaration", "--emitDeclarationOnly"],
        ...["--composite", "false", "--incremental", "false", "--declarationMap", "false", "--tsBuildInfoFile", "null"]
      )
      // the check can fail: the main entry is all Effect
      assert.isNotEmpty(closure(join(built, "index.d.ts")).packages)

      const { files, packages } = closure(join(built, "promise.d.ts"))
      assert.deepStrictEqual(packages, [])
      assert.isAbove(files.length, 3)
      for (const file of files) {
        assert.isTrue(existsSync(file), file)
        assert.notMatch(code(file), /\bEffect\b|effect\//, file)
        cpSync(file, join(temporary, "alone/core", relative(built, file)))
      }

      writeFileSync(join(temporary, "alone/consumer.ts"), consumer)
      writeFileSync(
        join(temporary, "alone/tsconfig.json"),
        JSON.stringify({
          compilerOptions: {
            strict: true,
            exactOptionalPropertyTypes: true,
            skipLibCheck: false,
            noEmit: true,
            target: "ES2022",
            lib: ["ES2022", "DOM"],
            module: "NodeNext",
            moduleDetection: "force",
            allowImportingTsExtensions: true,
            types: []
          },
          files: ["consumer.ts"]
        })
      )
      writeFileSync(join(temporary, "alone/package.json"), JSON.stringify({ type: "module" }))
      assert.strictEqual(tsc("-p", join(temporary, "alone")), "")
    } finally {
      rmSync(temporary, { recursive: true })
    }
  })
})
