/**
 * How many further attempts a tool may have, in proportion to its calls: so that a dependency that is broken is not hammered. A bucket of
 * tokens per tool: each call puts in a part of one, each further attempt takes one out.
 */
import type { Shortage } from "../../Budget.ts"
import type { Pace } from "../spending.ts"
import type { Loops } from "./loops.ts"

const start = 10
const fullest = 100

/** A call that has failed before, and is planned again, is a further attempt too. */
export const paceOf = (ratio: number, loops: Loops): Pace => {
  const retries = new RetryBudget(ratio)
  const further = (tool: string) => (retries.take(tool) ? undefined : retries.shortage(tool))
  return {
    forCall: (spec) => {
      retries.called(spec.tool.name)
      return loops.timesOf(spec) === 0 ? undefined : further(spec.tool.name)
    },
    forRetry: ({ tool }) => further(tool.name)
  }
}

class RetryBudget {
  private readonly ratio: number
  private readonly tokens = new Map<string, number>()

  /** `ratio`: further attempts per call, in the long run. */
  constructor(ratio: number) {
    this.ratio = ratio
  }

  called(tool: string): void {
    this.tokens.set(tool, Math.min(fullest, (this.tokens.get(tool) ?? start) + this.ratio))
  }

  /** What to say of a tool that has used up its further attempts. */
  shortage(tool: string): Shortage {
    return { name: `further attempts of ${tool}`, limit: this.ratio, used: this.ratio, asked: 1 }
  }

  /** May there be a further one? Takes its token. */
  take(tool: string): boolean {
    const tokens = this.tokens.get(tool) ?? start
    if (tokens < 1) return false
    this.tokens.set(tool, tokens - 1)
    return true
  }
}
