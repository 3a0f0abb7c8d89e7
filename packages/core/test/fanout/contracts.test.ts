import { assert, describe, it } from "@effect/vitest"
import { Contract, Fanout, Journal, Plan } from "@toolscope/core"
import * as Effect from "effect/Effect"

describe("the opening of a journal", () => {
  it.effect("keeps the contract of every inline Effect, though they share a name", () =>
    Effect.gen(function* () {
      const journal = Journal.memory()
      const plan = Plan.all({
        reads: Plan.effect(Effect.succeed(1), Contract.readOnly),
        acts: Plan.effect(Effect.succeed(2), Contract.irreversible)
      })
      yield* Effect.provideService(Fanout.run(plan), Journal.Current, journal)
      const opened = journal.events[0]!
      assert.isTrue(opened.type === "fanout.opened")
      if (opened.type !== "fanout.opened") return
      assert.strictEqual(opened.contracts["/reads"]?.effect, "none")
      assert.strictEqual(opened.contracts["/acts"]?.effect, "destructive")
    })
  )
})
