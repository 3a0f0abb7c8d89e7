/**
 * A **sweep** interrupts a program at every step, one run per step, and checks after each that the program left what it should: the
 * lock free, the connection returned, nothing half written.
 *
 * A step is a moment at which another fiber could interrupt: before each operation of each fiber of the program, and each time that
 * the program waits. Every run has a fresh scope and a clock of its own, which moves by itself whenever nothing is ready, so that a
 * program that sleeps for an hour is swept in no time.
 *
 * A sweep interrupts; it does not change who runs first. For that see `Simulation`.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import {
  type Moment as MomentOf,
  once,
  type Run,
  type Settings,
  type Subject as AnySubject
} from "./internal/sweep/once.ts"

/**
 * Where a run was interrupted: its step (0: not at all), whether it was before an operation or while the program waited, and how
 * many milliseconds after the start of the program.
 *
 * @since 0.1.0
 */
export interface Moment extends MomentOf {}

/**
 * @since 0.1.0
 */
export interface Options {
  /** A program with more steps is refused, rather than swept for hours. Default 10,000. */
  readonly maxSteps?: number
  /** So many steps only, spread evenly from the first to the last. Default: all. */
  readonly sample?: number
  /** This step alone: replays a failure. 0 is the run that is not interrupted. */
  readonly only?: number
  /** `"live"` for programs that wait for real input and output. Default `"virtual"`. */
  readonly clock?: "virtual" | "live"
  /**
   * Real milliseconds to wait for what the virtual clock does not see (a promise that somebody else resolves), before a program that
   * does not go on counts as hung. Default 200, with the live clock 10,000.
   */
  readonly patience?: number
  /** Of Effect's `Random`, the same for every run. Default 0. */
  readonly seed?: string | number
  /**
   * Also interrupts inside each operation: after it has run, before what follows it. A fiber that the operation itself wakes can do
   * that. These are the half steps. Default `false`.
   */
  readonly reentrant?: boolean
}

/**
 * What is swept. All three run in the same world; `program` gets a scope of its own, `setup` and `invariant` share one, which closes
 * last.
 *
 * @since 0.1.0
 */
export interface Subject<Env, A, E, SE, IE, SR, PR, IR> {
  /** Makes what one run needs, anew for each. It is not interrupted. */
  readonly setup: Effect.Effect<Env, SE, SR>
  readonly program: (env: Env) => Effect.Effect<A, E, PR>
  /** Holds if it succeeds. `exit` is how the program ended. */
  readonly invariant: (env: Env, exit: Exit.Exit<A, E>, moment: Moment) => Effect.Effect<unknown, IE, IR>
}

/**
 * A sweep that found nothing.
 *
 * @since 0.1.0
 */
export interface Swept {
  /** Steps of the program when it is not interrupted. */
  readonly steps: number
  /** How many runs were interrupted. */
  readonly swept: number
}

/**
 * - `InvariantFailed`: interrupted there, the program left what it must not
 * - `Hung`: interrupted there, it did not end: `"stuck"` (nothing could ever wake it) or `"endless"` (it never rested)
 * - `SetupFailed`: before the program began
 * - `NotReached`: the program has fewer steps than asked for · `TooManySteps`: more than `maxSteps`
 *
 * @since 0.1.0
 */
export type Reason =
  | {
      readonly _tag: "InvariantFailed"
      readonly moment: Moment
      readonly steps: number
      readonly cause: Cause.Cause<unknown>
    }
  | {
      readonly _tag: "Hung"
      readonly moment: Moment
      readonly during: "setup" | "program" | "invariant" | "teardown"
      readonly hang: "stuck" | "endless"
    }
  | { readonly _tag: "SetupFailed"; readonly moment: Moment; readonly cause: Cause.Cause<unknown> }
  | { readonly _tag: "NotReached"; readonly step: number; readonly steps: number }
  | { readonly _tag: "TooManySteps"; readonly steps: number; readonly maxSteps: number }

/**
 * @since 0.1.0
 */
export class SweepError extends Data.TaggedError("SweepError")<{ readonly reason: Reason }> {
  override get message(): string {
    const { reason } = this
    switch (reason._tag) {
      case "InvariantFailed":
        return `${describe(reason.moment)}, the invariant does not hold:\n${Cause.pretty(reason.cause)}${replay(reason.moment)}`
      case "Hung": {
        const why = reason.hang === "stuck" ? "nothing can wake it any more" : "it never rests"
        return `${describe(reason.moment)}, the ${reason.during} does not end: ${why}${replay(reason.moment)}`
      }
      case "SetupFailed":
        return `the setup failed:\n${Cause.pretty(reason.cause)}`
      case "NotReached":
        return `there is no step ${reason.step}: the program has ${reason.steps}`
      case "TooManySteps":
        return `the program has ${reason.steps} steps, more than maxSteps (${reason.maxSteps}): raise it, or sweep a sample`
    }
  }
}

const describe = ({ step, time, where }: Moment): string =>
  where === "nowhere"
    ? "without an interruption"
    : `interrupted at step ${step} (${where === "wait" ? "while it waits" : "before an operation"}, at ${time} ms)`

