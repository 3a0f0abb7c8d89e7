/**
 * One try of a call: a fiber of its own with a scope of its own, a fence, and the signal of a promise tool. It is told to stop; it is
 * never waited for here.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { type Attempt, Current, type Progress } from "../Attempt.ts"
import { CallError, Threw } from "../CallError.ts"
import * as Contract from "../Contract.ts"
import type { Amounts } from "../Budget.ts"
import type { Journal } from "../Journal.ts"
import type { Quarantine } from "../Quarantine.ts"
import type { Policy } from "../Questions.ts"
import type { StopReason } from "../Report.ts"
import type { Approval } from "../Tool.ts"
import { type Account, wrongAmounts } from "./account.ts"
import type { CallSpec } from "./compile.ts"
import type { EffectRecord } from "./effects.ts"
import { mayHaveActed, ofExit } from "./ending.ts"
import { asks, type Gate } from "./gate.ts"
import type { Fanout } from "../Snapshot.ts"
import type { AttemptTimer } from "./attempts.ts"
import type { Executor } from "./executor.ts"
import type { Limiter } from "./limiter.ts"
import type { Asking } from "./questions/asking.ts"
import type { Desk } from "./questions/desk.ts"
import type { Pace } from "./spending.ts"

/**
 * What a fan-out inside of a handler inherits from the fan-out around it.
 */
export interface Heritage {
  readonly session: string
  readonly epoch: number
  /** What its run ids begin with. */
  readonly runId: string
  readonly topRunId: string
  /** What its keys begin with: without the number of the attempt, so that they are the same in all. */
  readonly keys: string
  readonly journal: Journal
  readonly quarantine: Quarantine
  readonly account: Account | undefined
  readonly limiter: Limiter | undefined
  readonly pace: Pace | undefined
  /** The attempt that the fan-out itself runs inside of. */
  readonly caller: RunningAttempt | undefined
  /** For the order of all effects. */
  readonly order: { next: number }
  /** Something may go on, or stand still, that did not. */
  readonly wake: () => void
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Where its handlers ask, and a fan-out inside of them says that nothing goes on there. */
  readonly asking: Asking
  readonly desk: Desk
  readonly approval: Approval<never> | undefined
  readonly questions: Policy
  readonly progress: (attempt: RunningAttempt, progress: Progress) => void
  /** A nested fan-out has closed: what it did is what its caller did. */
  readonly adopt: (attempt: RunningAttempt, nested: Nested) => void
  /** Why everything there has been asked to stop, if it has, also before anybody was told. */
  readonly stopping: () => StopReason | undefined
}

/** A fan-out inside of a handler, as the attempt of that knows it. */
export interface Inner {
  readonly stop: (reason: StopReason) => void
  /** The attempt has a bound now, or an earlier one. */
  readonly hurry: () => void
  /** What it has done, or may be doing, as it is known now. */
  readonly seen: () => ReadonlyArray<EffectRecord>
}

/** What a nested fan-out hands up when it closes. */
export interface Nested {
  readonly effects: ReadonlyArray<EffectRecord>
  /** What it left behind, and has not ended: it may still shrink. */
  readonly strays: ReadonlyArray<ReadonlySet<unknown>>
}

export class RunningAttempt implements Attempt {
  readonly runId: string
  readonly epoch: number
  readonly call: string
  readonly attempt: number
  readonly idempotencyKey: string
  readonly spec: CallSpec
  readonly gate: Gate
  /** What a fan-out inside of the handler inherits. */
  readonly heritage: Heritage

