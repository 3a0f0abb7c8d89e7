/**
 * The one place that touches fibers: it drives the decision core with what happens to the attempts, and does what the core asks.
 *
 * - The caller's fiber runs {@link Executor.loop}, also inside its own finalizer. Nothing else calls the core.
 * - Each attempt has a fiber of its own, watched by an observer. No fiber is joined, so that nothing an attempt does can interrupt,
 *   fail or hold the caller.
 * - What happens is put into `events`; the core takes all of one tick together. Timers are looked at after the ends of the same tick,
 *   so that an answer wins a tie with its timeout.
 * - A stop from outside is taken at once: between two starts of the same batch if need be.
 */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Decision from "../Decision.ts"
import type { Denied } from "../CallError.ts"
import type { Shortage, Usage } from "../Budget.ts"
import type { Fault } from "../PlanError.ts"
import type { CallReport, StopReason } from "../Report.ts"
import { describeShortage } from "./account.ts"
import { type Heritage, type Nested, type RunningAttempt, suspension } from "./attempt.ts"
import { Attempts, type AttemptTimer } from "./attempts.ts"
import { CallState } from "./call.ts"
import type { Compiled } from "./compile.ts"
import type { Environment } from "./environment.ts"
import { Gate } from "./gate.ts"
import { Parking } from "./parking.ts"
import { Answering } from "./questions/answering.ts"
import { Asking } from "./questions/asking.ts"
import type { Desk } from "./questions/desk.ts"
import { stopReason } from "./reason.ts"
import { Recorder } from "./recorder.ts"
import { openOf, take } from "./snapshot/take.ts"
import { Spending } from "./spending.ts"
import { callReport } from "./summary.ts"
import { Timers } from "./timers.ts"
import type { Undo } from "./undo.ts"
import { Undos } from "./undos.ts"
import { asNullable, asOption, compose } from "./values.ts"

type Timer =
  | { readonly type: "grace" | "stagger" | "deadline" | "retryDue"; readonly node: number }
  | AttemptTimer
  | { readonly type: "undoBound"; readonly undo: Undo }
  | { readonly type: "wallClock" }
  | { readonly type: "expiry"; readonly question: string; readonly at: number }

/** Take a breath after so many rounds without one, so that 10,000 synchronous calls do not hold the event loop. */
const roundsPerTick = 64

export class Executor {
  readonly compiled: Compiled
  readonly env: Environment
  readonly calls = new Map<number, CallState>()
  readonly recorder: Recorder
  readonly state: Decision.State
  decidedAt: number | undefined
  closedAt = 0
  /** Attempts and undos that were left behind and have not ended since. */
  readonly leftBehind = new Set<RunningAttempt | Undo>()
  /** Why everything was asked to stop, if it was. */
  stoppedFromAbove: StopReason | undefined
  closed = false
  /** It has ended without being decided: it goes on where it is resumed. */
  isSuspended = false
  /** Who waits for answers ends, to go on elsewhere. */
  isSuspending = false
  private mustSuspend = false
  private readonly answering: Answering
  /** The report has been made: what comes now stands in the journal only. */
  reported = false

  readonly gate: Gate
  readonly heritage: Heritage
  readonly spending: Spending
  readonly undos: Undos
  /** Of a stop: shorter than the limit where the fan-out has to be over before its caller is. */
  drain: number
  private undoBound: number
  readonly asking: Asking
  private readonly attempts: Attempts
  private readonly timers: Timers<Timer>
  private readonly parking: Parking
  readonly fork: <A, E>(
    effect: Effect.Effect<A, E>,
    options?: { readonly uninterruptible: boolean }
  ) => Fiber.Fiber<A, E>
  private events: Array<Decision.Event> = []
  private stops: Array<number> = []
  private toUndo: Array<number> = []
  private starts: Array<number> = []
  private resumes: Array<number> = []
  private stopIsNew = false
  /** It goes on where another had been suspended. */
  private isResumed = false
  private isAnnounced = false
  private opened = false
  private readonly reasons = new Map<number, StopReason>()
  private readonly staggers = new Map<number, Timer>()
  /** Of deadlines: the timer that counts, none while it is paused; when it elapses; what was left of it. */
  readonly deadlines = new Map<
    number,
    { readonly timer: Timer | undefined; readonly due: number; readonly left: number }
  >()
  /** Calls that are over, to be journaled when the core has fixed their verdicts. */
  private ended: Array<CallState> = []
  /** What the core was told, instant by instant. */
  readonly steps: Array<ReadonlyArray<Decision.Event>> = []
  /** Calls that are over, and whose effects may still be undone: their outcomes are not fixed. */
  provisional: Array<CallState> = []
  private leaveCaller: (() => void) | undefined

