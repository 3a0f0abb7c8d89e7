/**
 * Questions of a handler that is a function: `ask` and `askResult` of its context.
 */
import * as Result from "effect/Result"
import { isCallError } from "../../CallError.ts"
import type { AnySchema, PromiseContext } from "../../Tool.ts"
import { toMillis } from "../duration.ts"
import { checkOptions, wrong } from "./arguments.ts"
import { handled } from "./handled.ts"
import { readSchema } from "./jsonSchema.ts"
import type { Ask, AskForResult } from "./question.ts"
import { DeniedError } from "./questionError.ts"

/** The core's error behind each that a handler was shown. */
const refusals = new WeakMap<object, unknown>()

/** What the core is to be rejected with where a handler rejects with this. */
export const refusalOf = (rejection: unknown): unknown =>
  (typeof rejection === "object" && rejection !== null ? refusals.get(rejection) : undefined) ?? rejection

export const askingOf = (context: PromiseContext): { readonly ask: Ask; readonly askResult: AskForResult } => ({
  ask: (options): Promise<any> =>
    checked("ask()", options, (options) =>
      context.ask(options as never).catch((error: unknown) => {
        throw shown(error)
      })
    ),
  askResult: (options): Promise<any> =>
    checked("askResult()", options, async (options) => {
      const answer: Result.Result<unknown, object> = await context.askResult<AnySchema>(options as never)
      return Result.isSuccess(answer) ? { _tag: "Answered", value: answer.success } : { ...answer.failure }
    })
})

/** A mistake in the program is no rejection that may be forgotten. */
const checked = <A>(where: string, options: unknown, asked: (options: object) => Promise<A>): Promise<A> => {
  let read: object
  try {
    read = check(where, options)
  } catch (error) {
    return Promise.reject(error)
  }
  return handled(asked(read))
}

const shown = (error: unknown): unknown => {
  if (!isCallError(error) || error.reason._tag !== "Denied") return error
  const denied = new DeniedError(error.reason, error.message)
  refusals.set(denied, error)
  return denied
}

const check = (where: string, options: unknown): object => {
  checkOptions(where, options, ["prompt", "schema", "expires"])
  const { expires, prompt, schema } = options as Record<string, unknown>
  if (typeof prompt !== "string" || prompt === "") throw wrong(where, "prompt is text, not empty", { value: prompt })
  if (schema === undefined) throw wrong(where, "a schema is required: say what an answer is")
  if (expires !== undefined && toMillis(expires) === undefined) {
    throw wrong(where, 'expires is a duration: milliseconds, or text such as "2 hours"', { value: expires })
  }
  return { ...(options as object), schema: readSchema(where, "schema", schema) }
}
