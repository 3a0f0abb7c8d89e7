/**
 * A **plan** is a tree of policies over calls. The planner says, per call, what its failure means; nothing runs until the plan is
 * given to `Fanout.run`, which checks it first.
 *
 * The types say what a run can give: the result has the shape of the plan, the errors are those that the policies leave, the
 * requirements are those of the handlers.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { Equivalence } from "effect/Equivalence"
import { dual } from "effect/Function"
import type * as Option from "effect/Option"
import type { Pipeable } from "effect/Pipeable"
import { pipeArguments } from "effect/Pipeable"
import type { Contract } from "./Contract.ts"
import { outline, type Place } from "./internal/outline.ts"
import type { Group, Node } from "./internal/node.ts"
import type { Outcome } from "./Outcome.ts"
import * as Tool from "./Tool.ts"

const TypeId = "~@toolscope/core/Plan"
const AdvisoryTypeId = "~@toolscope/core/Plan/Advisory"

interface Variance<out A, out E, out R, out O> {
  readonly _A: () => A
  readonly _E: () => E
  readonly _R: () => R
  readonly _O: () => O
}

/**
 * - `A`: the value of a run that succeeds
 * - `E`: the tools' own errors that can fail it
 * - `R`: what the handlers require
 * - `O`: the outcomes of its calls, in the shape of the plan (what {@link settled} yields)
 *
 * @since 0.1.0
 */
export interface Plan<out A, out E = never, out R = never, out O = unknown> extends Pipeable {
  readonly [TypeId]: Variance<A, E, R, O>
}

/**
 * An advisory call or subtree: accepted directly under {@link all}, and nowhere else.
 *
 * @since 0.1.0
 */
export interface Advisory<out A, out E = never, out R = never, out O = unknown> {
  readonly [AdvisoryTypeId]: Variance<A, E, R, O>
}

/**
 * @since 0.1.0
 */
export type Any = Plan<unknown, unknown, unknown>

type AnyAdvisory = Advisory<unknown, unknown, unknown>

/**
 * The value of a plan.
 *
 * @since 0.1.0
 */
export type Value<P> =
  P extends Plan<infer A, any, any, any> ? A : P extends Advisory<infer A, any, any, any> ? Option.Option<A> : never

/**
 * The errors that a plan lets through: an advisory lets none.
 *
 * @since 0.1.0
 */
export type Error<P> = P extends Plan<any, infer E, any, any> ? E : never

/**
 * What the handlers of a plan require.
 *
 * @since 0.1.0
 */
export type Services<P> =
  P extends Plan<any, any, infer R, any> ? R : P extends Advisory<any, any, infer R, any> ? R : never

/**
 * The outcomes of a plan's calls, in its shape.
 *
 * @since 0.1.0
 */
export type Outcomes<P> =
  P extends Plan<any, any, any, infer O> ? O : P extends Advisory<any, any, any, infer O> ? O : never

type Children<P> = { readonly [id: string]: P } | ReadonlyArray<P>

type Values<C> = { readonly [K in keyof C]: Value<C[K]> }
type OutcomesOf<C> = { readonly [K in keyof C]: Outcomes<C[K]> }
type Members<C> = C extends ReadonlyArray<infer P> ? P : C[keyof C]
type SomeValues<C> =
  C extends ReadonlyArray<infer P> ? ReadonlyArray<Value<P>> : { readonly [K in keyof C]?: Value<C[K]> }

interface Inner {
  readonly node: Node
}

const Proto = {
  [TypeId]: undefined,
  pipe() {
    // eslint-disable-next-line prefer-rest-params -- Effect reads them as they come
    return pipeArguments(this, arguments)
  }
}

const fromNode = (node: Node): any => Object.assign(Object.create(Proto), { node })

/** @internal */
export const unsafeFromNode: <A, E, R, O>(node: Node) => Plan<A, E, R, O> = fromNode

