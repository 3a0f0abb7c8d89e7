/**
 * The accounts of a budget: all or nothing, up the chain from a fan-out to its session. Pure: who asks says what time it is.
 */
import * as Result from "effect/Result"
import type { Amounts, Budget, Shortage, Usage } from "../Budget.ts"
import type { Fault } from "../PlanError.ts"
import { notADuration, toMillis } from "./duration.ts"
import { fromPath } from "./pointer.ts"

/** Differences below this part of a limit are rounding: ten times 0.1 is 1. */
const tolerance = 1e-9

/** Milliseconds that are no time: clocks count microseconds. */
const microsecond = 1e-3

export class Account {
  private readonly limits: ReadonlyMap<string, number>
  private readonly used = new Map<string, number>()
  private readonly reserved = new Map<string, number>()
  /** How many reservations there are of each name: of none, nothing is reserved, whatever rounding has left. */
  private readonly reservations = new Map<string, number>()
  private readonly parent: Account | undefined
  /** This one, and all above it. */
  private readonly chain: ReadonlyArray<Account>
  private readonly wallClock: number
  private openedAt: number

  constructor(limits: ReadonlyMap<string, number>, parent: Account | undefined, openedAt: number) {
    this.limits = limits
    this.parent = parent
    this.chain = [this, ...(parent?.chain ?? [])]
    this.wallClock = limits.get("wallClock") ?? Infinity
    this.openedAt = openedAt
  }

  /** Reserves all of these, here and above, or nothing. */
  reserve(amounts: Amounts, now: number): Shortage | undefined {
    for (const account of this.chain) {
      const shortage = account.shortageOf(amounts, now)
      if (shortage !== undefined) return shortage
    }
    this.change(amounts, 1)
    return undefined
  }

  /** Of its own limits. */
  usedSoFar(now: number): { readonly [name: string]: number } {
    const wallClock = Number.isFinite(this.wallClock) ? { wallClock: now - this.openedAt } : {}
    return { ...Object.fromEntries(this.used), ...wallClock }
  }

  /**
   * It goes on where it was suspended: what it had used by then has been charged above it already, or elsewhere. Between the two its wall
   * clock stood still.
   */
  resume({ wallClock = 0, ...used }: Amounts, now: number): void {
    this.openedAt = now - wallClock
    for (const [name, amount] of Object.entries(used)) add(this.used, name, amount)
  }

  /** What was reserved has been used: this much of it. */
  settle(reserved: Amounts, used: Amounts): void {
    this.change(reserved, -1)
    for (const account of this.chain) {
      for (const [name, amount] of Object.entries(used)) add(account.used, name, amount)
    }
  }

  /** Milliseconds that are left, here and above. */
  timeLeft(now: number): number {
    return Math.min(this.ownTimeLeft(now), this.parent?.timeLeft(now) ?? Infinity)
  }

  /** Which wall clock is over, here or above. */
  timeIsUp(now: number): Shortage | undefined {
    return this.ownTimeLeft(now) < microsecond
      ? { name: "wallClock", limit: this.wallClock, used: now - this.openedAt, asked: 0 }
      : this.parent?.timeIsUp(now)
  }

  usage(now: number): Usage {
    const entries = [...this.limits].map(([name, limit]) => {
      const isTime = name === "wallClock"
      const used = isTime ? Math.round(now - this.openedAt) : tidy(this.used.get(name) ?? 0)
      return [name, { limit, used, reserved: tidy(this.reserved.get(name) ?? 0) }] as const
    })
    return Object.fromEntries(entries)
  }

  private ownTimeLeft(now: number): number {
    return this.openedAt + this.wallClock - now
  }

  private shortageOf(amounts: Amounts, now: number): Shortage | undefined {
    if (this.ownTimeLeft(now) < microsecond) return this.timeIsUp(now)
    for (const [name, asked] of Object.entries(amounts)) {
      const limit = this.limits.get(name)
      if (limit === undefined) continue
      const used = (this.used.get(name) ?? 0) + (this.reserved.get(name) ?? 0)
      if (used + asked - limit > limit * tolerance) return { name, limit, used: tidy(used), asked }
    }
    return undefined
  }

