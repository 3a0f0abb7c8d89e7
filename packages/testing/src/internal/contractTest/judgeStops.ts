/**
 * Judges how the tool ends: in time, for good, and clean.
 */
import { CallError } from "@toolscope/core"
import * as Equal from "effect/Equal"
import type { Evidence, Run } from "./evidence.ts"
import { runsOf } from "./judgeEffects.ts"
import { firstOf, type Judgement, notTried } from "./judgement.ts"
import type { Subject } from "./stage.ts"
import { changed, ms, tagOf, where } from "./words.ts"

export const interruption = ({ contract, drives, stopped, within }: Evidence): Judgement => {
  if (stopped.length === 0)
    return notTried("it ends before anybody could stop it: give params with which it takes longer")
  const declared = contract.effect === "none" ? "anywhere" : contract.interruption
  return firstOf(stopped, ({ played }) =>
    played.call.leftBehind
      ? {
          declared:
            contract.effect === "none"
              ? 'effect: "none", which can be stopped anywhere'
              : `interruption: "${declared}"`,
          seen: `${where(played.moment)}, it had not ended ${ms(within)} after the signal`,
          todo:
            declared === "never"
              ? "let it end sooner, or allow more time: `within` here, `drain` where it runs"
              : drives === "promise"
                ? "hand its signal on to what it waits for, or run it where it can be ended (in a process of its own)"
                : "let nothing in it be uninterruptible for so long, no finalizer either, or run it where it can be ended (in a process of its own)"
        }
      : undefined
  )
}

const allRuns = (evidence: Evidence): ReadonlyArray<Run> => [
  ...runsOf(evidence),
  ...evidence.provoked.map(({ run }) => run)
]

export const aftermath = (evidence: Evidence, { settle }: Subject): Judgement =>
  firstOf(allRuns(evidence), ({ after, later, played }) =>
    Equal.equals(after, later)
      ? undefined
      : {
          declared: "a tool that has ended when it says so",
          seen: `${where(played.moment)}, within ${ms(settle)} of its ${played.call.leftBehind ? "bound" : "end"} ${changed(after, later)}`,
          todo: played.call.leftBehind
            ? "let it end in time (see interruption): what was left behind acted after all"
            : "let it wait for everything that it starts; no contract allows for what goes on without it"
        }
  )

export const cleanup = (evidence: Evidence): Judgement =>
  firstOf(allRuns(evidence), ({ played }) => {
    const { afterStop, cleanup } = played.call
    const died = CallError.isCallError(afterStop) && afterStop.reason._tag === "Defect" ? afterStop : undefined
    const seen = cleanup?.split("\n")[0] ?? died?.message
    return seen === undefined
      ? undefined
      : {
          declared: "a tool that cleans up",
          seen: `${where(played.moment)}, its cleanup failed: ${seen}`,
          todo: `let its finalizers catch what can go wrong in them${died === undefined ? "" : ` (${tagOf(died)})`}, and end`
        }
  })
