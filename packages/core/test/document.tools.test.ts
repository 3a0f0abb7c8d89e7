/**
 * The JSON Schema of the plans that can be made of given tools: it holds what their contracts hold, and its strict form says the same.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, PlanDocument, Tool } from "@toolscope/core"
import { Ajv2020 } from "ajv/dist/2020.js"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { good, type Node, plan, randomNode, Read, tools, Write } from "./documents.ts"
import { prng, reading } from "./support.ts"

const handler = () => Effect.succeed("done")
const ajv = () => new Ajv2020({ strict: false, allErrors: true })
const validatorOf = (of: ReadonlyArray<Tool.Any>, strict = false) =>
  ajv().compile(PlanDocument.jsonSchemaOf(of, { strict }))
const undo = Contract.compensable({ compensate: () => Effect.void })
const Book = Tool.make("book", { contract: undo, handler })
const Pay = Tool.make("pay", { contract: Contract.irreversible, handler })
const Leaf = Schema.Struct({ word: Schema.String, more: Schema.optionalKey(Schema.Array(Schema.String)) }).annotate({
  identifier: "Leaf"
})
const Deep = Tool.make("deep", {
  description: "Takes everything that a schema can say",
  parameters: Schema.Struct({
    leaf: Leaf,
    other: Schema.optionalKey(Leaf),
    maybe: Schema.NullOr(Schema.String),
    both: Schema.optionalKey(Schema.NullOr(Schema.Int)),
    kind: Schema.Union([
      Schema.Struct({ a: Schema.Literal("x") }),
      Schema.Struct({ b: Schema.optionalKey(Schema.Int) })
    ]),
    many: Schema.optionalKey(Schema.Array(Schema.Struct({ at: Schema.optionalKey(Schema.Date) })))
  }),
  contract: reading,
  handler
})
const Loose = Tool.make("loose", {
  parameters: Schema.Struct({ of: Schema.Record(Schema.String, Schema.Json) }),
  contract: reading,
  handler
})
const toolsets: ReadonlyArray<ReadonlyArray<Tool.Any>> = [
  [],
  [Read],
  [Pay],
  tools,
  [Read, Book],
  [Read, Book, Pay, Deep, Loose]
]

/** What OpenAI's strict mode documents: closed objects with everything required, and few keywords. */
const assertStrict = (schema: Node, at = "#"): void => {
  const known = [
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "anyOf",
    "enum",
    "$ref",
    "$defs",
    "description"
  ]
  assert.deepStrictEqual(
    Object.keys(schema).filter((key) => !known.includes(key)),
    [],
    at
  )
  if ("$ref" in schema) assert.deepStrictEqual(Object.keys(schema), ["$ref"], at)
  else assert.isTrue(typeof schema.type === "string" || Array.isArray(schema.anyOf), `${at} has no type`)
  if (schema.type === "object") {
    assert.isFalse(schema.additionalProperties, at)
    assert.deepStrictEqual(schema.required, Object.keys(schema.properties as object), at)
  }
  for (const keyed of [schema.properties, schema.$defs] as ReadonlyArray<Record<string, Node> | undefined>) {
    for (const [key, inner] of Object.entries(keyed ?? {})) assertStrict(inner, `${at}/${key}`)
  }
  if (schema.type === "array") assertStrict(schema.items as Node, `${at}/items`)
  ;((schema.anyOf ?? []) as ReadonlyArray<Node>).forEach((inner, i) => assertStrict(inner, `${at}/anyOf/${i}`))
}

/** As a model in a strict mode has to write it: with `null` for everything that is left out. */
const filled = (node: Node): Node => {
  const of = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(of)
      : typeof value === "object" && value !== null && !("of" in value && typeof value.of === "string")
        ? filled(value as Node)
        : value
  const kept = Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, key === "params" ? value : of(value)])
  )
  const with_ = (keys: ReadonlyArray<string>) => ({ ...Object.fromEntries(keys.map((key) => [key, null])), ...kept })
  if ("call" in kept) {
    const params = kept.call === "read" ? { deep: null, ...(kept.params as object) } : {}
    const retry = kept.call === "read" ? ["retry"] : []
    return { ...with_(["timeout", "idempotencyKey", ...retry]), params }
  }
  if ("quorum" in kept) return with_(["agree", "surplus"])
  if ("firstSuccess" in kept) return kept.stagger === "infinity" ? kept : with_(["stagger"])
  if ("advisory" in kept) return with_(["grace"])
  return kept
}

/** One rival is no rival: it may act. But the schema does not count. */
const hasSoleRival = (json: unknown): boolean => {
  if (typeof json !== "object" || json === null) return false
  const { firstSuccess, stagger } = json as Node
  const isSole = Array.isArray(firstSuccess) && firstSuccess.length === 1 && stagger !== "infinity"
  return isSole || Object.values(json).some(hasSoleRival)
}

/** What a contract, or a shape, is at fault for; the rest only a whole plan can tell. */
const ruled = ["BadShape", "UnknownTool", "RetryForbidden", "OverlapForbidden", "UndoForbidden", "Empty"]

