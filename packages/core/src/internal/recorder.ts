/**
 * Writes what happens into the journal: the one place that knows how an event is worded.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { CallError, JournalRefused } from "../CallError.ts"
import type { Progress } from "../Attempt.ts"
import type { Amounts } from "../Budget.ts"
import * as Contract from "../Contract.ts"
import * as Decision from "../Decision.ts"
import type { Draft } from "../Journal.ts"
import type { Question } from "../Question.ts"
import type { NodeReport, Report, StopReason } from "../Report.ts"
import { toJson } from "../Report.ts"
import type { RunningAttempt } from "./attempt.ts"
import type { CallState } from "./call.ts"
import type { Compiled } from "./compile.ts"
import type { EffectRecord } from "./effects.ts"
import { encodeNode } from "./encode.ts"
import { isInduced } from "./ending.ts"
import type { Environment } from "./environment.ts"
import { text } from "./json.ts"
import type { Reply } from "./questions/desk.ts"

/** Why an attempt did not begin. */
export type Refusal = "stop" | "journal" | "budget" | "overloaded" | "denied"

type Fields<D> = D extends Draft ? Omit<D, "toolscope" | "session" | "run" | "epoch" | "seq" | "time"> : never

export class Recorder {
  /** Waits until what was written is kept. A journal that refused once refuses from then on. */
  readonly flush: Effect.Effect<void, CallError>
  /** Why the journal refused, if it has. */
  refusal: string | undefined

  private readonly env: Environment
  private readonly compiled: Compiled

  constructor(env: Environment, compiled: Compiled) {
    this.env = env
    this.compiled = compiled
    const refused = Effect.suspend(() =>
      Effect.fail(new CallError({ reason: new JournalRefused({ cause: this.refusal! }) }))
    )
    const kept =
      env.journal.flush === Effect.void
        ? Effect.void
        : Effect.catchCause(env.journal.flush, (cause) => {
            const failure = cause.reasons[0]
            this.refuse(
              failure?._tag === "Fail" ? failure.error : failure?._tag === "Die" ? failure.defect : "interrupted"
            )
            return refused
          })
    this.flush = Effect.suspend((): Effect.Effect<void, CallError> => (this.refusal === undefined ? kept : refused))
  }

  private refuse(error: unknown): void {
    this.refusal ??= text(error, "message") ?? (typeof error === "string" ? error : "it does not say why")
  }

  private append(draft: Draft): void {
    try {
      this.env.journal.write(draft)
    } catch (defect) {
      // who watches attempts must never throw
      this.refuse(defect)
    }
  }

  private draft(fields: Fields<Draft>): Draft {
    const { clock, epoch, runId, session } = this.env
    const draft = { toolscope: 1, session, run: runId, epoch, seq: 0, time: clock.currentTimeMillisUnsafe() }
    return Object.assign(draft, fields) as Draft
  }

  private write(fields: Fields<Draft>): void {
    this.append(this.draft(fields))
  }

  /** An event with a large part, which is built when somebody reads it. */
  private writeLazily(fields: { readonly type: string }, key: string, get: () => unknown): void {
    const { clock, epoch, runId, session } = this.env
    const draft = { toolscope: 1, session, run: runId, epoch, seq: 0, time: clock.currentTimeMillisUnsafe(), ...fields }
    let built: unknown
    Object.defineProperty(draft, key, { enumerable: true, get: () => (built ??= get()) })
    this.append(draft as unknown as Draft)
  }

  opened(): void {
    const { compiled, env } = this
    const contracts: Record<string, Contract.Data> = {}
    for (const { contract, id, index, tool } of compiled.calls.values()) {
      const { node } = compiled.nodes[index]!
      // inline Effects share a name, not a contract
      contracts[node.policy === "call" && node.inline ? id : tool.name] ??= Contract.toData(contract)
    }
    const { budget: _, ...limits } = env.limits
    const { caller, ownAccount } = env
    const now = Number(env.clock.monotonicTimeNanosUnsafe() / 1_000n) / 1_000
    const fields = {
      type: "fanout.opened",
      contracts,
      limits,
      ...(ownAccount === undefined ? {} : { budget: ownAccount.usage(now) }),
      // that of a session which was itself opened inside of a handler belongs to the session
      ...(caller === undefined || caller.heritage.session !== env.session ? {} : { inside: placeOf(caller) })
    }
    this.writeLazily(fields, "plan", () => encodeNode(compiled).json)
  }

