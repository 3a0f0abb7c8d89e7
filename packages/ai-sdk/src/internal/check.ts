/**
 * What a caller can get wrong in the options: found before anything starts, all at once.
 */
import type { ToolSet } from "ai"
import type { Options } from "./types.ts"

const known = [
  "contracts",
  "settings",
  "plan",
  "onReport",
  "drain",
  "undo",
  "concurrency",
  "timeout",
  "despite",
  "claim",
  "gather",
  "signal",
  "id",
  "budget",
  "limits",
  "loop",
  "retryRatio",
  "keep",
  "onEvent",
  "onQuestion"
]
const knownSettings = ["timeout", "retry", "cost", "streams"]
const presets: ReadonlyArray<unknown> = ["readOnly", "idempotent", "irreversible"]

export const check = <TOOLS extends ToolSet>(tools: TOOLS, options: Options<TOOLS>): void => {
  if (!isObject(tools)) throw new TypeError("toolscope(): tools is an object of tools, by their names")
  if (!isObject(options)) throw new TypeError("toolscope(): options are an object")
  const wrong: Array<string> = [...strange("option", options, known)]
  for (const part of ["contracts", "settings"] as const) {
    const given: unknown = options[part]
    if (given === undefined) continue
    if (!isObject(given)) wrong.push(`${part} is an object, by the names of tools`)
    else wrong.push(...strange(`tool in ${part}`, given, Object.keys(tools)))
  }
  for (const [name, contract] of Object.entries(options.contracts ?? {})) {
    if (typeof contract === "string" && !presets.includes(contract)) {
      wrong.push(
        `contracts.${name} is ${presets.map((p) => `"${String(p)}"`).join(", ")}, or a contract, got "${contract}"`
      )
    }
  }
  for (const [name, settings] of Object.entries(options.settings ?? {})) {
    if (isObject(settings)) wrong.push(...strange(`setting of ${name}`, settings, knownSettings))
    else wrong.push(`settings.${name} is an object`)
  }
  for (const name of ["plan", "onReport", "despite", "claim"] as const) {
    if (options[name] !== undefined && typeof options[name] !== "function") wrong.push(`${name} is a function`)
  }
  const { gather } = options
  if (gather !== undefined && !(typeof gather === "number" && gather >= 0 && gather <= 60_000)) {
    wrong.push("gather is a number of milliseconds, at most 60,000")
  }
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) wrong.push("signal is an AbortSignal")
  if (wrong.length > 0) throw new TypeError(`toolscope(): ${wrong.join("; ")}`)
}

const isObject = (u: unknown): u is Record<string, unknown> => typeof u === "object" && u !== null && !Array.isArray(u)

const strange = (what: string, given: object, known: ReadonlyArray<string>): ReadonlyArray<string> =>
  Object.keys(given)
    .filter((key) => !known.includes(key))
    .map((key) => `unknown ${what} ${JSON.stringify(key)}; there is: ${known.join(", ")}`)
