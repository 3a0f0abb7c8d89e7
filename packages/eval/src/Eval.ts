/**
 * Runs scenarios against runners: each in a process of its own, with a watchdog here, in the parent, that kills it with all that it has started.
 *
 * It loads no runner into this process, and believes nothing that a runner says of itself but its claims, which it compares with the ledger.
 *
 * @since 0.1.0
 */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import * as Ledger from "./Ledger.ts"
import * as Scenario from "./Scenario.ts"
import * as Score from "./Score.ts"

/**
 * @since 0.1.0
 */
export interface Options {
  /** Files of modules whose default exports are runners. */
  readonly runners: ReadonlyArray<string>
  /** Default: all that come with the package. */
  readonly scenarios?: ReadonlyArray<Scenario.Scenario>
  /** A folder where each ledger is kept, as `RUNNER.SCENARIO.ndjson`. Default: none is. */
  readonly journal?: string
  /** How many processes at the same time. Default: four times as many as there are processors, as most of them wait. */
  readonly concurrency?: number
  /** Milliseconds that the module of a runner has to load. Default 60,000. */
  readonly loading?: number
  /** Told of each result, as it is there. */
  readonly onResult?: (result: Result) => void
  /** Aborted, it kills what runs, and rejects with its reason. */
  readonly signal?: AbortSignal
}

/**
 * What a runner is, by its own words.
 *
 * @since 0.1.0
 */
export interface About {
  readonly module: string
  readonly name: string
  readonly version: string | undefined
  readonly settings: string | undefined
  readonly can: ReadonlyArray<string>
}

/**
 * What became of one scenario with one runner.
 *
 * @since 0.1.0
 */
export interface Result {
  readonly runner: About
  readonly scenario: string
  /** `n/a`: it needs what the runner does not say that it can. `broken`: it could not be run, see `error`. */
  readonly verdict: "passed" | "failed" | "n/a" | "broken"
  readonly score: Score.Score | undefined
  /** Its process was killed by the watchdog. */
  readonly killed: boolean
  readonly error: string | undefined
}

const ending = import.meta.url.endsWith(".ts") ? "ts" : "js"
const childEntry = fileURLToPath(new URL(`./internal/child.${ending}`, import.meta.url))

const isInstalled = (name: string): boolean => {
  try {
    import.meta.resolve(name)
    return true
  } catch {
    return false
  }
}

/**
 * Files of the runners of Toolscope itself, by each of its entries: with Effect, with promises, its agent loop, its MCP gateway, and, where `ai` is
 * installed, its bridge for the AI SDK.
 *
 * @since 0.1.0
 */
export const ours: ReadonlyArray<string> = [
  "library",
  "promise",
  "agent",
  "gateway",
  ...(isInstalled("ai") ? ["ai-sdk"] : [])
].map((name) => fileURLToPath(new URL(`./runners/${name}.${ending}`, import.meta.url)))

/**
 * Runs every scenario with every runner, side by side, and gives the results in the order of runners and scenarios.
 *
 * Rejects with an `Error` if a module of a runner does not exist, before anything starts; what else is wrong with it stands in its results.
 *
 * @since 0.1.0
 */