  fiber: Fiber.Fiber<unknown, unknown> | undefined
  stop: StopReason | undefined
  /** Was that its own timeout? */
  private hasTimedOut = false
  /** Has the handler heard of that? */
  private isTold = false
  /** The handler has begun: from here on it may have acted. */
  began = false
  ended = false
  leftBehind = false
  /** How many things in front of the tool hold it back: while there is one, nothing has happened. */
  guards = 0
  private beforeBegin: (() => void) | undefined
  /** The exit of the handler, fixed before its cleanup runs. */
  body: Exit.Exit<unknown, unknown> | undefined
  cleanup: string | undefined
  /** Fan-outs that its handler has started, and what they had come to before a resume. */
  nested = 0
  readonly runs: Array<Executor | undefined> = []
  resumes: ReadonlyArray<Fanout | null> = []
  /** Its handler has opened a session: what ran there cannot be told after a resume. */
  hasSession = false
  /** When its bound is, on the clock of the executor, once it was told to stop or has answered. */
  boundAt: number | undefined
  /** What it has reserved. */
  reservation: Amounts | undefined
  /** What it says that it has cost. */
  said: Map<string, number> | undefined
  /** Permits of the session that it holds. */
  permits: ReadonlyArray<string> = []
  /** Of whom a fan-out inside of its handler can borrow which permit. */
  lenders: ReadonlyMap<string, string> | undefined
  /** The timer of its timeout, when it elapses, and what is left of it while the attempt waits for somebody. */
  timer: AttemptTimer | undefined
  timesOutAt: number | undefined
  millisLeft: number | undefined
  /** How many questions it has asked. */
  questions = 0
  /** How many commits it has asked for. */
  commits = 0
  /** Has one of them passed the gate? */
  hasPassed = false
  private passing = 0
  private onAllPassed: (() => void) | undefined
  /** The fan-outs inside of its handler that have not closed. */
  private within: Set<Inner> | undefined
  /** Those of them in which nothing goes on but people who think. */
  still: Set<Asking> | undefined
  private onAllClosed: (() => void) | undefined
  /** All that is to be waited for has ended. */
  private isDone = false
  /** What the probe of a tool that commits at start said, where it was asked. */
  probed: Option.Option<boolean> | undefined
  /** Ends the attempt for sure: called shortly before its bound. */
  kill: (() => void) | undefined
  private controller: AbortController | undefined
  private listeners: Set<(reason: StopReason) => void> | undefined
  private thrown: Exit.Exit<never, CallError> | undefined

  constructor(
    spec: CallSpec,
    gate: Gate,
    heritage: Heritage,
    info: Pick<Attempt, "runId" | "epoch" | "call" | "attempt" | "idempotencyKey">
  ) {
    this.spec = spec
    this.gate = gate
    this.heritage = heritage
    this.runId = info.runId
    this.epoch = info.epoch
    this.call = info.call
    this.attempt = info.attempt
    this.idempotencyKey = info.idempotencyKey
  }

  readonly spend = (amounts: Amounts): void => {
    const wrong = wrongAmounts(amounts)
    if (wrong !== undefined) throw new Error(`Attempt.spend: ${wrong}`)
    const said = (this.said ??= new Map())
    for (const [name, amount] of Object.entries(amounts)) said.set(name, (said.get(name) ?? 0) + amount)
  }

  readonly progress = ({ done, message, total }: Progress): void => {
    if (!Number.isFinite(done)) throw new Error("Attempt.progress: done is a finite number")
    if (total !== undefined && !Number.isFinite(total)) throw new Error("Attempt.progress: total is a finite number")
    if (this.isOver) return
    const rest = { ...(total === undefined ? {} : { total }), ...(message === undefined ? {} : { message }) }
    this.heritage.progress(this, { done, ...rest })
  }

  readonly reached = (): boolean => this.guards === 0

  readonly timedOut = (): boolean => this.hasTimedOut

  readonly stopping = (): StopReason | undefined => this.stop

  readonly onStop = (listener: (reason: StopReason) => void): (() => void) => {
    if (this.stop !== undefined) {
      listener(this.stop)
      return () => {}
    }
    this.listeners ??= new Set()
    this.listeners.add(listener)
    return () => this.listeners?.delete(listener)
  }

  readonly onBound = (kill: () => void): void => {
    let isKilled = false
    // its bound may come nearer when it has been killed already
    this.kill = () => {
      if (!isKilled) kill()
      isKilled = true
    }
    this.onKillable?.()
  }

  /**
   * A fan-out begins inside of its handler: it is stopped when the attempt is, or when the handler has ended, and hurries with it. Returns
   * what is to be called when it has closed.
   */
  readonly enter = (inner: Inner): (() => void) => {
    if (this.isGone) {
      inner.stop(this.stop ?? outlived)
      return () => {}
    }
    const within = (this.within ??= new Set())
    within.add(inner)
    if (this.boundAt !== undefined) inner.hurry()
    const forget = this.onStop(inner.stop)
    return () => {
      forget()
      within.delete(inner)
      if (within.size === 0) this.onAllClosed?.()
    }
  }

  /** Nobody waits for the fan-outs inside of its handler any more: nothing further begins there. */
  stopInside(reason = outlived): void {
    for (const { stop } of [...(this.within ?? [])]) stop(reason)
  }

  /** What has been done by the fan-outs inside of its handler that have not closed. */
  get seenInside(): ReadonlyArray<EffectRecord> {
    return [...(this.within ?? [])].flatMap((inner) => inner.seen())
  }

