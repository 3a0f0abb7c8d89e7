/**
 * An example of a `LanguageModel` layer: servers that speak the chat completions of OpenAI (many do). It asks for text and tool calls, whole
 * or as a stream; no images, no files.
 *
 * An answer that breaks off is an error, never a shorter answer. Parameters that are no JSON are passed on as the text that they are, so that
 * who runs the calls can say what is wrong with them.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { AiError, LanguageModel, type Prompt, type Response, Tool } from "effect/ai"
import * as Sse from "effect/encoding/Sse"

export interface Options {
  /** Such as `https://api.openai.com/v1`. */
  readonly baseUrl: string
  readonly apiKey?: Redacted.Redacted
  readonly model: string
}

interface WireCall {
  readonly index?: number
  readonly id?: string
  readonly function?: { readonly name?: string; readonly arguments?: string }
}

interface Wire {
  readonly id?: string
  readonly choices?: ReadonlyArray<{
    readonly message?: { readonly content?: string | null; readonly tool_calls?: ReadonlyArray<WireCall> }
    readonly delta?: { readonly content?: string | null; readonly tool_calls?: ReadonlyArray<WireCall> }
    readonly finish_reason?: string | null
  }>
  readonly usage?: { readonly prompt_tokens?: number; readonly completion_tokens?: number } | null
  readonly error?: { readonly message?: string }
}

const textOf = (parts: ReadonlyArray<Prompt.Part>): string =>
  parts.map((part) => (part.type === "text" ? part.text : "")).join("")

/** A conversation as the wire has it: a tool message for each result. */
const messagesOf = (prompt: Prompt.Prompt): ReadonlyArray<object> =>
  prompt.content.flatMap((message): ReadonlyArray<object> => {
    switch (message.role) {
      case "system":
        return [{ role: "system", content: message.content }]
      case "user":
        return [{ role: "user", content: textOf(message.content) }]
      case "assistant": {
        const calls = message.content.filter((part) => part.type === "tool-call")
        const text = textOf(message.content)
        return [
          {
            role: "assistant",
            content: text === "" ? null : text,
            ...(calls.length === 0
              ? {}
              : {
                  tool_calls: calls.map(({ id, name, params }) => ({
                    id,
                    type: "function",
                    function: { name, arguments: typeof params === "string" ? params : JSON.stringify(params) }
                  }))
                })
          }
        ]
      }
      case "tool":
        return message.content.flatMap((part) =>
          part.type !== "tool-result"
            ? []
            : [
                {
                  role: "tool",
                  tool_call_id: part.id,
                  content: part.modelOutput === undefined ? JSON.stringify(part.result) : textOf(part.modelOutput)
                }
              ]
        )
    }
  })

const requestOf = (options: Options, { prompt, tools }: LanguageModel.ProviderOptions, stream: boolean): object => ({
  model: options.model,
  messages: messagesOf(prompt),
  ...(tools.length === 0
    ? {}
    : {
        tools: tools.map((tool) => ({
          type: "function",
          function: {
            name: tool.name as string,
            description: Tool.getDescription(tool),
            parameters: Tool.getJsonSchema(tool),
            strict: Tool.getStrictMode(tool) ?? false
          }
        })),
        parallel_tool_calls: true
      }),
  ...(stream ? { stream: true, stream_options: { include_usage: true } } : {})
})

const failed = (method: string, reason: AiError.AiErrorReason) =>
  AiError.make({ module: "OpenAiCompatible", method, reason })

const brokenOff = (method: string) =>
  failed(method, new AiError.InternalProviderError({ description: "the answer broke off before its end" }))

/** Sends the request; what is not 200 is an error that says whether to try again. */
const send = (options: Options, method: string, body: object): Effect.Effect<globalThis.Response, AiError.AiError> => {
  const url = `${options.baseUrl.replace(/\/$/, "")}/chat/completions`
  const key = options.apiKey
  return Effect.flatMap(
    Effect.tryPromise({
      try: (signal) =>
        fetch(url, {
          method: "POST",
          headers: {
            "content-type": "application/json",
            ...(key === undefined ? {} : { authorization: `Bearer ${Redacted.value(key)}` })
          },
          body: JSON.stringify(body),
          signal
        }),
      catch: (cause) => unreachable(method, url, cause)
    }),
    (response) => (response.ok ? Effect.succeed(response) : refusal(method, url, response))
  )
}

const unreachable = (method: string, url: string, cause: unknown) =>
  failed(
    method,
    new AiError.NetworkError({ reason: "TransportError", method: "POST", url, description: String(cause) })
  )

const refusal = (method: string, url: string, response: globalThis.Response): Effect.Effect<never, AiError.AiError> =>
  Effect.flatMap(
    Effect.tryPromise({ try: () => response.text(), catch: (cause) => unreachable(method, url, cause) }),
    (text) => {
      const seconds = Number(response.headers.get("retry-after") ?? Number.NaN)
      return Effect.fail(
        failed(
          method,
          response.status === 429 && Number.isFinite(seconds)
            ? new AiError.RateLimitError({ retryAfter: Duration.seconds(seconds) })
            : AiError.reasonFromHttpStatus({ status: response.status, description: text.slice(0, 300) })
        )
      )
    }
  )

