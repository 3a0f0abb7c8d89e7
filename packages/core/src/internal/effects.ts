/**
 * What a call did to the world: one record per effect, by the ordinal of its commit. A tool that commits at start has one, ordinal 0.
 */
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Scope } from "effect/Scope"
import type { EffectReport } from "../Report.ts"

/** Undoes an effect, whatever it needs being provided. */
export type BoundUndo = (value: Option.Option<unknown>) => Effect.Effect<unknown, unknown, Scope>

/** `absent`: it did not happen, or has not passed the gate. `running`: it has passed the gate, and has not ended. */
type State = "absent" | "running" | EffectReport["state"]

export class EffectRecord {
  readonly ordinal: number
  readonly key: string
  state: State = "absent"
  /** When it passed the gate, among all effects of the fan-out. */
  order = 0
  value: Option.Option<unknown> = Option.none()
  undo: BoundUndo | undefined
  /** Is it undone as the contract says, and not as its handler said? */
  undoIsOfContract = false
  /** It happened before a resume: its handler is given what it answered. */
  isReplayed = false
  /** Why it could not be undone. */
  error: string | undefined
  /** What became of it when it was undone too late for the report of its fan-out. */
  undoneLate: { readonly state: "compensated" | "compensationFailed"; readonly error: string | undefined } | undefined
  private taken = false
  /** Does the journal have its state? */
  written = false
  /** Whose it is, where this is only what was seen of it. */
  private source: EffectRecord | undefined
  /** Its state when it was repeated: what had happened by then has happened. */
  private before: State = this.state

  constructor(ordinal: number, key: string) {
    this.ordinal = ordinal
    this.key = key
  }

  /** May it have happened, and not have been undone? */
  get acted(): boolean {
    return this.state !== "absent" && this.state !== "compensated"
  }

  get canBeUndone(): boolean {
    return this.undo !== undefined && (this.state === "committed" || this.state === "unknown")
  }

  /** As it stands in a report; nothing if it did not happen. */
  get reported(): EffectReport["state"] | undefined {
    if (this.state === "running") return "unknown"
    return this.state === "absent" ? undefined : this.state
  }

  /** Has an undo it on its list? No other one takes it, whoever has seen it. */
  get isTaken(): boolean {
    return this.latest.taken
  }

  take(): void {
    this.latest.taken = true
  }

  /** For who goes on with it, with what has become of it since its own fan-out told of it. */
  get known(): EffectRecord {
    return this.latest.undoneLate === undefined ? this : this.seen()
  }

  /** As it is known now, for who does not wait to know more: what runs may have happened. */
  seen(): EffectRecord {
    const { latest } = this
    const copy = new EffectRecord(this.ordinal, this.key)
    copy.source = latest
    copy.state = latest.undoneLate?.state ?? this.reported ?? "unknown"
    copy.order = this.order
    copy.value = this.value
    copy.undo = this.undo
    copy.undoIsOfContract = this.undoIsOfContract
    copy.error = latest.undoneLate?.error ?? this.error
    copy.written = this.written && this.state !== "running"
    return copy
  }

  /** What is known of it by now. */
  get latest(): EffectRecord {
    return this.source ?? this
  }

  /** It passes the gate. */
  pass(order: number): void {
    this.before = this.state
    this.state = "running"
    this.order = order
    this.written = false
  }

  /** It has ended. */
  end(state: "absent" | "committed" | "unknown", value: Option.Option<unknown>): void {
    this.state = this.before === "committed" || state === "absent" ? this.before : state
    if (Option.isSome(value)) this.value = value
  }
}

/** What the core has to know of a call's effects. */
export const actedOf = (effects: ReadonlyArray<EffectRecord>, mayStillAct: boolean): "no" | "undoable" | "stuck" => {
  let acted: "no" | "stuck" = "no"
  for (const effect of effects) {
    if (!effect.acted) continue
    // what can be undone is undone beside what cannot: that there is such is found out when the undo is over
    if (effect.canBeUndone && !mayStillAct) return "undoable"
    acted = "stuck"
  }
  return acted
}
