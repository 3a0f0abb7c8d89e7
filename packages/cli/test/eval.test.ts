/**
 * `toolscope eval`: exit codes and output. What it finds is tested where it is made.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { fixture, folder, inProcess, toolscope } from "./command.ts"

const brief = ["--scenario", "survive"]

describe("toolscope eval", () => {
  it(
    "tests a layer of one's own: table, JSON, JUnit, ledgers, and 1 where it is not sound",
    { timeout: 60_000 },
    async () => {
      using own = folder()
      const junit = own.path("deep/junit.xml")
      const flags = ["--json", "--junit", junit, "--journal", own.path("ledgers")]
      const { code, stdout } = await toolscope([
        "eval",
        "--runner",
        fixture("runner.ts"),
        "--scenario",
        "failures",
        ...flags
      ])
      expect(code).toBe(1)
      const { results } = JSON.parse(stdout) as {
        results: ReadonlyArray<{ verdict: string; runner: { name: string } }>
      }
      expect(results).toMatchObject([{ verdict: "failed", runner: { name: "Promise.all" } }])
      expect(readFileSync(junit, "utf8")).toContain('<testsuite name="Promise.all" tests="1" failures="1"')
      const ledger = readFileSync(join(own.path("ledgers"), "Promise.all.failures.ndjson"), "utf8")
      expect(ledger).toContain('"what":"effect"')
    }
  )

  it("tests Toolscope where no runner is named, and says 0 for full score", { timeout: 60_000 }, async () => {
    const { code, stderr, stdout } = await toolscope(["eval", ...brief])
    expect(stderr).toBe("")
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Toolscope \(Effect\) .*: 1 of 1\n/)
  })

  it("refuses what it cannot run, all of it at once", async () => {
    const { code, stderr } = await inProcess(["eval", "--runner", "nowhere.ts", "--scenario", "none"])
    expect(code).toBe(2)
    expect(stderr).toContain("runner nowhere.ts: there is no such file")
    expect(stderr).toContain('there is no scenario "none"; there are adversarial, cancel')
  })
})
