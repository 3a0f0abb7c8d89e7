/**
 * A model that says what it is told to, for `generateText` and for `streamText`, and both of them under one face.
 */
import { generateText, stepCountIs, streamText, type ModelMessage, type ToolSet } from "ai"
import { convertArrayToReadableStream, MockLanguageModelV4 } from "ai/test"

/** What the model says in one turn: the calls that it makes, or words. */
export type Said = string | ReadonlyArray<CallSaid>

export interface CallSaid {
  readonly id: string
  readonly name: string
  readonly input?: unknown
  readonly providerExecuted?: boolean
}

export const said = (id: string, name = id, input: unknown = {}): CallSaid => ({ id, name, input })

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 1, text: 1, reasoning: undefined }
}

/** The turns of the conversation, one after the other; what the model was shown stands in `shown`. */
export const modelOf = (...turns: ReadonlyArray<Said>) => {
  const shown: Array<ReadonlyArray<any>> = []
  const next = (prompt: unknown) => {
    shown.push(prompt as ReadonlyArray<any>)
    return turns[shown.length - 1] ?? "the end"
  }
  const finishReason = (turn: Said) =>
    ({ unified: typeof turn === "string" ? "stop" : "tool-calls", raw: undefined }) as const
  const callsOf = (turn: ReadonlyArray<CallSaid>) =>
    turn.map(({ id, input, name, providerExecuted }) => ({
      type: "tool-call" as const,
      toolCallId: id,
      toolName: name,
      input: JSON.stringify(input ?? {}),
      ...(providerExecuted === undefined ? {} : { providerExecuted })
    }))
  const model = new MockLanguageModelV4({
    doGenerate: async ({ prompt }) => {
      const turn = next(prompt)
      return {
        content: typeof turn === "string" ? [{ type: "text", text: turn }] : callsOf(turn),
        finishReason: finishReason(turn),
        usage,
        warnings: []
      }
    },
    doStream: async ({ prompt }) => {
      const turn = next(prompt)
      return {
        stream: convertArrayToReadableStream<any>([
          { type: "stream-start", warnings: [] },
          ...(typeof turn === "string"
            ? [
                { type: "text-start", id: "t" },
                { type: "text-delta", id: "t", delta: turn },
                { type: "text-end", id: "t" }
              ]
            : callsOf(turn)),
          { type: "finish", finishReason: finishReason(turn), usage }
        ])
      }
    }
  })
  return { model, shown }
}

/** What came of a generation, however it was asked for. */
export interface Generated {
  readonly error: unknown
  /** Results and errors of tools, by the ids of their calls; more than one for a call would stand in its list. */
  readonly results: { readonly [id: string]: ReadonlyArray<unknown> }
  readonly messages: ReadonlyArray<ModelMessage>
  readonly parts: ReadonlyArray<any>
  readonly millis: number
}

export type Generate = (options: {
  readonly model: MockLanguageModelV4
  readonly tools: ToolSet
  readonly messages?: Array<ModelMessage>
  readonly abortSignal?: AbortSignal
  readonly [option: string]: unknown
}) => Promise<Generated>

const resultsIn = (parts: ReadonlyArray<any>) => {
  const results: Record<string, Array<unknown> | undefined> = {}
  for (const part of parts) {
    if (part.type === "tool-result" && part.preliminary !== true) (results[part.toolCallId] ??= []).push(part.output)
    if (part.type === "tool-error") {
      ;(results[part.toolCallId] ??= []).push(part.error instanceof Error ? part.error.message : part.error)
    }
  }
  return results as Record<string, Array<unknown>>
}

const prompt = { messages: [{ role: "user" as const, content: "go" }] }

export const generate: Generate = async (options) => {
  const started = performance.now()
  const parts: Array<any> = []
  try {
    const result = await generateText({
      ...prompt,
      stopWhen: stepCountIs(5),
      ...options,
      onToolExecutionEnd: ({ toolOutput }) => {
        parts.push(toolOutput)
      }
    })
    const content = result.steps.flatMap((step) => step.content)
    return {
      error: undefined,
      results: resultsIn(content),
      messages: result.responseMessages,
      parts: content,
      millis: performance.now() - started
    }
  } catch (error) {
    return { error, results: resultsIn(parts), messages: [], parts, millis: performance.now() - started }
  }
}

export const stream: Generate = async (options) => {
  const started = performance.now()
  const parts: Array<any> = []
  let error: unknown
  const result = streamText({
    ...prompt,
    stopWhen: stepCountIs(5),
    ...options,
    onError: (event) => {
      error = event.error
    }
  })
  for await (const part of result.stream) {
    parts.push(part)
    if (part.type === "abort") error = new Error(`aborted: ${String(part.reason)}`)
  }
  const millis = performance.now() - started
  const messages = error === undefined ? await result.responseMessages : []
  return { error, results: resultsIn(parts), messages, parts, millis }
}

export const both = [
  ["generateText", generate],
  ["streamText", stream]
] as const

/** What the model was shown of each call, in its last turn: results by call ids, in the order in which they stand there. */
export const toldIn = (prompt: ReadonlyArray<any>): ReadonlyArray<readonly [string, string]> =>
  prompt.flatMap(({ content, role }) =>
    role === "tool"
      ? content.flatMap((part: any) =>
          part.type === "tool-result"
            ? [[part.toolCallId, `${part.output.type}: ${JSON.stringify(part.output.value ?? part.output.reason)}`]]
            : []
        )
      : []
  )
