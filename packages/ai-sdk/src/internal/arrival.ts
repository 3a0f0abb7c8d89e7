/**
 * A call of the AI SDK that waits for its result: from the moment in which the AI SDK runs its `execute` to the moment in which there is
 * something true to say.
 */
import type { CallReport, ExecuteContext, Outcome } from "@toolscope/core/promise"
import type { ToolExecutionOptions } from "ai"
import { ToolCallError } from "./error.ts"
import { stands, wordingOf } from "./wording.ts"

/** The result of a call: given once. */
export type Result =
  | { readonly _tag: "Value"; readonly value: unknown; readonly report: CallReport }
  | { readonly _tag: "Error"; readonly error: ToolCallError }

export interface Requested {
  readonly tool: string
  readonly input: unknown
  readonly options: ToolExecutionOptions<any>
  /** Gets what the tool gives as it goes. */
  readonly onPreliminary?: (value: unknown) => void
}

export class Arrival {
  readonly id: string
  readonly tool: string
  readonly input: unknown
  readonly options: ToolExecutionOptions<any>
  readonly onPreliminary: (value: unknown) => void
  /** What runs around it, where a tool had a model call it. */
  readonly inside: Inside | undefined
  /** Aborted when the AI SDK has given up this call alone, by a timeout of its tool. */
  readonly alone = new AbortController()
  readonly result: Promise<Result>
  /** Of its last attempt that answered, as its schema made it. */
  value: unknown
  given: Result | undefined
  private resolve!: (result: Result) => void

  constructor(requested: Requested, inside: Inside | undefined) {
    this.id = requested.options.toolCallId
    this.tool = requested.tool
    this.input = requested.input
    this.options = requested.options
    this.onPreliminary = requested.onPreliminary ?? (() => {})
    this.inside = inside
    this.result = new Promise((resolve) => {
      this.resolve = resolve
    })
  }

  /** The first result stays. */
  give(result: Result): void {
    if (this.given !== undefined) return
    this.given = result
    this.resolve(result)
  }

  settle(report: CallReport): void {
    if (stands(report)) {
      this.give({ _tag: "Value", value: this.value, report })
      return
    }
    this.give({ _tag: "Error", error: this.error(wordingOf(report), report.outcome, report, report.error?.cause) })
  }

  /** Nothing of it was started. */
  refuse(why: string, cause?: unknown): void {
    this.give({ _tag: "Error", error: this.error(`not started: ${why}`, "Skipped", undefined, cause) })
  }

  private error(message: string, outcome: Outcome<unknown>["_tag"], report?: CallReport, cause?: unknown) {
    return new ToolCallError(message, {
      toolCallId: this.id,
      tool: this.tool,
      outcome,
      ...(report === undefined ? {} : { report }),
      ...(cause === undefined ? {} : { cause })
    })
  }
}

/** The attempt of a call that others are made inside of. */
export interface Inside {
  readonly arrival: Arrival
  readonly context: ExecuteContext
}
