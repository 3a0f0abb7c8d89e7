import { assert, describe, it } from "@effect/vitest"
import { Contract, PlanDocument } from "@toolscope/core"
import { Arbitraries, Zoo } from "@toolscope/testing"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

describe("scenarios", () => {
  it.effect.prop(
    "are valid: the plan of each decodes against its tools without a fault, and every behaviour is one of the zoo's",
    { scenario: Arbitraries.scenarios() },
    ({ scenario }) => PlanDocument.decode(scenario.plan, Arbitraries.toolsOf(scenario.tools)),
    { arbitrary: { runs: 300 } }
  )

  it.effect.prop(
    "are JSON: what was printed reads back as the same",
    { scenario: Arbitraries.scenarios({ depth: 2 }) },
    ({ scenario }) =>
      Effect.gen(function* () {
        const read = yield* Schema.decodeUnknownEffect(Arbitraries.Scenario)(JSON.parse(JSON.stringify(scenario)))
        assert.deepStrictEqual(read, scenario)
      }),
    { arbitrary: { runs: 100 } }
  )

  it.effect("come with every policy, every ending, every contract and every kind of interruption", () =>
    Effect.gen(function* () {
      const text = JSON.stringify(yield* Arbitrary.sampleEffect(Arbitraries.scenarios(), { count: 400, seed: 1 }))
      for (const part of [
        '"all":',
        '"quorum":',
        '"agree":true',
        '"firstSuccess":',
        '"stagger":"infinity"',
        '"stagger":20',
        '"advisory":',
        '"grace":',
        '"settled":',
        '"deadline":',
        '"retry":',
        '"timeout":',
        '"attempts":',
        '"concurrency":1',
        '"drain":0',
        ...["answer", "commit", "fail", "refuse", "never", "die", "throw", "interrupt", "malformed", "twice"].map(
          (then) => `"then":"${then}"`
        ),
        '"deaf":true',
        '"atomic":',
        '"surplus":"undo"',
        '"commit":"marked"',
        '"compensate":"atCommit"',
        '"compensate":"custom"',
        '"probe":"custom"',
        ...["gate", "beside", "detach"].map((then) => `"then":"${then}"`),
        '"does":',
        ...["end", "fail", "die", "never", "deaf"].map((then) => `"then":"${then}"`),
        '"undo":{',
        '"then":"tell"',
        '"undo":15',
        '"onStop":',
        '"cleanup":',
        '"drives":"promise"',
        ...["none", "additive", "mutating", "destructive"].map((effect) => `"effect":"${effect}"`),
        '"interruption":"never"',
        '"by":"interrupt"',
        '"by":"stop"',
        '"by":"close"',
        '"millis":',
        '"step":',
        '"order":"ranked"'
      ]) {
        assert.include(text, part)
      }
    })
  )

  it.effect("shrink: of one that goes wrong because of a timeout little more than that is left", () =>
    Effect.gen(function* () {
      const result = yield* Arbitrary.checkEffect(
        Arbitraries.scenarios(),
        (scenario) => !JSON.stringify(scenario.plan).includes('"timeout"'),
        { seed: 8, runs: 200, maxShrinks: 2000 }
      )
      assert(result._tag === "Falsified")
      const { interruption, plan, schedule } = result.shrunkInput
      assert.include(JSON.stringify(plan), '"call":"reads","params":{"after":0,"then":"answer"},"timeout":10}')
      assert.strictEqual(JSON.stringify(plan).split('"call"').length, 2)
      assert.isUndefined(interruption)
      assert.deepStrictEqual(schedule, { order: "plain", seed: 0 })
    })
  )
})

describe("behaviours", () => {
  const contract = Contract.make({ effect: "additive", failure: { Refused: "nothing" } })
  const endsIn = (step: Zoo.Behaviour["next"] | Zoo.Behaviour): string =>
    step?.next === undefined ? (step?.then ?? "") : endsIn(step.next)

  it.effect.prop(
    "keep the contract: nothing acts that only reads",
    { behaviour: Arbitraries.behavioursOf(Contract.readOnly) },
    ({ behaviour }) => Effect.sync(() => assert.notMatch(JSON.stringify(behaviour), /commit|gate|undo/))
  )

  /** Every step of a behaviour, and whether it is taken at the gate. */
  const stepsOf = (step: Zoo.Behaviour["next"], isAtGate = false): ReadonlyArray<readonly [string, boolean]> =>
    step === undefined
      ? []
      : [
          [step.then, isAtGate],
          ...stepsOf(
            step.does ?? (step.then === "gate" ? { then: "commit" } : undefined),
            isAtGate || step.then === "gate"
          ),
          ...stepsOf(step.next, isAtGate)
        ]

  it.effect.prop(
    "keep the contract: what marks its commits acts nowhere but at the gate, and does not succeed there without an act",
    {
      behaviour: Arbitraries.behavioursOf(
        Contract.make({ effect: "additive", commit: "marked", compensate: "atCommit" })
      )
    },
    ({ behaviour }) =>
      Effect.sync(() => {
        for (const [then, isAtGate] of stepsOf(behaviour)) {
          if (then === "commit") assert.isTrue(isAtGate)
          if (then === "answer") assert.isFalse(isAtGate)
        }
        assert.notStrictEqual(behaviour.onStop?.then, "commit")
      }),
    { arbitrary: { runs: 300 } }
  )

  it.effect.prop(
    "tell the truth: an error that says that nothing happened follows no act",
    { behaviour: Arbitraries.behavioursOf(contract) },
    ({ behaviour }) =>
      Effect.sync(() => {
        if (behaviour.then === "commit") assert.notStrictEqual(endsIn(behaviour), "refuse")
      }),
    { arbitrary: { runs: 300 } }
  )
})
