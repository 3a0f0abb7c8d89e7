/**
 * Signals of a turn. The AI SDK hands each call a signal: that of the whole generation, or one of its own where its tool has a timeout there.
 */
import type { Arrival } from "./arrival.ts"

/**
 * Aborted when nobody wants any of the calls any more, or `other` has been aborted. A call that is given up alone hears it by its own signal.
 */
export const wholeOf = (
  arrivals: ReadonlyArray<Arrival>,
  other: AbortSignal | undefined
): { readonly signal: AbortSignal; readonly forget: () => void } => {
  const whole = new AbortController()
  const undone: Array<() => void> = []
  const listen = (signal: AbortSignal | undefined, listener: () => void): void => {
    if (signal === undefined) return
    if (signal.aborted) {
      listener()
      return
    }
    signal.addEventListener("abort", listener, { once: true })
    undone.push(() => {
      signal.removeEventListener("abort", listener)
    })
  }
  listen(other, () => {
    whole.abort(other?.reason)
  })
  for (const { alone, options } of arrivals) {
    listen(options.abortSignal, () => {
      const reason: unknown = options.abortSignal?.reason
      if (arrivals.every(({ options }) => options.abortSignal?.aborted)) whole.abort(reason)
      // signals that follow one signal are aborted one after the other: the last of them has seen all
      else
        queueMicrotask(() => {
          if (!whole.signal.aborted) alone.abort(reason)
        })
    })
  }
  return {
    signal: whole.signal,
    forget: () => {
      for (const forget of undone) forget()
    }
  }
}
