/**
 * Toolkits of `effect/ai` under Toolscope, and tools of Toolscope as a toolkit: handlers as they are.
 */
import { assert, describe, it } from "@effect/vitest"
import { Agent, AiTools, ScriptedModel } from "@toolscope/agent"
import { Contract, Fanout, Plan, Question, Questions, Tool as OurTool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Prompt, Tool, Toolkit } from "effect/ai"
import { calls, resultsOf } from "./support.ts"

class NotFound extends Schema.TaggedError<NotFound>()("NotFound", { id: Schema.String }) {}
class Prefix extends Context.Service<Prefix, string>()("test/Prefix") {}

const base = { parameters: Schema.Struct({ id: Schema.String }), success: Schema.Struct({ name: Schema.String }) }
const Lookup = Tool.make("lookup", { ...base, failure: NotFound, description: "Looks up a record" }).annotate(
  AiTools.Contract,
  Contract.readOnly
)
const Returning = Tool.make("returning", { ...base, failure: NotFound, failureMode: "return" })
const Shown = Tool.make("shown", {
  ...base,
  toModelOutput: ({ name }) => [Prompt.textPart({ text: `the name is ${name}` })]
})
const kit = Toolkit.make(Lookup, Returning, Shown)
const find = ({ id }: { readonly id: string }) =>
  id === "missing" ? Effect.fail(new NotFound({ id })) : Effect.succeed({ name: `record ${id}` })
const handlers = kit.toLayer({
  // a number is no name
  lookup: ({ id }) => (id === "bad" ? Effect.succeed({ name: 7 as never }) : find({ id })),
  returning: find,
  shown: ({ id }, { toolCallId }) => Effect.succeed({ name: `${id} for ${toolCallId}` })
})
const strictly = (params: object) => ({ ...params, toolscope_policy: null })

describe("a toolkit", () => {
  it.effect("is put under Toolscope by one line, and its handlers stay as they are", () =>
    Effect.gen(function* () {
      const end = yield* Agent.run({ prompt: "go", tools: kit })
      assert.strictEqual(end._tag, "Answered")
      const results = resultsOf(end)
      assert.deepStrictEqual(
        ["1", "4"].map((id) => results[id]?.result),
        [{ name: "record a" }, { name: "record b" }]
      )
      for (const id of ["2", "5"])
        assert.deepInclude(results[id]?.result.error, {
          _tag: "NotFound",
          details: { _tag: "NotFound", id: "missing" }
        })
      assert.include(results["3"]?.result.message, "malformed result: /name")
      assert.deepInclude(results["6"], { modelOutput: [Prompt.textPart({ text: "the name is c for 6" })] })
      assert.strictEqual(results["7"]?.result.outcome, "Refused")
    }).pipe(
      Effect.provide(handlers),
      Effect.provide(
        ScriptedModel.layer([
          calls(
            ["1", "lookup", strictly({ id: "a" })],
            ["2", "lookup", strictly({ id: "missing" })],
            ["3", "lookup", strictly({ id: "bad" })],
            ["4", "returning", strictly({ id: "b" })],
            ["5", "returning", strictly({ id: "missing" })],
            ["6", "shown", strictly({ id: "c" })],
            ["7", "ghost"]
          ),
          "done"
        ])
      )
    )
  )

  it.effect("gives tools with typed errors, for plans", () =>
    Effect.gen(function* () {
      const { lookup } = yield* AiTools.fromToolkit(kit)
      const plan = Plan.all({ a: Plan.call(lookup, { id: "a" }), b: Plan.call(lookup, { id: "missing" }) })
      const error = yield* Effect.flip(Fanout.run(plan))
      const reason = error._tag === "FanoutError" && error.reason._tag === "EssentialFailed" ? error.reason : undefined
      assert.deepStrictEqual(reason?.calls, [{ id: "/b", error: new NotFound({ id: "missing" }) }])
    }).pipe(Effect.provide(handlers))
  )

  it.effect("says with its annotations what its tools do, and says nothing where it has none", () =>
    Effect.gen(function* () {
      const tool = Tool.make("t", {})
      const of = (tool: Tool.Any) => {
        const one = Toolkit.make(tool as typeof Lookup)
        const layer = one.toLayer({ t: () => Effect.void } as never)
        return Effect.map(Effect.provide(AiTools.fromToolkit(one), layer), (tools) =>
          Contract.toData(Object.values(tools)[0]!.contract)
        )
      }
      assert.deepStrictEqual(yield* of(tool), Contract.toData(Contract.unknown))
      assert.deepStrictEqual(yield* of(tool.annotate(Tool.Readonly, true)), {
        effect: "none",
        openWorld: true,
        asserted: "hint"
      })
      assert.deepInclude(yield* of(tool.annotate(Tool.Destructive, false).annotate(Tool.OpenWorld, false)), {
        effect: "additive",
        repeat: "never",
        openWorld: false,
        asserted: "hint"
      })
      assert.deepInclude(yield* of(tool.annotate(Tool.Idempotent, true)), { effect: "destructive", repeat: "natural" })
      const own = tool.annotate(Tool.Readonly, true).annotate(AiTools.Contract, Contract.idempotent)
      assert.deepStrictEqual(yield* of(own), Contract.toData(Contract.idempotent))
    })
  )

  it.effect("asks where its rule says so, and where it cannot be known what the rule says", () =>
    Effect.gen(function* () {
      const rules: Record<string, Tool.NeedsApproval<any>> = {
        always: true,
        never: false,
        byParams: ({ id }: { readonly id: string }) => id === "x",
        byEffect: () => Effect.succeed(false),
        waits: () => Effect.as(Effect.sleep("1 second"), false),
        reads: (_: unknown, { messages }) => messages.length > 100,
        looks: (_: unknown, { toolCallId }) => toolCallId === ""
      }
      const all = Toolkit.make(
        ...Object.entries(rules).map(([name, needsApproval]) => Tool.make(name, { ...base, needsApproval }))
      )
      const layer = all.toLayer(Object.fromEntries(Object.keys(rules).map((name) => [name, find])) as never)
      const turn = calls(...Object.keys(rules).map((name) => [name, name, strictly({ id: "x" })] as const))
      const end = yield* Agent.run({ prompt: "go", tools: all }).pipe(
        Effect.provide(layer),
        Effect.provide(ScriptedModel.layer([turn]))
      )
      const asked = end._tag === "Suspended" ? end.questions.map(({ call }) => call) : []
      assert.deepStrictEqual(asked, ["/always", "/byParams", "/waits", "/looks"])
    })
  )

  it.effect("lets its handlers ask, have the services that they need, and stop", () =>
    Effect.gen(function* () {
      const Ask = Tool.make("ask", { success: Schema.String, dependencies: [Prefix] }).annotate(
        AiTools.Contract,
        Contract.readOnly
      )
      const one = Toolkit.make(Ask)
      const layer = one.toLayer({
        ask: () =>
          Effect.gen(function* () {
            const prefix = yield* Prefix
            return prefix + (yield* Question.ask({ prompt: "Your name?", schema: Schema.String }))
          })
      })
      const end = yield* Agent.run({ prompt: "go", tools: one }).pipe(
        Effect.provide(layer),
        Effect.provide(ScriptedModel.layer([calls(["1", "ask", { toolscope_policy: null }]), "done"])),
        Effect.provide(Questions.answering(({ id }, { answer }) => answer(id, "Ada"))),
        Effect.provideService(Prefix, "I am ")
      )
      assert.strictEqual(resultsOf(end)["1"]?.result, "I am Ada")
    })
  )
})

