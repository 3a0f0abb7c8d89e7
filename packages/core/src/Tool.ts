/**
 * A **tool**: a name, a description, schemas of parameters, success and failure, a contract, and a handler that is an Effect.
 *
 * A definition can be kept apart from its handler ({@link make} without `handler`, then {@link Definition.toLayer}), or carry it.
 * What is written with promises becomes a tool by {@link fromPromise}.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import type { Pipeable } from "effect/Pipeable"
import { pipeArguments } from "effect/Pipeable"
import type * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type { StandardSchemaV1 } from "effect/StandardSchema"
import type { Attempt } from "./Attempt.ts"
import type { Amounts } from "./Budget.ts"
import type { CallError, NotReached } from "./CallError.ts"
import type { Contract } from "./Contract.ts"
import { guarded as guardedHandler } from "./internal/guard.ts"
import { parametersOf, parametersOfStrict, strictParameters } from "./internal/parametersSchema.ts"
import type { PromiseAsk } from "./internal/promiseAsk.ts"
import type { PromiseCommit, PromiseCommitOptions, PromiseDone } from "./internal/promiseCommit.ts"
import { promiseHandler } from "./internal/promiseHandler.ts"

const TypeId = "~@toolscope/core/Tool"

/**
 * How a tool's data is described: by an Effect schema, or by a Standard Schema (zod and others).
 *
 * @since 0.1.0
 */
export type AnySchema = Schema.ConstraintCodec<any, any> | StandardSchemaV1<any, any>

/**
 * What a planner passes for a schema.
 *
 * @since 0.1.0
 */
export type Input<S> =
  S extends Schema.ConstraintCodec<infer T, any> ? T : S extends StandardSchemaV1<infer I, any> ? I : never

/**
 * What a handler gets, or gives, for a schema.
 *
 * @since 0.1.0
 */
export type Value<S> =
  S extends Schema.ConstraintCodec<infer T, any> ? T : S extends StandardSchemaV1<any, infer O> ? O : never

/**
 * Further attempts: how many (after 100 ms, 200 ms, 400 ms, at most 10 s), or when, by an Effect schedule whose input is the error.
 *
 * @since 0.1.0
 */
export type Retry<E> = number | Schedule.Schedule<unknown, E | CallError>

/**
 * The identifier of the service that handles the tool of this name.
 *
 * @since 0.1.0
 */
export interface Handler<in out Name extends string> {
  readonly _: (_: Name) => Name
}

/**
 * @since 0.1.0
 */
export interface Tool<out Name extends string, in I, out A, out E, out R> extends Pipeable {
  readonly [TypeId]: { readonly _I: (_: I) => void; readonly _A: () => A; readonly _E: () => E; readonly _R: () => R }
  readonly name: Name
  readonly description: string
  readonly contract: Contract
  readonly parameters: AnySchema
  readonly success: AnySchema
  readonly failure: Schema.ConstraintCodec<E, any>
  /** Per attempt, from its start. Default: that of the fan-out, 30 seconds. */
  readonly timeout: Duration.Input | undefined
  readonly retry: Retry<never> | undefined
  readonly cost: Amounts | ((params: never) => Amounts) | undefined
  readonly approval: Approval<never> | undefined
  /** Does the handler answer with the value, or with what the success schema decodes? */
  readonly answers: "value" | "encoded"
  /** A promise is never interrupted: it is signalled and awaited. */
  readonly drives: "effect" | "promise"
  readonly handler: Effect.Effect<(params: never) => Effect.Effect<A, E, R>, never, R>
}

/**
 * @since 0.1.0
 */
export interface Any extends Tool<string, never, unknown, unknown, unknown> {}

/**
 * A tool without its handler: plans that call it require {@link Handler}.
 *
 * @since 0.1.0
 */
export interface Definition<Name extends string, I, V, A, E> extends Tool<Name, I, A, E, Handler<Name>> {
  /** Provides the handler. */
  readonly toLayer: <R>(handler: (params: V) => Effect.Effect<A, E, R>) => Layer.Layer<Handler<Name>, never, R>
}

/**
 * Does a person have to agree before a call starts?
 *
 * - `"always"`, `"never"`
 * - `"byContract"`: where the call changes the world, and its contract has no `compensate`
 * - a predicate of the parameters and the contract, which must not act. One that throws asks
 *
 * @since 0.1.0
 */
export type Approval<P> = "always" | "never" | "byContract" | ((params: P, contract: Contract) => boolean)

/**
 * A ceiling for one attempt, or one by its parameters.
 *
 * @since 0.1.0
 */
export type Cost<P extends AnySchema> = Amounts | ((params: Value<P>) => Amounts)

/**
 * @since 0.1.0
 */
