/**
 * The **quarantine** owns what had not ended at its bound: attempts, and undos. They are fenced: what they answer changes nothing. They
 * are not interrupted again, and no fan-out waits for them; but they can be counted, listed and awaited until they end. How they end
 * stands in the journal of their fan-out (`response.late`).
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * An attempt that was left behind, or the undo of one of its effects.
 *
 * @since 0.1.0
 */
export interface LeftBehind {
  /** Run, call and attempt, as text: what a session's `despite` names. */
  readonly id: string
  readonly runId: string
  readonly call: string
  readonly tool: string
  readonly attempt: number
  /** It is the undo of an effect of this call that has not ended. */
  readonly undo?: true
  /** May it still act? No if its tool only reads, or has no effect beyond the gate. */
  readonly mayAct: boolean
  /** Milliseconds since the epoch. */
  readonly since: number
}

/**
 * @since 0.1.0
 */
export interface Quarantine {
  /** How many have not ended yet. */
  readonly count: () => number
  /** Those that have not ended yet, in the order in which they were left behind. */
  readonly list: () => ReadonlyArray<LeftBehind>
  /**
   * Waits until all have ended that `which` holds true of (default: all), those that join meanwhile included. Without a bound: give it
   * one (`Effect.timeout`).
   */
  readonly awaitEmpty: (which?: (member: LeftBehind) => boolean) => Effect.Effect<void>
  /** @internal */
  readonly add: (member: LeftBehind) => void
  /** @internal */
  readonly remove: (member: LeftBehind) => void
}

/**
 * An empty quarantine.
 *
 * @example
 * ```ts
 * import { Contract, Fanout, Plan, Quarantine, Tool } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 * import { setTimeout } from "node:timers/promises"
 *
 * const Deaf = Tool.fromPromise("deaf", { contract: Contract.irreversible, execute: () => setTimeout(1_000) })
 * const quarantine = Quarantine.make()
 * const program = Effect.gen(function* () {
 *   yield* Effect.exit(Fanout.run(Plan.call(Deaf, {}, { timeout: 1 }), { drain: 1 }))
 *   console.log(quarantine.list().map(({ call, mayAct }) => ({ call, mayAct }))) // => [ { call: '/', mayAct: true } ]
 *   yield* quarantine.awaitEmpty()
 *   console.log(quarantine.count()) // => 0
 * })
 * await Effect.runPromise(Effect.provideService(program, Quarantine.Current, quarantine))
 * ```
 *
 * @since 0.1.0
 */
export const make = (): Quarantine => {
  const members = new Set<LeftBehind>()
  const waiting = new Set<() => void>()
  const list = () => [...members]
  return {
    count: () => members.size,
    list,
    awaitEmpty: (which = () => true) =>
      Effect.callback<void>((resume) => {
        const look = () => {
          if (list().some(which)) return
          waiting.delete(look)
          resume(Effect.void)
        }
        waiting.add(look)
        look()
        return Effect.sync(() => waiting.delete(look))
      }),
    add: (member) => void members.add(member),
    remove: (member) => {
      members.delete(member)
      for (const look of [...waiting]) look()
    }
  }
}

/**
 * The quarantine of the fan-outs below; by default one for the whole process.
 *
 * @since 0.1.0
 */
export const Current: Context.Reference<Quarantine> = Context.Reference<Quarantine>("@toolscope/core/Quarantine", {
  defaultValue: make
})
