/**
 * The builders of the promise entry. What they make is the public plan format, as plain data; only the types know more: the value
 * that a run gives, and the outcomes of its calls.
 */
import { isObject, wrong } from "./arguments.ts"
import type { Outcome } from "./report.ts"
import type { Duration } from "./schema.ts"
import type { Tool } from "./tool.ts"
import { isTool } from "./toolOf.ts"

declare const plan: unique symbol
declare const advice: unique symbol

/**
 * A plan: a NODE of the public plan format, as plain data. The types carry what a run gives (`A`) and the outcomes of its calls in
 * the shape of the plan (`O`, what {@link settled} yields); they are lost when the data is written and parsed.
 *
 * @since 0.1.0
 */
export interface Plan<out A = unknown, out O = unknown> {
  readonly [plan]: { readonly value: A; readonly outcomes: O }
}

/**
 * An advisory plan: accepted directly under {@link all}, and nowhere else.
 *
 * @since 0.1.0
 */
export interface Advisory<out A = unknown, out O = unknown> {
  readonly [advice]: { readonly value: A; readonly outcomes: O }
}

/**
 * The value of a plan; `null` stands for an advisory that gave none.
 *
 * @since 0.1.0
 */
export type ValueOf<P> = P extends Plan<infer A, any> ? A : P extends Advisory<infer A, any> ? A | null : never

/**
 * The outcomes of a plan's calls, in its shape.
 *
 * @since 0.1.0
 */
export type OutcomesOf<P> = P extends Plan<any, infer O> ? O : P extends Advisory<any, infer O> ? O : never

/**
 * Children: an object by ids, or a list, where the ids are `"0"`, `"1"` and so on.
 *
 * @since 0.1.0
 */
export type Children<P> = { readonly [id: string]: P } | ReadonlyArray<P>

/**
 * The values of all children, in the shape in which they were given.
 *
 * @since 0.1.0
 */
export type Values<C> = { readonly [K in keyof C]: ValueOf<C[K]> }

/**
 * The outcomes of all children, in the shape in which they were given.
 *
 * @since 0.1.0
 */
export type ChildOutcomes<C> = { readonly [K in keyof C]: OutcomesOf<C[K]> }

/**
 * One of the children.
 *
 * @since 0.1.0
 */
export type Member<C> = C extends ReadonlyArray<infer P> ? P : C[keyof C]

/**
 * The values of those that were counted: a list in plan order, or an object without the others.
 *
 * @since 0.1.0
 */
export type SomeValues<C> =
  C extends ReadonlyArray<infer P> ? ReadonlyArray<ValueOf<P>> : { readonly [K in keyof C]?: ValueOf<C[K]> }

/**
 * Options of a single call.
 *
 * @since 0.1.0
 */
export interface CallOptions {
  /** Per attempt, from its start. Default: that of the tool, else of the run (30 seconds). */
  readonly timeout?: Duration
  /** How many further attempts. Refused where the contract can never allow one. Default: that of the tool, else none. */
  readonly retry?: number
  /** Default: run id, path of the call and ordinal of the effect. */
  readonly idempotencyKey?: string
}

type Data = { readonly [key: string]: unknown }

/** The lists of children that were given as lists, not as objects: there a run gives lists, too. */
const lists = new WeakSet<object>()

export const wasList = (children: object): boolean => lists.has(children)

const make = (data: Data): any => data

/** Options that were given; an absent one stays absent. */
const given = (options: object | undefined): Data =>
  Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined))

const childrenOf = (where: string, children: unknown): ReadonlyArray<Data> => {
  const node = (of: unknown, id: string): Data => {
    if (!isObject(of)) throw wrong(where, `child ${JSON.stringify(id)} is a plan`, { value: of })
    return { id, ...of }
  }
  if (Array.isArray(children)) {
    const list = Array.from(children, (child: unknown, i) => node(child, String(i)))
    lists.add(list)
    return list
  }
  if (!isObject(children)) throw wrong(where, "children are given in an object or a list", { value: children })
  const prototype: unknown = Object.getPrototypeOf(children)
  if (prototype !== Object.prototype && prototype !== null) {
    throw wrong(where, 'children are given in a plain object or a list; "__proto__" cannot be an id')
  }
  return Object.entries(children).map(([id, child]) => {
    if (/^(0|[1-9]\d*)$/.test(id)) {
      throw wrong(
        where,
        `JavaScript moves the key ${JSON.stringify(id)} to the front, so the order of the plan is lost; give a list, or other names`
      )
    }
    return node(child, id)
  })
}