  /** It has to be over by then. The earliest bound stays. */
  boundBy(at: number): void {
    if (at >= (this.boundAt ?? Infinity)) return
    this.boundAt = at
    for (const inner of [...(this.within ?? [])]) inner.hurry()
  }

  /** Why nothing may begin inside of its handler: its own stop, or one around it that it may not have heard of yet. */
  get stopAround(): StopReason | undefined {
    const own = this.stop === suspension ? undefined : this.stop
    return own ?? this.heritage.stopping() ?? this.heritage.caller?.stopAround
  }

  /** Told when `kill` comes only after the stop: its timer has yet to be armed. */
  onKillable: (() => void) | undefined

  /** Open until a stop is requested: what happens later changes nothing, and nothing begins. */
  get fenceIsOpen(): boolean {
    return this.stop === undefined && !this.leftBehind
  }

  /** Nobody waits for it any more. */
  get isOver(): boolean {
    return this.ended || this.leftBehind
  }

  /** It does not wait for what begins inside of its handler now: that starts nothing. */
  get isGone(): boolean {
    return this.isDone || this.isOver
  }

  signal(): AbortSignal {
    this.controller ??= new AbortController()
    if (this.stop !== undefined) this.controller.abort(this.stop)
    return this.controller.signal
  }

  /** Does a stop interrupt it now? */
  private get yields(): boolean {
    const { contract } = this.spec
    const hasCommitted = this.hasPassed && contract.effect !== "none" && contract.interruption === "beforeCommit"
    return isInterruptible(this.spec) && !hasCommitted
  }

  /** From here on nothing that it asks for is let through, also before it is told. The first reason stays. */
  closeFence(reason: StopReason, hasTimedOut = false): void {
    if (this.ended || this.stop !== undefined) return
    this.stop = reason
    this.hasTimedOut = hasTimedOut
  }

  /** Tells the handler why, and interrupts it where the contract allows. */
  requestStop(reason: StopReason): void {
    this.closeFence(reason)
    if (this.stop === undefined || this.isTold || this.ended) return
    this.isTold = true
    this.controller?.abort(this.stop)
    const { listeners } = this
    this.listeners = undefined
    if (listeners !== undefined) for (const listener of listeners) listener(this.stop)
    if (!this.began || this.yields) this.fiber?.interruptUnsafe()
  }

  /**
   * The program of the attempt's fiber. `admit` waits for the journal; then `beforeBegin` hands over a stop that came meanwhile, the
   * fence is looked at, and the handler begins. `onAnswer` is called when the handler has ended: what else there may be to wait for, its
   * finalizers and what it had started, is to be bounded.
   */
  program(
    admit: Effect.Effect<void, CallError>,
    beforeBegin: () => void,
    onAnswer: (isLast: boolean) => void
  ): Effect.Effect<unknown, unknown> {
    this.beforeBegin = beforeBegin
    // nothing has begun while it waits: a stop ends that wait whatever the contract says
    return Effect.flatMap(admit === Effect.void ? admit : Effect.interruptible(admit), () =>
      Effect.withFiber((fiber) => {
        this.fiber = fiber
        beforeBegin()
        return this.fenceIsOpen ? this.begin(fiber, onAnswer) : Effect.interrupt
      })
    )
  }

  /** Asked when what stands in front of the tool lets it through: a stop that came meanwhile is handed over first. */
  mayReach(): boolean {
    this.beforeBegin?.()
    return this.fenceIsOpen
  }

  private begin(
    fiber: Fiber.Fiber<unknown, unknown>,
    onAnswer: (isLast: boolean) => void
  ): Effect.Effect<unknown, unknown> {
    this.began = true
    // otherwise a finalizer of the handler would land in the scope of whoever runs the plan
    const scope = Scope.makeUnsafe()
    const services = new Map(fiber.context.mapUnsafe)
    services.set(Scope.Scope.key, scope).set(Current.key, this)
    fiber.setContext(Context.makeUnsafe(services))
    return Effect.onExit(this.handle(), (exit) => {
      this.body = this.thrown ?? exit
      const isLast = this.passing === 0 && !this.isAround
      onAnswer(isLast)
      const close = this.close(scope, exit, onAnswer)
      return isLast ? close : Effect.andThen(Effect.andThen(this.allPassed, this.allClosed), close)
    })
  }

  get isPassing(): boolean {
    return this.passing > 0
  }

