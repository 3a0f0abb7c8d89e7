/**
 * How a session goes from one fan-out to the next.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { Usage } from "../../Budget.ts"
import type { FanoutError } from "../../FanoutError.ts"
import * as JournalModule from "../../Journal.ts"
import * as Plan from "../../Plan.ts"
import type { PlanError } from "../../PlanError.ts"
import * as QuarantineModule from "../../Quarantine.ts"
import type { Report } from "../../Report.ts"
import type { FanoutOptions, Options, Session } from "../../Session.ts"
import {
  BudgetExceeded,
  Busy,
  Closed,
  LoopDetected,
  NotDrained,
  type Reason,
  SessionError,
  Stopping,
  Superseded
} from "../../SessionError.ts"
import { Account } from "../account.ts"
import type { Executor } from "../executor.ts"
import { execute, newRunId, prepare } from "../launch.ts"
import { Limiter } from "../limiter.ts"
import type { Pace } from "../spending.ts"
import { Loops } from "./loops.ts"
import { Outcomes } from "./outcomes.ts"
import { RetryBudget } from "./retryBudget.ts"
import { type Checked, settingsOf } from "./settings.ts"

/** The fan-out that runs, and what its end is known by. */
interface Cohort {
  readonly executor: Executor
  readonly over: Deferred.Deferred<void>
}

