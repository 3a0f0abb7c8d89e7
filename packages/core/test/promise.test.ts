/**
 * The promise entry: what a program without Effect is promised.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { AsyncLocalStorage } from "node:async_hooks"
import * as z from "zod"
import * as PlanDocument from "@toolscope/core/PlanDocument"
import {
  advisory,
  all,
  call,
  contract,
  deadline,
  firstSuccess,
  quorum,
  type Report,
  run,
  type RunEvent,
  settled,
  type StandardSchema,
  tool
} from "@toolscope/core/promise"
import * as CoreReport from "@toolscope/core/Report"

const double = tool({
  name: "double",
  parameters: z.object({ n: z.number() }),
  result: z.number(),
  contract: contract.readOnly,
  execute: async ({ n }) => 2 * n
})
const fails = tool({
  name: "fails",
  contract: contract.readOnly,
  execute: async (): Promise<string> => {
    throw new Error("no")
  }
})
/** Ends only when it is told to stop. */
const patient = tool({
  name: "patient",
  contract: contract.readOnly,
  execute: (_, { signal }): Promise<string> =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        reject(signal.reason as Error)
      })
    })
})
const tools = [double, fails, patient]

const succeeded = <A>(report: Report<A>): A => {
  if (report.status !== "succeeded") throw new Error(JSON.stringify(report))
  return report.value
}
const outcomes = (report: Report) => Object.fromEntries(report.calls.map(({ id, outcome }) => [id, outcome]))

describe("plans", () => {
  it("are plain data in the public plan format", () => {
    const plan = all({
      a: call(double, { n: 1 }, { timeout: "1 second", retry: 2, idempotencyKey: "k" }),
      b: quorum(1, [call(fails), deadline(call(patient), 10)], { agree: true }),
      c: firstSuccess({ x: settled(call(fails)) }, { stagger: "infinity" }),
      d: advisory(call(double, { n: 2 }), { grace: "5 millis" })
    })
    assert.deepStrictEqual(JSON.parse(JSON.stringify(plan)), plan)
    assert.deepStrictEqual<unknown>(plan, {
      all: [
        { id: "a", call: "double", params: { n: 1 }, timeout: "1 second", retry: 2, idempotencyKey: "k" },
        {
          id: "b",
          quorum: 1,
          of: [
            { id: "0", call: "fails", params: {} },
            { id: "1", deadline: 10, of: { call: "patient", params: {} } }
          ],
          agree: true
        },
        { id: "c", firstSuccess: [{ id: "x", settled: { call: "fails", params: {} } }], stagger: "infinity" },
        { id: "d", advisory: { call: "double", params: { n: 2 } }, grace: "5 millis" }
      ]
    })
  })

  it("run as they are in a document, and as a bare node", async () => {
    const plan = all({ a: call(double, { n: 1 }) })
    const document = { toolscope: 1, plan: JSON.parse(JSON.stringify(plan)) as unknown, concurrency: 1 }
    assert.deepStrictEqual(succeeded(await run(plan, { tools })), { a: 2 })
    assert.deepStrictEqual(succeeded(await run(document, { tools })), { a: 2 })
    assert.deepStrictEqual(succeeded(await run(document.plan, { tools })), { a: 2 })
  })

  it("can be decoded by the core, for the same tools", async () => {
    const document = { toolscope: 1, plan: call(double, { n: 1 }) }
    const decoded = await Effect.runPromise(PlanDocument.decode(document, [double] as never))
    assert.isDefined(decoded.plan)
  })

  it("cannot be built where the data could not say what was meant", () => {
    const one = call(double, { n: 1 })
    assert.throws(() => all({ 10: one, a: one }), TypeError, /moves the key "10" to the front/)
    assert.throws(() => quorum(1, Object.create({ a: one }) as { a: typeof one }), TypeError, /plain object or a list/)
    assert.throws(() => all([undefined as never]), TypeError, /child "0" is a plan, got undefined/)
    assert.throws(() => call({ name: "double" } as never), TypeError, /made by tool\(\)/)
  })
})

