/**
 * The options of a run, and of a resume: types alone.
 */
import type { RunEvent } from "./events.ts"
import type { FanoutOptions } from "./fanoutTypes.ts"
import type { QuestionOptions, ResumeAnswers } from "./question.ts"
import type { Tool } from "./tool.ts"

/**
 * @since 0.1.0
 */
export interface RunOptions extends FanoutOptions, QuestionOptions {
  /** Every tool that the plan calls; more are allowed. */
  readonly tools: ReadonlyArray<Tool>
  /** Default: a new one. */
  readonly runId?: string
  /** Sees every event of the journal, in order, as it happens. It is never waited for, and what it throws is ignored. */
  readonly onEvent?: (event: RunEvent) => unknown
}

/**
 * The settings of a resume: those of the snapshot, where nothing else is said.
 *
 * @since 0.1.0
 */
export interface ResumeOptions extends Omit<RunOptions, "runId">, ResumeAnswers {}
