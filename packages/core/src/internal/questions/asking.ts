/**
 * Between the calls that ask and the desk where people answer: who waits gives its permits back, and goes on with new ones.
 *
 * A call waits from its first open question until all of them are closed, and then until it has a permit again; what was answered
 * meanwhile is held until then. While it waits no timeout of its attempt runs.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"
import { CallError, ContractViolation, Denied } from "../../CallError.ts"
import * as Contract from "../../Contract.ts"
import type * as Decision from "../../Decision.ts"
import type { Options, Question } from "../../Question.ts"
import type { RunningAttempt } from "../attempt.ts"
import type { CallState } from "../call.ts"
import * as codec from "../codec.ts"
import { toMillis } from "../duration.ts"
import type { Environment } from "../environment.ts"
import { IsAtGate } from "../gate.ts"
import { sanitize } from "../json.ts"
import type { Recorder } from "../recorder.ts"
import type { Spending } from "../spending.ts"
import * as Approval from "./approval.ts"
import type { Asked, Desk, Reply } from "./desk.ts"

interface Host {
  readonly env: Environment
  readonly desk: Desk
  readonly recorder: Recorder
  readonly spending: Spending
  readonly callOf: (attempt: RunningAttempt) => CallState
  readonly push: (event: Decision.Event) => void
  readonly takeStopAtOnce: () => void
  readonly now: () => number
  readonly armTimeout: (attempt: RunningAttempt, millis: number) => void
  /** A call that has not started will not. */
  readonly deny: (call: CallState, denied: Denied) => void
  /** `at`: in milliseconds since the epoch. */
  readonly armExpiry: (id: string, at: number) => void
  readonly isStopping: boolean
  /** The fan-out is being suspended: who waits ends, and its questions stay open. */
  readonly isSuspending: boolean
}

/** What has been answered, in the order in which a handler asks. */
export interface Answered {
  readonly prompt: string
  readonly reply:
    | { readonly _tag: "answer"; readonly json: Json }
    | { readonly _tag: "denied"; readonly by?: string; readonly reason?: string; readonly expired: boolean }
}

type Answer = Result.Result<unknown, Denied>

export class Asking {
  private readonly host: Host
  /** Of the fan-out around this one: it was told that nothing goes on here. */
  private hasToldCaller = false

  constructor(host: Host) {
    this.host = host
  }

  /** The reply to a question of a handler. */
  ask(attempt: RunningAttempt, options: Options<any>): Effect.Effect<Answer> {
    return Effect.withFiber((fiber) => {
      const { env, recorder } = this.host
      const call = this.host.callOf(attempt)
      const violated = (rule: ContractViolation["rule"]) =>
        Effect.die(new CallError({ reason: new ContractViolation({ rule }) }))
      if (isInsideActing(attempt)) return violated("asks")
      if (fiber.getRef(IsAtGate)) return violated("asksAtGate")
      if (attempt.ended || attempt.body !== undefined) return violated("hasEnded")
      const ordinal = attempt.questions++
      const { decode, jsonSchema } = codec.of(options.schema)
      const known = call.answered.get(ordinal)
      if (known?.prompt === options.prompt) {
        const answer = replay(known, decode)
        if (answer !== undefined) return Effect.succeed(answer)
      }
      this.host.takeStopAtOnce()
      if (!attempt.fenceIsOpen) return Effect.interrupt
      const question = this.question(call, `?${ordinal}`, options.expires, {
        kind: "question",
        prompt: options.prompt,
        schema: sanitize(jsonSchema() ?? {})
      })
      return Effect.flatMap(this.wait(call, attempt, question, decode, ordinal), (answer) =>
        // what was answered is kept before anything is done with it
        Effect.as(Effect.orDie(recorder.flush), answer)
      ).pipe(env.journal.flush === Effect.void ? (same) => same : Effect.interruptible)
    })
  }

