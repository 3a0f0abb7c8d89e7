/**
 * The ledger of a scenario: what the tools, the caller and the return say of themselves, in the order in which it happened.
 *
 * It is a file that is only added to, written before the tool goes on; a runner never sees it, and a killed process leaves it whole. Its
 * times are milliseconds of a monotonic clock.
 *
 * @since 0.1.0
 */
import type { Claim, Question } from "./Runner.ts"

interface At {
  readonly at: number
  readonly turn: number
}

/**
 * What one attempt of a tool says of itself: `started`; `signalled`, its signal was aborted; `cleaning`, `cleaned`; `effect`, it has landed;
 * `ended`.
 *
 * @since 0.1.0
 */
export interface ToolLine extends At {
  readonly what: "started" | "signalled" | "cleaning" | "cleaned" | "effect" | "ended"
  readonly call: string
  /** From 1, over all turns. */
  readonly attempt: number
  /** Of `ended`. */
  readonly how?: "answered" | "malformed" | "failed" | "aborted"
}

/**
 * What the caller did, and what it was given.
 *
 * @since 0.1.0
 */
export type CallerLine =
  | (At & { readonly what: "turn"; readonly calls: ReadonlyArray<string> })
  | (At & { readonly what: "aborted" })
  | (At & {
      readonly what: "answered"
      readonly answers: { readonly [call: string]: boolean }
      readonly again: boolean
    })
  /** Calls that it has an answer for, and that were not among the open questions. */
  | (At & { readonly what: "unasked"; readonly calls: ReadonlyArray<string> })
  | (At & {
      readonly what: "returned"
      readonly claims: ReadonlyArray<Claim>
      readonly questions: ReadonlyArray<Question>
      /** What the runner threw, or said beside its claims. */
      readonly error?: string | undefined
      readonly threw: boolean
    })

/**
 * What the process says.
 *
 * @since 0.1.0
 */
export type ProcessLine =
  | (At & {
      readonly what: "runner"
      readonly name: string
      readonly version: string | undefined
      readonly settings: string | undefined
      readonly can: ReadonlyArray<string>
    })
  | (At & { readonly what: "notARunner"; readonly error: string })
  /** An error that nobody caught: it would have ended the program. */
  | (At & { readonly what: "uncaught"; readonly error: string })
  | (At & { readonly what: "watched" })

/**
 * @since 0.1.0
 */
export type Line = ToolLine | CallerLine | ProcessLine

/**
 * Reads a ledger. A last line that was cut off is left out.
 *
 * @since 0.1.0
 */
export const parse = (text: string): ReadonlyArray<Line> =>
  text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line)

/**
 * @since 0.1.0
 */
export const isTool = (line: Line): line is ToolLine => "call" in line
