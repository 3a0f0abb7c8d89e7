/**
 * Laws about what was done to the world: what the report says of it, what the contracts allow, and what the tools wrote down.
 */
import type { Contract } from "@toolscope/core"
import { law } from "./law.ts"
import { acts, type AttemptTrace, began, type CallTrace, type Event, type Run } from "./run.ts"

type Meaning = Contract.Data["failure"]

/** What a failure says where its tag is not known: a record of tags may say either. */
const says = (failure: Meaning): "nothing" | "maybe" | "either" =>
  failure === undefined ? "maybe" : typeof failure === "string" ? failure : "either"

/** May an attempt that began have acted, by its contract and by how it ended? */
const mayHaveActed = (
  call: CallTrace,
  { ended, leftBehind, refused, started }: AttemptTrace
): "yes" | "no" | "either" => {
  if (!acts(call) || started.length === 0 || refused.length > 0) return "no"
  const [end] = ended
  // its answer was known, and its cleanup hung: the report has what it said
  if (leftBehind.length > 0 && hadAnswered(call)) return says(call.contract?.failure) === "maybe" ? "yes" : "either"
  if (leftBehind.length > 0 || end === undefined) return "yes"
  if (end.result === "refused") return "no"
  if (end.result !== "failure") return "yes"
  const meaning = says(call.contract?.failure)
  return meaning === "either" ? "either" : meaning === "nothing" ? "no" : "yes"
}

/** Left behind in its cleanup, with an answer of its own. */
const hadAnswered = ({ report }: CallTrace): boolean =>
  (report?.outcome === "Failed" || report?.outcome === "Cancelled") && report.cleanup !== undefined

const evidence = (run: Run, call: CallTrace): ReadonlyArray<Event | undefined> => [
  ...call.attempts.flatMap(({ ended, leftBehind, started }) => [...started, ...ended, ...leftBehind]),
  ...call.settled,
  run.index.closed
]

export const known = law(
  "G6",
  "Committed or not, and known",
  "What may have acted is never Cancelled or Skipped; an effect is committed if its call answered, and unknown if nobody knows; by the ledger too.",
  (run, complain) => {
    for (const call of run.index.calls) {
      const { report } = call
      if (report === undefined) continue
      const { effects, outcome } = report
      const say = (message: string) => complain(`${call.id} ${message}`, evidence(run, call))
      const committed = effects.some(({ state }) => state === "committed")
      const unknown = effects.some(({ state }) => state === "unknown")
      if (!acts(call)) {
        if (effects.length > 0) say("reads only, and has effects")
        if (outcome === "Unknown") say("reads only, and is Unknown")
      } else {
        if (committed !== (outcome === "Succeeded"))
          say(`is ${outcome}, and its effect is ${committed ? "" : "not "}committed`)
        if (outcome === "Unknown" && !unknown) say("is Unknown, and no effect of it is")
        if ((outcome === "Cancelled" || outcome === "Skipped") && effects.length > 0)
          say(`is ${outcome}, and has effects`)
        const guilty = call.attempts.filter((attempt) => mayHaveActed(call, attempt) === "yes")
        if ((outcome === "Cancelled" || outcome === "Skipped") && guilty.length > 0)
          say(`is ${outcome}, and may have acted`)
        if (outcome === "Failed" && guilty.length > 0 && effects.length === 0)
          say("is Failed, may have acted, and no effect is listed")
        const last = call.attempts.filter(began).at(-1)
        const answered =
          hadAnswered(call) ||
          (last?.ended.some(({ result }) => result === "failure" || result === "malformed") ?? false)
        if (outcome === "Failed" && guilty.length > 0 && !answered)
          say("is Failed, and may have acted without an answer")
      }
      if (outcome === "Skipped" && call.attempts.some(began)) say("is Skipped, and has begun")
      const commits = call.attempts.flatMap(({ records }) => records).filter(({ what }) => what === "committed")
      if (commits.length === 0 || isExcused(call)) continue
      if (outcome === "Cancelled" || outcome === "Skipped")
        complain(`${call.id} is ${outcome}, and has committed`, evidence(run, call), commits)
      else if (effects.length === 0)
        complain(`${call.id} has committed, and its report lists no effect`, evidence(run, call), commits)
    }
  }
)

/** Does the contract promise that nothing can have happened? Then the tool lies, and not the runtime. */
const isExcused = (call: CallTrace): boolean =>
  call.attempts.some(began) &&
  call.attempts.every((attempt) => !began(attempt) || mayHaveActed(call, attempt) !== "yes")

export const honest = law(
  "C1",
  "Tools keep their contracts",
  "By the ledger: a tool that reads only never commits, and one whose failure means that nothing happened has not.",
  (run, complain) => {
    for (const call of run.index.calls) {
      const commits = call.attempts.flatMap(({ records }) => records).filter(({ what }) => what === "committed")
      if (commits.length === 0 || call.contract === undefined) continue
      if (!acts(call)) {
        complain(`${call.id} has a contract that says that it only reads, and it committed`, call.settled, commits)
        continue
      }
      for (const attempt of call.attempts) {
        const [end] = attempt.ended
        const mine = commits.filter((record) => record.attempt === attempt.number)
        if (mine.length === 0 || end?.result !== "failure") continue
        const isNothing =
          mayHaveActed(call, attempt) === "no" ||
          (mayHaveActed(call, attempt) === "either" && call.report !== undefined && call.report.effects.length === 0)
        if (isNothing)
          complain(`${call.id} failed with an error that means that nothing happened, and it committed`, [end], mine)
      }
    }
  }
)

export const repeats = law(
  "Z15",
  "Repeated only where allowed",
  "No attempt follows one that may have acted unless the contract allows it; all attempts of a call carry the same key.",
  (run, complain) => {
    for (const call of run.index.calls) {
      const started = call.attempts.filter(({ started }) => started.length > 0)
      for (let i = 1; i < started.length; i++) {
        const before = started[i - 1]!
        const after = started[i]!
        const mayNot =
          acts(call) &&
          call.contract !== undefined &&
          call.contract.effect !== "none" &&
          call.contract.repeat === "never"
        const events = [...before.started, ...before.ended, ...before.leftBehind, ...after.started]
        if (mayNot && mayHaveActed(call, before) === "yes")
          complain(
            `attempt ${after.number} of ${call.id} followed one that may have acted, and must not be repeated`,
            events
          )
        if (before.started[0]!.key !== after.started[0]!.key)
          complain(`attempt ${after.number} of ${call.id} carries another key than the one before`, events)
      }
      for (const { number, records, started } of call.attempts) {
        const wrong = records.filter(
          ({ key }) => key !== undefined && started[0] !== undefined && key !== started[0].key
        )
        if (wrong.length > 0) complain(`attempt ${number} of ${call.id} acted under another key`, started, wrong)
      }
    }
  }
)