/** @internal */
export const toNode = (plan: Any | AnyAdvisory): Node => (plan as unknown as Inner).node

/**
 * @since 0.1.0
 */
export const isPlan = (u: unknown): u is Any => typeof u === "object" && u !== null && TypeId in u

const toChildren = (children: Children<Any | AnyAdvisory>): Group => {
  if (Array.isArray(children)) {
    return { shape: "array", children: children.map((plan, i) => ({ id: String(i), node: toNode(plan) })) }
  }
  const record = children as { readonly [id: string]: Any }
  const wrong = faultOf(record)
  return {
    shape: "record",
    children: Object.entries(record).map(([id, plan]) => ({ id, node: toNode(plan) })),
    ...(wrong === undefined ? {} : { wrong })
  }
}

/** JavaScript moves keys that look like integers to the front, and takes `__proto__` for something else. */
const faultOf = (record: object): string | undefined => {
  const prototype: unknown = Object.getPrototypeOf(record)
  if (prototype !== Object.prototype && prototype !== null) {
    return 'children are given in a plain object or a list; "__proto__" cannot be an id'
  }
  const moved = Object.keys(record).find((key) => /^(0|[1-9]\d*)$/.test(key))
  return moved === undefined
    ? undefined
    : `${JSON.stringify(moved)}: JavaScript moves keys that look like integers to the front, so the order of the plan is lost; give a list, or other names`
}

/**
 * Options of a single call.
 *
 * @since 0.1.0
 */
export interface CallOptions<E> {
  /** Per attempt, from its start. Default: that of the tool, else of the fan-out (30 seconds). */
  readonly timeout?: Duration.Input
  /** Further attempts. Refused where the contract can never allow one. Default: that of the tool, else none. */
  readonly retry?: Tool.Retry<E>
  /** Default: run id, path of the call and ordinal of the commit. */
  readonly idempotencyKey?: string
}

/**
 * A call of a tool.
 *
 * **Decides** when its attempts are over: succeeds with an answer, fails otherwise. **Stops** nothing. **Timeout** ends an attempt;
 * a retry may follow if the contract allows it. **Late answers** change nothing. **Cost**: one permit while an attempt runs.
 *
 * @example
 * ```ts
 * import { Contract, Fanout, Plan, Tool } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const Shout = Tool.make("shout", {
 *   parameters: Schema.Struct({ text: Schema.String }),
 *   contract: Contract.readOnly,
 *   handler: ({ text }) => Effect.succeed(text.toUpperCase())
 * })
 * console.log(await Effect.runPromise(Fanout.run(Plan.call(Shout, { text: "hi" })))) // => HI
 * ```
 *
 * @since 0.1.0
 */
export const call = <Name extends string, I, A, E, R>(
  tool: Tool.Tool<Name, I, A, E, R>,
  ...[params, options]: {} extends I
    ? [params?: NoInfer<I>, options?: CallOptions<E>]
    : [params: NoInfer<I>, options?: CallOptions<E>]
): Plan<A, E, R, Outcome<A, E>> =>
  fromNode({
    policy: "call",
    tool: tool,
    params: params ?? {},
    encoded: false,
    inline: false,
    options: options ?? {}
  })

/**
 * Any Effect as a call: without name, schema or layer. It stands in journals as `"custom"`, and in no plan document.
 *
 * @example
 * ```ts
 * import { Contract, Fanout, Plan } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 *
 * const plan = Plan.all({
 *   sum: Plan.effect(Effect.succeed(1 + 2), Contract.readOnly),
 *   late: Plan.advisory(Plan.effect(Effect.never, Contract.readOnly), { grace: "10 millis" })
 * })
 * const { late, sum } = await Effect.runPromise(Fanout.run(plan))
 * console.log(sum, late._tag) // => 3 None
 * ```
 *
 * @since 0.1.0
 */
