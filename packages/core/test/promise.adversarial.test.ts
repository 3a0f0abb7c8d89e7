/**
 * The promise entry among tools that misbehave: whatever a tool does, the run ends, and each call has its outcome.
 */
import { assert, describe, it } from "@effect/vitest"
import { setTimeout as sleep } from "node:timers/promises"
import * as z from "zod"
import {
  advisory,
  all,
  call,
  type Contract,
  contract,
  type Report,
  run,
  settled,
  type StandardSchema,
  tool
} from "@toolscope/core/promise"

const named = (execute: () => unknown, itsContract: Contract = contract.readOnly, result?: StandardSchema) =>
  result === undefined
    ? tool({ name: "it", contract: itsContract, execute })
    : tool({ name: "it", contract: itsContract, result, execute })

const only = async (it: ReturnType<typeof named>): Promise<Report["calls"][number]> => {
  const report = await run(settled(call(it)), { tools: [it], drain: 20 })
  assert.strictEqual(report.status, "succeeded")
  return report.calls[0]!
}

const throwing = (error: unknown) => (): never => {
  throw error
}

describe("a tool that misbehaves", () => {
  it.each<[string, () => unknown, string]>([
    ["throws at once", throwing(new Error("x")), "Threw"],
    ["throws nothing at all", throwing(undefined), "Threw"],
    ["is rejected", () => Promise.reject(new Error("x")), "Rejected"],
    ["is rejected with nothing", () => Promise.reject(undefined), "Rejected"],
    ["is rejected with a null prototype", () => Promise.reject(Object.create(null) as Error), "Rejected"],
    [
      "is rejected with an error that cannot be read",
      () => Promise.reject(Object.defineProperty(new Error("x"), "name", { get: throwing(new Error("name")) })),
      "Rejected"
    ],
    ["answers a thenable that throws in then", () => ({ then: throwing(new Error("x")) }), "Rejected"],
    [
      "answers a thenable whose then cannot be read",
      () => Object.defineProperty({}, "then", { get: throwing("x") }),
      "Rejected"
    ],
    [
      "answers a thenable that rejects twice",
      () => ({ then: (_: unknown, no: (e: string) => void) => (no("a"), no("b")) }),
      "Rejected"
    ],
    [
      "answers a promise whose constructor cannot be read",
      () => Object.defineProperty(Promise.resolve(1), "constructor", { get: throwing("x") }),
      "Rejected"
    ]
  ])("fails when it %s", async (_, execute, tag) => {
    const { error, outcome } = await only(named(execute))
    assert.deepStrictEqual([outcome, error?._tag], ["Failed", tag])
  })

  it.each<[string, () => unknown, unknown]>([
    ["a value that is no promise", () => 1, 1],
    ["nothing", () => undefined, null],
    [
      "a thenable",
      () => ({
        then: (yes: (n: number) => void) => {
          yes(2)
        }
      }),
      2
    ],
    [
      "a thenable that answers twice",
      () => ({
        then: (yes: (n: number) => void) => {
          yes(3)
          yes(4)
        }
      }),
      3
    ],
    [
      "a thenable that answers, then throws",
      () => ({
        then: (yes: (n: number) => void) => {
          yes(5)
          throw new Error("late")
        }
      }),
      5
    ],
    ["a promise of a promise", async () => Promise.resolve(6), 6]
  ])("succeeds when it answers %s", async (_, execute, value) => {
    const call = await only(named(execute))
    assert.deepStrictEqual([call.outcome, call.value], ["Succeeded", value])
  })

  it("that throws is Unknown if it acts, and Failed if its rejection says that nothing happened", async () => {
    class SoldOut extends Error {
      readonly _tag = "SoldOut"
    }
    const says: Contract = { effect: "additive", failure: { SoldOut: "nothing" } }
    assert.strictEqual((await only(named(throwing(new Error("x")), contract.irreversible))).outcome, "Unknown")
    const lost = await only(named(() => Promise.reject(new Error("x")), says))
    assert.deepStrictEqual([lost.outcome, lost.effects[0]?.state], ["Failed", "unknown"])
    const safe = await only(named(() => Promise.reject(new SoldOut()), says))
    assert.deepStrictEqual([safe.outcome, safe.effects], ["Failed", []])
  })

  it("that ignores its signal is left behind at the bound, and what it answers later changes nothing", async () => {
    let finish: (value: string) => void = () => {}
    const deaf = tool({
      name: "deaf",
      contract: contract.irreversible,
      execute: () => new Promise<string>((resolve) => (finish = resolve))
    })
    const plan = all({ a: advisory(call(deaf), { grace: 1 }) })
    const before = performance.now()
    const controller = new AbortController()
    const running = run(plan, { tools: [deaf], drain: 30, signal: controller.signal })
    controller.abort()
    const report = await running
    assert.isBelow(performance.now() - before, 5_000)
    const copy = JSON.stringify(report)
    const [left] = report.calls
    assert.deepStrictEqual([left?.outcome, left?.leftBehind, report.drained], ["Unknown", true, false])
    finish("late")
    await Promise.resolve()
    assert.strictEqual(JSON.stringify(report), copy)
  })

  it("does not hold the others", async () => {
    const good = tool({ name: "good", contract: contract.readOnly, execute: async () => 1 })
    const bad = tool({ name: "bad", contract: contract.readOnly, execute: throwing(new Error("x")) })
    const report = await run(all([settled(call(bad)), call(good), advisory(call(bad))]), { tools: [good, bad] })
    assert.strictEqual(report.status, "succeeded")
    assert.deepStrictEqual(
      report.calls.map(({ outcome }) => outcome),
      ["Failed", "Succeeded", "Failed"]
    )
  })
})