  private wait(
    call: CallState,
    attempt: RunningAttempt,
    question: Question,
    decode: codec.Codec["decode"],
    ordinal: number
  ): Effect.Effect<Answer> {
    const { id } = question
    return Effect.interruptible(
      Effect.callback<Answer>((resume) => {
        let isOpen = true
        const leave = (why: string) => {
          forget()
          if (!isOpen) return
          isOpen = false
          if (!this.host.isSuspending) this.withdraw(call, id, why)
        }
        const forget = attempt.onStop((reason) => {
          leave(reason.reason)
          resume(Effect.interrupt)
        })
        this.opened(call, id)
        // after a resume it has been asked already
        if (!this.host.desk.isOpen(id, question.prompt)) this.host.recorder.asked(call, attempt.attempt, question)
        const asked: Asked = {
          decode,
          replied: (reply) => {
            isOpen = false
            call.answered.set(ordinal, { prompt: question.prompt, reply: kept(reply) })
            this.host.recorder.answered(call, id, reply)
            this.closed(call, id, () => {
              forget()
              resume(Effect.succeed(toAnswer(reply)))
            })
          }
        }
        this.host.desk.ask(question, asked, this.host.env.topRunId)
        return Effect.sync(() => {
          leave("its handler went on without an answer")
        })
      })
    )
  }

  /** May this call start? If not, somebody is asked, and it waits. */
  mayStart(call: CallState): boolean {
    const { desk, env, recorder } = this.host
    const { contract, paramsJson, tool } = call.spec
    if (call.approval === "given" || !Approval.needsApproval(call.spec, env.approval)) return true
    const isActing = isInsideActing(env.caller) || Context.get(env.context, IsAtGate)
    if (env.questions.whenOnlyQuestionsRemain === "suspend" && isActing) {
      const why = "it runs inside of what may have acted, which cannot be suspended"
      this.host.deny(call, new Denied({ expired: false, why }))
      return false
    }
    call.approval = "asked"
    const question = this.question(call, "?approval", undefined, {
      kind: "approval",
      prompt: `May ${tool.name === "" ? "an inline Effect" : tool.name} run? (${contract.effect})`,
      schema: sanitize(codec.of(Approval.Answer).jsonSchema() ?? {}),
      params: sanitize(paramsJson)
    })
    this.opened(call, question.id)
    recorder.asked(call, 0, question)
    desk.ask(question, this.approvalOf(call, question.id), env.topRunId)
    return false
  }

  private approvalOf(call: CallState, id: string): Asked {
    return {
      decode: codec.of(Approval.Answer).decode,
      replied: (reply) => {
        this.host.recorder.answered(call, id, reply)
        if (reply._tag === "answer") {
          call.approval = "given"
          this.closed(call, id, () => {})
        } else this.host.deny(call, denied(reply))
      }
    }
  }

  /** As it waited when the fan-out was suspended. A handler runs again when one of its questions has a reply. */
  restore(call: CallState, questions: ReadonlyArray<Question>): void {
    const { topRunId } = this.host.env
    call.waits = "yes"
    for (const question of questions) {
      if (question.state !== "open") continue
      call.open.add(question.id)
      if (question.kind === "approval" && question.call === call.spec.id)
        this.host.desk.restoreAsked(question, this.approvalOf(call, question.id), topRunId)
      else {
        const wake = () => {
          if (call.waits !== "yes" || isAlive(call)) return
          for (const id of call.open) call.expected.add(id)
          call.open.clear()
          this.comeBack(call)
        }
        this.host.desk.restore(question, wake, topRunId)
      }
      if (question.expiresAt !== undefined) this.host.armExpiry(question.id, question.expiresAt)
    }
  }

  private question(
    { spec }: CallState,
    suffix: string,
    expires: Options<any>["expires"],
    rest: Pick<Question, "kind" | "prompt" | "schema" | "params">
  ): Question {
    const { clock, keys, runId } = this.host.env
    const id = `${keys}${spec.id}${suffix}`
    const askedAt = clock.currentTimeMillisUnsafe()
    const millis = expires === undefined ? Infinity : (toMillis(expires) ?? Duration.toMillis(expires))
    if (Number.isFinite(millis)) this.host.armExpiry(id, askedAt + millis)
    const expiresAt = Number.isFinite(millis) ? { expiresAt: askedAt + millis } : {}
    return { id, runId, call: spec.id, tool: spec.tool.name, ...rest, state: "open", askedAt, ...expiresAt }
  }

  /** One more question of this call: with the first it waits. */
  private opened(call: CallState, id: string): void {
    call.open.add(id)
    call.expected.delete(id)
    if (call.waits === "no") this.beginWait(call)
  }

  private beginWait(call: CallState): void {
    const { current } = call
    call.waits = "yes"
    if (current !== undefined && !current.isOver) {
      current.millisLeft = current.timesOutAt === undefined ? undefined : current.timesOutAt - this.host.now()
      current.timer = undefined
      this.host.spending.free(current)
    }
    this.host.push({ type: "asks", node: call.spec.index })
  }

