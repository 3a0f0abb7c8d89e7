/**
 * Plans that the model declares: whatever it writes is run, or refused with what is wrong, and where.
 */
import { assert, describe, it } from "@effect/vitest"
import { Agent, ScriptedModel } from "@toolscope/agent"
import { Contract, Tool } from "@toolscope/core"
import { Ajv2020 } from "ajv/dist/2020.js"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { LanguageModel, Tool as AiTool } from "effect/ai"
import * as TestClock from "effect/testing/TestClock"
import { calls, callsIn, resultsIn, resultsOf } from "./support.ts"

const Read = Tool.make("read", {
  description: "Reads",
  parameters: Schema.Struct({ of: Schema.String, deep: Schema.optionalKey(Schema.Struct({ n: Schema.Int })) }),
  success: Schema.String,
  failure: Schema.String,
  contract: Contract.readOnly,
  handler: ({ of }) =>
    of === "bad" ? Effect.fail("no such thing") : Effect.delay(Effect.succeed(`read ${of}`), of.length)
})
const Write = Tool.make("write", { contract: Contract.irreversible, handler: () => Effect.succeed("written") })
const Hang = Tool.make("hang", { contract: Contract.readOnly, handler: () => Effect.never })
const Free = Tool.make("free", {
  parameters: Schema.Record(Schema.String, Schema.Json),
  contract: Contract.readOnly,
  handler: (params) => Effect.succeed(Object.keys(params).length)
})
const tools = [Read, Write, Hang, Free]

const run = (turns: ScriptedModel.Script, options: Partial<Agent.Options<typeof tools>> = {}) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(
      Agent.run({ prompt: "go", tools, ...options }).pipe(Effect.provide(ScriptedModel.layer(turns)))
    )
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.join(fiber)
  })

const plan = (node: unknown, settings: object = {}) => ({ toolscope: 1, plan: node, ...settings })
const read = (of: string) => ({ call: "read", params: { of } })

describe("a declared plan", () => {
  it.effect("runs as it says, and its calls are named as the model has named them", () =>
    Effect.gen(function* () {
      const document = plan(
        {
          all: [
            {
              id: "first",
              firstSuccess: [
                { id: "x", call: "hang" },
                { id: "y", ...read("it") }
              ]
            },
            { id: "side", advisory: read("bad") }
          ]
        },
        { drain: "1 second", concurrency: 2 }
      )
      const end = yield* run([calls(["1", "fanout", document]), "done"])
      assert.deepStrictEqual(resultsOf(end)["1"]?.isFailure, false)
      const { calls: told, plan: decided } = resultsOf(end)["1"]?.result
      assert.strictEqual(decided, "succeeded")
      assert.deepStrictEqual(
        told.map(({ id, outcome, value }: any) => [id, outcome ?? value]),
        [
          ["/first/x", "Cancelled"],
          ["/first/y", "read it"],
          ["/side", "Failed"]
        ]
      )
    })
  )

  it.effect("stands beside other calls, and takes nothing from them when it fails or is faulty", () =>
    Effect.gen(function* () {
      const end = yield* run([
        calls(
          ["1", "fanout", plan(read("bad"))],
          ["2", "read", { of: "x", deep: null }],
          [
            "3",
            "fanout",
            plan({
              quorum: 3,
              of: [
                { id: "a", ...read("x") },
                { id: "a", call: "ghost" }
              ]
            })
          ],
          ["4", "fanout", plan(read("x"), { drain: 5 })],
          ["5", "fanout", plan(read("y"))]
        ),
        "done"
      ])
      const results = resultsOf(end)
      assert.strictEqual(results["1"]?.isFailure, true)
      assert.strictEqual(results["1"]?.result.plan, "failed")
      assert.strictEqual(results["2"]?.result, "read x")
      for (const part of ["/plan/of/1/call: no tool is named", "/plan/of/1/id: a sibling is called", "/plan/quorum: "])
        assert.include(results["3"]?.result.message, part)
      assert.include(results["4"]?.result.message, "drain hold for a whole turn")
      assert.deepStrictEqual(results["5"]?.result.calls, [{ id: "/", tool: "read", value: "read y" }])
    })
  )

  it.effect("is read in the strict form, with null for what is left out", () =>
    Effect.gen(function* () {
      const node = { call: "read", params: { of: "x", deep: null }, timeout: null, retry: 1, idempotencyKey: null }
      const document = plan({ settled: node }, { drain: null, undo: null, concurrency: null, budget: null })
      const end = yield* run([calls(["1", "fanout", document], ["2", "free", { any: [1] }]), "done"])
      assert.deepStrictEqual(resultsOf(end)["1"]?.result.calls, [{ id: "/", tool: "read", value: "read x" }])
      assert.strictEqual(resultsOf(end)["2"]?.result, 1)
    })
  )
})

