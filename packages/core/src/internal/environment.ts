/**
 * What a fan-out runs in: who it is, and what it shares with the session, the fan-out and the handler around it.
 */
import type { Clock } from "effect/Clock"
import type * as Context from "effect/Context"
import type { Journal } from "../Journal.ts"
import type { Quarantine } from "../Quarantine.ts"
import type { Reason as QuestionReason } from "../QuestionError.ts"
import type { Policy } from "../Questions.ts"
import type { Approval } from "../Tool.ts"
import type { Account } from "./account.ts"
import type { RunningAttempt } from "./attempt.ts"
import type { CallState } from "./call.ts"
import type { Executor } from "./executor.ts"
import type { Limiter } from "./limiter.ts"
import type { Limits } from "./limits.ts"
import type { Desk } from "./questions/desk.ts"
import type { Pace } from "./spending.ts"

export interface Environment {
  readonly runId: string
  /** Of the outermost fan-out: itself, or the one around all that are around it. */
  readonly topRunId: string
  /** What idempotency keys begin with. */
  readonly keys: string
  readonly session: string
  readonly epoch: number
  readonly context: Context.Context<never>
  readonly clock: Clock
  readonly journal: Journal
  readonly quarantine: Quarantine
  readonly limits: Limits
  /** Of its own budget, or of what stands around it. */
  readonly account: Account | undefined
  readonly ownAccount: Account | undefined
  readonly limiter: Limiter | undefined
  readonly order: { next: number }
  /** The attempt that this fan-out runs inside of. */
  readonly caller: RunningAttempt | undefined
  readonly onSettled: ((executor: Executor, call: CallState) => void) | undefined
  readonly pace: Pace | undefined
  /** Does a person have to agree before a call starts, beside what its tool says? */
  readonly approval: Approval<never> | undefined
  /** What becomes of questions. */
  readonly questions: Policy
  readonly desk: Desk
  /** Answers that came with a resume, and were not taken. */
  readonly refused: Array<QuestionReason>
  /** Nobody else uses it. */
  readonly ownsDesk: boolean
}
