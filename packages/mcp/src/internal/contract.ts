/**
 * Which contract a tool of a server gets: the operator's, else what the server's hints say where they are trusted, else the most
 * careful one. A hint that is not trusted allows nothing.
 */
import type { ToolAnnotations } from "@modelcontextprotocol/sdk/types.js"
import { Contract } from "@toolscope/core"
import type { Server } from "../Config.ts"

/** Failures after which nothing can have happened, if the operator says so of failures in general. A lost answer is none. */
const answered: Contract.FailureMeaning = {
  McpToolError: "nothing",
  McpRequestError: "nothing"
}
/** Says that a further attempt may follow, which is what the operator wants who has the server killed. */
const unsent: Contract.FailureMeaning = { McpServerGone: "nothing" }

export const contractOf = (
  server: Server,
  tool: string,
  annotations: ToolAnnotations | undefined
): Contract.Contract => {
  const contract = saidOf(server, tool, annotations)
  if (contract.effect === "none" || server.toolscope?.unresponsive !== "restart") return contract
  // a server that is started again is one that a call may have to wait for in vain: then it was not reached, which we know
  const { failure } = contract
  return { ...contract, failure: typeof failure === "object" ? { McpServerGone: "nothing", ...failure } : unsent }
}

const saidOf = (server: Server, tool: string, annotations: ToolAnnotations | undefined): Contract.Contract => {
  const { tools = {}, trust = false } = server.toolscope ?? {}
  if (Object.hasOwn(tools, tool)) {
    const contract = Contract.fromOperator(tools[tool]!)
    return contract.effect !== "none" && contract.failure === "nothing" ? { ...contract, failure: answered } : contract
  }
  const { destructiveHint, idempotentHint, openWorldHint = true, readOnlyHint } = annotations ?? {}
  const hints = [destructiveHint, idempotentHint, annotations?.openWorldHint, readOnlyHint]
  if (hints.every((hint) => hint === undefined)) return Contract.unknown
  if (!trust) return { ...Contract.unknown, asserted: "hint" }
  if (readOnlyHint === true) return Contract.make({ effect: "none", openWorld: openWorldHint })
  return Contract.make({
    effect: destructiveHint === false ? "additive" : "destructive",
    repeat: idempotentHint === true ? "natural" : "never",
    openWorld: openWorldHint
  })
}
