/**
 * Between the calls that ask and the desk where people answer: who waits gives its permits back, and goes on with new ones.
 *
 * A call waits while it has open questions, or a fan-out inside of its handler does, and no fan-out inside of it does anything else. When
 * all of its own are closed, or something is to happen in one of those fan-outs, it needs a permit again; what was answered is held until
 * then, and nothing happens below. While it waits no timeout of its attempt runs.
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
  readonly scheduleWake: () => void
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
  /** The handler around this fan-out waits for a permit: until it has one, nothing happens here. */
  isHeld = false

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
          // of several that it asks, the first to hear of a stop may end the others
          leave(attempt.stop?.reason ?? "its handler went on without an answer")
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

  private approvalId({ spec }: CallState): string {
    return `${this.host.env.keys}${spec.id}?approval`
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
    const open = questions.filter(({ state }) => state === "open")
    // all of them first: one that has its reply already wakes the handler, which then waits for none of these
    for (const { id } of open) call.open.add(id)
    for (const question of open) {
      // not by its path: a plan inside of a handler may have its one call on that of its caller
      if (question.id === this.approvalId(call))
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
    this.rest(call)
  }

  /** Waits, if nothing else is left to do for it. */
  private rest(call: CallState): void {
    const { current, open, waits } = call
    const { moving, still } = insideOf(current)
    if (waits !== "no" || moving > 0 || open.size + still === 0) return
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
    if (call.waits === "no") return then()
    call.held.push(then)
    this.comeBackIfDone(call)
  }

  private comeBackIfDone(call: CallState): void {
    if (call.open.size + insideOf(call.current).still === 0) this.comeBack(call)
  }

  private comeBack(call: CallState): void {
    if (call.waits !== "yes") return
    call.waits = "returning"
    this.host.push({ type: "answered", node: call.spec.index })
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
    if (isAlive(call)) this.rest(call)
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

  /** Nothing goes on here but people who think: then it may be that nothing does in the handler around it. */
  standsStill(): void {
    const { caller } = this.host.env
    if (caller?.isOver === false) caller.heritage.asking.stillBelow(caller, this)
  }

  /** May something happen here? If the handler around it waits, it is asked to go on, and the driver is woken when it has. */
  mayMove(): boolean {
    const { caller } = this.host.env
    if (caller === undefined || caller.isOver || this.host.isStopping) this.isHeld = false
    else if (!this.isHeld) {
      this.isHeld = true
      caller.heritage.asking.movesBelow(caller, this)
    }
    return !this.isHeld
  }

  /** This fan-out has closed: the handler around it does not wait for it any more. */
  hasClosed(): void {
    const { caller } = this.host.env
    if (caller?.isOver === false) caller.heritage.asking.closedBelow(caller, this)
  }

  private stillBelow(attempt: RunningAttempt, below: Asking): void {
    // what had passed the gate there may have ended: that is looked at here
    if (attempt.still?.has(below) === true) return this.host.scheduleWake()
    ;(attempt.still ??= new Set()).add(below)
    this.rest(this.host.callOf(attempt))
  }

  private movesBelow(attempt: RunningAttempt, below: Asking): void {
    const call = this.host.callOf(attempt)
    attempt.still?.delete(below)
    if (call.waits === "no") {
      below.isHeld = false
      return
    }
    call.held.push(() => {
      below.isHeld = false
      below.host.scheduleWake()
    })
    this.comeBack(call)
  }

  private closedBelow(attempt: RunningAttempt, below: Asking): void {
    const call = this.host.callOf(attempt)
    attempt.still?.delete(below)
    if (call.waits === "no") this.rest(call)
    else this.comeBackIfDone(call)
  }
}

/** Fan-outs inside of the handler that have not closed: in how many something goes on, and in how many only people think. */
const insideOf = (attempt: RunningAttempt | undefined): { readonly moving: number; readonly still: number } => {
  if (attempt?.isOver !== false) return { moving: 0, still: 0 }
  const still = attempt.still?.size ?? 0
  return { moving: attempt.inside - still, still }
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
