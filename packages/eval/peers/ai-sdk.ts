/**
 * What both adapters of the AI SDK share: a scripted model, tools, and claims from its callbacks, which tell more than its result once it
 * throws.
 */
import { type ModelMessage, tool, type ToolSet } from "ai"
import { MockLanguageModelV3, simulateReadableStream } from "ai/test"
import * as z from "zod"
import { Claims, describe, type Question, type Returned, type Turn } from "./common.ts"

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 }
}

const parts = (turn: Turn, round: number) =>
  turn.calls.map(({ id, tool }) => ({
    type: "tool-call" as const,
    toolCallId: `${id}.${round}`,
    toolName: tool,
    input: "{}"
  }))

/** Asks for the calls first, and is content then; or asks for them for ever. */
export const model = (turn: Turn, forEver = false) => {
  let round = 0
  const asks = (prompt: ReadonlyArray<{ readonly role: string }>) =>
    forEver || !prompt.some(({ role }) => role === "tool")
  return new MockLanguageModelV3({
    doGenerate: async ({ prompt }) =>
      asks(prompt)
        ? {
            content: parts(turn, ++round),
            finishReason: { unified: "tool-calls", raw: undefined },
            usage,
            warnings: []
          }
        : {
            content: [{ type: "text", text: "done" }],
            finishReason: { unified: "stop", raw: undefined },
            usage,
            warnings: []
          },
    doStream: async ({ prompt }) => ({
      stream: simulateReadableStream({
        chunks: asks(prompt)
          ? [
              { type: "stream-start", warnings: [] },
              ...parts(turn, ++round),
              { type: "finish", finishReason: { unified: "tool-calls", raw: undefined }, usage }
            ]
          : [
              { type: "stream-start", warnings: [] },
              { type: "text-start", id: "1" },
              { type: "text-delta", id: "1", delta: "done" },
              { type: "text-end", id: "1" },
              { type: "finish", finishReason: { unified: "stop", raw: undefined }, usage }
            ]
      } as never)
    })
  })
}

export const toolsOf = (turn: Turn): ToolSet =>
  Object.fromEntries(
    turn.tools.map((fixture) => [
      fixture.name,
      tool({
        description: fixture.description,
        inputSchema: z.object({}),
        outputSchema: z.object({ text: z.string() }),
        needsApproval: fixture.asks,
        execute: (params, { abortSignal }) => fixture.execute(params, { signal: abortSignal }) as never
      })
    ])
  )

/** Per tool, those that have one. */
export const timeoutOf = (turn: Turn): object => {
  const tools = turn.tools.flatMap(({ name, timeout }) => (timeout === undefined ? [] : [[`${name}Ms`, timeout]]))
  return tools.length === 0 ? {} : { timeout: { tools: Object.fromEntries(tools) as object } }
}

export const idOf = (toolCallId: string): string => toolCallId.slice(0, toolCallId.lastIndexOf("."))

/** The callback after each execution. */
export const onToolExecutionEnd =
  (claims: Claims) =>
  ({ toolCall, toolOutput }: any): void => {
    const call = idOf(toolCall.toolCallId)
    if (toolOutput.type === "tool-result") claims.add({ call, status: "succeeded", value: toolOutput.output })
    else claims.add({ call, status: "failed", error: describe(toolOutput.error) })
  }

interface State {
  readonly messages: Array<ModelMessage>
  readonly claims: Claims
}

export const begin = (): State => ({ messages: [{ role: "user", content: "go" }], claims: new Claims() })

/** What a caller adds to the messages to answer. */
export const answered = ({ claims, messages }: State, answers: ReadonlyMap<string, boolean>): State => {
  const own = new Claims()
  for (const claim of claims.all) own.add(claim)
  return {
    claims: own,
    messages: [
      ...messages,
      {
        role: "tool",
        content: [...answers].map(([approvalId, approved]) => ({
          type: "tool-approval-response" as const,
          approvalId,
          approved
        }))
      }
    ]
  }
}

/** From the content of the steps: what was asked, what was denied. */
export const returnedOf = (
  { claims, messages }: State,
  content: ReadonlyArray<any>,
  added: ReadonlyArray<ModelMessage>,
  answers: ReadonlyMap<string, boolean> = new Map()
): Returned => {
  const questions: Array<Question> = []
  for (const part of content) {
    if (part.type === "tool-approval-request" && !answers.has(part.approvalId)) {
      questions.push({ id: part.approvalId, call: idOf(part.toolCall.toolCallId) })
      claims.add({ call: idOf(part.toolCall.toolCallId), status: "waiting" })
    }
  }
  for (const message of added) {
    if (message.role !== "tool") continue
    for (const part of message.content) {
      if (part.type === "tool-result" && part.output.type === "execution-denied") {
        claims.add({ call: idOf(part.toolCallId), status: "denied" })
      }
    }
  }
  return { claims: claims.all, questions, state: { claims, messages: [...messages, ...added] } satisfies State }
}

export type { State }
