/**
 * What the tests of servers share: real processes, a file that each writes what it sees of the world into, and plans as data.
 */
import { Fanout, PlanDocument, type Report, type Tool } from "@toolscope/core"
import type { Config } from "@toolscope/mcp"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll } from "vitest"

export const folder = realpathSync(mkdtempSync(join(tmpdir(), "toolscope-mcp-")))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

/** The ledger of a server. */
export const newFile = (): string => {
  const path = join(folder, `notes-${files++}`)
  writeFileSync(path, "")
  return path
}

export type Extra = Omit<Config.Stdio, "command" | "args">

/** A server of `fixtures`: what it does is its mode. */
export const serverOf =
  (fixture: string) =>
  (mode: string, file = newFile(), extra: Extra = {}): Config.Stdio => ({
    command: process.execPath,
    args: [fileURLToPath(new URL(`fixtures/${fixture}`, import.meta.url)), mode, file],
    ...extra
  })

/** The reference server that has a tool for everything. */
export const everything = (extra: Extra = {}): Config.Stdio => ({
  command: process.execPath,
  args: [fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-everything/dist/index.js")), "stdio"],
  ...extra
})

/** A server of `fixtures/web.ts`, while the scope lasts. */
export const web = (modes: string, file = newFile(), env: { readonly [name: string]: string } = {}) =>
  Effect.acquireRelease(
    Effect.gen(function* () {
      const path = fileURLToPath(new URL("fixtures/web.ts", import.meta.url))
      const child = spawn(process.execPath, [path, modes, file], { env: { ...process.env, ...env }, stdio: "ignore" })
      const before = readFileSync(file, "utf8").length
      const notes = () => readFileSync(file, "utf8").slice(before)
      yield* until(() => /^port \d+$/m.test(notes()))
      const port = Number(/^port (\d+)$/m.exec(notes())![1])
      return { child, file, port, url: `http://127.0.0.1:${port}/mcp` }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

export const config = (mcpServers: Config.Config["mcpServers"]): Config.Config => ({ mcpServers })

export const reads = (...names: ReadonlyArray<string>): Extra => ({
  toolscope: { tools: Object.fromEntries(names.map((name) => [name, "readOnly" as const])) }
})

export const run = (tools: ReadonlyArray<Tool.Any>, plan: object, settings: object = {}) =>
  Effect.flatMap(PlanDocument.decode({ toolscope: 1, plan, ...settings }, tools), (decoded) =>
    Fanout.start(decoded.plan, decoded.settings)
  )

export const reportOf = (tools: ReadonlyArray<Tool.Any>, plan: object, settings: object = {}) =>
  Effect.flatMap(run(tools, plan, settings), (handle) => handle.report)

export const outcomesOf = (report: Report.Report) => report.calls.map(({ outcome }) => outcome._tag)

interface Err {
  readonly _tag: string
  readonly message: string
  readonly reason?: { readonly _tag: string; readonly error?: unknown }
}

/** The error of a call: what it failed with, or the one inside of a `CallError` (`Rejected`, `NotReached`). */
export const errorOf = (report: Report.Report, at = 0) => {
  const { outcome } = report.calls[at]!
  return unwrap("error" in outcome ? outcome.error : undefined)
}

export const unwrap = (error: unknown) => {
  const { reason } = (error ?? {}) as Partial<Err>
  const isInside = reason?._tag === "Rejected" || reason?._tag === "NotReached"
  return (isInside ? reason.error : error) as
    | (Err & { readonly exitCode?: number; readonly signal?: string; readonly stderr?: ReadonlyArray<string> } & {
        readonly killedFor?: string
        readonly server?: string
      })
    | undefined
}

/** Waits until the file holds the text; a test that waits in vain times out. */
export const written = (file: string, text: string): Effect.Effect<void> =>
  until(() => readFileSync(file, "utf8").includes(text))

export const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (condition() ? Effect.void : Effect.andThen(Effect.sleep("10 millis"), until(condition))))

/** The processes that have noted themselves, in order. */
export const pidsOf = (file: string) =>
  [...readFileSync(file, "utf8").matchAll(/^pid (\d+)$/gm)].map((m) => Number(m[1]))

export const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0)
    // a zombie that nobody has reaped is dead
    return process.platform !== "linux" || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return false
  }
}
