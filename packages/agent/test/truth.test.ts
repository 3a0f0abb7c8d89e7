/**
 * What the model reads of calls that succeeded and do not count any more, and of calls that a policy runs more than once.
 */
import { assert, describe, it } from "@effect/vitest"
import { Agent, ScriptedModel } from "@toolscope/agent"
import { Contract, Plan, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { calls, resultsOf } from "./support.ts"

class SoldOut extends Schema.TaggedError<SoldOut>()("SoldOut", {}) {}
const rooms = (undo: Effect.Effect<void>) =>
  Tool.make("book", {
    contract: Contract.make({ effect: "additive", repeat: "keyed", compensate: () => undo }),
    handler: () => Effect.succeed("room 7")
  })
const Train = Tool.make("train", {
  failure: Schema.String,
  contract: Contract.readOnly,
  handler: () => Effect.delay(Effect.fail("no train"), "1 second")
})
const Quick = Tool.make("quick", { contract: Contract.readOnly, handler: () => Effect.sleep("1 second") })

const run = <T extends Agent.Tools>(turn: ScriptedModel.Turn, options: Omit<Agent.Options<T>, "prompt">) =>
  Effect.gen(function* () {
    const model = ScriptedModel.layer([turn, "done"])
    const fiber = yield* Effect.forkChild(
      Agent.run({ prompt: "go", session: { id: "s" }, ...options }).pipe(Effect.provide(model))
    )
    yield* TestClock.adjust("1 hour")
    return resultsOf(yield* Fiber.join(fiber))
  })

const atomic = (calls: ReadonlyArray<Agent.Call<never>>) => Plan.atomic(Plan.all(calls.map(({ plan }) => plan)))
const both = calls(["b", "book"], ["t", "train"])

describe("a call whose success was undone", () => {
  it.effect("is no success for the model: it was undone", () =>
    Effect.gen(function* () {
      const { b, t } = yield* run(both, { tools: [rooms(Effect.void), Train], plan: atomic })
      assert.isTrue(b!.isFailure)
      assert.deepStrictEqual(b!.result, {
        outcome: "Undone",
        message: "it had succeeded, and was undone, because what it belonged to failed, or had no need of it"
      })
      assert.strictEqual(t!.result.outcome, "Failed")
    })
  )

  it.effect("is none in a plan that the model declared either", () =>
    Effect.gen(function* () {
      const plan = {
        atomic: {
          all: [
            { id: "b", call: "book", params: {} },
            { id: "t", call: "train", params: {} }
          ]
        }
      }
      const { f } = yield* run(calls(["f", "fanout", { toolscope: 1, plan }]), {
        tools: [rooms(Effect.void), Train],
        strict: false
      })
      assert.isTrue(f!.isFailure)
      assert.strictEqual(f!.result.calls[0].outcome, "Undone")
      assert.notProperty(f!.result.calls[0], "value")
    })
  )

  it.effect("may still stand where it could not be undone: that is said, with the key", () =>
    Effect.gen(function* () {
      const { b } = yield* run(both, { tools: [rooms(Effect.die("closed")), Train], plan: atomic })
      assert.isTrue(b!.isFailure)
      assert.strictEqual(b!.result.outcome, "Unknown")
      assert.match(b!.result.message, /succeeded.*could not be undone.*[Cc]heck before repeating/)
      assert.deepStrictEqual(b!.result.idempotencyKeys, ["s.2/0#0"])
    })
  )

  it.effect("is none where it was surplus to a quorum", () =>
    Effect.gen(function* () {
      const { b, q } = yield* run(calls(["b", "book"], ["q", "book"]), {
        tools: [rooms(Effect.void)],
        plan: (calls) =>
          Plan.quorum(
            1,
            calls.map(({ plan }) => plan),
            { surplus: "undo" }
          )
      })
      assert.deepStrictEqual([b!.isFailure, q!.isFailure], [false, true])
      assert.strictEqual(q!.result.outcome, "Undone")
    })
  )
})

describe("a call that a policy runs twice", () => {
  it.effect("is told as what may have happened, not as the one of them that did nothing", () =>
    Effect.gen(function* () {
      let runs = 0
      const Pay = Tool.make("pay", {
        failure: SoldOut,
        timeout: "1 second",
        contract: Contract.make({ effect: "mutating", failure: { SoldOut: "nothing" } }),
        handler: () => (++runs === 1 ? Effect.fail(new SoldOut({})) : Effect.never)
      })
      const { p } = yield* run(calls(["p", "pay"], ["q", "quick"]), {
        tools: [Pay, Quick],
        plan: ([pay, quick]) => Plan.all([Plan.settled(pay!.plan), Plan.settled(pay!.plan), quick!.plan])
      })
      assert.strictEqual(p!.result.outcome, "Unknown", JSON.stringify(p))
    })
  )
})
