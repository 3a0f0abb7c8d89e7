/**
 * One adversarial turn, in four scenarios, against the clock and the tools' own ledger:
 *
 * - **a** answers malformed · **b** hangs unless given a signal, then cleans up for 250 ms · **c** takes 1.5 s, hears no signal, and acts at
 *   its end · **d** answers at once · **e** fails once, then succeeds · **f** fails after 200 ms, always · **h** hangs and hears no signal
 * - S1: a–e, aborted at 3 s · S2: a–e, aborted at 0.7 s · S3: a c d e f, not aborted · S4: h d, aborted at 3 s
 */
import { assert, it } from "@effect/vitest"
import { toolscope, type Turn } from "@toolscope/ai-sdk"
import { stepCountIs, tool } from "ai"
import { setTimeout as sleep } from "node:timers/promises"
import * as z from "zod"
import { both, modelOf, said, type Generate } from "./support.ts"

const inputSchema = z.object({})

const turnOf = async (run: Generate, ids: string, abortAt: number | undefined, drain?: number) => {
  let started = 0
  const controller = new AbortController()
  // the time of a turn begins with its calls
  const begin = () => {
    started = performance.now()
    if (abortAt === undefined) return
    setTimeout(() => {
      controller.abort(new Error("the caller left"))
    }, abortAt)
  }
  const seconds = () => Math.round((performance.now() - started) / 100) / 10
  const ledger: Array<readonly [string, number]> = []
  const note = (what: string) => void ledger.push([what, seconds()])
  let tries = 0
  const tools = {
    a: tool({ inputSchema, outputSchema: z.object({ n: z.number() }), execute: async () => ({ n: "one" }) as never }),
    b: tool({
      inputSchema,
      execute: async (_input, { abortSignal }): Promise<string> => {
        await sleep(60_000, undefined, { signal: abortSignal! }).catch(async (error: unknown) => {
          await sleep(250)
          note("b cleaned up")
          throw error
        })
        return "never"
      }
    }),
    c: tool({
      inputSchema,
      execute: async () => {
        await sleep(1_500)
        note("c acted")
        return "acted"
      }
    }),
    d: tool({
      inputSchema,
      execute: async () => {
        begin()
        return "at once"
      }
    }),
    e: tool({
      inputSchema,
      execute: async () => {
        if (++tries === 1) throw new Error("not yet")
        return "at last"
      }
    }),
    f: tool({
      inputSchema,
      execute: async (): Promise<string> => {
        await sleep(200)
        throw new Error("never")
      }
    }),
    h: tool({ inputSchema, execute: () => new Promise<string>(() => {}) })
  }
  const turns: Array<Turn> = []
  await using ts = await toolscope(tools, {
    contracts: { a: "readOnly", b: "readOnly", d: "readOnly", e: "readOnly", f: "readOnly", h: "readOnly" },
    settings: { e: { retry: 1 } },
    signal: controller.signal,
    ...(drain === undefined ? {} : { drain }),
    onReport: (turn) => void turns.push(turn)
  })
  const { model, shown } = modelOf(Array.from(ids, (id) => said(id)))
  const { results } = await run({
    model,
    tools: ts.tools,
    abortSignal: ts.signal,
    stopWhen: [ts.stopped, stepCountIs(5)]
  })
  const returned = seconds()
  await sleep(Math.max(0, 1_700 - (performance.now() - started)))
  return {
    returned,
    results,
    ledger,
    late: ledger.filter(([, at]) => at > returned).map(([what]) => what),
    outcomes: turns[0]!.calls.map(({ id, outcome }) => `${id} ${outcome}`).join(", "),
    leftBehind: turns[0]!.calls.filter(({ report }) => report?.leftBehind).map(({ id }) => id),
    prompts: shown.length
  }
}

for (const [name, run] of both) {
  it.concurrent(`gives each call one true result within its bound, in every scenario, with ${name}`, async () => {
    const [s1, s2, s3, s4, short] = await Promise.all([
      turnOf(run, "abcde", 3_000),
      turnOf(run, "abcde", 700),
      turnOf(run, "acdef", undefined),
      turnOf(run, "hd", 3_000),
      turnOf(run, "abcde", 700, 300)
    ])
    for (const [turn, count] of [
      [s1, 5],
      [s2, 5],
      [s3, 5],
      [s4, 2]
    ] as const) {
      assert.strictEqual(Object.values(turn.results).flat().length, count, "one result for each call")
      assert.strictEqual(Object.keys(turn.results).length, count)
      assert.deepStrictEqual(turn.late, [], "nothing happens after the return")
    }
    assert.deepStrictEqual(
      [s1, s2, s3, s4].map(({ prompts }) => prompts),
      [1, 1, 2, 1],
      "no model is asked after an abort"
    )

    const isBetween = (least: number, { returned }: { readonly returned: number }) => {
      assert.isAtLeast(returned, least)
      assert.isBelow(returned, least + 1.5)
    }
    // b has cleaned up: 3.25 s
    isBetween(3.2, s1)
    assert.strictEqual(s1.outcomes, "a Failed, b Cancelled, c Succeeded, d Succeeded, e Succeeded")
    // c is waited for, and acts while it is: 1.5 s
    isBetween(1.5, s2)
    assert.deepStrictEqual(
      s2.ledger.map(([what]) => what),
      ["b cleaned up", "c acted"]
    )
    assert.strictEqual(s2.outcomes, "a Failed, b Cancelled, c Succeeded, d Succeeded, e Succeeded")
    // with a shorter bound it is left behind, and acts later: as was said of it
    isBetween(1, short)
    assert.strictEqual(short.outcomes, "a Failed, b Cancelled, c Unknown, d Succeeded, e Succeeded")
    assert.deepStrictEqual(short.leftBehind, ["c"])
    assert.match(
      short.results.c![0] as string,
      /^outcome unknown \(the caller left\): it may have acted; .*; it still runs$/
    )
    // both failures are seen, and the model goes on
    assert.strictEqual(s3.outcomes, "a Failed, c Succeeded, d Succeeded, e Succeeded, f Failed")
    assert.deepStrictEqual(s3.results.f, ["never"])
    assert.deepStrictEqual(s3.results.e, ["at last"])
    assert.match(s3.results.a![0] as string, /^malformed result: /)
    // bounded: 3 s, and the 2 s of the drain
    isBetween(5, s4)
    assert.strictEqual(s4.outcomes, "h Cancelled, d Succeeded")
    assert.deepStrictEqual(s4.leftBehind, ["h"])
  })
}
