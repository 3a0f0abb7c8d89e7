/**
 * The schema of `fanout`'s parameters: what a host is told must be what is accepted.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, PlanDocument, Tool } from "@toolscope/core"
import { Ajv } from "ajv"
import { Ajv2020 } from "ajv/dist/2020.js"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { StandardSchemaV1 } from "effect/StandardSchema"
import { listing } from "../../src/internal/gateway/listing.ts"
import { fromJsonSchema } from "../../src/internal/jsonSchema.ts"

const tool = (name: string, contract: Contract.Contract, schema: object): Tool.Any =>
  Tool.make(name, {
    contract,
    parameters: fromJsonSchema(schema, "") as StandardSchemaV1<object, object>,
    handler: () => Effect.succeed(name)
  })

const path = {
  type: "object",
  properties: { path: { type: "string" } },
  required: ["path"],
  additionalProperties: false
}
const read = tool("read", Contract.readOnly, path)
const write = tool("write", Contract.irreversible, path)
const put = tool("put", Contract.idempotent, { type: "object" })
const book = tool("book", Contract.compensable({ compensate: () => Effect.void, repeat: "keyed" }), { type: "object" })
/** A tree, by references of its own. */
const tree = tool("tree", Contract.readOnly, {
  $schema: "http://json-schema.org/draft-07/schema#",
  $id: "https://example.org/tree",
  type: "object",
  properties: { root: { $ref: "#/definitions/node" }, $ref: { type: "string" } },
  required: ["root"],
  definitions: {
    node: {
      type: "object",
      properties: {
        children: { type: "array", items: { $ref: "#/definitions/node" } },
        like: { enum: [{ $ref: "#/x" }] }
      },
      required: ["children"]
    }
  }
})
const tools = [read, write, put, book, tree]

const forms = ["inline", "refs"] as const
const schemaOf = (form: (typeof forms)[number], of: ReadonlyArray<Tool.Any> = tools) =>
  listing(of, form).find(({ name }) => name === "fanout")!.inputSchema

const isAccepted = (document: object) =>
  Result.isSuccess(Effect.runSync(Effect.result(PlanDocument.decode({ toolscope: 1, ...document }, tools))))

const call = (name: string, params: object = {}, more: object = {}) => ({ call: name, params, ...more })
const child = (id: string, node: object) => ({ id, ...node })
const r = call("read", { path: "a" })
const w = call("write", { path: "a" })

const good: ReadonlyArray<object> = [
  r,
  w,
  call("put", { any: 1 }, { retry: 2, timeout: "5 seconds" }),
  call("tree", { root: { children: [{ children: [] }] }, $ref: "x" }),
  { all: [] },
  { all: [child("a", r), child("b", w), child("c", { advisory: r, grace: 100 })] },
  { quorum: 1, of: [child("a", r), child("b", w)], agree: true, surplus: "keep" },
  { quorum: 1, of: [child("a", r), child("b", call("book"))], surplus: "undo" },
  { firstSuccess: [child("a", r), child("b", call("book"))], stagger: "50 millis" },
  { firstSuccess: [child("a", w), child("b", r)], stagger: "infinity" },
  { settled: { atomic: { all: [child("a", call("book"))] } } },
  { deadline: "1 second", of: { all: [child("a", { all: [child("b", { settled: w })] })] } }
]

const bad: ReadonlyArray<readonly [why: string, plan: object]> = [
  ["a tool that is not there", call("nope")],
  ["parameters that the tool does not take", { all: [child("a", call("read", { pth: 1 }))] }],
  ["a parameter too many", { all: [child("a", call("read", { path: "a", more: 1 }))] }],
  ["a further attempt that the contract refuses", { all: [child("a", { ...w, retry: 1 })] }],
  ["rivals that cannot be undone", { firstSuccess: [child("a", w), child("b", r)] }],
  ["surplus that cannot be undone", { quorum: 1, of: [child("a", w), child("b", r)], surplus: "undo" }],
  ["a child without an id", { all: [r] }],
  ["an id where none belongs", child("a", r)],
  ["a key that is not known", { ...r, tiemout: 3 }],
  ["two kinds at once", { ...r, all: [] }],
  ["a quorum of none", { quorum: 0, of: [child("a", r)] }]
]