describe("the value", () => {
  it("has the shape in which the plan was built", async () => {
    const n = (n: number) => call(double, { n })
    const plan = all({
      list: all([n(1), all({ b: n(3), a: n(2) })]),
      some: quorum(2, [n(4), call(fails), n(5)]),
      named: quorum(1, { x: call(fails), y: n(6) }),
      first: firstSuccess([all([call(fails)]), all([n(7)])]),
      given: advisory(n(8)),
      missing: advisory(all([call(fails)])),
      timely: deadline(n(9), "10 seconds"),
      none: all([])
    })
    const value = succeeded(await run(plan, { tools }))
    assert.deepStrictEqual(value, {
      list: [2, { b: 6, a: 4 }],
      some: [8, 10],
      named: { y: 12 },
      first: [14],
      given: 16,
      missing: null,
      timely: 18,
      none: []
    })
    assert.deepStrictEqual(Object.keys(value), ["list", "some", "named", "first", "given", "missing", "timely", "none"])
    assert.deepStrictEqual(Object.keys(value.list[1]), ["b", "a"])
  })

  it("holds outcomes under settled, in the shape of the plan, with what was thrown", async () => {
    const plan = settled(all([settled(call(fails)), settled(quorum(1, { a: call(double, { n: 1 }) }))]))
    const [failure, { a }] = succeeded(await run(plan, { tools }))
    assert.deepStrictEqual(a, { _tag: "Succeeded", value: 2 })
    assert.strictEqual(failure._tag, "Failed")
    if (failure._tag !== "Failed") return
    assert.strictEqual(failure.error._tag, "Rejected")
    assert.strictEqual((failure.error.cause as Error).message, "no")
    assert.notInclude(JSON.stringify(failure), "cause")
  })

  it("is what the result schema makes of the answer, and JSON in the JSON of the report", async () => {
    const when = tool({
      name: "when",
      result: z.object({ at: z.coerce.date(), size: z.string().transform((text) => text.length) }),
      contract: contract.readOnly,
      execute: () => ({ at: 0, size: "four" })
    })
    const report = await run(call(when), { tools: [when] })
    assert.deepStrictEqual(succeeded(report), { at: new Date(0), size: 4 })
    assert.deepStrictEqual((JSON.parse(JSON.stringify(report)) as Report).value, {
      at: "1970-01-01T00:00:00.000Z",
      size: 4
    })
    assert.deepStrictEqual(report.calls[0]!.value, { at: "1970-01-01T00:00:00.000Z", size: 4 })
  })

  it("keeps its shape when the data of the plan is changed while it runs", async () => {
    const plan = all([call(patient), call(double, { n: 1 })])
    const controller = new AbortController()
    const running = run(settled(plan), { tools, signal: controller.signal })
    ;(plan as unknown as { all: Array<unknown> }).all.length = 0
    controller.abort()
    assert.strictEqual((await running).calls.length, 2)
  })

  it("comes out of a plan nested 5,000 deep", async () => {
    let plan = call(double, { n: 1 }) as never
    for (let i = 0; i < 5_000; i++) plan = (i % 2 === 0 ? settled(plan) : deadline(plan, "1 minute")) as never
    assert.deepStrictEqual(succeeded(await run(plan, { tools })), { _tag: "Succeeded", value: 2 })
  })
})

describe("parameters", () => {
  it("are checked before anything starts, and reach execute as the schema makes them", async () => {
    let seen: unknown
    const look = tool({
      name: "look",
      parameters: z.object({ q: z.string().trim(), limit: z.number().default(3) }),
      contract: contract.readOnly,
      execute: (params) => {
        seen = params
      }
    })
    await run(call(look, { q: "  x " }), { tools: [look] })
    assert.deepStrictEqual(seen, { q: "x", limit: 3 })
    seen = "untouched"
    const refused = await run({ all: [{ id: "a", call: "look", params: { q: 1 } }] }, { tools: [look] })
    assert.strictEqual(refused.status, "refused")
    assert.deepStrictEqual(
      refused.faults?.map(({ _tag, pointer }) => [_tag, pointer]),
      [["BadParameters", "/plan/all/0/params/q"]]
    )
    assert.strictEqual(seen, "untouched")
  })

  const schemaOf = (validate: StandardSchema["~standard"]["validate"]): StandardSchema<{}> =>
    ({ "~standard": { version: 1, vendor: "test", validate } }) as StandardSchema<{}>

  it.each([
    ["validates later", schemaOf(() => Promise.resolve({ value: 1 })), /asynchronously/],
    ["rejects", schemaOf(() => Promise.reject(new Error("boom"))), /asynchronously/],
    [
      "throws",
      schemaOf(() => {
        throw new Error("boom")
      }),
      /cannot be applied: Error: boom/
    ],
    ["answers nonsense", schemaOf(() => undefined as never), /cannot be applied/],
    [
      "is an asynchronous schema of zod",
      z.object({}).refine(async () => true) as unknown as StandardSchema<{}>,
      /asynchronously/
    ]
  ])("are refused with a fault when their schema %s", async (_, parameters, message) => {
    let started = false
    const never = tool({
      name: "never",
      parameters,
      contract: contract.readOnly,
      execute: () => {
        started = true
      }
    })
    const report = await run(call(never), { tools: [never] })
    assert.strictEqual(report.status, "refused")
    assert.match(report.faults?.[0]?.message ?? "", message)
    assert.isFalse(started)
  })
})

