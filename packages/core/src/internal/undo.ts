/**
 * The undo of a subtree: its effects one after the other, the last first, each once. Nothing but its bound ends it: it is no part of what
 * a stop stops.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { CallState } from "./call.ts"
import type { EffectRecord } from "./effects.ts"
import { text } from "./json.ts"

export interface Item {
  readonly call: CallState
  readonly effect: EffectRecord
}

/** The effects of these calls that can be undone, the last first. */
export const itemsOf = (calls: Iterable<CallState>): ReadonlyArray<Item> => {
  const items: Array<Item> = []
  for (const call of calls) {
    for (const effect of call.effects) if (effect.canBeUndone && !effect.isTaken) items.push({ call, effect })
  }
  return items.sort((a, b) => b.effect.order - a.effect.order)
}

/** The same, of calls that had been left behind: by what has become known of their effects since. */
export const lateItemsOf = (call: CallState): ReadonlyArray<Item> =>
  itemsOf([call]).flatMap(({ effect: { latest } }) =>
    latest.canBeUndone && !latest.isTaken ? [{ call, effect: latest }] : []
  )

interface Told {
  /** The undo of this effect begins. */
  readonly begins: (item: Item) => void
  /** It is over; with `error`, it failed. */
  readonly ends: (item: Item, error: string | undefined) => void
}

export class Undo {
  readonly scope: number
  readonly items: ReadonlyArray<Item>
  /** Has it ended, or has its bound passed? */
  isOver = false
  /** What is being undone. */
  current: Item | undefined
  fiber: Fiber.Fiber<unknown, unknown> | undefined
  private done = 0
  private readonly inner: ReadonlyArray<Undo>
  private readonly told: Told
  private readonly waiting: Array<() => void> = []

  /** It begins when `inner`, the undos of subtrees that run already, are over. */
  constructor(scope: number, items: ReadonlyArray<Item>, inner: ReadonlyArray<Undo>, told: Told) {
    this.scope = scope
    this.items = items
    this.inner = inner
    this.told = told
    for (const { effect } of items) effect.take()
  }

  readonly program: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    for (const undo of this.inner) yield* undo.over
    for (const item of this.items) yield* this.undo(item)
  })

  private undo(item: Item): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.current = item
      this.told.begins(item)
      const { effect } = item
      const undone = Effect.scoped(Effect.suspend(() => effect.undo!(effect.value)))
      return Effect.uninterruptibleMask((restore) =>
        Effect.map(Effect.exit(restore(undone)), (exit) => {
          // what the bound has interrupted has been told of, and Effect keeps no answer of it
          if (this.isOver) return
          this.end(item, exit._tag === "Success" ? undefined : messageOf(exit.cause))
        })
      )
    })
  }

  private end(item: Item, error: string | undefined): void {
    this.current = undefined
    this.done++
    this.told.ends(item, error)
  }

  /** Its time is up: what has not been undone will not be. Returns whether the one that was being undone still runs. */
  giveUp(millis: number): boolean {
    const error = `not undone within ${millis} ms`
    const { current } = this
    // the last may have ended in this very instant
    for (const item of this.items.slice(this.done)) this.told.ends(item, error)
    this.conclude()
    this.fiber?.interruptUnsafe()
    return current !== undefined && this.fiber!.pollUnsafe() === undefined
  }

  conclude(): void {
    this.isOver = true
    for (const resume of this.waiting) resume()
  }

  /** Waits until it is over. */
  private get over(): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (this.isOver) resume(Effect.void)
      else
        this.waiting.push(() => {
          resume(Effect.void)
        })
    })
  }
}

const messageOf = (cause: Cause.Cause<unknown>): string => {
  const squashed = Cause.squash(cause)
  return (
    text(squashed, "message") ??
    text(squashed, "_tag") ??
    (typeof squashed === "string" ? squashed : Cause.pretty(cause))
  )
}
