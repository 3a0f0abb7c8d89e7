/**
 * Tools of the promise entry: a function that gives a value or a promise, the schemas of what goes in and out, and a contract.
 */
import * as Result from "effect/Result"
import * as Core from "../../Tool.ts"
import { answerSchema, check } from "./answer.ts"
import { approvalOf, checkApproval } from "./answering.ts"
import { checkOptions, isObject, wrong } from "./arguments.ts"
import { askingOf, refusalOf } from "./asking.ts"
import type { Amounts } from "./budget.ts"
import type { Contract } from "./contract.ts"
import { toCore } from "./contractOf.ts"
import type { FanoutInside } from "./fanoutTypes.ts"
import { fanoutInside } from "./inside.ts"
import { readSchema } from "./jsonSchema.ts"
import type { Approval, Ask, AskForResult } from "./question.ts"
import type { AnySchema, Duration, InputOf, OutputOf, StandardSchema } from "./schema.ts"

declare const types: unique symbol

/**
 * A tool: what {@link call} calls, and what `run` and the command take in their lists of tools.
 *
 * @since 0.1.0
 */
export interface Tool<out Name extends string = string, in I = never, out A = unknown> {
  readonly [types]: { readonly input: (_: I) => void; readonly value: A }
  readonly name: Name
  readonly description: string
}

/**
 * How far an attempt has come, in units of its own.
 *
 * @since 0.1.0
 */
export interface Progress {
  readonly done: number
  /** How much there is to do, where that is known. */
  readonly total?: number
  /** What it is doing, in words. */
  readonly message?: string
}

/**
 * What `execute` gets beside its parameters.
 *
 * @since 0.1.0
 */
export interface ExecuteContext {
  /**
   * Aborted when the attempt is to stop; the promise is then awaited, to the bound. Its `reason` says why: a `StopReason`. Pass it on:
   * to `fetch`, to timers, to child processes.
   */
  readonly signal: AbortSignal
  /** Path of the call in the plan. */
  readonly call: string
  /** Counted from 1. */
  readonly attempt: number
  /** The same for all attempts of a call; new for every run, unless the plan sets it. */
  readonly idempotencyKey: string
  readonly runId: string
  /**
   * The gate, for a contract with `commit: "marked"`: runs `effect` with its idempotency key, unless a stop has been requested; then it
   * rejects with the reason of the stop, and the effect does not start. What passed is reported as committed, compensated, compensation
   * failed or unknown.
   */
  readonly commit: <A>(effect: (key: string) => A | PromiseLike<A>, options?: CommitOptions<A>) => Promise<A>
  /**
   * Says what the attempt has cost so far, to be added to what it said before. At its end that is charged; without it, the ceiling that
   * its tool declares (`cost`). Throws where an amount is no finite number, 0 or more.
   */
  readonly spend: (amounts: Amounts) => void
  /**
   * Says how far it has come, in units of its own, to whoever watches the run (`onEvent`, `--progress`); it is not kept. Throws where
   * `done` or `total` is no finite number.
   */
  readonly progress: (progress: Progress) => void
  /**
   * Runs a plan inside of this handler, as a part of it: it stops when this attempt does, for the same reason, and within its bound; it
   * extends the path of this call, spends of the budgets around it, borrows the permits of this attempt, and what it did is what this
   * call did. It knows the tools of the run or the session around it; `tools` adds more.
   *
   * Gives the report, as `run` does. Once this attempt has been told to stop, and the plan had not been decided before, it rejects with
   * the reason of the stop, when everything in it has ended.
   */
  readonly fanout: FanoutInside
  /**
   * Asks a person, and waits for the answer, as its `schema` makes it. While it waits, this attempt holds no permit, and no timeout of it
   * runs. Its questions are counted in the order in which they are asked; in a further attempt, and after a resume, those that have been
   * answered are not asked again.
   *
   * Rejects with a `DeniedError` where somebody says no, or nobody answers before it expires: let through, it makes the call `Denied`. Once
   * a stop has been requested, or the run is suspended, it rejects with the reason of the stop, as `commit` does: let it through. A tool that
   * commits at start may not ask (`ContractViolation`): it may have acted by then, and would act again after a resume.
   */
  readonly ask: Ask
  /** As `ask`, for handlers that know what to do without an answer: a refusal is a value. */
  readonly askResult: AskForResult
}

/**
 * @since 0.1.0
 */
export interface CommitOptions<in A> {
  /** Undoes this effect, by its key; must accept that nothing had happened; may return a promise. Default: that of the contract. */
  readonly compensate?: (done: { readonly key: string; readonly params: any; readonly value?: A }) => unknown
  /** Reads whether it happened, if its end leaves that in doubt. Default: that of the contract. */
  readonly probe?: (done: {
    readonly key: string
    readonly params: any
    readonly value?: A
  }) => boolean | PromiseLike<boolean>
  /** No answer after this long leaves it in doubt; it is waited for all the same, to the bound. Default: none. */
  readonly timeout?: Duration
}

/**
 * @since 0.1.0
 */
