import { assert, describe, it } from "@effect/vitest"
import * as Decision from "@toolscope/core/Decision"
import * as Explorer from "../src/Explorer.ts"
import { suites } from "../src/internal/explorer/suites.ts"

describe("the decision core, in every reachable state", () => {
  for (const suite of suites.filter(({ size }) => size === "small")) {
    it(`keeps every rule: ${suite.name}`, () => {
      const { concurrency, alphabet } = suite
      const { states, violations } = Explorer.exploreAll(suite.trees(), { alphabet, concurrency })
      assert.deepStrictEqual(violations.map(Explorer.describe), [])
      assert.isAbove(states, 0)
    })
  }
})

describe("the explorer itself", () => {
  it("finds a core that counts too many permits, and prints the way there", () => {
    const program = Explorer.toProgram(Explorer.flat(2)[0]!, 1)
    const lenient: Decision.Program = { ...program, concurrency: 2 }
    // the checks see a limit of 1, the core has 2
    const strict = Object.create(lenient, {
      concurrency: { get: () => (new Error().stack!.includes("internal/explorer") ? 1 : 2) }
    })
    const { violations } = Explorer.explore(strict, { alphabet: Explorer.verdicts })
    assert.include(Explorer.describe(violations[0]!), "2 attempts run, and 1 may")
  })

  it("finds a core that forgets to undo, and prints the way there", () => {
    const [group] = Explorer.flat(2, true).filter((tree) => tree.type === "quorum" && tree.undoSurplus)
    const program = Explorer.toProgram(group!, 2)
    // the checks see a quorum that undoes its surplus, the core sees one that keeps it
    const nodes = program.nodes.map((node) =>
      Object.create(node, {
        undoSurplus: { get: () => node.undoSurplus && new Error().stack!.includes("internal/explorer") }
      })
    )
    const { violations } = Explorer.explore({ ...program, nodes }, { alphabet: { ...Explorer.verdicts, undo: true } })
    assert.include(violations.map(Explorer.describe).join("\n"), "it does not ask: undo 2")
  })
})
