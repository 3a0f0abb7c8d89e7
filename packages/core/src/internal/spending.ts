/**
 * What attempts need beside a permit of their fan-out: a part of the budget, and permits of the session. Both are had before an attempt
 * starts, and given back when it is over.
 */
import { CallError, Overloaded } from "../CallError.ts"
import type { Amounts, Shortage } from "../Budget.ts"
import type { Fault } from "../PlanError.ts"
import { describeShortage } from "./account.ts"
import type { RunningAttempt } from "./attempt.ts"
import type { CallState } from "./call.ts"
import type { CallSpec, Compiled } from "./compile.ts"
import type { Environment } from "./environment.ts"
import { lentBy, type Permits } from "./limiter.ts"
import type { Recorder } from "./recorder.ts"

/** Whether a tool that fails may be called again. */
export interface Pace {
  /** For a first attempt: that of a call that failed before counts as a further one. */
  readonly forCall: (spec: CallSpec) => Shortage | undefined
  readonly forRetry: (spec: CallSpec) => Shortage | undefined
}

export const noPermits: Permits = []

/** The names under which permits are counted. */
export const sessionPermit = "session"
export const toolPermit = (name: string): string => `tool:${name}`
export const resourcePermit = (name: string): string => `resource:${name}`

export class Spending {
  private readonly env: Environment
  private readonly recorder: Recorder
  /** Called when a call that waited in line has got its permits. */
  private readonly go: (call: CallState) => void

  constructor(env: Environment, recorder: Recorder, go: (call: CallState) => void) {
    this.env = env
    this.recorder = recorder
    this.go = go
  }

  /** One attempt of each call without which the plan cannot succeed; what is wanting, call by call. */
  reserveEssential(compiled: Compiled, calls: ReadonlyMap<number, CallState>, now: number): ReadonlyArray<Fault> {
    const { account } = this.env
    if (account === undefined) return []
    const faults: Array<Fault> = []
    const reserved: Array<Amounts> = []
    for (const [index, call] of calls) {
      if (!isUnconditional(compiled, index)) continue
      const amounts = amountsOf(call, true)
      const shortage = account.reserve(amounts, now)
      if (shortage === undefined) {
        call.reservation = amounts
        reserved.push(amounts)
      } else {
        const message = `${describeShortage(shortage)}: raise it, or plan less`
        faults.push({ pointer: compiled.nodes[index]!.pointer, _tag: "OverBudget", message })
      }
    }
    if (faults.length > 0) for (const amounts of reserved) account.settle(amounts, {})
    return faults
  }

  /** Asks for permits of the session, and waits in line for them. Calls `go`, now or later; or says that the line is too long. */
  queue(call: CallState): CallError | undefined {
    const limiter = this.env.limiter!
    const names = namesOf(call)
    const { lenders } = this
    const needs = names.map((name) => {
      const lender = lenders?.get(name)
      return lender === undefined ? [name] : [lentBy(lender, name), name]
    })
    const granted = (permits: Permits) => {
      call.ticket = undefined
      call.permits = permits
      this.go(call)
    }
    const permits = limiter.tryTake(needs)
    if (permits !== undefined) {
      granted(permits)
      return undefined
    }
    // who was admitted once, and has been answered, is not turned away
    call.ticket = limiter.enqueue(needs, call.spec.isEssential, call.waits === "returning", granted)
    return call.ticket === undefined
      ? new CallError({ reason: new Overloaded({ waiting: limiter.waiting }) })
      : undefined
  }

  leave(call: CallState): void {
    this.env.limiter!.leave(call.ticket!)
    call.ticket = undefined
  }

  /** For one attempt; sets `call.shortage` where there is not enough. */
  reserve(call: CallState, now: number): Amounts | undefined {
    const { account, pace } = this.env
    if (pace !== undefined && call.attempts === 0) {
      call.shortage = pace.forCall(call.spec)
      if (call.shortage !== undefined) return undefined
    }
    if (account === undefined) return undefined
    const amounts = call.reservation ?? amountsOf(call, call.attempts === 0)
    // what was reserved when the fan-out opened is there, unless time is up
    call.shortage = call.reservation === undefined ? account.reserve(amounts, now) : account.timeIsUp(now)
    if (call.shortage !== undefined) return undefined
    call.reservation = undefined
    this.recorder.reserved(call, call.attempts + 1, amounts)
    return amounts
  }

