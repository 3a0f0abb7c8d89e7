/**
 * JSON Schemas in the promise entry: what they say is checked, and what cannot be checked is refused before anything runs.
 */
import { assert, describe, it } from "@effect/vitest"
import { Tool } from "@toolscope/core"
import { call, contract, run, tool } from "@toolscope/core/promise"

const parameters = {
  type: "object",
  properties: {
    city: { type: "string", minLength: 2, pattern: "^[A-Z]" },
    nights: { type: "integer", minimum: 1 }
  },
  required: ["city"],
  additionalProperties: false
} as const
const book = tool({
  name: "book",
  parameters,
  result: { type: "object", properties: { room: { type: "number" } }, required: ["room"] },
  contract: contract.readOnly,
  execute: ({ city }) => ({ room: city === "Oslo" ? 101 : "none", extra: true })
})

describe("a tool with JSON Schemas", () => {
  it("gets the parameters as they are, and gives the answer as it is", async () => {
    const report = await run(call(book, { city: "Oslo", nights: 2 }), { tools: [book] })
    assert.strictEqual(report.status, "succeeded")
    assert.deepStrictEqual(report.value, { room: 101, extra: true })
  })

  it("is not started with parameters that its schema does not allow: all faults at once, each with its place", async () => {
    const report = await run(call(book, { city: "o", nights: 0.5, guests: 1 }), { tools: [book] })
    assert.strictEqual(report.status, "refused")
    assert.deepStrictEqual(report.faults!.map(({ _tag, pointer }) => [pointer, _tag]).sort(), [
      ["/plan/params/city", "BadParameters"],
      ["/plan/params/city", "BadParameters"],
      ["/plan/params/guests", "BadParameters"],
      ["/plan/params/nights", "BadParameters"],
      ["/plan/params/nights", "BadParameters"]
    ])
  })

  it("fails where its answer is not as its schema says", async () => {
    const { calls } = await run(call(book, { city: "Rome" }), { tools: [book] })
    assert.deepStrictEqual(
      [calls[0]!.outcome, calls[0]!.error!._tag, calls[0]!.error!.message],
      ["Failed", "MalformedResult", "malformed result: /room: Expected number"]
    )
  })

  it("shows its schema as it was given", () => {
    assert.deepStrictEqual(Tool.parametersJsonSchema(book as never), parameters)
  })

  it("asks a person by a JSON Schema, too", async () => {
    const asks = tool({
      name: "asks",
      contract: contract.readOnly,
      execute: async (_params, { ask }) => `room ${await ask({ prompt: "Which?", schema: { type: "integer" } })}`
    })
    const told: Array<unknown> = []
    const report = await run(call(asks), {
      tools: [asks],
      onQuestion: async ({ id, schema }, { answer }) => {
        told.push(schema, await answer(id, "attic").catch((error: unknown) => (error as Error).message))
        await answer(id, 101)
      }
    })
    assert.strictEqual(report.value, "room 101")
    assert.deepStrictEqual(told[0], { type: "integer" })
    assert.match(told[1] as string, /integer|number/)
  })

  it("may refer to definitions, also of draft-07, and to itself", async () => {
    const draft07 = "http://json-schema.org/draft-07/schema#"
    for (const [$schema, definitions] of [
      ["https://json-schema.org/draft/2020-12/schema", "$defs"],
      [draft07, "definitions"],
      // what some make of an older draft
      [draft07, "$defs"]
    ] as const) {
      const node = { $ref: `#/${definitions}/node` }
      const tree = tool({
        name: "tree",
        parameters: {
          $schema,
          type: "object",
          properties: { root: node },
          [definitions]: { node: { type: "object", properties: { below: { type: "array", items: node } } } }
        },
        contract: contract.readOnly,
        execute: () => "ok"
      })
      const statusOf = async (root: unknown) => (await run(call(tree, { root }), { tools: [tree] })).status
      assert.strictEqual(await statusOf({ below: [{ below: [] }] }), "succeeded")
      assert.strictEqual(await statusOf({ below: [{ below: 1 }] }), "refused")
    }
  })
})

describe("a JSON Schema that cannot be checked", () => {
  for (const [what, schema, why] of [
    [
      "says what Effect has no check for",
      { type: "object", if: { required: ["a"] }, then: { required: ["b"] } },
      /keyword "if"/
    ],
    ["refers to another document", { $ref: "https://example.com/schema.json" }, /Unsupported \$ref/],
    ["has a misspelt type", { type: "object", properties: { a: { type: "strng" } } }, /no type "strng"/],
    ["requires what is no list", { type: "object", required: "a" }, /required is a list of names/],
    [
      "has a property that is no schema",
      { type: "object", properties: { a: "string" } },
      /properties is an object of schemas/
    ],
    ["has a pattern that is none", { type: "string", pattern: "[" }, /pattern/],
    [
      "is of a draft that is not known",
      { $schema: "http://json-schema.org/draft-04/schema#", type: "object" },
      /draft-04/
    ]
  ] as const) {
    it(`is refused when the tool is made, and says why: it ${what}`, () => {
      const make = (options: object) => tool({ name: "t", contract: contract.readOnly, execute: () => 1, ...options })
      for (const option of ["parameters", "result"]) {
        assert.throws(() => make({ [option]: schema }), TypeError, why)
        assert.throws(() => make({ [option]: schema }), new RegExp(`tool\\("t"\\): the JSON Schema of ${option}`))
      }
    })
  }
})