  constructor(compiled: Compiled, env: Environment) {
    this.compiled = compiled
    this.env = env
    this.fork = Effect.runForkWith(env.context)
    this.parking = new Parking(() => (this.events.length > 0 && !this.asking.isHeld) || this.stopIsNew)
    this.timers = new Timers(env.clock, this.fork, this.scheduleWake)
    this.recorder = new Recorder(env, compiled)
    this.drain = env.limits.drain
    this.undoBound = env.limits.undo
    this.spending = new Spending(env, this.recorder, (call) => {
      if (call.waits === "returning") this.asking.goOn(call)
      else this.attempts.begin(call)
    })
    this.asking = new Asking(this)
    this.answering = new Answering(env.desk, this.fork, this.scheduleWake)
    this.heritage = {
      session: env.session,
      epoch: env.epoch,
      runId: env.runId,
      topRunId: env.topRunId,
      keys: env.keys,
      journal: env.journal,
      quarantine: env.quarantine,
      account: env.account,
      limiter: env.limiter,
      pace: env.pace,
      caller: env.caller,
      order: env.order,
      asking: this.asking,
      desk: env.desk,
      wake: this.scheduleWake,
      approval: env.approval,
      questions: env.questions,
      now: this.now,
      progress: this.recorder.progress,
      adopt: (attempt, nested) => {
        this.adopt(attempt, nested)
      },
      stopping: () => this.stoppedFromAbove
    }
    this.gate = new Gate({
      keys: env.keys,
      order: env.order,
      recorder: this.recorder,
      callOf: this.callOf,
      takeStop: this.takeStopAtOnce
    })
    this.undos = new Undos(this, this.fork, this.push)
    this.state = Decision.make({ nodes: compiled.nodes, concurrency: env.limits.concurrency, agrees: this.agrees })
    this.attempts = new Attempts(this)
    for (const [index, spec] of compiled.calls) this.calls.set(index, new CallState(spec, env.limits.timeout))
  }

  /**
   * Runs the plan to its close. Interrupted, it stops what runs, and waits for it to drain, to the bound. To be run in an
   * uninterruptible region: an interruption is taken by the loop alone, so that what has been opened is closed.
   */
  run(interruptible: <A>(effect: Effect.Effect<A>) => Effect.Effect<A>): Effect.Effect<void> {
    return Effect.withFiber((fiber) => {
      this.parking.driver = fiber
      this.announce()
      const { caller, questions } = this.env
      if (caller === undefined && questions.asked !== undefined) this.answering.answerBy(questions.asked)
      // who listens here has not heard of these; a fan-out inside of a handler has its questions among them
      if (this.isResumed && caller === undefined)
        for (const { id } of this.desk.listOpen(this.env.runId)) this.desk.remind(id)
      const { account } = this.env
      if (account !== undefined) this.timers.arm({ type: "wallClock" }, account.timeLeft(this.timers.now()))
      this.enter()
      return Effect.onExit(interruptible(this.loop), (exit) => {
        if (Exit.isSuccess(exit)) return Effect.void
        this.requestStop(
          this.env.caller?.stop ?? { source: "parent", reason: "the owner of the fan-out was interrupted" }
        )
        return this.loop
      })
    })
  }

  /** In the journal nothing stands before this. */
  announce(): void {
    if (this.isAnnounced) return
    this.isAnnounced = true
    if (this.isResumed) this.recorder.resumed()
    else this.recorder.opened()
  }

