/**
 * A language model that says what it is told to: for tests, demonstrations and documentation, without a network.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import {
  type AiError,
  type AnswerPart,
  finishPart,
  LanguageModel,
  type Prompt,
  type StreamedPart
} from "./internal/ai.ts"

/**
 * A call that the model makes. Its id, where none is given: `call_`, the turn, `_`, and its place.
 *
 * @since 0.1.0
 */
export interface ScriptedCall {
  readonly call: string
  readonly params?: unknown
  readonly id?: string
  /** The provider has run it itself. */
  readonly providerExecuted?: boolean
}

/**
 * What the model answers with: a text, calls, or both.
 *
 * @since 0.1.0
 */
export type Turn =
  | string
  | ReadonlyArray<ScriptedCall>
  | {
      readonly text?: string
      readonly calls?: ReadonlyArray<ScriptedCall>
      /** Default: `tool-calls` where there are calls, else `stop`. */
      readonly finish?: "stop" | "length" | "content-filter" | "tool-calls" | "error" | "pause" | "other" | "unknown"
      /** Default 10 and 5. */
      readonly tokens?: { readonly input: number; readonly output: number }
      readonly after?: Duration.Input
    }
  | { readonly fail: AiError.AiError; readonly after?: Duration.Input }

/**
 * The turns in their order, the last one again and again; or what to say to a conversation.
 *
 * @since 0.1.0
 */
export type Script = ReadonlyArray<Turn> | ((prompt: Prompt.Prompt, turn: number) => Turn)

interface Spoken {
  readonly parts: ReadonlyArray<AnswerPart>
  readonly text: string
  readonly after: Duration.Input
}

const speak = (turn: Turn, number: number): Effect.Effect<Spoken, AiError.AiError> => {
  const said =
    typeof turn === "string"
      ? { text: turn }
      : Array.isArray(turn)
        ? { calls: turn as ReadonlyArray<ScriptedCall> }
        : turn
  if ("fail" in said) return Effect.delay(Effect.fail(said.fail), said.after ?? 0)
  const {
    after = 0,
    calls = [],
    text = "",
    tokens = { input: 10, output: 5 }
  } = said as Exclude<Turn, string | ReadonlyArray<ScriptedCall> | { readonly fail: unknown }>
  const { finish = calls.length > 0 ? "tool-calls" : "stop" } = said as { readonly finish?: "stop" }
  const parts = calls.map(({ call: name, id, params = {}, providerExecuted = false }, i): AnswerPart => ({
    type: "tool-call",
    id: id ?? `call_${number}_${i + 1}`,
    name,
    params,
    providerExecuted
  }))
  return Effect.succeed({ parts: [...parts, finishPart(finish, tokens)], text, after })
}

/**
 * The model as a layer.
 *
 * @example
 * ```ts
 * import { ScriptedModel } from "@toolscope/agent"
 * import * as Effect from "effect/Effect"
 * import { LanguageModel } from "effect/ai"
 *
 * const hello = LanguageModel.generateText({ prompt: "Hello" }).pipe(Effect.provide(ScriptedModel.layer(["Good day."])))
 * console.log((await Effect.runPromise(hello)).text) // => Good day.
 * ```
 *
 * @since 0.1.0
 */
export const layer = (script: Script): Layer.Layer<LanguageModel.LanguageModel> => make(script).layer

/**
 * The model as a layer, and what it has been asked so far.
 *
 * @since 0.1.0
 */
export const make = (
  script: Script
): {
  readonly layer: Layer.Layer<LanguageModel.LanguageModel>
  readonly prompts: () => ReadonlyArray<Prompt.Prompt>
} => {
  const prompts: Array<Prompt.Prompt> = []
  const next = (prompt: Prompt.Prompt): Effect.Effect<Spoken, AiError.AiError> =>
    Effect.suspend(() => {
      prompts.push(prompt)
      const turn =
        typeof script === "function"
          ? script(prompt, prompts.length)
          : (script[prompts.length - 1] ?? script.at(-1) ?? "")
      return Effect.flatMap(speak(turn, prompts.length), (spoken) => Effect.delay(Effect.succeed(spoken), spoken.after))
    })
  const service = LanguageModel.make({
    generateText: ({ prompt }) =>
      Effect.map(next(prompt), ({ parts, text }) => [
        ...(text === "" ? [] : [{ type: "text" as const, text }]),
        ...parts
      ]),
    streamText: ({ prompt }) =>
      Stream.unwrap(
        Effect.map(next(prompt), ({ parts, text }) => {
          const words = text === "" ? [] : text.split(/(?<= )/)
          const spoken = words.map((delta): StreamedPart => ({ type: "text-delta", id: "text", delta }))
          const start: StreamedPart = { type: "text-start", id: "text" }
          const end: StreamedPart = { type: "text-end", id: "text" }
          return Stream.fromIterable([
            ...(words.length === 0 ? [] : [start, ...spoken, end]),
            ...(parts as ReadonlyArray<StreamedPart>)
          ])
        })
      )
  })
  return { layer: Layer.effect(LanguageModel.LanguageModel, service), prompts: () => [...prompts] }
}
