/**
 * Shared by the suites: what the model was given to read, and a toolkit of tools that behave badly.
 */
import { ScriptedModel } from "@toolscope/agent"
import type * as End from "@toolscope/agent/End"
import type { Prompt } from "effect/ai"

export type Part = {
  readonly type: string
  readonly id: string
  readonly isFailure: boolean
  readonly result: any
  readonly modelOutput?: unknown
}

/** All results that stand in the conversation, in their order. */
export const resultsIn = (history: Prompt.Prompt): ReadonlyArray<Part> =>
  history.content.flatMap((message) =>
    message.role === "tool"
      ? (message.content.filter(({ type }) => type === "tool-result") as never as Array<Part>)
      : []
  )

/** The results of a turn, counted from 1, by the ids of their calls. */
export const resultsOf = ({ history }: End.Common, turn = 1): Record<string, Part> => {
  const messages = history.content.filter(({ role }) => role === "tool")
  const message = messages[turn - 1]
  return Object.fromEntries(((message?.content ?? []) as never as Array<Part>).map((part) => [part.id, part]))
}

/** The ids of calls that want a result. */
export const callsIn = (history: Prompt.Prompt): ReadonlyArray<string> =>
  history.content.flatMap((message) =>
    message.role === "assistant"
      ? message.content.flatMap((part) => (part.type === "tool-call" && !part.providerExecuted ? [part.id] : []))
      : []
  )

export const calls = (
  ...all: ReadonlyArray<readonly [id: string, call: string, params?: unknown]>
): ScriptedModel.Turn => all.map(([id, call, params = {}]) => ({ id, call, params }))