describe("tools as a toolkit", () => {
  const Twice = OurTool.make("twice", {
    description: "Doubles",
    parameters: Schema.Struct({ n: Schema.Int }),
    success: Schema.Int,
    failure: NotFound,
    contract: Contract.readOnly,
    handler: ({ n }) =>
      n < 0 ? Effect.fail(new NotFound({ id: `${n}` })) : n === 0 ? Effect.die("zero") : Effect.succeed(2 * n)
  })
  const Pay = OurTool.make("pay", {
    contract: Contract.irreversible,
    approval: "byContract",
    handler: () => Effect.succeed("paid")
  })

  it.effect("run as they are: values, typed errors, what broke", () =>
    Effect.gen(function* () {
      const { layer, toolkit } = AiTools.toToolkit([Twice, Pay])
      const handled = (n: number) =>
        Effect.gen(function* () {
          const kit = yield* toolkit
          const stream = yield* kit.handle("twice", { n }) as Effect.Effect<Stream.Stream<Tool.HandlerResult<any>>>
          return [...(yield* Stream.runCollect(stream))][0]!
        }).pipe(Effect.provide(layer))
      assert.deepInclude(yield* handled(4), { isFailure: false, result: 8 })
      assert.deepInclude(yield* handled(-1), { isFailure: true, result: new NotFound({ id: "-1" }) })
      const broken = yield* handled(0)
      assert.isTrue(broken.isFailure)
      assert.include((broken.result as Error).message, "zero")
    })
  )

  it("say in annotations what their contracts say, and ask as they ask", () => {
    const { toolkit } = AiTools.toToolkit([Twice, Pay])
    const { pay, twice } = toolkit.tools
    const said = (tool: Tool.Any) =>
      [Tool.Readonly, Tool.Destructive, Tool.Idempotent].map((key) => Context.get(tool.annotations, key))
    assert.deepStrictEqual(said(twice), [true, false, true])
    assert.deepStrictEqual(said(pay), [false, true, false])
    assert.deepStrictEqual([twice.needsApproval, pay.needsApproval], [false, true])
    assert.strictEqual(Context.get(pay.annotations, AiTools.Contract), Contract.irreversible)
  })

  it.effect("and back are what they were", () =>
    Effect.gen(function* () {
      const { layer, toolkit } = AiTools.toToolkit([Twice, Pay])
      const tools = yield* Effect.provide(AiTools.fromToolkit(toolkit), layer)
      assert.strictEqual(tools.twice.contract, Contract.readOnly)
      assert.strictEqual(tools.twice.description, "Doubles")
      assert.strictEqual(tools.pay.approval, "always")
      assert.deepStrictEqual(OurTool.parametersJsonSchema(tools.twice), OurTool.parametersJsonSchema(Twice))
      assert.strictEqual(
        yield* Fanout.run(Plan.call(tools.twice as OurTool.Tool<string, unknown, unknown, unknown, never>, { n: 4 })),
        8
      )
    })
  )
})