describe.each(forms)("the schema of fanout, %s,", (form) => {
  it("compiles strictly as 2020-12, and as draft-07 as older hosts take it", () => {
    const schema = schemaOf(form)
    assert.strictEqual(schema.type, "object")
    for (const key of ["anyOf", "oneOf", "allOf"]) assert.notProperty(schema, key)
    new Ajv2020({ strict: true, strictRequired: false, strictTypes: false }).compile(schema)
    new Ajv({ strict: false }).compile(schema)
  })

  it("accepts what is accepted", () => {
    const validate = new Ajv2020({ strict: false }).compile(schemaOf(form))
    for (const plan of good) {
      assert.isTrue(isAccepted({ plan }), JSON.stringify(plan))
      assert.isTrue(validate({ plan }), `${JSON.stringify(plan)} ${JSON.stringify(validate.errors?.slice(0, 3))}`)
    }
    assert.isTrue(validate({ toolscope: 1, plan: r, drain: 100, budget: { calls: 3, wallClock: "1 minute" } }))
  })

  it.each(bad)("refuses %s, as the gateway does", (_, plan) => {
    assert.isFalse(isAccepted({ plan }))
    assert.isFalse(new Ajv2020({ strict: false }).compile(schemaOf(form))({ plan }), JSON.stringify(plan))
  })
})

describe("the schema of fanout", () => {
  it("holds no reference where it is inline, and with refs none that leads nowhere", () => {
    assert.notInclude(JSON.stringify(schemaOf("inline", [read, write])), "$ref")
    const schema = schemaOf("refs")
    const text = JSON.stringify(schema)
    for (const [, name] of text.matchAll(/"\$ref":"#\/\$defs\/(\w+)/g)) assert.property(schema.$defs as object, name!)
  })

  it("refuses with references what is nested deeper, too", () => {
    const validate = new Ajv2020({ strict: false }).compile(schemaOf("refs"))
    const deep = (inner: object) => ({ plan: { settled: { all: [child("a", { deadline: 5, of: inner })] } } })
    assert.isTrue(validate(deep(call("tree", { root: { children: [] } }))))
    assert.isFalse(validate(deep(call("tree", { root: { children: [{}] } }))))
    assert.isFalse(validate(deep({ ...w, retry: 1 })))
  })

  it("stays small: parameters of many tools are spelled out less often, and at last not at all", () => {
    const properties = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`parameter${i}`, { type: "string" }]))
    const many = (count: number) =>
      Array.from({ length: count }, (_, i) => tool(`tool${i}`, Contract.unknown, { type: "object", properties }))
    const spelled = (count: number) => JSON.stringify(schemaOf("inline", many(count))).split('"parameter9"').length - 1
    assert.isAbove(spelled(3), 3)
    assert.strictEqual(spelled(25), 25)
    assert.strictEqual(spelled(200), 0)
    assert.isBelow(JSON.stringify(schemaOf("inline", many(200))).length, 60_000)
  })

  it("describes loosely what cannot stand in another schema", () => {
    const odd = [
      { type: "object", properties: { a: { $ref: "https://example.org/x" } } },
      { type: "object", properties: { a: { $dynamicRef: "#x" } } },
      { type: "object", $schema: "http://json-schema.org/draft-07/schema#", properties: { a: { items: [{}] } } }
    ]
    for (const form of forms) {
      const schema = schemaOf(
        form,
        odd.map((one, i) => tool(`odd${i}`, Contract.readOnly, one))
      )
      new Ajv2020({ strict: false }).compile(schema)
      assert.strictEqual(JSON.stringify(schema).includes("example.org"), false)
    }
  })

  it("of the result holds no reference: a recursive one makes hosts drop the whole list", () => {
    const { outputSchema } = listing(tools, "inline").at(-1)!
    assert.notInclude(JSON.stringify(outputSchema), "$ref")
    new Ajv2020({ strict: true, allowUnionTypes: true }).compile(outputSchema!)
  })
})
