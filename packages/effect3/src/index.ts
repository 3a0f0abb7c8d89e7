/**
 * Toolscope inside of services that stand on Effect 3. Handlers are Effects of version 3, with services and typed errors; a fan-out is an Effect of version 3,
 * which drains when it is interrupted. The engine runs on an Effect 4 of its own, which comes with `@toolscope/promise`: the two never meet but
 * through promises and signals.
 *
 * What is not here is the same as without Effect: plans (`all`, `quorum` …), contracts and reports are those of the promise entry, and are exported
 * from here too.
 *
 * @since 0.1.0
 */
export * from "@toolscope/promise"
export { run, session } from "./internal/run.ts"
export { tool } from "./internal/tool.ts"
export type { HandlerContext, HandlerOptions } from "./internal/tool.ts"
