/**
 * The settings of fan-outs, and how one is started inside of a handler: types alone, for programs that know no Effect.
 */
import type { Budget } from "./budget.ts"
import type { Plan } from "./plan.ts"
import type { Approval } from "./question.ts"
import type { Report } from "./report.ts"
import type { Duration } from "./schema.ts"
import type { Tool } from "./tool.ts"

/**
 * The settings of a fan-out, wherever it is started.
 *
 * @since 0.1.0
 */
export interface FanoutOptions {
  /** Beside those of the run or the session around it: of two with one name, these. */
  readonly tools?: ReadonlyArray<Tool>
  /** Aborted, it stops everything; the report comes when all has drained, or been left behind. Aborted already, nothing starts. */
  readonly signal?: AbortSignal
  /** From a stop to its bound; what has not ended by then is left behind. Default 2 seconds. */
  readonly drain?: Duration
  /** For compensations. Default 5 seconds. */
  readonly undo?: Duration
  /** How many attempts run at the same time. Default 8. */
  readonly concurrency?: number
  /** Per attempt, where neither the call nor its tool says otherwise. Default 30 seconds. */
  readonly timeout?: Duration
  /** What it may use, within what those around it may use. Default: as much as those. */
  readonly budget?: Budget
  /**
   * Does a person have to agree before a call starts, beside what its tool says? Default `"never"`. A function stands in no snapshot: give
   * it again to a resume.
   */
  readonly approval?: Approval<any>
}

/**
 * The settings of a fan-out inside of a handler.
 *
 * @since 0.1.0
 */
export interface InsideOptions extends FanoutOptions {
  /** Default: that of the run around it, with the path of the call and the number of the attempt. */
  readonly runId?: string
}

/**
 * Runs a plan inside of a handler.
 *
 * @since 0.1.0
 */
export interface FanoutInside {
  <A, O>(plan: Plan<A, O>, options?: InsideOptions): Promise<Report<A>>
  (plan: unknown, options?: InsideOptions): Promise<Report>
}
