/**
 * The events of a journal as plain types (`toolscope schema journal`).
 */
import type { ContractData } from "./contract.ts"
import type { NodeReport, StopReason } from "./report.ts"
import type { Json } from "./schema.ts"

interface Common {
  readonly toolscope: 1
  readonly session: string
  readonly run: string
  readonly epoch: number
  /** Grows by one from event to event. */
  readonly seq: number
  /** Milliseconds since the epoch. */
  readonly time: number
}

interface Usage {
  readonly [name: string]: { readonly limit: number; readonly used: number; readonly reserved: number }
}

/** The attempt that a fan-out, or a session, was begun inside of. */
interface Inside {
  readonly run: string
  readonly call: string
  readonly attempt: number
}

type Event<Type extends string, Fields> = Common & { readonly type: Type } & Readonly<Fields>

/**
 * What happened in a run, as it happens. `call` is the path of a call, `node` a JSON Pointer into the plan.
 *
 * @since 0.1.0
 */
export type RunEvent =
  | Event<
      "fanout.opened",
      {
        plan: Json
        contracts: { readonly [tool: string]: ContractData }
        limits: {
          readonly drain: number
          readonly undo: number
          readonly concurrency: number
          readonly timeout: number
        }
        budget?: Usage
        inside?: Inside
      }
    >
  /** A run of this id that was suspended goes on. */
  | Event<"fanout.resumed", { inside?: Inside }>
  | Event<"call.queued", { call: string; attempt: number }>
  | Event<"call.settled", { call: string; outcome: string; verdict: string }>
  | Event<"attempt.started", { call: string; attempt: number; key: string }>
  | Event<"attempt.refused", { call: string; attempt: number; reason: string }>
  | Event<
      "attempt.ended",
      {
        call: string
        attempt: number
        result: "success" | "failure" | "malformed" | "noAnswer" | "timeout" | "stopped" | "notReached" | "refused"
        error?: string
      }
    >
  | Event<"attempt.leftBehind", { call: string; attempt: number }>
  /** What `progress` of a handler was told. It has the number of the event before it. */
  | Event<"attempt.progress", { call: string; attempt: number; done: number; total?: number; message?: string }>
  | Event<"effect.intended", { call: string; attempt: number; key: string }>
  | Event<
      "effect.refused",
      { call: string; attempt: number; key: string; reason: "stop" | "journal" | "contract" | "failure" | "probe" }
    >
  | Event<
      "effect.committed" | "effect.unknown" | "effect.compensating" | "effect.compensated",
      { call: string; key: string }
    >
  | Event<"effect.probed", { call: string; key: string; happened: "yes" | "no" | "unknown" }>
  | Event<"effect.compensationFailed", { call: string; key: string; error: string }>
  /** `attempt` 0: before the first, by an approval rule. */
  | Event<
      "question.asked",
      {
        call: string
        attempt: number
        question: string
        kind: "question" | "approval"
        prompt: string
        schema: Json
        params?: Json
        expiresAt?: number
      }
    >
  | Event<
      "question.answered",
      {
        call: string
        question: string
        reply: "answer" | "denied" | "expired"
        answer?: Json
        reason?: string
        by?: string
      }
    >
  | Event<"call.suspended", { call: string; questions: ReadonlyArray<string> }>
  | Event<"question.withdrawn", { call: string; question: string; reason: string }>
  | Event<
      "budget.reserved" | "budget.settled",
      { call: string; attempt: number; amounts: { readonly [name: string]: number } }
    >
  | Event<
      "policy.decided",
      { node: string; policy: NodeReport["policy"]; decision: string; decidedBy: NodeReport["decidedBy"] }
    >
  | Event<
      "stop.requested",
      { call: string; attempt?: number; source: StopReason["source"]; origin?: string; reason: string }
    >
  | Event<"stop.delivered", { call: string; attempt: number }>
  /** With `undo` it is the undo of an effect of this call that has ended. */
  | Event<"response.late", { call: string; attempt: number; answer: "success" | "failure" | "noAnswer"; undo?: true }>
  | Event<
      "session.opened",
      {
        budget: Usage
        limits: {
          readonly concurrency?: number
          readonly tools?: { readonly [tool: string]: number }
          readonly resources?: { readonly [resource: string]: number }
          readonly loop?: number
          readonly retryRatio?: number
        }
        inside?: Inside
      }
    >
  | Event<"session.replanned", { reason: string; despite: ReadonlyArray<string> }>
  /** What was left behind, may still act, and was named in `despite` of a fan-out that begins. */
  | Event<"session.overridden", { leftBehind: ReadonlyArray<string> }>
  | Event<"session.closed", { cohorts: number; budget: Usage }>
  | Event<"fanout.drained", { drained: boolean; millis: number }>
  /** The report in its public JSON form. */
  | Event<"fanout.closed", { report: { readonly [key: string]: unknown } }>
