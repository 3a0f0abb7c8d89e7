/**
 * What a plan's types say: `A` by its shape, `E` by its policies, `O` for settled.
 */
import {
  type CallError,
  Contract,
  Fanout,
  type FanoutError,
  type Outcome,
  Plan,
  type PlanError,
  Tool
} from "@toolscope/core"
import type * as Effect from "effect/Effect"
import * as Effects from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { same } from "./expect.ts"

class E1 extends Schema.TaggedError<E1>()("E1", {}) {}
class E2 extends Schema.TaggedError<E2>()("E2", {}) {}

declare const n: Plan.Plan<number, E1, never, Outcome.Outcome<number, E1>>
declare const s: Plan.Plan<string, E2, never, Outcome.Outcome<string, E2>>

// a call: its tool's value, errors and outcome
export const Search = Tool.make("search", {
  parameters: Schema.Struct({ query: Schema.String, limit: Schema.optionalKey(Schema.Number) }),
  success: Schema.Array(Schema.String),
  failure: E1,
  contract: Contract.readOnly,
  handler: () => Effects.succeed(["a"])
})
export const search = Plan.call(Search, { query: "x" })
same<typeof search, Plan.Plan<ReadonlyArray<string>, E1, never, Outcome.Outcome<ReadonlyArray<string>, E1>>>(true)

// all: a record gives a record, a list a tuple
export const record = Plan.all({ n, s })
same<Plan.Value<typeof record>, { readonly n: number; readonly s: string }>(true)
same<Plan.Error<typeof record>, E1 | E2>(true)
export const tuple = Plan.all([n, s])
same<Plan.Value<typeof tuple>, readonly [number, string]>(true)
export const empty = Plan.all([])
same<Plan.Value<typeof empty>, readonly []>(true)
declare const many: ReadonlyArray<typeof n>
export const list = Plan.all(many)
same<Plan.Value<typeof list>, ReadonlyArray<number>>(true)

// an advisory: an Option, and none of its errors
export const advised = Plan.all({ n, s: Plan.advisory(s) })
same<Plan.Value<typeof advised>, { readonly n: number; readonly s: Option.Option<string> }>(true)
same<Plan.Error<typeof advised>, E1>(true)
export const piped = Plan.all({ s: s.pipe(Plan.advisory({ grace: "1 second" })) })
same<Plan.Value<typeof piped>, { readonly s: Option.Option<string> }>(true)
same<Plan.Error<typeof piped>, never>(true)

// a quorum: each key may be missing; a list has what was counted
export const quorum = Plan.quorum(1, { n, s })
same<Plan.Value<typeof quorum>, { readonly n?: number; readonly s?: string }>(true)
same<Plan.Error<typeof quorum>, E1 | E2>(true)
export const votes = Plan.quorum(2, [n, n, s])
same<Plan.Value<typeof votes>, ReadonlyArray<number | string>>(true)
Plan.quorum(2, [n, n], { agree: (a: number, b: number) => a === b })
// @ts-expect-error an Equivalence of other values
Plan.quorum(2, [n, n], { agree: (a: string, b: string) => a === b })

// a first success: one of the values
export const race = Plan.firstSuccess({ n, s }, { stagger: "infinity" })
same<Plan.Value<typeof race>, number | string>(true)
same<Plan.Error<typeof race>, E1 | E2>(true)

// settled: outcomes in the shape of its plan, and no errors
export const settled = Plan.settled(Plan.all({ n, inner: Plan.quorum(1, [s]), extra: Plan.advisory(s) }))
same<
  Plan.Value<typeof settled>,
  {
    readonly n: Outcome.Outcome<number, E1>
    readonly inner: readonly [Outcome.Outcome<string, E2>]
    readonly extra: Outcome.Outcome<string, E2>
  }
>(true)
same<Plan.Error<typeof settled>, never>(true)
export const half = Plan.all([Plan.settled(n), s])
same<Plan.Error<typeof half>, E2>(true)
same<Plan.Value<typeof half>, readonly [Outcome.Outcome<number, E1>, string]>(true)

// a deadline: what its child is, both ways of writing it
export const first = Plan.deadline(n, "1 second")
export const last = n.pipe(Plan.deadline("1 second"))
same<typeof first, typeof n>(true)
same<typeof last, typeof n>(true)

// outcomes of nested plans keep the shape
same<Plan.Outcomes<typeof tuple>, readonly [Outcome.Outcome<number, E1>, Outcome.Outcome<string, E2>]>(true)

// a run: the value, the errors in FanoutError, plans that are refused
export const run = Fanout.run(record)
same<
  typeof run,
  Effect.Effect<{ readonly n: number; readonly s: string }, FanoutError.FanoutError<E1 | E2> | PlanError.PlanError>
>(true)
Effects.catchTag(run, "FanoutError", (_error) => {
  same<(typeof _error.reason.calls)[number]["error"], E1 | E2 | CallError.CallError | undefined>(true)
  return Effects.void
})

// @ts-expect-error an advisory is no plan: it cannot be run
Fanout.run(Plan.advisory(n))
// @ts-expect-error nor be in a quorum
Plan.quorum(1, [Plan.advisory(n)])
// @ts-expect-error nor in a first success
Plan.firstSuccess({ a: Plan.advisory(n) })
// @ts-expect-error nor under settled
Plan.settled(Plan.advisory(n))
// @ts-expect-error nor under a deadline
Plan.deadline(Plan.advisory(n), 1)
// @ts-expect-error nor in another advisory
Plan.advisory(Plan.advisory(n))

// @ts-expect-error a parameter of the wrong type
Plan.call(Search, { query: 7 })
// @ts-expect-error a parameter that is missing
Plan.call(Search, {})
// @ts-expect-error all parameters are missing
Plan.call(Search)
// @ts-expect-error a parameter that does not exist
Plan.call(Search, { query: "x", offset: 1 })
// @ts-expect-error an option that does not exist
Plan.call(Search, { query: "x" }, { retries: 1 })