  /** An effect has passed the gate. Returns what is to be called when it has ended. */
  readonly passes = (): (() => void) => {
    this.hasPassed = true
    this.passing++
    return () => {
      if (--this.passing === 0) {
        this.onAllPassed?.()
        this.heritage.wake()
      }
    }
  }

  /** What a handler let go at the gate is waited for all the same. */
  private readonly allPassed: Effect.Effect<void> = Effect.callback<void>((resume) => {
    this.onAllPassed = () => {
      resume(Effect.void)
    }
    // the last may have ended since it was looked at
    if (this.passing === 0) this.onAllPassed()
  })

  /** How many fan-outs inside of its handler have not closed. */
  get inside(): number {
    return this.within?.size ?? 0
  }

  get isAround(): boolean {
    return this.inside > 0
  }

  /** What the handler did not wait for: stopped, and waited for. */
  private get allClosed(): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      this.onAllClosed = () => {
        resume(Effect.void)
      }
      this.stopInside()
      if (!this.isAround) this.onAllClosed()
    })
  }

  /** What has begun meanwhile is stopped, and waited for, too. */
  private finish(): Effect.Effect<void> {
    if (this.isAround) return Effect.andThen(this.allClosed, this.finished)
    this.isDone = true
    return Effect.void
  }

  private get finished(): Effect.Effect<void> {
    return Effect.suspend(() => this.finish())
  }

  private close(
    scope: Scope.Closeable,
    exit: Exit.Exit<unknown, unknown>,
    onAnswer: (isLast: boolean) => void
  ): Effect.Effect<void> {
    return Effect.suspend(() => {
      const cleanup = Scope.closeUnsafe(scope, exit)
      const probe = this.probe()
      if (cleanup === undefined) {
        if (probe === undefined) return this.finish()
        onAnswer(false)
        return Effect.andThen(probe, this.finished)
      }
      onAnswer(false)
      const cleaned = Effect.catchCause(cleanup, (cause) =>
        Effect.sync(() => {
          this.cleanup = Cause.pretty(cause)
        })
      )
      const closed = Effect.andThen(cleaned, this.finished)
      return probe === undefined ? closed : Effect.andThen(probe, closed)
    })
  }

  /** Of a tool that commits at start: did it happen? Asked when its end does not say. */
  private probe(): Effect.Effect<void> | undefined {
    const { contract, params, tool } = this.spec
    if (contract.effect === "none" || contract.probe === undefined || !Contract.actsAtStart(contract)) return undefined
    const end = ofExit(tool, this.body!)
    if (end._tag === "success" || !mayHaveActed(contract, end)) return undefined
    const { probe } = contract
    return Effect.map(asks(probe, { key: this.idempotencyKey, params, value: Option.none() }), (happened) => {
      this.probed = happened
    })
  }

  private handle(): Effect.Effect<unknown, unknown> {
    const { params, tool } = this.spec
    return Effect.flatMap(
      tool.handler as Effect.Effect<(params: unknown) => Effect.Effect<unknown, unknown>>,
      (handler) => {
        try {
          return handler(params)
        } catch (defect) {
          // it has ended, also if a stop comes before its fiber has
          this.thrown = Exit.fail(new CallError({ reason: new Threw({ defect }) }))
          return this.thrown
        }
      }
    )
  }
}

/** Why what waits for answers ends when its fan-out is suspended. No call is stopped by it. */
export const suspension: StopReason = { source: "suspend", reason: "the fan-out is suspended" }

/** Why a fan-out inside of a handler is stopped that its handler did not wait for. */
const outlived: StopReason = { source: "parent", reason: "the handler that it was started in has ended" }

/** A promise is never interrupted, only signalled; a contract can say the same of an Effect. */
export const isInterruptible = ({ contract, tool }: CallSpec): boolean =>
  tool.drives === "effect" && (contract.effect === "none" || contract.interruption !== "never")

/** The attempt that a fiber runs for, as the executor knows it. */
export const runningOf = (fiber: Fiber.Fiber<unknown, unknown>): RunningAttempt | undefined => {
  const attempt = fiber.getRef(Current)
  // not by class: the tool and the fan-out may come from two copies of this package
  return attempt !== undefined && "heritage" in attempt ? (attempt as RunningAttempt) : undefined
}

/** The attempt of the present fiber. */
export const running: Effect.Effect<RunningAttempt> = Effect.withFiber((fiber) => {
  const attempt = runningOf(fiber)
  if (attempt !== undefined) return Effect.succeed(attempt)
  throw new Error("this runs only inside a handler, in a fan-out")
})
