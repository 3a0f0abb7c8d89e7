/**
 * What the executor keeps about a call while its fan-out runs.
 */
import * as Option from "effect/Option"
import type { Amounts, Shortage } from "../Budget.ts"
import type { Denied } from "../CallError.ts"
import { actsAtStart } from "../Contract.ts"
import type { StopReason } from "../Report.ts"
import type { RunningAttempt } from "./attempt.ts"
import type { CallSpec } from "./compile.ts"
import { actedOf, EffectRecord } from "./effects.ts"
import { type AttemptEnd, conclude, type Conclusion, timedOut } from "./ending.ts"
import type { Fanout } from "../Snapshot.ts"
import type { Permits, Ticket } from "./limiter.ts"
import type { Answered } from "./questions/asking.ts"
import type { RetryState } from "./retry.ts"

const noPermits: Permits = []
const nothing: ReadonlyArray<EffectRecord> = []

export class CallState {
  readonly spec: CallSpec
  readonly timeout: number
  /** The attempt that runs, or that ran last. */
  current: RunningAttempt | undefined
  /** Attempts that began. */
  attempts = 0
  /** What it did to the world, by ordinal. */
  effects: ReadonlyArray<EffectRecord> = nothing
  /** How its last attempt ended, before a further one was to start. */
  lastEnd: AttemptEnd | undefined
  lastStop: StopReason | undefined
  /** Why the budget let no further attempt start, if that is so. */
  shortage: Shortage | undefined
  /** What its first attempt has reserved since the fan-out opened. */
  reservation: Amounts | undefined
  /** It waits for a permit of the session. */
  ticket: Ticket | undefined
  /** Does it wait for answers, or, answered, for a permit? */
  waits: "no" | "yes" | "returning" = "no"
  /** Its open questions, and what else it waits for. */
  readonly open = new Set<string>()
  /** Questions that were open before a resume, which its handler, running again, has not come to. */
  readonly expected = new Set<string>()
  /** What comes when it has a permit again. */
  held: Array<() => void> = []
  /** What has been answered, by the ordinal of the question. */
  readonly answered = new Map<number, Answered>()
  approval: "unknown" | "asked" | "given" = "unknown"
  /** A person said that it may not start. */
  denied: Denied | undefined
  /** Permits of the session that its next attempt has got. */
  permits: Permits = noPermits
  /** What fan-outs inside of its handler had come to before a resume, for its next attempt. */
  resumes: ReadonlyArray<Fanout | null> = nothing as ReadonlyArray<never>
  private own: ReadonlyArray<EffectRecord> = nothing
  private adopted: ReadonlyArray<EffectRecord> = nothing
  /** Of fan-outs inside of its handler, as a snapshot has them: until they have closed again. */
  private outdated: ReadonlySet<EffectRecord> = new Set()
  lastError: unknown
  end: AttemptEnd | undefined
  stoppedBy: StopReason | undefined
  /** Was that a stop of everything? */
  isStoppedFromAbove = false
  leftBehind = false
  /** What fan-outs inside of its handler left behind, and has not ended since. */
  strays: ReadonlyArray<ReadonlySet<unknown>> = nothing as ReadonlyArray<never>
  cleanup: string | undefined
  readonly late: Array<number> = []
  startedAt: number | undefined
  settledAt = 0
  conclusion: Conclusion | undefined
  retry: RetryState | undefined

  constructor(spec: CallSpec, defaultTimeout: number) {
    this.spec = spec
    this.timeout = spec.timeout ?? defaultTimeout
  }

  /** May it have acted, as far as is known now, and not have been undone? */
  get acted(): "no" | "undoable" | "stuck" {
    return this.effects === nothing ? "no" : actedOf(this.effects, this.leftBehind)
  }

  /** The record of an effect: the same for all attempts. */
  effect(ordinal: number, runId: string): EffectRecord {
    // of several that come at the same time any may be the first, and some are refused
    const found = this.own.find((effect) => effect.ordinal === ordinal)
    if (found !== undefined) return found
    const made = new EffectRecord(ordinal, this.key(ordinal, runId))
    this.own = [...this.own, made].sort((a, b) => a.ordinal - b.ordinal)
    this.effects = [...this.own, ...this.adopted]
    return made
  }

  isAdopted(effect: EffectRecord): boolean {
    return this.adopted.includes(effect)
  }

