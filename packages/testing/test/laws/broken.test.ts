/**
 * Each law catches a journal that was broken by hand, and passes the honest one it was made from.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Laws from "@toolscope/testing/Laws"
import * as Effect from "effect/Effect"
import { bases } from "./bases.ts"
import { faults as decisions } from "./faults.decisions.ts"
import { faults as effects } from "./faults.effects.ts"
import { faults as lifecycle } from "./faults.lifecycle.ts"
import { faults as questions } from "./faults.questions.ts"
import { faults as reports } from "./faults.reports.ts"
import { faults as sessions } from "./faults.sessions.ts"
import { faults as undo } from "./faults.undo.ts"
import { check, closed, fromFile, indexOf, matches, type Material, renumber, started } from "./material.ts"
import { questionBases } from "./questionBases.ts"
import { sessionBases } from "./sessionBases.ts"

const all = { ...bases, ...sessionBases, ...questionBases }
const faults = [...lifecycle, ...reports, ...decisions, ...effects, ...undo, ...sessions, ...questions]
const materialOf = (name: string): Effect.Effect<Material> => Effect.map(all[name as keyof typeof all](), fromFile)

describe("honest journals break no law", () => {
  for (const base of Object.keys(all)) {
    it.effect(base, () =>
      Effect.gen(function* () {
        const material = yield* materialOf(base)
        assert.deepStrictEqual(check(material).map(Laws.show), [])
      })
    )
  }
})

describe("broken journals are caught", () => {
  for (const [id, base, what, fault] of faults) {
    it.effect(`${id}: ${what}`, () =>
      Effect.gen(function* () {
        const material = yield* materialOf(base)
        fault(material)
        const violations = check(material)
        const mine = violations.filter(({ law }) => law === id)
        assert.notStrictEqual(mine.length, 0, `broken instead: ${violations.map(Laws.show).join("\n")}`)
        for (const { events, records } of mine) assert.isAbove(events.length + records.length, 0)
      })
    )
  }

  it("for each law in more than words", () => {
    const caught = new Set(faults.map(([id]) => id))
    assert.deepStrictEqual(
      Laws.all.map(({ id }) => id).filter((id) => !caught.has(id)),
      []
    )
    assert.strictEqual(new Set(Laws.all.map(({ id }) => id)).size, Laws.all.length)
  })

  /**
   * What says nothing: a call that waited and never started, an answer after the close, a violation that the attempt ended with, and that
   * what was committed had been in doubt.
   */
  const isSilent = (event: any, { journal }: Material): boolean =>
    (event.type === "call.queued" && !journal.some(matches(started(event.call, event.attempt)))) ||
    (event.type === "response.late" && journal.indexOf(event) > indexOf(journal, closed)) ||
    (event.type === "effect.refused" && event.reason === "contract") ||
    (event.type === "effect.probed" && event.happened === "yes")
  /** What may come at any time: that it let nothing pass. */
  const isTimeless = (event: any): boolean => event.type === "effect.refused" && event.reason === "stop"

  for (const base of Object.keys(bases)) {
    it.effect(`whichever single event is missing, is there twice, or comes last: ${base}`, () =>
      Effect.gen(function* () {
        const material = yield* materialOf(base)
        const unnoticed: Array<string> = []
        const attempt = (how: string, at: number, change: (journal: Array<any>) => void) => {
          const copy = structuredClone(material)
          change(copy.journal)
          renumber(copy.journal)
          if (check(copy).length === 0) unnoticed.push(`${how} ${JSON.stringify(material.journal[at])}`)
        }
        material.journal.forEach((event, at) => {
          attempt("twice", at, (journal) => journal.splice(at, 0, { ...journal[at] }))
          if (isSilent(event, material)) return
          attempt("without", at, (journal) => journal.splice(at, 1))
          const close = indexOf(material.journal, closed)
          if (at < close && !isTimeless(event))
            attempt("last", at, (journal) => journal.splice(close, 0, ...journal.splice(at, 1)))
        })
        assert.deepStrictEqual(unnoticed, [])
      })
    )
  }
})