export const open = (options: Options): Effect.Effect<Session, PlanError, Scope.Scope> =>
  Effect.withFiber((fiber) => {
    const settings = settingsOf(options)
    if (Result.isFailure(settings)) return Effect.fail(settings.failure)
    const random = fiber.getRef(Random.Random)
    const id = options.id ?? newRunId(() => random.nextDoubleUnsafe()).replace("run_", "session_")
    const state = new State(id, settings.success, {
      clock: fiber.getRef(Clock.Clock),
      journal: fiber.getRef(JournalModule.Current) ?? JournalModule.memory()
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
  private readonly quarantine = QuarantineModule.make()
  private readonly account: Account | undefined
  private readonly limiter: Limiter | undefined
  private readonly loops: Loops
  private readonly retries: RetryBudget | undefined
  private readonly outcomes = new Outcomes()
  private readonly reports: Array<Report> = []
  private epoch = 0
  private current: Cohort | undefined
  private isClosed = false
  /** Grows with each `replan` and `cancel`: of several that wait for a drain only the last goes on. */
  private turn = 0
  private lastTurn: "replan" | "cancel" = "replan"
  /** How many wait for a drain. */
  private waiting = 0

  constructor(
    id: string,
    settings: Checked,
    services: { readonly clock: Clock.Clock; readonly journal: JournalModule.Journal }
  ) {
    this.id = id
    this.settings = settings
    this.clock = services.clock
    this.journal = services.journal
    this.account = settings.budget === undefined ? undefined : new Account(settings.budget, undefined, this.now())
    this.limiter = settings.permits === undefined ? undefined : new Limiter(settings.permits, settings.waiting)
    this.loops = new Loops(settings.loop)
    this.retries = settings.retryRatio === undefined ? undefined : new RetryBudget(settings.retryRatio)
    this.session = {
      id,
      epoch: () => this.epoch,
      journal: this.journal,
      quarantine: this.quarantine,
      usage: () => this.usage(),
      fanout: (plan, options = {}) => this.fanout(plan, options) as never,
      replan: (plan, options = {}) => this.replan(plan, options) as never,
      cancel: (reason = "somebody asked") => this.cancel(reason),
      drained: this.drained,
      outcomes: this.outcomes.observe,
      reports: () => [...this.reports]
    }
  }

  opened(): void {
    this.write({ type: "session.opened", budget: this.usage() })
  }

  /** Waits until nothing runs; looks again, since another may have begun meanwhile. */
  private readonly drained: Effect.Effect<void> = Effect.suspend(() =>
    this.current === undefined ? Effect.void : Effect.andThen(Deferred.await(this.current.over), this.drained)
  )

  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    if (this.isClosed) return Effect.void
    this.isClosed = true
    this.current?.executor.requestStop({ source: "parent", reason: "the session was closed" })
    return Effect.map(this.drained, () => {
      this.write({ type: "session.closed", cohorts: this.epoch, budget: this.usage() })
      this.outcomes.close()
    })
  })

  private fanout(
    plan: Plan.Any,
    options: FanoutOptions
  ): Effect.Effect<unknown, FanoutError<unknown> | PlanError | SessionError> {
    return Effect.suspend(() => {
      if (this.isClosed) return refuse(new Closed())
      if (this.current !== undefined) {
        const { runId } = this.current.executor.env
        return refuse(
          this.waiting > 0 || this.current.executor.isStopping ? new Stopping({ runId }) : new Busy({ runId })
        )
      }
      return this.launch(plan, options)
    })
  }

  private replan(
    plan: Plan.Any,
    options: FanoutOptions & { readonly reason?: string }
  ): Effect.Effect<unknown, FanoutError<unknown> | PlanError | SessionError> {
    const { despite = [], reason = "the planner planned anew" } = options
    return Effect.suspend(() => {
      if (this.isClosed) return refuse(new Closed())
      // a plan that cannot run stops nothing
      return Effect.flatMap(this.check(plan, options), () => {
        const cohort = this.current
        if (cohort === undefined) return this.launch(plan, options)
        const turn = this.takeTurn("replan")
        this.write({ type: "session.replanned", reason, despite: [...despite] })
        cohort.executor.requestStop({ source: "replan", reason })
        return Effect.flatMap(this.wait(cohort), () => {
          if (this.isClosed) return refuse(new Closed())
          if (turn !== this.turn) return refuse(new Superseded({ by: this.lastTurn }))
          return this.launch(plan, options)
        })
      })
    })
  }

  private cancel(reason: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.takeTurn("cancel")
      const cohort = this.current
      if (cohort === undefined) return Effect.void
      cohort.executor.requestStop({ source: "user", reason })
      return this.wait(cohort)
    })
  }

  private takeTurn(of: "replan" | "cancel"): number {
    this.lastTurn = of
    return ++this.turn
  }

  /** One drain, however many wait for it; an interruption ends the wait only. */
  private wait({ over }: Cohort): Effect.Effect<void> {
    this.waiting++
    return Effect.ensuring(
      Deferred.await(over),
      Effect.sync(() => {
        this.waiting--
      })
    )
  }

  /** Is this a plan? Finds what is wrong with it, without reserving anything. */
  private check(plan: Plan.Any, options: FanoutOptions): Effect.Effect<void, PlanError> {
    return Effect.asVoid(prepare(Plan.toNode(plan), options, { ...this.home(this.epoch + 1), account: undefined }))
  }

  private launch(
    plan: Plan.Any,
    options: FanoutOptions
  ): Effect.Effect<unknown, FanoutError<unknown> | PlanError | SessionError> {
    const { despite = [] } = options
    const behind = this.quarantine.list().filter(({ id, mayAct }) => mayAct && !despite.includes(id))
    if (behind.length > 0) return refuse(new NotDrained({ leftBehind: behind }))
    const home = this.home(this.epoch + 1)
    return Effect.flatMap(prepare(Plan.toNode(plan), options, home), (executor): Launched => {
      const calls = this.loops.find(executor.compiled)
      const shortage = calls.length > 0 ? undefined : this.account?.reserve({ cohorts: 1 }, this.now())
      if (calls.length > 0 || shortage !== undefined) {
        executor.abandon()
        return refuse(shortage === undefined ? new LoopDetected({ calls }) : new BudgetExceeded(shortage))
      }
      this.account?.settle({ cohorts: 1 }, { cohorts: 1 })
      const over = Deferred.makeUnsafe<void>()
      this.epoch++
      this.current = { executor, over }
      return Effect.onExit(
        execute(executor, ({ report }) => {
          this.keep(report())
        }),
        () =>
          Effect.sync(() => {
            this.current = undefined
            Deferred.doneUnsafe(over, Effect.void)
          })
      )
    })
  }

  private home(epoch: number) {
    const { account, journal, limiter, quarantine } = this
    const runId = `${this.id}.${epoch}`
    return {
      session: this.id,
      epoch,
      runId,
      journal,
      quarantine,
      account,
      limiter,
      pace: this.pace,
      onSettled: (executor: Executor, call: Parameters<Loops["note"]>[0]) => {
        this.loops.note(call, executor.compiled)
        this.outcomes.tell(() => ({ runId, epoch, call: executor.reportOf(call) }))
      }
    }
  }

  private readonly pace: Pace = {
    forCall: (spec) => {
      const { retries } = this
      if (retries === undefined) return undefined
      retries.called(spec.tool.name)
      return this.loops.timesOf(spec) === 0 || retries.take(spec.tool.name)
        ? undefined
        : retries.shortage(spec.tool.name)
    },
    forRetry: ({ tool }) => {
      const { retries } = this
      return retries === undefined || retries.take(tool.name) ? undefined : retries.shortage(tool.name)
    }
  }

  private keep(report: Report): void {
    this.reports.push(report)
    if (this.reports.length > this.settings.keep) this.reports.shift()
  }

  private usage(): Usage {
    return this.account?.usage(this.now()) ?? {}
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

type Launched = Effect.Effect<unknown, FanoutError<unknown> | SessionError>

type SessionEvent = JournalModule.Draft extends infer D
  ? D extends { type: `session.${string}` }
    ? Omit<D, "toolscope" | "session" | "run" | "epoch" | "seq" | "time">
    : never
  : never

const refuse = (reason: Reason): Effect.Effect<never, SessionError> => Effect.fail(new SessionError({ reason }))
