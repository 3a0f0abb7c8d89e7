/**
 * `toolscope tools`: every tool with its contract, who asserted it, and what follows from it.
 */
import { Contract, Report, Tool } from "@toolscope/core"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { ToolsFlags } from "../internal/arguments.ts"
import { exitCodes } from "../internal/exitCodes.ts"
import type { Output } from "../internal/output.ts"
import { Refusal } from "../internal/refusal.ts"
import { newRunId } from "../internal/runId.ts"
import { loadAll, openAll } from "../internal/sources.ts"
import { oneLine, type Paint, paintFor, printable } from "../internal/text.ts"
import type { Found } from "../internal/toolModules.ts"
import { refusalLines } from "../internal/launch.ts"

export const tools = async (flags: ToolsFlags, output: Output): Promise<number> => {
  const listing = Effect.gen(function* () {
    const { faults, value } = yield* Effect.promise(() => loadAll(flags))
    if (faults.length > 0) return yield* new Refusal({ faults })
    return yield* openAll(value)
  })
  const exit = await Effect.runPromiseExit(Effect.scoped(listing))
  if (Exit.isSuccess(exit)) {
    await output.write(
      flags.json
        ? `${JSON.stringify({ toolscope: 1, tools: exit.value.map(toJson) })}\n`
        : toText(exit.value, paintFor(process.stdout))
    )
    return exitCodes.succeeded
  }
  const error = Cause.squash(exit.cause)
  if (!(error instanceof Refusal)) throw error
  if (flags.json) await output.write(`${JSON.stringify(Report.refused(newRunId(), error.faults))}\n`)
  else for (const line of refusalLines(error.faults)) output.error(line)
  return exitCodes.refused
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

const toJson = ({ source, tool }: Found): object => ({
  name: tool.name,
  description: tool.description,
  source,
  contract: Contract.toData(tool.contract),
  ...consequences({ source, tool }),
  parameters: Tool.parametersJsonSchema(tool) ?? null
})

const toText = (found: ReadonlyArray<Found>, paint: Paint): string => {
  if (found.length === 0) return "no tools: name some with --tools MODULE or --mcp CONFIG\n"
  return found
    .map((each) => {
      const { tool } = each
      const { asserted, effect, ...rest } = Contract.toData(tool.contract)
      const { overlap, retry, stop } = consequences(each)
      const fields = Object.entries({ effect, ...rest }).map(
        ([key, value]) => `${key}: ${typeof value === "object" ? JSON.stringify(value) : String(value)}`
      )
      const lines = [
        paint("bold", oneLine(tool.name)),
        `  contract  ${oneLine(fields.join(", "))}`,
        `  asserted  by ${who[asserted]}`,
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
