/**
 * Questions as promise tools ask them. A stop rejects with its reason, as at the gate; a refusal rejects with an error that, let through,
 * makes the call `Denied`.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import { CallError, ContractViolation, type Denied } from "../CallError.ts"
import type { Options } from "../Question.ts"
import type { AnySchema, Value } from "../Tool.ts"
import type { RunningAttempt } from "./attempt.ts"

export interface PromiseAsk {
  readonly ask: <S extends AnySchema>(options: Options<S>) => Promise<Value<S>>
  readonly askResult: <S extends AnySchema>(options: Options<S>) => Promise<Result.Result<Value<S>, Denied>>
}

const refusals = new WeakSet<object>()

/** Is this what an `ask` was rejected with, because somebody said no? */
export const isRefusal = (u: unknown): boolean => typeof u === "object" && u !== null && refusals.has(u)

/** Of one attempt. `over` is to be called when its handler has ended: what it still asks, nobody waits for. */
export const promiseAsk = (
  attempt: RunningAttempt,
  context: Context.Context<never>
): PromiseAsk & { readonly over: () => void } => {
  const open = new Set<Fiber.Fiber<unknown, unknown>>()
  const wait = (options: Options<AnySchema>): Promise<Result.Result<any, Denied>> =>
    new Promise((resolve, reject: (reason: unknown) => void) => {
      const fiber = Effect.runForkWith(context)(attempt.heritage.asking.ask(attempt, options))
      open.add(fiber)
      fiber.addObserver((exit) => {
        open.delete(fiber)
        if (exit._tag === "Success") resolve(exit.value)
        else if (Cause.hasInterruptsOnly(exit.cause)) reject(attempt.stop ?? outlived())
        else reject(Cause.squash(exit.cause))
      })
    })
  // a handler that does not wait for it must not end the program: what became of the question stands in the report
  const handled = <A>(promise: Promise<A>): Promise<A> => {
    promise.catch(() => {})
    return promise
  }
  return {
    ask: (options) => handled(wait(options).then(valueOf)),
    askResult: (options) => handled(wait(options)),
    over: () => {
      for (const fiber of open) fiber.interruptUnsafe()
    }
  }
}

const valueOf = (answer: Result.Result<any, Denied>): any => {
  if (Result.isSuccess(answer)) return answer.success
  const refusal = new CallError({ reason: answer.failure })
  refusals.add(refusal)
  throw refusal
}

const outlived = () => new CallError({ reason: new ContractViolation({ rule: "hasEnded" }) })
