/**
 * The eval of Toolscope itself, as `npm run eval` runs it.
 */
import { expect, it } from "vitest"
import { Eval, Render } from "../src/index.ts"
import { conditions } from "./conditions.ts"

conditions()

it("gives Toolscope full score on every scenario, by each of its entries", { timeout: 120_000 }, async () => {
  const results = await Eval.run({ runners: Eval.ours })
  expect(Render.faultsOf(results)).toEqual([])
  // it can do everything that is asked
  expect(results.map(({ verdict }) => verdict)).toEqual(results.map(() => "passed"))
  expect(new Set(results.map(({ runner }) => runner.name)).size).toBe(Eval.ours.length)
  expect(results.every(({ score }) => score!.returns.every(({ after }) => after !== undefined))).toBe(true)
})
