/**
 * **Commit**: the gate. A tool whose contract says `commit: "marked"` changes the world nowhere but inside of {@link run}. Before the gate
 * a stop means that nothing happened; after it, that the effect happened, was undone, or is reported as unknown.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Done } from "./Contract.ts"
import { running } from "./internal/attempt.ts"

/**
 * @since 0.1.0
 */
export interface Options<in A, out RUndo = never, out RProbe = never> {
  /** Undoes this effect, by its key; must accept that nothing had happened. Default: the `compensate` of the contract, if there is one. */
  readonly compensate?: (done: Done<A>) => Effect.Effect<unknown, unknown, RUndo>
  /** Reads whether it happened, if its end leaves that in doubt. Default: the `probe` of the contract, if there is one. */
  readonly probe?: (done: Done<A>) => Effect.Effect<boolean, unknown, RProbe>
  /**
   * The effect's own bound: then it is interrupted, and in doubt. Default: none; it ends with its attempt, at the bound of a drain at
   * the latest.
   */
  readonly timeout?: Duration.Input
}

/**
 * Passes the gate: runs `effect`, unless a stop has been requested. What passed is not interrupted, and its fate is recorded:
 *
 * - it succeeds: `committed`
 * - it fails, and the contract's `failure` says that this error means that nothing happened: no effect
 * - it ends in any other way: its `probe` is asked; without one, or without an answer: `unknown`
 *
 * Once a stop has been requested the effect does not start: the handler is interrupted here. It fails as `effect` fails. It dies with a
 * `CallError` where the handler breaks its contract (`ContractViolation`), where the journal refuses (`JournalRefused`), or where `effect`
 * exceeds a `timeout` of its own (`TimedOut`). Dies outside of a handler.
 *
 * `effect` gets its idempotency key: run id, path of the call, and which commit of the attempt it is, counted from 0. The key is the same
 * in all attempts, so a handler commits in the same order each time.
 *
 * @example
 * ```ts
 * import { Commit, Contract, Fanout, Plan } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 *
 * const bookings = new Map<string, string>()
 * const book = (room: string) =>
 *   Commit.run((key) => Effect.sync(() => bookings.set(key, room)), {
 *     compensate: ({ key }) => Effect.sync(() => bookings.delete(key))
 *   })
 * const contract = Contract.compensable({ compensate: "atCommit" })
 * const plan = Plan.effect(Effect.andThen(book("101"), book("102")), contract)
 * await Effect.runPromise(Fanout.run(plan, { runId: "r" }))
 * console.log([...bookings.keys()]) // => [ 'r/#0', 'r/#1' ]
 * ```
 *
 * @since 0.1.0
 */
export const run = <A, E, R, RUndo = never, RProbe = never>(
  effect: Effect.Effect<A, E, R> | ((key: string) => Effect.Effect<A, E, R>),
  options: Options<A, RUndo, RProbe> = {}
): Effect.Effect<A, E, R | NoInfer<RUndo> | NoInfer<RProbe>> =>
  Effect.flatMap(running, (attempt) =>
    attempt.gate.run(attempt, (Effect.isEffect(effect) ? () => effect : effect) as never, options)
  ) as never

export type {
  /**
   * What an undo and a probe are told.
   *
   * @since 0.1.0
   */
  Done
}
