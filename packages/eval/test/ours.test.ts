/**
 * The eval of Toolscope itself. `npm run eval` runs every entry on every scenario; here those that stand on the two engines' entries, and have
 * adversarial tests of their own, are run where they differ most.
 */
import { expect, it } from "vitest"
import { Eval, Render, Scenario } from "../src/index.ts"
import { conditions } from "./conditions.ts"

conditions()

const entries = (...names: ReadonlyArray<string>) =>
  Eval.ours.filter((path) => names.some((name) => path.includes(`/runners/${name}.`)))
const full = entries("library", "promise")
const others = entries("agent", "gateway", "ai-sdk")

it("gives Toolscope full score on every scenario, with Effect and with promises", { timeout: 240_000 }, async () => {
  const results = await Eval.run({ runners: full })
  expect(Render.faultsOf(results)).toEqual([])
  expect(results.map(({ verdict }) => verdict)).toEqual(results.map(() => "passed"))
  expect(results.every(({ score }) => score!.returns.every(({ after }) => after !== undefined))).toBe(true)
  expect(results.length).toBe(2 * Scenario.all().length)
})

it("gives agent loop, gateway and AI SDK bridge full score where they differ most", { timeout: 240_000 }, async () => {
  const names = ["adversarial", "cancel", "deaf", "doubled", "cost"]
  const results = await Eval.run({
    runners: others,
    scenarios: Scenario.all().filter(({ name }) => names.includes(name))
  })
  expect(others.length).toBe(3)
  expect(Render.faultsOf(results)).toEqual([])
  // what an entry cannot do is said here, and nothing else is left out
  const left = results.filter(({ verdict }) => verdict !== "passed")
  expect(left.map(({ runner, scenario, verdict }) => `${runner.name}: ${scenario}: ${verdict}`)).toEqual([
    "Toolscope (MCP gateway): doubled: n/a",
    "Toolscope (MCP gateway): cost: n/a"
  ])
})
