/**
 * What an isolated function is given, and what becomes of its answer, in processes and in workers.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Plan } from "@toolscope/core"
import { Isolated, IsolatedError } from "@toolscope/node"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { z } from "zod"
import { Declared } from "./fixtures/effects.ts"
import { acts, callOf, errorOf, fixture, isolated, newFile, notesOf, places, reportOf, valueOf } from "./support.ts"

describe.each(places)("in a %s", (place) => {
  const call = (name: string, params: unknown = {}, options = {}) => Plan.call(isolated(name, place, options), params)
  const effects = { module: fixture("effects.ts") }

  it.live("parameters go out as JSON of their schema, and the answer is decoded by its own", () =>
    Effect.gen(function* () {
      const tool = Isolated.tool("echo", {
        module: fixture("functions.ts"),
        export: "echo",
        in: place,
        parameters: Schema.Struct({ when: Schema.Date, n: Schema.optionalKey(Schema.Number) }),
        success: Schema.Struct({ when: Schema.String }),
        contract: Contract.readOnly
      })
      const there = yield* callOf(Plan.call(tool, { when: new Date(0) }))
      assert.deepStrictEqual(valueOf(there), { when: "1970-01-01T00:00:00.000Z" })
    })
  )

  it.live("a function may return a value, a promise, nothing, or an Effect; the default export is the default", () =>
    Effect.gen(function* () {
      const { calls } = yield* reportOf(
        Plan.all({
          value: call("double", { n: 21 }),
          byDefault: call("default", {}),
          nothing: call("nothing", {}, { success: Schema.Void }),
          zod: call("nothing", {}, { success: z.undefined() as never }),
          effect: call("addEffect", { n: 1 }, effects)
        })
      )
      assert.deepStrictEqual(calls.map(valueOf), [42, "by default", undefined, undefined, 2])
    })
  )

  it.live("it is told which attempt of which call it is, under which key", () =>
    Effect.gen(function* () {
      const { calls } = yield* reportOf(
        Plan.all({ who: Plan.call(isolated("context", place), {}, { idempotencyKey: "order-17" }) }),
        { runId: "run-1" }
      )
      assert.deepStrictEqual(valueOf(calls[0]!), {
        runId: "run-1",
        epoch: 1,
        call: "/who",
        attempt: 1,
        idempotencyKey: "order-17",
        aborted: false
      })
    })
  )

  it.live("it gets a few safe variables and those that the tool names, and none of ours besides", () =>
    Effect.gen(function* () {
      process.env.TOOLSCOPE_TEST_SECRET = "do not pass on"
      const env = valueOf(yield* callOf(call("environment", {}, { env: { TOKEN: "given" } })))
      delete process.env.TOOLSCOPE_TEST_SECRET
      assert.strictEqual(env.PATH, process.env.PATH)
      assert.strictEqual(env.TOKEN, "given")
      assert.notProperty(env, "TOOLSCOPE_TEST_SECRET")
      assert.notProperty(env, "VITEST")
    })
  )

  it.live("an error comes back with its name, message, tag and those of its fields that are JSON", () =>
    Effect.gen(function* () {
      const error = errorOf(yield* callOf(call("soldOut", { item: "teapot" })))
      assert.strictEqual(error.reason._tag, "Rejected")
      const own = error.reason.error
      assert.instanceOf(own, Error)
      assert.strictEqual(own.name, "SoldOut")
      assert.strictEqual(own.message, "no teapot is left")
      assert.deepStrictEqual(Object.fromEntries(Object.entries(own)), { _tag: "SoldOut", item: "teapot" })
      assert.include(own.stack, "functions.ts")
    })
  )

  it.live("an error becomes the typed failure that the tool declares, if it decodes as one", () =>
    Effect.gen(function* () {
      const SoldOut = Schema.TaggedStruct("SoldOut", { item: Schema.String })
      const { calls } = yield* reportOf(
        Plan.settled(
          Plan.all({
            declared: Plan.settled(call("declared", {}, { ...effects, failure: Declared as never })),
            struct: Plan.settled(call("soldOut", { item: "cup" }, { failure: SoldOut as never })),
            ofEffect: Plan.settled(call("failEffect", {}, { ...effects, failure: SoldOut as never })),
            text: Plan.settled(call("throwsText", {}, { failure: Schema.String as never })),
            other: Plan.settled(call("throwsText", {}, { failure: SoldOut as never }))
          })
        )
      )
      const [declared, struct, ofEffect, text, other] = calls.map(errorOf)
      assert.instanceOf(declared, Declared)
      assert.strictEqual(declared.code, 7)
      assert.deepStrictEqual(struct, { _tag: "SoldOut", item: "cup" })
      assert.deepStrictEqual(ofEffect, { _tag: "SoldOut", item: "teapot" })
      assert.strictEqual(text, "just text")
      assert.strictEqual(other.reason._tag, "Rejected")
      assert.strictEqual(other.reason.error.message, "just text")
    })
  )

  it.live("what the contract says of a tag holds for an error from there", () =>
    Effect.gen(function* () {
      const contract = Contract.make({ effect: "additive", failure: { SoldOut: "nothing" } })
      const { calls } = yield* reportOf(
        Plan.all({
          nothing: Plan.settled(call("soldOut", { item: "cup" }, { contract })),
          maybe: Plan.settled(call("throwsText", {}, { contract }))
        })
      )
      assert.deepStrictEqual(
        calls.map(({ effects, outcome }) => [outcome._tag, effects.map(({ state }) => state)]),
        [
          ["Failed", []],
          ["Failed", ["unknown"]]
        ]
      )
    })
  )

  it.live("what cannot be looked at when it is thrown is an error all the same", () =>
    Effect.gen(function* () {
      const error = errorOf(yield* callOf(call("throwsTrap")))
      assert.strictEqual(error.reason._tag, "Rejected")
    })
  )

  it.live("an Effect that dies gave no answer", () =>
    Effect.gen(function* () {
      const there = yield* callOf(call("dieEffect", {}, { ...effects, contract: acts }))
      assert.strictEqual(there.outcome._tag, "Unknown")
      assert.include(errorOf(there).message, "its Effect died: TypeError: a bug")
    })
  )

  it.live("an answer that is no JSON is malformed, and says where", () =>
    Effect.gen(function* () {
      const { calls } = yield* reportOf(
        Plan.all({
          map: Plan.settled(call("map")),
          circle: Plan.settled(call("circle")),
          acts: Plan.settled(call("map", {}, { contract: acts })),
          careless: Plan.settled(
            call("map", {}, { contract: Contract.make({ effect: "additive", failure: "nothing" }) })
          ),
          schema: Plan.settled(call("double", { n: 1 }, { success: Schema.String as never }))
        })
      )
      assert.deepStrictEqual(
        calls.map((there) => errorOf(there).reason._tag),
        ["MalformedResult", "MalformedResult", "MalformedResult", "MalformedResult", "MalformedResult"]
      )
      assert.include(errorOf(calls[0]!).message, `at "rows" there is Map`)
      assert.include(errorOf(calls[1]!).message, "circular")
      assert.deepStrictEqual(
        calls.map(({ effects, outcome }) => [outcome._tag, effects.map(({ state }) => state)]),
        [
          ["Failed", []],
          ["Failed", []],
          ["Failed", ["unknown"]],
          // an answer that cannot be used is no failure of which "nothing" was said
          ["Unknown", ["unknown"]],
          ["Failed", []]
        ]
      )
    })
  )

  it.live("a large answer arrives whole", () =>
    Effect.gen(function* () {
      assert.strictEqual(valueOf(yield* callOf(call("large", { bytes: 5_000_000 }))).length, 5_000_000)
    })
  )

  it.live("what is printed is kept apart, and cannot be mistaken for an answer", () =>
    Effect.gen(function* () {
      const { calls } = yield* reportOf(Plan.all({ prints: call("prints"), forges: call("forges") }))
      assert.deepStrictEqual(calls.map(valueOf), ["printed", "honest"])
    })
  )

  it.live("a module that cannot be loaded, or has no such function, has done nothing", () =>
    Effect.gen(function* () {
      const { calls } = yield* reportOf(
        Plan.all({
          broken: Plan.settled(call("it", {}, { module: fixture("broken.ts"), contract: acts })),
          missing: Plan.settled(call("dubble", {}, { contract: acts })),
          noFunction: Plan.settled(call("notAFunction", {}, { contract: acts }))
        })
      )
      assert.deepStrictEqual(
        calls.map(({ effects, outcome }) => [outcome._tag, effects.length]),
        [
          ["Failed", 0],
          ["Failed", 0],
          ["Failed", 0]
        ]
      )
      const errors = calls.map(errorOf)
      for (const error of errors) assert.instanceOf(error, IsolatedError.NotStarted)
      assert.deepStrictEqual(
        errors.map(({ reason }) => reason._tag),
        ["CannotLoad", "NoSuchExport", "NoSuchExport"]
      )
      assert.include(errors[0].message, "broken at the top")
      assert.include(errors[1].message, `"double"`)
    })
  )

  it.live("parameters that are no JSON are refused before anything starts", () =>
    Effect.gen(function* () {
      const tool = Isolated.tool("echo", {
        module: fixture("functions.ts"),
        export: "echo",
        in: place,
        parameters: z.object({ when: z.any() }),
        contract: acts
      })
      const there = yield* callOf(Plan.call(tool, { when: new Map() }))
      assert.strictEqual(errorOf(there).reason._tag, "BadParameters")
      assert.deepStrictEqual(there.effects, [])
    })
  )

  it.live("it is tried again where that is allowed, in a fresh one, under the same key", () =>
    Effect.gen(function* () {
      const file = newFile()
      const contract = Contract.make({ effect: "additive", repeat: "keyed" })
      const tool = isolated("flaky", place, { contract })
      const there = yield* callOf(Plan.call(tool, { file }, { retry: 1, idempotencyKey: "k" }))
      assert.strictEqual(valueOf(there), "attempt 2")
      assert.strictEqual(notesOf(file), "attempt 1 k\nattempt 2 k\n")
    })
  )

  it.live("it is not tried again where it may have acted and must not act twice", () =>
    Effect.gen(function* () {
      const file = newFile()
      const there = yield* callOf(Plan.call(isolated("flaky", place, { contract: acts }), { file }, { retry: 3 }))
      assert.strictEqual(there.outcome._tag, "Unknown")
      assert.strictEqual(there.attempts, 1)
    })
  )
})

describe("options", () => {
  const module = fixture("functions.ts")
  const contract = Contract.readOnly

  it("a module is the URL of a file, its text, or an absolute path", () => {
    for (const one of [module, module.href, fileURLToPath(module)]) {
      assert.strictEqual(Isolated.tool("it", { module: one, contract }).name, "it")
    }
  })

  it("all faults are found when the tool is made, at once", () => {
    const bad = () =>
      Isolated.tool("it", {
        module: "./relative.ts",
        export: "",
        in: "thread" as never,
        memory: 1.5,
        env: { TOKEN: 7 as never },
        contract: Contract.make({ effect: "additive", commit: "marked" })
      })
    try {
      bad()
      assert.fail("it was accepted")
    } catch (error) {
      assert.instanceOf(error, IsolatedError.BadOptions)
      assert.strictEqual(error.faults.length, 6)
      assert.include(error.message, "./relative.ts")
      assert.notInclude(error.message, "7")
    }
  })

  it("a file that is not there is found when the tool is made", () => {
    assert.throws(
      () => Isolated.tool("it", { module: join(tmpdir(), "no such file.ts"), contract }),
      /there is no file/
    )
    assert.throws(() => Isolated.tool("it", { module: "https://example.com/a.js", contract }), /the URL of a file/)
  })

  it("a reader's contract stays as it is, and an acting one learns that what did not start did nothing", () => {
    assert.strictEqual(Isolated.tool("it", { module, contract }).contract, contract)
    const acting = Isolated.tool("it", { module, contract: acts }).contract
    assert.isFalse(Contract.mayHaveActed(acting, { _tag: "IsolatedNotStarted" }))
    assert.isTrue(Contract.mayHaveActed(acting, { _tag: "Other" }))
    const own = Contract.make({ effect: "additive", failure: { Other: "nothing" } })
    assert.isFalse(Contract.mayHaveActed(Isolated.tool("it", { module, contract: own }).contract, { _tag: "Other" }))
  })
})
