/**
 * The exit codes of the command.
 */
import type { Report } from "@toolscope/core"

export const exitCodes = {
  succeeded: 0,
  /** The policy failed. */
  failed: 1,
  /** Usage or plan: nothing was started. */
  refused: 2,
  /** Only answers are waited for: it goes on where it is resumed. */
  suspended: 3,
  /** It succeeded, but something that was left behind may still act. */
  mayStillAct: 4,
  /** A fault of Toolscope or of its surroundings: the journal refused, the output cannot be written. */
  internal: 70,
  SIGINT: 130,
  SIGTERM: 143
} as const

/** Calls that were left behind and may still act. */
export const mayStillAct = (report: Report.Json): ReadonlyArray<string> =>
  report.calls.filter((call) => call.leftBehind && acts(call)).map((call) => call.id)

/** What marks its commits acts nowhere but beyond its gate; an undo that was left behind acts, too. */
const acts = ({ contract, effects }: Report.Json["calls"][number]): boolean =>
  contract.effect !== "none" &&
  (contract.commit !== "marked" || effects.some(({ state }) => state === "unknown" || state === "compensationFailed"))

/** What a report says; `signal` is the first that came. */
export const ofReport = (report: Report.Json, signal: "SIGINT" | "SIGTERM" | undefined): number => {
  switch (report.status) {
    case "succeeded":
      return mayStillAct(report).length > 0 ? exitCodes.mayStillAct : exitCodes.succeeded
    case "refused":
      return exitCodes.refused
    case "suspended":
      return exitCodes.suspended
    case "interrupted":
      return signal === undefined ? exitCodes.internal : exitCodes[signal]
    default:
      return exitCodes.failed
  }
}
