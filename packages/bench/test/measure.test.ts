/**
 * The benchmark: what it compares is comparable, and its contenders do the same work.
 */
import { assert, describe, it } from "@effect/vitest"
import { answerTo, contendersOf, itemsOf, kinds } from "../src/contenders.ts"
import { measure, ratio, spread } from "../src/measure.ts"
import { checksOf, rowsOf, tableOf } from "../src/result.ts"

const samples = (name: string, ...micros: ReadonlyArray<number>) => ({ name, micros, wallMicros: micros })

describe("measuring", () => {
  it("runs every task in every round, each with a collection before, in an order that turns", async () => {
    const log: Array<string> = []
    let now = 0
    const task = (name: string, takes: number) => ({
      name,
      run: async () => {
        log.push(name)
        now += takes
      }
    })
    const measured = await measure([task("a", 10), task("b", 40)], 2, 4, {
      rounds: 2,
      warmUp: 1,
      collectGarbage: () => void log.push("gc"),
      processor: () => now,
      wall: () => 2 * now
    })
    assert.deepStrictEqual(log.join(" "), "gc a a gc b b gc b b gc a a gc a a gc b b")
    assert.deepStrictEqual(measured, [
      { name: "a", micros: [5, 5], wallMicros: [10, 10] },
      { name: "b", micros: [20, 20], wallMicros: [40, 40] }
    ])
  })

  it("compares what was measured in the same round", () => {
    assert.deepStrictEqual(spread([4, 1, 3, 2, 5]), { median: 3, low: 2, high: 4 })
    assert.deepStrictEqual(ratio(samples("a", 2, 20, 200), samples("b", 1, 10, 100)), { median: 2, low: 2, high: 2 })
  })

  it("says when a call became dearer than with forEach, or dearer with their number", () => {
    const rows = (calls: number, ours: number) =>
      rowsOf("sync", calls, [
        samples("Promise.all", 1),
        samples("forEach, unbounded", 10),
        samples("forEach, 8", 10),
        samples("Toolscope, N", ours),
        samples("Toolscope, 8", 5)
      ])
    const checks = checksOf([...rows(1_000, 6), ...rows(10_000, 12)])
    assert.deepStrictEqual(
      checks.map(({ name, ok, ratio }) => [name, ratio, ok]),
      [
        ["Toolscope, N, sync: no dearer than forEach at 10000", 1.2, false],
        ["Toolscope, N, sync: linear, 10000 against 1000", 2, false],
        ["Toolscope, 8, sync: no dearer than forEach at 10000", 0.5, true],
        ["Toolscope, 8, sync: linear, 10000 against 1000", 1, true]
      ]
    )
    const table = tableOf({ rows: rows(1_000, 6), checks })
    assert.include(table, "| sync    | 1,000 | Toolscope, N")
    assert.include(table, "OVER 2.00 (at most 1.5)")
  })
})

describe("the contenders", () => {
  for (const kind of kinds) {
    for (const { name, run } of contendersOf(kind)) {
      it(`${name} gives every answer, in order (${kind})`, async () => {
        const items = itemsOf(20)
        assert.deepStrictEqual(await run(items), items.map(answerTo))
      })
    }
  }
})
