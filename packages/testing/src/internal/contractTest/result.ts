/**
 * What a test of a contract comes to: data, and as text for people.
 */
import { Contract } from "@toolscope/core"
import { checks, checksFor, type Name } from "./checks.ts"
import { didSucceed, type Evidence } from "./evidence.ts"
import type { Judgement } from "./judgement.ts"
import { didChange } from "./judgeEffects.ts"
import { noteOf } from "./judgeUndos.ts"
import type { Subject } from "./stage.ts"
import { ms } from "./words.ts"

/** A check, and what it came to. `tried`: how many runs it looked at. */
export type Check = { readonly name: Name; readonly means: string } & Judgement

export interface Result {
  readonly tool: string
  readonly contract: Contract.Data
  /** No check failed. Some may not have been tried. */
  readonly passed: boolean
  /** Those that the contract gives a meaning. */
  readonly checks: ReadonlyArray<Check>
  readonly stops: {
    /** Runs that were stopped. */
    readonly tried: number
    /** Of these: the world was another afterwards. */
    readonly acted: number
    /** Of these, where there is a gate: stopped before it, while an effect was in it, after it. */
    readonly gate?: { readonly before: number; readonly inside: number; readonly after: number }
    /** The rest was not tried: it had been left behind again and again. */
    readonly gaveUp: boolean
  }
  /** Milliseconds: of the undisturbed run, and from the signal to the end; the latter is absent where no stopped run has ended. */
  readonly millis: {
    readonly undisturbed: number
    readonly stopped?: { readonly median: number; readonly max: number }
  }
  /** What is worth knowing, and no fault. */
  readonly notes: ReadonlyArray<string>
}

export const resultOf = (tool: string, evidence: Evidence, subject: Subject): Result => {
  const { contract, stopped, undisturbed } = evidence
  const ran = didSucceed(undisturbed.played)
  const made = checksFor(contract, subject).map((name): Check => {
    const { judge, means } = checks[name]
    const judgement: Judgement =
      ran || name === "success"
        ? judge(evidence, subject)
        : { status: "notTried", why: "it does not succeed undisturbed" }
    return { name, means, ...judgement }
  })
  const took = stopped.flatMap(({ played }) => played.took ?? []).sort((a, b) => a - b)
  const phase = (wanted: "before" | "inside" | "after") =>
    // a stop that came between the intent and the gate came before it
    stopped.filter(({ played }) => (played.passed ? played.phase : "before") === wanted).length
  const isMarked = contract.effect !== "none" && contract.commit === "marked"
  return {
    tool,
    contract: Contract.toData(contract),
    passed: made.every(({ status }) => status !== "failed"),
    checks: made,
    stops: {
      tried: stopped.length,
      acted: stopped.filter(didChange).length,
      ...(isMarked ? { gate: { before: phase("before"), inside: phase("inside"), after: phase("after") } } : {}),
      gaveUp: evidence.gaveUp
    },
    millis: {
      undisturbed: undisturbed.played.lasted,
      ...(took.length === 0 ? {} : { stopped: { median: took[took.length >> 1]!, max: took.at(-1)! } })
    },
    notes: noteOf(evidence)
  }
}

/** What a check says that has failed: what was declared, what was seen, what to do. Nothing for others. */
export const messageOf = (tool: string, check: Check): string | undefined =>
  check.status === "failed"
    ? [
        `${tool}: ${check.name}: ${check.means}`,
        `  declared  ${check.declared}`,
        `  seen      ${check.seen}`,
        `  to do     ${check.todo}`
      ].join("\n")
    : undefined

const contractText = ({ asserted: _, effect, ...rest }: Contract.Data): string =>
  [
    `effect ${effect}`,
    ...Object.entries(rest).map(([key, value]) => `${key} ${typeof value === "string" ? value : JSON.stringify(value)}`)
  ].join(", ")

const statuses = { passed: "passed", failed: "FAILED", notTried: "not tried" } as const

const row = (check: Check, width: number): ReadonlyArray<string> => {
  const line = `  ${statuses[check.status].padEnd(9)}  ${check.name.padEnd(width)}  ${check.means}`
  const indent = " ".repeat(15 + width)
  switch (check.status) {
    case "passed":
      return [line]
    case "notTried":
      return [line, `${indent}(${check.why})`]
    case "failed":
      return [
        line,
        `${indent}declared: ${check.declared}`,
        `${indent}seen: ${check.seen}`,
        `${indent}to do: ${check.todo}`
      ]
  }
}

export const show = ({ checks, contract, millis, notes, stops, tool }: Result): string => {
  const width = Math.max(...checks.map(({ name }) => name.length))
  const gate =
    stops.gate === undefined
      ? `${stops.acted} had acted`
      : `${stops.gate.before} before its gate, ${stops.gate.inside} in it, ${stops.gate.after} after it`
  const took = millis.stopped
  return [
    `${tool}: ${contractText(contract)}`,
    ...checks.flatMap((check) => row(check, width)),
    `  stopped ${stops.tried} times (${gate})${stops.gaveUp ? "; left behind again and again, the rest was not tried" : ""}`,
    `  it took ${ms(millis.undisturbed)} undisturbed${took === undefined ? "" : `; from signal to end at most ${ms(took.max)}, half of the times at most ${ms(took.median)}`}`,
    ...notes.map((note) => `  note: ${note}`)
  ].join("\n")
}
