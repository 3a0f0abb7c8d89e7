/**
 * What the runners of Toolscope share: contracts from fixtures, claims from reports.
 */
import { readFileSync } from "node:fs"
import type { Answer, Claim, Fixture, Returned, Status } from "../Runner.ts"

const manifest = new URL("../../package.json", import.meta.url)

export const version = (JSON.parse(readFileSync(manifest, "utf8")) as { readonly version: string }).version

export const settings =
  "every call settled; a tool that acts: additive, and never repeated unless its fixture allows it; approval: always where the fixture asks"

/** What a fixture says of itself: no gate, so it may have acted from its start on. */
export const contractOf = ({ acts, repeat }: Fixture) =>
  acts
    ? { effect: "additive" as const, repeat: repeat === "safe" ? ("natural" as const) : ("never" as const) }
    : { effect: "none" as const }

/** A retry of what may have acted, and may not act twice, would be refused before anything starts: it is not asked for. */
export const retriesOf = ({ repeat, retries }: Fixture) => (repeat === "safe" && retries > 0 ? { retry: retries } : {})

/** The result schema of a fixture, as a Standard Schema. */
export const standard = ({ accepts }: Fixture) => ({
  "~standard": {
    version: 1 as const,
    vendor: "toolscope-eval",
    validate: (
      value: unknown
    ): { readonly value: Answer } | { readonly issues: ReadonlyArray<{ readonly message: string }> } =>
      accepts(value) ? { value } : { issues: [{ message: "expected an object with a text" }] }
  }
})

const statusOf: { readonly [outcome: string]: Status } = {
  Succeeded: "succeeded",
  Failed: "failed",
  Cancelled: "cancelled",
  Unknown: "unknown",
  Skipped: "notStarted",
  Denied: "denied",
  Suspended: "waiting"
}

/** What is read of a report, of either entry. */
interface Reported {
  readonly calls: ReadonlyArray<{
    readonly id: string
    readonly outcome: string
    readonly value?: unknown
    readonly error?: { readonly message: string } | undefined
    readonly leftBehind: boolean
  }>
  readonly questions: ReadonlyArray<{ readonly id: string; readonly call: string; readonly state: string }>
  readonly faults?: ReadonlyArray<{ readonly message: string }> | undefined
}

/** A report as claims; the id of a call is its path in the plan, below the root. */
export const returnedOf = ({ calls, faults, questions }: Reported, state?: unknown): Returned => ({
  claims: calls.map(({ error, id, leftBehind, outcome, value }): Claim => ({
    call: id.slice(1),
    status: statusOf[outcome]!,
    value,
    error: error?.message,
    running: leftBehind
  })),
  questions: questions
    .filter((each) => each.state === "open")
    .map((each) => ({ id: each.id, call: each.call.slice(1) })),
  state,
  error: faults?.map(({ message }) => message).join("; ")
})