/** Nodes over any tools, with no regard to their contracts. */
const recklessNode = (random: ReturnType<typeof prng>, of: ReadonlyArray<Tool.Any>, depth: number): Node => {
  const inner = () => recklessNode(random, of, depth - 1)
  const children = (): ReadonlyArray<Node> =>
    Array.from({ length: random.int(3) }, (_, i) => ({ id: `c${i}`, ...inner() }))
  switch (depth === 0 ? 0 : random.int(7)) {
    case 1:
      return { all: [...children(), ...(random.next() < 0.3 ? [{ id: "adv", advisory: inner() }] : [])] }
    case 2:
      return { quorum: 1, of: children(), ...(random.next() < 0.5 ? { surplus: random.pick(["keep", "undo"]) } : {}) }
    case 3:
      return { firstSuccess: children(), ...(random.next() < 0.5 ? { stagger: random.pick(["infinity", 50]) } : {}) }
    case 4:
      return { settled: inner() }
    case 5:
      return { atomic: inner() }
    case 6:
      return { deadline: "1 second", of: inner() }
    default: {
      const call = random.pick([...of.map(({ name }) => name), ...(random.next() < 0.02 ? ["ghost"] : [])])
      const params = call === "read" ? { params: { of: "x" } } : {}
      return { call, ...params, ...(random.next() < 0.2 ? { retry: 1 } : {}) }
    }
  }
}

describe("the JSON Schema of plans of given tools", () => {
  it.effect("accepts every document of those tools that decodes", () =>
    Effect.gen(function* () {
      const validate = validatorOf(tools)
      for (let seed = 1; seed <= 300; seed++) {
        const document = plan(randomNode(prng(seed), 4), { drain: "1 second" })
        yield* PlanDocument.decode(document, tools)
        assert.isTrue(validate(document) || hasSoleRival(document), `seed ${seed}: ${JSON.stringify(document)}`)
      }
    })
  )

  it.effect("holds what contracts hold: what it accepts breaks none, and what it refuses is refused", () =>
    Effect.gen(function* () {
      let accepted = 0
      const sets: ReadonlyArray<ReadonlyArray<Tool.Any>> = [tools, [Read, Book], [Write, Pay], [Read, Book, Pay]]
      for (const of of sets) {
        const validate = validatorOf(of)
        for (let seed = 1; seed <= 400; seed++) {
          const document = plan(recklessNode(prng(seed), of, 3))
          const faults = yield* PlanDocument.decode(document, of).pipe(
            Effect.as([]),
            Effect.catch((error) => Effect.succeed(error.faults))
          )
          if (!validate(document)) {
            // an atomic over nothing needs nothing that can be undone
            const isNarrower = hasSoleRival(document) || JSON.stringify(document).includes("[]")
            assert.isTrue(faults.length > 0 || isNarrower, `seed ${seed}: ${JSON.stringify(document)}`)
            continue
          }
          accepted++
          assert.deepStrictEqual(
            faults.filter(({ _tag }) => ruled.includes(_tag)),
            [],
            `seed ${seed}: ${JSON.stringify(document)}`
          )
        }
      }
      assert.isAbove(accepted, 300)
    })
  )

  it("offers a retry, a rival and an undo only where the contract can allow them", () => {
    const validate = validatorOf([Read, Book, Pay])
    const pay = { call: "pay" }
    const book = { call: "book" }
    const refused = [
      { ...pay, retry: 1 },
      {
        firstSuccess: [
          { id: "a", ...good },
          { id: "b", ...pay }
        ]
      },
      {
        firstSuccess: [
          { id: "a", ...good },
          { id: "b", all: [{ id: "c", ...pay }] }
        ],
        stagger: "50 millis"
      },
      { atomic: { settled: pay } },
      { quorum: 1, of: [{ id: "a", ...pay }], surplus: "undo" },
      { advisory: good },
      { call: "ghost" },
      { call: "read" },
      { call: "read", params: { of: "x", off: 1 } }
    ]
    for (const node of refused) assert.isFalse(validate(plan(node)), JSON.stringify(node))
    const accepted = [
      { ...good, retry: 1 },
      {
        firstSuccess: [
          { id: "a", ...good },
          { id: "b", ...book }
        ]
      },
      {
        firstSuccess: [
          { id: "a", ...pay },
          { id: "b", ...pay }
        ],
        stagger: "infinity"
      },
      {
        atomic: {
          all: [
            { id: "a", ...book },
            { id: "b", advisory: book, grace: 5 }
          ]
        }
      },
      { quorum: 1, of: [{ id: "a", ...book }], surplus: "undo" },
      { quorum: 1, of: [{ id: "a", ...pay }], agree: true }
    ]
    for (const node of accepted) assert.isTrue(validate(plan(node)), JSON.stringify(node))
  })

  it("keeps the definitions of tools apart, also where they have the same names and refer to themselves", () => {
    const recursive = (type: string) => ({
      "~standard": {
        version: 1 as const,
        vendor: "test",
        validate: (value: unknown) => ({ value }),
        jsonSchema: {
          input: () => ({
            type: "object",
            properties: { x: { $ref: "#/$defs/X" }, self: { $ref: "#" }, old: { $ref: "#/properties/x" } },
            $defs: { X: { type } }
          })
        }
      }
    })
    const a = Tool.make("a b", { parameters: recursive("string"), contract: reading, handler })
    const b = Tool.make("a_b", { parameters: recursive("number"), contract: reading, handler })
    const validate = validatorOf([a, b])
    const call = (tool: Tool.Any, x: unknown) => plan({ call: tool.name, params: { x, old: x, self: { x } } })
    assert.isTrue(validate(call(a, "text")) && validate(call(b, 1)))
    assert.isFalse(validate(call(a, 1)) || validate(call(b, "text")))
  })
})

