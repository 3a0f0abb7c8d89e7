/**
 * Everything that is known here of `effect/ai`, which is not stable: the one file that imports it. Its toolkits, its language model, its
 * prompts.
 */
import { Attempt, CallError, Contract, Tool } from "@toolscope/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { StandardSchemaV1 } from "effect/StandardSchema"
import * as Stream from "effect/Stream"
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import * as AiTool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"

export { AiError, LanguageModel, Prompt, AiTool, Toolkit }

export type AiTools = Record<string, AiTool.Any>
export type AnyToolkit<Tools extends AiTools> = Toolkit.Toolkit<Tools> | Toolkit.WithHandler<Tools>

/** Our own annotation: a tool's contract. */
export const ContractOf: Context.Reference<Contract.Contract | undefined> = Context.Reference<
  Contract.Contract | undefined
>("@toolscope/agent/Contract", { defaultValue: () => undefined })

/** What an approval rule may ask for beside the parameters. */
export interface Rules {
  messages: ReadonlyArray<Prompt.Message> | undefined
}

/** The id that the model gave to the call that stands at a path. */
export const CallIds: Context.Reference<ReadonlyMap<string, string>> = Context.Reference<ReadonlyMap<string, string>>(
  "@toolscope/agent/CallIds",
  { defaultValue: () => new Map() }
)

const said = (tool: AiTool.Any, key: { readonly key: string }): boolean => tool.annotations.mapUnsafe.has(key.key)

/** The contract that a tool was annotated with; else what its hints say; else the most careful. */
export const contractOf = (tool: AiTool.Any): Contract.Contract => {
  const own = Context.get(tool.annotations, ContractOf)
  if (own !== undefined) return own
  const hints = [AiTool.Readonly, AiTool.Destructive, AiTool.Idempotent, AiTool.OpenWorld]
  if (!hints.some((hint) => said(tool, hint))) return Contract.unknown
  const openWorld = Context.get(tool.annotations, AiTool.OpenWorld)
  const asserted = "hint"
  if (Context.get(tool.annotations, AiTool.Readonly)) return Contract.make({ effect: "none", openWorld, asserted })
  return Contract.make({
    effect: Context.get(tool.annotations, AiTool.Destructive) ? "destructive" : "additive",
    repeat: Context.get(tool.annotations, AiTool.Idempotent) ? "natural" : "never",
    openWorld,
    asserted
  })
}

const annotated = (tool: AiTool.Any, contract: Contract.Contract): AiTool.Any =>
  tool
    .annotate(ContractOf, contract)
    .annotate(AiTool.Readonly, contract.effect === "none")
    .annotate(AiTool.Destructive, contract.effect === "destructive" || contract.effect === "mutating")
    .annotate(AiTool.Idempotent, contract.effect === "none" || contract.repeat === "natural")
    .annotate(AiTool.OpenWorld, contract.openWorld ?? true) as AiTool.Any

/** A JSON Schema that nobody checks here, as `effect/ai` does not. */
const unchecked = (schema: object): StandardSchemaV1<unknown, unknown> =>
  ({
    "~standard": {
      version: 1,
      vendor: "effect/ai",
      validate: (value: unknown) => ({ value }),
      jsonSchema: { input: () => schema, output: () => schema }
    }
  }) as never

/** Asks where the rule says so, and where it cannot be known here what it says: it has to wait, or asks for what is not there. */
const approvalOf = ({ needsApproval }: AiTool.Any, rules: Rules): Tool.Approval<never> | undefined => {
  if (needsApproval === undefined || needsApproval === false) return undefined
  if (needsApproval === true) return "always"
  const unknowable = (what: string): never => {
    throw new Error(`${what} is not known before the call stands in a plan`)
  }
  const context = {
    get toolCallId() {
      return unknowable("the id of the call")
    },
    get messages() {
      return rules.messages ?? unknowable("the conversation")
    }
  }
  return (params) => {
    const answer = needsApproval(params, context)
    if (typeof answer === "boolean") return answer
    const exit = Effect.runSyncExit(answer)
    return exit._tag === "Success" ? exit.value : true
  }
}

