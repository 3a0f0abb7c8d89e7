/**
 * From a tool of the AI SDK to a tool of a plan. Its `execute` is run as ever, with a signal that a stop aborts; what it answers is checked by
 * its `outputSchema`.
 */
import {
  contract,
  tool,
  type Contract,
  type ExecuteContext,
  type StandardIssue,
  type StandardResult,
  type StandardSchema,
  type StopReason,
  type Tool
} from "@toolscope/core/promise"
import { asSchema, type FlexibleSchema, type ToolExecutionOptions } from "ai"
import type { Arrival, Inside } from "./arrival.ts"
import type { Preset, Settings } from "./types.ts"

/** What is read of a tool of the AI SDK. */
export interface Definition {
  readonly description?: unknown
  readonly outputSchema?: FlexibleSchema
  readonly execute: (input: any, options: ToolExecutionOptions<any>) => unknown
}

/** What a tool gets that says nothing. */
const careful: Contract = { effect: "destructive", openWorld: true, asserted: "default" }

export const contractOf = (said: Preset | Contract | undefined): Contract =>
  said === undefined ? careful : typeof said === "string" ? contract[said] : said

const key = Symbol("@toolscope/ai-sdk/context")

/**
 * What Toolscope gives to a tool beside the options of the AI SDK: the gate (`commit`), the idempotency key, the number of the attempt,
 * questions, fan-outs inside. `undefined` where the tool is not run by Toolscope.
 *
 * @example
 * ```ts
 * import { contextOf } from "@toolscope/ai-sdk"
 * import { tool } from "ai"
 * import * as z from "zod"
 *
 * const pay = tool({
 *   inputSchema: z.object({ cents: z.number() }),
 *   execute: async ({ cents }, options) => `paid ${cents}, key ${contextOf(options)?.idempotencyKey}`
 * })
 * console.log(await pay.execute({ cents: 5 }, { toolCallId: "c", messages: [], context: {} })) // => paid 5, key undefined
 * ```
 *
 * @since 0.1.0
 */
export const contextOf = (options: ToolExecutionOptions<any>): ExecuteContext | undefined =>
  (options as { readonly [key]?: ExecuteContext })[key]

class Answer {
  readonly arrival: Arrival
  readonly value: unknown

  constructor(arrival: Arrival, value: unknown) {
    this.arrival = arrival
    this.value = value
  }
}

export const toTool = (
  name: string,
  definition: Definition,
  options: {
    readonly contract: Contract
    readonly settings: Settings
    readonly arrivalOf: (key: string) => Arrival
    readonly around: <A>(inside: Inside, run: () => A) => A
  }
): Tool => {
  const { cost, retry, timeout } = options.settings
  return tool({
    name,
    ...(typeof definition.description === "string" ? { description: definition.description } : {}),
    parameters: anything,
    result: outputOf(definition.outputSchema),
    contract: options.contract,
    ...(timeout === undefined ? {} : { timeout }),
    ...(retry === undefined ? {} : { retry }),
    ...(cost === undefined ? {} : { cost }),
    execute: (_params, context) => {
      const arrival = options.arrivalOf(context.idempotencyKey)
      return options.around({ arrival, context }, () => attempt(definition, arrival, context))
    }
  }) as Tool
}

/** The AI SDK has checked the input. */
const anything: StandardSchema<any> = {
  "~standard": { version: 1, vendor: "toolscope", validate: (value) => ({ value }) }
}

const attempt = async (definition: Definition, arrival: Arrival, context: ExecuteContext): Promise<Answer> => {
  const { options } = arrival
  const stopped = new AbortController()
  const onStop = () => {
    // as the AI SDK would have aborted it, or else with an error that libraries know
    stopped.abort(options.abortSignal?.aborted === true ? options.abortSignal.reason : asError(context.signal.reason))
  }
  const onAlone = () => {
    stopped.abort(arrival.alone.signal.reason)
  }
  if (context.signal.aborted) onStop()
  else if (arrival.alone.signal.aborted) onAlone()
  context.signal.addEventListener("abort", onStop, { once: true })
  arrival.alone.signal.addEventListener("abort", onAlone, { once: true })
  try {
    const given = { ...options, abortSignal: stopped.signal, [key]: context }
    const answer = definition.execute(arrival.input, given)
    return new Answer(arrival, isIterable(answer) ? await lastOf(answer, arrival, stopped.signal) : await answer)
  } catch (error) {
    // it does as it was told: that is the stop, however the signal has put it
    if (context.signal.aborted && error === stopped.signal.reason) throw context.signal.reason
    throw error
  } finally {
    context.signal.removeEventListener("abort", onStop)
    arrival.alone.signal.removeEventListener("abort", onAlone)
  }
}

const asError = (reason: StopReason): Error =>
  Object.assign(new Error(reason.reason, { cause: reason }), { name: "AbortError" })

const isIterable = (u: unknown): u is AsyncIterable<unknown> =>
  typeof u === "object" &&
  u !== null &&
  typeof (u as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === "function"

/** What a tool gives as it goes; stopped, it is not asked for more, so that what it holds is given back. */
const lastOf = async (values: AsyncIterable<unknown>, arrival: Arrival, signal: AbortSignal): Promise<unknown> => {
  let last: unknown
  for await (const value of values) {
    if (signal.aborted) throw signal.reason
    last = value
    arrival.onPreliminary(value)
  }
  return last
}

/** Is this an `async function*`? Then what it gives as it goes is passed on. */
export const isStreaming = (execute: Definition["execute"]): boolean => {
  const prototype: unknown = execute.prototype
  return typeof prototype === "object" && prototype !== null && Symbol.asyncIterator in prototype
}

/** Opens the answer, and checks what is in it. */
const outputOf = (output: FlexibleSchema | undefined): StandardSchema => ({
  "~standard": {
    version: 1,
    vendor: "toolscope",
    validate: async (u): Promise<StandardResult<unknown>> => {
      const { arrival, value } = u as Answer
      const checked = output === undefined ? { value } : await checkedBy(output, value)
      if (checked.issues === undefined) arrival.value = checked.value
      return checked
    }
  }
})

const checkedBy = async (output: FlexibleSchema, value: unknown): Promise<StandardResult<unknown>> => {
  const { validate } = asSchema(output)
  if (validate === undefined) return { value }
  const result = await validate(value)
  return result.success ? { value: result.value } : { issues: issuesOf(result.error) }
}

/** Zod's errors carry their issues; of other libraries the AI SDK puts them into the cause. */
const issuesOf = (error: Error): ReadonlyArray<StandardIssue> => {
  for (const issues of [(error as { readonly issues?: unknown }).issues, error.cause]) {
    if (Array.isArray(issues) && issues.length > 0 && issues.every(isIssue)) return issues
  }
  return [{ message: error.message }]
}

const isIssue = (u: unknown): u is StandardIssue =>
  typeof u === "object" && u !== null && typeof (u as Partial<StandardIssue>).message === "string"
