/**
 * What a tool's process or worker and we say to each other: JSON texts, one per line where they go through a pipe.
 *
 * | from us | |
 * | --- | --- |
 * | `call` | run the function with these parameters; sent once, after `ready` |
 * | `stop` | abort its signal, with this reason |
 *
 * | to us | |
 * | --- | --- |
 * | `ready`, `unusable` | the module is loaded, and has such a function · or not, and why; nothing has been run |
 * | `value`, `notJson` | it answered with this, or with nothing · with something that is no JSON |
 * | `error` | it threw, rejected, or failed with this |
 * | `died` | the Effect that it returned died |
 * | `stopped` | it ended because it was told to: that is no answer |
 */
import type { Json } from "effect/Schema"

/** Which attempt of which call a function is run for. */
export interface Identity {
  readonly runId: string
  readonly epoch: number
  readonly call: string
  readonly attempt: number
  readonly idempotencyKey: string
}

/** An error on its way between two processes. */
export interface RemoteError {
  readonly name: string
  readonly message: string
  readonly stack?: string
  /** What was thrown, as far as it is JSON: of an error its own fields, beside `_tag`, `name` and `message`. */
  readonly json: Json
}

export type ToChild =
  | { readonly type: "call"; readonly params: Json; readonly identity: Identity }
  | { readonly type: "stop"; readonly reason: Json }

export type ToParent =
  | { readonly type: "ready" }
  | { readonly type: "unusable"; readonly why: "load" | "export"; readonly message: string }
  | Answer

export type Answer =
  | { readonly type: "value"; readonly value?: Json }
  | { readonly type: "notJson"; readonly message: string }
  | { readonly type: "error"; readonly error: RemoteError }
  | { readonly type: "died"; readonly error: RemoteError }
  | { readonly type: "stopped" }

/** Parses a message; `undefined` for what is none: code that runs beside ours may write to anything. */
export const parse = <M extends ToChild | ToParent>(line: string): M | undefined => {
  try {
    const message: unknown = JSON.parse(line)
    return typeof message === "object" && message !== null && "type" in message ? (message as M) : undefined
  } catch {
    return undefined
  }
}

/** Cuts what comes through a pipe into lines, and gives up at the first that is longer than `limit` bytes. */
export const lines = (limit: number, onLine: (line: string) => void, onTooLong: () => void) => {
  let chunks: Array<Buffer> = []
  let size = 0
  let gaveUp = false
  /** False if that is too much. */
  const keep = (piece: Buffer): boolean => {
    chunks.push(piece)
    size += piece.length
    if (size <= limit) return true
    gaveUp = true
    chunks = []
    onTooLong()
    return false
  }
  return (chunk: Buffer): void => {
    if (gaveUp) return
    let rest = chunk
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      if (!keep(rest.subarray(0, end))) return
      const line = Buffer.concat(chunks).toString("utf8")
      chunks = []
      size = 0
      rest = rest.subarray(end + 1)
      onLine(line)
    }
    keep(rest)
  }
}
