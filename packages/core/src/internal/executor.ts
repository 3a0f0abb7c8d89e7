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
import * as Cause from "effect/Cause"
import type { Clock } from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { CallError } from "../CallError.ts"
import * as Contract from "../Contract.ts"
import * as Decision from "../Decision.ts"
import type { Journal } from "../Journal.ts"
import type { Shortage, Usage } from "../Budget.ts"
import type { Fault } from "../PlanError.ts"
import type { LeftBehind, Quarantine } from "../Quarantine.ts"
import type { CallReport, StopReason } from "../Report.ts"
import { describeShortage, type Account } from "./account.ts"
import { type Heritage, isInterruptible, type Nested, RunningAttempt } from "./attempt.ts"
import { bounded } from "./bounded.ts"
import { CallState } from "./call.ts"
import type { Compiled } from "./compile.ts"
import { mayHaveActed, ofExit } from "./ending.ts"
import { Gate } from "./gate.ts"
import type { Limiter } from "./limiter.ts"
import type { Limits } from "./limits.ts"
import { stopReason } from "./reason.ts"
import { Recorder } from "./recorder.ts"
import * as Retry from "./retry.ts"
import { type Pace, Spending } from "./spending.ts"
import { callReport } from "./summary.ts"
import { Timers } from "./timers.ts"
import type { Undo } from "./undo.ts"
import { Undos } from "./undos.ts"
import { asNullable, asOption, compose } from "./values.ts"

export interface Environment {
  readonly runId: string
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
}

