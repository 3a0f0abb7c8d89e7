/**
 * A **session** owns the fan-outs of one planner, one at a time: it drains before it replans, and reserves before it spends.
 *
 * It never runs two fan-outs at the same time, and starts none while something that was left behind may still act, unless it is told to.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Budget, Usage } from "./Budget.ts"
import type { ResumeOptions } from "./Fanout.ts"
import type { FanoutError } from "./FanoutError.ts"
import { open } from "./internal/session/session.ts"
import type { Journal } from "./Journal.ts"
import type * as Plan from "./Plan.ts"
import type { Settings } from "./PlanDocument.ts"
import type { PlanError } from "./PlanError.ts"
import type { Quarantine } from "./Quarantine.ts"
import type { QuestionError } from "./QuestionError.ts"
import type { Desk } from "./Questions.ts"
import type { CallReport, Report } from "./Report.ts"
import type { SessionError } from "./SessionError.ts"
import type { Snapshot, SnapshotError } from "./Snapshot.ts"
import type { Approval } from "./Tool.ts"

/**
 * @since 0.1.0
 */
export interface Options {
  /** Default: a new one. Run ids are this, with the number of the epoch; idempotency keys begin with them, so no two sessions share an id. */
  readonly id?: string
  /** What all fan-outs of the session may use together. Default: no limit. */
  readonly budget?: Budget
  /**
   * Permits beyond those of each fan-out, fan-outs inside of handlers included: those borrow what their caller holds, one at a time. Default:
   * no limit.
   */
  readonly limits?: {
    /** Attempts at the same time. */
    readonly concurrency?: number
    /** Attempts of a tool at the same time, by its name. */
    readonly tools?: { readonly [tool: string]: number }
    /** Attempts at the same time that contend for a resource, as contracts name them. */
    readonly resources?: { readonly [resource: string]: number }
    /** How many attempts may wait for these permits; a further one is `Overloaded`. Default 1,000. */
    readonly waiting?: number
  }
  /**
   * So many failures of one call (a tool with the same parameters) that all fail the same way, with no success between them, over the
   * fan-outs of the session: then a plan with that call is refused. Default 3. `Infinity`: never.
   */
  readonly loop?: number
  /**
   * Further attempts per call of a tool, in the long run, and 10 beyond that; a call that failed before and is planned again counts as a
   * further attempt. Default: no limit.
   */
  readonly retryRatio?: number
  /** How many reports of past fan-outs are kept. Default 100. */
  readonly keep?: number
}

/**
 * The settings of a fan-out in a session.
 *
 * @since 0.1.0
 */
export interface FanoutOptions extends Settings {
  /** Per attempt, where neither the call nor its tool says otherwise. Default 30 seconds. */
  readonly timeout?: Duration.Input
  /** Does a person have to agree before a call starts, beside what its tool says? Default `"never"`. */
  readonly approval?: Approval<unknown>
  /** Ids of what was left behind (`LeftBehind.id`): it starts although they may still act. */
  readonly despite?: ReadonlyArray<string>
}

/**
 * The settings of a resume in a session: those of the snapshot, where nothing else is said.
 *
 * @since 0.1.0
 */
export interface SessionResume extends FanoutOptions, Pick<ResumeOptions, "answers" | "deny" | "by"> {}

/**
 * A call that has settled, while its fan-out goes on.
 *
 * @since 0.1.0
 */
export interface Settled {
  readonly runId: string
  readonly epoch: number
  readonly call: CallReport
}

/**
 * @since 0.1.0
 */
export interface Session extends Desk {
  readonly id: string
  /** How many fan-outs have been started. */
  readonly epoch: () => number
  readonly journal: Journal
  readonly quarantine: Quarantine
  /** What has been used and reserved of the budget. */
  readonly usage: () => Usage
  /**
   * Runs a plan on the fiber of the caller, as `Fanout.run` does. Refused while another runs or is being stopped, after the close, inside
   * of a handler of the session, and while something left behind may still act.
   */
  readonly fanout: <A, E, R, O>(
    plan: Plan.Plan<A, E, R, O>,
    options?: FanoutOptions
  ) => Effect.Effect<A, FanoutError<E> | PlanError | SessionError, R>
  /**
   * Checks the plan; stops what still runs; waits until that has drained and been undone; then runs the plan. What is refused beforehand (a
   * faulty plan, a loop, no cohort left, a handler that asks) stops nothing. There is one drain however many wait for it, and of several
   * that wait the last one runs. If something was left behind that may still act, it fails with `NotDrained`. An interruption ends the
   * wait, not the stop.
   */
  readonly replan: <A, E, R, O>(
    plan: Plan.Plan<A, E, R, O>,
    options?: FanoutOptions & { readonly reason?: string }
  ) => Effect.Effect<A, FanoutError<E> | PlanError | SessionError, R>
  /**
   * Goes on from a snapshot of a suspended fan-out, of this session or another, in an epoch of this one: see `Fanout.resume`. Refused as
   * `fanout` is. Run id and keys are those of the snapshot.
   */
  readonly resume: <A, E, R, O>(
    plan: Plan.Plan<A, E, R, O>,
    snapshot: Snapshot,
    options?: SessionResume
  ) => Effect.Effect<A, FanoutError<E> | PlanError | SessionError | SnapshotError | QuestionError, R>
  /** Asks what runs to stop, and waits until it has drained (not inside of a handler, which is a part of it). The session stays open. */
  readonly cancel: (reason?: string) => Effect.Effect<void>
  /** Waits until nothing runs; inside of a handler, for itself, until its timeout. What was left behind is in the quarantine. */
  readonly drained: Effect.Effect<void>
  /** Calls as they settle, from now on: so that a planner can plan anew before a fan-out has ended. */
  readonly outcomes: Effect.Effect<Stream.Stream<Settled>, never, Scope.Scope>
  /** Reports of past fan-outs, the superseded ones included, oldest first. */
  readonly reports: () => ReadonlyArray<Report>
}

/**
 * The session, as a service.
 *
 * @since 0.1.0
 */
export class Current extends Context.Service<Current, Session>()("@toolscope/core/Session") {}

/**
 * Opens a session. When the scope closes, what runs is stopped and drained; then nothing starts any more. Wrong settings are a
 * `PlanError`, all at once.
 *
 * Inside of a handler its fan-outs belong to that handler: they stop with it, spend of the budget around it, have its permits, and what
 * they did is what it did.
 *
 * @example
 * ```ts
 * import { Contract, Plan, Session } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 *
 * const write = (text: string, millis: number) =>
 *   Plan.effect(Effect.delay(Effect.sync(() => console.log(text)), millis), Contract.make({ effect: "mutating", interruption: "anywhere" }))
 *
 * await Effect.gen(function* () {
 *   const session = yield* Session.make({ budget: { cohorts: 2 } })
 *   yield* Effect.forkChild(Effect.ignore(session.fanout(write("the old plan", 1_000))))
 *   yield* Effect.yieldNow
 *   yield* session.replan(write("the new plan", 0)) // => the new plan
 * }).pipe(Effect.scoped, Effect.runPromise)
 * ```
 *
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<Session, PlanError, Scope.Scope> => open(options)

/**
 * A session as a layer.
 *
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Current, PlanError> => Layer.effect(Current, make(options))
