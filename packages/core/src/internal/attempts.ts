/**
 * The life of attempts: from the permit that the core has given, through the start, the stop, the end or the bound, to what the core is
 * told. It decides nothing: whether a call starts, stops or is tried again is the core's, the contract's and the schedule's to say.
 *
 * No fiber is joined: each is watched by an observer, so that nothing an attempt does can interrupt, fail or hold the caller.
 */
import * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { CallError, type Denied } from "../CallError.ts"
import * as Contract from "../Contract.ts"
import * as Decision from "../Decision.ts"
import type { LeftBehind } from "../Quarantine.ts"
import type { StopReason } from "../Report.ts"
import { describeShortage } from "./account.ts"
import { type Heritage, isInterruptible, RunningAttempt, suspension } from "./attempt.ts"
import { bounded } from "./bounded.ts"
import type { CallState } from "./call.ts"
import { mayHaveActed, ofExit } from "./ending.ts"
import type { Environment } from "./environment.ts"
import type { Gate } from "./gate.ts"
import type { Asking } from "./questions/asking.ts"
import type { Recorder, Refusal } from "./recorder.ts"
import * as Retry from "./retry.ts"
import type { Spending } from "./spending.ts"
import type { Undo } from "./undo.ts"
import type { Undos } from "./undos.ts"

export type AttemptTimer = {
  readonly type: "timeout" | "kill" | "bound"
  readonly attempt: RunningAttempt
}

/** What the driver of the fan-out lends. */
interface Host {
  readonly env: Environment
  readonly calls: ReadonlyMap<number, CallState>
  readonly recorder: Recorder
  readonly state: Decision.State
  readonly spending: Spending
  readonly gate: Gate
  readonly heritage: Heritage
  readonly undos: Undos
  readonly asking: Asking
  readonly leftBehind: Set<RunningAttempt | Undo>
  readonly isStopping: boolean
  readonly stoppedFromAbove: StopReason | undefined
  readonly closed: boolean
  /** The report has been made: what comes now stands in the journal only. */
  readonly reported: boolean
  /** Of a stop, in milliseconds. */
  readonly drain: number
  readonly now: () => number
  readonly arm: (timer: AttemptTimer | { readonly type: "retryDue"; readonly node: number }, millis: number) => void
  /** Tells the core, with everything else of this instant. */
  readonly push: (event: Decision.Event) => void
  /** Something is to be looked at when everything that is ready now has run. */
  readonly scheduleWake: () => void
  /** A call is over: to be journaled when the core has fixed its verdict. */
  readonly over: (call: CallState) => void
  /** Somebody may have asked for a stop, and nobody has delivered it yet. */
  readonly takeStopAtOnce: () => void
  readonly fork: <A, E>(
    effect: Effect.Effect<A, E>,
    options?: { readonly uninterruptible: boolean }
  ) => Fiber.Fiber<A, E>
}

export class Attempts {
  private readonly host: Host
  private readonly env: Environment
  private readonly recorder: Recorder
  private readonly spending: Spending
  /** Their handlers have ended; of some the finalizers, or what they had started, has not. */
  private answered: Array<RunningAttempt> = []

  constructor(host: Host) {
    this.host = host
    this.env = host.env
    this.recorder = host.recorder
    this.spending = host.spending
  }

  /** Admitted by the core: a permit of the session and a part of the budget are still to be had. */
  start(call: CallState): void {
    if (call.stoppedBy !== undefined) return this.refuse(call, "stop")
    if (!this.host.asking.mayStart(call)) return
    if (this.env.limiter === undefined) return this.begin(call)
    const overloaded = this.spending.queue(call)
    if (overloaded !== undefined) this.refuse(call, "overloaded", overloaded)
  }

  /** It was answered, and the core has a permit for it. */
  resume(call: CallState): void {
    // it may have been stopped in the same instant
    if (call.waits !== "returning") return
    if (call.current?.isOver !== false) {
      call.waits = "no"
      return this.start(call)
    }
    if (this.env.limiter === undefined) this.host.asking.goOn(call)
    else this.spending.queue(call)
  }

  deny(call: CallState, denied: Denied): void {
    this.refuse(call, "denied", new CallError({ reason: denied }))
  }

