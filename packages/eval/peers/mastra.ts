/**
 * Mastra's agent, with storage.
 */
import { Agent } from "@mastra/core/agent"
import { Mastra } from "@mastra/core"
import { InMemoryStore } from "@mastra/core/storage"
import { createTool } from "@mastra/core/tools"
import * as z from "zod"
import { model } from "./ai-sdk.ts"
import { Claims, describe, make, type Question, type Returned, type Turn, versionOf, withinBudget } from "./common.ts"

const storage = new InMemoryStore()

const agentOf = (turn: Turn, forEver = false) => {
  const agent = new Agent({
    id: "eval",
    name: "eval",
    instructions: "none",
    model: model(turn, forEver) as never,
    tools: Object.fromEntries(
      turn.tools.map((fixture) => [
        fixture.name,
        createTool({
          id: fixture.name,
          description: fixture.description,
          inputSchema: z.object({}),
          outputSchema: z.object({ text: z.string() }),
          requireApproval: fixture.asks,
          execute: (params: unknown, context: any) => fixture.execute(params, { signal: context?.abortSignal }) as never
        } as never)
      ])
    ) as never
  })
  new Mastra({ agents: { eval: agent as never }, storage, logger: false })
  return agent
}

const idOf = (toolCallId: string): string => toolCallId.slice(0, toolCallId.lastIndexOf("."))

/** What its chunks tell, which is more than the result does: `generate` with `onChunk`. */
const play = async (turn: Turn, run: (options: object) => Promise<any>): Promise<Returned> => {
  const claims = new Claims()
  const questions: Array<Question> = []
  let error: string | undefined
  let runId: string | undefined
  const onChunk = ({ payload, type }: any) => {
    const call = payload?.toolCallId === undefined ? undefined : idOf(payload.toolCallId)
    if (call === undefined) return
    const value = payload.result
    if (type === "tool-output-denied") claims.add({ call, status: "denied" })
    else if (type === "tool-error") claims.add({ call, status: "failed", error: describe(payload.error) })
    else if (type === "tool-call-approval") {
      questions.push({ id: payload.toolCallId, call })
      claims.add({ call, status: "waiting" })
    } else if (type !== "tool-result") return
    else if (JSON.stringify(value ?? null).includes("not approved")) claims.add({ call, status: "denied" })
    else if (payload.isError === true || value?.error !== undefined) {
      // output that its schema does not allow is an error in band
      claims.add({ call, status: "failed", error: JSON.stringify(value) })
    } else claims.add({ call, status: "succeeded", value })
  }
  try {
    const found = await run({ ...options(turn), onChunk })
    runId = found.runId
    if (found.error) error = describe(found.error)
    if (found.finishReason === "suspended" && questions.length === 0) {
      const id: string = found.suspendPayload.toolCallId
      questions.push({ id, call: idOf(id) })
      claims.add({ call: idOf(id), status: "waiting" })
    }
  } catch (failed) {
    error = describe(failed)
    if (claims.all.length === 0) throw failed
  }
  return { claims: claims.all, questions, state: runId, error }
}

const options = (turn: Turn) => ({
  abortSignal: turn.signal,
  ...(turn.concurrency === undefined ? {} : { toolCallConcurrency: turn.concurrency })
})

export default make({
  name: "Mastra",
  version: versionOf("@mastra/core"),
  settings:
    "generate with abortSignal, given on to each tool, and onChunk; toolCallConcurrency; requireApproval, storage; maxSteps for the budget, and a signal for its time",
  can: ["concurrency", "questions", "partialAnswers", "budget"],
  turn: (turn) => play(turn, (own) => agentOf(turn).generate("go", own as never)),
  resume: async (turn, state, answers) => {
    const [answer, ...more] = answers
    if (answer === undefined || more.length > 0) throw new Error("one at a time")
    const [toolCallId, approved] = answer
    const agent = agentOf(turn)
    return play(turn, (own) => {
      const all = { ...own, runId: state, toolCallId } as never
      return approved ? agent.approveToolCallGenerate(all) : agent.declineToolCallGenerate(all)
    })
  },
  loop: (turn) => {
    const maxSteps = Math.floor(turn.budget!.attempts / turn.calls.length)
    const own = { abortSignal: withinBudget(turn), maxSteps }
    return play(turn, (options) => agentOf(turn, true).generate("go", { ...options, ...own } as never))
  }
})
