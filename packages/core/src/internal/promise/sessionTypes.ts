/**
 * Sessions as the promise entry shows them.
 */
/// <reference lib="esnext.disposable" preserve="true" />
import type { Budget, Usage } from "./budget.ts"
import type { RunEvent } from "./events.ts"
import type { FanoutOptions } from "./fanoutTypes.ts"
import type { Plan } from "./plan.ts"
import type { Answers, Question, QuestionOptions, ResumeAnswers } from "./question.ts"
import type { CallReport, Report } from "./report.ts"
import type { LeftBehind } from "./sessionError.ts"
import type { Tool } from "./tool.ts"

/**
 * @since 0.1.0
 */
export interface SessionOptions extends QuestionOptions {
  /** Every tool that its plans call; a fan-out may add more. */
  readonly tools: ReadonlyArray<Tool>
  /** Default: a new one. Run ids are this, with the number of the epoch; idempotency keys begin with them, so no two sessions share an id. */
  readonly id?: string
  /** What all fan-outs of the session may use together. Default: no limit. */
  readonly budget?: Budget
  /**
   * Permits beyond those of each fan-out, fan-outs inside of handlers included: those borrow what their caller holds, one at a time. Default:
   * no limit.
   */
  readonly limits?: {
    /** Attempts at the same time. */
    readonly concurrency?: number
    /** Attempts of a tool at the same time, by its name. */
    readonly tools?: { readonly [tool: string]: number }
    /** Attempts at the same time that contend for a resource, as contracts name them. */
    readonly resources?: { readonly [resource: string]: number }
    /** How many attempts may wait for these permits; a further one is `Overloaded`. Default 1,000. */
    readonly waiting?: number
  }
  /**
   * So many failures of one call (a tool with the same parameters) that all fail the same way, with no success between them, over the
   * fan-outs of the session: then a plan with that call is refused. Default 3. `Infinity`: never.
   */
  readonly loop?: number
  /**
   * Further attempts per call of a tool, in the long run, and 10 beyond that; a call that failed before and is planned again counts as a
   * further attempt. Default: no limit.
   */
  readonly retryRatio?: number
  /** How many reports of past fan-outs are kept. Default 100. */
  readonly keep?: number
  /** Aborted, the session is closed: what runs is stopped, with the reason of the signal. Aborted already, it is closed from the start. */
  readonly signal?: AbortSignal
  /** Sees every event of the journal, in order, as it happens. It is never waited for, and what it throws is ignored. */
  readonly onEvent?: (event: RunEvent) => unknown
}

/**
 * The settings of a fan-out in a session.
 *
 * @since 0.1.0
 */
export interface SessionFanoutOptions extends FanoutOptions {
  /** Ids of what was left behind (`LeftBehind.id`): it starts although they may still act. */
  readonly despite?: ReadonlyArray<string>
}

/**
 * @since 0.1.0
 */
export interface ReplanOptions extends SessionFanoutOptions {
  /** Why: what those who are stopped are told. */
  readonly reason?: string
}

/**
 * The settings of a resume in a session: those of the snapshot, where nothing else is said.
 *
 * @since 0.1.0
 */
export interface SessionResumeOptions extends SessionFanoutOptions, ResumeAnswers {}

/**
 * How to end a wait: it then rejects with the reason of the signal.
 *
 * @since 0.1.0
 */
export interface WaitOptions {
  readonly signal?: AbortSignal
}

/**
 * A call that has settled, while its fan-out goes on.
 *
 * @since 0.1.0
 */
export interface SettledCall {
  readonly runId: string
  readonly epoch: number
  readonly call: CallReport
}

/**
 * The owner of one planner's fan-outs, one at a time.
 *
 * What is asked of it begins when the synchronous code that asks has ended, in the order in which it was asked.
 *
 * Its promises may be forgotten without harm: what they reject with, a {@link SessionError} or the reason of a signal, never ends the
 * program. Only a mistake in the program itself, a `TypeError`, does.
 *
 * @since 0.1.0
 */
export interface Session extends AsyncDisposable, Answers {
  readonly id: string
  /** How many fan-outs have been started. */
  readonly epoch: () => number
  /** What has been used and reserved of the budget. */
  readonly usage: () => Usage
  /**
   * Runs a plan, and gives its report, as `run` does. Rejects with a `SessionError` while another runs or is being stopped, after the
   * close, and while something left behind may still act.
   *
   * Its signal stops it; aborted before it has begun, it rejects with a `SessionError` (`Aborted`).
   */
  readonly fanout: {
    <A, O>(plan: Plan<A, O>, options?: SessionFanoutOptions): Promise<Report<A>>
    (plan: unknown, options?: SessionFanoutOptions): Promise<Report>
  }
  /**
   * Checks the plan; stops what still runs; waits until that has drained and been undone; then runs the plan. What is refused beforehand (a
   * faulty plan, a loop, no cohort left) stops nothing. There is one drain however many wait for it, and of several that wait the last one
   * runs: the others reject with a `SessionError` (`Superseded`). If something was left behind that may still act, it rejects with
   * `NotDrained`.
   *
   * Its signal, aborted while it waits, ends the wait (`Aborted`), not the stop; later, it stops the fan-out.
   */
  readonly replan: {
    <A, O>(plan: Plan<A, O>, options?: ReplanOptions): Promise<Report<A>>
    (plan: unknown, options?: ReplanOptions): Promise<Report>
  }
  /**
   * Goes on from the snapshot of a suspended fan-out, of this session or another, in an epoch of this one, and gives its report: see `resume`.
   * Refused as `fanout` is, with a `SessionError`. Run id and keys are those of the snapshot.
   */
  readonly resume: {
    <A, O>(plan: Plan<A, O>, snapshot: unknown, options?: SessionResumeOptions): Promise<Report<A>>
    (plan: unknown, snapshot: unknown, options?: SessionResumeOptions): Promise<Report>
  }
  /** All questions so far, in the order in which they were asked, those of fan-outs inside of handlers included. */
  readonly questions: () => ReadonlyArray<Question>
  /**
   * For a `for await` loop: the open questions, then each as it is asked; after a resume, those that are still open once more. When the
   * session has closed, it ends.
   */
  readonly questionStream: AsyncIterable<Question>
  /** Asks what runs to stop, and waits until it has drained. The session stays open. The signal ends the wait, not the stop. */
  readonly cancel: (reason?: string, options?: WaitOptions) => Promise<void>
  /** Waits until nothing runs. What was left behind is in the quarantine. */
  readonly drained: (options?: WaitOptions) => Promise<void>
  /**
   * Calls as they settle, so that a planner can plan anew before a fan-out has ended. Each loop begins with what settles from then on;
   * nothing is dropped for a slow reader; when the session has closed, it ends.
   */
  readonly outcomes: AsyncIterable<SettledCall>
  /** Reports of past fan-outs, the superseded ones included, oldest first. */
  readonly reports: () => ReadonlyArray<Report>
  /** What was left behind, and has not ended. */
  readonly quarantine: {
    readonly list: () => ReadonlyArray<LeftBehind>
    /** Waits until those with these ids (default: all) have ended. Without a bound: give it one, by a signal. */
    readonly awaitEmpty: (options?: WaitOptions & { readonly ids?: ReadonlyArray<string> }) => Promise<void>
  }
  /** Stops what runs, and waits until it has drained; nothing starts any more. The signal ends the wait, not the close. */
  readonly close: (options?: WaitOptions) => Promise<void>
  /** Closes it: for `await using`. */
  readonly [Symbol.asyncDispose]: () => Promise<void>
}