describe("a run", () => {
  it("is fulfilled when the plan fails, and says which call and why", async () => {
    const report = await run(all({ a: call(double, { n: 1 }), b: call(fails) }), { tools })
    assert.strictEqual(report.status, "failed")
    assert.deepStrictEqual(report.reason, { _tag: "EssentialFailed", calls: ["/b"] })
    assert.isUndefined(report.value)
    const failed = report.calls[1]!
    assert.deepStrictEqual([failed.outcome, failed.error?._tag], ["Failed", "Rejected"])
    assert.strictEqual((failed.error?.cause as Error).message, "no")
  })

  it("is fulfilled when the plan is refused: all faults of plan and options at once, nothing started", async () => {
    const events: Array<RunEvent> = []
    const plan = {
      all: [
        { id: "a", call: "nobody" },
        { id: "a", quorum: 2, of: [] }
      ]
    }
    const report = await run(plan, {
      tools,
      concurrency: 0,
      drain: "soon" as never,
      runId: "r",
      onEvent: (event) => events.push(event)
    })
    assert.strictEqual(report.status, "refused")
    assert.strictEqual(report.runId, "r")
    assert.sameMembers(
      (report.faults ?? []).map(({ _tag, pointer }) => `${pointer} ${_tag}`),
      [
        "/plan/all/0/call UnknownTool",
        "/plan/all/1/id DuplicateId",
        "/plan/all/1/quorum BadQuorum",
        "/concurrency BadSetting",
        "/drain BadDuration"
      ]
    )
    assert.deepStrictEqual(events, [])
  })

  it.each([[undefined], [null], [7], ["{}"], [[]], [{}], [{ toolscope: 2, plan: {} }], [{ plan: { call: "double" } }]])(
    "refuses %j as a plan, and does not reject",
    async (plan) => {
      const report = await run(plan, { tools })
      assert.strictEqual(report.status, "refused")
      assert.isNotEmpty(report.faults)
    }
  )

  it("refuses two tools of one name", async () => {
    const report = await run(call(double, { n: 1 }), { tools: [double, tool({ ...plain, name: "double" })] })
    assert.deepStrictEqual(
      report.faults?.map(({ _tag }) => _tag),
      ["DuplicateTool"]
    )
  })

  it("gives a report whose JSON is the public format, whatever became of the plan", async () => {
    const strict = Schema.decodeUnknownSync(CoreReport.Json, { onExcessProperty: "error" })
    const big = tool({ name: "big", contract: contract.idempotent, execute: () => ({ n: 10n, f: () => 1 }) })
    for (const plan of [
      all({ a: call(big), b: settled(call(fails)), c: advisory(call(patient), { grace: 1 }) }),
      call(fails),
      { call: "nobody" }
    ]) {
      const json = JSON.parse(JSON.stringify(await run(plan, { tools: [...tools, big] }))) as unknown
      assert.deepStrictEqual(strict(json), json)
    }
  })

  it("overrules what a document sets by its options", async () => {
    let running = 0
    let most = 0
    const crowd = tool({
      name: "crowd",
      contract: contract.readOnly,
      execute: async () => {
        most = Math.max(most, ++running)
        await Promise.resolve()
        running--
      }
    })
    const plan = all([call(crowd), call(crowd), call(crowd)])
    await run({ toolscope: 1, plan, concurrency: 1 }, { tools: [crowd] })
    assert.strictEqual(most, 1)
    await run({ toolscope: 1, plan, concurrency: 1 }, { tools: [crowd], concurrency: 2 })
    assert.strictEqual(most, 2)
  })

  it("tells a tool its call, attempt, run and idempotency key, and keeps the key over attempts", async () => {
    const seen: Array<unknown> = []
    const flaky = tool({
      name: "flaky",
      contract: { effect: "additive", repeat: "keyed" },
      retry: 1,
      execute: async (_, { attempt, call, idempotencyKey, runId, signal }) => {
        seen.push({ attempt, call, idempotencyKey, runId, aborted: signal.aborted })
        if (attempt === 1) throw new Error("again")
        return attempt
      }
    })
    const report = await run(all({ a: call(flaky) }), { tools: [flaky], runId: "r" })
    assert.deepStrictEqual(succeeded(report), { a: 2 })
    const common = { call: "/a", idempotencyKey: "r/a#0", runId: "r", aborted: false }
    assert.deepStrictEqual(seen, [
      { attempt: 1, ...common },
      { attempt: 2, ...common }
    ])
    assert.deepStrictEqual(report.calls[0]!.effects, [{ key: "r/a#0", state: "committed" }])
  })

  it("shows its events in order, and lets no observer disturb it", async () => {
    const seen: Array<string> = []
    const report = await run(call(double, { n: 1 }), {
      tools,
      onEvent: (event) => {
        assert.strictEqual(event.seq, seen.length)
        seen.push(event.type)
        if (event.type === "call.queued") throw new Error("observer")
        return event.type === "attempt.started" ? Promise.reject(new Error("observer")) : undefined
      }
    })
    assert.strictEqual(report.status, "succeeded")
    assert.deepStrictEqual(seen, [
      "fanout.opened",
      "call.queued",
      "attempt.started",
      "attempt.ended",
      "call.settled",
      "fanout.drained",
      "fanout.closed"
    ])
  })

  it("leaves other runs alone", async () => {
    const controller = new AbortController()
    const stopped = run(call(patient), { tools, signal: controller.signal })
    const others = Array.from({ length: 20 }, (_, n) => run(call(double, { n }), { tools }))
    controller.abort()
    assert.deepStrictEqual(
      (await Promise.all(others)).map(succeeded),
      Array.from({ length: 20 }, (_, n) => 2 * n)
    )
    assert.strictEqual((await stopped).status, "interrupted")
  })

  it("keeps the caller's async context in every call, also in those that wait for a permit or a retry", async () => {
    const storage = new AsyncLocalStorage<string>()
    const who = tool({
      name: "who",
      contract: contract.readOnly,
      retry: 1,
      execute: async (_, { attempt, call }) => {
        await Promise.resolve()
        if (attempt === 1 && call === "/4") throw new Error("again")
        return storage.getStore()
      }
    })
    const plan = all([call(who), call(who), call(who), call(who), call(who)])
    const as = (name: string) => storage.run(name, () => run(plan, { tools: [who], concurrency: 2 }))
    const [ada, bob] = await Promise.all([as("ada"), as("bob")])
    assert.deepStrictEqual(succeeded(ada), ["ada", "ada", "ada", "ada", "ada"])
    assert.deepStrictEqual(succeeded(bob), ["bob", "bob", "bob", "bob", "bob"])
  })
})

