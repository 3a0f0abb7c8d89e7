/**
 * Judges what the tool did to the world, against what its contract says and what was reported.
 */
import { CallError, Contract } from "@toolscope/core"
import * as Equal from "effect/Equal"
import { type Answer, didSucceed, type Evidence, type Run } from "./evidence.ts"
import { type Contradiction, failed, firstOf, type Judgement, notTried, passed } from "./judgement.ts"
import type { Subject } from "./stage.ts"
import { changed, ending, errorOf, ownError, shown, tagOf, where } from "./words.ts"

export const didChange = ({ after, before }: { readonly before: unknown; readonly after: unknown }): boolean =>
  !Equal.equals(before, after)

/** The run that nobody disturbed, and those that were stopped. */
export const runsOf = ({ stopped, undisturbed }: Evidence): ReadonlyArray<Run> => [undisturbed, ...stopped]

const effectOf = ({ contract }: Evidence): string => `effect: "${contract.effect}"`

export const success = (evidence: Evidence, { clock }: Subject): Judgement => {
  const { played } = evidence.undisturbed
  if (didSucceed(played)) return passed(1)
  const error = errorOf(played.call)
  const reason = CallError.isCallError(error) ? error.reason._tag : undefined
  return failed(1, {
    declared: "a tool that can succeed",
    seen: `undisturbed, it ended as ${ending(played)}`,
    todo:
      reason === "ContractViolation"
        ? "do as the message says"
        : reason === "TimedOut" && clock === "test"
          ? 'give clock "live" if it waits for anything but the clock of Effect; else params with which it is quicker'
          : "give params, a world and a layer with which it succeeds, or correct the tool"
  })
}

/** Everything else is worth nothing where the runs reach into each other. */
export const fresh = ({ atGates, stopped, undisturbed, undone }: Evidence): Judgement => {
  const { before: first } = undisturbed
  const others = [...stopped, ...(atGates === undefined ? [] : [atGates]), ...undone]
  return firstOf(others, ({ before }) =>
    Equal.equals(first, before)
      ? undefined
      : {
          declared: "a fresh world for each run",
          seen: `the first run found ${shown(first)}, and a later one ${shown(before)}`,
          todo: "let world.make begin anew each time, and world.look leave out what differs by itself (times, random ids)"
        }
  )
}

export const reads = (evidence: Evidence): Judgement =>
  firstOf(runsOf(evidence), (run) =>
    didChange(run)
      ? {
          declared: effectOf(evidence),
          seen: `${where(run.played.moment)}, it changed something: ${changed(run.before, run.after)}`,
          todo: 'declare effect "additive", "mutating" or "destructive", or let the tool only read'
        }
      : undefined
  )

const outsideOfGate = (seen: string): Contradiction => ({
  declared: 'commit: "marked"',
  seen,
  todo: 'declare commit "atStart", or do that inside of Commit.run'
})

export const gate = (evidence: Evidence): Judgement => {
  const { atGates, undisturbed } = evidence
  const between = atGates === undefined ? undefined : betweenGates(atGates)
  if (between !== undefined) return failed(1, outsideOfGate(between))
  if (!undisturbed.played.passed && !didChange(undisturbed)) {
    return notTried("undisturbed, it came to no gate: give params with which it commits")
  }
  return firstOf(runsOf(evidence), (run) =>
    !run.played.passed && didChange(run)
      ? outsideOfGate(
          `${where(run.played.moment)}, no effect had passed the gate, yet ${changed(run.before, run.after)}`
        )
      : undefined
  )
}

/** What changed while no effect was in the gate, if anything did. */
const betweenGates = ({ after, before, played }: Run): string | undefined => {
  let held = before
  let last = "before it came to its gate"
  let isKnown = true
  for (const look of played.looks) {
    const wrong = look.at === "intended" && look.alone && isKnown && !Equal.equals(held, look.held)
    if (wrong) return `undisturbed, ${last}, ${changed(held, look.held)}`
    held = look.held
    isKnown = look.at === "committed" && look.alone
    last = "after it had passed its gate"
  }
  return isKnown && !Equal.equals(held, after) ? `undisturbed, ${last}, ${changed(held, after)}` : undefined
}

/** What a probe of the contract has said is the question of another check. */
export const truth = (evidence: Evidence): Judgement => {
  const { contract } = evidence
  const isProbed = contract.effect !== "none" && contract.probe !== undefined
  const tried = runsOf(evidence).filter(({ played }) => !(isProbed && played.probed))
  return firstOf(tried, (run) => untold(contract, run) ?? unseen(evidence, run))
}

/** The report says that nothing happened. Where there is a gate, that is the question of another check. */
const untold = (contract: Contract.Contract, run: Run): Contradiction | undefined => {
  const { call, moment } = run.played
  if (!Contract.actsAtStart(contract) || contract.effect === "none") return undefined
  if (call.effects.length > 0 || !didChange(run)) return undefined
  // without an answer it would be in doubt: it has failed, with an error that says so
  const tag = tagOf(call.afterStop ?? errorOf(call))
  return {
    declared: meaningOf(contract, tag),
    seen: `${where(moment)}, it failed with ${tag} and was reported as ${call.outcome._tag}, yet ${changed(run.before, run.after)}`,
    todo: `declare that ${tag} says "maybe", or let the tool take back what it did before it fails so`
  }
}

