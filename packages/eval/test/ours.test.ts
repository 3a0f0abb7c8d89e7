/**
 * The eval of Toolscope itself, as `npm run eval` runs it.
 */
import { expect, it } from "vitest"
import { Eval, Render } from "../src/index.ts"
import { conditions } from "./conditions.ts"

conditions()

it("gives Toolscope full score on every scenario, by each of its entries", { timeout: 240_000 }, async () => {
  const results = await Eval.run({ runners: Eval.ours })
  expect(Render.faultsOf(results)).toEqual([])
  // what an entry cannot do is said here, and nothing else is left out
  const left = results.filter(({ verdict }) => verdict !== "passed")
  expect(left.map(({ runner, scenario, verdict }) => `${runner.name}: ${scenario}: ${verdict}`)).toEqual([
    ...["partial", "rejected", "misdirected", "repeated", "doubled", "survive", "cost"].map(
      (scenario) => `Toolscope (MCP gateway): ${scenario}: n/a`
    ),
    "Toolscope (AI SDK): partial: n/a"
  ])
  expect(new Set(results.map(({ runner }) => runner.name)).size).toBe(5)
  expect(results.every(({ score }) => score?.returns.every(({ after }) => after !== undefined) ?? true)).toBe(true)
})
