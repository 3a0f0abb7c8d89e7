/**
 * Why a contract could not be tested at all. What a tool does wrong is no error: it is a check that failed.
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"

/** What of the user's was being run. */
export type Part = "make" | "tool" | "layer" | "look" | "setup" | "close"

export type Reason =
  | { readonly _tag: "Refused"; readonly faults: ReadonlyArray<string> }
  | { readonly _tag: "WorldFailed"; readonly during: Part; readonly cause: Cause.Cause<unknown> }
  | { readonly _tag: "Hung"; readonly during: string; readonly hang: "stuck" | "endless" }

const parts: { readonly [P in Part]: string } = {
  make: "world.make",
  tool: "the function that makes the tool of a world",
  layer: "world.layer",
  look: "world.look",
  setup: "the set-up of a failure",
  close: "closing the scope of a world"
}

export class ContractTestError extends Data.TaggedError("ContractTestError")<{ readonly reason: Reason }> {
  override get message(): string {
    const { reason } = this
    switch (reason._tag) {
      case "Refused":
        return `ContractTest: nothing was started:\n${reason.faults.map((fault) => `  ${fault}`).join("\n")}`
      case "WorldFailed":
        return `ContractTest: ${parts[reason.during]} failed:\n${Cause.pretty(reason.cause)}`
      case "Hung":
        return reason.hang === "stuck"
          ? `ContractTest: ${reason.during} does not end, and nothing can wake it; what waits for real input and output needs clock "live"`
          : `ContractTest: ${reason.during} does not end, because something in it never rests`
    }
  }
}

export const worldFailed = (during: Part) => (cause: Cause.Cause<unknown>) =>
  new ContractTestError({ reason: { _tag: "WorldFailed", during, cause } })
