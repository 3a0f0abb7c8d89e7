/**
 * The limits of a run: their defaults, and what is wrong with those that were given.
 */
import type * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import type { Budget } from "../Budget.ts"
import type { Fault } from "../PlanError.ts"
import { limitsOfBudget } from "./account.ts"
import { notADuration, toMillis } from "./duration.ts"

/** Milliseconds, checked. */
export interface Limits {
  readonly drain: number
  readonly undo: number
  readonly concurrency: number
  readonly timeout: number
  /** Of the budget of the fan-out, by name, where it has one. */
  readonly budget: ReadonlyMap<string, number> | undefined
}

interface Given {
  readonly drain?: Duration.Input
  readonly undo?: Duration.Input
  readonly timeout?: Duration.Input
  readonly concurrency?: number
  readonly budget?: Budget
}

const defaults = { drain: "2 seconds", undo: "5 seconds", timeout: "30 seconds", concurrency: 8 } as const

/** The limits of a run, or everything that is wrong with them. */
export const limitsOf = (options: Given): Result.Result<Limits, ReadonlyArray<Fault>> => {
  const faults: Array<Fault> = []
  const budget = options.budget === undefined ? undefined : limitsOfBudget(options.budget)
  if (budget !== undefined && Result.isFailure(budget)) faults.push(...budget.failure)
  const millis = (name: "drain" | "undo" | "timeout", mustEnd: boolean): number => {
    const input = options[name] ?? defaults[name]
    const value = toMillis(input)
    if (value === undefined) {
      faults.push({ pointer: `/${name}`, _tag: "BadDuration", message: notADuration(input) })
    } else if (mustEnd && value === Infinity) {
      faults.push({
        pointer: `/${name}`,
        _tag: "BadDuration",
        message: "a bound is finite: without one, a run need not return"
      })
    }
    return value ?? 0
  }
  const concurrency = options.concurrency ?? defaults.concurrency
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    faults.push({
      pointer: "/concurrency",
      _tag: "BadSetting",
      message: `concurrency is a whole number from 1, not ${concurrency}`
    })
  }
  const limits = {
    drain: millis("drain", true),
    undo: millis("undo", true),
    timeout: millis("timeout", false),
    concurrency,
    budget: budget === undefined || Result.isFailure(budget) ? undefined : budget.success
  }
  return faults.length > 0 ? Result.fail(faults) : Result.succeed(limits)
}