  /** It waits for an answer, and nobody will wait here: it ends, and will begin again elsewhere. */
  suspend(call: CallState): void {
    const attempt = call.current
    if (call.waits === "no" || attempt?.isOver !== false) return
    this.bound(attempt)
    attempt.requestStop(suspension)
  }

  /** It does not start. */
  private refuse(call: CallState, reason: Refusal, error?: CallError): void {
    this.recorder.refused(call, reason)
    call.end = { _tag: "refused", ...(error === undefined ? {} : { error }) }
    if (reason === "budget") {
      const { lastEnd, lastStop, shortage } = call
      // where the budget lets no further attempt start, the call ends as its last one did
      if (lastEnd === undefined) call.stoppedBy = { source: "budget", reason: describeShortage(shortage!) }
      else [call.end, call.stoppedBy] = [lastEnd, lastStop]
    }
    this.spending.release(call)
    this.host.asking.ended(call, call.stoppedBy?.reason ?? "its call does not start")
    this.host.over(call)
    this.host.push({ type: "ended", node: call.spec.index, result: "failure", acted: call.acted })
  }

  begin(call: CallState): void {
    const { env } = this
    this.host.takeStopAtOnce()
    if (call.stoppedBy !== undefined) return this.refuse(call, "stop")
    const reservation = this.spending.reserve(call, this.host.now())
    if (call.shortage !== undefined) return this.refuse(call, "budget")
    const attempt = new RunningAttempt(call.spec, this.host.gate, this.host.heritage, {
      runId: env.runId,
      epoch: env.epoch,
      call: call.spec.id,
      attempt: call.attempts + 1,
      idempotencyKey: call.key(0, env.keys)
    })
    attempt.reservation = reservation
    attempt.resumes = call.resumes
    call.resumes = []
    this.spending.hold(call, attempt)
    call.current = attempt
    call.attempts++
    call.startedAt ??= env.clock.currentTimeMillisUnsafe()
    this.recorder.started(call, attempt)
    const fiber = this.host.fork(
      attempt.program(this.recorder.flush, this.host.takeStopAtOnce, (isLast) => {
        // nearly always its fiber ends now: whether it did is looked at later
        if (isLast) {
          this.answered.push(attempt)
          this.host.scheduleWake()
        } else this.bound(attempt)
      }),
      { uninterruptible: !isInterruptible(call.spec) }
    )
    // an attempt that still waits for the journal can be told to stop, too
    attempt.fiber ??= fiber
    if (fiber.pollUnsafe() === undefined && call.waits === "no") this.armTimeout(attempt, call.timeout)
    else attempt.millisLeft = call.timeout
    fiber.addObserver((exit) => {
      this.onExit(call, attempt, exit)
    })
  }

  armTimeout(attempt: RunningAttempt, millis: number): void {
    const timer: AttemptTimer = { type: "timeout", attempt }
    attempt.timer = timer
    attempt.timesOutAt = this.host.now() + millis
    this.host.arm(timer, millis)
  }

  /** From now on there is a bound. */
  private bound(attempt: RunningAttempt): void {
    this.host.arm({ type: "bound", attempt }, this.host.drain)
    attempt.boundBy(this.host.now() + this.host.drain)
  }

  /** The handler has ended, and its fiber has not: it waits for what the handler had forked. */
  boundAnswered(): void {
    if (this.answered.length === 0) return
    for (const attempt of this.answered) if (!attempt.isOver) this.bound(attempt)
    this.answered = []
  }

  /** The call is to stop: from here on it is fenced. It hears of that when all that stop in this instant are ({@link stop}). */
  ask(call: CallState, reason: StopReason): void {
    if (call.stoppedBy === undefined) {
      call.stoppedBy = reason
      call.isStoppedFromAbove = reason === this.host.stoppedFromAbove
    }
    const attempt = call.current
    this.recorder.stopRequested(call, call.stoppedBy)
    if (attempt?.isOver !== false) return
    this.bound(attempt)
    attempt.onKillable = () => {
      this.armKill(attempt)
    }
    if (attempt.kill !== undefined) attempt.onKillable()
    this.recorder.stopDelivered(call, attempt)
    attempt.closeFence(call.stoppedBy, call.hasTimedOut)
  }