  resumed(): void {
    const { caller, session } = this.env
    const inside = caller === undefined || caller.heritage.session !== session ? {} : { inside: placeOf(caller) }
    this.write({ type: "fanout.resumed", ...inside })
  }

  queued(call: CallState): void {
    // one that was answered waits for a permit to go on
    const goesOn = call.waits !== "no" && call.current?.isOver === false
    this.write({ type: "call.queued", call: call.spec.id, attempt: call.attempts + (goesOn ? 0 : 1) })
  }

  started(call: CallState, attempt: RunningAttempt): void {
    this.write({ type: "attempt.started", call: call.spec.id, attempt: attempt.attempt, key: attempt.idempotencyKey })
  }

  refused(call: CallState, reason: Refusal): void {
    this.write({ type: "attempt.refused", call: call.spec.id, attempt: call.attempts + 1, reason })
  }

  ended(call: CallState, attempt: RunningAttempt): void {
    const end = call.end!
    const induced = call.stoppedBy !== undefined && isInduced(end)
    // its own error, not that of a timeout that it did not hear
    const message = induced || !("error" in end) ? undefined : (text(end.error, "message") ?? text(end.error, "_tag"))
    // that nothing happened is said also where a stop is why
    const result = end._tag === "notReached" ? end._tag : undefined
    this.write({
      type: "attempt.ended",
      call: call.spec.id,
      attempt: attempt.attempt,
      result: result ?? (induced ? (call.hasTimedOut ? "timeout" : "stopped") : end._tag),
      ...(message === undefined ? {} : { error: message })
    })
  }

  /** Not kept: a handler that says much would fill the journal with what no guarantee is about. */
  readonly progress = ({ attempt, call }: RunningAttempt, progress: Progress): void => {
    this.env.journal.show(this.draft({ type: "attempt.progress", call, attempt, ...progress }))
  }

  leftBehind(call: CallState, attempt: RunningAttempt): void {
    this.write({ type: "attempt.leftBehind", call: call.spec.id, attempt: attempt.attempt })
  }

  lateUndo(call: CallState): void {
    this.write({ type: "response.late", call: call.spec.id, attempt: call.attempts, answer: "noAnswer", undo: true })
  }

  late(call: CallState, attempt: RunningAttempt): void {
    const { body } = attempt
    const answered = body !== undefined && (Exit.isSuccess(body) || !Cause.hasInterruptsOnly(body.cause))
    const answer = answered ? (Exit.isSuccess(body) ? "success" : "failure") : "noAnswer"
    this.write({ type: "response.late", call: call.spec.id, attempt: attempt.attempt, answer })
  }

  settled(call: CallState, state: Decision.State): void {
    const { outcome } = call.conclusion!
    const { id, index } = call.spec
    for (const effect of call.effects) this.effectState(call, effect)
    this.write({ type: "call.settled", call: id, outcome: outcome._tag, verdict: Decision.verdict(state, index) })
  }

  effectIntended(call: CallState, { attempt }: RunningAttempt, key: string): void {
    this.write({ type: "effect.intended", call: call.spec.id, attempt, key })
  }

  effectRefused(
    call: CallState,
    { attempt }: RunningAttempt,
    key: string,
    reason: "stop" | "journal" | "contract" | "failure" | "probe"
  ): void {
    this.write({ type: "effect.refused", call: call.spec.id, attempt, key, reason })
  }

  effectProbed(call: CallState, key: string, answer: Option.Option<boolean>): void {
    const happened = Option.isNone(answer) ? "unknown" : answer.value ? "yes" : "no"
    this.write({ type: "effect.probed", call: call.spec.id, key, happened })
  }

