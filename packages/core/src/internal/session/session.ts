/**
 * How a session goes from one fan-out to the next.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { Shortage, Usage } from "../../Budget.ts"
import type { FanoutError } from "../../FanoutError.ts"
import * as JournalModule from "../../Journal.ts"
import * as Plan from "../../Plan.ts"
import type { PlanError } from "../../PlanError.ts"
import type { Quarantine } from "../../Quarantine.ts"
import type { Report, StopReason } from "../../Report.ts"
import type { QuestionError } from "../../QuestionError.ts"
import type { FanoutOptions, Options, Session, SessionResume } from "../../Session.ts"
import {
  BudgetExceeded,
  Busy,
  Closed,
  InsideHandler,
  LoopDetected,
  NotDrained,
  type Reason,
  SessionError,
  Stopping,
  Superseded
} from "../../SessionError.ts"
import type { Snapshot, SnapshotError } from "../../Snapshot.ts"
import { Account } from "../account.ts"
import { type RunningAttempt, runningOf } from "../attempt.ts"
import type { Executor } from "../executor.ts"
import { execute, type Home, newRunId, prepare } from "../launch.ts"
import { Limiter } from "../limiter.ts"
import { answersOf } from "../questions/answers.ts"
import { Desk } from "../questions/desk.ts"
import { resumed } from "../snapshot/resume.ts"
import { placeOf } from "../recorder.ts"
import type { Pace } from "../spending.ts"
import { isInside, quarantineIn } from "./around.ts"
import { Loops } from "./loops.ts"
import { Outcomes } from "./outcomes.ts"
import { paceOf } from "./retryBudget.ts"
import { type Checked, limitsOf, settingsOf } from "./settings.ts"

/** The fan-out that has the session's one place, and what its end is known by. */
interface Cohort {
  readonly over: Deferred.Deferred<void>
  /** Absent while its plan is looked at. */
  executor: Executor | undefined
  /** Asked for before it had begun. */
  stop: StopReason | undefined
}

export const open = (options: Options): Effect.Effect<Session, PlanError, Scope.Scope> =>
  Effect.withFiber((fiber) => {
    const caller = runningOf(fiber)
    const settings = settingsOf(options, caller?.heritage.limiter !== undefined)
    if (Result.isFailure(settings)) return Effect.fail(settings.failure)
    const random = fiber.getRef(Random.Random)
    const id = options.id ?? newRunId(() => random.nextDoubleUnsafe()).replace("run_", "session_")
    const state = new State(id, settings.success, {
      clock: fiber.getRef(Clock.Clock),
      journal: fiber.getRef(JournalModule.Current) ?? caller?.heritage.journal ?? JournalModule.memory(),
      caller
    })
    return Effect.as(
      Effect.acquireRelease(
        Effect.sync(() => {
          state.opened()
        }),
        () => state.close
      ),
      state.session
    )
  })

class State {
  readonly session: Session
  private readonly id: string
  private readonly settings: Checked
  private readonly clock: Clock.Clock
  private readonly journal: JournalModule.Journal
  private readonly quarantine: Quarantine
  /** The attempt that the session was opened inside of: its fan-outs belong to that too. */
  private readonly caller: RunningAttempt | undefined
  private readonly ownAccount: Account | undefined
  private readonly account: Account | undefined
  private readonly limiter: Limiter | undefined
  private readonly loops: Loops
  private readonly pace: Pace | undefined
  private readonly outcomes = new Outcomes()
  private readonly desk: Desk
  private readonly reports: Array<Report> = []
  private epoch = 0
  private current: Cohort | undefined
  private isClosed = false
  /** Grows with each `replan` and `cancel`: of several that wait for a drain only the last goes on. */
  private turn = 0
  private lastTurn: "replan" | "cancel" = "replan"
  /** The turn of a `replan` that waits for a drain: the place is kept for it. */
  private heir: number | undefined

  constructor(
    id: string,
    settings: Checked,
    services: {
      readonly clock: Clock.Clock
      readonly journal: JournalModule.Journal
      readonly caller: RunningAttempt | undefined
    }
  ) {
    this.id = id
    this.settings = settings
    this.clock = services.clock
    this.journal = services.journal
    this.caller = services.caller
    const around = this.caller?.heritage
    this.quarantine = quarantineIn(around?.quarantine)
    this.ownAccount =
      settings.budget === undefined ? undefined : new Account(settings.budget, around?.account, this.now())
    this.account = this.ownAccount ?? around?.account
    this.limiter = settings.permits === undefined ? around?.limiter : new Limiter(settings.permits, settings.waiting)
    this.loops = new Loops(settings.loop)
    this.pace = settings.retryRatio === undefined ? around?.pace : paceOf(settings.retryRatio, this.loops)
    this.desk = around?.desk ?? new Desk()
    this.session = {
      id,
      epoch: () => this.epoch,
      journal: this.journal,
      quarantine: this.quarantine,
      usage: () => this.usage(),
      fanout: (plan, options = {}) => this.fanout(plan, options) as never,
      replan: (plan, options = {}) => this.replan(plan, options) as never,
      resume: (plan, snapshot, options = {}) => this.resume(plan, snapshot, options) as never,
      cancel: (reason = "somebody asked") => this.cancel(reason),
      drained: this.drained,
      outcomes: this.outcomes.observe,
      ...answersOf(this.desk),
      reports: () => [...this.reports]
    }
  }

