/**
 * A **fan-out** runs a plan once: it starts the calls, decides by the plan's policies, stops what is not needed, and does not return
 * before every started call has ended, or has been left behind at its bound and is listed as such.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { FanoutError } from "./FanoutError.ts"
import type { Executor } from "./internal/executor.ts"
import { type Closed, execute, prepare } from "./internal/launch.ts"
import { answersOf } from "./internal/questions/answers.ts"
import { resumed } from "./internal/snapshot/resume.ts"
import type { Journal } from "./Journal.ts"
import * as Plan from "./Plan.ts"
import type { Settings } from "./PlanDocument.ts"
import type { PlanError } from "./PlanError.ts"
import type { QuestionError } from "./QuestionError.ts"
import type { Desk } from "./Questions.ts"
import type { Report } from "./Report.ts"
import type { Snapshot, SnapshotError } from "./Snapshot.ts"
import type { Approval } from "./Tool.ts"

/**
 * The settings of a run.
 *
 * @since 0.1.0
 */
export interface Options extends Settings {
  /** Per attempt, where neither the call nor its tool says otherwise. Default 30 seconds. */
  readonly timeout?: Duration.Input
  /** Default: a new one. */
  readonly runId?: string
  /** Does a person have to agree before a call starts, beside what its tool says? Default `"never"`. */
  readonly approval?: Approval<unknown>
}

/**
 * A fan-out that runs.
 *
 * @since 0.1.0
 */
export interface Handle<out A, out E> extends Desk {
  readonly runId: string
  /** Waits for the value. */
  readonly result: Effect.Effect<A, FanoutError<E>>
  /** Waits for the close. There is a report also when the fan-out failed, was stopped, or its owner was interrupted. */
  readonly report: Effect.Effect<Report>
  /** Asks everything to stop, and waits for the close. The first reason stays. */
  readonly stop: (reason?: string) => Effect.Effect<Report>
  /** What has been journaled so far, where the journal is the fan-out's own. */
  readonly journal: Journal
}

/**
 * Runs a plan, on the fiber of the caller: interrupted, it stops everything and waits for it to drain before the interruption goes on.
 *
 * @example
 * ```ts
 * import { Contract, Fanout, Plan } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 *
 * const price = (of: number) => Plan.effect(Effect.succeed(of), Contract.readOnly)
 * const plan = Plan.quorum(2, { a: price(3), b: price(3), c: price(4) }, { agree: true })
 * console.log(await Effect.runPromise(Fanout.run(plan))) // => { a: 3, b: 3 }
 * ```
 *
 * @since 0.1.0
 */
export const run = <A, E, R, O>(
  plan: Plan.Plan<A, E, R, O>,
  options: Options = {}
): Effect.Effect<A, FanoutError<E> | PlanError, R> =>
  // not to be interrupted between the two: what has been reserved would never be given back
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(prepare(Plan.toNode(plan), options), (executor) => execute(executor, () => {}, restore))
  ) as never

/**
 * The settings of a resume: those of the snapshot, where nothing else is said.
 *
 * @since 0.1.0
 */
export interface ResumeOptions extends Omit<Options, "runId"> {
  /** Answers, as JSON, by the ids of their questions. */
  readonly answers?: { readonly [id: string]: unknown }
  /** Questions that nobody will answer. */
  readonly deny?: ReadonlyArray<string>
  /** Who answers. */
  readonly by?: string
}

/**
 * Goes on from a snapshot, here or in another process, with the plan and the tools that it was taken of. Calls that are over are not run
 * again. A handler that asked runs again from its top once one of its questions has an answer; what it had been answered, and what it had
 * committed, it is given. Keys and ids are the same.
 *
 * A snapshot is resumed once (see `Snapshot.Claims`). What is wrong with it, with the plan, or with the ids of the answers is a typed error
 * before it is claimed and before anything starts. An answer that its question cannot take leaves it open: if only questions remain the run
 * is suspended anew, and `refused` of the reason says why.
 *
 * @example
 * ```ts
 * import { Contract, Fanout, Plan, Question } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const room = Question.ask({ prompt: "Which room?", schema: Schema.Number })
 * const plan = Plan.effect(room, Contract.readOnly)
 * const program = Fanout.run(plan, { runId: "r" }).pipe(
 *   Effect.catchReason("FanoutError", "Suspended", ({ snapshot }) =>
 *     Fanout.resume(plan, snapshot, { answers: { "r/?0": 101 }, by: "Ada" })
 *   )
 * )
 * console.log(await Effect.runPromise(program)) // => 101
 * ```
 *
 * @since 0.1.0
 */