/** What the model is to be shown in place of a result, by tool. */
const modelOutputs = new WeakMap<Tool.Any, NonNullable<AiTool.Any["toModelOutput"]>>()

export const modelOutput = (tool: Tool.Any, value: unknown): ReadonlyArray<Prompt.ToolModelOutputPart> | undefined =>
  modelOutputs.get(tool)?.(value)

const hasHandler = (tool: AiTool.Any): boolean =>
  !AiTool.isProviderDefined(tool) || (tool as AiTool.AnyProviderDefined).requiresHandler

/** A tool of a toolkit as one of ours. Its handler runs as `handle` runs it, in the attempt. */
const fromAiTool = (kit: Toolkit.WithHandler<AiTools>, tool: AiTool.Any, rules: Rules): Tool.Any => {
  const raw = AiTool.isDynamic(tool) ? (tool as AiTool.AnyDynamic).jsonSchema : undefined
  const isUnchecked = raw !== undefined
  const approval = approvalOf(tool, rules)
  const encode = Schema.encodeUnknownEffect(tool.parametersSchema as Schema.Codec<unknown>)
  const takesAsValue = Schema.is(tool.successSchema as Schema.Codec<unknown>)
  const made = Tool.make(tool.name as string, {
    description: AiTool.getDescription(tool) ?? "",
    parameters: (isUnchecked ? unchecked(raw) : tool.parametersSchema) as Schema.Codec<unknown>,
    success: tool.successSchema as Schema.Codec<unknown>,
    failure: Schema.Union([tool.failureSchema as Schema.Codec<unknown>, AiError.AiError]),
    contract: contractOf(tool),
    ...(approval === undefined ? {} : { approval: approval as Tool.Approval<unknown> }),
    handler: (params: unknown) =>
      Effect.gen(function* () {
        const { call } = yield* Attempt.current
        const id = (yield* CallIds).get(call) ?? call
        const encoded = isUnchecked ? params : yield* Effect.orDie(encode(params))
        const results = yield* kit.handle(tool.name, encoded, id)
        const last = yield* Stream.runLast(Stream.filter(results, ({ preliminary }) => !preliminary))
        if (Option.isNone(last)) return yield* Effect.die(new Error("the toolkit gave no result"))
        const { isFailure, result } = last.value
        return isFailure ? yield* Effect.fail(result) : result
      }).pipe(
        Effect.catch((error: unknown) => {
          // what the handler gave is no result of this tool: looked at again outside, where it is said what is wrong with it
          const reason = AiError.isAiError(error) ? error.reason : undefined
          return reason?._tag === "ToolResultEncodingError" && !takesAsValue(reason.toolResult)
            ? Effect.succeed(reason.toolResult)
            : Effect.fail(error)
        })
      ) as Effect.Effect<unknown, unknown>
  })
  if (tool.toModelOutput !== undefined) modelOutputs.set(made, tool.toModelOutput)
  return made
}

/** The tools of a toolkit that have handlers, by name, and those that only the provider runs. */
export const fromToolkit = (
  toolkit: AnyToolkit<any>,
  rules: Rules = { messages: undefined }
): Effect.Effect<
  { readonly tools: ReadonlyArray<Tool.Any>; readonly provided: ReadonlyArray<AiTool.Any> },
  never,
  any
> =>
  Effect.map(
    Effect.isEffect(toolkit) ? (toolkit as Effect.Effect<Toolkit.WithHandler<AiTools>>) : Effect.succeed(toolkit),
    (kit) => {
      const all = Object.values(kit.tools as AiTools)
      return {
        tools: all.filter(hasHandler).map((tool) => fromAiTool(kit as Toolkit.WithHandler<AiTools>, tool, rules)),
        provided: all.filter((tool) => !hasHandler(tool))
      }
    }
  )

