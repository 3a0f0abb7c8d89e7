/**
 * Why a session did not start a fan-out.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { Shortage } from "./Budget.ts"
import { describeShortage } from "./internal/account.ts"
import type { LeftBehind } from "./Quarantine.ts"

/**
 * A fan-out of the session is running. Wait for it (`drained`), or replace it (`replan`).
 *
 * @since 0.1.0
 */
export class Busy extends Data.TaggedClass("Busy")<{ readonly runId: string }> {
  get message(): string {
    return `${this.runId} is running: wait for it, or replace it with replan`
  }
}

/**
 * A stop is under way: for a `replan`, or a `cancel`. Wait until it has `drained`.
 *
 * @since 0.1.0
 */
export class Stopping extends Data.TaggedClass("Stopping")<{ readonly runId: string }> {
  get message(): string {
    return `${this.runId} is being stopped: wait until it has drained`
  }
}

/**
 * A handler of the session asked for another fan-out, and would have waited for itself. What it needs it runs inside (`Fanout.run`); its
 * planner plans anew.
 *
 * @since 0.1.0
 */
export class InsideHandler extends Data.TaggedClass("InsideHandler") {
  get message(): string {
    return "a handler of the session cannot start another fan-out of it: run one inside of the handler (Fanout.run), or let the planner plan anew"
  }
}

/**
 * The session has been closed: open another.
 *
 * @since 0.1.0
 */
export class Closed extends Data.TaggedClass("Closed") {
  get message(): string {
    return "the session has been closed: open another"
  }
}

/**
 * While it waited for the drain another `replan`, or a `cancel`, took its place. Nothing of it was started.
 *
 * @since 0.1.0
 */
export class Superseded extends Data.TaggedClass("Superseded")<{ readonly by: "replan" | "cancel" }> {
  get message(): string {
    return `a later ${this.by} took its place while it waited for the drain`
  }
}

/**
 * Something of an earlier fan-out was left behind, and may still act. Wait for it (`quarantine.awaitEmpty`), or name it in `despite`.
 *
 * @since 0.1.0
 */
export class NotDrained extends Data.TaggedClass("NotDrained")<{ readonly leftBehind: ReadonlyArray<LeftBehind> }> {
  get message(): string {
    return `${this.leftBehind.map(({ id, tool }) => `${id} (${tool})`).join(", ")} may still act: wait for the quarantine, or say despite: [ids]`
  }
}

/**
 * These calls have failed the same way, time and again: a tool with the same parameters, in one fan-out after the other.
 *
 * @since 0.1.0
 */
export class LoopDetected extends Data.TaggedClass("LoopDetected")<{
  readonly calls: ReadonlyArray<{
    readonly id: string
    readonly tool: string
    readonly times: number
    readonly error: string
  }>
}> {
  get message(): string {
    const calls = this.calls.map(({ error, id, times, tool }) => `${id} (${tool}) failed ${times} times with: ${error}`)
    return `${calls.join("; ")}: plan something else`
  }
}

/**
 * The session's budget is used up, as far as a further fan-out needs it.
 *
 * @since 0.1.0
 */
export class BudgetExceeded extends Data.TaggedClass("BudgetExceeded")<Shortage> {
  get message(): string {
    return describeShortage(this)
  }
}

/**
 * @since 0.1.0
 */
export type Reason = Busy | Stopping | InsideHandler | Closed | Superseded | NotDrained | LoopDetected | BudgetExceeded

/**
 * A session did not start a fan-out; nothing of it has happened. Match on `reason._tag`.
 *
 * @since 0.1.0
 */
export class SessionError extends Data.TaggedError("SessionError")<{ readonly reason: Reason }> {
  override get message(): string {
    return this.reason.message
  }
}
