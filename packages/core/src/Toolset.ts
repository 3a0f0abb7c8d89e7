/**
 * A list of tools as a service: what a module hands to the command when its tools need to be built, opened and closed.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Tool from "./Tool.ts"

/**
 * @since 0.1.0
 */
export class Toolset extends Context.Service<Toolset, ReadonlyArray<Tool.Any>>()("@toolscope/core/Toolset") {}

/**
 * A layer of tools that an Effect makes; its scope stays open as long as the tools are used.
 *
 * @since 0.1.0
 */
export const layer = <E, R>(
  tools: Effect.Effect<ReadonlyArray<Tool.Any>, E, R>
): Layer.Layer<Toolset, E, Exclude<R, import("effect/Scope").Scope>> => Layer.effect(Toolset, tools)
