/**
 * How a call really ended. The outcome is not the *verdict*: the verdict is what the policies were told, once; the outcome is what
 * is known when the call is over.
 *
 * | outcome | means |
 * | --- | --- |
 * | `Succeeded` | it answered with a value. It may be unused: the answer came after a stop, or nobody counted it |
 * | `Failed` | it answered with an error, or cannot have acted and gave no answer |
 * | `Cancelled` | it was stopped, and cannot have acted |
 * | `Unknown` | it gave no answer, and may have acted: look before you repeat it |
 * | `Skipped` | it never started |
 * | `Denied` | a person said no, or nobody answered in time |
 * | `Suspended` | it waits for an answer of a person |
 *
 * @since 0.1.0
 */
import type { CallError } from "./CallError.ts"

/**
 * @since 0.1.0
 */
export interface Succeeded<out A> {
  readonly _tag: "Succeeded"
  readonly value: A
}

/**
 * @since 0.1.0
 */
export interface Failed<out E> {
  readonly _tag: "Failed"
  readonly error: E | CallError
}

/**
 * `error`: that of the last attempt, when it was stopped between two attempts.
 *
 * @since 0.1.0
 */
export interface Cancelled<out E> {
  readonly _tag: "Cancelled"
  readonly error?: E | CallError
}

/**
 * `error`: what is known of how it ended (a timeout, a defect), if anything is.
 *
 * @since 0.1.0
 */
export interface Unknown<out E> {
  readonly _tag: "Unknown"
  readonly error?: E | CallError
}

/**
 * @since 0.1.0
 */
export interface Skipped {
  readonly _tag: "Skipped"
}

/**
 * @since 0.1.0
 */
export interface Denied {
  readonly _tag: "Denied"
  /** Who said no, if they said. */
  readonly by?: string
  readonly why?: string
}

/**
 * @since 0.1.0
 */
export interface Suspended {
  readonly _tag: "Suspended"
}

/**
 * @since 0.1.0
 */
export type Outcome<A, E = never> = Succeeded<A> | Failed<E> | Cancelled<E> | Unknown<E> | Skipped | Denied | Suspended

/**
 * @since 0.1.0
 */
export const succeeded = <A>(value: A): Outcome<A> => ({ _tag: "Succeeded", value })

/**
 * @since 0.1.0
 */
export const failed = <E>(error: E | CallError): Outcome<never, E> => ({ _tag: "Failed", error })

/**
 * @since 0.1.0
 */
export const cancelled = <E = never>(error?: E | CallError): Outcome<never, E> =>
  error === undefined ? { _tag: "Cancelled" } : { _tag: "Cancelled", error }

/**
 * @since 0.1.0
 */
export const unknown = <E = never>(error?: E | CallError): Outcome<never, E> =>
  error === undefined ? { _tag: "Unknown" } : { _tag: "Unknown", error }

/**
 * @since 0.1.0
 */
export const skipped: Outcome<never> = { _tag: "Skipped" }

/**
 * @since 0.1.0
 */
export const denied = (of: { readonly by?: string; readonly why?: string } = {}): Outcome<never> => ({
  _tag: "Denied",
  ...(of.by === undefined ? {} : { by: of.by }),
  ...(of.why === undefined ? {} : { why: of.why })
})

/**
 * @since 0.1.0
 */
export const suspended: Outcome<never> = { _tag: "Suspended" }
