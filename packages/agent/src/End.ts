/**
 * How a run of an agent ended: one tag for each way to end, none of them an exception. All of them have the conversation so far, in which
 * every call has its one result, and what was used.
 *
 * @since 0.1.0
 */
import type { Budget, CallError, Quarantine, Question, QuestionError, Report } from "@toolscope/core"
import * as Data from "effect/Data"
import type * as Schema from "effect/Schema"
import type { AiError, Prompt } from "./internal/ai.ts"

/**
 * What all ends have.
 *
 * @since 0.1.0
 */
export interface Common {
  /** The conversation, the last results included: to go on with. Of a suspended run it ends with the calls that wait. */
  readonly history: Prompt.Prompt
  /** How often the model was called. */
  readonly turns: number
  readonly tokens: { readonly input: number; readonly output: number }
  /** What has been used of the session's budget. */
  readonly usage: Budget.Usage
  /** Of the turns' fan-outs, oldest first. */
  readonly reports: ReadonlyArray<Report.Report>
}

/**
 * The model answered, and asked for nothing more.
 *
 * @since 0.1.0
 */
export class Answered extends Data.TaggedClass("Answered")<Common & { readonly text: string }> {}

/**
 * Only answers of people are waited for. `state` is JSON: `Agent.resume` goes on from it, here or elsewhere.
 *
 * @since 0.1.0
 */
export class Suspended extends Data.TaggedClass("Suspended")<
  Common & {
    readonly questions: ReadonlyArray<Question.Question>
    /** Answers that came with a resume, and were not taken. */
    readonly refused: ReadonlyArray<QuestionError.Reason>
    readonly state: Schema.Json
  }
> {}

/**
 * The budget does not let the model be called again, or its time is up.
 *
 * @since 0.1.0
 */
export class BudgetExceeded extends Data.TaggedClass("BudgetExceeded")<Common & { readonly why: string }> {}

/**
 * The model wanted more turns than `maxTurns`. The calls of the last one were run.
 *
 * @since 0.1.0
 */
export class TurnsExceeded extends Data.TaggedClass("TurnsExceeded")<Common & { readonly maxTurns: number }> {}

/**
 * The session was stopped from outside: somebody cancelled it, or replaced the plan of this run by another.
 *
 * @since 0.1.0
 */
export class Stopped extends Data.TaggedClass("Stopped")<Common & { readonly by: Report.StopReason }> {}

/**
 * Twice in a row the model asked for nothing but calls that have failed the same way time and again.
 *
 * @since 0.1.0
 */
export class LoopDetected extends Data.TaggedClass("LoopDetected")<
  Common & { readonly calls: ReadonlyArray<{ readonly tool: string; readonly times: number; readonly error: string }> }
> {}

/**
 * Twice in a row nothing could be started, since something of an earlier turn was left behind and may still act.
 *
 * @since 0.1.0
 */
export class NotDrained extends Data.TaggedClass("NotDrained")<
  Common & { readonly leftBehind: ReadonlyArray<Quarantine.LeftBehind> }
> {}

/**
 * The model could not be called, or did not answer in time.
 *
 * @since 0.1.0
 */
export class ModelFailed extends Data.TaggedClass("ModelFailed")<
  Common & { readonly error: AiError.AiError | CallError.CallError }
> {}

/**
 * The model's answer was cut off, and has no calls: by its length, or by a filter.
 *
 * @since 0.1.0
 */
export class CutOff extends Data.TaggedClass("CutOff")<Common & { readonly reason: string; readonly text: string }> {}

/**
 * @since 0.1.0
 */
export type End =
  Answered | Suspended | BudgetExceeded | TurnsExceeded | Stopped | LoopDetected | NotDrained | ModelFailed | CutOff
