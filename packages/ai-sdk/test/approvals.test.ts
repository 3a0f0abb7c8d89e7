/**
 * The approvals of the AI SDK, over tools that are under a plan: each answer goes to the call that it names, and runs it once.
 */
import { assert, describe, it } from "@effect/vitest"
import { toolscope, type Claim } from "@toolscope/ai-sdk"
import { tool, type ModelMessage } from "ai"
import { setTimeout as sleep } from "node:timers/promises"
import * as z from "zod"
import { both, modelOf, said, toldIn } from "./support.ts"

/** The tool asks by itself. */
const asking = { needsApproval: true }

const world = () => {
  const sent: Array<string> = []
  const tools = {
    send: tool({
      inputSchema: z.object({ to: z.string() }),
      ...asking,
      execute: async ({ to }) => {
        await sleep(10)
        return `mail ${sent.push(to)}`
      }
    }),
    look: tool({ inputSchema: z.object({}), execute: async () => "seen" })
  }
  return { sent, tools }
}
const contracts = { look: "readOnly" } as const
const asks = [
  said("1", "send", { to: "Ada" }),
  said("2", "send", { to: "Bob" }),
  said("3", "send", { to: "Eve" }),
  said("4", "look")
]

/** The conversation so far, and replies to what was asked in it: by the ids of the calls. */
const replied = (
  messages: ReadonlyArray<ModelMessage>,
  replies: { readonly [call: string]: boolean }
): Array<ModelMessage> => {
  const requests = messages.flatMap(({ content }) =>
    Array.isArray(content) ? content.filter((part) => part.type === "tool-approval-request") : []
  )
  const content = requests.flatMap(({ approvalId, toolCallId }) => {
    const approved = replies[toolCallId]
    return approved === undefined ? [] : [{ type: "tool-approval-response" as const, approvalId, approved }]
  })
  return [{ role: "user", content: "go" }, ...messages, { role: "tool", content }]
}

for (const [name, run] of both) {
  describe(name, () => {
    it("asks for all, runs the one that is approved, and tells the model of the one that is not", async () => {
      const { sent, tools } = world()
      await using ts = await toolscope(tools, { contracts })
      const asked = await run({ model: modelOf(asks).model, tools: ts.tools })
      assert.deepStrictEqual(asked.results, { 4: ["seen"] })
      assert.deepStrictEqual(sent, [])
      const { model, shown } = modelOf("done")
      const messages = replied(asked.messages, { 1: true, 2: false, 3: true })
      await run({ model, tools: ts.tools, messages })
      assert.deepStrictEqual(sent, ["Ada", "Eve"])
      assert.deepStrictEqual(Object.fromEntries(toldIn(shown[0]!)), {
        1: 'text: "mail 1"',
        2: "execution-denied: undefined",
        3: 'text: "mail 2"',
        4: 'text: "seen"'
      })
    })

    it("runs nothing twice where the same answer comes twice, also at the same time: both get the one result", async () => {
      const { sent, tools } = world()
      await using first = await toolscope(tools, { contracts })
      const asked = await run({ model: modelOf(asks).model, tools: first.tools })
      const messages = replied(asked.messages, { 1: true, 2: false, 3: true })
      const shown = await Promise.all(
        [0, 1, 2].map(async () => {
          await using ts = await toolscope(tools, { contracts })
          const { model, shown } = modelOf("done")
          await run({ model, tools: ts.tools, messages })
          return Object.fromEntries(toldIn(shown[0]!))
        })
      )
      assert.deepStrictEqual(sent, ["Ada", "Eve"])
      assert.deepStrictEqual(shown[1], shown[0])
      assert.deepStrictEqual(shown[2], shown[0])
    })

    it("keeps the result of a call for the time when the others are answered", async () => {
      const { sent, tools } = world()
      await using ts = await toolscope(tools, { contracts })
      const asked = await run({ model: modelOf(asks).model, tools: ts.tools })
      // the AI SDK runs what is approved, then cannot go on: two calls have no result
      const partly = await run({
        model: modelOf("done").model,
        tools: ts.tools,
        messages: replied(asked.messages, { 1: true })
      })
      assert.match(String(partly.error), /Tool result/)
      assert.deepStrictEqual(sent, ["Ada"])
      const { model, shown } = modelOf("done")
      await run({ model, tools: ts.tools, messages: replied(asked.messages, { 1: true, 2: true, 3: false }) })
      assert.deepStrictEqual(sent, ["Ada", "Bob"])
      assert.deepStrictEqual(Object.fromEntries(toldIn(shown[0]!))[1], 'text: "mail 1"')
    })

    it("uses no approval that somebody else has claimed", async () => {
      const { sent, tools } = world()
      const claimed = new Set<string>(["taken"])
      const claim: Claim = async (id) => {
        await sleep(1)
        return claimed.size !== claimed.add(id).size && claimed.size < 3
      }
      await using ts = await toolscope(tools, { contracts, claim })
      const asked = await run({ model: modelOf(asks).model, tools: ts.tools })
      const { model, shown } = modelOf("done")
      await run({ model, tools: ts.tools, messages: replied(asked.messages, { 1: true, 2: false, 3: true }) })
      assert.deepStrictEqual(sent, ["Ada"])
      assert.include(Object.fromEntries(toldIn(shown[0]!))[3], "not started: its approval has been used already")
    })

    it("asks by the contract, where its rule is given to the AI SDK", async () => {
      const sent: Array<string> = []
      const act = (name: string) => tool({ inputSchema: z.object({}), execute: async () => sent.push(name) })
      const tools = { read: act("read"), undoable: act("undoable"), careful: act("careful"), unsaid: act("unsaid") }
      await using ts = await toolscope(tools, {
        contracts: {
          read: "readOnly",
          undoable: { effect: "additive", compensate: () => undefined },
          careful: "irreversible"
        }
      })
      const calls = Object.keys(tools).map((name) => said(name))
      const { messages, results } = await run({
        model: modelOf(calls).model,
        tools: ts.tools,
        toolApproval: ts.toolApproval
      })
      assert.deepStrictEqual(sent, ["read", "undoable"])
      assert.deepStrictEqual(Object.keys(results), ["read", "undoable"])
      await run({
        model: modelOf("done").model,
        tools: ts.tools,
        toolApproval: ts.toolApproval,
        messages: replied(messages, { careful: true, unsaid: false })
      })
      assert.deepStrictEqual(sent, ["read", "undoable", "careful"])
    })
  })
}