  /** One less; `then` comes when the call has a permit again. */
  private closed(call: CallState, id: string, then: () => void): void {
    call.open.delete(id)
    call.held.push(then)
    if (call.open.size === 0 && call.waits === "yes") this.comeBack(call)
  }

  private comeBack(call: CallState): void {
    const { caller } = this.host.env
    call.waits = "returning"
    const answered = () => {
      this.host.push({ type: "answered", node: call.spec.index })
    }
    if (!this.hasToldCaller && !(caller?.heritage.asking.isComingBack(caller) ?? false)) return answered()
    // the handler around it goes on first: it has to have a permit
    this.hasToldCaller = false
    caller!.heritage.asking.closedBelow(caller!, this, answered)
  }

  /** The core has a permit for it, and so has the session. */
  goOn(call: CallState): void {
    const { current, held } = call
    if (current === undefined || !isAlive(call)) return
    this.host.spending.hold(call, current)
    if (current.millisLeft !== undefined) this.host.armTimeout(current, Math.max(0, current.millisLeft))
    call.waits = "no"
    call.held = []
    for (const then of held) then()
    // asked while it was on its way back
    if (call.open.size > 0 && isAlive(call)) this.beginWait(call)
  }

  private withdraw(call: CallState, id: string, why: string): void {
    if (!this.host.desk.withdraw(id, why)) return
    this.host.recorder.withdrawn(call, id, why)
    this.closed(call, id, () => {})
  }

  /** It has ended, or will not start: nobody waits for answers any more. */
  ended(call: CallState, why: string): void {
    for (const id of [...call.open, ...call.expected]) {
      if (this.host.desk.withdraw(id, why)) this.host.recorder.withdrawn(call, id, why)
    }
    call.open.clear()
    call.expected.clear()
    call.held = []
    call.waits = "no"
  }

  /** Nothing goes on here but people who think: then nothing does in the handler around it. */
  standsStill(): void {
    const { caller } = this.host.env
    if (caller === undefined || this.hasToldCaller || caller.isOver) return
    this.hasToldCaller = true
    caller.heritage.asking.openedBelow(caller, this)
  }

  /** Something goes on again. */
  moves(): void {
    if (!this.hasToldCaller) return
    this.hasToldCaller = false
    const caller = this.host.env.caller!
    caller.heritage.asking.closedBelow(caller, this, () => {})
  }

  /** Answered below, and without a permit: what else is answered there waits with it. */
  private isComingBack(attempt: RunningAttempt): boolean {
    return !attempt.isOver && this.host.callOf(attempt).waits === "returning"
  }

  private openedBelow(attempt: RunningAttempt, below: Asking): void {
    if (!attempt.isOver) this.opened(this.host.callOf(attempt), `@${below.host.env.runId}`)
  }

  private closedBelow(attempt: RunningAttempt, below: Asking, then: () => void): void {
    if (attempt.isOver) return then()
    this.closed(this.host.callOf(attempt), `@${below.host.env.runId}`, then)
  }
}

const isAlive = ({ current }: CallState): boolean => current?.isOver === false

/** Whoever would be run again after a resume must not have acted by then. */
const isInsideActing = (attempt: RunningAttempt | undefined): boolean =>
  attempt !== undefined && (Contract.actsAtStart(attempt.spec.contract) || isInsideActing(attempt.heritage.caller))

const toAnswer = (reply: Reply): Answer =>
  reply._tag === "answer" ? Result.succeed(reply.value) : Result.fail(denied(reply))

const denied = ({ by, expired, reason }: Extract<Reply, { readonly _tag: "denied" }>): Denied =>
  new Denied({ expired, ...(by === undefined ? {} : { by }), ...(reason === undefined ? {} : { why: reason }) })

const kept = (reply: Reply): Answered["reply"] => {
  if (reply._tag === "answer") return { _tag: "answer", json: reply.json }
  const { by, expired, reason } = reply
  return { _tag: "denied", expired, ...(by === undefined ? {} : { by }), ...(reason === undefined ? {} : { reason }) }
}

/** What was answered before; nothing if the question asks for something else now. */
const replay = ({ reply }: Answered, decode: codec.Codec["decode"]): Answer | undefined => {
  if (reply._tag === "denied") return Result.fail(denied({ ...reply, by: reply.by, reason: reply.reason }))
  const value = decode(reply.json)
  return Result.isSuccess(value) ? Result.succeed(value.success) : undefined
}
