/**
 * Runners that lie, that are slow, that hang, and that are none, in processes of their own.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Eval, Ledger, Render, Scenario, type Score } from "../src/index.ts"
import { conditions } from "./conditions.ts"

conditions()

const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}.ts`, import.meta.url))
const named = (...names: ReadonlyArray<string>) => Scenario.all().filter(({ name }) => names.includes(name))
const failed = ({ score }: Eval.Result): Partial<Record<Score.Check, ReadonlyArray<string>>> =>
  Object.fromEntries(
    score!.marks.filter(({ verdict }) => verdict === "failed").map(({ calls, check }) => [check, calls])
  )
const brief = { ...named("deaf")[0]!, watchdog: 700, watch: 0 }

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "toolscope-eval-test-"))
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe("a runner that lies", () => {
  it("is caught, call by call", { timeout: 60_000 }, async () => {
    const [result] = await Eval.run({ runners: [fixture("liar")], scenarios: named("cancel"), journal: folder })
    expect(result!.verdict).toBe("failed")
    expect(failed(result!)).toEqual({
      late: ["c"],
      cleanup: ["b", "c"],
      status: ["b", "c"],
      malformed: ["a"]
    })
    const lines = Ledger.parse(readFileSync(join(folder, "liar.cancel.ndjson"), "utf8"))
    expect(lines.at(-1)!.what).toBe("watched")
    const order = lines.filter((line) => line.what === "returned" || line.what === "effect").map(({ what }) => what)
    expect(order).toEqual(["returned", "effect"])
  })
})

describe("a runner that is honest", () => {
  it("gets full score without Toolscope, also where it is merely slow", { timeout: 60_000 }, async () => {
    const results = await Eval.run({
      runners: [fixture("honest"), fixture("slow")],
      scenarios: named("adversarial", "cancel", "failures", "deaf", "replan", "queue", "rejected")
    })
    expect(Render.faultsOf(results)).toEqual([])
    const played = ["passed", "passed", "passed", "passed", "passed"]
    const verdicts = [...played, "n/a", "n/a"]
    expect(results.map(({ verdict }) => verdict)).toEqual([...verdicts, ...verdicts])
    expect(results.at(-1)!.error).toBe("it has no questions")
  })
})

describe("the watchdog", () => {
  it("kills what never returns, with the processes that it has started", { timeout: 60_000 }, async () => {
    const file = join(folder, "pid")
    process.env.EVAL_TEST_PID = file
    const [result] = await Eval.run({ runners: [fixture("hangs")], scenarios: [brief] })
    expect(result).toMatchObject({ verdict: "failed", killed: true })
    expect(failed(result!)).toEqual({ return: [] })
    const pid = Number(readFileSync(file, "utf8"))
    const isThere = () => {
      try {
        return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ")
      } catch {
        return false
      }
    }
    await expect.poll(isThere, { timeout: 5_000 }).toBe(false)
  })

  it("ends a runner that holds the event loop", { timeout: 60_000 }, async () => {
    const [result] = await Eval.run({ runners: [fixture("blocks")], scenarios: [brief] })
    expect(result).toMatchObject({ verdict: "failed", killed: true })
    expect(Render.returnsOf(result!)).toBe("never")
  })

  it("is not needed where the caller gives up: what runs is killed", { timeout: 60_000 }, async () => {
    process.env.EVAL_TEST_PID = join(folder, "other")
    const controller = new AbortController()
    const run = Eval.run({ runners: [fixture("hangs")], scenarios: named("deaf"), signal: controller.signal })
    await expect.poll(() => readdirSync(folder), { timeout: 20_000 }).toContain("other")
    controller.abort(new Error("enough"))
    await expect(run).rejects.toThrow("enough")
  })
})

describe("what is no runner", () => {
  it("is reported as broken, with what is wrong with it", { timeout: 60_000 }, async () => {
    const results = await Eval.run({ runners: [fixture("noRunner"), fixture("exits")], scenarios: [brief] })
    expect(results.map(({ error, verdict }) => [verdict, error])).toEqual([
      ["broken", "Error: who can do questions has a function: resume"],
      ["broken", "its process ended before the scenario did: good bye"]
    ])
    expect(Eval.isSound(results)).toBe(false)
    expect(Render.junit(results)).toContain('tests="1" failures="0" errors="1"')
  })

  it("is refused before anything starts where there is no such file", async () => {
    await expect(Eval.run({ runners: ["./nowhere.ts"], scenarios: [brief] })).rejects.toThrow("there is no such file")
  })
})
