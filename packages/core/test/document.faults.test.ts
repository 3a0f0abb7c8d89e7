/**
 * A document with several faults: all of them come at once, in the order of the plan, in words that say what to do.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Plan, PlanDocument, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"

const Look = Tool.make("look", { contract: Contract.readOnly, handler: () => Effect.succeed(1) })

const faultsOf = (self: Effect.Effect<unknown, { readonly faults: ReadonlyArray<object> }>) =>
  Effect.map(Effect.flip(self), ({ faults }) =>
    faults.map((fault) => {
      const { _tag, pointer } = fault as { readonly _tag: string; readonly pointer: string }
      return `${pointer} ${_tag}`
    })
  )

describe("a document with faults at its top", () => {
  it.effect("has all of its settings checked beside an unknown key", () =>
    Effect.gen(function* () {
      const document = {
        toolscope: 1,
        plan: { call: "lok" },
        drain: "2 secs",
        undo: -1,
        concurrency: 0,
        budget: { attempts: -1, usd: 1, costs: { tokens: "many" } },
        extra: 1
      }
      assert.deepStrictEqual(yield* faultsOf(PlanDocument.decode(document, [Look])), [
        "/budget/attempts BadSetting",
        "/budget/costs/tokens BadSetting",
        "/budget/usd BadShape",
        "/concurrency BadSetting",
        "/drain BadDuration",
        "/extra BadShape",
        "/plan/call UnknownTool",
        "/undo BadDuration"
      ])
    })
  )

  it.effect("names a setting of the wrong kind once, and the others too", () =>
    Effect.gen(function* () {
      const document = { toolscope: 1, plan: { call: "look" }, drain: true, concurrency: "8", undo: "infinity" }
      assert.deepStrictEqual(yield* faultsOf(PlanDocument.decode(document, [Look])), [
        "/concurrency BadShape",
        "/drain BadShape",
        "/undo BadDuration"
      ])
    })
  )

  it.effect("says of a misspelt key that it is not known", () =>
    Effect.gen(function* () {
      const document = { toolscope: 1, plan: { call: "look", timout: 5 } }
      const { faults } = yield* Effect.flip(PlanDocument.decode(document, [Look]))
      assert.deepStrictEqual(faults, [
        { pointer: "/plan/timout", _tag: "BadShape", message: "no such key is known here" }
      ])
    })
  )
})

describe("a plan that is no data", () => {
  it.effect("names what cannot be written in the order of the plan", () =>
    Effect.gen(function* () {
      const inline = Plan.effect(Effect.void, Contract.readOnly)
      const plan = Plan.all({ a: inline, b: Plan.quorum(1, [inline], { agree: () => true }), c: inline })
      assert.deepStrictEqual(yield* faultsOf(PlanDocument.encode(plan)), [
        "/plan/all/0/call Unsupported",
        "/plan/all/1/agree Unsupported",
        "/plan/all/1/of/0/call Unsupported",
        "/plan/all/2/call Unsupported"
      ])
    })
  )
})

describe("the JSON Schema of a plan", () => {
  it("knows no keys beside those that are read, and the names of costs, at any depth", () => {
    const open: Array<unknown> = []
    let objects = 0
    JSON.stringify(PlanDocument.jsonSchema(), (key, value: unknown) => {
      if (key === "costs") return undefined
      if (typeof value === "object" && value !== null && "type" in value && value.type === "object") {
        objects++
        if (!("additionalProperties" in value) || value.additionalProperties !== false) open.push(value)
      }
      return value
    })
    assert.deepStrictEqual(open, [])
    assert.isAbove(objects, 8)
  })
})