describe("the reserved parameter", () => {
  it.effect("is taken away before the parameters are looked at, and refused where it says something else", () =>
    Effect.gen(function* () {
      const turn = calls(
        ["1", "read", { of: "x", deep: null, toolscope_policy: "essential" }],
        ["2", "read", { of: "y", deep: null, toolscope_policy: "vital" }],
        ["3", "hang", { toolscope_policy: "advisory" }]
      )
      const end = yield* run([turn, "done"])
      const results = resultsOf(end)
      assert.strictEqual(results["1"]?.result, "read x")
      assert.include(results["2"]?.result.message, '/toolscope_policy: "essential" or "advisory"')
      assert.strictEqual(results["3"]?.result.outcome, "Cancelled")
    })
  )
})

/** What the model is shown. */
const shown = (
  options: Partial<Agent.Options<typeof tools>>
): Effect.Effect<Record<string, { readonly schema: object; readonly isStrict: boolean | undefined }>, unknown> =>
  Effect.gen(function* () {
    const seen: Array<AiTool.Any> = []
    const spy = LanguageModel.make({
      generateText: ({ tools }) =>
        Effect.sync(() => {
          seen.push(...tools)
          return []
        }),
      streamText: () => Stream.empty
    })
    yield* Agent.run({ prompt: "go", tools, ...options }).pipe(
      Effect.provide(Layer.effect(LanguageModel.LanguageModel, spy))
    )
    return Object.fromEntries(
      seen.map((tool) => [tool.name, { schema: AiTool.getJsonSchema(tool), isStrict: AiTool.getStrictMode(tool) }])
    )
  })

describe("what the model is shown", () => {
  it.effect("takes what it may write, and nothing that a contract refuses", () =>
    Effect.gen(function* () {
      const tools = yield* shown({})
      assert.deepStrictEqual(
        Object.entries(tools).map(([name, one]) => [name, one.isStrict]),
        [
          ["read", true],
          ["write", true],
          ["hang", true],
          // records of any keys have no place in the strict dialect
          ["free", false],
          ["fanout", true]
        ]
      )
      const validate = new Ajv2020({ strict: false }).compile(tools.fanout!.schema)
      const settings = { drain: null, undo: null, concurrency: null, budget: null }
      const call = (name: string, extra: object = {}) => ({
        call: name,
        params: {},
        timeout: null,
        idempotencyKey: null,
        ...extra
      })
      assert.isTrue(validate(plan(call("write"), settings)))
      assert.isFalse(validate(plan(call("write", { retry: 1 }), settings)))
      assert.isFalse(validate(plan({ atomic: call("write") }, settings)))
      assert.isTrue(validate(plan({ atomic: call("hang", { retry: 1 }) }, settings)))
      const reserved = (tools.read!.schema as any).properties.toolscope_policy
      assert.deepStrictEqual(reserved.anyOf[0].enum, ["essential", "advisory"])
      assert.include((tools.read!.schema as any).required, "toolscope_policy")
    })
  )

  it.effect("has no more than was asked for", () =>
    Effect.gen(function* () {
      const tools = yield* shown({ declares: { plans: false, policies: false }, strict: false })
      assert.deepStrictEqual(Object.keys(tools), ["read", "write", "hang", "free"])
      assert.deepStrictEqual(tools.read!.schema, Tool.parametersJsonSchema(Read) as never)
      assert.isFalse(tools.read!.isStrict)
      const byPolicy = yield* shown({ plan: ([call]) => call!.plan })
      assert.deepStrictEqual(Object.keys(byPolicy), ["read", "write", "hang", "free"])
    })
  )
})

