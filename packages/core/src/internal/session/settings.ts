/**
 * The settings of a session: their defaults, and what is wrong with those that were given.
 */
import * as Result from "effect/Result"
import { type Fault, PlanError } from "../../PlanError.ts"
import type { Options } from "../../Session.ts"
import { limitsOfBudget } from "../account.ts"
import { fromPath } from "../pointer.ts"
import { resourcePermit, sessionPermit, toolPermit } from "../spending.ts"

export interface Checked {
  readonly budget: ReadonlyMap<string, number> | undefined
  readonly permits: ReadonlyMap<string, number> | undefined
  readonly waiting: number
  readonly loop: number
  readonly retryRatio: number | undefined
  readonly keep: number
}

/** `isLimited`: it is opened inside of a handler, and the session around that has permits. */
export const settingsOf = (options: Options, isLimited: boolean): Result.Result<Checked, PlanError> => {
  const faults: Array<Fault> = []
  const whole = (value: number, least: number, pointer: string): void => {
    if (value === Infinity || (Number.isInteger(value) && value >= least)) return
    faults.push({ pointer, _tag: "BadSetting", message: `a whole number from ${least}, not ${value}` })
  }
  const { concurrency, resources = {}, tools = {}, waiting = 1_000 } = options.limits ?? {}
  const permits = new Map<string, number>()
  const permit = (name: string, value: number, pointer: string): void => {
    whole(value, 1, pointer)
    permits.set(name, value)
  }
  if (concurrency !== undefined) permit(sessionPermit, concurrency, "/limits/concurrency")
  for (const [name, value] of Object.entries(tools)) permit(toolPermit(name), value, `/limits/tools${fromPath([name])}`)
  for (const [name, value] of Object.entries(resources))
    permit(resourcePermit(name), value, `/limits/resources${fromPath([name])}`)
  if (isLimited && permits.size > 0) {
    const message = "inside of a handler the permits of the session around it hold: leave them out"
    faults.push({ pointer: "/limits", _tag: "BadSetting", message })
  }
  const { keep = 100, loop = 3, retryRatio } = options
  whole(waiting, 0, "/limits/waiting")
  whole(loop, 1, "/loop")
  whole(keep, 0, "/keep")
  if (retryRatio !== undefined && !(retryRatio >= 0)) {
    faults.push({ pointer: "/retryRatio", _tag: "BadSetting", message: `a number, 0 or more, not ${retryRatio}` })
  }
  const budget = options.budget === undefined ? undefined : limitsOfBudget(options.budget)
  if (budget !== undefined && Result.isFailure(budget)) faults.push(...budget.failure)
  if (faults.length > 0) return Result.fail(new PlanError({ faults }))
  return Result.succeed({
    budget: budget === undefined ? undefined : Result.getOrThrow(budget),
    permits: permits.size === 0 ? undefined : permits,
    waiting,
    loop,
    retryRatio,
    keep
  })
}

const finite = (name: string, value: number | undefined) =>
  value === undefined || value === Infinity ? {} : { [name]: value }

const noPermits: ReadonlyMap<string, number> = new Map()

/** As the journal has them: what is not limited is left out. */
export const limitsOf = ({ loop, permits = noPermits, retryRatio }: Checked) => {
  const named = (name: string, nameOf: (of: string) => string) => {
    const start = nameOf("")
    const own = [...permits].filter(([key, value]) => key.startsWith(start) && value !== Infinity)
    return own.length === 0
      ? {}
      : { [name]: Object.fromEntries(own.map(([key, value]) => [key.slice(start.length), value])) }
  }
  return {
    ...finite("concurrency", permits.get(sessionPermit)),
    ...named("tools", toolPermit),
    ...named("resources", resourcePermit),
    ...finite("loop", loop),
    ...finite("retryRatio", retryRatio)
  }
}
