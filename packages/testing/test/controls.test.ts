/**
 * The negative controls: one-line faults of the engine that `npm run controls` plants in a copy, one at a time.
 */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"

interface Fault {
  readonly fault: string
  readonly file: string
  readonly find: string
  readonly replace: string
}

const root = new URL("../../../", import.meta.url)
const faults = JSON.parse(
  readFileSync(new URL("../mutants/controls.json", import.meta.url), "utf8")
) as ReadonlyArray<Fault>

describe("the negative controls", () => {
  it("are at least twelve, each under a name of its own", () => {
    assert.isAtLeast(faults.length, 12)
    assert.strictEqual(new Set(faults.map(({ fault }) => fault)).size, faults.length)
  })

  for (const { fault, file, find, replace } of faults) {
    it(`still apply to the source: ${fault}`, () => {
      const source = readFileSync(new URL(file, root), "utf8")
      assert.strictEqual(source.split(find).length - 1, 1, `found not exactly once in ${file}: ${find}`)
      assert.notStrictEqual(
        source.replace(find, () => replace),
        source
      )
    })
  }
})
