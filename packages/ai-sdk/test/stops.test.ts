/**
 * Aborts, timeouts and what is left behind: calls are stopped, awaited to a bound, and each still has a result that is true.
 */
import { assert, describe, it } from "@effect/vitest"
import { toolscope, type Turn } from "@toolscope/ai-sdk"
import { tool } from "ai"
import { setTimeout as sleep } from "node:timers/promises"
import * as z from "zod"
import { both, generate, modelOf, said, stream } from "./support.ts"

const inputSchema = z.object({})

/** Tools with a ledger of what they really do, and a signal that is aborted soon after the polite one has begun. */
const world = () => {
  const ledger: Array<string> = []
  const controller = new AbortController()
  return {
    ledger,
    signal: controller.signal,
    tools: {
      polite: tool({
        inputSchema,
        execute: async (_input, { abortSignal }) => {
          setTimeout(() => {
            controller.abort(new Error("the user left"))
          }, 20)
          try {
            await sleep(20_000, undefined, { signal: abortSignal! })
          } finally {
            await sleep(60)
            ledger.push("cleaned up")
          }
          return "late"
        }
      }),
      deaf: tool({
        inputSchema,
        execute: async () => {
          await sleep(700)
          ledger.push("deaf acted")
          return "done"
        }
      }),
      quick: tool({ inputSchema, execute: async () => "quick" })
    }
  }
}

const outcomes = ({ calls }: Turn) => calls.map(({ id, outcome }) => `${id} ${outcome}`)

