/**
 * Approvals of people, as the AI SDK has them: they stand in the messages. An answer that is sent twice must run nothing twice, so an approval
 * is claimed before its call is begun.
 */
import type { Contract } from "@toolscope/core/promise"
import type { ModelMessage } from "ai"
import type { Result } from "./arrival.ts"

/** Ids of the calls that were approved in the last message and have no result there, each with the id of its approval. */
export const approvalsIn = (messages: ReadonlyArray<ModelMessage>): ReadonlyMap<string, string> => {
  const approved = new Map<string, string>()
  const last = messages.at(-1)
  if (last?.role !== "tool") return approved
  const calls = new Map<string, string>()
  for (const { content, role } of messages) {
    if (role !== "assistant" || typeof content === "string") continue
    for (const part of content) if (part.type === "tool-approval-request") calls.set(part.approvalId, part.toolCallId)
  }
  const done = new Set(last.content.flatMap((part) => (part.type === "tool-result" ? [part.toolCallId] : [])))
  for (const part of last.content) {
    if (part.type !== "tool-approval-response" || !part.approved) continue
    const call = calls.get(part.approvalId)
    if (call !== undefined && !done.has(call) && !approved.has(call)) approved.set(call, part.approvalId)
  }
  return approved
}

/** Approvals that were used in this process, and what came of the newest. */
const used = new Set<string>()
const results = new Map<string, Promise<Result>>()
const kept = 1_000

export const claimHere = (approval: string): boolean => {
  if (used.has(approval)) return false
  used.add(approval)
  return true
}

/** Nothing of it was started: it may be used yet. */
export const giveBack = (approval: string): void => {
  used.delete(approval)
  results.delete(approval)
}

export const remember = (approval: string, result: Promise<Result>): void => {
  results.set(approval, result)
  const [oldest] = results.keys()
  if (results.size > kept && oldest !== undefined) results.delete(oldest)
}

export const remembered = (approval: string): Promise<Result> | undefined => results.get(approval)

/** Does a person have to agree, by the contract? */
export const asksByContract = (contract: Contract): boolean =>
  contract.effect !== "none" && contract.compensate === undefined
