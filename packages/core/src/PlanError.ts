/**
 * Why a plan was refused, before anything started: all faults at once, each with its place.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * - `BadJson`: the text is no JSON · `BadShape`: a part is missing, of the wrong type, or not known
 * - `BadVersion`: not a version of the format that is understood
 * - `UnknownTool`: no such tool · `BadParameters`: the tool's schema does not accept them
 * - `BadId`: an id that is empty, too long, or contains what a path cannot · `DuplicateId`: two siblings have it
 * - `BadQuorum`: it can never be reached · `Empty`: a choice among nothing · `BadDuration`: not a duration, or negative
 * - `BadSetting`: a concurrency below 1 · `Misplaced`: `advisory` somewhere else than directly under `all`; `settled` where values must agree
 * - `RetryForbidden`, `OverlapForbidden`, `UndoForbidden`: the contract can never allow it · `BadContract`: it contradicts itself
 * - `BadCost`: what a tool declares as its cost is no amount, or the function that says it threw
 * - `OverBudget`: the budget does not suffice for one attempt of each call that the plan cannot do without
 * - `DuplicateTool`: two tools of one name · `Unsupported`: part of the format, but not of this version
 *
 * @since 0.1.0
 */
export type FaultTag =
  | "BadJson"
  | "BadShape"
  | "BadVersion"
  | "UnknownTool"
  | "BadParameters"
  | "BadId"
  | "DuplicateId"
  | "BadQuorum"
  | "Empty"
  | "BadDuration"
  | "BadSetting"
  | "Misplaced"
  | "RetryForbidden"
  | "OverlapForbidden"
  | "UndoForbidden"
  | "BadContract"
  | "BadCost"
  | "OverBudget"
  | "DuplicateTool"
  | "Unsupported"

/**
 * @since 0.1.0
 */
export interface Fault {
  /** JSON Pointer (RFC 6901) into the plan document. */
  readonly pointer: string
  readonly _tag: FaultTag
  /** What is wrong, and what to do. */
  readonly message: string
}

/**
 * A plan was refused; nothing was started.
 *
 * @since 0.1.0
 */
export class PlanError extends Data.TaggedError("PlanError")<{ readonly faults: ReadonlyArray<Fault> }> {
  override get message(): string {
    return `the plan has ${this.faults.length === 1 ? "a fault" : `${this.faults.length} faults`}:\n${this.faults
      .map(({ _tag, message, pointer }) => `  ${pointer === "" ? "(whole plan)" : pointer}: ${_tag}: ${message}`)
      .join("\n")}`
  }
}
