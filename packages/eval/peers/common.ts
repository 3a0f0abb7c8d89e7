/**
 * What the adapters share. Every adapter uses the settings that the documentation of its layer recommends for the task, and names them.
 */
import { readFileSync } from "node:fs"
import type { Claim, Fixture, Returned, Turn } from "../src/Runner.ts"

export { make } from "../src/Runner.ts"
export type { Claim, Fixture, Question, Returned, Runner, Turn } from "../src/Runner.ts"

/** The version that is installed. */
export const versionOf = (name: string): string =>
  (
    JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), "utf8")) as {
      version: string
    }
  ).version

export const describe = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error)

export const toolOf = (turn: Turn, name: string): Fixture => turn.tools.find((tool) => tool.name === name)!

/** What it says of an end: the claims of calls that are rejected or fulfilled promises. */
export const claimsOf = (turn: Turn, ends: ReadonlyArray<PromiseSettledResult<unknown>>): Returned => ({
  claims: ends.map((end, i): Claim =>
    end.status === "fulfilled"
      ? { call: turn.calls[i]!.id, status: "succeeded", value: end.value }
      : { call: turn.calls[i]!.id, status: "failed", error: describe(end.reason) }
  )
})

/** Collects claims as they become known; the last one of a call stands. */
export class Claims {
  readonly #claims = new Map<string, Claim>()
  readonly add = (claim: Claim): void => void this.#claims.set(claim.call, claim)
  get all(): ReadonlyArray<Claim> {
    return [...this.#claims.values()]
  }
}

/** For layers that have no budget of time, and no timeout of a call: the caller's signal, and that of a clock. */
export const withinBudget = ({ budget, signal }: Turn): AbortSignal =>
  budget === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(budget.millis)])
