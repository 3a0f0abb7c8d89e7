/**
 * OpenAI Agents JS: `run` with `stream: true`, which tells of more calls after an abort than its result does.
 */
import { Agent, run, RunState, setTracingDisabled, tool } from "@openai/agents"
import * as z from "zod"
import { Claims, describe, make, type Question, type Returned, type Turn, versionOf } from "./common.ts"

setTracingDisabled(true)

const usage = { requests: 1, inputTokens: 1, outputTokens: 1, totalTokens: 2 }

/** Asks for the calls first, and is content then; or asks for them for ever. */
const modelOf = (turn: Turn, forEver: boolean) => {
  let round = 0
  const answer = (input: unknown) => {
    const asks = forEver || !JSON.stringify(input).includes("function_call")
    round++
    const output = asks
      ? turn.calls.map(({ id, tool }) => ({
          type: "function_call" as const,
          id: `item.${id}.${round}`,
          callId: `${id}.${round}`,
          name: tool,
          arguments: "{}",
          status: "completed" as const
        }))
      : [
          {
            type: "message" as const,
            id: `message.${round}`,
            role: "assistant" as const,
            status: "completed" as const,
            content: [{ type: "output_text" as const, text: "done" }]
          }
        ]
    return { id: `response.${round}`, output, usage }
  }
  return {
    getResponse: async ({ input }: any) => {
      const { id, output } = answer(input)
      return { responseId: id, output, usage: { ...usage, add: () => {} } }
    },
    getStreamedResponse: async function* ({ input }: any) {
      yield { type: "response_started" }
      yield { type: "response_done", response: answer(input) }
    }
  } as never
}

const failure = (error: unknown) => `failed: ${describe(error)}`

const agentOf = (turn: Turn, forEver = false) =>
  new Agent({
    name: "eval",
    model: modelOf(turn, forEver),
    tools: turn.tools.map((fixture) =>
      tool({
        name: fixture.name,
        description: fixture.description,
        parameters: z.object({}),
        needsApproval: fixture.asks,
        ...(fixture.timeout === undefined ? {} : { timeoutMs: fixture.timeout }),
        outputSchema: z.object({ text: z.string() }),
        ...(fixture.timeout === undefined
          ? {}
          : { timeoutBehavior: "error_as_result", timeoutErrorFunction: () => ({ text: "failed: timed out" }) }),
        errorFunction: (_: unknown, error: unknown) => ({ text: failure(error) }),
        execute: (params: unknown, _context: unknown, details: any) =>
          fixture.execute(params, { signal: details?.signal })
      } as never)
    )
  })

const idOf = (callId: string): string => callId.slice(0, callId.lastIndexOf("."))

const textOf = (output: any): string => (typeof output === "string" ? output : (output?.text ?? JSON.stringify(output)))

const claim = (claims: Claims, item: any): void => {
  const raw = item.rawItem
  if (raw?.type !== "function_call_result") return
  const text = textOf(item.output ?? raw.output)
  const call = idOf(raw.callId)
  if (raw.status === "incomplete") claims.add({ call, status: "cancelled", error: text })
  else if (text.includes("not approved")) claims.add({ call, status: "denied", error: text })
  else if (text.includes("failed: ")) claims.add({ call, status: "failed", error: text })
  else claims.add({ call, status: "succeeded", value: text })
}

const play = async (turn: Turn, input: any, options: { readonly maxTurns?: number } = {}): Promise<Returned> => {
  const claims = new Claims()
  const agent = agentOf(turn, options.maxTurns !== undefined)
  let error: string | undefined
  const stream: any = await run(agent, input, {
    stream: true,
    signal: turn.signal,
    maxTurns: options.maxTurns ?? 10,
    ...(turn.concurrency === undefined ? {} : { toolExecution: { maxFunctionToolConcurrency: turn.concurrency } })
  } as never)
  try {
    for await (const event of stream) {
      if (event.type === "run_item_stream_event") claim(claims, event.item)
    }
    await stream.completed
  } catch (failed) {
    error = describe(failed)
  }
  for (const item of stream.newItems ?? []) claim(claims, item)
  const questions: Array<Question> = (stream.interruptions ?? []).map((item: any) => ({
    id: item.rawItem.callId,
    call: idOf(item.rawItem.callId)
  }))
  for (const { call } of questions) claims.add({ call, status: "waiting" })
  return { claims: claims.all, questions, state: String(stream.state), error }
}

export default make({
  name: "OpenAI Agents JS",
  version: versionOf("@openai/agents"),
  settings:
    "run with stream: true, signal, timeoutMs, outputSchema, maxFunctionToolConcurrency, needsApproval, errorFunction, maxTurns for the budget; the state as text between two resumes",
  can: ["timeout", "concurrency", "questions", "partialAnswers", "budget"],
  turn: (turn) => play(turn, "go"),
  resume: async (turn, state, answers) => {
    const restored = await RunState.fromString(agentOf(turn), state as string)
    for (const [id, approved] of answers) {
      const item = restored.getInterruptions().find((each: any) => each.rawItem.callId === id)
      if (item === undefined) throw new Error(`no such interruption: ${id}`)
      if (approved) restored.approve(item)
      else restored.reject(item)
    }
    return play(turn, restored)
  },
  loop: (turn) => play(turn, "go", { maxTurns: Math.floor(turn.budget!.attempts / turn.calls.length) })
})
