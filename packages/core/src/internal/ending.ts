/**
 * From the exit of an attempt to what it means. Pure: the rules of "An end" and "A stop" stand here and nowhere else.
 */
import * as Cause from "effect/Cause"
import type * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import { CallError, Defect, Interrupted, isCallError, MalformedResult, TimedOut } from "../CallError.ts"
import * as Contract from "../Contract.ts"
import * as Outcome from "../Outcome.ts"
import type { EffectReport, StopReason } from "../Report.ts"
import type * as Tool from "../Tool.ts"
import * as codec from "./codec.ts"

/**
 * How an attempt ended.
 *
 * - `success`: it answered with a value · `failure`: it answered with an error · `malformed`: with something its schema forbids
 * - `noAnswer`: it died, threw, interrupted itself, was interrupted, or was left behind
 * - `refused`: it did not begin
 */
export type AttemptEnd =
  | { readonly _tag: "success"; readonly value: unknown; readonly json: unknown }
  | { readonly _tag: "failure"; readonly error: unknown }
  | { readonly _tag: "malformed"; readonly error: CallError }
  | { readonly _tag: "noAnswer"; readonly error?: CallError }
  | { readonly _tag: "refused"; readonly error?: CallError }

/** How an attempt that began has ended, from the exit of its handler. */
export const ofExit = (tool: Tool.Any, exit: Exit.Exit<unknown, unknown>): AttemptEnd => {
  if (exit._tag === "Success") return answered(tool, exit.value)
  const { reasons } = exit.cause
  // a typed error keeps its type whatever else went wrong beside it
  const fail = reasons.find(Cause.isFailReason)
  if (fail !== undefined) {
    const thrown = isCallError(fail.error) && fail.error.reason._tag === "Threw"
    return thrown ? { _tag: "noAnswer", error: fail.error } : { _tag: "failure", error: fail.error }
  }
  const die = reasons.find(Cause.isDieReason)
  if (die !== undefined)
    return { _tag: "noAnswer", error: new CallError({ reason: new Defect({ defect: die.defect }) }) }
  return { _tag: "noAnswer", error: new CallError({ reason: new Interrupted() }) }
}

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

/** May the attempt have acted? */
export const mayHaveActed = (contract: Contract.Contract, end: AttemptEnd): boolean => {
  switch (end._tag) {
    case "success":
    case "malformed":
    case "noAnswer":
      return Contract.mayAct(contract)
    case "failure": {
      const { error } = end
      const own = isCallError(error) && error.reason._tag === "Rejected" ? error.reason.error : error
      return Contract.mayHaveActed(contract, own)
    }
    case "refused":
      return false
  }
}

/** What is known of a call when it is over. */
export interface History {
  readonly contract: Contract.Contract
  /** Attempts that began. */
  readonly attempts: number
  /** May an attempt before the last one have acted? */
  readonly actedBefore: boolean
  /** How the last one ended; `undefined` if none began, or if the call was stopped between two attempts. */
  readonly end: AttemptEnd | undefined
  /** The error of the attempt before that. */
  readonly lastError: unknown
  readonly stoppedBy: StopReason | undefined
  /** The timeout of an attempt, in milliseconds. */
  readonly timeout: number
}

/** What the call comes to: its outcome, an error met after its stop, and the state of its implicit effect. */
export interface Conclusion {
  readonly outcome: Outcome.Outcome<unknown, unknown>
  readonly afterStop?: unknown
  readonly effect: EffectReport["state"] | undefined
}

export const conclude = (history: History): Conclusion => {
  const { actedBefore, attempts, contract, end, lastError, stoppedBy } = history
  const timeout = stoppedBy?.source === "timeout"
  if (
    end === undefined ||
    (end._tag === "refused" && !timeout && (end.error === undefined || stoppedBy !== undefined))
  ) {
    const effect = actedBefore ? "unknown" : undefined
    if (attempts === 0) return { outcome: Outcome.skipped, effect }
    return { outcome: actedBefore ? Outcome.unknown(lastError) : Outcome.cancelled(lastError), effect }
  }
  if (end._tag === "success") {
    return { outcome: Outcome.succeeded(end.value), effect: Contract.mayAct(contract) ? "committed" : undefined }
  }
  const acted = actedBefore || mayHaveActed(contract, end)
  const effect = acted ? "unknown" : undefined
  if (stoppedBy === undefined) {
    const answered = end._tag === "failure" || end._tag === "malformed"
    return { outcome: acted && !answered ? Outcome.unknown(end.error) : Outcome.failed(end.error), effect }
  }
  const afterStop = isInduced(end) || end.error === undefined ? {} : { afterStop: end.error }
  if (timeout) {
    const error = timedOut(history.timeout)
    return { outcome: acted ? Outcome.unknown(error) : Outcome.failed(error), ...afterStop, effect }
  }
  return { outcome: acted ? Outcome.unknown() : Outcome.cancelled(), ...afterStop, effect }
}

/** After a stop: is this the interruption that was asked for, and not an error of the tool? */
export const isInduced = (end: AttemptEnd): boolean =>
  end._tag === "noAnswer" && (end.error === undefined || end.error.reason._tag === "Interrupted")

export const timedOut = (millis: number): CallError => new CallError({ reason: new TimedOut({ millis }) })
