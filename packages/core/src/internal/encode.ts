/**
 * A compiled plan as the JSON of the plan format, without recursion. What is no data becomes `"custom"` and is listed.
 */
import * as Duration from "effect/Duration"
import type { Json } from "effect/Schema"
import type { Compiled } from "./compile.ts"
import { sanitize } from "./json.ts"

export const encodeNode = (
  compiled: Compiled
): { readonly json: Json; readonly custom: ReadonlyArray<{ readonly pointer: string; readonly part: string }> } => {
  const custom: Array<{ pointer: string; part: string }> = []
  const made: Array<{ [key: string]: Json }> = []
  for (let i = compiled.nodes.length - 1; i >= 0; i--) {
    const { childIds, children, node, pointer } = compiled.nodes[i]!
    const list = (): Json => children.map((child, k) => ({ id: childIds[k]!, ...made[child]! }))
    const only = (): Json => made[children[0]!]!
    const part = <T>(name: string, value: T | undefined, isData: (value: T) => boolean): { [key: string]: Json } => {
      if (value === undefined) return {}
      if (isData(value)) return { [name]: sanitize(value) }
      custom.push({ pointer: `${pointer}/${name}`, part: name })
      return { [name]: "custom" }
    }
    // as it was written where that is JSON, else in milliseconds
    const time = (name: string, value: Duration.Input | "infinity" | undefined) =>
      part(name, typeof value === "object" || typeof value === "bigint" ? Duration.toMillis(value) : value, () => true)
    switch (node.policy) {
      case "call": {
        const spec = compiled.calls.get(i)!
        if (node.inline) custom.push({ pointer: `${pointer}/call`, part: "an inline Effect" })
        made[i] = {
          call: node.inline ? "custom" : spec.tool.name,
          ...(node.inline ? {} : { params: sanitize(spec.paramsJson) }),
          ...time("timeout", node.options.timeout),
          ...part("retry", node.options.retry, (v) => typeof v === "number"),
          ...part("idempotencyKey", node.options.idempotencyKey, () => true)
        }
        break
      }
      case "all":
        made[i] = { all: list() }
        break
      case "quorum":
        made[i] = {
          quorum: node.need,
          of: list(),
          ...part("agree", node.agree, (v) => v === true),
          ...part("surplus", node.surplus, () => true)
        }
        break
      case "firstSuccess":
        made[i] = { firstSuccess: list(), ...time("stagger", node.stagger) }
        break
      case "advisory":
        made[i] = { advisory: only(), ...time("grace", node.grace) }
        break
      case "settled":
        made[i] = { settled: only() }
        break
      case "atomic":
        made[i] = { atomic: only() }
        break
      case "deadline":
        made[i] = { ...time("deadline", node.duration), of: only() }
    }
  }
  return { json: made[0]!, custom }
}
