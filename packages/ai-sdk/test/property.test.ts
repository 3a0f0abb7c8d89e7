/**
 * Whatever the model calls, however the tools behave, whatever the plan and whenever it is aborted: each call has one result, and it is true.
 */
import { assert, describe, it } from "@effect/vitest"
import { toolscope, type Call, type Turn } from "@toolscope/ai-sdk"
import { advisory, all, atomic, deadline, firstSuccess, quorum, settled, type Plan } from "@toolscope/core/promise"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { tool } from "ai"
import { setTimeout as sleep } from "node:timers/promises"
import * as z from "zod"
import { both, modelOf, said } from "./support.ts"

const behaviours = ["answers", "fails", "lies", "polite", "deaf", "streams"] as const
type Behaviour = (typeof behaviours)[number]

/** What a tool really did, by the ids of its calls. */
type Ledger = Map<string, "acted">

const toolOf = (behaves: Behaviour, ledger: Ledger) => {
  const inputSchema = z.object({})
  const act = (id: string) => ledger.set(id, "acted")
  if (behaves === "streams") {
    return tool({
      inputSchema,
      async *execute(_input, { toolCallId }) {
        yield 1
        await sleep(10)
        act(toolCallId)
        yield 2
      }
    })
  }
  return tool({
    inputSchema,
    ...(behaves === "lies" ? { outputSchema: z.string() as never } : {}),
    execute: async (_input, { abortSignal, toolCallId }): Promise<number> => {
      if (behaves === "polite") await sleep(40, undefined, abortSignal === undefined ? {} : { signal: abortSignal })
      if (behaves === "deaf") await sleep(60)
      act(toolCallId)
      if (behaves === "fails") throw new Error("no")
      return 1
    }
  })
}

const plans: { readonly [name: string]: (calls: ReadonlyArray<Call>) => Plan } = {
  settled: (calls) => all(calls.map(({ plan }) => settled(plan))),
  all: (calls) => all(calls.map(({ plan }) => plan)),
  one: (calls) =>
    quorum(
      1,
      calls.map(({ plan }) => plan)
    ),
  two: (calls) =>
    quorum(
      2,
      calls.map(({ plan }) => plan)
    ),
  first: (calls) =>
    firstSuccess(
      calls.map(({ plan }) => plan),
      { stagger: "infinity" }
    ),
  race: (calls) => firstSuccess(calls.map(({ plan }) => plan)),
  atomic: (calls) => atomic(all(calls.map(({ plan }) => plan))),
  advisory: (calls) => all(calls.map(({ plan }, i) => (i % 2 === 0 ? plan : advisory(plan, { grace: 5 })))),
  deadline: (calls) => deadline(all(calls.map(({ plan }) => settled(plan))), 30),
  partly: (calls) => all(calls.slice(1).map(({ plan }) => plan))
}

const Behaviours = Schema.Array(Schema.Literals(behaviours)).check(Schema.isMinLength(1), Schema.isMaxLength(5))
const Contracts = Schema.Literals(["readOnly", "undoable", "undoable", "unsaid"])
// what undoes, and what need not be waited for, more often than the rest
const PlanName = Schema.Literals([...Object.keys(plans), "atomic", "atomic", "atomic", "race"])
const AbortAt = Schema.Literals([-1, -1, 0, 15, 35])

for (const [name, run] of both) {
  describe(name, () => {
    it.live.prop(
      "gives each call one result, which its tool's own ledger bears out",
      [Behaviours, Contracts, PlanName, AbortAt],
      ([behave, contract, plan, abortAt]) =>
        Effect.promise(async () => {
          const ledger: Ledger = new Map()
          const tools = Object.fromEntries(behaviours.map((behaves) => [behaves, toolOf(behaves, ledger)]))
          const undone = new Set<string>()
          const contracts = {
            readOnly: "readOnly",
            undoable: { effect: "additive", compensate: ({ key }: { key: string }) => undone.add(key) },
            unsaid: undefined
          } as const
          const asserted = contracts[contract]
          const turns: Array<Turn> = []
          const controller = new AbortController()
          await using ts = await toolscope(tools, {
            ...(asserted === undefined
              ? {}
              : { contracts: Object.fromEntries(behaviours.map((name) => [name, asserted])) }),
            plan: plans[plan]!,
            drain: 25,
            signal: controller.signal,
            onReport: (turn) => void turns.push(turn)
          })
          const ids = behave.map((name, i) => said(`${i}`, name))
          if (abortAt >= 0)
            setTimeout(() => {
              controller.abort("enough")
            }, abortAt)
          const { model } = modelOf(ids)
          const { error, results } = await run({ model, tools: ts.tools, abortSignal: ts.signal, stopWhen: ts.stopped })
          await ts.drained()
          const early = turns.length === 0
          if (early) {
            // aborted before its model had answered
            assert.isTrue(abortAt >= 0 && ledger.size === 0)
            return
          }
          assert.strictEqual(turns.length, 1)
          const { calls } = turns[0]!
          assert.deepStrictEqual(
            calls.map(({ id }) => id),
            ids.map(({ id }) => id)
          )
          if (error === undefined) {
            for (const { id } of ids) assert.strictEqual(results[id]?.length, 1, `one result for ${id}`)
          }
          const acts = contract !== "readOnly"
          for (const { error, id, outcome, report } of calls) {
            const hasActed = ledger.has(id)
            const states = report?.effects.map(({ state }) => state) ?? []
            if (outcome === "Skipped") assert.isFalse(hasActed, "what was not started did not act")
            // undone, or not known, or said to have acted: never passed over
            if (hasActed && acts && outcome !== "Succeeded") assert.isAbove(states.length, 0, `${id} ${outcome} acted`)
            if (acts && outcome === "Cancelled") assert.isTrue(!hasActed || states.includes("compensated"))
            if (states.includes("compensated")) assert.isDefined(error, "what was undone is no success")
            if (error === undefined) assert.isTrue(hasActed && outcome === "Succeeded")
            else assert.isAbove(error.message.length, 0)
          }
        }),
      { arbitrary: { runs: 100 } }
    )
  })
}