const meaningOf = ({ failure }: Contract.Acting, tag: string): string =>
  typeof failure === "string" ? `failure: "${failure}"` : `failure: { ${tag}: "${failure[tag] ?? "maybe"}" }`

/** The report says that it happened, or the contract does; and nothing is to be seen. */
const unseen = (evidence: Evidence, run: Run): Contradiction | undefined => {
  const { call, moment } = run.played
  const isSaid = call.effects.some(({ state }) => state === "committed") || run === evidence.undisturbed
  if (!isSaid || didChange(run) || !Equal.equals(run.after, run.later)) return undefined
  return {
    declared: effectOf(evidence),
    seen: `${where(moment)}, it ended as ${ending(run.played)}, yet the world is as it was: ${shown(run.after)}`,
    todo: 'declare effect "none" if it only reads; else give params with which it acts, and let world.look see what it did'
  }
}

/** The errors that say that nothing happened; `*` where all do. */
export const saysNothing = ({ failure }: Contract.Acting): ReadonlyArray<string> =>
  typeof failure === "string"
    ? failure === "nothing"
      ? ["*"]
      : []
    : Object.keys(failure).filter((tag) => failure[tag] === "nothing")

export const failure = (evidence: Evidence, { failures }: Subject): Judgement => {
  const { contract, provoked } = evidence
  const tags = contract.effect === "none" ? ["*"] : saysNothing(contract)
  const isMeant = (tag: string) => tags.includes("*") || tags.includes(tag)
  const tried = provoked.filter(({ tag }) => isMeant(tag))
  const missing = tags.filter((tag) => tag !== "*" && !Object.hasOwn(failures, tag))
  const judgement = firstOf(tried, ({ run, tag }) => wrongFailure(contract, tag, run))
  if (judgement.status === "failed") return judgement
  if (tried.length > 0 && missing.length === 0) return judgement
  if (tags.every((tag) => failures[tag] === "believed")) return notTried("all of them are believed")
  if (missing.length === 0) missing.push("…")
  return notTried(
    `say how they are brought about: failures: { ${missing.map((tag) => `${tag}: { params }`).join(", ")} }`
  )
}

const wrongFailure = (contract: Contract.Contract, tag: string, run: Run): Contradiction | undefined => {
  const { call } = run.played
  const error = errorOf(call)
  const isIt = call.outcome._tag === "Failed" && (tagOf(error) === tag || isUntagged(error))
  if (!isIt) {
    return {
      declared: `failures.${tag} brings about ${tag}`,
      seen: `it ended as ${ending(run.played)}`,
      todo: `correct failures.${tag}: its params, or its world`
    }
  }
  if (!didChange(run)) return undefined
  const reads = contract.effect === "none"
  return {
    declared: reads ? 'effect: "none"' : meaningOf(contract, tag),
    seen: `it failed with ${tag}, yet ${changed(run.before, run.after)}`,
    todo: reads
      ? 'declare effect "additive", "mutating" or "destructive", or let the tool only read'
      : `declare that ${tag} says "maybe", or let the tool fail before it changes anything`
  }
}

/** Plain errors have no tag to be known by. */
const isUntagged = (error: unknown): boolean => {
  const own = ownError(error)
  return !CallError.isCallError(own) && !(typeof own === "object" && own !== null && "_tag" in own)
}

export const repeat = (evidence: Evidence): Judgement => {
  const { contract, undisturbed } = evidence
  const isNatural = contract.effect !== "none" && contract.repeat === "natural"
  const tried = runsOf(evidence).filter(({ repeated }) => repeated !== undefined)
  return firstOf(tried, ({ played, repeated }) => {
    if (Equal.equals(repeated!.after, undisturbed.later)) return undefined
    const again = isNatural ? "run again with the same parameters" : "run again with the same key"
    const end = didSucceed(repeated!.played) ? "" : ` (it ended as ${ending(repeated!.played)})`
    return {
      declared: `repeat: "${isNatural ? "natural" : "keyed"}"`,
      seen: `${where(played.moment)}, then ${again}${end}: the world is ${shown(repeated!.after)}, and one run leaves ${shown(undisturbed.later)}`,
      todo: isNatural
        ? 'declare repeat "keyed" if the world knows the key again, else "never"; or let the same parameters lead to the same state'
        : 'declare repeat "never", or hand the idempotency key on, to a world that knows it again'
    }
  })
}

export const probe = (evidence: Evidence): Judgement => {
  const { probedNothing, undisturbed } = evidence
  const wrong = (when: string, answer: Answer | undefined, truth: "yes" | "no"): Contradiction | undefined =>
    answer === truth || answer === undefined
      ? undefined
      : {
          declared: "a probe",
          seen: `${when}, it ${typeof answer === "string" ? `says ${answer}` : `fails: ${answer.failed}`}, and ${truth} is right`,
          todo: "let the probe look for its key where the effect is, or leave it out: then what is in doubt stays unknown"
        }
  const tried = runsOf(evidence).filter(({ played }) => !played.call.leftBehind)
  const first = wrong("asked for a key that was never used", probedNothing, "no")
  if (first !== undefined) return failed(1, first)
  const judgement = firstOf(tried, (run) => {
    const truth = Equal.equals(run.before, run.later) ? "no" : "yes"
    return wrong(run === undisturbed ? "after a success" : where(run.played.moment), run.probed, truth)
  })
  return { ...judgement, tried: tried.length + 1 } as Judgement
}