const parameters = (text: string): unknown => {
  if (text.trim() === "") return {}
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const callOf = (call: WireCall): Response.ToolCallPartEncoded => ({
  type: "tool-call",
  id: call.id ?? "",
  name: call.function?.name ?? "",
  params: parameters(call.function?.arguments ?? "")
})

const finishes: { readonly [reason: string]: Response.FinishReason } = {
  stop: "stop",
  length: "length",
  content_filter: "content-filter",
  tool_calls: "tool-calls"
}

const finishOf = (reason: string, usage: Wire["usage"]): Response.FinishPartEncoded => {
  const { completion_tokens: output, prompt_tokens: input } = usage ?? {}
  return {
    type: "finish",
    reason: finishes[reason] ?? "other",
    usage: {
      inputTokens: { uncached: undefined, total: input, cacheRead: undefined, cacheWrite: undefined },
      outputTokens: { total: output, text: undefined, reasoning: undefined }
    }
  }
}

const generateText = (options: Options) => (asked: LanguageModel.ProviderOptions) =>
  Effect.gen(function* () {
    const method = "generateText"
    const response = yield* send(options, method, requestOf(options, asked, false))
    const wire = yield* Effect.tryPromise({
      try: () => response.json() as Promise<Wire>,
      catch: () => brokenOff(method)
    })
    const choice = wire.choices?.[0]
    const reason = choice?.finish_reason
    if (choice?.message === undefined || reason === undefined || reason === null)
      return yield* Effect.fail(brokenOff(method))
    const { content, tool_calls: calls = [] } = choice.message
    const text: ReadonlyArray<Response.PartEncoded> =
      content === undefined || content === null || content === "" ? [] : [{ type: "text", text: content }]
    return [...text, ...calls.map(callOf), finishOf(reason, wire.usage)]
  })

/** Puts together what comes in pieces. The end of the stream without a reason to finish is no end. */
const assemble = (method: string) => {
  const calls = new Map<number, { id: string; name: string; arguments: string }>()
  let hasText = false
  let finish: string | undefined
  let usage: Wire["usage"]
  const text = (delta: string): ReadonlyArray<Response.StreamPartEncoded> => {
    const start: ReadonlyArray<Response.StreamPartEncoded> = hasText ? [] : [{ type: "text-start", id: "text" }]
    hasText = true
    return [...start, { type: "text-delta", id: "text", delta }]
  }
  return {
    take: (data: string): Effect.Effect<ReadonlyArray<Response.StreamPartEncoded>, AiError.AiError> => {
      if (data === "[DONE]") return Effect.succeed([])
      let wire: Wire
      try {
        wire = JSON.parse(data) as Wire
      } catch {
        return Effect.fail(brokenOff(method))
      }
      if (wire.error !== undefined)
        return Effect.fail(
          failed(method, new AiError.InternalProviderError({ description: wire.error.message ?? "an error" }))
        )
      usage = wire.usage ?? usage
      const choice = wire.choices?.[0]
      finish = choice?.finish_reason ?? finish
      for (const { function: part, id, index = 0 } of choice?.delta?.tool_calls ?? []) {
        const call = calls.get(index) ?? { id: "", name: "", arguments: "" }
        calls.set(index, {
          id: call.id + (id ?? ""),
          name: call.name + (part?.name ?? ""),
          arguments: call.arguments + (part?.arguments ?? "")
        })
      }
      const content = choice?.delta?.content
      return Effect.succeed(content === undefined || content === null || content === "" ? [] : text(content))
    },
    end: (): Effect.Effect<ReadonlyArray<Response.StreamPartEncoded>, AiError.AiError> => {
      if (finish === undefined) return Effect.fail(brokenOff(method))
      const end: ReadonlyArray<Response.StreamPartEncoded> = hasText ? [{ type: "text-end", id: "text" }] : []
      const asked = [...calls].sort(([a], [b]) => a - b).map(([, { id, ...rest }]) => callOf({ id, function: rest }))
      return Effect.succeed([...end, ...asked, finishOf(finish, usage)])
    }
  }
}

const streamText = (options: Options) => (asked: LanguageModel.ProviderOptions) => {
  const method = "streamText"
  return Stream.unwrap(
    Effect.map(send(options, method, requestOf(options, asked, true)), (response) => {
      const { end, take } = assemble(method)
      const body = response.body
      if (body === null) return Stream.fail(brokenOff(method))
      const parts = Stream.fromReadableStream({ evaluate: () => body, onError: () => brokenOff(method) }).pipe(
        Stream.decodeText(),
        Stream.pipeThroughChannel(Sse.decode<AiError.AiError, unknown>()),
        Stream.mapError((error) => (AiError.isAiError(error) ? error : brokenOff(method))),
        Stream.mapEffect(({ data }) => take(data)),
        Stream.flatMap(Stream.fromIterable)
      )
      return Stream.concat(parts, Stream.flatMap(Stream.fromEffect(Effect.suspend(end)), Stream.fromIterable))
    })
  )
}

/** The model as a layer. */
export const layer = (options: Options): Layer.Layer<LanguageModel.LanguageModel> =>
  Layer.effect(
    LanguageModel.LanguageModel,
    LanguageModel.make({ generateText: generateText(options), streamText: streamText(options) })
  )