export interface Options<P extends AnySchema, S extends AnySchema, F extends Schema.ConstraintCodec<any, any>> {
  /** What the tool does, in a sentence that a planner can choose by. */
  readonly description?: string
  /** Default: no parameters. */
  readonly parameters?: P
  /** Default: any value, unchecked. */
  readonly success?: S
  /** The errors of the handler. Default: none. */
  readonly failure?: F
  /** What the tool does to the world, what its failure means, and how it stops. */
  readonly contract: Contract
  readonly timeout?: Duration.Input
  readonly retry?: Retry<F["Type"]>
  /**
   * The most that one attempt may cost, in named units: what it reserves of a budget before it starts. What it did cost it says itself
   * (`Attempt.spend`); otherwise this is charged. Default: nothing.
   */
  readonly cost?: Cost<P>
  /** Does a person have to agree before a call starts? Asked once per call, not per attempt. Default `"never"`. */
  readonly approval?: Approval<Value<P>>
}

const Nothing = Schema.Struct({})

const Proto = {
  [TypeId]: { _I: undefined, _A: undefined, _E: undefined, _R: undefined },
  pipe() {
    // eslint-disable-next-line prefer-rest-params -- Effect reads them as they come
    return pipeArguments(this, arguments)
  }
}

interface Core {
  readonly handler: Any["handler"]
  readonly answers: Any["answers"]
  readonly drives: Any["drives"]
}

const build = (name: string, options: Options<any, any, any>, core: Core): object =>
  Object.assign(Object.create(Proto), {
    name,
    description: options.description ?? "",
    contract: options.contract,
    parameters: options.parameters ?? Nothing,
    success: options.success ?? Schema.Unknown,
    failure: options.failure ?? Schema.Never,
    timeout: options.timeout,
    retry: options.retry,
    cost: options.cost,
    approval: options.approval,
    ...core
  })

/**
 * A tool. With `handler` it is complete; without, its handler comes from the layer that `toLayer` makes.
 *
 * @example
 * ```ts
 * import { Contract, Fanout, Plan, Tool } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const Double = Tool.make("double", {
 *   parameters: Schema.Struct({ n: Schema.Number }),
 *   success: Schema.Number,
 *   contract: Contract.readOnly
 * })
 * const Handlers = Double.toLayer(({ n }) => Effect.succeed(2 * n))
 *
 * const plan = Plan.call(Double, { n: 21 })
 * console.log(await Effect.runPromise(Fanout.run(plan).pipe(Effect.provide(Handlers)))) // => 42
 * ```
 *
 * @since 0.1.0
 */
export const make: {
  <
    const Name extends string,
    R,
    P extends AnySchema = typeof Nothing,
    A = unknown,
    F extends Schema.ConstraintCodec<any, any> = typeof Schema.Never
  >(
    name: Name,
    options: Options<P, Schema.ConstraintCodec<A, any>, F> & {
      readonly handler: (params: Value<P>) => Effect.Effect<A, F["Type"], R>
    }
  ): Tool<Name, Input<P>, A, F["Type"], R>
  <
    const Name extends string,
    P extends AnySchema = typeof Nothing,
    S extends AnySchema = typeof Schema.Unknown,
    F extends Schema.ConstraintCodec<any, any> = typeof Schema.Never
  >(
    name: Name,
    options: Options<P, S, F>
  ): Definition<Name, Input<P>, Value<P>, Value<S>, F["Type"]>
} = (
  name: string,
  options: Options<any, any, any> & { readonly handler?: (params: any) => Effect.Effect<any, any, any> }
): any => {
  if (options.handler !== undefined) {
    return build(name, options, { handler: Effect.succeed(options.handler), answers: "value", drives: "effect" })
  }
  const key = Context.Service<Handler<string>, (params: never) => Effect.Effect<unknown, unknown>>(
    `@toolscope/core/Tool/${name}`
  )
  return Object.assign(build(name, options, { handler: key as any, answers: "value", drives: "effect" }), {
    toLayer: (handler: (params: never) => Effect.Effect<any, any, any>) =>
      Layer.effect(
        key,
        Effect.map(
          Effect.context<any>(),
          (context) => (params: never) =>
            Effect.updateContext(handler(params), (own: Context.Context<never>) => Context.merge(context, own))
        )
      )
  })
}

/**
 * What a promise tool gets beside its parameters.
 *
 * @since 0.1.0
 */
export interface PromiseContext extends Omit<Attempt, "stopping" | "onStop" | "reached" | "timedOut"> {
  /** Aborted when the attempt is to stop. The promise is then awaited, to the bound. Its `reason` is the reason of the stop. */
  readonly signal: AbortSignal
  /**
   * The gate, for a contract with `commit: "marked"`: see `Commit.run`. Once a stop has been requested it rejects with the reason of the
   * stop, and the effect does not start.
   */
  readonly commit: PromiseCommit
  /**
   * Asks a person: see `Question.ask`. Rejects with the reason of the stop where one comes first, and with a `CallError` (`Denied`) where
   * nobody answers: let through, it makes the call `Denied`.
   */
  readonly ask: PromiseAsk["ask"]
  /** As `ask`, for handlers that know what to do without an answer. */
  readonly askResult: PromiseAsk["askResult"]
}

