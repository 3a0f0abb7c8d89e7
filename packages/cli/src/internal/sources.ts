/**
 * Where tools come from: modules and MCP servers. What can be known without starting anything is looked at first; servers and layers
 * are opened only when all of that is in order. All faults of a step come at once.
 */
import type * as Mcp from "@toolscope/mcp"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { readFile } from "node:fs/promises"
import { describe, type Fault, fault, Refusal } from "./refusal.ts"
import { build, type Found, load, type ToolModule } from "./toolModules.ts"

export interface Loaded {
  readonly modules: ReadonlyArray<ToolModule>
  readonly config: Mcp.Config.Config | undefined
}

/** What a step gave, and what is wrong with it. */
export interface Step<A> {
  readonly value: A
  readonly faults: ReadonlyArray<Fault>
}

/** Loads modules and the configuration. No server is started, no layer built. */
export const loadAll = async (flags: {
  readonly tools: ReadonlyArray<string>
  readonly mcp: string | undefined
}): Promise<Step<Loaded>> => {
  const [loaded, config] = await Promise.all([
    Promise.all(flags.tools.map(load)),
    flags.mcp === undefined ? Result.succeed(undefined) : readConfig(flags.mcp)
  ])
  const results: ReadonlyArray<Result.Result<unknown, Fault>> = [...loaded, config]
  return {
    value: {
      modules: loaded.flatMap((module) => (Result.isSuccess(module) ? [module.success] : [])),
      config: Result.isSuccess(config) ? config.success : undefined
    },
    faults: results.flatMap((result) => (Result.isFailure(result) ? [result.failure] : []))
  }
}

const readConfig = async (path: string): Promise<Result.Result<Mcp.Config.Config, Fault>> => {
  let text: string
  try {
    text = await readFile(path, "utf8")
  } catch (error) {
    return Result.fail(fault(`MCP configuration ${path}: it cannot be read: ${describe(error)}`, "BadFile"))
  }
  // only who asks for servers pays for loading what talks to them
  const { Config } = await import("@toolscope/mcp")
  const config = await Effect.runPromise(Effect.result(Config.parse(text)))
  return Result.mapError(config, (error) => fault(`MCP configuration ${path}: ${error.message}`, "BadServer"))
}

/** Opens everything; the tools live as long as the scope. */
export const openAll = ({ config, modules }: Loaded): Effect.Effect<ReadonlyArray<Found>, Refusal, Scope.Scope> => {
  const servers =
    config === undefined
      ? []
      : [
          Effect.flatMap(
            Effect.promise(() => import("@toolscope/mcp")),
            ({ McpTools }) =>
              McpTools.connect(config).pipe(
                Effect.map((tools): ReadonlyArray<Found> => tools.map((tool) => ({ tool, source: "MCP server" }))),
                Effect.mapError((error): ReadonlyArray<Fault> =>
                  error.message.split(/\n(?=MCP server )/).map((m) => fault(m, "BadServer"))
                )
              )
          )
        ]
  const opened = Effect.forEach([...modules.map(build), ...servers], Effect.result, { concurrency: "unbounded" })
  return Effect.flatMap(opened, (results) => {
    const faults = results.flatMap((result) => (Result.isFailure(result) ? result.failure : []))
    const found = results.flatMap((result) => (Result.isSuccess(result) ? result.success : []))
    const all = [...faults, ...duplicates(found)]
    return all.length > 0 ? Effect.fail(new Refusal({ faults: all })) : Effect.succeed(found)
  })
}

const duplicates = (found: ReadonlyArray<Found>): ReadonlyArray<Fault> => {
  const sources = new Map<string, Array<string>>()
  for (const { source, tool } of found) {
    const known = sources.get(tool.name)
    if (known === undefined) sources.set(tool.name, [source])
    else known.push(source)
  }
  return [...sources]
    .filter(([, from]) => from.length > 1)
    .map(([name, from]) =>
      fault(`${from.length} tools are named ${JSON.stringify(name)}: in ${from.join(" and ")}`, "DuplicateTool")
    )
}
