/**
 * The calls of a turn are one fan-out under the plan of the application, and each has exactly one result. Against the real `ai` package.
 */
import { assert, describe, it } from "@effect/vitest"
import { contextOf, toolscope, ToolCallError, type Turn } from "@toolscope/ai-sdk"
import { advisory, all, atomic, firstSuccess, quorum } from "@toolscope/core/promise"
import { dynamicTool, jsonSchema, tool, ToolLoopAgent } from "ai"
import { setTimeout as sleep } from "node:timers/promises"
import * as z from "zod"
import { both, generate, modelOf, said, stream, toldIn } from "./support.ts"

const nothing = z.object({})
const answers = (value: string, millis = 0) =>
  tool({
    inputSchema: nothing,
    execute: async (_input, { abortSignal }) => {
      await sleep(millis, undefined, abortSignal === undefined ? {} : { signal: abortSignal })
      return value
    }
  })
const fails = (message: string, millis = 0) =>
  tool({
    inputSchema: nothing,
    execute: async (): Promise<string> => {
      await sleep(millis)
      throw new Error(message)
    }
  })

/** What `onReport` was given. */
const collect = () => {
  const turns: Array<Turn> = []
  return { turns, onReport: (turn: Turn) => void turns.push(turn) }
}
const outcomes = ({ calls }: Turn) => calls.map(({ id, outcome }) => `${id} ${outcome}`)

