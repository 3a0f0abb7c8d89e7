/**
 * Loops of a planner: the same call, that is the same tool with the same parameters, which fails the same way again and again.
 */
import { isCallError } from "../../CallError.ts"
import * as json from "../json.ts"
import type { CallState } from "../call.ts"
import type { CallSpec, Compiled } from "../compile.ts"

interface Failures {
  readonly error: string
  times: number
}

export interface Looping {
  readonly id: string
  readonly tool: string
  readonly times: number
  readonly error: string
}

/** So many different calls are remembered; then the oldest is forgotten. */
const memory = 10_000

export class Loops {
  private readonly limit: number
  private readonly failures = new Map<string, Failures>()

  /** After `limit` failures of one kind the call is refused. */
  constructor(limit: number) {
    this.limit = limit
  }

  /** The calls of a plan that have failed too often. */
  find({ calls, nodes }: Compiled): ReadonlyArray<Looping> {
    const found: Array<Looping> = []
    for (const spec of calls.values()) {
      if (isInline(nodes, spec)) continue
      const failures = this.failures.get(keyOf(spec))
      if (failures === undefined || failures.times < this.limit) continue
      found.push({ id: spec.id, tool: spec.tool.name, times: failures.times, error: failures.error })
    }
    return found
  }

  /** How often has this call failed the same way, and not succeeded since? */
  timesOf(spec: CallSpec): number {
    return this.failures.get(keyOf(spec))?.times ?? 0
  }

  /** A call has settled. What was stopped, never began, or was not reached says nothing. */
  note({ attempts, conclusion, spec }: CallState, { nodes }: Compiled): void {
    const { outcome } = conclusion!
    if (attempts === 0 || isInline(nodes, spec)) return
    const key = keyOf(spec)
    if (outcome._tag === "Succeeded") {
      this.failures.delete(key)
      return
    }
    if (outcome._tag !== "Failed" && !(outcome._tag === "Unknown" && outcome.error !== undefined)) return
    if (isCallError(outcome.error) && outcome.error.reason._tag === "NotReached") return
    const error = wayOf(outcome.error)
    const before = this.failures.get(key)
    this.failures.delete(key)
    this.failures.set(key, { error, times: before?.error === error ? before.times + 1 : 1 })
    if (this.failures.size > memory) this.failures.delete(this.failures.keys().next().value!)
  }
}

/** Inline Effects share a name and have no parameters: one cannot be told from another. */
const isInline = (nodes: Compiled["nodes"], { index }: CallSpec): boolean => {
  const { node } = nodes[index]!
  return node.policy === "call" && node.inline
}

const keyOf = ({ paramsJson, tool }: CallSpec): string =>
  `${tool.name} ${JSON.stringify(json.canonical(json.sanitize(paramsJson)))}`

/** In which way it failed: what the error is called, and what it says. */
const wayOf = (error: unknown): string => {
  const { _tag, message } = json.error(error, () => undefined)
  return message === "" ? _tag : `${_tag}: ${message}`
}