describe("its strict form", () => {
  it("keeps to what strict schema modes take, whatever the tools", () => {
    for (const of of toolsets) {
      const schema = PlanDocument.jsonSchemaOf(of, { strict: true }) as Node
      assertStrict(schema)
      ajv().compile(schema)
    }
  })

  it.effect("says the same: what it accepts stands for what was meant", () =>
    Effect.gen(function* () {
      const validate = validatorOf(tools, true)
      for (let seed = 1; seed <= 200; seed++) {
        const node = randomNode(prng(seed), 4)
        const document = { toolscope: 1, plan: filled(node), drain: null, undo: null, concurrency: 3, budget: null }
        if (!hasSoleRival(node)) assert.isTrue(validate(document), `seed ${seed}: ${JSON.stringify(document)}`)
        const bare = PlanDocument.fromStrict(document, tools)
        const written = (json: unknown) =>
          JSON.stringify(json, (key, value: unknown) => (key === "params" && value === undefined ? {} : value))
        const sorted = (json: unknown) => JSON.parse(written(json)) as unknown
        assert.deepStrictEqual(sorted(bare), sorted(plan(node, { concurrency: 3 })))
        yield* PlanDocument.decode(bare, tools)
      }
    })
  )

  it.effect("takes away the nulls that stand for nothing, and no other", () =>
    Effect.gen(function* () {
      const params = {
        leaf: { word: "a", more: null },
        other: null,
        maybe: null,
        both: null,
        kind: { b: null },
        many: [{ at: null }, { at: "2026-01-01T00:00:00.000Z" }]
      }
      const node = { call: "deep", params, timeout: null, retry: null, idempotencyKey: null }
      const document = { toolscope: 1, plan: node, drain: null, undo: null, concurrency: null, budget: null }
      assert.isTrue(validatorOf([Deep], true)(document))
      const bare = PlanDocument.fromStrict(document, [Deep]) as { readonly plan: Node }
      assert.deepStrictEqual(bare.plan, {
        call: "deep",
        params: {
          leaf: { word: "a" },
          maybe: null,
          both: null,
          kind: {},
          many: [{}, { at: "2026-01-01T00:00:00.000Z" }]
        }
      })
      yield* PlanDocument.decode(bare, [Deep])
    })
  )

  it.effect("takes away a null by the member of a union whose tag the value has, and by no other", () =>
    Effect.gen(function* () {
      const V = Schema.Int
      const A = Schema.Struct({ kind: Schema.Literal("a"), v: Schema.NullOr(V) })
      const B = Schema.Struct({ kind: Schema.Literals(["b", "c"]), v: Schema.optionalKey(V) })
      const Tagged = Tool.make("tagged", {
        parameters: Schema.Struct({ of: Schema.Array(Schema.Union([A, B])) }),
        contract: Contract.readOnly,
        handler: () => Effect.void
      })
      const of = ["a", "b", "c"].map((kind) => ({ kind, v: null }))
      const bare = PlanDocument.fromStrict({ toolscope: 1, plan: { call: "tagged", params: { of } } }, [Tagged])
      assert.deepStrictEqual((bare as { readonly plan: Node }).plan, {
        call: "tagged",
        params: { of: [{ kind: "a", v: null }, { kind: "b" }, { kind: "c" }] }
      })
      yield* PlanDocument.decode(bare, [Tagged])
    })
  )

  it.effect("takes parameters that it cannot say as text", () =>
    Effect.gen(function* () {
      const call = (params: unknown) => ({ toolscope: 1, plan: { call: "loose", params } })
      const json = JSON.stringify({ of: { any: [null] } })
      assert.deepStrictEqual(PlanDocument.fromStrict(call(json), [Loose]), call({ of: { any: [null] } }))
      const broken = PlanDocument.fromStrict(call("{"), [Loose])
      const { faults } = yield* Effect.flip(PlanDocument.decode(broken, [Loose]))
      assert.deepStrictEqual(
        faults.map(({ _tag, pointer }) => [pointer, _tag]),
        [["/plan/params", "BadParameters"]]
      )
    })
  )

  it("gives back what is no document as it is", () => {
    for (const document of [null, 7, "x", [1], { plan: 3 }, { plan: { all: [null, 7, { call: 3 }] } }]) {
      assert.deepStrictEqual(PlanDocument.fromStrict(document, tools), document)
    }
  })
})
