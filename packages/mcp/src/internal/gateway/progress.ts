/**
 * How far a run has come, as a host wants to hear it: a number that only grows.
 *
 * Of a plan it counts the calls that have settled, and of those that run the part that they say is done. Of a single tool it is what the tool
 * says, in its own units.
 */
import type { Journal } from "@toolscope/core"

/** What `notifications/progress` says beside its token. */
export interface Step {
  readonly progress: number
  readonly total?: number
  readonly message?: string
}

/** Of a single tool. */
export class Own {
  private last = -Infinity

  next(event: Journal.Event): Step | undefined {
    if (event.type !== "attempt.progress" || event.done <= this.last) return undefined
    const { done, message, total } = event
    this.last = done
    return {
      progress: done,
      ...(total === undefined ? {} : { total }),
      ...(message === undefined ? {} : { message })
    }
  }
}

/** Of a plan. */
export class Progress {
  private readonly total: number
  private readonly settled = new Set<string>()
  private readonly parts = new Map<string, number>()
  private last = 0

  /** `total`: how many calls the plan has. */
  constructor(total: number) {
    this.total = total
  }

  /** `undefined` where there is nothing to tell. */
  next(event: Journal.Event): Step | undefined {
    switch (event.type) {
      case "call.settled":
        this.settled.add(event.call)
        this.parts.delete(event.call)
        return this.step(`${event.call}: ${event.outcome}`)
      case "attempt.progress": {
        const { call, done, message, total } = event
        if (total === undefined || total <= 0 || this.settled.has(call)) return undefined
        // all but done: whether it is, its answer says
        this.parts.set(call, Math.min(Math.max(done / total, 0), 0.99))
        return this.step(`${call}: ${message ?? `${done} of ${total}`}`)
      }
      default:
        return undefined
    }
  }

  private step(message: string): Step | undefined {
    let progress = this.settled.size
    for (const part of this.parts.values()) progress += part
    if (progress <= this.last) return undefined
    this.last = progress
    return { progress, total: this.total, message }
  }
}

/** How many calls a plan document has. */
export const countCalls = (plan: unknown): number => {
  let count = 0
  const open: Array<unknown> = [plan]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (typeof node !== "object" || node === null) continue
    const { advisory, all, atomic, call, firstSuccess, of, settled } = node as Record<string, unknown>
    if (typeof call === "string") count++
    for (const below of [advisory, all, atomic, firstSuccess, of, settled]) {
      if (Array.isArray(below)) open.push(...(below as ReadonlyArray<unknown>))
      else if (below !== undefined) open.push(below)
    }
  }
  return count
}