export const run = async (options: Options): Promise<ReadonlyArray<Result>> => {
  const { journal, onResult, runners, scenarios = Scenario.all(), signal } = options
  const modules = runners.map((path) => resolve(path))
  const missing = modules.filter((path) => !existsSync(path))
  if (missing.length > 0) throw new Error(`there is no such file: ${missing.join(", ")}`)
  if (journal !== undefined) mkdirSync(journal, { recursive: true })
  const folder = mkdtempSync(join(tmpdir(), "toolscope-eval-"))
  const cells = modules.flatMap((module) => scenarios.map((scenario) => ({ module, scenario })))
  const results: Array<Result> = []
  const known = new Map<string, About>()
  let next = 0
  const work = async () => {
    while (next < cells.length) {
      signal?.throwIfAborted()
      const at = next++
      const { module, scenario } = cells[at]!
      // what it cannot do it has said before: no process is needed to hear it again
      const about = known.get(module)
      if (about !== undefined && missingOf(about, scenario).length > 0) {
        results[at] = notApplicable(about, scenario)
        onResult?.(results[at])
        continue
      }
      const path = join(folder, `${at}.ndjson`)
      writeFileSync(path, "")
      const ended = await playIn(module, scenario, path, options)
      const text = readFileSync(path, "utf8")
      const result = judge(module, scenario, text, ended)
      if (journal !== undefined && result.score !== undefined) {
        writeFileSync(join(journal, `${fileName(result.runner.name)}.${fileName(scenario.name)}.ndjson`), text)
      }
      results[at] = result
      if (result.verdict !== "broken") known.set(module, result.runner)
      onResult?.(result)
    }
  }
  try {
    const workers = Math.min(cells.length, options.concurrency ?? 4 * availableParallelism())
    const ends = await Promise.allSettled(Array.from({ length: workers }, work))
    for (const end of ends) if (end.status === "rejected") throw end.reason
    return results
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const fileName = (name: string): string => name.replace(/[^\w.-]+/g, "-")

/** @internal */
export interface Ended {
  /** Before the runner was there: it did not load in time, or its process died. */
  readonly isReady: boolean
  readonly killed: boolean
  /** The last that it has printed. */
  readonly printed: string
}

const playIn = (module: string, scenario: Scenario.Scenario, path: string, options: Options): Promise<Ended> =>
  new Promise((done, fail) => {
    const child = spawn(process.execPath, [...process.execArgv, childEntry, module, path], {
      env: { ...process.env, TOOLSCOPE_EVAL_SCENARIO: JSON.stringify(scenario) },
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      // a process group of its own: it is killed as a whole
      detached: process.platform !== "win32",
      windowsHide: true
    })
    let isReady = false
    let killed = false
    let printed = ""
    const kill = () => {
      killed = true
      killTree(child)
    }
    let timer = setTimeout(kill, options.loading ?? 60_000)
    // once: who could say so again would have as much time as it likes
    child.stdio[3]!.once("data", () => {
      isReady = true
      clearTimeout(timer)
      timer = setTimeout(kill, scenario.watchdog)
    })
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        printed = (printed + text).slice(-2_000)
      })
    }
    const stop = () => {
      killTree(child)
    }
    options.signal?.addEventListener("abort", stop)
    const over = (end: () => void) => {
      clearTimeout(timer)
      options.signal?.removeEventListener("abort", stop)
      end()
    }
    child.on("error", (error) => {
      over(() => fail(error))
    })
    child.on("exit", () => {
      // what it has started and left goes with it, and may hold its pipes open
      killTree(child)
      for (const stream of child.stdio) stream?.destroy()
      over(() => {
        if (options.signal?.aborted === true) fail(options.signal.reason)
        else done({ isReady, killed, printed })
      })
    })
  })

const killTree = ({ pid }: ChildProcess): void => {
  if (pid === undefined) return
  if (process.platform === "win32") {
    spawn("taskkill", ["/pid", String(pid), "/T", "/F"], { stdio: "ignore", windowsHide: true }).on("error", () => {})
    return
  }
  try {
    process.kill(-pid, "SIGKILL")
  } catch {
    // the whole group has gone
  }
}

const missingOf = ({ can }: About, { needs }: Scenario.Scenario) => needs.filter((need) => !can.includes(need))

const notApplicable = (runner: About, scenario: Scenario.Scenario): Result => ({
  runner,
  scenario: scenario.name,
  verdict: "n/a",
  score: undefined,
  killed: false,
  error: `it has no ${missingOf(runner, scenario).join(", no ")}`
})

const linesOf = (text: string): ReadonlyArray<Ledger.Line> | undefined => {
  try {
    return Ledger.parse(text)
  } catch {
    return undefined
  }
}

/** @internal */
export const judge = (
  module: string,
  scenario: Scenario.Scenario,
  text: string,
  { isReady, killed, printed }: Ended
): Result => {
  const parsed = linesOf(text)
  const lines = parsed ?? []
  const line = lines.find((each) => each.what === "runner")
  const runner: About = {
    module,
    name: line?.name ?? module,
    version: line?.version,
    settings: line?.settings,
    can: line?.can ?? []
  }
  const broken = (error: string): Result => ({
    runner,
    scenario: scenario.name,
    verdict: "broken",
    score: undefined,
    killed,
    error
  })
  const fault = lines.find((each) => each.what === "notARunner")
  if (fault !== undefined) return broken(fault.error)
  if (parsed === undefined || (isReady && line === undefined)) {
    return broken("its ledger is not whole: something else has written into it")
  }
  if (line === undefined) return broken(`its module did not load: ${printed.trim()}`)
  if (missingOf(runner, scenario).length > 0) return notApplicable(runner, scenario)
  // a runner that ends the process instead of returning has been seen through by nobody
  const isWatched = lines.some((each) => each.what === "watched")
  if (!isReady || (!isWatched && !killed)) {
    return broken(`its process ended before the scenario did: ${printed.trim()}`)
  }
  const last = lines.findLast(({ what }) => what === "turn" || what === "answered" || what === "returned")
  if (!isWatched && last?.what === "returned") {
    return broken("it had returned, and held its process until the watchdog killed it: nobody could watch its tools")
  }
  const score = Score.score(scenario, lines)
  return {
    runner,
    scenario: scenario.name,
    verdict: score.marks.every(({ verdict }) => verdict === "passed") ? "passed" : "failed",
    score,
    killed,
    error: undefined
  }
}

/**
 * Nothing failed, and nothing could not be run.
 *
 * @since 0.1.0
 */
export const isSound = (results: ReadonlyArray<Result>): boolean =>
  results.every(({ verdict }) => verdict === "passed" || verdict === "n/a")
