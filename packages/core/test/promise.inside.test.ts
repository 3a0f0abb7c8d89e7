/**
 * Fan-outs inside of handlers that are functions, and what tools of the promise entry cost.
 */
import { assert, describe, it } from "@effect/vitest"
import { setTimeout as sleep } from "node:timers/promises"
import {
  all,
  atomic,
  call,
  contract,
  type ExecuteContext,
  openSession,
  type Plan,
  type Report,
  run,
  type RunEvent,
  tool
} from "@toolscope/core/promise"
import * as z from "zod"

const leaf = tool({
  name: "leaf",
  contract: contract.readOnly,
  cost: { usd: 1 },
  execute: async (_, { call }) => {
    await sleep(1)
    return call
  }
})
/** Ends when it is told to, and remembers why. */
const reasons: Array<unknown> = []
const patient = tool({
  name: "patient",
  contract: contract.readOnly,
  execute: (_, { signal }) =>
    new Promise<string>((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        reasons.push(signal.reason)
        reject(signal.reason as Error)
      })
    })
})
const fails = tool({
  name: "fails",
  contract: contract.readOnly,
  execute: async (): Promise<string> => {
    await sleep(10)
    throw new Error("no")
  }
})
/** A tool whose handler does this. */
const agent = (execute: (context: ExecuteContext) => unknown, itsContract = contract.readOnly) =>
  tool({ name: "agent", contract: itsContract, execute: (_, context) => execute(context) })
const tools = [leaf, patient, fails]
const ran = (plan: Plan, its: ReturnType<typeof agent>, options = {}) =>
  run(plan, { tools: [...tools, its], runId: "r", ...options })
const outcomes = ({ calls }: Report) => calls.map(({ id, outcome }) => `${id} ${outcome}`)