  /** What was asked to stop is told, or given up where nothing of it runs. What it gives back others may get at once. */
  stop(call: CallState): void {
    const attempt = call.current
    // it waits for a permit of the session, or between two: it will not start
    const isAlive = attempt?.isOver === false
    if (call.ticket !== undefined) {
      this.spending.leave(call)
      if (!isAlive) return this.refuse(call, "stop")
    }
    // it waits for somebody's leave to start
    if (!isAlive && call.waits !== "no") return this.refuse(call, "stop")
    if (isAlive) attempt.requestStop(call.stoppedBy!)
  }

  /** What runs elsewhere is killed shortly before the bound, so that its end is seen within it. */
  private armKill(attempt: RunningAttempt): void {
    const margin = Math.min(this.host.drain / 4, 1000)
    this.host.arm({ type: "kill", attempt }, Math.max(0, attempt.boundAt! - margin - this.host.now()))
  }

  /** The bound of all that stops has come nearer. */
  hurry(): void {
    for (const { current } of this.host.calls.values()) {
      if (current?.boundAt === undefined || current.isOver) continue
      this.bound(current)
      if (current.kill !== undefined) current.onKillable?.()
    }
  }

  /** Watches an attempt's fiber: called once, whenever it ends. It must never throw. */
  private onExit(call: CallState, attempt: RunningAttempt, exit: Exit.Exit<unknown, unknown>): void {
    attempt.ended = true
    // after one that was left behind a further attempt may stand there
    if (!attempt.leftBehind) this.leaveLine(call)
    const wasSuspended = attempt.stop === suspension && call.stoppedBy === undefined
    if (wasSuspended && !attempt.leftBehind) return this.onSuspended(call, attempt, exit)
    // a further attempt may be asking by then
    if (attempt.leftBehind) return this.onLate(call, attempt)
    this.host.asking.ended(call, call.stoppedBy?.reason ?? "its handler has ended")
    if (!attempt.began) {
      call.takeBack()
      const refusal = Exit.isFailure(exit) ? Cause.findErrorOption(exit.cause) : undefined
      call.end = refusal?._tag === "Some" ? { _tag: "refused", error: refusal.value as CallError } : { _tag: "refused" }
      this.recorder.refused(call, refusal?._tag === "Some" ? "journal" : "stop")
    } else {
      call.end = ofExit(call.spec.tool, attempt.body ?? exit)
      this.noteEnd(call, attempt)
      call.addCleanup(attempt.cleanup)
    }
    this.spending.settle(call, attempt)
    this.recorder.ended(call, attempt)
    // last: who waits for its permits begins at once, and finds what it gave back
    this.spending.free(attempt)
    this.concludeAttempt(call, "ended")
  }

  /** Answered, it may stand in the line of the session: its turn would start a call that is over. */
  private leaveLine(call: CallState): void {
    if (call.ticket !== undefined) this.spending.leave(call)
  }

  /** Its call waits on: the core is not told. */
  private onSuspended(call: CallState, attempt: RunningAttempt, exit: Exit.Exit<unknown, unknown>): void {
    call.end = ofExit(call.spec.tool, attempt.body ?? exit)
    call.stoppedBy = attempt.stop
    this.spending.settle(call, attempt)
    this.recorder.ended(call, attempt)
    this.spending.free(attempt)
    call.end = undefined
    call.stoppedBy = undefined
    call.addCleanup(attempt.cleanup)
    this.host.scheduleWake()
  }

  private noteEnd(call: CallState, { probed }: RunningAttempt): void {
    if (!mayHaveActed(call.spec.contract, call.end!)) return
    const effect = call.noteEnd(this.host.gate.nextOrder(), this.env.keys, probed)
    if (probed !== undefined) this.recorder.effectProbed(call, effect.key, probed)
  }