for (const [name, run] of both) {
  describe(name, () => {
    it("stops the calls of a turn that is aborted, and says of each what is known", async () => {
      const { ledger, signal, tools } = world()
      const turns: Array<Turn> = []
      await using ts = await toolscope(tools, {
        contracts: { polite: "readOnly", quick: "readOnly" },
        drain: "200 millis",
        onReport: (turn) => void turns.push(turn)
      })
      const { model, shown } = modelOf([said("p", "polite"), said("d", "deaf"), said("q", "quick")])
      const { error, millis } = await run({
        model,
        tools: ts.tools,
        abortSignal: signal
      })
      assert.include(String(error), "the user left")
      await ts.drained()
      assert.isBelow(millis, 2_000)
      assert.deepStrictEqual(ledger, ["cleaned up"])
      assert.strictEqual(shown.length, 1)
      assert.deepStrictEqual(turns.map(outcomes), [["p Cancelled", "d Unknown", "q Succeeded"]])
      assert.deepStrictEqual(
        turns[0]!.calls.map(({ error }) => error?.message.replace(/key .*/, "key")),
        [
          "stopped before it answered: the user left",
          "outcome unknown (the user left): it may have acted; check before you repeat it (key",
          undefined
        ]
      )
      assert.strictEqual(turns[0]!.report!.status, "interrupted")
      assert.deepStrictEqual(
        ts.leftBehind().map(({ tool }) => tool),
        ["deaf"]
      )
    })

    it("ends after its calls, with their results, where the signal of Toolscope is the one that it is given", async () => {
      const { ledger, signal, tools } = world()
      await using ts = await toolscope(tools, {
        contracts: { polite: "readOnly", quick: "readOnly" },
        signal
      })
      const { model, shown } = modelOf([said("p", "polite"), said("d", "deaf"), said("q", "quick")])
      const { results } = await run({ model, tools: ts.tools, abortSignal: ts.signal, stopWhen: ts.stopped })
      assert.strictEqual(shown.length, 1)
      assert.deepStrictEqual(ledger, ["cleaned up", "deaf acted"])
      assert.deepStrictEqual(results, {
        p: ["stopped before it answered: the user left"],
        d: ["done"],
        q: ["quick"]
      })
      const { results: later } = await run({ model: modelOf([said("x", "quick")]).model, tools: ts.tools })
      assert.deepStrictEqual(later, { x: ["not started: stopped by the caller"] })
    })

    it("aborts a model that is being asked at once, where no call runs", async () => {
      const { tools } = world()
      const controller = new AbortController()
      await using ts = await toolscope(tools, { signal: controller.signal })
      const { model } = modelOf("words")
      const generated = run({
        model,
        tools: ts.tools,
        abortSignal: ts.signal,
        onStepStart: () => {
          controller.abort(new Error("the user left"))
          assert.isTrue(ts.signal.aborted && ts.stopped())
        }
      })
      assert.include(String((await generated).error), name === "streamText" ? "the user left" : "undefined")
    })

    it("starts nothing once it is aborted", async () => {
      const { ledger, tools } = world()
      await using ts = await toolscope(tools)
      const controller = new AbortController()
      const { model } = modelOf([said("d", "deaf")])
      const generated = run({
        model,
        tools: ts.tools,
        abortSignal: controller.signal,
        onToolExecutionStart: () => {
          controller.abort(new Error("the user left"))
        }
      })
      assert.include(String((await generated).error), "the user left")
      await ts.drained()
      await sleep(750)
      assert.deepStrictEqual(ledger, [])
    })

    it("stops one call alone where the AI SDK gives it a timeout, and the others go on", async () => {
      const { tools } = world()
      await using ts = await toolscope(tools, { contracts: { polite: "readOnly", deaf: "readOnly" } })
      const { model } = modelOf([said("p", "polite"), said("d", "deaf")])
      const { results } = await run({ model, tools: ts.tools, timeout: { tools: { politeMs: 50 } } })
      assert.deepStrictEqual(Object.keys(results).sort(), ["d", "p"])
      assert.match(results.p![0] as string, /abort|timeout/i)
      assert.deepStrictEqual(results.d, ["done"])
    })

    it("bounds a tool that hears no signal by a timeout of its own, and refuses the next turn while it may still act", async () => {
      const { ledger, tools } = world()
      const options = { contracts: { quick: "readOnly" }, settings: { deaf: { timeout: 40 } }, drain: 40 } as const
      await using ts = await toolscope(tools, options)
      const { model, shown } = modelOf([said("d", "deaf")], [said("q", "quick")])
      const { millis, results } = await run({ model, tools: ts.tools })
      assert.isBelow(millis, 1_500)
      assert.deepStrictEqual(ledger, [])
      assert.match(
        results.d![0] as string,
        /^outcome unknown \(no answer within 40 ms\): it may have acted; check before you repeat it \(key .*\); it still runs$/
      )
      assert.deepStrictEqual(results.q, ["not started: deaf of an earlier turn may still act: try again later"])
      assert.strictEqual(shown.length, 3)
      await sleep(800)
      const { results: later } = await run({ model: modelOf([said("q", "quick")]).model, tools: ts.tools })
      assert.deepStrictEqual(later, { q: ["quick"] })
    })

    it("begins a turn although something may still act, where the application says so", async () => {
      const { tools } = world()
      const asked: Array<unknown> = []
      await using ts = await toolscope(tools, {
        contracts: { quick: "readOnly" },
        settings: { deaf: { timeout: 40 } },
        drain: 40,
        despite: (left, calls) => {
          asked.push([left.map(({ tool }) => tool), calls.map(({ tool }) => tool)])
          return true
        }
      })
      const { model } = modelOf([said("d", "deaf")], [said("q", "quick")])
      const { results } = await run({ model, tools: ts.tools })
      assert.deepStrictEqual(results.q, ["quick"])
      assert.deepStrictEqual(asked, [[["deaf"], ["quick"]]])
    })

    it("waits for a turn that was aborted before it begins the next one", async () => {
      const { ledger, signal, tools } = world()
      await using ts = await toolscope(tools, { contracts: { polite: "readOnly", quick: "readOnly" } })
      const first = run({
        model: modelOf([said("p", "polite")]).model,
        tools: ts.tools,
        abortSignal: signal
      })
      await new Promise((resolve) => {
        signal.addEventListener("abort", resolve)
      })
      const second = await run({ model: modelOf([said("q", "quick")]).model, tools: ts.tools })
      assert.deepStrictEqual(second.results, { q: ["quick"] })
      assert.deepStrictEqual(ledger, ["cleaned up"])
      await first
    })

    it("gives back what a tool holds that gives values as it goes, when it is stopped", async () => {
      let isOpen = true
      const tools = {
        feed: tool({
          inputSchema,
          async *execute() {
            try {
              for (let i = 0; ; i++) {
                yield i
                await sleep(10)
              }
            } finally {
              isOpen = false
            }
          }
        })
      }
      const turns: Array<Turn> = []
      await using ts = await toolscope(tools, {
        contracts: { feed: "readOnly" },
        settings: { feed: { timeout: 100 } },
        onReport: (turn) => void turns.push(turn)
      })
      const { results } = await run({ model: modelOf([said("f", "feed")]).model, tools: ts.tools })
      assert.deepStrictEqual(results, { f: ["no answer within 100 ms"] })
      assert.isFalse(isOpen)
      assert.isTrue(turns[0]!.report!.drained)
    })
  })
}

it("closes: what runs is stopped and drained, and nothing starts any more", async () => {
  const { ledger, tools } = world()
  const ts = await toolscope(tools, { contracts: { polite: "readOnly" } })
  const running = generate({ model: modelOf([said("p", "polite")]).model, tools: ts.tools })
  await sleep(40)
  await ts.close()
  assert.deepStrictEqual(ledger, ["cleaned up"])
  assert.match((await running).results.p![0] as string, /^stopped before it answered: /)
  const { results } = await stream({ model: modelOf([said("q", "quick")]).model, tools: ts.tools })
  assert.deepStrictEqual(results, { q: ["not started: the conversation has been closed"] })
})