describe("a fan-out started through the context of a handler", () => {
  it("extends the path, the run id and the keys of its caller, in every attempt, and writes into the same journal", async () => {
    const events: Array<RunEvent> = []
    const its = agent(async ({ attempt, fanout }) => {
      await fanout(all({ x: call(leaf) }))
      const { runId } = await fanout(call(leaf))
      if (attempt === 1) throw new Error("again")
      return runId
    })
    const plan = all({ a: call(its, {}, { retry: 1 }) })
    const report = await ran(plan, its, { onEvent: (event: RunEvent) => events.push(event) })
    assert.deepStrictEqual(report.value, { a: "r/a@2~2" })
    assert.deepStrictEqual(
      events.flatMap((event) => (event.type === "attempt.started" ? [`${event.run} ${event.call} ${event.key}`] : [])),
      [
        "r /a r/a#0",
        "r/a@1 /a/x r/a/x#0",
        "r/a@1~2 /a r~2/a#0",
        "r /a r/a#0",
        "r/a@2 /a/x r/a/x#0",
        "r/a@2~2 /a r~2/a#0"
      ]
    )
  })

  it("knows the tools around it, at any depth, and those that it is given", async () => {
    const own = tool({ name: "own", contract: contract.readOnly, execute: () => "own" })
    const outer = agent(async ({ fanout }) => {
      const inner = tool({
        name: "inner",
        contract: contract.readOnly,
        execute: async (_, { fanout }) => (await fanout(all([call(own), call(leaf)]))).value
      })
      return (await fanout(call(inner), { tools: [inner, own] })).value
    })
    assert.deepStrictEqual((await ran(call(outer), outer)).value, ["own", "/1"])
    const faulty = agent(async ({ fanout }) => fanout(call(own)))
    const { value } = (await ran(call(faulty), faulty)) as { value?: Report }
    assert.strictEqual(value?.status, "refused")
    assert.deepStrictEqual([value?.faults?.[0]?._tag, value?.runId], ["UnknownTool", "r@1"])
  })

  it("stops when its caller is told to, for the same reason, and the caller that awaits it gives no answer", async () => {
    for (const signalOf of [
      () => undefined,
      ({ signal }: ExecuteContext) => signal,
      ({ signal }: ExecuteContext) => AbortSignal.any([signal, new AbortController().signal])
    ]) {
      reasons.length = 0
      let rejected: unknown
      const its = agent(async (context) => {
        const signal = signalOf(context)
        try {
          return (await context.fanout(call(patient), signal === undefined ? {} : { signal })).value
        } catch (error) {
          rejected = error
          throw error
        }
      })
      const report = await ran(all({ a: call(its), bad: call(fails) }), its)
      assert.deepStrictEqual(outcomes(report), ["/a Cancelled", "/bad Failed"])
      assert.strictEqual(report.calls[0]?.afterStop, undefined)
      const reason = { source: "sibling", call: "/bad", reason: "an essential call of / failed" }
      assert.deepStrictEqual([reasons, rejected], [[reason], reason])
    }
  })

  it("can be stopped alone, by a signal, and its caller goes on", async () => {
    const its = agent(async ({ fanout }) => {
      const report = await fanout(call(patient), { signal: AbortSignal.timeout(5) })
      return [report.status, report.calls[0]?.stoppedBy?.source]
    })
    assert.deepStrictEqual((await ran(call(its), its)).value, ["interrupted", "user"])
  })

  it("starts nothing once its caller has been told to stop, or has ended", async () => {
    const started: Array<string> = []
    const spy = tool({ name: "spy", contract: contract.readOnly, execute: () => started.push("spy") })
    let late: Promise<Report> | undefined
    let kept: ExecuteContext | undefined
    const stopped = agent(async (context) => {
      await sleep(60_000, undefined, { signal: context.signal }).catch(() => {})
      late = context.fanout(call(spy), { tools: [spy] })
      return late
    })
    await ran(all({ a: call(stopped), bad: call(fails) }), stopped)
    assert.deepStrictEqual(await late!.catch((reason: unknown) => (reason as { source: string }).source), "sibling")
    const ended = agent((context) => {
      kept = context
    })
    await ran(call(ended), ended)
    assert.strictEqual((await kept!.fanout(call(spy), { tools: [spy] })).status, "interrupted")
    assert.deepStrictEqual(started, [])
  })

  it("that its handler does not wait for is stopped and drained with it, and its rejection is nobody's", async () => {
    reasons.length = 0
    const unhandled: Array<unknown> = []
    const listener = (reason: unknown) => void unhandled.push(reason)
    process.on("unhandledRejection", listener)
    const forgets = agent(({ fanout }) => {
      void fanout(call(patient))
      return "done"
    })
    assert.strictEqual((await ran(call(forgets), forgets)).value, "done")
    const stopped = agent(({ fanout, signal }) => {
      void fanout(call(patient))
      return sleep(60_000, "x", { signal })
    })
    const report = await ran(all({ a: call(stopped), bad: call(fails) }), stopped)
    assert.isTrue(report.drained)
    await sleep(5)
    process.off("unhandledRejection", listener)
    assert.deepStrictEqual(
      reasons.map((reason) => (reason as { source: string }).source),
      ["parent", "sibling"]
    )
    assert.deepStrictEqual(unhandled, [])
  })

  it("is over before the bound of its caller, and what it left behind makes its caller left behind", async () => {
    let end = () => {}
    const deaf = tool({
      name: "deaf",
      contract: contract.irreversible,
      execute: () =>
        new Promise<void>((resolve) => {
          end = resolve
        })
    })
    const its = agent(({ fanout }) => fanout(call(deaf), { tools: [deaf], drain: "1 minute" }))
    const report = await ran(all({ a: call(its), bad: call(fails) }), its, { drain: 100 })
    // it only reads, but something inside of it may have acted
    assert.deepStrictEqual(outcomes(report), ["/a Unknown", "/bad Failed"])
    assert.deepStrictEqual([report.calls[0]?.leftBehind, report.drained], [true, false])
    end()
  })

  it("did what its caller did: its effects stand in the caller's report, and are undone with it", async () => {
    const undone: Array<string> = []
    const book = tool({
      name: "book",
      contract: { effect: "additive", compensate: ({ key }) => undone.push(key) },
      execute: () => "booked"
    })
    const its = agent(async ({ fanout }) => (await fanout(all([call(book), call(book)]), { tools: [book] })).value, {
      effect: "additive",
      commit: "marked",
      compensate: "atCommit"
    })
    const report = await ran(atomic(all({ a: call(its), bad: call(fails) })), its)
    assert.deepStrictEqual(
      report.calls[0]?.effects.map(({ key, state }) => `${key} ${state}`),
      ["r/a/0#0 compensated", "r/a/1#0 compensated"]
    )
    assert.deepStrictEqual(undone, ["r/a/1#0", "r/a/0#0"])
  })

  it("borrows the permits of its caller: nothing waits for itself, at any depth", async () => {
    let running = 0
    let most = 0
    const busy = tool({
      name: "busy",
      contract: contract.readOnly,
      execute: async () => {
        most = Math.max(most, ++running)
        await sleep(2)
        running--
      }
    })
    const deep = tool({
      name: "deep",
      parameters: z.object({ depth: z.number() }),
      contract: contract.readOnly,
      execute: async ({ depth }, { fanout }): Promise<string> => {
        const plan = depth === 0 ? all([call(busy), call(busy)]) : all([call(deep, { depth: depth - 1 })])
        return (await fanout(plan)).status
      }
    })
    await using session = await openSession({ tools: [busy, deep], limits: { concurrency: 1 } })
    const report = await session.fanout(all([call(deep, { depth: 3 }), call(deep, { depth: 2 })]))
    assert.deepStrictEqual([report.value, most], [["succeeded", "succeeded"], 1])
  })

  it("spends of the budgets around it, beside its own", async () => {
    const its = agent(async ({ fanout }) => {
      const own = await fanout(all([call(leaf), call(leaf)]), { budget: { costs: { usd: 1 } } })
      const { status, value } = await fanout(all([call(leaf), call(leaf)]))
      return [own.faults?.map(({ _tag }) => _tag), status, value]
    })
    await using session = await openSession({ tools: [...tools, its], budget: { costs: { usd: 3 } } })
    const first = await session.fanout(call(its))
    assert.deepStrictEqual(first.value, [["OverBudget"], "succeeded", ["/0", "/1"]])
    assert.deepStrictEqual(session.usage(), { usd: { limit: 3, used: 2, reserved: 0 } })
    const second = (await session.fanout(call(its))).value as ReadonlyArray<unknown>
    assert.strictEqual(second[1], "refused")
    assert.deepStrictEqual(session.usage(), { usd: { limit: 3, used: 2, reserved: 0 } })
  })

  it("is stopped with the session around it", async () => {
    reasons.length = 0
    const its = agent(({ fanout }) => fanout(call(patient)))
    const session = await openSession({ tools: [...tools, its], id: "s" })
    const running = session.fanout(call(its))
    await session.close()
    assert.strictEqual((await running).status, "interrupted")
    assert.deepStrictEqual(reasons, [{ source: "parent", reason: "the session was closed" }])
  })

  it("is a TypeError where its options are wrong, and the handler fails with it", async () => {
    const its = agent(({ fanout }) => fanout(call(leaf), { onEvent: () => {} } as never))
    const { calls } = await ran(call(its), its)
    assert.match(calls[0]!.error!.message, /fanout\(\): unknown option "onEvent"/)
  })
})

