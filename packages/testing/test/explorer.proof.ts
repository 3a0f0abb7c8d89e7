/**
 * Every reachable state of small plans: minutes of work, and so a suite of its own, `npm run test:proof`.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Explorer from "../src/Explorer.ts"
import { alike } from "../src/internal/explorer/bisimulation.ts"
import { proofs, suites } from "../src/internal/explorer/suites.ts"

describe("the decision core, in every reachable state", () => {
  for (const suite of suites.filter(({ size }) => size === "quick" || size === "small")) {
    it(`keeps every rule: ${suite.name}`, () => {
      const { concurrency, alphabet } = suite
      const { states, violations } = Explorer.exploreAll(suite.trees(), { alphabet, concurrency })
      assert.deepStrictEqual(violations.map(Explorer.describe), [])
      assert.isAbove(states, 0)
    })
  }
})

describe("the key of a state", () => {
  for (const { alphabet, concurrency, name, trees } of proofs) {
    it(`decides what follows: states that share it do the same on the same events (${name})`, () => {
      assert.deepStrictEqual(alike(trees(), alphabet, concurrency).slice(0, 3), [])
    })
  }

  it("merges states: far fewer are visited than without it", () => {
    const program = Explorer.toProgram(Explorer.flat(3)[0]!, 3)
    const merged = Explorer.explore(program, { alphabet: Explorer.everything })
    const whole = Explorer.explore(program, { alphabet: Explorer.everything, identity: "whole" })
    assert.isBelow(merged.states, whole.states)
    assert.strictEqual(merged.schedules, whole.schedules)
  })
})
