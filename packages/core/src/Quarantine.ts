/**
 * The **quarantine** owns the attempts that had not ended at their bound. They are fenced: what they answer changes nothing. They are
 * not interrupted again and nobody waits for them, but they can be counted and listed until they end.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"

/**
 * An attempt that was left behind.
 *
 * @since 0.1.0
 */
export interface LeftBehind {
  readonly runId: string
  readonly call: string
  readonly tool: string
  readonly attempt: number
  /** May it still act? No if its tool only reads. */
  readonly mayAct: boolean
  /** Milliseconds since the epoch. */
  readonly since: number
}

/**
 * @since 0.1.0
 */
export interface Quarantine {
  /** @internal */
  readonly members: Set<LeftBehind>
  /** Those that have not ended yet. */
  readonly list: () => ReadonlyArray<LeftBehind>
}

/**
 * An empty quarantine.
 *
 * @since 0.1.0
 */
export const make = (): Quarantine => {
  const members = new Set<LeftBehind>()
  return { members, list: () => [...members] }
}

/**
 * The quarantine of the fan-outs below; by default one for the whole process.
 *
 * @since 0.1.0
 */
export const Current: Context.Reference<Quarantine> = Context.Reference<Quarantine>("@toolscope/core/Quarantine", {
  defaultValue: make
})