  get hasBegun(): boolean {
    return this.parking.driver !== undefined
  }

  /** Asks everything to stop. The first reason stays. */
  requestStop(reason: StopReason): void {
    if (reason === suspension) {
      this.mustSuspend = true
      this.parking.wake()
      return
    }
    if (this.stoppedFromAbove !== undefined || this.closed) return
    this.stoppedFromAbove = reason
    this.stopIsNew = true
    this.parking.wake()
  }

  /**
   * Inside of a handler, from when it has been prepared: it stops when its caller is told to, for the same reason, and is over before its
   * caller's bound.
   */
  enter(): void {
    const { caller } = this.env
    this.leaveCaller ??= caller?.enter({
      seen: () => [...this.calls.values()].flatMap((call) => call.seen(this.env.keys)),
      stop: (reason) => {
        this.requestStop(reason)
      },
      hurry: () => {
        const left = caller.boundAt! - this.timers.now()
        this.hurry(left - Math.min(250, left / 4))
      }
    })
  }

  /** What is left of its caller's drain is shared out between its own drain and undo. */
  private hurry(left: number): void {
    const { drain, undo } = this.env.limits
    if (left >= drain + undo) return
    this.drain = (Math.max(0, left) * drain) / Math.max(1, drain + undo)
    this.undoBound = Math.max(0, left) - this.drain
    // what was told to stop before has a bound that is too far away
    this.attempts.hurry()
    for (const undo of this.undos.running) this.timers.arm({ type: "undoBound", undo }, Math.max(0, left))
  }

  /** A fan-out inside of this attempt's handler has closed. */
  private adopt(attempt: RunningAttempt, { effects, strays }: Nested): void {
    const call = this.calls.get(attempt.spec.index)!
    call.strays = [...call.strays, ...strays]
    const { caller } = this.env
    // whoever undoes what was done here waits for these as well
    if (this.closed) caller?.heritage.adopt(caller, { effects: [], strays })
    // what it had done when its caller was left behind has been adopted by then, as it was known
    if (attempt.isOver) return
    call.adopt(effects)
    if (strays.some(({ size }) => size > 0)) call.leftBehind = true
  }

  /** It goes on from here: its state has been restored. */
  goesOn(): void {
    this.isResumed = true
    this.opened = true
  }

  /** Before anything starts: one attempt of each call without which the plan cannot succeed. */
  reserveEssential(): ReadonlyArray<Fault> {
    return this.spending.reserveEssential(this.compiled, this.calls, this.timers.now())
  }

  private readonly loop: Effect.Effect<void> = Effect.suspend(() => this.round())

  private round(): Effect.Effect<void> {
    if (this.closed) return Effect.void
    for (let i = 0; i < roundsPerTick; i++) {
      if (!this.pump()) {
        if (Decision.isClosed(this.state) || this.standsStill()) {
          this.close()
          return Effect.void
        }
        return Effect.andThen(this.parking.park, this.loop)
      }
    }
    return Effect.andThen(Effect.yieldNow, this.loop)
  }

  readonly callOf = (attempt: RunningAttempt): CallState => this.calls.get(attempt.spec.index)!

  readonly armTimeout = (attempt: RunningAttempt, millis: number): void => {
    this.attempts.armTimeout(attempt, millis)
  }

  readonly deny = (call: CallState, denied: Denied): void => {
    this.attempts.deny(call, denied)
  }

  readonly armExpiry = (question: string, at: number): void => {
    this.timers.arm({ type: "expiry", question, at }, at - this.env.clock.currentTimeMillisUnsafe())
  }

  get desk(): Desk {
    return this.env.desk
  }

  readonly now = (): number => this.timers.now()

  readonly arm = (timer: Timer, millis: number): void => {
    this.timers.arm(timer, millis)
  }

  readonly scheduleWake = (): void => {
    this.parking.scheduleWake()
  }

  readonly push = (event: Decision.Event): void => {
    this.events.push(event)
    this.scheduleWake()
  }

  readonly over = (call: CallState): void => {
    this.ended.push(call)
  }