describe("an answer that its schema does not allow", () => {
  const later = (result: () => unknown): StandardSchema =>
    ({
      "~standard": { version: 1, vendor: "test", validate: async () => result() }
    }) as StandardSchema

  it.each<[string, StandardSchema, RegExp]>([
    ["at once", z.object({ n: z.number() }), /\/n: Invalid input/],
    ["later", later(() => ({ issues: [{ message: "too odd", path: ["n", { key: 0 }] }] })), /\/n\/0: too odd/],
    ["by nonsense", later(() => undefined), /cannot be applied/],
    ["by a rejection", later(throwing(new Error("schema"))), /the schema cannot be applied: Error: schema/],
    [
      "by a throw",
      { "~standard": { version: 1, vendor: "test", validate: throwing(new Error("schema")) } },
      /cannot be applied/
    ]
  ])("fails the call as MalformedResult: %s", async (_, result, message) => {
    const call = await only(named(() => ({ n: "1" }), contract.readOnly, result))
    assert.deepStrictEqual([call.outcome, call.error?._tag], ["Failed", "MalformedResult"])
    assert.match(call.error?.message ?? "", message)
  })

  it("says nothing about the effect, whatever a failure would have said", async () => {
    const call = await only(named(() => "x", { effect: "additive", failure: "nothing" }, z.number()))
    assert.deepStrictEqual(
      call.effects.map(({ state }) => state),
      ["unknown"]
    )
  })

  it("that passes an asynchronous schema is what the schema makes of it", async () => {
    const sum = tool({
      name: "sum",
      contract: contract.readOnly,
      result: z.array(z.number()).transform(async (ns) => ns.reduce((a, b) => a + b, 0)),
      execute: () => [1, 2, 3]
    })
    assert.strictEqual((await run(call(sum), { tools: [sum] })).value, 6)
  })
})

describe("many calls", () => {
  it("10,000 of them end, each with its outcome", async () => {
    const one = tool({
      name: "one",
      parameters: z.object({ n: z.number() }),
      contract: contract.readOnly,
      execute: ({ n }) => n
    })
    const plan = all(Array.from({ length: 10_000 }, (_, n) => call(one, { n })))
    const report = await run(plan, { tools: [one], concurrency: 10_000 })
    assert.strictEqual(report.status, "succeeded")
    assert.deepStrictEqual(
      report.value,
      Array.from({ length: 10_000 }, (_, n) => n)
    )
  })
})

describe("a commit that its handler does not wait for", () => {
  it.each<[string, (signal: AbortSignal) => Promise<void>, () => void]>([
    ["is turned away", (signal) => sleep(60_000, undefined, { signal }).catch(() => {}), () => {}],
    ["fails", () => Promise.resolve(), throwing(new Error("no"))]
  ])("ends no program when it %s", async (_, before, effect) => {
    const unhandled: Array<unknown> = []
    const listener = (reason: unknown) => void unhandled.push(reason)
    process.on("unhandledRejection", listener)
    const forgets = tool({
      name: "forgets",
      contract: { effect: "mutating", commit: "marked" },
      execute: async (_params, { commit, signal }) => {
        await before(signal)
        void commit(effect)
      }
    })
    const fails = tool({
      name: "fails",
      contract: contract.readOnly,
      execute: async () => {
        await sleep(5)
        throw new Error("no")
      }
    })
    const report = await run(all([call(forgets), call(fails)]), { tools: [forgets, fails] })
    await sleep(5)
    process.off("unhandledRejection", listener)
    assert.strictEqual(report.status, "failed")
    assert.deepStrictEqual(unhandled, [])
  })
})
