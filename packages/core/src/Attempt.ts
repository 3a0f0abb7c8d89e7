/**
 * What a handler can know about the attempt that it is: which call, which try, under which idempotency key, and whether and why it
 * is being stopped.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Amounts } from "./Budget.ts"
import type { StopReason } from "./Report.ts"

/**
 * How far an attempt has come, in units of its own.
 *
 * @since 0.1.0
 */
export interface Progress {
  readonly done: number
  /** How much there is to do, where that is known. */
  readonly total?: number
  /** What it is doing, in words. */
  readonly message?: string
}

/**
 * @since 0.1.0
 */
export interface Attempt {
  readonly runId: string
  /** Which fan-out of its session this is, counted from 1. */
  readonly epoch: number
  /** Path of the call in the plan. */
  readonly call: string
  /** Counted from 1. */
  readonly attempt: number
  /** The same for all attempts of a call; new for every run, unless the planner sets it. */
  readonly idempotencyKey: string
  /** Why it is being stopped; `undefined` while it is not. */
  readonly stopping: () => StopReason | undefined
  /**
   * Calls `listener` once, with the reason, when the attempt is told to stop; at once if it has been told. Returns what forgets the
   * listener. It must not throw.
   */
  readonly onStop: (listener: (reason: StopReason) => void) => () => void
  /** Has everything in front of its tool let it through (`Tool.guarded`)? Where nothing stands there, always. */
  readonly reached: () => boolean
  /** Was it stopped by its own timeout? That of a call around it is none, though the reason of the stop is the same. */
  readonly timedOut: () => boolean
  /**
   * For what runs elsewhere, in a process or a worker: `kill` is called once, shortly before the bound of a stop (a quarter of the
   * drain before it, at most a second), if the attempt still runs then. It must end the attempt, must not throw, and must not wait.
   */
  readonly onBound: (kill: () => void) => void
  /**
   * Says what the attempt has cost so far, to be added to what it said before. At its end that is charged; without it, the ceiling that
   * its tool declares. Throws where an amount is no finite number, 0 or more.
   */
  readonly spend: (amounts: Amounts) => void
  /**
   * Says how far it has come, to whoever observes the journal; it is not kept. Nothing is said of an attempt that is over. Throws where
   * `done` or `total` is no finite number.
   */
  readonly progress: (progress: Progress) => void
}

/**
 * The attempt that the present fiber runs for, if it runs for one.
 *
 * @since 0.1.0
 */
export const Current: Context.Reference<Attempt | undefined> = Context.Reference<Attempt | undefined>(
  "@toolscope/core/Attempt",
  { defaultValue: () => undefined }
)

/**
 * The attempt that the present fiber runs for. Dies outside of a handler.
 *
 * @example
 * ```ts
 * import { Attempt, Contract, Fanout, Plan } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 *
 * const whoAmI = Effect.map(Attempt.current, ({ attempt, call }) => `${call}, attempt ${attempt}`)
 * const plan = Plan.all({ a: Plan.effect(whoAmI, Contract.readOnly) })
 * console.log(await Effect.runPromise(Fanout.run(plan))) // => { a: '/a, attempt 1' }
 * ```
 *
 * @since 0.1.0
 */
export const current: Effect.Effect<Attempt> = Effect.flatMap(Effect.service(Current), (attempt) =>
  attempt === undefined
    ? Effect.die(new Error("Attempt.current: there is no attempt here; it exists only inside the handler of a call"))
    : Effect.succeed(attempt)
)

/**
 * Waits until the attempt that the present fiber runs for is told to stop, and gives the reason. Dies outside of a handler.
 *
 * @example
 * ```ts
 * import { Attempt, Contract, Fanout, Plan } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 *
 * const polite = Effect.flatMap(Attempt.stopped, ({ source }) => Effect.succeed(`said goodbye: ${source}`))
 * const plan = Plan.effect(polite, Contract.make({ effect: "additive", interruption: "never" }), { timeout: "5 millis" })
 * const { report } = await Effect.runPromise(Effect.flip(Fanout.run(plan))) as any
 * console.log(report.calls[0].outcome.value) // => said goodbye: timeout
 * ```
 *
 * @since 0.1.0
 */
export const stopped: Effect.Effect<StopReason> = Effect.flatMap(current, (attempt) =>
  Effect.callback<StopReason>((resume) => {
    const forget = attempt.onStop((reason) => {
      resume(Effect.succeed(reason))
    })
    return Effect.sync(forget)
  })
)

/**
 * Says what the attempt has cost so far, to be added to what it said before: see `spend`. Dies outside of a handler, and where an amount
 * is no finite number, 0 or more.
 *
 * @since 0.1.0
 */
export const spend = (amounts: Amounts): Effect.Effect<void> =>
  Effect.map(current, (attempt) => {
    attempt.spend(amounts)
  })

/**
 * Says how far the attempt has come: see `progress`. Dies outside of a handler, and where `done` or `total` is no finite number.
 *
 * @example
 * ```ts
 * import { Attempt, Contract, Fanout, Journal, Plan } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * const index = Attempt.progress({ done: 3, total: 10, message: "reading" })
 * await Effect.gen(function* () {
 *   const journal = Journal.memory()
 *   const seen = yield* journal.observe()
 *   yield* Fanout.run(Plan.effect(index, Contract.readOnly)).pipe(Effect.provideService(Journal.Current, journal))
 *   const [progress] = yield* seen.pipe(
 *     Stream.filter((event) => event.type === "attempt.progress"),
 *     Stream.take(1),
 *     Stream.runCollect
 *   )
 *   console.log(progress?.type === "attempt.progress" && `${progress.done} of ${progress.total}`) // => 3 of 10
 * }).pipe(Effect.scoped, Effect.runPromise)
 * ```
 *
 * @since 0.1.0
 */
export const progress = (progress: Progress): Effect.Effect<void> =>
  Effect.map(current, (attempt) => {
    attempt.progress(progress)
  })