  private change(amounts: Amounts, sign: 1 | -1): void {
    for (const account of this.chain) {
      for (const [name, amount] of Object.entries(amounts)) {
        add(account.reserved, name, sign * amount)
        add(account.reservations, name, sign)
        if (account.reservations.get(name) === 0) account.reserved.set(name, 0)
      }
    }
  }
}

/** Without the last digit, which is rounding: ten times 0.1 is 1. */
const tidy = (amount: number): number => {
  const rounded = Number(amount.toPrecision(15))
  return Number.isFinite(rounded) ? rounded : amount
}

const add = (map: Map<string, number>, name: string, amount: number): void => {
  map.set(name, (map.get(name) ?? 0) + amount)
}

const counted = ["calls", "attempts", "cohorts"] as const
const names: ReadonlySet<string> = new Set([...counted, "wallClock"])

/** What is wrong with amounts of named costs, if anything is. */
export const wrongAmounts = (amounts: unknown): string | undefined => {
  if (typeof amounts !== "object" || amounts === null || Array.isArray(amounts)) return "expected amounts by name"
  for (const [name, amount] of Object.entries(amounts)) {
    if (names.has(name)) return `${name} is no cost: Toolscope counts it itself`
    if (typeof amount !== "number" || !Number.isFinite(amount) || amount < 0)
      return `${name}: an amount is a finite number, 0 or more, not ${String(amount)}`
  }
  return undefined
}

/** The limits of a budget by name, or everything that is wrong with them. */
export const limitsOfBudget = (
  budget: Budget,
  pointer = "/budget"
): Result.Result<ReadonlyMap<string, number>, ReadonlyArray<Fault>> => {
  const faults: Array<Fault> = []
  const limits = new Map<string, number>()
  if (typeof budget !== "object" || (budget as unknown) === null || Array.isArray(budget)) {
    return Result.fail([{ pointer, _tag: "BadShape", message: "expected an object of limits" }])
  }
  for (const key of Object.keys(budget)) {
    if (names.has(key) || key === "costs") continue
    faults.push({
      pointer: pointer + fromPath([key]),
      _tag: "BadShape",
      message: `no such limit is known here: named costs stand in "costs"`
    })
  }
  const fault = (at: string, message: string) =>
    void faults.push({ pointer: `${pointer}${at}`, _tag: "BadSetting", message })
  for (const name of counted) {
    const value = budget[name]
    if (value === undefined) continue
    if (!Number.isInteger(value) || value < 0) fault(`/${name}`, `${name} is a whole number, 0 or more, not ${value}`)
    else limits.set(name, value)
  }
  if (budget.wallClock !== undefined) {
    const millis = toMillis(budget.wallClock)
    if (millis === undefined) {
      faults.push({ pointer: `${pointer}/wallClock`, _tag: "BadDuration", message: notADuration(budget.wallClock) })
    } else if (millis !== Infinity) limits.set("wallClock", millis)
  }
  const { costs = {} } = budget
  if (typeof costs !== "object" || (costs as unknown) === null || Array.isArray(costs)) {
    faults.push({ pointer: `${pointer}/costs`, _tag: "BadShape", message: "expected an object of limits by name" })
    return Result.fail(faults)
  }
  for (const [name, value] of Object.entries(costs)) {
    if (names.has(name)) fault(fromPath(["costs", name]), `${name} is no cost: it has a key of its own in the budget`)
    else if (!(typeof value === "number" && value >= 0))
      fault(fromPath(["costs", name]), `a limit is a number, 0 or more, not ${value}`)
    else if (value !== Infinity) limits.set(name, value)
  }
  return faults.length > 0 ? Result.fail(faults) : Result.succeed(limits)
}

/** In words, for people. */
export const describeShortage = ({ asked, limit, name, used }: Shortage): string =>
  name === "wallClock"
    ? `the budget's wall clock of ${limit} ms is over`
    : `the budget has ${limit} ${name}, of which ${used} are gone; ${asked} more were asked for`
