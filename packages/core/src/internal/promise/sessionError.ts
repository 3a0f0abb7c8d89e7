/**
 * Why a session did not start a fan-out: a class of its own, whose reasons are plain data.
 */

/**
 * What was left behind by an earlier fan-out, and has not ended: an attempt, or the undo of one of its effects.
 *
 * @since 0.1.0
 */
export interface LeftBehind {
  /** Run, call and attempt, as text: what `despite` names. */
  readonly id: string
  readonly runId: string
  readonly call: string
  readonly tool: string
  readonly attempt: number
  /** It is the undo of an effect of this call. */
  readonly undo?: true
  /** May it still act? No if its tool only reads, or has no effect beyond the gate. */
  readonly mayAct: boolean
  /** Milliseconds since the epoch. */
  readonly since: number
}

/**
 * Why a session did not start a fan-out.
 *
 * | `_tag` | when | what to do |
 * | --- | --- | --- |
 * | `Busy` | `fanout` while another runs | wait (`drained`), or `replan`; inside of a handler: the `fanout` of its context |
 * | `Stopping` | `fanout` while a stop is under way, or a `replan` waits | wait until it has `drained` |
 * | `Superseded` | a later `replan` or `cancel` took its place | nothing: somebody knows better |
 * | `Aborted` | its signal was aborted before it had begun | nothing: somebody asked |
 * | `NotDrained` | something was left behind that may still act | wait for the quarantine, or name it in `despite` |
 * | `LoopDetected` | a call has failed the same way too often | plan something else |
 * | `BudgetExceeded` | its time is up, or no cohort is left | report what there is |
 * | `Closed` | the session has been closed | open another |
 *
 * @since 0.1.0
 */
export type SessionRefusal =
  | { readonly _tag: "Busy"; readonly runId: string }
  | { readonly _tag: "Stopping"; readonly runId: string }
  | { readonly _tag: "Superseded"; readonly by: "replan" | "cancel" }
  | { readonly _tag: "Aborted"; readonly reason: unknown }
  | { readonly _tag: "NotDrained"; readonly leftBehind: ReadonlyArray<LeftBehind> }
  | {
      readonly _tag: "LoopDetected"
      readonly calls: ReadonlyArray<{
        readonly id: string
        readonly tool: string
        readonly times: number
        readonly error: string
      }>
    }
  | {
      readonly _tag: "BudgetExceeded"
      readonly name: string
      readonly limit: number
      readonly used: number
      readonly asked: number
    }
  | { readonly _tag: "Closed" }

/**
 * A session did not start a fan-out; nothing of it has happened. Look at `reason._tag`.
 *
 * @since 0.1.0
 */
export class SessionError extends Error {
  readonly _tag = "SessionError"
  override readonly name = "SessionError"
  readonly reason: SessionRefusal

  constructor(reason: SessionRefusal, message: string) {
    super(message)
    this.reason = reason
  }
}
