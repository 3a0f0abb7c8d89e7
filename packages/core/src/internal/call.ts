/**
 * What the executor keeps about a call while its fan-out runs.
 */
import type { StopReason } from "../Report.ts"
import type { RunningAttempt } from "./attempt.ts"
import type { CallSpec } from "./compile.ts"
import { type AttemptEnd, conclude, type Conclusion, mayHaveActed, timedOut } from "./ending.ts"
import type { RetryState } from "./retry.ts"

export class CallState {
  readonly spec: CallSpec
  readonly timeout: number
  /** The attempt that runs, or that ran last. */
  current: RunningAttempt | undefined
  /** Attempts that began. */
  attempts = 0
  /** May an attempt before the current one have acted? */
  actedBefore = false
  lastError: unknown
  end: AttemptEnd | undefined
  stoppedBy: StopReason | undefined
  leftBehind = false
  cleanup: string | undefined
  readonly late: Array<number> = []
  startedAt: number | undefined
  settledAt = 0
  conclusion: Conclusion | undefined
  retry: RetryState | undefined

  constructor(spec: CallSpec, defaultTimeout: number) {
    this.spec = spec
    this.timeout = spec.timeout ?? defaultTimeout
  }

  /** May it have acted, as far as is known now? */
  get acted(): boolean {
    return this.actedBefore || (this.end !== undefined && mayHaveActed(this.spec.contract, this.end))
  }

  /** The error of the current attempt: of its timeout, or as it answered. */
  get error(): unknown {
    if (this.stoppedBy?.source === "timeout") return timedOut(this.timeout)
    return this.end !== undefined && "error" in this.end ? this.end.error : undefined
  }

  /** An attempt did not begin after all. */
  takeBack(): void {
    if (--this.attempts === 0) this.startedAt = undefined
  }

  /** What went wrong in the cleanup of an attempt, after what had gone wrong in that of others. */
  addCleanup(text: string | undefined): void {
    if (text !== undefined) this.cleanup = this.cleanup === undefined ? text : `${this.cleanup}\n${text}`
  }

  /** A further attempt will follow: what this one did moves into the past. */
  forget(): void {
    this.actedBefore = this.acted
    this.lastError = this.error
    this.end = undefined
    this.stoppedBy = undefined
  }

  settle(now: number): Conclusion {
    this.settledAt = now
    return (this.conclusion = conclude({
      contract: this.spec.contract,
      attempts: this.attempts,
      actedBefore: this.actedBefore,
      end: this.end,
      lastError: this.lastError,
      stoppedBy: this.stoppedBy,
      timeout: this.timeout
    }))
  }
}
