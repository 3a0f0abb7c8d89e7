/**
 * A configuration of MCP servers with the contract of every tool spelled out, as it is now: nothing is allowed by it that was not before. What
 * no operator has said is noted under `review`, with what the server hints of it. What the operator has written stays as it is written, and so
 * does everything of other programs. Pure.
 */
import { Contract } from "@toolscope/core"
import type { McpTools } from "@toolscope/mcp"
import { oneLine } from "./text.ts"

type Json = { readonly [key: string]: unknown }

export interface Proposal {
  /** The whole configuration, with what may be secret in it. */
  readonly whole: Json
  /** The part that is ours, of all servers that have tools: nothing in it is secret. */
  readonly part: Json
  readonly tools: number
  /** How many of them nobody has answered for. */
  readonly toReview: number
}

/** `config`: the file as it was parsed; it has been read without faults. */
export const propose = (config: Json, entries: ReadonlyArray<McpTools.Entry>): Proposal => {
  const servers = config.mcpServers as { readonly [name: string]: Json }
  const whole: Record<string, Json> = { ...servers }
  const part: Record<string, Json> = {}
  let toReview = 0
  for (const [name, entry] of Object.entries(servers)) {
    const listed = entries.filter(({ server }) => server === name)
    if (listed.length === 0) continue
    const own = (entry.toolscope ?? {}) as Json
    const said = (own.tools ?? {}) as Json
    const before = (own.review ?? {}) as { readonly [tool: string]: string }
    const tools: Record<string, unknown> = {}
    const review: Record<string, string> = {}
    for (const one of listed) {
      const { contract } = one.tool
      const isSaid = Object.hasOwn(said, one.name)
      put(tools, one.name, isSaid ? said[one.name] : spelled(contract))
      const note = isSaid ? before[one.name] : noteOf(one, own.trust === true)
      if (note === undefined) continue
      put(review, one.name, note)
      toReview++
    }
    const toolscope = { ...own, tools, review }
    const { review: _, ...reviewed } = toolscope
    part[name] = { toolscope: Object.keys(review).length === 0 ? reviewed : toolscope }
    whole[name] = { ...entry, ...part[name] }
  }
  return { whole: { ...config, mcpServers: whole }, part: { mcpServers: part }, tools: entries.length, toReview }
}

/** Also a name such as `__proto__`. */
const put = (record: Record<string, unknown>, name: string, value: unknown): void => {
  Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true })
}

/** Every field, so that there is something to change. */
const spelled = (contract: Contract.Contract): unknown => {
  const { asserted: _, commit: _commit, effect, ...fields } = Contract.toData(contract)
  return effect === "none" && Object.keys(fields).length === 0 ? "readOnly" : { effect, ...fields }
}

const noteOf = ({ hints }: McpTools.Entry, isTrusted: boolean): string => {
  const said = hintsText(hints)
  if (said === undefined) return "nobody says what it does, so it is taken with all care"
  return isTrusted
    ? `taken from its server's own hints, as "trust" is true: ${said}`
    : `its server only hints, so it is taken with all care; the hints: ${said}`
}

/** `undefined` if there are none. */
export const hintsText = (hints: McpTools.Hints): string | undefined => {
  const { destructiveHint, idempotentHint, openWorldHint, readOnlyHint } = hints
  const known = { readOnlyHint, destructiveHint, idempotentHint, openWorldHint }
  const said = Object.entries(known).flatMap(([key, value]) =>
    // a claim of the server: anything may stand there
    typeof value === "boolean" ? [oneLine(`${key}: ${String(value)}`)] : []
  )
  return said.length === 0 ? undefined : said.join(", ")
}
