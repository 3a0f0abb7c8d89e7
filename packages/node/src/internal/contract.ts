/**
 * The contract of a tool, with what our own errors mean added to what its author says of failures.
 */
import type { Contract } from "@toolscope/core"

/** What the author says of a tag goes before what we say. */
export const withMeaning = (
  contract: Contract.Contract,
  ours: { readonly [tag: string]: "nothing" | "maybe" }
): Contract.Contract =>
  contract.effect === "none"
    ? contract
    : { ...contract, failure: typeof contract.failure === "string" ? ours : { ...ours, ...contract.failure } }
