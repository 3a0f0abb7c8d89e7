/**
 * Toolkits of `effect/ai` and tools of Toolscope, each as the other. Handlers stay as they are.
 *
 * | there | here |
 * | --- | --- |
 * | the annotation {@link Contract} | the contract |
 * | else `Readonly`, `Destructive`, `Idempotent`, `OpenWorld` | a contract that is asserted by a `hint` |
 * | nothing of that | `Contract.unknown` |
 * | `needsApproval` | the approval rule; one that has to wait, or looks at what is not there, asks |
 * | `failureMode` | either: a failure is the typed error of the call |
 * | `success` | is checked: a result that is none fails its call, and no other |
 *
 * @since 0.1.0
 */
import { Fanout, Plan, PlanDocument, type Contract as CoreContract, type Tool } from "@toolscope/core"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Ai from "./internal/ai.ts"

/**
 * The annotation of a tool of `effect/ai` that is its contract: `tool.annotate(AiTools.Contract, Contract.readOnly)`.
 *
 * @since 0.1.0
 */
export const Contract: Context.Reference<CoreContract.Contract | undefined> = Ai.ContractOf

/**
 * The tools of a toolkit that have handlers, by name. (Those that only a provider runs are none of ours.)
 *
 * @since 0.1.0
 */
export type FromToolkit<All extends Ai.AiTools> = {
  readonly [Name in keyof All & string]: Tool.Tool<
    Name,
    Ai.AiTool.Parameters<All[Name]>,
    Ai.AiTool.Success<All[Name]>,
    Ai.AiTool.Failure<All[Name]> | Ai.AiError.AiError,
    Ai.AiTool.HandlerServices<All[Name]>
  >
}

/**
 * A toolkit's tools, to stand in plans: by name.
 *
 * @example
 * ```ts
 * import { AiTools } from "@toolscope/agent"
 * import { Contract, Fanout, Plan } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import { Tool, Toolkit } from "effect/ai"
 *
 * const Add = Tool.make("add", {
 *   parameters: Schema.Struct({ a: Schema.Number, b: Schema.Number }),
 *   success: Schema.Number
 * }).annotate(AiTools.Contract, Contract.readOnly)
 * const kit = Toolkit.make(Add)
 * const program = Effect.gen(function* () {
 *   const { add } = yield* AiTools.fromToolkit(kit)
 *   return yield* Fanout.run(Plan.all([Plan.call(add, { a: 1, b: 2 }), Plan.call(add, { a: 3, b: 4 })]))
 * })
 * const handlers = kit.toLayer({ add: ({ a, b }) => Effect.succeed(a + b) })
 * console.log(await Effect.runPromise(Effect.provide(program, handlers))) // => [ 3, 7 ]
 * ```
 *
 * @since 0.1.0
 */
export const fromToolkit: {
  <All extends Ai.AiTools>(
    toolkit: Ai.Toolkit.Toolkit<All>
  ): Effect.Effect<FromToolkit<All>, never, Ai.AiTool.HandlersFor<All>>
  <All extends Ai.AiTools>(toolkit: Ai.Toolkit.WithHandler<All>): Effect.Effect<FromToolkit<All>>
} = (toolkit: Ai.AnyToolkit<any>): Effect.Effect<any> =>
  Effect.map(Ai.fromToolkit(toolkit), ({ tools }) =>
    Object.fromEntries(tools.map((tool) => [tool.name, tool]))
  ) as never

/**
 * A toolkit of tools, and the layer of its handlers: for what takes toolkits (`LanguageModel`, `Chat`, `McpServer`). Each call runs as a
 * fan-out of its own, so its contract, timeout and retries hold. Typed errors come through; what else becomes of a call is an `AiError`
 * that says it. Who runs the toolkit asks for approvals.
 *
 * @since 0.1.0
 */
export const toToolkit = <T extends Tool.Any>(
  tools: ReadonlyArray<T>
): {
  readonly toolkit: Ai.Toolkit.Toolkit<{ readonly [Name in T["name"]]: Ai.AiTool.Any }>
  readonly layer: Layer.Layer<
    Ai.AiTool.Handler<T["name"]>,
    never,
    T extends Tool.Tool<any, any, any, any, infer R> ? R : never
  >
} => {
  const toolkit = Ai.Toolkit.make(...tools.map(Ai.toAiTool))
  const handlers = tools.map((tool) => {
    const asked = Object.assign(Object.create(Object.getPrototypeOf(tool) as object), tool, {
      approval: undefined
    }) as Tool.Any
    return [tool.name, (params: unknown) => runOne(asked, params)] as const
  })
  return {
    toolkit,
    layer: toolkit.toLayer(Effect.map(Effect.context(), () => Object.fromEntries(handlers) as never))
  } as never
}

const runOne = (tool: Tool.Any, params: unknown): Effect.Effect<unknown, unknown, any> => {
  const plan = Schema.isSchema(tool.parameters)
    ? Effect.succeed(Plan.call(tool as Tool.Tool<string, unknown, unknown, unknown, unknown>, params))
    : Effect.map(PlanDocument.decode({ toolscope: 1, plan: { call: tool.name, params } }, [tool]), ({ plan }) => plan)
  return Effect.catch(
    Effect.flatMap(plan as Effect.Effect<Plan.Any>, (plan) => Fanout.run(plan)),
    (error): Effect.Effect<never, unknown> => {
      const own = "reason" in error && "calls" in error.reason ? error.reason.calls[0]?.error : undefined
      if (own !== undefined && !Ai.isOurs(own)) return Effect.fail(own)
      return Effect.fail(Ai.unusable(own instanceof Error ? own.message : (error as Error).message))
    }
  )
}