  /** It had not ended at its bound: it is fenced, and lives in the quarantine until it ends. */
  leaveBehind(attempt: RunningAttempt): void {
    const call = this.host.calls.get(attempt.spec.index)!
    // unless it has been stopped since
    const isSuspended = attempt.stop === suspension && call.stoppedBy === undefined
    attempt.leftBehind = true
    if (!isSuspended) this.host.asking.ended(call, call.stoppedBy?.reason ?? "its handler was left behind")
    this.host.leftBehind.add(attempt)
    this.leaveLine(call)
    this.spending.settle(call, attempt)
    this.spending.free(attempt)
    const since = this.env.clock.currentTimeMillisUnsafe()
    // one that has not begun, or not reached its tool, never will: its fence is closed
    const mayAct =
      attempt.began &&
      ((attempt.guards === 0 && Contract.actsAtStart(attempt.spec.contract)) ||
        call.effects.some(({ state }) => state === "running") ||
        // a fan-out inside of it has not closed: what that does is not known yet
        attempt.isAround)
    const { attempt: number, call: id, runId } = attempt
    const member: LeftBehind = {
      id: `${runId}${id}#${number}`,
      runId,
      call: id,
      tool: attempt.spec.tool.name,
      attempt: number,
      mayAct,
      since
    }
    this.env.quarantine.add(member)
    attempt.fiber?.addObserver(() => {
      this.env.quarantine.remove(member)
    })
    call.leftBehind = true
    if (isSuspended) {
      // behind its fence it does nothing at the gate: its call waits on, and begins again elsewhere
      this.recorder.leftBehind(call, attempt)
      this.host.scheduleWake()
      return
    }
    if (!attempt.began) {
      call.takeBack()
      this.recorder.refused(call, "stop")
    }
    // the answer may be known, and only the cleanup hang
    call.end = !attempt.began
      ? { _tag: "refused" }
      : attempt.body === undefined
        ? { _tag: attempt.guards > 0 ? "notReached" : "noAnswer" }
        : ofExit(call.spec.tool, attempt.body)
    this.noteEnd(call, attempt)
    attempt.stopInside(attempt.stop)
    // what runs inside of it is not waited for any more, and what it has done by now is what its caller did
    call.adopt(attempt.seenInside)
    // what runs at the gate may come to anything; the journal will say that it ended, and no more
    call.loseSightOfEffects()
    if (attempt.body !== undefined)
      call.addCleanup("a finalizer, or what the handler had started, had not ended at the bound")
    this.recorder.leftBehind(call, attempt)
    this.concludeAttempt(call, "leftBehind")
  }

  private onLate(call: CallState, attempt: RunningAttempt): void {
    this.host.leftBehind.delete(attempt)
    if (!this.host.reported) call.late.push(attempt.attempt)
    this.recorder.late(call, attempt)
    if (this.host.closed) this.host.undos.late(call)
  }

  /** An attempt is over: will another follow? Then tells the core. */
  private concludeAttempt(call: CallState, type: "ended" | "leftBehind"): void {
    const { end, spec } = call
    const { index } = spec
    const tell = (result: "success" | "failure" | "retry") => {
      const { acted } = call
      if (result === "retry") call.forget()
      // an answer after a timeout is not what the policies are told
      const told = result === "success" && call.stoppedBy !== undefined ? "failure" : result
      this.host.push({ type, node: index, result: told, acted })
      if (result !== "retry") this.host.over(call)
    }
    if (end === undefined || end._tag === "success") return tell(end === undefined ? "failure" : "success")
    const isOpen = () => Decision.decision(this.host.state, index) === undefined && !this.host.isStopping
    // what interrupted a timed-out attempt is its timeout: that is no bug of the handler
    const why = call.hasTimedOut && end._tag === "noAnswer" ? { _tag: end._tag } : end
    if (spec.retry === undefined || !isOpen() || !Retry.mayFollow(spec.contract, why, call.acted !== "no"))
      return tell("failure")
    call.retry ??= Retry.make(spec.retry)
    const asked = this.host.fork(bounded(call.retry(call.error), this.env.limits.drain))
    asked.addObserver((exit) => {
      if (Exit.isFailure(exit)) {
        const died = Cause.findErrorOption(exit.cause)
        call.end = { _tag: "failure", error: died._tag === "Some" ? died.value : Cause.squash(exit.cause) }
        return tell("failure")
      }
      const delay = exit.value._tag === "Some" ? exit.value.value : undefined
      if (delay === undefined || !isOpen()) return tell("failure")
      call.shortage = this.env.pace?.forRetry(spec)
      if (call.shortage !== undefined) return tell("failure")
      this.host.arm({ type: "retryDue", node: index }, delay)
      // a clock or a schedule can stop the fan-out from within
      tell(isOpen() ? "retry" : "failure")
    })
  }
}
