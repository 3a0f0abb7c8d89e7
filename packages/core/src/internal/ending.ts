/**
 * From the exit of an attempt to what it means. Pure: the rules of "An end" and "A stop" stand here and nowhere else.
 */
import * as Cause from "effect/Cause"
import type * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import { CallError, Defect, type Denied, Interrupted, isCallError, MalformedResult, TimedOut } from "../CallError.ts"
import * as Contract from "../Contract.ts"
import * as Outcome from "../Outcome.ts"
import type { StopReason } from "../Report.ts"
import type * as Tool from "../Tool.ts"
import * as codec from "./codec.ts"

/**
 * How an attempt ended.
 *
 * - `success`: it answered with a value · `failure`: it answered with an error · `malformed`: with something its schema forbids
 * - `noAnswer`: it died, threw, interrupted itself, was interrupted, or was left behind
 * - `notReached`: its handler ended before it had reached what the tool acts on
 * - `refused`: it did not begin
 */
export type AttemptEnd =
  | { readonly _tag: "success"; readonly value: unknown; readonly json: unknown }
  | { readonly _tag: "failure"; readonly error: unknown }
  | { readonly _tag: "malformed"; readonly error: CallError }
  | { readonly _tag: "noAnswer"; readonly error?: CallError }
  | { readonly _tag: "notReached"; readonly error?: CallError }
  | { readonly _tag: "refused"; readonly error?: CallError }

/** How an attempt that began has ended, from the exit of its handler. */
export const ofExit = (tool: Tool.Any, exit: Exit.Exit<unknown, unknown>): AttemptEnd => {
  if (exit._tag === "Success") return answered(tool, exit.value)
  const { reasons } = exit.cause
  // a typed error keeps its type whatever else went wrong beside it
  const fail = reasons.find(Cause.isFailReason)
  if (fail !== undefined) {
    if (isNotReached(fail.error)) return { _tag: "notReached", error: fail.error }
    const thrown = isCallError(fail.error) && fail.error.reason._tag === "Threw"
    return thrown ? { _tag: "noAnswer", error: fail.error } : { _tag: "failure", error: fail.error }
  }
  const die = reasons.find(Cause.isDieReason)
  if (die !== undefined) {
    const { defect } = die
    if (isNotReached(defect)) return { _tag: "notReached", error: defect }
    return { _tag: "noAnswer", error: isCallError(defect) ? defect : new CallError({ reason: new Defect({ defect }) }) }
  }
  return { _tag: "noAnswer", error: new CallError({ reason: new Interrupted() }) }
}

const isNotReached = (u: unknown): u is CallError => isCallError(u) && u.reason._tag === "NotReached"

const answered = (tool: Tool.Any, answer: unknown): AttemptEnd => {
  const { decode, encode } = codec.of(tool.success)
  try {
    const value = tool.answers === "encoded" ? decode(answer) : Result.succeed(answer)
    if (Result.isFailure(value)) return malformed(value.failure)
    // a Standard Schema has one direction: what it made of an answer it need not accept again
    const oneWay = tool.answers === "encoded" && !codec.isEffectSchema(tool.success)
    const json = oneWay ? value : encode(value.success)
    return Result.isFailure(json)
      ? malformed(json.failure)
      : { _tag: "success", value: value.success, json: json.success }
  } catch (defect) {
    return malformed([{ pointer: "", message: `its schema cannot be applied: ${String(defect)}` }])
  }
}

const malformed = (issues: MalformedResult["issues"]): AttemptEnd => ({
  _tag: "malformed",
  error: new CallError({ reason: new MalformedResult({ issues }) })
})

/** May an attempt of a tool that commits at start have acted? Others act nowhere but at the gate, which keeps account. */
export const mayHaveActed = (contract: Contract.Contract, end: AttemptEnd): boolean => {
  if (!Contract.actsAtStart(contract) || end._tag === "refused" || end._tag === "notReached") return false
  return end._tag !== "failure" || Contract.mayHaveActed(contract, ownError(end.error))
}

/** What a promise was rejected with is what the contract speaks of. */
const ownError = (error: unknown): unknown =>
  isCallError(error) && error.reason._tag === "Rejected" ? error.reason.error : error

/** What is known of a call when it is over. */
export interface History {
  /** Attempts that began. */
  readonly attempts: number
  /** May it have acted, and not have been undone? */
  readonly acted: boolean
  /** Is it not known of an effect whether it happened? */
  readonly inDoubt: boolean
  /** How the last one ended; `undefined` if none began, or if the call was stopped between two attempts. */
  readonly end: AttemptEnd | undefined
  /** The error of the attempt before that. */
  readonly lastError: unknown
  readonly stoppedBy: StopReason | undefined
  /** Was that the timeout of its last attempt? */
  readonly hasTimedOut: boolean
  /** The timeout of an attempt, in milliseconds. */
  readonly timeout: number
}

/** What the call comes to: its outcome, and an error met after its stop. */
export interface Conclusion {
  readonly outcome: Outcome.Outcome<unknown, unknown>
  readonly afterStop?: unknown
}

export const conclude = (history: History): Conclusion => {
  const { acted, attempts, end, hasTimedOut, lastError, stoppedBy } = history
  const no = end === undefined || stoppedBy !== undefined ? undefined : denialIn(end)
  if (no !== undefined && !history.inDoubt) return { outcome: Outcome.denied(no) }
  if (
    end === undefined ||
    (end._tag === "refused" && !hasTimedOut && (end.error === undefined || stoppedBy !== undefined))
  ) {
    if (attempts === 0) return { outcome: Outcome.skipped }
    return { outcome: acted ? Outcome.unknown(lastError) : Outcome.cancelled(lastError) }
  }
  if (end._tag === "success") return { outcome: Outcome.succeeded(end.value) }
  if (stoppedBy === undefined) {
    const answered = end._tag === "failure" || end._tag === "malformed"
    return { outcome: acted && !answered ? Outcome.unknown(end.error) : Outcome.failed(end.error) }
  }
  const afterStop = isInduced(end) || end.error === undefined ? {} : { afterStop: end.error }
  if (hasTimedOut) {
    const error = timedOut(history.timeout)
    return { outcome: acted ? Outcome.unknown(error) : Outcome.failed(error), ...afterStop }
  }
  // one that was not reached is as good as one that was yet to follow: the error before it stays
  const error = end._tag === "notReached" ? lastError : undefined
  return { outcome: acted ? Outcome.unknown(error) : Outcome.cancelled(error), ...afterStop }
}

const denialIn = (end: AttemptEnd): Denied | undefined =>
  (end._tag === "noAnswer" || end._tag === "refused") && end.error?.reason._tag === "Denied"
    ? end.error.reason
    : undefined

/** After a stop: is this the interruption that was asked for, and not an error of the tool? */
export const isInduced = (end: AttemptEnd): boolean =>
  end._tag === "notReached" ||
  (end._tag === "noAnswer" && (end.error === undefined || end.error.reason._tag === "Interrupted"))

export const timedOut = (millis: number): CallError => new CallError({ reason: new TimedOut({ millis }) })
