/**
 * The inside of a tool's process or worker: loads the module, runs its function once, and answers once.
 *
 * The function gets an `AbortSignal` that is aborted when the attempt is to stop. What it returns may be a value, a promise, or an
 * Effect that needs no services; an Effect is interrupted by the signal.
 */
import type * as Effect from "effect/Effect"
import type { Json } from "effect/Schema"
import type { Answer, Identity, ToChild, ToParent } from "./messages.ts"
import { encode } from "./remoteError.ts"
import { stringify } from "./strictJson.ts"

/** The way to the parent. */
export interface Port {
  readonly onMessage: (listener: (message: ToChild) => void) => void
  /** Calls back when the message has left. */
  readonly send: (message: ToParent, sent: () => void) => void
  /** Ends the process, or the worker. */
  readonly exit: () => void
}

type Handler = (params: Json, context: Identity & { readonly signal: AbortSignal }) => unknown

/** A value made by any copy of Effect. */
const isEffect = (u: unknown): u is Effect.Effect<unknown, unknown> =>
  typeof u === "object" && u !== null && "~effect/Effect" in u

export const run = async (module: string, name: string, port: Port): Promise<void> => {
  const controller = new AbortController()
  let handler: Handler | undefined
  port.onMessage((message) => {
    if (message.type === "stop") controller.abort(message.reason)
    else if (handler !== undefined) {
      const once = handler
      handler = undefined
      void answer(once, message.params, message.identity, controller.signal).then((answer) => {
        port.send(answer, port.exit)
      })
    }
  })
  const found = await load(module, name)
  if (typeof found !== "function") {
    port.send(found, port.exit)
    return
  }
  handler = found
  port.send({ type: "ready" }, () => {})
}

const load = async (module: string, name: string): Promise<Handler | ToParent> => {
  let exports: Record<string, unknown>
  try {
    exports = (await import(module)) as Record<string, unknown>
  } catch (error) {
    const { message, name: type } = encode(error)
    return { type: "unusable", why: "load", message: `${type}: ${message}` }
  }
  if (typeof exports[name] === "function") return exports[name] as Handler
  const functions = Object.keys(exports).filter((key) => typeof exports[key] === "function")
  return {
    type: "unusable",
    why: "export",
    message:
      functions.length === 0
        ? "it exports no function"
        : `it exports ${functions.map((key) => JSON.stringify(key)).join(", ")}`
  }
}

const answer = async (handler: Handler, params: Json, identity: Identity, signal: AbortSignal): Promise<Answer> => {
  try {
    const returned = await handler(params, { ...identity, signal })
    return isEffect(returned) ? await runEffect(returned, signal) : valueOf(returned)
  } catch (error) {
    return signal.aborted && isAbort(error, signal.reason)
      ? { type: "stopped" }
      : { type: "error", error: encode(error) }
  }
}

const runEffect = async (effect: Effect.Effect<unknown, unknown>, signal: AbortSignal): Promise<Answer> => {
  // only here: most functions return none, and it takes time to load
  const [{ runPromiseExit }, Cause] = await Promise.all([import("effect/Effect"), import("effect/Cause")])
  const exit = await runPromiseExit(effect, { signal })
  if (exit._tag === "Success") return valueOf(exit.value)
  const { reasons } = exit.cause
  const fail = reasons.find(Cause.isFailReason)
  if (fail !== undefined) return { type: "error", error: encode(fail.error) }
  const die = reasons.find(Cause.isDieReason)
  if (die === undefined && signal.aborted) return { type: "stopped" }
  return { type: "died", error: encode(die === undefined ? new Error("the Effect interrupted itself") : die.defect) }
}

const valueOf = (value: unknown): Answer => {
  if (value === undefined) return { type: "value" }
  try {
    return { type: "value", value: JSON.parse(stringify(value)) as Json }
  } catch (error) {
    return { type: "notJson", message: (error as Error).message }
  }
}

/** Is this the abort itself: the reason of the signal, or what libraries make of it? */
const isAbort = (error: unknown, reason: unknown): boolean => {
  try {
    return error === reason || (error instanceof Error && (error.name === "AbortError" || error.cause === reason))
  } catch {
    return false
  }
}