  /** Nothing has happened. Is it over, since nothing but answers is waited for, and nobody waits for them here? */
  private standsStill(): boolean {
    if (!Decision.isSuspended(this.state, 0)) {
      // something goes on that did not when this was asked for
      if (this.mustSuspend) this.requestStop({ source: "parent", reason: "the fan-out around it is suspended" })
      this.mustSuspend = false
      return false
    }
    const { caller, questions } = this.env
    if (this.isBusy || (this.asking.isHeld && !this.mustSuspend)) return false
    if (caller !== undefined && !this.mustSuspend) {
      this.asking.standsStill()
      return false
    }
    const isWaitedFor = questions.whenOnlyQuestionsRemain === "wait" || this.answering.isAnybodyAsked
    if (isWaitedFor && !this.mustSuspend) return false
    const problems = caller === undefined ? take(this).problems : []
    if (problems.length > 0) {
      this.requestStop({ source: "suspend", reason: `it cannot be suspended: ${problems.join("; ")}` })
      return false
    }
    this.isSuspending = true
    this.desk.suspend(this.env.runId)
    for (const call of this.calls.values()) this.attempts.suspend(call)
    for (const { current } of this.calls.values()) if (current?.isOver === false) return false
    return true
  }

  /** Something passes the gate while its handler asks, or has happened inside of one and was not looked at yet: that has to end first. */
  private get isBusy(): boolean {
    const hasNews = (run: Executor) => !run.closed && (run.events.length > 0 || run.isBusy)
    for (const { current } of this.calls.values()) {
      if (current?.isOver !== false) continue
      if (current.isPassing || current.runs.some((run) => run !== undefined && hasNews(run))) return true
    }
    return false
  }

  /** One instant. Returns false if nothing had happened. */
  private pump(): boolean {
    if (!this.opened) {
      if (!this.asking.mayMove()) return false
      this.opened = true
      Decision.open(this.state, this.commands)
      this.carryOut()
      return true
    }
    this.attempts.boundAnswered()
    const due = this.timers.takeDue()
    for (const timer of due) this.elapse(timer)
    this.takeStop()
    if (this.events.length === 0 || !(this.mustSuspend || this.asking.mayMove())) return due.length > 0
    const events = this.events
    this.events = []
    this.step(events)
    this.carryOut()
    return true
  }

  private step(events: Array<Decision.Event>): void {
    if (this.env.questions.whenOnlyQuestionsRemain === "suspend") this.steps.push(events)
    Decision.step(this.state, events, this.commands)
  }

  private takeStop(): void {
    if (!this.stopIsNew) return
    this.stopIsNew = false
    this.events.push({ type: "stop", node: 0 })
  }

  private elapse(timer: Timer): void {
    if (timer.type === "wallClock") {
      const shortage = this.timeShortage
      if (shortage !== undefined) this.requestStop({ source: "budget", reason: describeShortage(shortage) })
      return
    }
    if (timer.type === "expiry") {
      this.desk.expire(timer.question, timer.at)
      return
    }
    if ("undo" in timer) {
      const event = this.undos.giveUp(timer.undo)
      if (event !== undefined) this.events.push(event)
      return
    }
    if (!("attempt" in timer)) {
      // a stagger runs anew from each start: an older one of the same node is void
      if (timer.type === "stagger" && this.staggers.get(timer.node) !== timer) return
      if (timer.type === "deadline" && this.deadlines.get(timer.node)?.timer !== timer) return
      this.events.push(timer)
      return
    }
    const { attempt, type } = timer
    if (attempt.ended || attempt.leftBehind) return
    if (type === "bound") this.attempts.leaveBehind(attempt)
    else if (type === "kill") attempt.kill?.()
    else if (attempt.timer === timer && attempt.body === undefined)
      this.events.push({ type: "timeout", node: attempt.spec.index })
  }

