/**
 * Toolscope by its bridge for the AI SDK: `generateText` with the tools under a plan, and a scripted model.
 */
import { type Toolscope, toolscope } from "@toolscope/ai-sdk"
import { generateText, jsonSchema, type ModelMessage, stepCountIs, tool, type ToolSet } from "ai"
import { MockLanguageModelV4 } from "ai/test"
import * as Runner from "../Runner.ts"
import { contractOf, retriesOf, returnedOf, settings, version } from "./shared.ts"

type Answered = Awaited<ReturnType<MockLanguageModelV4["doGenerate"]>>

const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } } as never

/** Asks for the calls, and is content when it has seen what became of them; or asks for ever. */
const model = ({ calls }: Runner.Turn, forEver: boolean) => {
  let round = 0
  return new MockLanguageModelV4({
    doGenerate: ({ prompt }) => {
      round++
      const answer: Answered =
        forEver || !prompt.some(({ role }) => role === "tool")
          ? {
              content: calls.map(({ id, tool }) => ({
                type: "tool-call" as const,
                toolCallId: `${id}.${round}`,
                toolName: tool,
                input: "{}"
              })),
              finishReason: { unified: "tool-calls", raw: undefined },
              usage,
              warnings: []
            }
          : {
              content: [{ type: "text", text: "done" }],
              finishReason: { unified: "stop", raw: undefined },
              usage,
              warnings: []
            }
      return Promise.resolve(answer)
    }
  })
}

const toolsOf = ({ tools }: Runner.Turn): ToolSet =>
  Object.fromEntries(
    tools.map((fixture) => [
      fixture.name,
      tool({
        description: fixture.description,
        inputSchema: jsonSchema({ type: "object", properties: {} }),
        outputSchema: jsonSchema(fixture.result, {
          validate: (value) =>
            fixture.accepts(value) ? { success: true, value } : { success: false, error: new Error("expected a text") }
        }),
        needsApproval: fixture.asks,
        execute: (params: unknown, { abortSignal }: { readonly abortSignal?: AbortSignal }) =>
          fixture.execute(params, { signal: abortSignal })
      } as never)
    ])
  )

interface Talk {
  readonly ts: Toolscope<ToolSet>
  readonly messages: ReadonlyArray<ModelMessage>
  readonly claims: Map<string, Runner.Claim>
}

/** One conversation: its claims are those of its reports. */
const begin = async (turn: Runner.Turn): Promise<Talk> => {
  const claims = new Map<string, Runner.Claim>()
  const byName = <A>(of: (fixture: Runner.Fixture) => A) =>
    Object.fromEntries(turn.tools.map((fixture) => [fixture.name, of(fixture)]))
  const { budget, concurrency, drain, signal } = turn
  const ts = await toolscope(toolsOf(turn), {
    contracts: byName(contractOf),
    settings: byName((fixture) => ({
      ...(fixture.timeout === undefined ? {} : { timeout: fixture.timeout }),
      ...retriesOf(fixture)
    })),
    drain,
    signal,
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(budget === undefined ? {} : { budget: { attempts: budget.attempts, wallClock: budget.millis } }),
    onReport: ({ calls }) => {
      for (const call of calls) {
        // an approval that came twice: what its call came to stands where it was run
        if (call.report === undefined && claims.get(call.tool)?.status === "succeeded") continue
        const { leftBehind = false, value } = call.report ?? {}
        const [claim] = returnedOf({
          calls: [{ id: `/${call.tool}`, outcome: call.outcome, error: call.error, leftBehind, value }],
          questions: []
        }).claims
        claims.set(call.tool, claim!)
      }
    }
  })
  return { ts, messages: [{ role: "user", content: "go" }], claims }
}

const talk = async (turn: Runner.Turn, { claims, messages, ts }: Talk, steps?: number): Promise<Runner.Returned> => {
  const { finalStep, steps: done } = await generateText({
    model: model(turn, steps !== undefined),
    messages: [...messages],
    tools: ts.tools,
    abortSignal: ts.signal,
    stopWhen: [ts.stopped, stepCountIs(steps ?? 5)]
  })
  await ts.drained()
  const idOf = (toolCallId: string) => toolCallId.slice(0, toolCallId.lastIndexOf("."))
  const questions: Array<Runner.Question> = []
  for (const part of done.flatMap(({ content }) => content)) {
    if (part.type === "tool-approval-request")
      questions.push({ id: part.approvalId, call: idOf(part.toolCall.toolCallId) })
  }
  for (const { call } of questions) claims.set(call, { call, status: "waiting" })
  for (const message of finalStep.response.messages) {
    for (const part of message.role === "tool" ? message.content : []) {
      if (part.type !== "tool-result" || part.output.type !== "execution-denied") continue
      claims.set(idOf(part.toolCallId), { call: idOf(part.toolCallId), status: "denied" })
    }
  }
  const state: Talk = { ts, claims, messages: [...messages, ...finalStep.response.messages] }
  return { claims: [...claims.values()], questions, state }
}

export default Runner.make({
  name: "Toolscope (AI SDK)",
  version,
  settings: `generateText with ts.tools, ts.signal and ts.stopped; ${settings}: needsApproval`,
  // some answers of several: the AI SDK itself executes what was approved, and throws then
  can: ["timeout", "retry", "concurrency", "questions", "budget"],
  turn: async (turn) => talk(turn, await begin(turn)),
  resume: (turn, state, answers) => {
    const { claims, messages, ts } = state as Talk
    const content = [...answers].map(([approvalId, approved]) => ({
      type: "tool-approval-response" as const,
      approvalId,
      approved
    }))
    return talk(turn, { ts, claims, messages: [...messages, { role: "tool", content }] })
  },
  loop: async (turn) => talk(turn, await begin(turn), 100)
})
