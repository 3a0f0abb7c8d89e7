/**
 * A refusal: why nothing was started, all faults at once.
 */
import type { PlanError, QuestionError, Snapshot } from "@toolscope/core"
import * as Data from "effect/Data"

/**
 * The faults of plans, and those of what the command is given beside a plan: its arguments, a file that it cannot read or write, a
 * module of tools, an MCP server or its configuration, a snapshot, answers.
 */
export type FaultTag =
  | PlanError.FaultTag
  | Snapshot.Reason["_tag"]
  | QuestionError.Reason["_tag"]
  | "BadUsage"
  | "BadFile"
  | "BadModule"
  | "BadServer"

export interface Fault extends Omit<PlanError.Fault, "_tag"> {
  readonly _tag: FaultTag
}

export class Refusal extends Data.TaggedError("Refusal")<{ readonly faults: ReadonlyArray<Fault> }> {
  override get message(): string {
    return this.faults.map(({ message, pointer }) => (pointer === "" ? message : `${pointer}: ${message}`)).join("\n")
  }
}

/** A fault that is not at a place of the plan. */
export const fault = (message: string, _tag: FaultTag): Fault => ({ pointer: "", _tag, message })

/** One line about anything that was thrown. */
export const describe = (u: unknown): string => {
  try {
    return u instanceof Error ? u.message || u.name : String(u)
  } catch {
    return Object.prototype.toString.call(u)
  }
}
