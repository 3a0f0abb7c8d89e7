/**
 * Work that may take for ever, done within a bound: what foreign schemas and patterns ask for. It holds the event loop meanwhile; only the
 * engine can end it. What it had begun to change stays half changed.
 */
import { type Context, createContext, Script } from "node:vm"

const script = new Script("work()")
let context: (Context & { work?: (() => unknown) | undefined }) | undefined

/** `undefined` where it took more than so many milliseconds. Throws what the work throws. */
export const within = <A>(millis: number, work: () => A): A | undefined => {
  context ??= createContext({})
  context.work = work
  try {
    return script.runInContext(context, { timeout: millis }) as A
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return undefined
    throw error
  } finally {
    context.work = undefined
  }
}