export const effect = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  contract: Contract,
  options?: CallOptions<E> & { readonly name?: string }
): Plan<A, E, R, Outcome<A, E>> => {
  const { name = "custom", ...rest } = options ?? {}
  const tool = Tool.make(name, { contract, handler: () => self as Effect.Effect<any, never, any> })
  return fromNode({
    policy: "call",
    tool: tool as never,
    params: {},
    encoded: false,
    inline: true,
    options: rest
  })
}

/**
 * **Decides**: succeeds when every essential child has succeeded and its advisories have settled or their grace has passed; fails as
 * soon as one essential child cannot succeed any more. An empty one succeeds. **Stops** the rest when it fails, and advisories whose
 * grace has passed. **Timeout** of a child is its failure. **Late answers** change nothing. **Cost**: every child runs.
 *
 * The value has the shape of the children: a record or a tuple, with an `Option` for an advisory.
 *
 * @since 0.1.0
 */
export const all = <const C extends Children<Any | AnyAdvisory>>(
  children: C
): Plan<Values<C>, Error<Members<C>>, Services<Members<C>>, OutcomesOf<C>> =>
  fromNode({ policy: "all", ...toChildren(children) })

/**
 * Marks a child of {@link all} as one that the rest can do without.
 *
 * **Decides**: `Some` when it succeeds, `None` when it fails or its grace has passed; it never fails. **Stops** itself when its grace
 * has passed. **Timeout**: `grace` (default 250 ms) runs from the success of the last essential sibling; with no essential sibling
 * it runs to its end. **Late answers** change nothing. **Cost**: as its child.
 *
 * @since 0.1.0
 */
export const advisory: {
  (options?: { readonly grace?: Duration.Input }): <A, E, R, O>(self: Plan<A, E, R, O>) => Advisory<A, E, R, O>
  <A, E, R, O>(self: Plan<A, E, R, O>, options?: { readonly grace?: Duration.Input }): Advisory<A, E, R, O>
} = dual(
  (args) => isPlan(args[0]),
  (self: Any, options?: { readonly grace?: Duration.Input }): AnyAdvisory =>
    Object.assign(Object.create({ [AdvisoryTypeId]: undefined }), {
      node: { policy: "advisory", node: toNode(self), ...options } satisfies Node
    })
)

/**
 * **Decides**: succeeds with the first `n` successes, fails as soon as fewer than `n` children still can. With `agree` the `n` must
 * agree. **Stops** the rest either way; what children that are not counted committed stays, unless `surplus` is `"undo"`. **Timeout** of
 * a child is its failure. **Late answers** change nothing. **Cost**: every child starts.
 *
 * The value holds the `n` that were counted: a record without the others, or a list in plan order.
 *
 * @since 0.1.0
 */
export const quorum = <const C extends Children<Any>>(
  n: number,
  children: C,
  options?: {
    /** When do two values agree? `true`: their JSON is equal. */
    readonly agree?: true | Equivalence<Value<Members<C>>>
    /**
     * What becomes of the effects of children that are not counted, once it has succeeded. Default `"keep"`. `"undo"` is refused where a
     * call inside acts and its contract has no `compensate`.
     */
    readonly surplus?: "keep" | "undo"
  }
): Plan<SomeValues<C>, Error<Members<C>>, Services<Members<C>>, OutcomesOf<C>> =>
  fromNode({ policy: "quorum", need: n, ...toChildren(children), ...(options as {}) })

/**
 * **Decides**: succeeds with the first success (which beats a failure of the same instant), fails when all have failed, or when one
 * that failed did what cannot be undone. **Stops** everything but the winner, and undoes what the others committed, also when all have
 * failed. **Timeout** of a child is its failure. **Late answers** change nothing. **Cost**: by `stagger`; children that overlap must be
 * free of effects, or have a `compensate` in their contract.
 *
 * @since 0.1.0
 */
