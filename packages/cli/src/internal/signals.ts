/**
 * SIGINT and SIGTERM: the first asks for an orderly end, the second leaves at once, with the exit code of the first.
 */
import { exitCodes } from "./exitCodes.ts"

export type Signal = "SIGINT" | "SIGTERM"

export interface Signals {
  /** The first that came. */
  readonly first: () => Signal | undefined
  readonly restore: () => void
}

/** `leaving` says, at once, what the second one leaves undone. */
export const listen = (onFirst: (signal: Signal) => void, leaving: (first: Signal) => void): Signals => {
  let first: Signal | undefined
  const on = (signal: Signal) => {
    if (first !== undefined) {
      // a third one ends the process whatever that does: a reader of our output may hold us
      restore()
      try {
        leaving(first)
      } finally {
        process.exit(exitCodes[first])
      }
    }
    first = signal
    onFirst(signal)
  }
  const restore = () => {
    process.off("SIGINT", on)
    process.off("SIGTERM", on)
  }
  process.on("SIGINT", on)
  process.on("SIGTERM", on)
  return { first: () => first, restore }
}