type Timer =
  | { readonly type: "grace" | "stagger" | "deadline" | "retryDue"; readonly node: number }
  | { readonly type: "timeout" | "kill" | "bound"; readonly attempt: RunningAttempt }
  | { readonly type: "undoBound"; readonly undo: Undo }
  | { readonly type: "wallClock" }

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
  /** The report has been made: what comes now stands in the journal only. */
  reported = false

  private readonly timers: Timers<Timer>
  private readonly gate: Gate
  private readonly heritage: Heritage
  private readonly spending: Spending
  /** Of a stop: shorter than the limit where the fan-out has to be over before its caller is. */
  private drain: number
  private undoBound: number
  private readonly fork: <A, E>(
    effect: Effect.Effect<A, E>,
    options?: { readonly uninterruptible: boolean }
  ) => Fiber.Fiber<A, E>
  private events: Array<Decision.Event> = []
  private stops: Array<number> = []
  private toUndo: Array<number> = []
  private readonly undos: Undos
  private starts: Array<number> = []
  private stopIsNew = false
  private parked: ((effect: Effect.Effect<void>) => void) | undefined
  private wakeIsScheduled = false
  private wakeWasMissed = false
  private opened = false
  private readonly reasons = new Map<number, StopReason>()
  private readonly staggers = new Map<number, Timer>()
  /** Calls that are over, to be journaled when the core has fixed their verdicts. */
  private over: Array<CallState> = []
  /** Calls that are over, and whose effects may still be undone: their outcomes are not fixed. */
  private provisional: Array<CallState> = []
  private driver: Fiber.Fiber<unknown, unknown> | undefined
  private leaveCaller: () => void = () => {}
  /** Their handlers have ended; of some the finalizers, or what they had started, has not. */
  private answered: Array<RunningAttempt> = []

  constructor(compiled: Compiled, env: Environment) {
    this.compiled = compiled
    this.env = env
    this.fork = Effect.runForkWith(env.context)
    this.timers = new Timers(env.clock, this.fork, () => {
      this.scheduleWake()
    })
    this.recorder = new Recorder(env, compiled)
    this.drain = env.limits.drain
    this.undoBound = env.limits.undo
    this.spending = new Spending(env, this.recorder, (call) => {
      this.begin(call)
    })
    this.heritage = {
      session: env.session,
      epoch: env.epoch,
      runId: env.runId,
      keys: env.keys,
      journal: env.journal,
      quarantine: env.quarantine,
      account: env.account,
      limiter: env.limiter,
      pace: env.pace,
      caller: env.caller,
      order: env.order,
      now: () => this.timers.now(),
      adopt: (attempt, nested) => {
        this.adopt(attempt, nested)
      }
    }
    this.gate = new Gate({
      keys: env.keys,
      order: env.order,
      recorder: this.recorder,
      callOf: (attempt) => this.calls.get(attempt.spec.index)!,
      takeStop: () => {
        this.takeStopAtOnce()
      }
    })
    this.undos = new Undos(this, this.fork, (event) => {
      this.push(event)
    })
    this.state = Decision.make({ nodes: compiled.nodes, concurrency: env.limits.concurrency, agrees: this.agrees })
    for (const [index, spec] of compiled.calls) this.calls.set(index, new CallState(spec, env.limits.timeout))
  }

  /**
   * Runs the plan to its close. Interrupted, it stops what runs, and waits for it to drain, to the bound. To be run in an
   * uninterruptible region: an interruption is taken by the loop alone, so that what has been opened is closed.
   */
  run(interruptible: <A>(effect: Effect.Effect<A>) => Effect.Effect<A>): Effect.Effect<void> {
    return Effect.withFiber((fiber) => {
      this.driver = fiber
      this.recorder.opened()
      this.inherit()
      return Effect.onExit(interruptible(this.loop), (exit) => {
        if (Exit.isSuccess(exit)) return Effect.void
        this.requestStop(
          this.env.caller?.stop ?? { source: "parent", reason: "the owner of the fan-out was interrupted" }
        )
        return this.loop
      })
    })
  }

  get hasBegun(): boolean {
    return this.driver !== undefined
  }

  /** Asks everything to stop. The first reason stays. */
  requestStop(reason: StopReason): void {
    if (this.stoppedFromAbove !== undefined || this.closed) return
    this.stoppedFromAbove = reason
    this.stopIsNew = true
    this.wake()
  }

  /** Inside of a handler: it stops when its caller is told to, for the same reason, and is over before its caller's bound. */
  private inherit(): void {
    const { account, caller } = this.env
    if (account !== undefined) this.timers.arm({ type: "wallClock" }, account.timeLeft(this.timers.now()))
    if (caller === undefined) return
    this.leaveCaller = caller.enter((reason) => {
      const left = (caller.boundAt ?? Infinity) - this.timers.now()
      this.hurry(left - Math.min(250, left / 4))
      this.requestStop(reason)
    })
  }

  /** What is left of its caller's drain is shared out between its own drain and undo. */
  private hurry(left: number): void {
    const { drain, undo } = this.env.limits
    if (left >= drain + undo) return
    this.drain = (Math.max(0, left) * drain) / Math.max(1, drain + undo)
    this.undoBound = Math.max(0, left) - this.drain
    // what was told to stop before has a bound that is too far away
    for (const { current } of this.calls.values()) {
      if (current?.stop !== undefined && !current.isOver)
        this.timers.arm({ type: "bound", attempt: current }, this.drain)
    }
    for (const undo of this.undos.running) this.timers.arm({ type: "undoBound", undo }, Math.max(0, left))
  }

  /** A fan-out inside of this attempt's handler has closed. */
  private adopt(attempt: RunningAttempt, { effects, strays }: Nested): void {
    if (attempt.isOver) return
    const call = this.calls.get(attempt.spec.index)!
    call.adopt(effects)
    call.strays = [...call.strays, ...strays]
    if (strays.some(({ size }) => size > 0)) call.leftBehind = true
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
        if (Decision.isClosed(this.state)) {
          this.close()
          return Effect.void
        }
        return Effect.andThen(this.park, this.loop)
      }
    }
    return Effect.andThen(Effect.yieldNow, this.loop)
  }

  private readonly park: Effect.Effect<void> = Effect.callback<void>((resume) => {
    if (this.events.length > 0 || this.stopIsNew || this.wakeWasMissed) {
      this.wakeWasMissed = false
      resume(Effect.void)
      return
    }
    this.parked = resume
    return Effect.sync(() => {
      this.parked = undefined
    })
  })

  private wake(): void {
    const resume = this.parked
    this.parked = undefined
    // the driver may have to wait for its turn between its last look at the timers and its parking
    if (resume === undefined) this.wakeWasMissed = true
    else resume(Effect.void)
  }

  private scheduleWake(): void {
    if (this.wakeIsScheduled || this.driver === undefined) return
    this.wakeIsScheduled = true
    // behind everything that is ready now: ends of the same tick are decided together
    this.driver.currentDispatcher.scheduleTask(() => {
      this.wakeIsScheduled = false
      this.wake()
    }, 10)
  }

  private push(event: Decision.Event): void {
    this.events.push(event)
    this.scheduleWake()
  }

  /** One instant. Returns false if nothing had happened. */
  private pump(): boolean {
    if (!this.opened) {
      this.opened = true
      Decision.open(this.state, this.commands)
      this.carryOut()
      return true
    }
    this.boundAnswered()
    const due = this.timers.takeDue()
    for (const timer of due) this.elapse(timer)
    this.takeStop()
    if (this.events.length === 0) return due.length > 0
    const events = this.events
    this.events = []
    Decision.step(this.state, events, this.commands)
    this.carryOut()
    return true
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
    if ("undo" in timer) {
      const event = this.undos.giveUp(timer.undo)
      if (event !== undefined) this.events.push(event)
      return
    }
    if (!("attempt" in timer)) {
      // a stagger runs anew from each start: an older one of the same node is void
      if (timer.type === "stagger" && this.staggers.get(timer.node) !== timer) return
      this.events.push(timer)
      return
    }
    const { attempt, type } = timer
    if (attempt.ended || attempt.leftBehind) return
    if (type === "bound") this.leaveBehind(attempt)
    else if (type === "kill") attempt.kill?.()
    else if (attempt.body === undefined) this.events.push({ type: "timeout", node: attempt.spec.index })
  }

  /** The core collects what it asks for here; it is carried out when the step is over, stops before starts. */
  private readonly commands: Decision.Commands = {
    activated: (node) => {
      this.timers.arm({ type: "deadline", node }, this.compiled.nodes[node]!.millis)
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
      this.over.push(call)
    },
    undo: (scope) => void this.toUndo.push(scope),
    start: (index) => void this.starts.push(index)
  }

  private carryOut(): void {
    this.noteDecision()
    this.settleOver()
    this.deliverStops()
    this.beginUndos()
    for (let i = 0; i < this.starts.length; i++) {
      this.takeStopAtOnce()
      this.start(this.calls.get(this.starts[i]!)!)
    }
    this.starts.length = 0
  }

  /** Somebody asked while a batch was being started, or a start was being kept: nothing further may begin. */
  private readonly takeStopAtOnce = (): void => {
    if (!this.stopIsNew) return
    // what has ended by now had ended before the stop
    this.takeStop()
    const { events } = this
    this.events = []
    Decision.step(this.state, events, this.commands)
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
    this.stops = []
    // first those in line: what the others give back must not go to them
    for (let i = 0; i < stops.length; i += 2) {
      const call = this.calls.get(stops[i]!)!
      if (call.ticket !== undefined) this.stop(call, this.reasonFor(stops[i + 1]!))
    }
    for (let i = 0; i < stops.length; i += 2) {
      const call = this.calls.get(stops[i]!)!
      if (call.stoppedBy === undefined || call.current?.isOver === false) this.stop(call, this.reasonFor(stops[i + 1]!))
    }
  }

  private reasonFor(cause: number): StopReason {
    if (cause === -1) return this.stoppedFromAbove!
    let reason = this.reasons.get(cause)
    if (reason === undefined)
      this.reasons.set(cause, (reason = stopReason(this.compiled, this.state, cause, this.calls)))
    return reason
  }

  /** Admitted by the core: a permit of the session and a part of the budget are still to be had. */
  private start(call: CallState): void {
    if (call.stoppedBy !== undefined) return this.refuse(call, "stop")
    if (this.env.limiter === undefined) return this.begin(call)
    const overloaded = this.spending.queue(call)
    if (overloaded !== undefined) this.refuse(call, "overloaded", overloaded)
  }

  /** It does not start. */
  private refuse(call: CallState, reason: "stop" | "journal" | "budget" | "overloaded", error?: CallError): void {
    this.recorder.refused(call, reason)
    call.end = { _tag: "refused", ...(error === undefined ? {} : { error }) }
    if (reason === "budget") {
      const { lastEnd, lastStop, shortage } = call
      // where the budget lets no further attempt start, the call ends as its last one did
      if (lastEnd === undefined) call.stoppedBy = { source: "budget", reason: describeShortage(shortage!) }
      else [call.end, call.stoppedBy] = [lastEnd, lastStop]
    }
    this.spending.release(call)
    this.over.push(call)
    this.push({ type: "ended", node: call.spec.index, result: "failure", acted: call.acted })
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

  private begin(call: CallState): void {
    const { env } = this
    this.takeStopAtOnce()
    if (call.stoppedBy !== undefined) return this.refuse(call, "stop")
    const reservation = this.spending.reserve(call, this.timers.now())
    if (call.shortage !== undefined) return this.refuse(call, "budget")
    const attempt = new RunningAttempt(call.spec, this.gate, this.heritage, {
      runId: env.runId,
      epoch: env.epoch,
      call: call.spec.id,
      attempt: call.attempts + 1,
      idempotencyKey: call.key(0, env.keys)
    })
    attempt.reservation = reservation
    this.spending.hold(call, attempt)
    call.current = attempt
    call.attempts++
    call.startedAt ??= env.clock.currentTimeMillisUnsafe()
    this.recorder.started(call, attempt)
    const fiber = this.fork(
      attempt.program(this.recorder.flush, this.takeStopAtOnce, (isLast) => {
        // nearly always its fiber ends now: whether it did is looked at later
        if (isLast) {
          this.answered.push(attempt)
          this.scheduleWake()
        } else this.bound(attempt)
      }),
      { uninterruptible: !isInterruptible(call.spec) }
    )
    // an attempt that still waits for the journal can be told to stop, too
    attempt.fiber ??= fiber
    if (fiber.pollUnsafe() === undefined) this.timers.arm({ type: "timeout", attempt }, call.timeout)
    fiber.addObserver((exit) => {
      this.onExit(call, attempt, exit)
    })
  }

  /** From now on there is a bound. */
  private bound(attempt: RunningAttempt): void {
    this.timers.arm({ type: "bound", attempt }, this.drain)
    attempt.boundAt ??= this.timers.now() + this.drain
  }

  /** The handler has ended, and its fiber has not: it waits for what the handler had forked. */
  private boundAnswered(): void {
    if (this.answered.length === 0) return
    for (const attempt of this.answered) if (!attempt.isOver) this.bound(attempt)
    this.answered = []
  }

  private stop(call: CallState, reason: StopReason): void {
    call.stoppedBy ??= reason
    const attempt = call.current
    this.recorder.stopRequested(call, call.stoppedBy)
    // it waits for a permit of the session, or between two: it will not start
    if (call.ticket !== undefined) {
      this.spending.leave(call)
      return this.refuse(call, "stop")
    }
    if (attempt === undefined || attempt.isOver) return
    this.timers.arm({ type: "bound", attempt }, this.drain)
    const boundAt = this.timers.now() + this.drain
    attempt.boundAt = boundAt
    attempt.onKillable = () => {
      this.armKill(attempt, boundAt)
    }
    if (attempt.kill !== undefined) attempt.onKillable()
    this.recorder.stopDelivered(call, attempt)
    attempt.requestStop(call.stoppedBy)
  }

  /** What runs elsewhere is killed shortly before the bound, so that its end is seen within it. */
  private armKill(attempt: RunningAttempt, boundAt: number): void {
    const margin = Math.min(this.drain / 4, 250)
    this.timers.arm({ type: "kill", attempt }, Math.max(0, boundAt - margin - this.timers.now()))
  }

  /** Watches an attempt's fiber: called once, whenever it ends. It must never throw. */
  private onExit(call: CallState, attempt: RunningAttempt, exit: Exit.Exit<unknown, unknown>): void {
    attempt.ended = true
    this.spending.free(attempt)
    if (attempt.leftBehind) return this.onLate(call, attempt)
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
    this.concludeAttempt(call, "ended")
  }

  private noteEnd(call: CallState, { probed }: RunningAttempt): void {
    if (!mayHaveActed(call.spec.contract, call.end!)) return
    const effect = call.noteEnd(this.gate.nextOrder(), this.env.keys, probed)
    if (probed !== undefined) this.recorder.effectProbed(call, effect.key, probed)
  }

  /** It had not ended at its bound: it is fenced, and lives in the quarantine until it ends. */
  private leaveBehind(attempt: RunningAttempt): void {
    const call = this.calls.get(attempt.spec.index)!
    attempt.leftBehind = true
    this.leftBehind.add(attempt)
    this.spending.settle(call, attempt)
    this.spending.free(attempt)
    const since = this.env.clock.currentTimeMillisUnsafe()
    // one that has not begun never will: its fence is closed
    const mayAct =
      attempt.began &&
      (Contract.actsAtStart(attempt.spec.contract) || call.effects.some(({ state }) => state === "running"))
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
    if (!attempt.began) {
      call.takeBack()
      this.recorder.refused(call, "stop")
    }
    // the answer may be known, and only the cleanup hang
    call.end = !attempt.began
      ? { _tag: "refused" }
      : attempt.body === undefined
        ? { _tag: "noAnswer" }
        : ofExit(call.spec.tool, attempt.body)
    this.noteEnd(call, attempt)
    // what runs at the gate may come to anything; the journal will say that it ended, and no more
    call.loseSightOfEffects()
    if (attempt.body !== undefined)
      call.addCleanup("a finalizer, or what the handler had started, had not ended at the bound")
    this.recorder.leftBehind(call, attempt)
    this.concludeAttempt(call, "leftBehind")
  }

  private onLate(call: CallState, attempt: RunningAttempt): void {
    this.leftBehind.delete(attempt)
    if (!this.reported) call.late.push(attempt.attempt)
    this.recorder.late(call, attempt)
    if (this.closed) this.undos.late(call)
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
      this.push({ type, node: index, result: told, acted })
      if (result !== "retry") this.over.push(call)
    }
    if (end === undefined || end._tag === "success") return tell(end === undefined ? "failure" : "success")
    const isOpen = () => Decision.decision(this.state, index) === undefined && this.stoppedFromAbove === undefined
    // what interrupted a timed-out attempt is its timeout: that is no bug of the handler
    const why = call.stoppedBy?.source === "timeout" && end._tag === "noAnswer" ? { _tag: end._tag } : end
    if (spec.retry === undefined || !isOpen() || !Retry.mayFollow(spec.contract, why, call.acted !== "no"))
      return tell("failure")
    call.retry ??= Retry.make(spec.retry)
    const asked = this.fork(bounded(call.retry(call.error), this.env.limits.drain))
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
      this.timers.arm({ type: "retryDue", node: index }, delay)
      // a clock or a schedule can stop the fan-out from within
      tell(isOpen() ? "retry" : "failure")
    })
  }

  private settleOver(): void {
    if (this.over.length + this.provisional.length === 0) return
    const over = this.provisional.concat(this.over)
    this.over = []
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

  private close(): void {
    this.closed = true
    this.closedAt = this.timers.now()
    this.timers.close()
    const { caller } = this.env
    caller?.heritage.adopt(caller, {
      effects: [...this.calls.values()].flatMap(({ effects }) => effects),
      strays: [this.leftBehind, ...[...this.calls.values()].flatMap(({ strays }) => strays)]
    })
    this.leaveCaller()
    for (const call of this.calls.values()) if (call.leftBehind) this.undos.late(call)
  }
}