/** A small seeded generator: the same seed, the same numbers. */
const prng = (seed: number) => {
  let s = seed >>> 0
  const next = () => {
    s = (s + 0x6d2b79f5) | 0
    let t = Math.imul(s ^ (s >>> 15), 1 | s)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (n: number) => Math.floor(next() * n)
  // two of three models write with care
  const slip = (often: number) => next() < (seed % 3 === 0 ? often : 0)
  return { next, int, slip, pick: <A>(of: ReadonlyArray<A>): A => of[int(of.length)]! }
}
type Random = ReturnType<typeof prng>

/** JSON of any kind. */
const anything = ({ pick }: Random): unknown =>
  pick([
    undefined,
    null,
    "",
    "text",
    "{",
    7,
    -1,
    true,
    [],
    [1],
    {},
    { of: 1 },
    { of: "x" },
    { of: "x", odd: 1 },
    { toolscope_policy: "x" }
  ])

/** A node, with faults here and there. */
const node = (random: Random, depth: number): unknown => {
  const { int, next, pick, slip } = random
  if (slip(0.06)) return anything(random)
  const inner = () => node(random, depth - 1)
  const children = () => {
    const size = int(4)
    return Array.from({ length: size }, (_, i) => {
      const child = inner()
      const id = slip(0.08) ? anything(random) : slip(0.08) ? "a/b" : `c${slip(0.08) ? 0 : i}`
      return typeof child === "object" && child !== null ? { id, ...child } : child
    })
  }
  const odd = slip(0.05) ? { extra: anything(random) } : {}
  const time = () => (slip(0.2) ? pick<unknown>(["soon", -1, null]) : pick<unknown>([50, "1 second"]))
  switch (depth === 0 ? 0 : int(8)) {
    case 1:
      return {
        all: next() < 0.3 ? [...children(), { id: "adv", advisory: inner(), grace: time() }] : children(),
        ...odd
      }
    case 2:
      return {
        quorum: slip(0.3) ? pick([0, 9]) : 1,
        of: children(),
        agree: pick([null, true, false]),
        surplus: pick([null, "keep", "undo"])
      }
    case 3:
      return {
        firstSuccess: [...children(), { id: "q", ...(leaf(random) as object) }],
        stagger: slip(0.3) ? "soon" : "infinity",
        ...odd
      }
    case 4:
      return { settled: inner() }
    case 5:
      return slip(0.5) ? { atomic: inner() } : inner()
    case 6:
      return { deadline: time(), of: inner() }
    case 7:
      return slip(0.3) ? { advisory: inner() } : inner()
    default:
      return leaf(random)
  }
}

const leaf = ({ pick, slip, ...random }: Random): unknown => {
  const call = slip(0.1) ? "ghost" : pick(["read", "read", "write", "hang", "free"])
  const params =
    call === "read" ? pick<unknown>([{ of: "x" }, { of: "bad", deep: null }, { of: "y", deep: { n: 1 } }]) : {}
  return {
    call,
    params: slip(0.1) ? anything({ pick, slip, ...random }) : params,
    retry: slip(0.2) ? pick([1, -1]) : null,
    timeout: slip(0.1) ? "soon" : null
  }
}

const turn = (random: Random): ScriptedModel.Turn => {
  const { int, next, pick, slip } = random
  const ids = ["1", "2", "3", "a", "a/b", "__proto__", "", "x".repeat(200), "é"]
  return {
    calls: Array.from({ length: 1 + int(5) }, () => ({
      id: pick(ids),
      call: pick(["fanout", "fanout", "read", "write", "hang", "free", "ghost", "constructor"]),
      params: slip(0.2)
        ? anything(random)
        : next() < 0.5
          ? plan(
              node(random, 3),
              next() < 0.2
                ? {
                    drain: pick<unknown>([null, 100, "soon"]),
                    budget: pick<unknown>([null, { calls: 2 }, { cals: 1 }])
                  }
                : {}
            )
          : {
              of: "x",
              deep: null,
              toolscope_policy: pick<unknown>([null, "essential", "advisory", "vital", undefined])
            },
      providerExecuted: false
    }))
  }
}

const outcomes = ["Failed", "Cancelled", "Unknown", "Undone", "Skipped", "Denied", "Refused"]

/** A result says what it is about: a value, or a sentence that can be acted on. */
const checkTold = (told: any, seed: number): void => {
  assert.include(outcomes, told.outcome, `seed ${seed}`)
  assert.match(told.message, /\S/, `seed ${seed}`)
}

describe("whatever a model writes", () => {
  it.effect("is refused where it nests without end, and takes nothing from the other calls", () =>
    Effect.gen(function* () {
      let deep: unknown = {}
      for (let i = 0; i < 20_000; i++) deep = { deep }
      const read = { call: "read", params: { of: "x", deep } }
      const turn = [
        { id: "1", ...read },
        { id: "1", ...read },
        { id: "2", call: "fanout", params: plan(read) },
        { id: "3", call: "read", params: { of: "x", deep: null } }
      ]
      const end = yield* run([turn, "done"])
      assert.strictEqual(end._tag, "Answered")
      const results = resultsIn(end.history)
      assert.deepStrictEqual(
        results.map(({ id, isFailure }) => [id, isFailure]),
        [
          ["1", true],
          ["2", true],
          ["3", false]
        ]
      )
      assert.match(results[1]!.result.message, /deeper than 100 levels/)
    })
  )

  it.effect(
    "is run, or refused with what is wrong and where; every call has one result, and the run goes on",
    () =>
      Effect.gen(function* () {
        let runs = 0
        let refusals = 0
        for (let seed = 1; seed <= 300; seed++) {
          const first = turn(prng(seed))
          const end = yield* run([first, "done"], {
            session: { id: `s${seed}` },
            fanout: { timeout: "10 seconds" },
            strict: seed % 2 === 0
          })
          assert.strictEqual(end._tag, "Answered", `seed ${seed}: ${JSON.stringify(first)}`)
          const results = resultsIn(end.history)
          const ids = results.map(({ id }) => id)
          assert.deepStrictEqual(ids, [...new Set(ids)], `seed ${seed}: one result each`)
          assert.deepStrictEqual(ids, callsIn(end.history), `seed ${seed}`)
          const asked = (first as { readonly calls: ReadonlyArray<ScriptedModel.ScriptedCall> }).calls
          assert.deepStrictEqual(
            new Set(ids),
            new Set(asked.map(({ id }) => id!)),
            `seed ${seed}: a result for every id`
          )
          for (const { id, isFailure, result } of results) {
            const isPlan = asked.find((call) => call.id === id)?.call === "fanout"
            if (!isFailure && !isPlan) continue
            if (result.outcome === "Refused") {
              refusals++
              checkTold(result, seed)
            } else if (isPlan) {
              runs++
              assert.strictEqual(result.plan, isFailure ? "failed" : "succeeded", `seed ${seed}`)
              for (const call of result.calls) if (!("value" in call)) checkTold(call, seed)
            } else checkTold(result, seed)
          }
        }
        assert.isAbove(runs, 40)
        assert.isAbove(refusals, 200)
      }),
    60_000
  )
})