describe("a signal", () => {
  it("that is aborted already starts nothing", async () => {
    let started = 0
    const count = tool({
      name: "count",
      contract: contract.readOnly,
      execute: () => {
        started++
      }
    })
    const plan = all([call(count), call(count), advisory(call(count))])
    const report = await run(plan, { tools: [count], signal: AbortSignal.abort("no need"), concurrency: 1 })
    assert.strictEqual(started, 0)
    assert.strictEqual(report.status, "interrupted")
    assert.deepStrictEqual(report.reason, { _tag: "Stopped", calls: [] })
    for (const { attempts, outcome, stoppedBy } of report.calls) {
      assert.deepStrictEqual([outcome, attempts, stoppedBy], ["Skipped", 0, { source: "user", reason: "no need" }])
    }
  })

  it("that is aborted stops what runs, waits for it, and starts nothing more", async () => {
    const controller = new AbortController()
    const log: Array<string> = []
    const slow = tool({
      name: "slow",
      contract: contract.irreversible,
      execute: async (_, { call, signal }) => {
        log.push(`start ${call}`)
        if (call === "/1") controller.abort(new Error("enough"))
        await new Promise((resolve) => {
          if (signal.aborted) resolve(0)
          signal.addEventListener("abort", resolve)
        })
        await Promise.resolve()
        log.push(`end ${call}: ${(signal.reason as { readonly reason: string }).reason}`)
        return 1
      }
    })
    const plan = all([call(slow), call(slow), call(slow), call(slow)])
    const report = await run(plan, { tools: [slow], signal: controller.signal, concurrency: 3 })
    assert.strictEqual(report.status, "interrupted")
    assert.deepStrictEqual(log, ["start /0", "start /1", "end /0: enough", "end /1: enough"])
    assert.deepStrictEqual(outcomes(report), { "/0": "Succeeded", "/1": "Succeeded", "/2": "Skipped", "/3": "Skipped" })
    assert.isFalse(report.calls.some(({ used }) => used))
    assert.isTrue(report.drained)
  })

  it("that is aborted by an observer at the opening starts nothing", async () => {
    const controller = new AbortController()
    const report = await run(call(double, { n: 1 }), {
      tools,
      signal: controller.signal,
      onEvent: ({ type }) => {
        if (type === "fanout.opened") controller.abort()
      }
    })
    assert.deepStrictEqual(outcomes(report), { "/": "Skipped" })
  })

  it("that is aborted after the decision changes nothing", async () => {
    const controller = new AbortController()
    const report = await run(quorum(1, [call(double, { n: 1 }), call(patient)]), {
      tools,
      signal: controller.signal,
      onEvent: ({ type }) => {
        if (type === "policy.decided") controller.abort()
      }
    })
    assert.deepStrictEqual(succeeded(report), [2])
    assert.strictEqual(report.calls[1]!.stoppedBy?.source, "policy")
  })

  it("is let go when the run is over", async () => {
    class Watched extends AbortController {
      readonly listeners = new Set<unknown>()
      override readonly signal: AbortSignal = new Proxy(super.signal, {
        get: (signal, key) => {
          if (key === "addEventListener") return (_: string, listener: unknown) => this.listeners.add(listener)
          if (key === "removeEventListener") return (_: string, listener: unknown) => this.listeners.delete(listener)
          return Reflect.get(signal, key) as unknown
        }
      })
    }
    const { listeners, signal } = new Watched()
    const during: Array<number> = []
    const onEvent = () => during.push(listeners.size)
    await run(call(double, { n: 1 }), { tools, signal, onEvent })
    await run(call(fails), { tools, signal, onEvent })
    assert.strictEqual(Math.max(...during), 1)
    assert.strictEqual(listeners.size, 0)
  })

  it("passed on to a tool makes its abort no error: the call is Cancelled if it only reads, Unknown if it may have acted", async () => {
    const hang = (name: string, acts: boolean, rejectWith: (signal: AbortSignal) => unknown) =>
      tool({
        name,
        contract: acts ? { effect: "additive", failure: "nothing" } : contract.readOnly,
        execute: (_, { signal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener("abort", () => {
              reject(rejectWith(signal))
            })
          })
      })
    const byReason = (signal: AbortSignal) => signal.reason as unknown
    const byName = () => new DOMException("This operation was aborted", "AbortError")
    const byCause = (signal: AbortSignal) => new Error("request failed", { cause: signal.reason })
    const hanging = [
      hang("a", false, byReason),
      hang("b", false, byName),
      hang("c", true, byCause),
      hang("d", false, () => new Error("something else"))
    ]
    const report = await run(deadline(all(hanging.map((t) => call(t))), 1), { tools: hanging })
    assert.deepStrictEqual(outcomes(report), {
      "/0": "Cancelled",
      "/1": "Cancelled",
      "/2": "Unknown",
      "/3": "Cancelled"
    })
    assert.deepStrictEqual(
      report.calls.map(({ afterStop }) => afterStop?.message),
      [undefined, undefined, undefined, "rejected: Error: something else"]
    )
  })
})

