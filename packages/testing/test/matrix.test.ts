/**
 * A fixed part of the matrix: `npm run matrix` runs all of it. And that its oracle, a file which the tools write, sees what is wrong.
 */
import { assert, describe, it } from "@effect/vitest"
import { Plan } from "@toolscope/core"
import type * as Ledger from "@toolscope/testing/Ledger"
import * as Laws from "@toolscope/testing/Laws"
import * as Zoo from "@toolscope/testing/Zoo"
import * as Effect from "effect/Effect"
import { judge, moments, type Trace } from "../src/internal/matrix/cell.ts"
import { runAll } from "../src/internal/matrix/matrix.ts"
import { observe } from "./zooSupport.ts"

describe("every animal under every policy, stopped at every moment", () => {
  it(
    "nothing passes the gate after a stop, and nothing that is said of an effect is false",
    { timeout: 120_000 },
    async () => {
      const { byMoment, longest, total, wrong } = await runAll({ every: 11 })
      for (const { cell, violations, ...numbers } of wrong)
        assert.fail(`${JSON.stringify({ cell, ...numbers })}\n${violations.map(Laws.show).join("\n")}`)
      assert.isAtMost(longest.waited, 100)
      // they are worth something: every moment comes, effects pass, and are undone
      for (const moment of moments) assert.isAbove(byMoment[moment].reached, 20, moment)
      assert.isAbove(total.passed, 150)
      assert.isAbove(total.undone, 40)
    }
  )
})

describe("the oracle", () => {
  const cell = { animal: "marks", policy: "atomic", moment: "never", by: "nobody" } as const

  /** One call that commits at the gate, beside one that fails when it has; the first is undone if `undone`. */
  const traceOf = (undone: boolean) =>
    Effect.gen(function* () {
      const both = Plan.all({
        acts: Zoo.call(Zoo.animals.marksTwice),
        bad: Plan.call(Zoo.tools.reads, { after: 130, then: "fail" })
      })
      const { journal, ledger } = yield* observe(undone ? Plan.atomic(both) : both)
      const material = JSON.parse(JSON.stringify({ events: journal, records: ledger })) as {
        readonly events: Array<any>
        readonly records: Array<Ledger.Record>
      }
      const trace: Trace = {
        journal: material,
        ledger: material,
        reached: true,
        recordsAtStop: Infinity,
        recordsAtReturn: Infinity,
        returnedAt: 0,
        from: undefined,
        hang: undefined
      }
      return { trace, ...material, call: material.events.at(-1)!.report.calls[0] }
    })

  const numbersOf = ({ trace }: { readonly trace: Trace }) => {
    const { falseCancelled, falseCommitted, falseCompensated, late, passedAfterStop, unsaid, withoutOutcome } = judge(
      cell,
      trace
    )
    const numbers = { falseCancelled, falseCommitted, falseCompensated, passedAfterStop, unsaid, withoutOutcome }
    return [
      ...Object.entries(numbers).flatMap(([name, n]) => (n > 0 ? [`${name} ${n}`] : [])),
      ...(late ? ["late"] : [])
    ]
  }

  const broken = (
    what: string,
    undone: boolean,
    expected: ReadonlyArray<string>,
    change: (material: Effect.Success<ReturnType<typeof traceOf>>) => void | Partial<Trace>
  ) =>
    it.effect(what, () =>
      Effect.gen(function* () {
        const material = yield* traceOf(undone)
        assert.deepStrictEqual(numbersOf(material), [])
        const trace = { ...material.trace, ...change(material) }
        assert.deepStrictEqual(numbersOf({ trace }), expected)
      })
    )

  broken(
    "sees an effect that began after its attempt had been told to stop",
    false,
    ["passedAfterStop 1"],
    ({ records }) => {
      const at = records.findIndex(({ what }) => what === "committing")
      records[at] = { ...records[at]!, stopped: true }
    }
  )
  broken(
    "sees an effect that began after everything had been asked to stop",
    false,
    ["passedAfterStop 1"],
    ({ records }) => ({
      recordsAtStop: records.findLastIndex(({ what }) => what === "committing")
    })
  )
  broken("sees a call that is cancelled and acted", false, ["falseCancelled 1"], ({ call }) => {
    call.outcome = "Cancelled"
  })
  broken("sees an effect that is committed and never happened", false, ["falseCommitted 1"], ({ records }) => {
    records.splice(
      records.findIndex(({ what }) => what === "committed"),
      1
    )
  })
  broken("sees an effect that is compensated and was not", true, ["falseCompensated 1", "unsaid 1"], ({ records }) => {
    records.splice(
      records.findIndex(({ what }) => what === "undone"),
      1
    )
  })
  broken("sees an effect that no report lists", false, ["unsaid 2"], ({ call }) => {
    call.effects = []
  })
  broken("sees a call without an outcome", false, ["withoutOutcome 1"], ({ events }) => {
    events.splice(
      events.findIndex(({ type }) => type === "call.settled"),
      1
    )
  })
  broken("sees a return that came too late", false, ["late"], () => ({ from: 0, returnedAt: 101 }))
})
