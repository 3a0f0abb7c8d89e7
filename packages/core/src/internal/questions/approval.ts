/**
 * Approval rules: does a person have to agree before this call starts? Pure.
 */
import * as Schema from "effect/Schema"
import * as Contract from "../../Contract.ts"
import type { Approval } from "../../Tool.ts"
import type { CallSpec } from "../compile.ts"

/** What an approval is answered with. */
export const Answer = Schema.Union([
  Schema.Boolean,
  Schema.Struct({ approved: Schema.Boolean, reason: Schema.optionalKey(Schema.String) })
])

/** The rule of the tool, or that of the fan-out: where one asks, it is asked. */
export const needsApproval = ({ contract, params, tool }: CallSpec, ofFanout: Approval<never> | undefined): boolean =>
  asks(tool.approval, contract, params) || asks(ofFanout, contract, params)

const asks = (rule: Approval<never> | undefined, contract: Contract.Contract, params: unknown): boolean => {
  switch (rule) {
    case undefined:
    case "never":
      return false
    case "always":
      return true
    case "byContract":
      return contract.effect !== "none" && !Contract.canUndo(contract)
    default:
      try {
        return rule(params as never, contract)
      } catch {
        // a rule that cannot say is no permission
        return true
      }
  }
}