export const isToolkit = (u: unknown): u is AnyToolkit<any> =>
  (typeof u === "object" || typeof u === "function") && u !== null && "tools" in u && !Array.isArray(u)

/** One of our tools as one of `effect/ai`, without its handler. */
export const toAiTool = (tool: Tool.Any): AiTool.Any => {
  const { approval, contract } = tool
  const needsApproval =
    typeof approval === "function"
      ? (params: never) => {
          try {
            return approval(params, contract)
          } catch {
            return true
          }
        }
      : approval === "always" || (approval === "byContract" && !Contract.canUndo(contract))
  const options = {
    description: tool.description,
    success: Schema.isSchema(tool.success) ? tool.success : Schema.Unknown,
    failure: tool.failure,
    failureMode: "return",
    needsApproval: needsApproval as AiTool.NeedsApproval<any>
  } as const
  const made = Schema.isSchema(tool.parameters)
    ? AiTool.make(tool.name, { ...options, parameters: tool.parameters as Schema.Codec<unknown> })
    : AiTool.dynamic(tool.name, { ...options, parameters: { ...Tool.parametersJsonSchema(tool) } })
  return annotated(made as unknown as AiTool.Any, contract)
}

/** A tool as the model sees it. */
export interface Offered {
  readonly name: string
  readonly description: string
  readonly schema: object
  readonly isStrict: boolean
}

/** For the model alone: nothing is ever run through it. */
export const offer = (
  offered: ReadonlyArray<Offered>,
  provided: ReadonlyArray<AiTool.Any>
): Toolkit.WithHandler<AiTools> => {
  const tools = [
    ...offered.map(({ description, isStrict, name, schema }) =>
      AiTool.dynamic(name, { description, parameters: { ...schema } }).annotate(AiTool.Strict, isStrict)
    ),
    ...provided
  ]
  return { tools: Object.fromEntries(tools.map((tool) => [tool.name, tool])), handle: () => Effect.die("not run here") }
}

/** A call as the model wrote it. */
export interface Asked {
  readonly id: string
  readonly name: string
  readonly params: unknown
}

export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
}

/** What a model answered with. */
export interface Answer {
  readonly text: string
  /** Those that the provider has run itself are not among them. */
  readonly calls: ReadonlyArray<Asked>
  readonly finish: Response.FinishReason
  /** None where the provider did not say. */
  readonly usage: Usage
  readonly isMeasured: boolean
  readonly parts: ReadonlyArray<Response.AnyPart>
}

/** Nothing is resolved, and nothing is refused for one bad call: who runs the calls says what was wrong with each. */
const unresolved = { disableToolCallResolution: true, toolCallValidation: "deferred" } as const

export const generate = (
  prompt: Prompt.Prompt,
  toolkit: Toolkit.WithHandler<AiTools>
): Effect.Effect<Answer, AiError.AiError, LanguageModel.LanguageModel> =>
  Effect.map(
    LanguageModel.generateText({ prompt, toolkit, ...unresolved }) as Effect.Effect<
      { readonly content: ReadonlyArray<Response.AnyPart> },
      AiError.AiError,
      LanguageModel.LanguageModel
    >,
    ({ content }) => answerOf(content)
  )

export const stream = (
  prompt: Prompt.Prompt,
  toolkit: Toolkit.WithHandler<AiTools>,
  onText: (delta: string) => Effect.Effect<void>
): Effect.Effect<Answer, AiError.AiError, LanguageModel.LanguageModel> => {
  const parts = LanguageModel.streamText({ prompt, toolkit, ...unresolved }) as unknown as Stream.Stream<
    Response.AnyPart,
    AiError.AiError,
    LanguageModel.LanguageModel
  >
  const told = Stream.tap(parts, (part) => (part.type === "text-delta" ? onText(part.delta) : Effect.void))
  return Effect.flatMap(Stream.runCollect(told), (all) => {
    const failed = all.find((part) => part.type === "error")
    return failed === undefined ? Effect.succeed(answerOf(all)) : Effect.fail(brokenOff(String(failed.error)))
  })
}

