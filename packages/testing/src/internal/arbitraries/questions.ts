/**
 * Plans whose tools ask people: before they do what they do, in between, several times, and in fan-outs inside of handlers.
 */
import type { Contract, PlanDocument } from "@toolscope/core"
import type * as Arbitrary from "effect/Arbitrary"
import * as A from "effect/Arbitrary"
import type * as Schema from "effect/Schema"
import type * as Zoo from "../../Zoo.ts"
import { index, maybe, object, rarely, value } from "./choose.ts"
import { type Bounds, type Kept, type Node, nodes } from "./plans.ts"
import { agents } from "./sessions.ts"

type Json = { readonly [key: string]: Schema.Json }

/** What acts at start may not ask. */
const mayAsk = (contract: Contract.Contract): boolean => contract.effect === "none" || contract.commit === "marked"

const question = object({
  after: maybe(
    2,
    A.map(index(4), (n) => 10 * n)
  ),
  times: maybe(4, A.Constant(2)),
  expires: maybe(
    4,
    A.map(index(5), (n) => 10 * n)
  ),
  must: maybe(3, A.Constant(true))
})

type Question = Pick<Zoo.Behaviour, "after" | "times" | "expires" | "must">

/** What it did, after a question; or, where that passes the gate, a question after that. */
const asking = ({ next, ...behaviour }: Zoo.Behaviour, asked: Question, isLast: boolean): Zoo.Behaviour => {
  if (isLast && behaviour.then === "gate")
    return { ...behaviour, next: { ...asked, then: "ask", ...(next === undefined ? {} : { next }) } }
  const { after, deaf, cleanup, onStop, probe, spend, undo, ...step } = behaviour
  const how = { deaf, cleanup, onStop, probe, spend, undo }
  const inner = { ...step, ...(after === undefined ? {} : { after }), ...(next === undefined ? {} : { next }) }
  const told = Object.fromEntries(Object.entries(how).filter(([, value]) => value !== undefined))
  return { ...told, ...asked, then: "ask", next: inner }
}

const alter = (script: Schema.Json): Arbitrary.Arbitrary<Schema.Json> =>
  A.map(A.all([value(true, true, false), question, value(false, true)]), ([asks, asked, isLast]) => {
    const one = (behaviour: Zoo.Behaviour) => asking(behaviour, asked, isLast)
    const { attempts } = script as { readonly attempts?: ReadonlyArray<Zoo.Behaviour> }
    if (!asks) return script
    return (attempts === undefined ? one(script as never) : { attempts: attempts.map(one) }) as unknown as Schema.Json
  })

export const plans = (
  tools: ReadonlyArray<Kept>,
  settings: Arbitrary.Arbitrary<PlanDocument.Settings>,
  bounds: Bounds
): Arbitrary.Arbitrary<Node> => {
  const askers = tools.map((tool): Kept =>
    tool.drives === "effect" && mayAsk(tool.contract) ? { ...tool, alter } : tool
  )
  const documents = (tools: ReadonlyArray<Kept>) =>
    A.map(A.all([nodes(tools, { depth: 1, width: 2 }), settings]), ([plan, settings]): Schema.Json => ({
      toolscope: 1,
      plan,
      ...(settings as Json)
    }))
  const withAgents = (below: Arbitrary.Arbitrary<Schema.Json>): ReadonlyArray<Kept> => [
    ...askers,
    ...Object.entries(agents).map(([name, contract]): Kept => ({
      name,
      contract,
      drives: "effect",
      params: object({
        after: maybe(
          2,
          A.map(index(4), (n) => 10 * n)
        ),
        does: rarely<"fanout" | "letsGo" | "session">(
          5,
          rarely<"fanout" | "letsGo">(5, A.Constant("fanout"), A.Constant("letsGo")),
          A.Constant("session")
        ),
        plan: below,
        strict: maybe(2, A.Constant(true)),
        deaf: maybe(6, A.Constant(true))
      })
    }))
  ]
  return nodes(withAgents(documents(withAgents(documents(askers)))), bounds)
}