  /** The core collects what it asks for here; it is carried out when the step is over, stops before starts. */
  private readonly commands: Decision.Commands = {
    activated: (node) => {
      this.armDeadline(node, this.compiled.nodes[node]!.millis)
    },
    queued: (index) => {
      const call = this.calls.get(index)!
      this.recorder.queued(call)
    },
    arm: (type, node) => {
      const timer: Timer = { type, node }
      if (type === "stagger") this.staggers.set(node, timer)
      this.timers.arm(timer, this.compiled.nodes[node]!.millis)
    },
    decided: (node) => {
      this.recorder.decided(this.state, node)
    },
    stop: (index, cause) => void this.stops.push(index, cause),
    drop: (index, cause) => {
      const call = this.calls.get(index)!
      this.spending.release(call)
      call.stoppedBy ??= this.reasonFor(cause)
      this.recorder.stopRequested(call, call.stoppedBy)
      this.over(call)
    },
    undo: (scope) => void this.toUndo.push(scope),
    start: (index) => void this.starts.push(index),
    resume: (index) => void this.resumes.push(index),
    pause: (node) => {
      const { due } = this.deadlines.get(node)!
      this.deadlines.set(node, { timer: undefined, due, left: due - this.now() })
    },
    proceed: (node) => {
      this.armDeadline(node, Math.max(0, this.deadlines.get(node)!.left))
    }
  }

  private armDeadline(node: number, millis: number): void {
    const timer: Timer = { type: "deadline", node }
    this.deadlines.set(node, { timer, due: this.now() + millis, left: millis })
    this.timers.arm(timer, millis)
  }

  private carryOut(): void {
    this.noteDecision()
    this.settleOver()
    this.deliverStops()
    this.beginUndos()
    for (let i = 0; i < this.starts.length; i++) {
      this.takeStopAtOnce()
      this.attempts.start(this.calls.get(this.starts[i]!)!)
    }
    this.starts.length = 0
    const { resumes } = this
    this.resumes = []
    for (const index of resumes) this.attempts.resume(this.calls.get(index)!)
  }

  /** Somebody asked while a batch was being started, or a start was being kept: nothing further may begin. */
  readonly takeStopAtOnce = (): void => {
    const around = this.env.caller?.stopAround
    if (around !== undefined) this.requestStop(around)
    if (!this.stopIsNew) return
    // what has ended by now had ended before the stop
    this.takeStop()
    const { events } = this
    this.events = []
    this.step(events)
    this.noteDecision()
    this.settleOver()
    this.deliverStops()
    this.beginUndos()
  }

  private noteDecision(): void {
    if (this.decidedAt === undefined && Decision.decision(this.state, 0) !== undefined)
      this.decidedAt = this.timers.now()
  }

  private beginUndos(): void {
    if (this.toUndo.length === 0) return
    const scopes = this.toUndo
    this.toUndo = []
    for (const scope of scopes) {
      this.timers.arm({ type: "undoBound", undo: this.undos.begin(scope) }, this.undoBound)
    }
  }

  private deliverStops(): void {
    const { stops } = this
    if (stops.length === 0) return
    this.stops = []
    const inLine: Array<CallState> = []
    const others: Array<CallState> = []
    // nothing may begin, here or inside of a handler, with what another gives back that stops in the same instant
    for (let i = 0; i < stops.length; i += 2) {
      const call = this.calls.get(stops[i]!)!
      if (call.ticket === undefined && call.stoppedBy !== undefined && call.current?.isOver !== false) continue
      this.attempts.ask(call, this.reasonFor(stops[i + 1]!))
      ;(call.ticket === undefined ? others : inLine).push(call)
    }
    for (const call of inLine) this.attempts.stop(call)
    for (const call of others) this.attempts.stop(call)
  }

  private reasonFor(cause: number): StopReason {
    if (cause === -1) return this.stoppedFromAbove!
    let reason = this.reasons.get(cause)
    if (reason === undefined)
      this.reasons.set(cause, (reason = stopReason(this.compiled, this.state, cause, this.calls)))
    return reason
  }

  /** Has everything been asked to stop? */
  get isStopping(): boolean {
    return this.stoppedFromAbove !== undefined
  }

  /** It will not run after all: what it has reserved goes back. */
  abandon(): void {
    for (const call of this.calls.values()) this.spending.release(call)
  }

