/**
 * What the tests of this package share: tools from the fixtures, reports, and files that processes write to.
 */
import { Contract, Fanout, Plan, type Report, type Tool } from "@toolscope/core"
import { Isolated } from "@toolscope/node"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"

export const acts = Contract.make({ effect: "additive" })
export const places = ["process", "worker"] as const
export type Place = (typeof places)[number]

export const fixture = (name: string): URL => new URL(`fixtures/${name}`, import.meta.url)

type Options = Partial<Isolated.Options<typeof Schema.Any, typeof Schema.Unknown, typeof Schema.Never>>

// what was compiled once starts in half the time
export const cache = { NODE_COMPILE_CACHE: join(tmpdir(), "toolscope-node-test-cache") }
let tools = 0
/** A function of the fixtures as a tool that takes anything. */
export const isolated = (name: string, place: Place, options: Options = {}): Tool.Tool<string, any, any, any, never> =>
  Isolated.tool(`${name}-${tools++}`, {
    module: fixture("functions.ts"),
    export: name,
    in: place,
    parameters: Schema.Any,
    contract: Contract.readOnly,
    ...options,
    env: { ...cache, ...options.env }
  })

export const reportOf = <A, E>(plan: Plan.Plan<A, E>, settings: Fanout.Options = {}): Effect.Effect<Report.Report> =>
  Effect.flatMap(Fanout.start(plan, settings), (handle) => handle.report).pipe(Effect.scoped, Effect.orDie)

export const callOf = <A, E>(plan: Plan.Plan<A, E>, settings: Fanout.Options = {}): Effect.Effect<Report.CallReport> =>
  Effect.map(reportOf(plan, settings), ({ calls }) => calls[0]!)

/** The error of an outcome, or that which came after the stop. */
export const errorOf = ({ outcome }: Report.CallReport): any => ("error" in outcome ? outcome.error : undefined)
export const valueOf = ({ outcome }: Report.CallReport): any => ("value" in outcome ? outcome.value : undefined)
/** Why there was no answer. */
export const noAnswer = (error: unknown): any => (error as any)?.reason?.error?.reason

const folder = realpathSync(mkdtempSync(join(tmpdir(), "toolscope-node-")))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0
export const newFile = (): string => {
  const path = join(folder, `notes-${files++}`)
  writeFileSync(path, "")
  return path
}
export const notesOf = (file: string): string => readFileSync(file, "utf8")
export const pidsOf = (file: string): ReadonlyArray<number> =>
  [...notesOf(file).matchAll(/^pid (\d+)$/gm)].map((m) => Number(m[1]))

/** Waits until it holds; a test that waits in vain times out. */
export const eventually = (holds: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (holds() ? Effect.void : Effect.andThen(Effect.sleep("10 millis"), eventually(holds))))
export const written = (file: string, text: string): Effect.Effect<void> =>
  eventually(() => notesOf(file).includes(text))

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    // a zombie that nobody has reaped is dead
    return process.platform !== "linux" || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return false
  }
}

/** Fails once the files hold the text: stops what runs beside it in an `all`. */
export const failsWhen = (text: string, ...files: ReadonlyArray<string>): Plan.Plan<never, "enough"> =>
  Plan.effect(
    Effect.andThen(
      Effect.forEach(files, (file) => written(file, text), { discard: true }),
      Effect.fail("enough" as const)
    ),
    Contract.readOnly
  )
