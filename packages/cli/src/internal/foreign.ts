/**
 * Foreign code in this process: a tool's stray promise or timer must not take the report with it.
 */
import type { Output } from "./output.ts"
import { describe } from "./refusal.ts"
import { oneLine } from "./text.ts"

export interface Foreign {
  /** What was thrown outside of any call, the first. */
  crash: string | undefined
  /** Is told of it. */
  onCrash: () => void
  readonly restore: () => void
}

export const watch = (output: Output): Foreign => {
  const onRejection = (reason: unknown) => {
    output.error(`toolscope: a promise was rejected and nobody handles it: ${oneLine(describe(reason))}`)
  }
  const onException = (error: unknown) => {
    output.error(`toolscope: an exception outside of any call: ${oneLine(describe(error))}`)
    if (foreign.crash !== undefined) return
    foreign.crash = describe(error)
    foreign.onCrash()
  }
  process.on("unhandledRejection", onRejection)
  process.on("uncaughtException", onException)
  // nothing else need hold the event loop: a promise without a timeout does not
  const alive = setInterval(() => {}, 2 ** 31 - 1)
  const foreign: Foreign = {
    crash: undefined,
    onCrash: () => {},
    restore: () => {
      clearInterval(alive)
      process.off("unhandledRejection", onRejection)
      process.off("uncaughtException", onException)
    }
  }
  return foreign
}
