/**
 * Why the core asks for a stop, in the words of the report: derived from the node that caused it.
 */
import * as Decision from "../Decision.ts"
import type { StopReason } from "../Report.ts"
import type { CallState } from "./call.ts"
import type { Compiled } from "./compile.ts"

export const stopReason = (
  compiled: Compiled,
  state: Decision.State,
  cause: number,
  calls: ReadonlyMap<number, CallState>
): StopReason => {
  const { agree, children, millis, need, path, policy } = compiled.nodes[cause]!
  switch (policy) {
    case "call":
      return { source: "timeout", call: path, reason: `no answer within ${calls.get(cause)!.timeout} ms` }
    case "deadline":
      return { source: "deadline", reason: `the deadline of ${millis} ms at ${path} elapsed` }
    case "advisory":
      return { source: "grace", reason: `the grace of ${millis} ms at ${path} passed` }
    case "settled":
      return { source: "policy", reason: `${path} has settled` }
    case "atomic":
      return { source: "sibling", reason: `${path} has failed` }
  }
  const call = originOf(compiled, state, cause)
  const from = call === undefined ? {} : { call }
  if (Decision.decision(state, cause) === "succeeded") {
    const reason =
      policy === "quorum" ? `${need} of ${children.length} at ${path} have succeeded` : `one at ${path} has succeeded`
    return { source: "policy", ...from, reason }
  }
  const reason = {
    all: `an essential call of ${path} failed`,
    quorum: `${need} of ${children.length} at ${path} can ${agree ? "agree" : "succeed"} no more`,
    firstSuccess: `one at ${path} failed, and may have acted`
  }[policy]
  return { source: "sibling", ...from, reason }
}

/**
 * The first call, in plan order, of the set that decided a node: of a failed one the first that failed, and none where those that
 * succeeded only differ.
 */
export const originOf = (compiled: Compiled, state: Decision.State, node: number): string | undefined => {
  let at = node
  while (compiled.nodes[at]!.policy !== "call") {
    const failed = Decision.decision(state, at) === "failed"
    const next = compiled.nodes[at]!.children.find(
      (child) => Decision.isCounted(state, child) && !(failed && Decision.decision(state, child) === "succeeded")
    )
    if (next === undefined) return undefined
    at = next
  }
  return compiled.nodes[at]!.path
}