  opened(): void {
    const { caller, settings } = this
    const inside = caller === undefined ? {} : { inside: placeOf(caller) }
    this.write({ type: "session.opened", budget: this.usage(), limits: limitsOf(settings), ...inside })
  }

  /** Waits until nothing runs; looks again, since another may have begun meanwhile. */
  private readonly drained: Effect.Effect<void> = Effect.suspend(() =>
    this.current === undefined ? Effect.void : Effect.andThen(Deferred.await(this.current.over), this.drained)
  )

  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    if (this.isClosed) return Effect.void
    this.isClosed = true
    if (this.current !== undefined) stop(this.current, { source: "parent", reason: "the session was closed" })
    return Effect.map(this.drained, () => {
      this.write({ type: "session.closed", cohorts: this.epoch, budget: this.usage() })
      this.outcomes.close()
      if (this.caller === undefined) this.desk.close()
    })
  })

  private fanout(plan: Plan.Any, options: FanoutOptions): Launched {
    return this.next(options, (home) => prepare(Plan.toNode(plan), options, { home }))
  }

  private resume(plan: Plan.Any, snapshot: Snapshot, options: SessionResume): Launched<SnapshotError | QuestionError> {
    return this.next(options, (home) =>
      resumed<SessionError>(Plan.toNode(plan), snapshot, options, { home, admit: (compiled) => this.admit(compiled) })
    )
  }

  /** Refused while the place is taken. */
  private next<E>(options: FanoutOptions, prepared: Preparing<E>): Launched<E> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.withFiber((fiber) =>
        this.launch(options, prepared, restore, () => {
          const refusal = this.refusalFor(fiber)
          if (refusal !== undefined || (this.current === undefined && this.heir === undefined)) return refusal
          const runId = this.runId(this.current?.executor?.env.epoch ?? this.epoch)
          // also when it has drained already: the place is kept for a replan that waits
          const isStopping = this.heir !== undefined || this.current?.executor?.isStopping === true
          return isStopping ? new Stopping({ runId }) : new Busy({ runId })
        })
      )
    )
  }

  private replan(plan: Plan.Any, options: FanoutOptions & { readonly reason?: string }): Launched {
    const { despite = [], reason = "the planner planned anew" } = options
    return Effect.uninterruptibleMask((restore) =>
      // a plan that cannot run stops nothing
      Effect.flatMap(this.check(plan, options), () => {
        const turn = this.takeTurn("replan")
        this.heir = turn
        const cohort = this.current
        if (cohort !== undefined) {
          this.write({ type: "session.replanned", reason, despite: [...despite] })
          stop(cohort, { source: "replan", reason })
        }
        const drained = cohort === undefined ? Effect.void : restore(Deferred.await(cohort.over))
        const launched = Effect.flatMap(drained, () =>
          this.launch(
            options,
            (home) => prepare(Plan.toNode(plan), options, { home }),
            restore,
            () => {
              if (this.isClosed) return new Closed()
              return turn === this.turn ? undefined : new Superseded({ by: this.lastTurn })
            }
          )
        )
        return Effect.ensuring(
          launched,
          Effect.sync(() => {
            if (this.heir === turn) this.heir = undefined
          })
        )
      })
    )
  }

  private cancel(reason: string): Effect.Effect<void> {
    return Effect.withFiber((fiber) => {
      this.takeTurn("cancel")
      this.heir = undefined
      const cohort = this.current
      if (cohort === undefined) return Effect.void
      stop(cohort, { source: "user", reason })
      // a handler would wait for itself
      return isInside(fiber, this.quarantine) ? Effect.void : Deferred.await(cohort.over)
    })
  }

  private takeTurn(of: "replan" | "cancel"): number {
    this.lastTurn = of
    return ++this.turn
  }

  /** Nobody can start anything who is a part of what would have to end first. */
  private refusalFor(fiber: Fiber.Fiber<unknown, unknown>): Reason | undefined {
    if (this.isClosed) return new Closed()
    return isInside(fiber, this.quarantine) ? new InsideHandler() : undefined
  }

  /** Not the same call that has failed the same way again and again. */
  private admit(compiled: Executor["compiled"]): Effect.Effect<void, SessionError> {
    const calls = this.loops.find(compiled)
    return calls.length > 0 ? refuse(new LoopDetected({ calls })) : Effect.void
  }

  /** What is known to be wrong before anything is stopped; reserves nothing. */
  private check(plan: Plan.Any, options: FanoutOptions): Effect.Effect<void, PlanError | SessionError> {
    const looked = Effect.flatMap(
      prepare(Plan.toNode(plan), options, { home: { ...this.home(this.epoch + 1), account: undefined } }),
      ({ compiled }) => {
        const { shortage } = this
        const affordable = shortage === undefined ? Effect.void : refuse(new BudgetExceeded(shortage))
        return Effect.andThen(this.admit(compiled), affordable)
      }
    )
    return Effect.withFiber((fiber) => {
      const refusal = this.refusalFor(fiber)
      return refusal === undefined ? looked : refuse(refusal)
    })
  }

  /** Takes the place, unless `refusal` says why not, in one piece of synchronous code; then prepares, and runs. Not interruptible else. */
  private launch<E>(
    options: FanoutOptions,
    preparing: Preparing<E>,
    interruptible: typeof Effect.interruptible,
    refusal: () => Reason | undefined
  ): Launched<E> {
    return Effect.suspend(() => {
      const { despite = [] } = options
      const refused = refusal()
      if (refused !== undefined) return refuse(refused)
      const mayAct = this.quarantine.list().filter((member) => member.mayAct)
      const behind = mayAct.filter(({ id }) => !despite.includes(id))
      if (behind.length > 0) return refuse(new NotDrained({ leftBehind: behind }))
      const { shortage } = this
      if (shortage !== undefined) return refuse(new BudgetExceeded(shortage))
      const place: Cohort = { over: Deferred.makeUnsafe<void>(), executor: undefined, stop: undefined }
      this.current = place
      this.heir = undefined
      const prepared = preparing(this.home(this.epoch + 1))
      return Effect.onExit(
        Effect.flatMap(prepared, (executor) => {
          const overridden = mayAct.map(({ id }) => id)
          return this.run(place, executor, interruptible, overridden)
        }),
        () =>
          Effect.sync(() => {
            this.current = undefined
            Deferred.doneUnsafe(place.over, Effect.void)
          })
      )
    })
  }

  private run(
    place: Cohort,
    executor: Executor,
    interruptible: typeof Effect.interruptible,
    overridden: ReadonlyArray<string>
  ): Launched {
    const calls = this.loops.find(executor.compiled)
    if (calls.length > 0) {
      executor.abandon()
      return refuse(new LoopDetected({ calls }))
    }
    this.epoch++
    place.executor = executor
    if (overridden.length > 0) this.write({ type: "session.overridden", leftBehind: overridden })
    if (place.stop !== undefined) executor.requestStop(place.stop)
    return execute(
      executor,
      ({ report }) => {
        this.keep(report())
      },
      interruptible
    )
  }

  private home(epoch: number) {
    const { account, caller, desk, journal, limiter, pace, quarantine } = this
    const runId = this.runId(epoch)
    return {
      session: this.id,
      epoch,
      runId,
      journal,
      quarantine,
      account,
      limiter,
      caller,
      pace,
      desk,
      onSettled: (executor: Executor, call: Parameters<Loops["note"]>[0]) => {
        this.loops.note(call, executor.compiled)
        this.outcomes.tell(() => ({ runId, epoch, call: executor.reportOf(call) }))
      }
    }
  }

  private runId(epoch: number): string {
    return `${this.id}.${epoch}`
  }

  private keep(report: Report): void {
    this.reports.push(report)
    if (this.reports.length > this.settings.keep) this.reports.shift()
  }

  private usage(): Usage {
    const limit = this.settings.budget?.get("cohorts")
    return {
      ...this.ownAccount?.usage(this.now()),
      ...(limit === undefined ? {} : { cohorts: { limit, used: this.epoch, reserved: 0 } })
    }
  }

  /** Why there can be no further fan-out, whatever its plan. */
  private get shortage(): Shortage | undefined {
    const limit = this.settings.budget?.get("cohorts") ?? Infinity
    const used = this.epoch
    return this.account?.timeIsUp(this.now()) ?? (used < limit ? undefined : { name: "cohorts", limit, used, asked: 1 })
  }

  private now(): number {
    return Number(this.clock.monotonicTimeNanosUnsafe() / 1_000n) / 1_000
  }

  private write(event: SessionEvent): void {
    const time = this.clock.currentTimeMillisUnsafe()
    const draft = { toolscope: 1, session: this.id, run: this.id, epoch: this.epoch, seq: 0, time, ...event }
    try {
      this.journal.write(draft as JournalModule.Draft)
    } catch {
      // a journal that refuses is found out when an attempt is to start
    }
  }
}

type Launched<E = never> = Effect.Effect<unknown, FanoutError<unknown> | PlanError | SessionError | E>
type Preparing<E> = (home: Home) => Effect.Effect<Executor, PlanError | E>

/** The first reason stays. */
const stop = (place: Cohort, reason: StopReason): void => {
  place.stop ??= reason
  place.executor?.requestStop(reason)
}

type SessionEvent = JournalModule.Draft extends infer D
  ? D extends { type: `session.${string}` }
    ? Omit<D, "toolscope" | "session" | "run" | "epoch" | "seq" | "time">
    : never
  : never

const refuse = (reason: Reason): Effect.Effect<never, SessionError> => Effect.fail(new SessionError({ reason }))
