/**
 * Tools from ES modules: the default export is an array of tools, or a layer that provides `Toolset.Toolset`.
 *
 * Each module's layer is built on its own, and its tools run with its services: two modules do not see each other's.
 */
import { Tool, Toolset } from "@toolscope/core"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import { existsSync } from "node:fs"
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { describe, type Fault, fault } from "./refusal.ts"

export interface ToolModule {
  readonly path: string
  readonly tools: ReadonlyArray<Tool.Any> | Layer.Layer<Toolset.Toolset, unknown>
}

/** A tool, and where it comes from. */
export interface Found {
  readonly tool: Tool.Any
  readonly source: string
}

const expected = "expected a default export that is an array of tools, or a Layer that provides Toolset.Toolset"

/** Loads the module. Its own code runs, its layer is not built yet. */
export const load = async (path: string): Promise<Result.Result<ToolModule, Fault>> => {
  const file = resolve(path)
  const wrong = (reason: string) => Result.fail(fault(`tools module ${path}: ${reason}`, "BadModule"))
  if (!existsSync(file)) return wrong("there is no such file")
  let loaded: { readonly default?: unknown }
  try {
    loaded = (await import(pathToFileURL(file).href)) as never
  } catch (error) {
    return wrong(`it cannot be loaded: ${describe(error)}`)
  }
  const tools = loaded.default
  if (tools === undefined) return wrong(`it has no default export; ${expected}`)
  if (Layer.isLayer(tools)) return Result.succeed({ path, tools: tools as never })
  if (!Array.isArray(tools)) return wrong(`${expected}, got ${kindOf(tools)}`)
  const stranger = tools.findIndex((tool) => !Tool.isTool(tool))
  return stranger === -1
    ? Result.succeed({ path, tools: tools as ReadonlyArray<Tool.Any> })
    : wrong(`element ${stranger} of its array is no tool, but ${kindOf(tools[stranger])}`)
}

const kindOf = (u: unknown): string =>
  u === null ? "null" : Array.isArray(u) ? "an array" : typeof u === "object" ? "an object" : `a ${typeof u}`

/** The tools of a module, ready to run. Its layer lives as long as the scope. */
export const build = ({
  path,
  tools
}: ToolModule): Effect.Effect<ReadonlyArray<Found>, ReadonlyArray<Fault>, Scope.Scope> => {
  if (!Layer.isLayer(tools)) return ready(path, tools as ReadonlyArray<Tool.Any>, Context.empty())
  return Effect.flatMap(Effect.scope, (scope) =>
    Layer.buildWithScope(tools as Layer.Layer<Toolset.Toolset, unknown>, scope)
  ).pipe(
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.interrupt
        : Effect.fail([
            fault(`tools module ${path}: its layer cannot be built: ${describe(Cause.squash(cause))}`, "BadModule")
          ])
    ),
    Effect.flatMap((context) => {
      const found = Context.getOption(context, Toolset.Toolset)
      if (Option.isNone(found))
        return Effect.fail([fault(`tools module ${path}: its layer does not provide Toolset.Toolset`, "BadModule")])
      const stranger = found.value.findIndex((tool) => !Tool.isTool(tool))
      return stranger === -1
        ? ready(path, found.value, context)
        : Effect.fail([
            fault(
              `tools module ${path}: element ${stranger} of its Toolset is no tool, but ${kindOf(found.value[stranger])}`,
              "BadModule"
            )
          ])
    })
  )
}

/** A definition whose handler nobody provides would die only when it is called. */
const ready = (
  path: string,
  tools: ReadonlyArray<Tool.Any>,
  context: Context.Context<never>
): Effect.Effect<ReadonlyArray<Found>, ReadonlyArray<Fault>> => {
  const faults = tools
    .filter(({ handler }) => Context.isKey(handler) && Option.isNone(Context.getOption(context, handler as never)))
    .map(({ name }) =>
      fault(
        `tools module ${path}: nobody handles the tool ${JSON.stringify(name)}; export a layer that provides its handler too`,
        "BadModule"
      )
    )
  if (faults.length > 0) return Effect.fail(faults)
  return Effect.succeed(tools.map((tool) => ({ tool: within(context, tool), source: path })))
}

/** The tool with the services of its module; those of the run win. */
const within = (context: Context.Context<never>, tool: Tool.Any): Tool.Any => {
  if (context.mapUnsafe.size === 0) return tool
  const provide = <A, E>(effect: Effect.Effect<A, E, unknown>): Effect.Effect<A, E> =>
    Effect.updateContext(effect as Effect.Effect<A, E>, (own: Context.Context<never>) => Context.merge(context, own))
  const handler = Effect.map(provide(tool.handler), (handle) => (params: never) => provide(handle(params)))
  return Object.assign(Object.create(Object.getPrototypeOf(tool) as object) as Tool.Any, tool, { handler })
}