export const firstSuccess = <const C extends Children<Any>>(
  children: C,
  options?: {
    /**
     * Absent: all start at once. A duration: each time it elapses, and each time a started child fails, one more starts.
     * `"infinity"`: the next starts when the failed one has drained and been undone.
     */
    readonly stagger?: Duration.Input | "infinity"
  }
): Plan<Value<Members<C>>, Error<Members<C>>, Services<Members<C>>, OutcomesOf<C>> =>
  fromNode({ policy: "firstSuccess", ...toChildren(children), ...options })

/**
 * **Decides**: succeeds when its child has decided, whatever that is, and yields the outcomes as they are when the fan-out closes.
 * The child's own rule still stops its rest: to let all run, wrap each. **Stops** nothing. **Late answers** change nothing.
 * **Cost**: as its child.
 *
 * @since 0.1.0
 */
export const settled = <A, E, R, O>(self: Plan<A, E, R, O>): Plan<O, never, R, O> =>
  fromNode({ policy: "settled", node: toNode(self) })

/**
 * All or nothing. **Decides** what its child decides. **Stops** nothing itself; when it has failed or was stopped, and everything in it
 * has drained, what was committed in it is undone, last first, each effect once, together within the `undo` of the run. What an inner
 * `atomic` that succeeded did is undone too, when the outer one fails. **Late answers** change nothing. **Cost**: as its child, and the
 * undo. Refused where a call inside acts and its contract has no `compensate`.
 *
 * @example
 * ```ts
 * import { Contract, Fanout, Plan } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 *
 * const booked = new Set<string>()
 * const book = (seat: string) =>
 *   Plan.effect(
 *     Effect.sync(() => booked.add(seat)),
 *     Contract.compensable({ compensate: () => Effect.sync(() => booked.delete(seat)) })
 *   )
 * const full = Plan.effect(Effect.delay(Effect.fail("sold out"), 5), Contract.readOnly)
 * await Effect.runPromise(Effect.flip(Fanout.run(Plan.atomic(Plan.all([book("1A"), book("1B"), full])))))
 * console.log(booked.size) // => 0
 * ```
 *
 * @since 0.1.0
 */
export const atomic = <A, E, R, O>(self: Plan<A, E, R, O>): Plan<A, E, R, O> =>
  fromNode({ policy: "atomic", node: toNode(self) })

/**
 * **Decides** what its child decides. **Timeout**: `duration` runs from its activation, queueing included; when it elapses, undecided
 * calls fail, what never came to life is skipped, and the nodes decide by their own rules. **Stops** those calls. **Late answers**
 * change nothing. **Cost**: as its child.
 *
 * @since 0.1.0
 */
export const deadline: {
  (duration: Duration.Input): <A, E, R, O>(self: Plan<A, E, R, O>) => Plan<A, E, R, O>
  <A, E, R, O>(self: Plan<A, E, R, O>, duration: Duration.Input): Plan<A, E, R, O>
} = dual(2, (self: Any, duration: Duration.Input): Any =>
  fromNode({ policy: "deadline", node: toNode(self), duration })
)

export type {
  /**
   * A node of a plan, in its place.
   *
   * @since 0.1.0
   */
  Place
}

/**
 * Where everything in a plan stands, in plan order; and which of these `parts` it was made of: for those who put plans of others into one
 * of their own, and look in the report for what became of each.
 *
 * @example
 * ```ts
 * import { Contract, Plan } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 *
 * const look = Plan.effect(Effect.succeed(1), Contract.readOnly)
 * const plan = Plan.all({ mine: Plan.effect(Effect.succeed(2), Contract.readOnly), yours: Plan.settled(look) })
 * const [place] = Plan.places(plan, [look]).filter(({ part }) => part === 0)
 * console.log(place?.id, place?.node) // => /yours /plan/all/1/settled
 * ```
 *
 * @since 0.1.0
 */
export const places = (plan: Any, parts: ReadonlyArray<Any> = []): ReadonlyArray<Place> =>
  outline(toNode(plan), parts.map(toNode))