  /** After a resume: what it had done. */
  restore(
    own: ReadonlyArray<EffectRecord>,
    adopted: ReadonlyArray<EffectRecord>,
    nested: ReadonlyArray<EffectRecord>
  ): void {
    if (own.length + adopted.length + nested.length === 0) return
    this.own = own
    this.adopted = [...adopted, ...nested]
    this.outdated = new Set(nested)
    this.effects = [...own, ...this.adopted]
  }

  /** What a fan-out inside of its handler did is what it did. One that goes on after a resume knows better than its snapshot. */
  adopt(effects: ReadonlyArray<EffectRecord>): void {
    // a further attempt does the same under the same keys
    const byKey = new Map(this.adopted.map((effect) => [effect.key, effect]))
    for (const effect of effects) {
      const before = byKey.get(effect.key)
      const isNews = before === undefined || !before.acted || this.outdated.has(before) || effect.state === "committed"
      if (effect.reported !== undefined && isNews) byKey.set(effect.key, effect)
    }
    this.adopted = [...byKey.values()]
    this.effects = [...this.own, ...this.adopted]
  }

  /** What it has done, or may be doing, as it is known now: it is no longer waited for. */
  seen(runId: string): ReadonlyArray<EffectRecord> {
    const attempt = this.current
    const runs = attempt?.isOver === false && attempt.began
    const acts = runs && attempt.guards === 0 && actsAtStart(this.spec.contract)
    const own = acts ? this.startEffect(runId) : undefined
    const seen = this.effects.flatMap((effect) =>
      effect === own || effect.reported !== undefined ? [effect.seen()] : []
    )
    return runs ? [...seen, ...attempt.seenInside] : seen
  }

  /** The one effect of a tool that commits at start. */
  private startEffect(runId: string): EffectRecord {
    const effect = this.effect(0, runId)
    const { contract, params } = this.spec
    if (contract.effect !== "none" && typeof contract.compensate === "function") {
      const { compensate } = contract
      effect.undo = (value) => compensate({ key: effect.key, params, value })
      effect.undoIsOfContract = true
    }
    return effect
  }

  /** Of a tool that commits at start: what the end of an attempt that may have acted says about its one effect. */
  noteEnd(order: number, runId: string, probed: Option.Option<boolean> | undefined): EffectRecord {
    const effect = this.startEffect(runId)
    effect.pass(order)
    if (this.end?._tag === "success") effect.end("committed", Option.some(this.end.value))
    else if (probed === undefined || Option.isNone(probed)) effect.end("unknown", Option.none())
    else effect.end(probed.value ? "committed" : "absent", Option.none())
    return effect
  }

  /** It is left behind: what runs at the gate may come to anything. */
  loseSightOfEffects(): void {
    for (const effect of this.effects) if (effect.state === "running") effect.end("unknown", Option.none())
  }

  /** The idempotency key of an effect. */
  key(ordinal: number, runId: string): string {
    const { id, idempotencyKey } = this.spec
    if (idempotencyKey === undefined) return `${runId}${id}#${ordinal}`
    return ordinal === 0 ? idempotencyKey : `${idempotencyKey}#${ordinal}`
  }

  /** Was it stopped by its own timeout? That of a caller is a stop from above. */
  get hasTimedOut(): boolean {
    return this.stoppedBy?.source === "timeout" && !this.isStoppedFromAbove
  }

  /** The error of the current attempt: of its timeout, or as it answered. */
  get error(): unknown {
    if (this.hasTimedOut) return timedOut(this.timeout)
    return this.end !== undefined && "error" in this.end ? this.end.error : undefined
  }

  /** An attempt did not begin after all. */
  takeBack(): void {
    if (--this.attempts === 0) this.startedAt = undefined
  }

  /** What went wrong in the cleanup of an attempt, after what had gone wrong in that of others. */
  addCleanup(text: string | undefined): void {
    if (text !== undefined) this.cleanup = this.cleanup === undefined ? text : `${this.cleanup}\n${text}`
  }

  /** A further attempt will follow: how this one ended moves into the past. */
  forget(): void {
    this.lastError = this.error
    this.lastEnd = this.end
    this.lastStop = this.stoppedBy
    this.end = undefined
    this.stoppedBy = undefined
  }

  settle(now: number): Conclusion {
    this.settledAt = now
    return (this.conclusion = conclude({
      attempts: this.attempts,
      acted: this.acted !== "no",
      inDoubt: this.effects.some(({ reported }) => reported === "unknown"),
      end: this.end,
      lastError: this.lastError,
      stoppedBy: this.stoppedBy,
      hasTimedOut: this.hasTimedOut,
      timeout: this.timeout
    }))
  }
}