describe("the cost of a tool", () => {
  const ask = tool({
    name: "ask",
    parameters: z.object({ question: z.string() }),
    contract: contract.readOnly,
    cost: ({ question }) => ({ usd: question.length }),
    execute: async ({ question }, { spend }) => {
      if (question.length > 2) spend({ usd: 1 })
      spend({ usd: 1 })
      return question
    }
  })

  it("is reserved before it starts, and what it says that it spent is charged", async () => {
    const plan = all({ a: call(ask, { question: "why" }), b: call(ask, { question: "so" }) })
    const enough = await run(plan, { tools: [ask], budget: { costs: { usd: 5 } } })
    assert.deepStrictEqual(enough.budget, { usd: { limit: 5, used: 3, reserved: 0 } })
    const short = await run(plan, { tools: [ask], budget: { costs: { usd: 4 } } })
    assert.deepStrictEqual([short.status, short.faults?.map(({ _tag }) => _tag)], ["refused", ["OverBudget"]])
  })

  it("is charged whole where it says nothing", async () => {
    const report = await run(all([call(leaf), call(leaf)]), { tools, budget: { attempts: 2, costs: { usd: 2 } } })
    assert.deepStrictEqual(report.budget, {
      attempts: { limit: 2, used: 2, reserved: 0 },
      usd: { limit: 2, used: 2, reserved: 0 }
    })
  })

  it("limits a budget of a run as that of a document, which it overrules", async () => {
    const document = { toolscope: 1, plan: call(leaf), budget: { calls: 0 } }
    assert.strictEqual((await run(document, { tools })).status, "refused")
    assert.strictEqual((await run(document, { tools, budget: { calls: 1 } })).status, "succeeded")
    const faulty = await run(call(leaf), { tools, budget: { call: 1 } as never })
    assert.deepStrictEqual(
      faulty.faults?.map(({ pointer }) => pointer),
      ["/budget/call"]
    )
  })

  it("is a TypeError where it is no amounts at all, and a fault of the plan where an amount is wrong", async () => {
    const options = { name: "x", contract: contract.readOnly, execute: () => 1 }
    assert.throws(() => tool({ ...options, cost: 1 as never }), /cost is an object of amounts/)
    const wrong = tool({ ...options, cost: { usd: -1 } })
    const report = await run(call(wrong), { tools: [wrong] })
    assert.deepStrictEqual(
      report.faults?.map(({ _tag }) => _tag),
      ["BadCost"]
    )
  })
})
