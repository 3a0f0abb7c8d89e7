/**
 * A **fan-out** runs a plan once: it starts the calls, decides by the plan's policies, stops what is not needed, and does not return
 * before every started call has ended, or has been left behind at its bound and is listed as such.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { FanoutError } from "./FanoutError.ts"
import { bounded } from "./internal/bounded.ts"
import { compile, type Compiled } from "./internal/compile.ts"
import { Executor } from "./internal/executor.ts"
import { type Limits, limitsOf } from "./internal/limits.ts"
import { summarize } from "./internal/summary.ts"
import * as Journal from "./Journal.ts"
import * as Plan from "./Plan.ts"
import type { Settings } from "./PlanDocument.ts"
import { type Fault, PlanError } from "./PlanError.ts"
import * as Quarantine from "./Quarantine.ts"
import type { Report } from "./Report.ts"

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
}

/**
 * A fan-out that runs.
 *
 * @since 0.1.0
 */
export interface Handle<out A, out E> {
  readonly runId: string
  /** Waits for the value. */
  readonly result: Effect.Effect<A, FanoutError<E>>
  /** Waits for the close. There is a report also when the fan-out failed, was stopped, or its owner was interrupted. */
  readonly report: Effect.Effect<Report>
  /** Asks everything to stop, and waits for the close. The first reason stays. */
  readonly stop: (reason?: string) => Effect.Effect<Report>
  /** What has been journaled so far, where the journal is the fan-out's own. */
  readonly journal: Journal.Journal
}

/** Everything that can be known beforehand is checked here: all faults at once, and nothing has started. */
const prepare = (plan: Plan.Any, options: Options): Effect.Effect<Executor, PlanError> =>
  Effect.withFiber((fiber) => {
    const limits = limitsOf(options)
    const compiled = compile(Plan.toNode(plan))
    if (Result.isFailure(limits) || Result.isFailure(compiled)) {
      const faults = [limits, compiled].flatMap((r: Result.Result<Limits | Compiled, ReadonlyArray<Fault>>) =>
        Result.isFailure(r) ? r.failure : []
      )
      return Effect.fail(new PlanError({ faults }))
    }
    const random = fiber.getRef(Random.Random)
    const runId = options.runId ?? newRunId(() => random.nextDoubleUnsafe())
    return Effect.succeed(
      new Executor(compiled.success, {
        runId,
        session: runId,
        epoch: 1,
        context: fiber.context,
        clock: fiber.getRef(Clock.Clock),
        journal: fiber.getRef(Journal.Current) ?? Journal.memory(),
        quarantine: fiber.getRef(Quarantine.Current),
        limits: limits.success
      })
    )
  })

const newRunId = (random: () => number): string => {
  let id = "run_"
  for (let i = 0; i < 16; i++) id += Math.floor(random() * 32).toString(32)
  return id
}

interface Closed {
  readonly report: () => Report
  readonly exit: Exit.Exit<unknown, FanoutError<unknown>>
}

/** Runs to the close; the report is made, and journaled, also when the caller is interrupted. */
const execute = (
  executor: Executor,
  onClosed: (closed: Closed) => void,
  interruptible?: typeof Effect.interruptible
): Effect.Effect<unknown, FanoutError<unknown>> =>
  Effect.suspend(() => {
    let closed: Closed
    const close = Effect.suspend(() => {
      const { reason, report, value } = summarize(executor)
      const exit = reason === undefined ? Exit.succeed(value) : Exit.fail(new FanoutError({ reason, report: report() }))
      closed = { report, exit }
      onClosed(closed)
      // what was written last is kept too, or the report would be the only one to know; but a journal that hangs holds nobody
      const { flush } = executor.recorder
      return executor.env.journal.flush === Effect.void
        ? Effect.void
        : Effect.ignore(bounded(flush, executor.env.limits.drain))
    })
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(
        Effect.onExit(executor.run(interruptible ?? restore), () => close),
        () => closed.exit
      )
    )
  })

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
  Effect.flatMap(prepare(plan, options), (executor) => execute(executor, () => {})) as never

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
  Effect.flatMap(prepare(plan, options), (executor) =>
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
        journal: executor.env.journal
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
  ) as never
