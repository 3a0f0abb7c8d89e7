/**
 * What the checker of laws does with journals: it tells runs apart, forgives clocks, and says what is wrong.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Laws from "@toolscope/testing/Laws"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { bases } from "./bases.ts"
import {
  alter,
  asked,
  check,
  drop,
  duplicate,
  ended,
  fromFile,
  indexOf,
  type Material,
  move,
  renumber,
  report,
  settled,
  started
} from "./material.ts"

const materialOf = (name: keyof typeof bases): Effect.Effect<Material> => Effect.map(bases[name](), fromFile)

describe("the checker", () => {
  it.effect("tells runs of one journal apart, and ledgers by run", () =>
    Effect.gen(function* () {
      const one = yield* materialOf("succeeds")
      const other = yield* materialOf("fails")
      const renamed = JSON.parse(
        JSON.stringify(other).replaceAll('"r"', '"other"').replaceAll('"r/', '"other/')
      ) as Material
      const journal: Array<any> = []
      for (let i = 0; i < Math.max(one.journal.length, renamed.journal.length); i++)
        journal.push(...[one.journal[i], renamed.journal[i]].filter((event) => event !== undefined))
      renumber(journal)
      const ledger = [...one.ledger, ...renamed.ledger]
      assert.deepStrictEqual(check({ journal, ledger }).map(Laws.show), [])
      drop(ended("/some/x"))({ journal, ledger })
      assert.deepStrictEqual([...new Set(check({ journal, ledger }).map(({ run }) => run))], ["r"])
    })
  )

  it.effect("lets a run that is still going on be unfinished, and nothing else", () =>
    Effect.gen(function* () {
      const { journal } = yield* materialOf("fails")
      for (let length = 1; length <= journal.length; length++) {
        const violations = Laws.check(journal.slice(0, length), { incomplete: true })
        assert.deepStrictEqual(violations.map(Laws.show), [])
      }
      const twice = structuredClone({ journal, ledger: [] })
      duplicate(asked("/acts"))(twice)
      const half = twice.journal.slice(0, indexOf(twice.journal, settled("/acts")))
      assert.deepStrictEqual(
        Laws.check(half, { incomplete: true }).map(({ law }) => law),
        ["L3", "L3"]
      )
    })
  )

  it.effect("forgives a clock that was read twice", () =>
    Effect.gen(function* () {
      const material = yield* materialOf("succeeds")
      alter(settled("/race/a"), { time: 10 })(material)
      assert.deepStrictEqual(
        Laws.check(material.journal).map(({ law }) => law),
        ["G11"]
      )
      assert.deepStrictEqual(Laws.check(material.journal, { tolerance: 2 }).map(Laws.show), [])
    })
  )

  it.effect("forgives as many milliseconds as it is told", () =>
    Effect.gen(function* () {
      const material = yield* materialOf("fails")
      const behind = indexOf(material.journal, { type: "attempt.leftBehind", call: "/deaf" })
      for (const event of material.journal.slice(behind)) event.time += 4
      for (const call of report(material).calls) {
        call.settledAt = material.journal[indexOf(material.journal, settled(call.id))].time
      }
      const { journal } = material
      assert.deepStrictEqual([...new Set(Laws.check(journal).map(({ law }) => law))], ["G2"])
      assert.deepStrictEqual(Laws.check(journal, { tolerance: 4 }).map(Laws.show), [])
    })
  )

  it.effect("shows the events that break a law, one per line, with times from the opening", () =>
    Effect.gen(function* () {
      const material = yield* materialOf("fails")
      move(started("/acts"), asked("/acts"))(material)
      const text = Laws.show(check(material).find(({ law }) => law === "G5")!)
      assert.match(
        text,
        /^G5 Never started after a stop: attempt 1 of \/acts started after its stop was requested \(run r\)\n {2}#\d+ {2}30 ms {2}stop\.requested {3}\/acts {2}attempt=1 source=sibling origin=\/bad reason="an essential call of \/ failed"\n {2}#\d+ {2}30 ms {2}attempt\.started {2}\/acts {2}attempt=1 key=r\/acts#0$/
      )
    })
  )

  it.effect("throws for a test runner with all that is broken, and only then", () =>
    Effect.gen(function* () {
      const material = yield* materialOf("succeeds")
      Laws.expectLaws(material.journal, { ledger: material.ledger })
      drop(ended("/some/x"))(material)
      assert.throws(() => Laws.expectLaws(material.journal), /^the laws are broken\n\nG1 Owned: attempt 1 of \/some\/x/)
      duplicate(asked("/author"))(material)
      assert.throws(
        () => Laws.expectLaws(material.journal),
        /^the laws are broken in 3 places\n\nG1 Owned.*L3 Asked once/s
      )
      assert.throws(() => Laws.expectLaws(material.journal, { laws: ["G1"] }), /^the laws are broken\n\nG1 Owned/)
    })
  )

  it("is described, law by law, in the words of the laws", () => {
    const page = readFileSync(new URL("../../../../docs/laws.md", import.meta.url), "utf8")
    const rows = page.split("\n").map((line) => line.split("|").map((cell) => cell.trim()))
    for (const { id, name, statement } of Laws.all)
      assert.isTrue(
        rows.some((row) => row[1] === id && row[2] === name && row[3] === statement),
        id
      )
  })

  it("knows its laws by name, and says so of one that it does not know", () => {
    assert.throws(() => Laws.check([], { laws: ["G1", "G99"] }), /no law is called G99; there are G1, G2/)
  })
})
