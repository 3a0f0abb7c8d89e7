/**
 * What a function runs in: a process or a worker thread, seen from outside.
 */
import type { ToChild, ToParent } from "./messages.ts"

/** What to run, and how. */
export interface Setup {
  readonly module: string
  readonly name: string
  readonly env: { readonly [name: string]: string }
  /** Megabytes of heap. */
  readonly memory: number | undefined
  /** By it descendants are found. */
  readonly mark: string
}

/** How it ended. */
export interface Ended {
  readonly exitCode?: number
  readonly signal?: string
  /** Why it could not be made, or what it threw outside of its function. */
  readonly error?: string
  readonly outOfMemory?: true
  /** How many processes were killed with it, where that is known. */
  readonly killed?: number
  /** It could not be made at all. */
  readonly isStillborn?: true
}

export interface Listener {
  readonly onMessage: (message: ToParent) => void
  /** It sent a message that is too long. */
  readonly onTooLong: () => void
  /** Once; no message comes after it. All that was killed is gone. */
  readonly onEnd: (ended: Ended) => void
}

export interface Host {
  /** Does nothing when it has ended. */
  readonly send: (message: ToChild) => void
  /** Kills it with its descendants, and does not wait; false if it has ended. */
  readonly kill: () => boolean
  readonly stdout: () => ReadonlyArray<string>
  readonly stderr: () => ReadonlyArray<string>
}

/** An answer may have as many bytes. */
export const maxAnswerBytes = 64 * 1024 * 1024