const brokenOff = (description: string): AiError.AiError =>
  AiError.make({
    module: "LanguageModel",
    method: "streamText",
    reason: new AiError.InternalProviderError({ description })
  })

const answerOf = (parts: ReadonlyArray<Response.AnyPart>): Answer => {
  const finish = parts.find((part) => part.type === "finish")
  const text = parts.map((part) => (part.type === "text" ? part.text : part.type === "text-delta" ? part.delta : ""))
  const calls = parts.flatMap((part) =>
    part.type === "tool-call" && !part.providerExecuted
      ? [{ id: part.id, name: part.name as string, params: part.params as unknown }]
      : []
  )
  return {
    text: text.join(""),
    calls,
    // one that does not say how it ended was cut off
    finish: finish?.reason ?? "unknown",
    usage: {
      inputTokens: finish?.usage.inputTokens.total ?? 0,
      outputTokens: finish?.usage.outputTokens.total ?? 0
    },
    isMeasured: finish?.usage.inputTokens.total !== undefined || finish?.usage.outputTokens.total !== undefined,
    parts
  }
}

/** Was it answered in full, so that its calls are what the model meant? */
export const isWhole = ({ finish }: Answer): boolean =>
  finish === "stop" || finish === "tool-calls" || finish === "pause"

/** Which error says that the same again may succeed. */
export const isRetryable = (error: unknown): boolean => AiError.isAiError(error) && error.isRetryable

/** What becomes of a call, for the model. */
export interface Result {
  readonly id: string
  readonly name: string
  readonly isFailure: boolean
  readonly result: unknown
  readonly modelOutput?: ReadonlyArray<Prompt.ToolModelOutputPart>
}

/** The conversation with what the model answered: of calls that have one id, the first. */
export const withAnswer = (history: Prompt.Prompt, { parts }: Answer): Prompt.Prompt => {
  const seen = new Set<string>()
  const kept = parts.filter((part) => {
    if (part.type !== "tool-call" || part.providerExecuted) return true
    const isNew = !seen.has(part.id)
    seen.add(part.id)
    return isNew
  })
  return Prompt.concat(history, Prompt.fromResponseParts(kept))
}

export const withResults = (history: Prompt.Prompt, results: ReadonlyArray<Result>): Prompt.Prompt =>
  results.length === 0
    ? history
    : Prompt.concat(
        history,
        Prompt.fromMessages([
          Prompt.toolMessage({
            content: results.map((result) => Prompt.toolResultPart({ ...result, providerExecuted: false }))
          })
        ])
      )

const PromptJson = Schema.toCodecJson(Prompt.Prompt)

export const encodePrompt = (prompt: Prompt.Prompt): Effect.Effect<Schema.Json> =>
  Effect.map(Effect.orDie(Schema.encodeEffect(PromptJson)(prompt)), (json) => json)

export const decodePrompt = (json: unknown): Option.Option<Prompt.Prompt> =>
  Schema.decodeUnknownOption(PromptJson)(json)

/** What became of a call, where its own errors do not say it. */
export const unusable = (description: string): AiError.AiErrorReason => new AiError.UnknownError({ description })

export const isOurs = (error: unknown): boolean => CallError.isCallError(error)

/** A part of an answer, as a provider gives it: whole, or as it streams. */
export type AnswerPart = Response.PartEncoded
export type StreamedPart = Response.StreamPartEncoded

export const finishPart = (
  reason: Response.FinishReason,
  { input, output }: { readonly input: number; readonly output: number }
): Response.FinishPartEncoded => ({
  type: "finish",
  reason,
  usage: {
    inputTokens: { uncached: input, total: input, cacheRead: 0, cacheWrite: 0 },
    outputTokens: { total: output, text: output, reasoning: 0 }
  }
})