  /** An attempt is over: it is charged what it cost, or its ceiling where it does not say, or may still go on. */
  settle(call: CallState, attempt: RunningAttempt): void {
    const { reservation } = attempt
    const { account } = this.env
    if (reservation === undefined || account === undefined) return
    attempt.reservation = undefined
    const gaveNoAnswer = attempt.leftBehind || call.end?._tag === "noAnswer"
    // what was not reached has cost no more than its try
    const due = call.end?._tag === "notReached" ? counted(reservation) : reservation
    const charged = !attempt.began
      ? {}
      : gaveNoAnswer
        ? ceiling(due, attempt.said)
        : { ...due, ...Object.fromEntries(attempt.said ?? []) }
    account.settle(reservation, charged)
    this.recorder.charged(call, attempt.attempt, charged)
  }

  /** A call will not start: what it holds goes back. */
  release(call: CallState): void {
    if (call.reservation !== undefined) {
      this.env.account!.settle(call.reservation, {})
      call.reservation = undefined
    }
    this.giveBack(call.permits)
    call.permits = noPermits
  }

  /** An attempt is over, or was left behind: its permits go back. */
  free(attempt: RunningAttempt): void {
    const { permits } = attempt
    attempt.permits = noPermits
    this.giveBack(permits)
  }

  private giveBack(permits: Permits): void {
    if (permits.length > 0) this.env.limiter!.release(permits)
  }

  /** An attempt begins with the permits of its call: it lends them to what runs inside of it, one at a time. */
  hold(call: CallState, attempt: RunningAttempt): void {
    if (this.env.limiter === undefined) return
    attempt.permits = call.permits
    call.permits = noPermits
    const lender = `${attempt.runId}${attempt.call}#${attempt.attempt}`
    attempt.lenders = new Map([
      ...(this.lenders ?? []),
      ...namesOf(call).map((name): [string, string] => [name, lender])
    ])
  }

  /**
   * Who holds the permits that a fan-out inside of a handler can borrow: what its caller holds it would wait for without end. So those who
   * wait never hold all permits of a name.
   */
  private get lenders(): ReadonlyMap<string, string> | undefined {
    const { caller, limiter } = this.env
    return caller?.heritage.limiter === limiter ? caller?.lenders : undefined
  }
}

/** What an attempt needs a permit of. */
const namesOf = ({ spec: { contract, tool } }: CallState): ReadonlyArray<string> => [
  sessionPermit,
  toolPermit(tool.name),
  ...(contract.resource === undefined ? [] : [resourcePermit(contract.resource)])
]

const amountsOf = ({ spec }: CallState, isFirst: boolean): Amounts => ({
  ...spec.cost,
  ...(isFirst ? { calls: 1 } : {}),
  attempts: 1
})

/** What every attempt costs, whatever becomes of it. */
const counted = ({ attempts, calls }: Amounts): Amounts => ({
  ...(calls === undefined ? {} : { calls }),
  ...(attempts === undefined ? {} : { attempts })
})

/** The greater of what was reserved and what it says: nobody knows what else it will cost. */
const ceiling = (reserved: Amounts, said: ReadonlyMap<string, number> | undefined): Amounts => {
  const charged = new Map(Object.entries(reserved))
  for (const [name, amount] of said ?? []) charged.set(name, Math.max(amount, charged.get(name) ?? 0))
  return Object.fromEntries(charged)
}

/** Must this call start, and succeed, for the plan to succeed? */
const isUnconditional = ({ nodes }: Compiled, call: number): boolean => {
  for (let at = nodes[call]!.parent; at !== -1; at = nodes[at]!.parent) {
    const { children, need, policy } = nodes[at]!
    const needsAll =
      policy === "all" ||
      policy === "atomic" ||
      policy === "deadline" ||
      (policy === "quorum" && need === children.length) ||
      (policy === "firstSuccess" && children.length === 1)
    if (!needsAll) return false
  }
  return true
}
