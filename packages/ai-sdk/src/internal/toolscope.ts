/**
 * Takes the tools of the AI SDK, and gives them back: each with an `execute` that joins the calls of its turn.
 */
/// <reference lib="esnext.disposable" preserve="true" />
import { openSession, type Contract, type Tool } from "@toolscope/core/promise"
import type { ToolExecutionOptions, ToolSet } from "ai"
import { asksByContract } from "./approvals.ts"
import { Arrival, type Requested } from "./arrival.ts"
import { contractOf, isStreaming, toTool, type Definition } from "./bridge.ts"
import { check } from "./check.ts"
import { Gather } from "./gather.ts"
import { makeAround } from "./scope.ts"
import { streamed } from "./stream.ts"
import { Turns } from "./turns.ts"
import type { Options, Settings, Toolscope } from "./types.ts"

const ofSession = ["id", "budget", "limits", "loop", "retryRatio", "keep", "onEvent", "onQuestion"] as const

/**
 * Puts the tools of one conversation under plans: what a model calls in one turn is one fan-out, of one session. Close it (`await using`, or
 * `close()` in a `finally`): what runs is then stopped and drained.
 *
 * Rejects with a `TypeError` when an option is missing, misspelt or wrong.
 *
 * @example
 * ```ts
 * import { toolscope } from "@toolscope/ai-sdk"
 * import { generateText, tool } from "ai"
 * import { MockLanguageModelV4 } from "ai/test"
 * import * as z from "zod"
 *
 * const tools = { greet: tool({ inputSchema: z.object({ name: z.string() }), execute: async ({ name }) => `Hello, ${name}` }) }
 * const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } } as never
 * const model = new MockLanguageModelV4({
 *   doGenerate: async () => ({
 *     content: [{ type: "tool-call", toolCallId: "c", toolName: "greet", input: `{"name":"Ada"}` }],
 *     finishReason: { unified: "tool-calls", raw: undefined },
 *     usage,
 *     warnings: []
 *   })
 * })
 *
 * await using ts = await toolscope(tools, { contracts: { greet: "readOnly" } })
 * const { toolResults } = await generateText({ model, prompt: "Greet Ada", tools: ts.tools })
 * console.log(toolResults[0]?.output) // => Hello, Ada
 * ```
 *
 * @since 0.1.0
 */
export const toolscope = async <TOOLS extends ToolSet>(
  tools: TOOLS,
  options: Options<TOOLS> = {}
): Promise<Toolscope<TOOLS>> => {
  check(tools, options)
  const around = makeAround()
  const byKey = new Map<string, Arrival>()
  const contracts = new Map<string, Contract>()
  const bridged = new Map<string, Tool>()
  for (const [name, definition] of Object.entries(tools)) {
    const contract = contractOf(options.contracts?.[name])
    contracts.set(name, contract)
    if (!isExecutable(definition)) continue
    const settings = options.settings?.[name] ?? {}
    bridged.set(
      name,
      toTool(name, definition, { contract, settings, arrivalOf: (key) => byKey.get(key)!, around: around.run })
    )
  }
  const given = Object.fromEntries(
    ofSession.flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]]))
  )
  const session = await openSession({ tools: [...bridged.values()], ...given })
  const turns = new Turns(session, bridged, byKey, options)
  const gather = new Gather(options.gather ?? 100, (gathered) => {
    turns.run(gathered)
  })

  const arrive = (requested: Requested): Arrival => {
    const arrival = new Arrival(requested, around.current())
    gather.arrive(arrival)
    return arrival
  }
  const wrapped = Object.fromEntries(
    Object.entries(tools).map(([name, definition]) => [
      name,
      isExecutable(definition) ? wrap(name, definition, options.settings?.[name] ?? {}, gather, arrive) : definition
    ])
  )

  const drained = async (): Promise<void> => {
    await gather.empty()
    await turns.ended()
    await session.drained()
  }
  const aborted = new AbortController()
  const onAbort = () => {
    const reason: unknown = options.signal?.reason
    if (!gather.isEmpty() || turns.isRunning()) {
      // after the results: the AI SDK drops what a stream holds when it is aborted
      void drained().then(() => setTimeout(() => aborted.abort(reason), 0))
    } else aborted.abort(reason)
  }
  if (options.signal?.aborted === true) onAbort()
  else options.signal?.addEventListener("abort", onAbort, { once: true })

  const close = async (): Promise<void> => {
    options.signal?.removeEventListener("abort", onAbort)
    await session.close()
    await drained()
  }
  return {
    tools: wrapped as TOOLS,
    toolApproval: async ({ messages, toolCall, toolsContext }: any) => {
      const { input, toolCallId, toolName } = toolCall as { input: unknown; toolCallId: string; toolName: string }
      const contract = contracts.get(toolName)
      const context: unknown = toolsContext?.[toolName]
      const asks =
        (contract !== undefined && asksByContract(contract)) ||
        (await needs(tools[toolName], input, { toolCallId, messages, context }))
      if (!asks) return undefined
      gather.withdraw(messages as object, toolCallId)
      return "user-approval"
    },
    signal: aborted.signal,
    stopped: () => options.signal?.aborted === true,
    drained,
    leftBehind: session.quarantine.list,
    usage: session.usage,
    close,
    [Symbol.asyncDispose]: close
  }
}

/** A tool of the AI SDK that is run here, not by a provider or a client. */
interface Executable extends Definition {
  readonly onInputAvailable?: (options: any) => unknown
  readonly needsApproval?: unknown
}

const isExecutable = (definition: unknown): definition is Executable =>
  typeof (definition as Partial<Executable> | null | undefined)?.execute === "function"

const wrap = (
  name: string,
  definition: Executable,
  settings: Settings,
  gather: Gather,
  arrive: (requested: Requested) => Arrival
): object => ({
  ...definition,
  onInputAvailable: (given: { readonly messages: object; readonly toolCallId: string }) => {
    gather.announce(given.messages, given.toolCallId)
    return definition.onInputAvailable?.(given)
  },
  ...(definition.needsApproval === undefined
    ? {}
    : {
        needsApproval: async (input: unknown, given: { readonly messages: object; readonly toolCallId: string }) => {
          const asks = await needs(definition, input, given)
          if (asks) gather.withdraw(given.messages, given.toolCallId)
          return asks
        }
      }),
  execute:
    (settings.streams ?? isStreaming(definition.execute))
      ? (input: unknown, given: ToolExecutionOptions<any>) =>
          streamed((onPreliminary) => arrive({ tool: name, input, options: given, onPreliminary }))
      : async (input: unknown, given: ToolExecutionOptions<any>) => {
          const result = await arrive({ tool: name, input, options: given }).result
          if (result._tag === "Error") throw result.error
          return result.value
        }
})

/** Does the tool itself ask for a person? */
const needs = async (definition: unknown, input: unknown, given: object): Promise<boolean> => {
  const { needsApproval } = (definition ?? {}) as { readonly needsApproval?: unknown }
  return typeof needsApproval === "function" ? Boolean(await needsApproval(input, given)) : needsApproval === true
}
