/**
 * The calls and the nodes of a plan as a journal has it, in plan order, with the ids and pointers of reports.
 */
import type { Contract, Report } from "@toolscope/core"

export interface PlanCall {
  readonly id: string
  readonly tool: string
  readonly contract: Contract.Data
}

export interface PlanNode {
  readonly node: string
  readonly policy: Report.Json["nodes"][number]["policy"]
}

type Json = Readonly<Record<string, unknown>>

const lists = { all: "all", quorum: "of", firstSuccess: "firstSuccess" } as const
const wrappers = { advisory: "advisory", settled: "settled", atomic: "atomic", deadline: "of" } as const

export const readPlan = (
  plan: unknown,
  contracts: { readonly [tool: string]: Contract.Data }
): { readonly calls: ReadonlyArray<PlanCall>; readonly nodes: ReadonlyArray<PlanNode> } => {
  const calls: Array<PlanCall> = []
  const nodes: Array<PlanNode> = []
  // not by recursion: plans may be deep
  const stack = [{ json: plan as Json, path: "", pointer: "/plan" }]
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { json, path, pointer } = next
    if (typeof json.call === "string") {
      const contract = contracts[json.call]
      if (contract !== undefined) calls.push({ id: path === "" ? "/" : path, tool: json.call, contract })
      continue
    }
    for (const [policy, key] of Object.entries({ ...lists, ...wrappers })) {
      if (!(policy in json)) continue
      nodes.push({ node: pointer, policy: policy as PlanNode["policy"] })
      if (policy in wrappers) stack.push({ json: json[key] as Json, path, pointer: `${pointer}/${key}` })
      else {
        const children = (json[key] as ReadonlyArray<Json>).map((child, i) => ({
          json: child,
          path: `${path}/${String(child.id)}`,
          pointer: `${pointer}/${key}/${i}`
        }))
        stack.push(...children.reverse())
      }
      break
    }
  }
  return { calls, nodes }
}
