import { assert, describe, it } from "@effect/vitest"
import * as Decision from "@toolscope/core/Decision"
import { markDirty, takeDirty } from "../../src/internal/decision/state.ts"
import { toNodes } from "./driver.ts"

const stateOf = (nodes: number) =>
  Decision.make({
    nodes: toNodes({ all: Array.from({ length: nodes - 1 }, () => "call" as const) }),
    concurrency: 1,
    agrees: () => true
  })

describe("nodes that have to decide", () => {
  it("are taken from the last in the plan to the first, each once, in whatever order they were marked", () => {
    let seed = 1
    const random = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % below
    }
    for (let round = 0; round < 2_000; round++) {
      const state = stateOf(16)
      const marked = new Set<number>()
      const takeAll = (least: number) => {
        while (state.dirtySize > least) {
          const highest = Math.max(...marked)
          assert.strictEqual(takeDirty(state), highest)
          marked.delete(highest)
        }
      }
      for (let i = 0; i < 24; i++) {
        const node = random(16)
        markDirty(state, node)
        marked.add(node)
        assert.strictEqual(state.dirtySize, marked.size)
        // some are taken while others still come
        if (random(4) === 0) takeAll(random(marked.size))
      }
      takeAll(0)
      assert.strictEqual(marked.size, 0)
    }
  })
})