  /** That it was committed, or that nobody knows: once for each change. */
  effectState(call: CallState, effect: EffectRecord): void {
    const { key, reported } = effect
    if (effect.written || (reported !== "committed" && reported !== "unknown")) return
    effect.written = true
    const type = reported === "committed" ? "effect.committed" : "effect.unknown"
    this.write({ type, call: call.spec.id, key })
  }

  compensating(call: CallState, effect: EffectRecord): void {
    this.effectState(call, effect)
    this.write({ type: "effect.compensating", call: call.spec.id, key: effect.key })
  }

  compensated(call: CallState, { key }: EffectRecord, error: string | undefined): void {
    const of = { call: call.spec.id, key }
    if (error === undefined) this.write({ type: "effect.compensated", ...of })
    else this.write({ type: "effect.compensationFailed", ...of, error })
  }

  asked(call: CallState, attempt: number, { expiresAt, id, kind, params, prompt, schema }: Question): void {
    this.write({
      type: "question.asked",
      call: call.spec.id,
      attempt,
      question: id,
      kind,
      prompt,
      schema,
      ...(params === undefined ? {} : { params }),
      ...(expiresAt === undefined ? {} : { expiresAt })
    })
  }

  answered(call: CallState, question: string, reply: Reply): void {
    const by = reply.by === undefined ? {} : { by: reply.by }
    const rest =
      reply._tag === "answer"
        ? { reply: "answer" as const, answer: reply.json }
        : {
            reply: reply.expired ? ("expired" as const) : ("denied" as const),
            ...(reply.reason === undefined ? {} : { reason: reply.reason })
          }
    this.write({ type: "question.answered", call: call.spec.id, question, ...rest, ...by })
  }

  suspended(call: CallState, questions: ReadonlyArray<string>): void {
    this.write({ type: "call.suspended", call: call.spec.id, questions })
  }

  withdrawn(call: CallState, question: string, reason: string): void {
    this.write({ type: "question.withdrawn", call: call.spec.id, question, reason })
  }

  reserved(call: CallState, attempt: number, amounts: Amounts): void {
    this.write({ type: "budget.reserved", call: call.spec.id, attempt, amounts })
  }

  /** What was reserved has been charged: this much of it. */
  charged(call: CallState, attempt: number, amounts: Amounts): void {
    this.write({ type: "budget.settled", call: call.spec.id, attempt, amounts })
  }

  stopRequested(call: CallState, { call: origin, reason, source }: StopReason): void {
    const attempt = call.current !== undefined && !call.current.isOver ? { attempt: call.current.attempt } : {}
    this.write({
      type: "stop.requested",
      call: call.spec.id,
      ...attempt,
      source,
      ...(origin === undefined ? {} : { origin }),
      reason
    })
  }

  stopDelivered(call: CallState, attempt: RunningAttempt): void {
    this.write({ type: "stop.delivered", call: call.spec.id, attempt: attempt.attempt })
  }

  decided(state: Decision.State, node: number): void {
    const { decidedBy, decision, node: pointer, policy } = nodeReport(this.compiled, state, node)
    this.write({ type: "policy.decided", node: pointer, policy, decision, decidedBy })
  }

  drained(drained: boolean, millis: number): void {
    this.write({ type: "fanout.drained", drained, millis })
  }

  closed(report: () => Report): void {
    this.writeLazily({ type: "fanout.closed" }, "report", () => toJson(report()))
  }
}

/** Where something was begun inside of a handler. */
export const placeOf = ({ attempt, call, runId }: RunningAttempt) => ({ run: runId, call, attempt })

/** A node as the report has it. */
export const nodeReport = (compiled: Compiled, state: Decision.State, node: number): NodeReport => {
  const { pointer, policy } = compiled.nodes[node]!
  const by = Decision.decidedBy(state, node)
  return {
    node: pointer,
    policy: policy as NodeReport["policy"],
    decision: Decision.decision(state, node) ?? "suspended",
    decidedBy:
      Decision.decision(state, node) === undefined
        ? []
        : typeof by === "string"
          ? by
          : by.map((child) => compiled.nodes[child]!.path)
  }
}
