/**
 * Runners that cheat lose points or are refused, each in a process of its own; one that is merely verbose does not.
 */
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { Eval, Render, Scenario } from "../src/index.ts"
import { conditions } from "./conditions.ts"

conditions()

const module = fileURLToPath(new URL("fixtures/cheats.ts", import.meta.url))
/** What slow tools there are has ended by the abort: only what is said of the rest can be wrong. */
const brief = { ...Scenario.all().find(({ name }) => name === "adversarial")!, watchdog: 5_500 }

const play = async (cheat: string) => {
  process.env.EVAL_TEST_CHEAT = cheat
  const [result] = await Eval.run({ runners: [module], scenarios: [brief] })
  const failed = result!.score?.marks.filter(({ verdict }) => verdict === "failed").map(({ check }) => check) ?? []
  return [result!.verdict, ...(result!.error === undefined ? failed : [result!.error])]
}

const cases: ReadonlyArray<readonly [string, string, string]> = [
  ["runs nothing, and calls it not started", "idle", "failed lost"],
  ["runs nothing, and calls it cancelled", "idleCancelled", "failed lost"],
  ["calls everything unknown", "unknown", "failed cleanup status"],
  ["says of everything that it runs on", "running", "failed cleanup status"],
  ["says of everything that it was cancelled, and runs on", "cancelledRunning", "failed cleanup status"],
  ["makes up a status", "nonsense", "failed cleanup status"],
  ["makes two claims for each call", "twoMinds", "failed status"],
  ["returns no list of claims", "noClaims", "broken a runner returns claims: a list, which may be empty"],
  ["returns a claim that is none", "noClaim", "broken a claim names its call and a status: null"],
  ["returns nothing", "nothing", "broken a runner returns an object with claims"],
  [
    "holds the process after its return",
    "blocksAfter",
    "broken it had returned, and held its process until the watchdog killed it: nobody could watch its tools"
  ],
  ["ends the process after its return", "exitsAfter", "broken its process ended before the scenario did: "],
  ["throws after its return", "throwsAfter", "failed crash"]
]

it.concurrent.each(cases)("a runner that %s is not passed", { timeout: 60_000 }, async (_, cheat, expected) => {
  expect((await play(cheat)).join(" ")).toBe(expected)
})

it.concurrent.each(["forges", "truncates"])(
  "a runner is not told where its ledger is: %s",
  { timeout: 60_000 },
  async (cheat) => {
    expect(await play(cheat)).toEqual(["passed"])
  }
)

it("a runner that prints without end is passed", { timeout: 60_000 }, async () => {
  expect(await play("verbose")).toEqual(["passed"])
})

it("a ledger that somebody else wrote into is refused, and the rest is run", async () => {
  expect(
    Eval.judge("m", brief, '{"what":"runner","name":"x","can":[]}\n{}}\n', {
      isReady: true,
      killed: false,
      printed: ""
    })
  ).toMatchObject({ verdict: "broken", error: "its ledger is not whole: something else has written into it" })
  expect(Render.junit([])).toContain("<testsuites>")
})