export type {
  /**
   * The gate, as promise tools see it.
   *
   * @since 0.1.0
   */
  PromiseCommit,
  /**
   * @since 0.1.0
   */
  PromiseCommitOptions,
  /**
   * What an undo and a probe are told.
   *
   * @since 0.1.0
   */
  PromiseDone
}

/**
 * A tool from a function that returns a promise. What it resolves with is decoded by `success`.
 *
 * A stop aborts the signal and waits for the promise; only the bound (`drain`) ends that wait. A promise that ignores its signal
 * is then left behind, and says so.
 *
 * Without `catch`, a rejection fails the call with `CallError` (`Rejected`). With it, the rejection becomes a typed error.
 *
 * @example
 * ```ts
 * import { Contract, Fanout, Plan, Tool } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const Greet = Tool.fromPromise("greet", {
 *   parameters: Schema.Struct({ name: Schema.String }),
 *   success: Schema.String,
 *   contract: Contract.readOnly,
 *   execute: async ({ name }, { attempt }) => `Hello, ${name} (${attempt})`
 * })
 * console.log(await Effect.runPromise(Fanout.run(Plan.call(Greet, { name: "Ada" })))) // => Hello, Ada (1)
 * ```
 *
 * @since 0.1.0
 */
export const fromPromise = <
  const Name extends string,
  P extends AnySchema = typeof Nothing,
  S extends AnySchema = typeof Schema.Unknown,
  F extends Schema.ConstraintCodec<any, any> = typeof Schema.Never
>(
  name: Name,
  options: Options<P, S, F> & {
    readonly execute: (params: Value<P>, context: PromiseContext) => PromiseLike<unknown>
    readonly catch?: (rejection: unknown) => F["Type"]
  }
): Tool<Name, Input<P>, Value<S>, F["Type"], never> =>
  build(name, options as Options<any, any, any>, {
    handler: Effect.succeed(promiseHandler(options.execute as never, options.catch)),
    answers: "encoded",
    drives: "promise"
  }) as never

/**
 * What stands in front of a tool: runs `reach`, once, when the tool may be reached, or fails with `NotReached`.
 *
 * @since 0.1.0
 */
export type Guard = <A, E, R>(reach: Effect.Effect<A, E, R>, params: unknown) => Effect.Effect<A, E | NotReached, R>

/**
 * The same tool, with something in front of it that decides, in each attempt, when and whether it is reached: a queue, a quota, a switch.
 *
 * An attempt that ends before `guard` has run `reach` has done nothing, whatever the contract says: it failed (`CallError`, `NotReached`), or
 * timed out, or was stopped and is `Cancelled`; it is never `Unknown`, and costs nothing but its try. A stop ends the wait of every tool,
 * also of promise tools and under `interruption: "never"`, and none is reached after its stop. The wait counts against the `timeout`.
 *
 * @example
 * ```ts
 * import { CallError, Contract, Fanout, Plan, Tool } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 *
 * const Pay = Tool.make("pay", { contract: Contract.irreversible, handler: () => Effect.succeed("paid") })
 * let isOpen = false
 * const Guarded = Tool.guarded(Pay, (reach) =>
 *   isOpen ? reach : Effect.fail(new CallError.NotReached({ why: "the shop is closed" }))
 * )
 * const outcome = await Effect.runPromise(Fanout.run(Plan.settled(Plan.call(Guarded))))
 * console.log(outcome._tag, "error" in outcome && `${outcome.error}`)
 * // => Failed CallError: not reached, nothing happened: the shop is closed
 * ```
 *
 * @since 0.1.0
 */
export const guarded: {
  <T extends Any>(self: T, guard: Guard): T
  (guard: Guard): <T extends Any>(self: T) => T
} = dual(
  2,
  (self: Any, guard: Guard): Any =>
    Object.assign(Object.create(Object.getPrototypeOf(self) as object), self, {
      handler: Effect.map(self.handler, (handle) => guardedHandler(handle, guard as never))
    }) as Any
)

/**
 * @since 0.1.0
 */
export const isTool = (u: unknown): u is Any => typeof u === "object" && u !== null && TypeId in u

/**
 * JSON Schema of the parameters, where the schema can say it. With `strict` in the dialect of strict schema modes (see
 * `PlanDocument.jsonSchemaOf`), where it has a place there.
 *
 * @since 0.1.0
 */
export const parametersJsonSchema = (
  tool: Any,
  options: {
    /** Default `false`. */
    readonly strict?: boolean
  } = {}
): object | undefined => (options.strict === true ? strictParameters(tool) : parametersOf(tool))

/**
 * The encoded parameters that some of the strict JSON Schema stand for: without the nulls that stand for what is absent.
 *
 * @since 0.1.0
 */
export const parametersFromStrict = (tool: Any, params: unknown): unknown => parametersOfStrict(tool, params)