export const resume = <A, E, R, O>(
  plan: Plan.Plan<A, E, R, O>,
  snapshot: Snapshot,
  options: ResumeOptions = {}
): Effect.Effect<A, FanoutError<E> | PlanError | SnapshotError | QuestionError, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(resumed(Plan.toNode(plan), snapshot, options), (executor) => execute(executor, () => {}, restore))
  ) as never

/**
 * As {@link resume}, in the background of a scope: the handle takes further answers.
 *
 * @since 0.1.0
 */
export const startFrom = <A, E, R, O>(
  plan: Plan.Plan<A, E, R, O>,
  snapshot: Snapshot,
  options: ResumeOptions = {}
): Effect.Effect<Handle<A, E>, PlanError | SnapshotError | QuestionError, R | Scope.Scope> =>
  startFromStoppable(plan, snapshot, options, () => {})

/**
 * As {@link startFrom}, for owners that may have to stop before the first call starts.
 *
 * @internal
 */
export const startFromStoppable = <A, E, R, O>(
  plan: Plan.Plan<A, E, R, O>,
  snapshot: Snapshot,
  options: ResumeOptions,
  ready: (stop: (reason: string) => void) => void
): Effect.Effect<Handle<A, E>, PlanError | SnapshotError | QuestionError, R | Scope.Scope> =>
  inBackground(resumed(Plan.toNode(plan), snapshot, options, waits), ready) as never

/**
 * Starts a plan in the background of a scope. When the scope closes, everything is stopped, and drained to the bound.
 *
 * @since 0.1.0
 */
export const start = <A, E, R, O>(
  plan: Plan.Plan<A, E, R, O>,
  options: Options = {}
): Effect.Effect<Handle<A, E>, PlanError, R | Scope.Scope> => startStoppable(plan, options, () => {})

/**
 * As {@link start}, for owners that may have to stop before the first call starts: `ready` gets the stop before anything runs.
 *
 * @internal
 */
export const startStoppable = <A, E, R, O>(
  plan: Plan.Plan<A, E, R, O>,
  options: Options,
  ready: (stop: (reason: string) => void) => void
): Effect.Effect<Handle<A, E>, PlanError, R | Scope.Scope> =>
  inBackground(prepare(Plan.toNode(plan), options, waits), ready) as never

/** Whoever has a handle can answer through it. */
const waits = { whenOnlyQuestionsRemain: "wait" } as const

const inBackground = <E>(
  prepared: Effect.Effect<Executor, E>,
  ready: (stop: (reason: string) => void) => void
): Effect.Effect<Handle<unknown, unknown>, E, Scope.Scope> =>
  Effect.flatMap(prepared, (executor) =>
    Effect.suspend(() => {
      const stop = (reason: string) => {
        executor.requestStop({ source: "user", reason })
      }
      const closed = Deferred.makeUnsafe<Closed>()
      const report = Effect.map(Deferred.await(closed), (c) => c.report())
      const driver = (interruptible?: typeof Effect.interruptible) =>
        Effect.onExit(
          execute(executor, (c) => Deferred.doneUnsafe(closed, Effect.succeed(c)), interruptible),
          // were the driver itself to die, nobody should wait for a report that never comes
          (exit) =>
            Effect.sync(() => {
              if (Exit.isFailure(exit)) Deferred.doneUnsafe(closed, Effect.die(Cause.squash(exit.cause)))
            })
        )
      const handle: Handle<unknown, unknown> = {
        runId: executor.env.runId,
        result: Effect.flatMap(Deferred.await(closed), (c) => c.exit),
        report,
        stop: (reason = "somebody asked") =>
          Effect.suspend(() => {
            stop(reason)
            return report
          }),
        journal: executor.env.journal,
        ...answersOf(executor.desk)
      }
      ready(stop)
      // uninterruptible but for its loop: a scope that closes before the first step still gets its report
      const fork = Effect.forkScoped(driver(Effect.interruptible), { startImmediately: true, uninterruptible: true })
      return Effect.flatMap(fork, (fiber) => {
        if (executor.hasBegun || fiber.pollUnsafe() === undefined) return Effect.succeed(handle)
        executor.requestStop({ source: "parent", reason: "the scope of the fan-out had been closed before it began" })
        return Effect.as(Effect.exit(driver()), handle)
      })
    })
  ).pipe(Effect.uninterruptible)