/**
 * A call of a tool.
 *
 * **Decides** when its attempts are over: succeeds with an answer, fails otherwise. **Stops** nothing. **Timeout** ends an attempt;
 * a retry may follow if the contract allows it. **Late answers** change nothing. **Cost**: one permit while an attempt runs.
 *
 * @example
 * ```ts
 * import { call, contract, run, tool } from "@toolscope/core/promise"
 *
 * const now = tool({ name: "now", contract: contract.readOnly, execute: () => "noon" })
 * console.log(JSON.stringify(call(now, {}, { timeout: "1 second" }))) // => {"call":"now","params":{},"timeout":"1 second"}
 * console.log((await run(call(now), { tools: [now] })).value) // => noon
 * ```
 *
 * @since 0.1.0
 */
export const call = <I, A>(
  tool: Tool<string, I, A>,
  ...[params, options]: {} extends I ? [params?: I, options?: CallOptions] : [params: I, options?: CallOptions]
): Plan<A, Outcome<A>> => {
  if (!isTool(tool)) throw wrong("call()", "the first argument is a tool, made by tool()", { value: tool })
  return make({ call: tool.name, params: params ?? {}, ...given(options) })
}

/**
 * **Decides**: succeeds when every essential child has succeeded and its advisories have settled or their grace has passed; fails as
 * soon as one essential child cannot succeed any more. An empty one succeeds. **Stops** the rest when it fails, and advisories whose
 * grace has passed. **Timeout** of a child is its failure. **Late answers** change nothing. **Cost**: every child runs.
 *
 * The value has the shape of the children: an object or a list, with `null` for an advisory that gave nothing.
 *
 * Throws a `TypeError` for an object whose order JavaScript does not keep (keys like `"10"`), as all builders of groups do.
 *
 * @example
 * ```ts
 * import { all, call, contract, run, tool } from "@toolscope/core/promise"
 *
 * const one = tool({ name: "one", contract: contract.readOnly, execute: () => 1 })
 * const two = tool({ name: "two", contract: contract.readOnly, execute: async () => "two" })
 * const report = await run(all({ a: call(one), b: call(two) }), { tools: [one, two] })
 * console.log(report.value) // => { a: 1, b: 'two' }
 * ```
 *
 * @since 0.1.0
 */
export const all = <const C extends Children<Plan | Advisory>>(children: C): Plan<Values<C>, ChildOutcomes<C>> =>
  make({ all: childrenOf("all()", children) })

/**
 * Marks a child of {@link all} as one that the rest can do without.
 *
 * **Decides**: its value when it succeeds, `null` when it fails or its grace has passed; it never fails. **Stops** itself when its
 * grace has passed. **Timeout**: `grace` (default 250 ms) runs from the success of the last essential sibling; with no essential
 * sibling it runs to its end. **Late answers** change nothing. **Cost**: as its child.
 *
 * @example
 * ```ts
 * import { advisory, all, call, contract, run, tool } from "@toolscope/core/promise"
 *
 * const price = tool({ name: "price", contract: contract.readOnly, execute: () => 3 })
 * const rating = tool({
 *   name: "rating",
 *   contract: contract.readOnly,
 *   execute: async (): Promise<number> => { throw new Error("not today") }
 * })
 * const plan = all({ price: call(price), rating: advisory(call(rating), { grace: "50 millis" }) })
 * console.log((await run(plan, { tools: [price, rating] })).value) // => { price: 3, rating: null }
 * ```
 *
 * @since 0.1.0
 */
export const advisory = <A, O>(plan: Plan<A, O>, options?: { readonly grace?: Duration }): Advisory<A, O> =>
  make({ advisory: plan, ...given(options) })

/**
 * **Decides**: succeeds with the first `n` successes, fails as soon as fewer than `n` children still can. With `agree` the `n` must
 * agree: their JSON is equal. **Stops** the rest either way; what children that are not counted committed stays, unless `surplus` is
 * `"undo"`. **Timeout** of a child is its failure. **Late answers** change nothing. **Cost**: every child starts.
 *
 * The value holds the `n` that were counted: an object without the others, or a list in plan order.
 *
 * @example
 * ```ts
 * import { call, contract, quorum, run, tool } from "@toolscope/core/promise"
 *
 * const echo = (name: string, says: string) => tool({ name, contract: contract.readOnly, execute: () => says })
 * const [a, b, c] = [echo("a", "yes"), echo("b", "no"), echo("c", "yes")]
 * const plan = quorum(2, { a: call(a), b: call(b), c: call(c) }, { agree: true })
 * console.log((await run(plan, { tools: [a, b, c] })).value) // => { a: 'yes', c: 'yes' }
 * ```
 *
 * @since 0.1.0
 */