export interface ToolOptions<Name extends string, P extends AnySchema> {
  /** How plans call it. */
  readonly name: Name
  /** What the tool does, in a sentence that a planner can choose by. */
  readonly description?: string
  /** Default: no parameters. It must validate at once, as a JSON Schema does: a plan is checked before anything starts. */
  readonly parameters?: P
  /** What the tool does to the world, what its failure means, and how it stops. */
  readonly contract: Contract
  /** Per attempt, from its start. Default: that of the run, 30 seconds. */
  readonly timeout?: Duration
  /** How many further attempts (after 100 ms, 200 ms, 400 ms, at most 10 s), where the contract allows them. Default: none. */
  readonly retry?: number
  /**
   * The most that one attempt may cost, in named units: what it reserves of a budget before it starts. What it did cost it says itself
   * (`spend`); otherwise this is charged. Default: nothing.
   */
  readonly cost?: Amounts | ((params: OutputOf<P>) => Amounts)
  /** Does a person have to agree before a call starts? Asked once per call, not per attempt. Default `"never"`. */
  readonly approval?: Approval<OutputOf<P>>
}

const known = [
  "name",
  "description",
  "parameters",
  "result",
  "contract",
  "timeout",
  "retry",
  "cost",
  "approval",
  "execute"
]

/**
 * A tool from a function. Its schemas are Standard Schemas, or JSON Schemas: those are checked by Effect, and what it cannot check of them is
 * refused here.
 *
 * With `result`, what the function answers is checked, and the value is what the schema makes of it; the check may take time. Without,
 * the value is the answer, unchecked.
 *
 * A stop aborts `signal` and waits for the promise; only the bound (`drain`) ends that wait. A promise that ignores its signal is then
 * left behind, and the report says so.
 *
 * Throws a `TypeError` when an option is missing, misspelt or of the wrong kind.
 *
 * @example
 * ```ts
 * import { call, contract, run, tool } from "@toolscope/core/promise"
 * import * as z from "zod"
 *
 * const greet = tool({
 *   name: "greet",
 *   description: "Greets a person",
 *   parameters: z.object({ name: z.string() }),
 *   result: z.string(),
 *   contract: contract.readOnly,
 *   execute: async ({ name }, { attempt }) => `Hello, ${name} (${attempt})`
 * })
 * console.log((await run(call(greet, { name: "Ada" }), { tools: [greet] })).value) // => Hello, Ada (1)
 * ```
 *
 * @since 0.1.0
 */
export const tool: {
  <const Name extends string, S extends AnySchema, P extends AnySchema = StandardSchema<{}>>(
    options: ToolOptions<Name, P> & {
      /** Checks what the tool answers. */
      readonly result: S
      readonly execute: (params: OutputOf<P>, context: ExecuteContext) => unknown
    }
  ): Tool<Name, InputOf<P>, OutputOf<S>>
  <const Name extends string, A, P extends AnySchema = StandardSchema<{}>>(
    options: ToolOptions<Name, P> & {
      readonly result?: undefined
      readonly execute: (params: OutputOf<P>, context: ExecuteContext) => A | PromiseLike<A>
    }
  ): Tool<Name, InputOf<P>, A>
} = (options: ToolOptions<string, any> & { readonly result?: unknown; readonly execute: unknown }): any => {
  checkOptions("tool()", options, known)
  const { approval, cost, description, execute, name, retry, timeout } = options
  if (typeof name !== "string" || name === "") throw wrong("tool()", "name is text, not empty", { value: name })
  const where = `tool(${JSON.stringify(name)})`
  if (typeof execute !== "function") throw wrong(where, "execute is a function", { value: execute })
  if (description !== undefined && typeof description !== "string") {
    throw wrong(where, "description is text", { value: description })
  }
  if (cost !== undefined && typeof cost !== "function" && !isObject(cost)) {
    throw wrong(where, "cost is an object of amounts, or a function of the parameters", { value: cost })
  }
  checkApproval(where, approval)
  const parameters = readSchema(where, "parameters", options.parameters)
  const result = readSchema(where, "result", options.result)
  if ((options as { readonly contract?: unknown }).contract === undefined) {
    throw wrong(where, "a contract is required: say what the tool does to the world, for example contract.readOnly")
  }
  const contract = toCore(options.contract)
  if (Result.isFailure(contract)) throw wrong(where, `the contract cannot be read: ${contract.failure}`)
  return Core.fromPromise(name, {
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(retry === undefined ? {} : { retry }),
    ...(cost === undefined ? {} : { cost }),
    ...(approval === undefined ? {} : { approval: approvalOf(approval) }),
    contract: contract.success,
    success: answerSchema,
    // not async: what it throws at once is told apart from a rejection
    execute: (params, context) => {
      const { attempt, call, commit, idempotencyKey, progress, runId, signal, spend } = context
      const given: ExecuteContext = {
        attempt,
        call,
        commit: commit,
        fanout: fanoutInside(context),
        ...askingOf(context),
        idempotencyKey,
        progress,
        runId,
        signal,
        spend
      }
      return check(execute(params, given), result).catch((rejection: unknown) => {
        throw refusalOf(rejection)
      })
    }
  })
}
