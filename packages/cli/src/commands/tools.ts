/**
 * `toolscope tools`: every tool with its contract, who asserted it, what its server hints, and what follows from it; with `--write`, the
 * configuration of the servers with every contract spelled out.
 */
import { Contract, Report, Tool } from "@toolscope/core"
import type { McpTools } from "@toolscope/mcp"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { existsSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import type { ToolsFlags } from "../internal/arguments.ts"
import { exitCodes } from "../internal/exitCodes.ts"
import type { Output } from "../internal/output.ts"
import { hintsText, propose } from "../internal/proposal.ts"
import { describe, type Fault, fault, Refusal } from "../internal/refusal.ts"
import { newRunId } from "../internal/runId.ts"
import { loadAll, openAll } from "../internal/sources.ts"
import { oneLine, type Paint, paintFor, printable } from "../internal/text.ts"
import type { Found } from "../internal/toolModules.ts"
import { refusalLines } from "../internal/launch.ts"

export const tools = async (flags: ToolsFlags, output: Output): Promise<number> => {
  const listing = Effect.gen(function* () {
    const { faults, value } = yield* Effect.promise(() => loadAll(flags))
    const all = [...faults, ...writeFaults(flags)]
    if (all.length > 0) return yield* new Refusal({ faults: all })
    // what is not a tool of a server has no hints
    const entryOf = value.config === undefined ? () => undefined : (yield* Effect.promise(mcp)).McpTools.entryOf
    const found = (yield* openAll(value)).map((one): Listed => {
      const entry = entryOf(one.tool)
      const { review } = value.config?.mcpServers[entry?.server ?? ""]?.toolscope ?? {}
      return { ...one, entry, review: entry === undefined ? undefined : review?.[entry.name] }
    })
    return flags.write === undefined ? found : yield* write(flags, flags.write, found, output)
  })
  const exit = await Effect.runPromiseExit(Effect.scoped(listing))
  if (Exit.isSuccess(exit)) {
    if (flags.write === undefined) {
      await output.write(
        flags.json
          ? `${JSON.stringify({ toolscope: 1, tools: exit.value.map(toJson) })}\n`
          : toText(exit.value, paintFor(process.stdout))
      )
    }
    return exitCodes.succeeded
  }
  const error = Cause.squash(exit.cause)
  if (!(error instanceof Refusal)) throw error
  if (flags.json) await output.write(`${JSON.stringify(Report.refused(newRunId(), error.faults))}\n`)
  else for (const line of refusalLines(error.faults)) output.error(line)
  return exitCodes.refused
}

/** Only who asks for servers pays for loading what talks to them. */
const mcp = () => import("@toolscope/mcp")

/** A tool, and what its server says of it. */
interface Listed extends Found {
  readonly entry: McpTools.Entry | undefined
  /** What the configuration says is to be looked at. */
  readonly review: string | undefined
}

const writeFaults = ({ force, mcp, write }: ToolsFlags): ReadonlyArray<Fault> => {
  if (write === undefined) {
    return force ? [fault("--force says that --write may replace a file: give --write FILE", "BadUsage")] : []
  }
  if (mcp === undefined) return [fault("--write proposes the configuration of --mcp CONFIG: give that", "BadUsage")]
  return write !== "-" && !force && existsSync(write)
    ? [fault(`${write} is there already: give another file, or --force to replace it`, "BadFile")]
    : []
}

/** Where the file is replaced it is so at once: no half of it is ever there. */
const write = (
  { force, mcp: config }: ToolsFlags,
  target: string,
  found: ReadonlyArray<Listed>,
  output: Output
): Effect.Effect<ReadonlyArray<Listed>, Refusal> =>
  Effect.gen(function* () {
    const text = readFileSync(config!, "utf8").replace(/^\ufeff/, "")
    const { part, toReview, tools, whole } = propose(
      JSON.parse(text) as Record<string, unknown>,
      found.flatMap(({ entry }) => entry ?? [])
    )
    const toDo = toReview === 0 ? "" : `; to be looked at, under "review": ${toReview}`
    if (target === "-") {
      // the whole may hold secrets
      yield* Effect.promise(() => output.write(`${JSON.stringify(part, null, 2)}\n`))
      output.error(`toolscope: contracts of ${tools} tools${toDo}`)
      return found
    }
    const indent = /^\{\r?\n([ \t]+)"/.exec(text)?.[1] ?? 2
    try {
      replace(target, `${JSON.stringify(whole, null, indent)}\n`, statSync(config!).mode & 0o777, force)
    } catch (error) {
      return yield* new Refusal({ faults: [fault(`${target} cannot be written: ${describe(error)}`, "BadFile")] })
    }
    output.error(`toolscope: wrote ${oneLine(target)}: contracts of ${tools} tools${toDo}`)
    return found
  })

const replace = (target: string, text: string, mode: number, force: boolean): void => {
  if (!force || !existsSync(target)) {
    writeFileSync(target, text, { mode, flag: "wx" })
    return
  }
  const file = realpathSync(target)
  const beside = `${file}.${process.pid}.tmp`
  try {
    writeFileSync(beside, text, { mode: statSync(file).mode & 0o777, flag: "wx" })
    renameSync(beside, file)
  } catch (error) {
    rmSync(beside, { force: true })
    throw error
  }
}

/** What follows from a contract. */
const consequences = ({ source, tool }: Found) => ({
  retry: Contract.canRetry(tool.contract),
  overlap: Contract.canOverlap(tool.contract),
  stop: stopMeans(tool, source)
})

const stopMeans = ({ contract, drives }: Tool.Any, source: string): string => {
  const how = source === "MCP server" ? howServers(contract) : howOthers(contract, drives)
  if (contract.effect === "none") return `${how}; it has no effect that could be left unknown`
  return contract.commit === "marked"
    ? `${how}; before its gate nothing has happened, and what has passed it is reported`
    : `${how}; without an answer its outcome is Unknown`
}

const howServers = (contract: Contract.Contract): string => {
  const interruption = contract.effect === "none" ? "anywhere" : contract.interruption
  if (interruption === "never") return "its server is not told, and its answer is awaited"
  return interruption === "anywhere"
    ? "its server is told, and has to show that it has heard"
    : "its server is told, and its answer is awaited"
}

const howOthers = (contract: Contract.Contract, drives: Tool.Any["drives"]): string => {
  if (drives === "promise") return "its signal is aborted and it is awaited"
  if (contract.effect === "none") return "it is interrupted wherever it is"
  if (contract.interruption === "never") return "it is told and awaited, never interrupted"
  return contract.commit === "marked" && contract.interruption === "beforeCommit"
    ? "it is interrupted until it has passed its gate, and awaited from then on"
    : "it is interrupted wherever it is"
}

const retryMeans = (contract: Contract.Contract, allowed: boolean): string => {
  if (!allowed) return "refused"
  return contract.effect !== "none" && contract.repeat === "never" ? "allowed where nothing has happened" : "allowed"
}

const toJson = ({ entry, review, source, tool }: Listed): object => ({
  name: tool.name,
  description: tool.description,
  source,
  contract: Contract.toData(tool.contract),
  ...(entry === undefined ? {} : { server: entry.server, hints: entry.hints }),
  ...(review === undefined ? {} : { review }),
  ...consequences({ source, tool }),
  parameters: Tool.parametersJsonSchema(tool) ?? null
})

const toText = (found: ReadonlyArray<Listed>, paint: Paint): string => {
  if (found.length === 0) return "no tools: name some with --tools MODULE or --mcp CONFIG\n"
  return found
    .map((each) => {
      const { tool } = each
      const { asserted, effect, ...rest } = Contract.toData(tool.contract)
      const { overlap, retry, stop } = consequences(each)
      const hints = each.entry === undefined ? undefined : hintsText(each.entry.hints)
      const fields = Object.entries({ effect, ...rest }).map(
        ([key, value]) => `${key}: ${typeof value === "object" ? JSON.stringify(value) : String(value)}`
      )
      const lines = [
        paint("bold", oneLine(tool.name)),
        `  contract  ${oneLine(fields.join(", "))}`,
        `  asserted  by ${who[asserted]}`,
        ...(hints === undefined ? [] : [`  hints     ${hints}`]),
        ...(each.review === undefined ? [] : [`  review    ${oneLine(each.review)}`]),
        `  retry     ${retryMeans(tool.contract, retry)}`,
        `  overlap   ${overlap ? "allowed" : "refused"}`,
        `  a stop    ${stop}`,
        ...(tool.description === ""
          ? []
          : [
              `  ${printable(tool.description)
                .trim()
                .replace(/\s*\n\s*/g, "\n  ")}`
            ])
      ]
      return `${lines.join("\n")}\n`
    })
    .join("\n")
}

const who: { readonly [A in Contract.Contract["asserted"]]: string } = {
  operator: "the operator",
  hint: "nobody: the server only hints, so it is taken with all care",
  default: "nobody, so it is taken with all care"
}