const plain = { name: "plain", contract: contract.readOnly, execute: () => 1 } as const

describe("a mistake in the program", () => {
  it.each([
    ["a tool without a contract", { ...plain, contract: undefined }, /a contract is required/],
    ["a contract that is none", { ...plain, contract: "readOnly" }, /contract cannot be read/],
    ["a contract with a misspelt field", { ...plain, contract: { effect: "none", repeats: "never" } }, /repeats/],
    ["a tool without a name", { ...plain, name: "" }, /name is text/],
    ["a tool without a function", { ...plain, execute: 1 }, /execute is a function, got 1/],
    ["a schema that is none", { ...plain, parameters: { name: "object" } }, /parameters is a Standard Schema/],
    ["a result schema that is none", { ...plain, result: () => true }, /result is a Standard Schema/],
    ["a misspelt option", { ...plain, retries: 1 }, /unknown option "retries"; there is: name/]
  ])("is thrown by tool(): %s", (_, options, message) => {
    assert.throws(() => tool(options as never), TypeError, message)
  })

  it.each([
    ["no options", undefined, /options are an object, got undefined/],
    ["no tools", {}, /tools is a list of tools, got undefined/],
    ["something else among the tools", { tools: [double, { name: "x" }] }, /tools\[1\] is a tool/],
    ["a signal that is none", { tools, signal: {} }, /signal is an AbortSignal/],
    ["an observer that is none", { tools, onEvent: 1 }, /onEvent is a function/],
    ["a run id that is none", { tools, runId: "" }, /runId is text/],
    ["a misspelt option", { tools, concurency: 1 }, /unknown option "concurency"/]
  ])("rejects run(): %s", async (_, options, message) => {
    const rejection: unknown = await run(call(double, { n: 1 }), options as never).then(
      () => undefined,
      (error: unknown) => error
    )
    assert.instanceOf(rejection, TypeError)
    assert.match(rejection.message, message)
  })
})