for (const [name, run] of both) {
  describe(name, () => {
    it("gives each call of a turn exactly one result, in the order of the model, whatever becomes of the others", async () => {
      const tools = {
        good: answers("yes", 20),
        bad: fails("no"),
        strange: tool({ inputSchema: nothing, outputSchema: z.number(), execute: async () => "seven" as never })
      }
      const { onReport, turns } = collect()
      const readOnly = { good: "readOnly", bad: "readOnly", strange: "readOnly" } as const
      await using ts = await toolscope(tools, { contracts: readOnly, onReport })
      const { model, shown } = modelOf([said("1", "good"), said("2", "bad"), said("3", "strange"), said("4", "absent")])
      const { error, results } = await run({ model, tools: ts.tools })
      assert.isUndefined(error)
      assert.deepStrictEqual(results["1"], ["yes"])
      assert.deepStrictEqual(results["2"], ["no"])
      assert.deepStrictEqual(results["3"], ["malformed result: Invalid input: expected number, received string"])
      assert.deepStrictEqual(
        toldIn(shown[1]!)
          .map(([id]) => id)
          .sort(),
        ["1", "2", "3", "4"]
      )
      assert.deepStrictEqual(turns.map(outcomes), [["1 Succeeded", "2 Failed", "3 Failed"]])
      assert.strictEqual(turns[0]!.report!.status, "succeeded")
    })

    it("runs the calls under the plan that the application makes of them", async () => {
      const tools = { a: answers("A"), b: answers("B", 20), c: answers("C", 5_000) }
      const { onReport, turns } = collect()
      const seen: Array<unknown> = []
      await using ts = await toolscope(tools, {
        contracts: { a: "readOnly", b: "readOnly", c: "readOnly" },
        onReport,
        plan: (calls) => {
          seen.push(calls.map(({ id, input, tool }) => ({ id, input, tool })))
          return quorum(
            2,
            calls.map(({ plan }) => plan)
          )
        }
      })
      const { model } = modelOf([said("1", "a"), said("2", "b"), said("3", "c")])
      const { results } = await run({ model, tools: ts.tools })
      assert.deepStrictEqual(results, {
        1: ["A"],
        2: ["B"],
        3: ["stopped before it answered: 2 of 3 at / have succeeded"]
      })
      assert.deepStrictEqual(seen, [
        [
          { id: "1", input: {}, tool: "a" },
          { id: "2", input: {}, tool: "b" },
          { id: "3", input: {}, tool: "c" }
        ]
      ])
      assert.deepStrictEqual(turns.map(outcomes), [["1 Succeeded", "2 Succeeded", "3 Cancelled"]])
      assert.deepStrictEqual(
        turns[0]!.calls.map(({ path }) => path),
        ["/0", "/1", "/2"]
      )
    })

    it("says that an outcome is unknown, with the key, where a call without a contract was stopped", async () => {
      const tools = { mail: answers("sent", 5_000), check: fails("no such address", 10) }
      await using ts = await toolscope(tools, {
        contracts: { check: "readOnly" },
        id: `unknown-${name}`,
        plan: (calls) => all(calls.map(({ plan }) => plan))
      })
      const { model } = modelOf([said("m", "mail"), said("c", "check")])
      const { results } = await run({ model, tools: ts.tools })
      assert.deepStrictEqual(results, {
        m: [
          `outcome unknown (an essential call of / failed): it may have acted; check before you repeat it (key unknown-${name}.turn1/m)`
        ],
        c: ["no such address"]
      })
    })

    it("undoes what belonged to a plan that failed, and does not call that a success", async () => {
      const rooms = new Set<string>()
      const tools = {
        book: tool({
          inputSchema: nothing,
          execute: async (_input, options) => rooms.add(contextOf(options)!.idempotencyKey).size
        }),
        train: fails("no train", 30)
      }
      await using ts = await toolscope(tools, {
        contracts: {
          book: { effect: "additive", compensate: ({ key }) => rooms.delete(key.replace(/#0$/, "")) },
          train: "readOnly"
        },
        plan: (calls) => atomic(all(calls.map(({ plan }) => plan)))
      })
      const { model } = modelOf([said("b", "book"), said("t", "train")])
      const { results } = await run({ model, tools: ts.tools })
      assert.deepStrictEqual(results, {
        b: ["it had succeeded, and was undone, because what it belonged to failed"],
        t: ["no train"]
      })
      assert.strictEqual(rooms.size, 0)
    })

    it("starts no call that the application leaves out, and says so", async () => {
      const tools = { a: answers("A"), b: answers("B") }
      await using ts = await toolscope(tools, { plan: ([first]) => first!.plan })
      const { model } = modelOf([said("1", "a"), said("2", "b")])
      const { results } = await run({ model, tools: ts.tools })
      assert.deepStrictEqual(results, { 1: ["A"], 2: ["not started: the application left it out of its plan"] })
    })

    it("starts nothing under a plan that is refused, or that cannot be made, and says why", async () => {
      const tools = { pay: answers("paid") }
      const { onReport, turns } = collect()
      const plans = [
        (calls: ReadonlyArray<any>) => firstSuccess(calls.map(({ plan }) => plan)),
        ([call]: ReadonlyArray<any>) => all([call.plan, call.plan]),
        () => {
          throw new Error("nobody knows")
        }
      ]
      const told: Array<unknown> = []
      for (const plan of plans) {
        await using ts = await toolscope(tools, { plan, onReport })
        const { model } = modelOf([said("1", "pay"), said("2", "pay")])
        const { results } = await run({ model, tools: ts.tools })
        told.push(results["1"]![0])
      }
      assert.match(told[0] as string, /^not started: the plan was refused: .*"pay"/)
      assert.strictEqual(told[1], "not started: the plan of the application has pay (1) in it twice")
      assert.strictEqual(told[2], "not started: nobody knows")
      assert.deepStrictEqual(
        turns.map(({ refusal }) => refusal instanceof Error),
        [true, true, true]
      )
      assert.deepStrictEqual(
        turns.flatMap(outcomes),
        Array.from({ length: 3 }, () => ["1 Skipped", "2 Skipped"]).flat()
      )
    })

    it("tries again where the contract allows it", async () => {
      let tries = 0
      const tools = {
        shaky: tool({
          inputSchema: nothing,
          execute: async (_input, options) => {
            tries++
            if (tries === 1) throw new Error("not yet")
            return `at attempt ${contextOf(options)!.attempt}`
          }
        })
      }
      await using ts = await toolscope(tools, { contracts: { shaky: "readOnly" }, settings: { shaky: { retry: 1 } } })
      const { model } = modelOf([said("1", "shaky")])
      assert.deepStrictEqual((await run({ model, tools: ts.tools })).results, { 1: ["at attempt 2"] })
    })

    it("passes on what a tool gives as it goes, and its last value as the result", async () => {
      const tools = {
        weather: tool({
          inputSchema: nothing,
          async *execute() {
            yield "looking"
            await sleep(5)
            yield "rain"
          }
        })
      }
      await using ts = await toolscope(tools, { contracts: { weather: "readOnly" } })
      const { model } = modelOf([said("1", "weather")])
      const { parts, results } = await run({ model, tools: ts.tools })
      assert.deepStrictEqual(results, { 1: ["rain"] })
      if (run === stream) {
        const results = parts.filter(({ type }) => type === "tool-result")
        assert.deepStrictEqual(
          results.map(({ output, preliminary }) => [output, preliminary === true]),
          [
            ["looking", true],
            ["rain", true],
            ["rain", false]
          ]
        )
      }
    })

    it("takes several turns as fan-outs of one session, within one budget", async () => {
      const tools = { a: answers("A") }
      const { onReport, turns } = collect()
      await using ts = await toolscope(tools, { contracts: { a: "readOnly" }, budget: { calls: 3 }, onReport })
      const { model, shown } = modelOf(
        [said("1", "a"), said("2", "a")],
        [said("3", "a"), said("4", "a")],
        [said("5", "a")]
      )
      await run({ model, tools: ts.tools })
      const told = Object.fromEntries(toldIn(shown[3]!))
      assert.deepStrictEqual([told["1"], told["2"]], ['text: "A"', 'text: "A"'])
      assert.strictEqual(told["3"], 'text: "A"')
      assert.match(told["4"]!, /not started: the budget does not allow it \(calls: 3 of 3 used\)/)
      assert.strictEqual(told["5"], told["4"])
      assert.deepStrictEqual(
        turns.map(({ number }) => number),
        [1, 2, 3]
      )
      assert.deepStrictEqual(ts.usage().calls, { limit: 3, used: 3, reserved: 0 })
    })

    it("lets a call that fails time and again cost the others of its turn nothing", async () => {
      const tools = { a: answers("A"), bad: fails("no") }
      await using ts = await toolscope(tools, { contracts: { a: "readOnly", bad: "readOnly" }, loop: 2 })
      const { model, shown } = modelOf([said("1", "bad")], [said("2", "bad")], [said("3", "bad"), said("4", "a")])
      await run({ model, tools: ts.tools })
      const told = Object.fromEntries(toldIn(shown[3]!))
      assert.match(told["3"]!, /not started: it has failed 2 times with the same error .*do something else/)
      assert.strictEqual(told["4"], 'text: "A"')
    })

    it("leaves alone what the client or the provider runs", async () => {
      const tools = {
        a: answers("A"),
        client: tool({ inputSchema: nothing, outputSchema: z.string() }),
        provider: tool({
          type: "provider",
          id: "mock.provider",
          isProviderExecuted: true,
          args: {},
          inputSchema: nothing,
          outputSchema: z.string()
        } as never)
      }
      const { onReport, turns } = collect()
      await using ts = await toolscope(tools, { onReport })
      assert.strictEqual(ts.tools.client, tools.client)
      assert.strictEqual(ts.tools.provider, tools.provider)
      const { model } = modelOf([
        said("1", "a"),
        said("2", "client"),
        { id: "3", name: "provider", providerExecuted: true }
      ])
      const { results } = await run({ model, tools: ts.tools })
      assert.deepStrictEqual(results, { 1: ["A"] })
      assert.deepStrictEqual(turns.map(outcomes), [["1 Succeeded"]])
    })

    it("keeps a turn together where the start of its calls is slow", async () => {
      const tools = { a: answers("A"), b: answers("B") }
      const { onReport, turns } = collect()
      await using ts = await toolscope(tools, { onReport })
      const { model } = modelOf([said("1", "a"), said("2", "b")])
      await run({
        model,
        tools: ts.tools,
        onToolExecutionStart: ({ toolCall }: any) => (toolCall.toolCallId === "1" ? sleep(30) : undefined)
      })
      assert.deepStrictEqual(turns.map(outcomes), [["1 Succeeded", "2 Succeeded"]])
    })

    it("does not wait for ever for calls that the AI SDK holds back: they are a further fan-out", async () => {
      const tools = { a: answers("A"), b: answers("B") }
      const { onReport, turns } = collect()
      await using ts = await toolscope(tools, { onReport, gather: 20 })
      const { model } = modelOf([said("1", "a"), said("2", "b")])
      const { results } = await run({ model, tools: ts.tools, toolCallConcurrency: 1 })
      assert.deepStrictEqual(results, { 1: ["A"], 2: ["B"] })
      assert.deepStrictEqual(turns.map(outcomes), [["1 Succeeded"], ["2 Succeeded"]])
    })

    it("runs what a tool has a model call inside of that tool's call", async () => {
      const { onReport, turns } = collect()
      const inner = modelOf([said("i", "a")])
      const tools = {
        a: answers("A"),
        agent: tool({
          inputSchema: nothing,
          execute: async (): Promise<string> =>
            JSON.stringify((await run({ model: inner.model, tools: ts.tools })).results)
        })
      }
      const ts: { readonly tools: typeof tools } & AsyncDisposable = await toolscope(tools, {
        onReport,
        contracts: { a: "readOnly", agent: "readOnly" }
      })
      const { model } = modelOf([said("o", "agent")])
      assert.deepStrictEqual((await run({ model, tools: ts.tools })).results, { o: ['{"i":["A"]}'] })
      assert.deepStrictEqual(
        turns.map((turn) => [turn.inside, ...outcomes(turn)]),
        [
          ["o", "i Succeeded"],
          [undefined, "o Succeeded"]
        ]
      )
      await ts[Symbol.asyncDispose]()
    })

    it("refuses a turn while another one runs, and that one goes on", async () => {
      const tools = { slow: answers("A", 150) }
      await using ts = await toolscope(tools, { contracts: { slow: "readOnly" } })
      const first = run({ model: modelOf([said("1", "slow")]).model, tools: ts.tools })
      await sleep(40)
      const second = await run({ model: modelOf([said("2", "slow")]).model, tools: ts.tools })
      assert.deepStrictEqual(second.results, {
        2: ["not started: another turn of this toolscope() is running: give each conversation one of its own"]
      })
      assert.deepStrictEqual((await first).results, { 1: ["A"] })
    })
  })
}

it("serves agents of the AI SDK", async () => {
  const tools = { a: answers("A"), b: fails("no") }
  const turns: Array<Turn> = []
  await using ts = await toolscope(tools, { contracts: { b: "readOnly" }, onReport: (turn) => void turns.push(turn) })
  const { model, shown } = modelOf([said("1", "a"), said("2", "b")])
  const agent = new ToolLoopAgent({ model, tools: ts.tools })
  assert.strictEqual((await agent.generate({ prompt: "go" })).text, "the end")
  assert.deepStrictEqual(toldIn(shown[1]!), [
    ["1", 'text: "A"'],
    ["2", 'error-text: "no"']
  ])
  assert.deepStrictEqual(turns.map(outcomes), [["1 Succeeded", "2 Failed"]])
})

it("keeps what a tool has of its own: hooks, what the model is shown, and its context", async () => {
  const seen: Array<unknown> = []
  const tools = {
    a: tool({
      inputSchema: z.object({ n: z.number() }),
      contextSchema: z.object({ user: z.string() }),
      onInputAvailable: ({ input }) => void seen.push(input),
      execute: async ({ n }, { context, toolCallId }) => ({ n, user: context.user, toolCallId }),
      toModelOutput: ({ output }) => ({ type: "text", value: `${output.user} has ${output.n}` })
    })
  }
  await using ts = await toolscope(tools, { contracts: { a: "readOnly" } })
  const { model, shown } = modelOf([said("1", "a", { n: 3 })])
  const { results } = await generate({ model, tools: ts.tools, toolsContext: { a: { user: "Ada" } } })
  assert.deepStrictEqual(seen, [{ n: 3 }])
  assert.deepStrictEqual(results, { 1: [{ n: 3, user: "Ada", toolCallId: "1" }] })
  assert.deepStrictEqual(toldIn(shown[1]!), [["1", 'text: "Ada has 3"']])
})

it("lets an advisory go without the turn waiting for it", async () => {
  const tools = { a: answers("A"), rating: answers("five", 5_000) }
  await using ts = await toolscope(tools, {
    contracts: { a: "readOnly", rating: "readOnly" },
    plan: (calls) =>
      all(calls.map(({ plan, tool }) => (tool === "rating" ? advisory(plan, { grace: "20 millis" }) : plan)))
  })
  const { model } = modelOf([said("1", "a"), said("2", "rating")])
  const { results } = await generate({ model, tools: ts.tools })
  assert.deepStrictEqual(results, { 1: ["A"], 2: ["stopped before it answered: the grace of 20 ms at /1 passed"] })
})

it("tells the error of a call with its outcome, its report and what the tool threw", async () => {
  const thrown = new RangeError("too much")
  const tools = {
    bad: tool({
      inputSchema: nothing,
      execute: (): string => {
        throw thrown
      }
    })
  }
  await using ts = await toolscope(tools)
  const { model } = modelOf([said("1", "bad")])
  const { parts } = await generate({ model, tools: ts.tools })
  const { error } = parts.find(({ type }) => type === "tool-error")
  assert.instanceOf(error, ToolCallError)
  assert.strictEqual(error.cause, thrown)
  assert.strictEqual(error.outcome, "Failed")
  assert.deepInclude(error.report!.contract, { effect: "destructive", asserted: "default" })
  assert.match(error.message, /^too much; it may have acted all the same; check before you repeat it \(key /)
})

it("checks an answer by the schema of any library, or by a function", async () => {
  const checked = (outputSchema: unknown, value: unknown) =>
    dynamicTool({ inputSchema: nothing, outputSchema, execute: async () => value } as never)
  const number = jsonSchema<number>(
    { type: "number" },
    {
      validate: (value) =>
        typeof value === "number" ? { success: true, value } : { success: false, error: new Error("no number") }
    }
  )
  const tools = {
    a: checked(number, "7"),
    b: checked(
      z.string().transform((s) => s.length),
      "seven"
    )
  }
  await using ts = await toolscope(tools, { contracts: { a: "readOnly", b: "readOnly" } })
  const { model } = modelOf([said("1", "a"), said("2", "b")])
  const { results } = await generate({ model, tools: ts.tools })
  assert.deepStrictEqual(results, { 1: ["malformed result: no number"], 2: [5] })
})

it("finds all mistakes in the options at once, before anything starts", async () => {
  const wrong = {
    contracts: { a: "readonly", c: "readOnly" },
    settings: { a: { retries: 1 } },
    plan: 1,
    gather: -1,
    maxSteps: 1
  }
  const error = await toolscope({ a: answers("A") }, wrong as never).catch((error: unknown) => error)
  assert.instanceOf(error, TypeError)
  for (const part of [
    'option "maxSteps"',
    'contracts.a is "readOnly"',
    'tool in contracts "c"',
    'setting of a "retries"',
    "plan is a function",
    "gather is a number"
  ]) {
    assert.include(error.message, part)
  }
  const late = await toolscope({ a: answers("A") }, { budget: { calls: -1 } }).catch((error: unknown) => error)
  assert.instanceOf(late, TypeError)
})