  reportOf(call: CallState): CallReport {
    return callReport(this, call)
  }

  /** Nothing that it started runs any more, fan-outs inside of handlers included. */
  get hasDrained(): boolean {
    return (
      this.leftBehind.size === 0 &&
      [...this.calls.values()].every(({ strays }) => strays.every(({ size }) => size === 0))
    )
  }

  get usage(): Usage {
    return this.env.ownAccount?.usage(this.timers.now()) ?? {}
  }

  /** Which wall clock is over. */
  get timeShortage(): Shortage | undefined {
    return this.env.account?.timeIsUp(this.timers.now())
  }

  private settleOver(): void {
    if (this.ended.length + this.provisional.length === 0) return
    const over = this.provisional.concat(this.ended)
    this.ended = []
    this.provisional = []
    const now = this.env.clock.currentTimeMillisUnsafe()
    if (over.length > 1) over.sort((a, b) => a.spec.index - b.spec.index)
    for (const call of over) {
      if (Decision.isProvisional(this.state, call.spec.index)) {
        this.provisional.push(call)
        continue
      }
      call.settle(now)
      this.recorder.settled(call, this.state)
      this.env.onSettled?.(this, call)
    }
  }

  /** Do two succeeded children of a quorum agree? An `Equivalence` that throws does not. */
  private readonly agrees = (quorum: number, a: number, b: number): boolean => {
    const { node } = this.compiled.nodes[quorum]!
    if (node.policy !== "quorum") return false
    try {
      if (node.agree !== true) return node.agree!(this.valueOf(a) as never, this.valueOf(b) as never)
      return Equal.equals(this.jsonOf(a), this.jsonOf(b))
    } catch {
      return false
    }
  }

  valueOf(node: number): unknown {
    return compose(this.compiled, this.state, node, {
      value: (call) => this.successOf(call)?.value,
      outcome: (call) => this.calls.get(call)!.conclusion?.outcome,
      ...asOption
    })
  }

  jsonOf(node: number): unknown {
    return compose(this.compiled, this.state, node, {
      value: (call) => this.successOf(call)?.json,
      outcome: (call) => this.calls.get(call)!.conclusion?.outcome._tag,
      ...asNullable
    })
  }

  private successOf(call: number): { readonly value: unknown; readonly json: unknown } | undefined {
    const { end } = this.calls.get(call)!
    return end?._tag === "success" ? end : undefined
  }

  /** What was suspended inside of a handler does not go on after all: nobody waits for answers there. */
  private withdrawSuspended(why: string): void {
    for (const { current } of this.calls.values())
      for (const run of current?.runs ?? []) {
        if (run?.isSuspended !== true) continue
        for (const call of run.calls.values()) run.asking.ended(call, why)
        run.withdrawSuspended(why)
      }
  }

  private close(): void {
    this.closed = true
    // a stop may have come while those who wait were ending
    this.isSuspended = !Decision.isClosed(this.state)
    if (this.isSuspended) {
      const isOpen = new Set(this.desk.listOpen().map(({ id }) => id))
      for (const call of this.calls.values())
        if (call.conclusion === undefined)
          this.recorder.suspended(
            call,
            openOf(call).filter((id) => isOpen.has(id))
          )
      // it goes on elsewhere: what those who have not started have reserved here is free again
      this.abandon()
    } else this.withdrawSuspended(this.stoppedFromAbove?.reason ?? "its handler has ended")
    this.closedAt = this.timers.now()
    this.timers.close()
    this.answering.close()
    if (this.env.ownsDesk) this.desk.close()
    const { caller } = this.env
    caller?.heritage.adopt(caller, {
      effects: [...this.calls.values()].flatMap(({ effects }) => effects.map(({ known }) => known)),
      strays: [this.leftBehind, ...[...this.calls.values()].flatMap(({ strays }) => strays)]
    })
    this.leaveCaller?.()
    if (!this.isSuspended) this.asking.hasClosed()
    for (const call of this.calls.values()) if (call.leftBehind) this.undos.late(call)
  }
}