export const quorum = <const C extends Children<Plan>>(
  n: number,
  children: C,
  options?: {
    readonly agree?: boolean
    /**
     * What becomes of the effects of children that are not counted, once it has succeeded. Default `"keep"`. `"undo"` is refused where a
     * call inside acts and its contract has no `compensate`.
     */
    readonly surplus?: "keep" | "undo"
  }
): Plan<SomeValues<C>, ChildOutcomes<C>> => make({ quorum: n, of: childrenOf("quorum()", children), ...given(options) })

/**
 * **Decides**: succeeds with the first success (which beats a failure of the same instant), fails when all have failed, or when one
 * that failed did what cannot be undone. **Stops** everything but the winner, and undoes what the others committed, also when all have
 * failed. **Timeout** of a child is its failure. **Late answers** change nothing. **Cost**: by `stagger`; children that overlap must be
 * free of effects, or have a `compensate` in their contract.
 *
 * `stagger` absent: all start at once. A duration: each time it elapses, and each time a started child fails, one more starts.
 * `"infinity"`: the next starts when the failed one has drained and been undone.
 *
 * @example
 * ```ts
 * import { call, contract, firstSuccess, run, tool } from "@toolscope/core/promise"
 *
 * const down = tool({
 *   name: "down",
 *   contract: contract.readOnly,
 *   execute: async (): Promise<string> => { throw new Error("down") }
 * })
 * const up = tool({ name: "up", contract: contract.readOnly, execute: () => "up" })
 * const plan = firstSuccess([call(down), call(up)], { stagger: "infinity" })
 * console.log((await run(plan, { tools: [down, up] })).value) // => up
 * ```
 *
 * @since 0.1.0
 */
export const firstSuccess = <const C extends Children<Plan>>(
  children: C,
  options?: { readonly stagger?: Duration | "infinity" }
): Plan<ValueOf<Member<C>>, ChildOutcomes<C>> =>
  make({ firstSuccess: childrenOf("firstSuccess()", children), ...given(options) })

/**
 * **Decides**: succeeds when its child has decided, whatever that is, and yields the outcomes as they are when the run closes. The
 * child's own rule still stops its rest: to let all run, wrap each. **Stops** nothing. **Late answers** change nothing. **Cost**: as
 * its child.
 *
 * @example
 * ```ts
 * import { call, contract, run, settled, tool } from "@toolscope/core/promise"
 *
 * const no = tool({ name: "no", contract: contract.readOnly, execute: async () => { throw new Error("no") } })
 * const report = await run(settled(call(no)), { tools: [no] })
 * console.log(report.status, report.value?._tag) // => succeeded Failed
 * ```
 *
 * @since 0.1.0
 */
export const settled = <O>(plan: Plan<unknown, O>): Plan<O, O> => make({ settled: plan })

/**
 * All or nothing. **Decides** what its child decides. When it has failed or was stopped, and everything in it has drained, what was
 * committed in it is undone, last first, each effect once, together within the `undo` of the run. **Late answers** change nothing.
 * **Cost**: as its child, and the undo. Refused where a call inside acts and its contract has no `compensate`.
 *
 * @example
 * ```ts
 * import { all, atomic, call, contract, run, tool } from "@toolscope/core/promise"
 *
 * const booked = new Set<string>()
 * const book = tool({
 *   name: "book",
 *   contract: { effect: "additive", compensate: ({ key }) => booked.delete(key) },
 *   execute: (_, { idempotencyKey }) => booked.add(idempotencyKey).size
 * })
 * const full = tool({ name: "full", contract: contract.readOnly, execute: async () => { throw new Error("sold out") } })
 * const report = await run(atomic(all([call(book), call(book), call(full)])), { tools: [book, full] })
 * console.log(report.status, booked.size) // => failed 0
 * ```
 *
 * @since 0.1.0
 */
export const atomic = <A, O>(plan: Plan<A, O>): Plan<A, O> => make({ atomic: plan })

/**
 * **Decides** what its child decides. **Timeout**: `duration` runs from its activation, queueing included; when it elapses, undecided
 * calls fail, what never came to life is skipped, and the nodes decide by their own rules. **Stops** those calls. **Late answers**
 * change nothing. **Cost**: as its child.
 *
 * @example
 * ```ts
 * import { setTimeout } from "node:timers/promises"
 * import { call, contract, deadline, run, tool } from "@toolscope/core/promise"
 *
 * const slow = tool({
 *   name: "slow",
 *   contract: contract.readOnly,
 *   execute: (_, { signal }) => setTimeout(60_000, "late", { signal })
 * })
 * const { reason, status } = await run(deadline(call(slow), "20 millis"), { tools: [slow] })
 * console.log(status, reason?._tag) // => failed DeadlineExceeded
 * ```
 *
 * @since 0.1.0
 */
export const deadline = <A, O>(plan: Plan<A, O>, duration: Duration): Plan<A, O> =>
  make({ deadline: duration, of: plan })