const replay = ({ step }: Moment): string =>
  `\nreplay this run alone: { only: ${step}${Number.isInteger(step) ? "" : ", reentrant: true"} }`

type Requires<R> = Exclude<R, Scope.Scope>

/**
 * Runs a program once without and once per step with an interruption, and checks the invariant after each run.
 *
 * Fails with {@link SweepError}, whose message names the step and the option that replays it alone.
 *
 * @example
 * ```ts
 * import { Sweep } from "@toolscope/testing"
 * import * as Effect from "effect/Effect"
 *
 * const sweep = Sweep.everyStep({
 *   setup: Effect.sync(() => ({ open: 0 })),
 *   program: (pool) =>
 *     Effect.gen(function* () {
 *       yield* Effect.sync(() => pool.open++) // an interruption here leaves it open
 *       yield* Effect.ensuring(Effect.sleep("1 second"), Effect.sync(() => pool.open--))
 *     }),
 *   invariant: (pool) => (pool.open === 0 ? Effect.void : Effect.fail(`${pool.open} left open`))
 * })
 * const error = await Effect.runPromise(Effect.flip(sweep))
 * console.log(error.reason._tag) // => InvariantFailed
 * ```
 *
 * @since 0.1.0
 */
export const everyStep: {
  <A, E, IE, PR, IR>(
    program: Effect.Effect<A, E, PR>,
    invariant: (exit: Exit.Exit<A, E>, moment: Moment) => Effect.Effect<unknown, IE, IR>,
    options?: Options
  ): Effect.Effect<Swept, SweepError, Requires<PR | IR>>
  <Env, A, E, SE, IE, SR, PR, IR>(
    subject: Subject<Env, A, E, SE, IE, SR, PR, IR>,
    options?: Options
  ): Effect.Effect<Swept, SweepError, Requires<SR | PR | IR>>
} = (...args: ReadonlyArray<any>): Effect.Effect<Swept, SweepError, any> => {
  if (typeof args[1] !== "function") return sweep(args[0] as AnySubject, (args[1] ?? {}) as Options)
  const [program, invariant, options = {}] = args
  return sweep(
    {
      setup: Effect.void,
      program: () => program,
      invariant: (_env, exit, moment) => invariant(exit, moment)
    },
    options as Options
  )
}

const sweep = (subject: AnySubject, options: Options): Effect.Effect<Swept, SweepError, any> =>
  Effect.flatMap(Effect.context<any>(), (context) => Effect.gen(() => runs(subject, options, context)))

function* runs(
  subject: AnySubject,
  { clock = "virtual", maxSteps = 10_000, only, patience, reentrant = false, sample, seed = 0 }: Options,
  context: Context.Context<any>
): Generator<Effect.Effect<any, SweepError>, Swept> {
  const settings: Settings = { clock, patience, seed }
  const runAt = (step: number) =>
    Effect.flatMap(
      Effect.promise((signal) => once(subject, step, settings, context, signal)),
      (run) => Effect.as(verdict(run), run)
    )
  if (only !== undefined) {
    const run: Run = yield* runAt(only)
    if (only !== 0 && run.moment.where === "nowhere") {
      return yield* new SweepError({ reason: { _tag: "NotReached", step: only, steps: run.steps } })
    }
    return { steps: run.steps, swept: only === 0 ? 0 : 1 }
  }
  const { steps }: Run = yield* runAt(0)
  if (sample === undefined && steps > maxSteps) {
    return yield* new SweepError({ reason: { _tag: "TooManySteps", steps, maxSteps } })
  }
  let swept = 0
  if (sample !== undefined) {
    for (const step of spread(sample, steps)) {
      yield* runAt(step)
      swept++
    }
    return { steps, swept }
  }
  const stride = reentrant ? 0.5 : 1
  // past the last known one too: a program need not take as many steps each time
  for (let step = 1; ; step += stride) {
    const run: Run = yield* runAt(step)
    if (run.moment.where !== "nowhere") swept++
    else if (step > steps) return { steps, swept }
  }
}

const verdict = ({ ended, moment, steps }: Run): Effect.Effect<void, SweepError> => {
  switch (ended.type) {
    case "held":
      return Effect.void
    case "hung":
      return Effect.fail(new SweepError({ reason: { _tag: "Hung", moment, during: ended.during, hang: ended.hang } }))
    case "setup":
    case "invariant": {
      const cause = ended.exit._tag === "Failure" ? ended.exit.cause : Cause.empty
      return Effect.fail(
        new SweepError({
          reason:
            ended.type === "setup"
              ? { _tag: "SetupFailed", moment, cause }
              : { _tag: "InvariantFailed", moment, steps, cause }
        })
      )
    }
  }
}

/** Whole numbers from 1 to `last`, evenly spread, both ends included. */
const spread = (count: number, last: number): ReadonlyArray<number> => {
  const steps = new Set<number>()
  for (let i = 0; i < count; i++) {
    steps.add(1 + Math.round((i * (last - 1)) / Math.max(1, count - 1)))
  }
  return last < 1 ? [] : [...steps]
}
