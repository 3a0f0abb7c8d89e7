/**
 * Laws about what was done to the world: what the report says of it, what the contracts allow, and what the tools wrote down.
 */
import type { Contract } from "@toolscope/core"
import { type Record, world } from "../../Ledger.ts"
import { atGate, stateAfter } from "./fates.ts"
import { type Complain, law } from "./law.ts"
import { acts, type AttemptTrace, began, type CallJson, type CallTrace, type Event, marks, type Run } from "./run.ts"

type Meaning = Contract.Data["failure"]

/** What a failure says where its tag is not known: a record of tags may say either. */
const says = (failure: Meaning): "nothing" | "maybe" | "either" =>
  failure === undefined ? "maybe" : typeof failure === "string" ? failure : "either"

/** What the probe of a tool that commits at start said of this attempt. */
const probedOf = (call: CallTrace, attempt: AttemptTrace): "yes" | "no" | "unknown" | undefined => {
  const over = attempt.ended[0] ?? attempt.leftBehind[0]
  const from = attempt.started[0] === undefined ? 0 : call.events.indexOf(attempt.started[0])
  const to = over === undefined ? call.events.length : call.events.indexOf(over)
  const probed = call.events.slice(from, to).findLast((event) => event.type === "effect.probed")
  return probed?.type === "effect.probed" ? probed.happened : undefined
}

/** May an attempt that began have acted, by its contract, by how it ended and by what its effects came to? */
const mayHaveActed = (call: CallTrace, attempt: AttemptTrace): "yes" | "no" | "either" => {
  const { ended, leftBehind, number, refused, started } = attempt
  if (!acts(call) || started.length === 0 || refused.length > 0) return "no"
  if (marks(call)) {
    const passages = call.effects.flatMap(({ passages }) => passages).filter(({ attempt }) => attempt === number)
    const isRefused = ({ fates }: (typeof passages)[number]) => fates[0]?.type === "effect.refused"
    return passages.every(isRefused) ? "no" : passages.some(({ fates }) => fates.length > 0) ? "yes" : "either"
  }
  if (probedOf(call, attempt) === "no") return "no"
  const [end] = ended
  // its answer may have been known, and its cleanup have hung
  if (leftBehind.length > 0 && call.report?.cleanup !== undefined)
    return says(call.contract?.failure) === "maybe" ? "yes" : "either"
  if (leftBehind.length > 0 || end === undefined) return "yes"
  if (end.result === "refused" || end.result === "notReached") return "no"
  if (end.result !== "failure") return "yes"
  const meaning = says(call.contract?.failure)
  return meaning === "either" ? "either" : meaning === "nothing" ? "no" : "yes"
}

/** Left behind in its cleanup, with an answer of its own. */
const hadAnswered = ({ report }: CallTrace): boolean =>
  (report?.outcome === "Failed" || report?.outcome === "Cancelled") && report.cleanup !== undefined

const evidence = (run: Run, call: CallTrace): ReadonlyArray<Event | undefined> => [
  ...call.attempts.flatMap(({ ended, leftBehind, started }) => [...started, ...ended, ...leftBehind]),
  ...call.effects.flatMap(({ events }) => events),
  ...call.settled,
  run.index.closed
]

export const known = law(
  "G6",
  "Committed or not, and known",
  "What may have acted and was not undone is never Cancelled or Skipped, and is Unknown or answered; what is said of an effect (committed, undone, absent) is so, by the ledger too, and of one that was left behind its report has what had begun inside of it.",
  (run, complain) => {
    for (const call of run.index.calls) {
      const { report } = call
      if (report === undefined) continue
      const { outcome } = report
      const inner = new Set(call.inner.map(({ key }) => key))
      const isInside = (key: string) => inner.has(key) || call.doubtful.has(key)
      const own = { ...report, effects: report.effects.filter(({ key }) => !isInside(key)) }
      const { effects } = own
      const say = (message: string) => complain(`${call.id} ${message}`, evidence(run, call))
      if (!acts(call)) {
        if (effects.length > 0) say("reads only, and has effects")
        if (outcome === "Unknown" && report.effects.length === 0) say("reads only, and is Unknown")
      } else if (!marks(call)) checkAtStart(call, own, say)
      if (acts(call) || inner.size + call.doubtful.size > 0) checkOutcome(call, report, say)
      if (outcome === "Skipped" && call.attempts.some(began)) say("is Skipped, and has begun")
      if (outcome !== "Suspended") checkInside(run, call, report, complain)
      if (run.ledger !== undefined) checkWorld(run, call, own, complain)
    }
  }
)

/**
 * What had been done inside of it, or might be going on there, when it was left behind, where that was not over: it cannot be told how it
 * ended, and that it may have happened has to be.
 */
const checkInside = (run: Run, call: CallTrace, { effects }: CallJson, complain: Complain): void => {
  const { whole } = run
  for (const { leftBehind, number } of call.attempts) {
    const [left] = leftBehind
    if (left === undefined) continue
    for (const inner of whole.runs.values()) {
      if (!whole.isInside(inner.id, run.id, call.id, number)) continue
      const { closed } = inner.index
      if (closed !== undefined && isBefore(run, closed, left)) continue
      for (const one of inner.index.calls) {
        for (const [key, event] of actsBefore(inner, one, left)) {
          if (!effects.some((effect) => effect.key === key))
            complain(`${call.id} was left behind while ${one.id} inside of it acted (${key}), and does not say so`, [
              event,
              left,
              run.index.closed
            ])
        }
      }
    }
  }
}

const isBefore = ({ whole }: Run, a: Event, b: Event): boolean => whole.place(a) < whole.place(b)

/** Keys of what a call had done before an event, or had begun, with the event that shows it. */
const actsBefore = (run: Run, call: CallTrace, until: Event): ReadonlyArray<readonly [key: string, event: Event]> => {
  const told = call.effects.flatMap(({ events, key }): ReadonlyArray<readonly [string, Event]> => {
    const before = events.filter((event) => isBefore(run, event, until))
    return before.length > 0 && stateAfter(before) !== "absent" ? [[key, before.at(-1)!]] : []
  })
  if (!acts(call)) return told
  if (marks(call)) {
    const passing = call.effects.flatMap(({ key, passages }) =>
      passages
        .filter(({ fates: [fate] }) => !(fate?.type === "effect.refused" && atGate(fate)))
        .filter(({ fates: [fate], intended }) => {
          const isOpen = fate === undefined || isBefore(run, until, fate)
          return isBefore(run, intended, until) && isOpen
        })
        .map(({ intended }) => [key, intended] as const)
    )
    return [...told, ...passing]
  }
  const running = call.attempts.flatMap(({ ended, leftBehind, refused, started }) => {
    const [begun] = started
    const over = ended[0] ?? leftBehind[0]
    const isNothing = ended[0]?.result === "notReached" || ended[0]?.result === "refused"
    const isOpen = over === undefined || isBefore(run, until, over) || ended[0]?.result === "success"
    const isBegun = begun !== undefined && isBefore(run, begun, until) && refused.length === 0
    return isBegun && isOpen && !isNothing ? [[begun.key, begun] as const] : []
  })
  return [...told, ...running]
}

/** By what its effects came to, whatever kind of tool it is. */
const checkOutcome = (call: CallTrace, { effects, outcome }: CallJson, say: (message: string) => void): void => {
  const left = effects.filter(({ state }) => state !== "compensated")
  if ((outcome === "Cancelled" || outcome === "Skipped") && left.length > 0) say(`is ${outcome}, and has effects`)
  if (outcome === "Unknown" && left.length === 0) say("is Unknown, and every effect of it is known not to be")
  const last = call.attempts.filter(began).at(-1)
  const answered =
    hadAnswered(call) || (last?.ended.some(({ result }) => result === "failure" || result === "malformed") ?? false)
  if (outcome === "Failed" && left.length > 0 && !answered) say("is Failed, and may have acted without an answer")
}

/** A tool that commits at start has one effect, and what that came to follows from how its attempts ended. */
const checkAtStart = (call: CallTrace, { effects, outcome }: CallJson, say: (message: string) => void): void => {
  if (effects.length > 1) say("commits at start, and has more than one effect")
  const answered = outcome === "Succeeded"
  const wasFound = call.events.some((event) => event.type === "effect.probed" && event.happened === "yes")
  const told = call.effects.flatMap(({ events }) => events)
  const committed = told.some(({ type }) => type === "effect.committed")
  if (answered && !committed) say("is Succeeded, and its effect is not committed")
  if (committed && !answered && !wasFound) say(`is ${outcome}, and its effect is committed`)
  if (told.some(({ type }) => type === "effect.unknown") && answered) say("is Succeeded, and its effect is unknown")
  const guilty = call.attempts.filter((attempt) => mayHaveActed(call, attempt) === "yes")
  if (guilty.length > 0 && effects.length === 0) say(`is ${outcome}, may have acted, and no effect is listed`)
}

/** What the tools wrote down against what the report says; where a contract promises that nothing can have happened, the tool lies. */
const checkWorld = (run: Run, call: CallTrace, { effects, outcome }: CallJson, complain: Complain): void => {
  const records = call.attempts.flatMap(({ records }) => records)
  const { holds } = world(records)
  const of = (...keys: ReadonlyArray<string>) =>
    records.filter(({ key, what }) => keys.includes(key ?? "") && (what === "committed" || what === "undone"))
  const commits = records.filter(({ what }) => what === "committed")
  for (const { key, state } of effects) {
    if (state === "compensated" && holds.has(key))
      complain(`${call.id} is said to have been undone (${key}), and was not`, evidence(run, call), of(key))
    if (state === "committed" && marks(call) && records.length > 0 && !commits.some((record) => record.key === key))
      complain(`${call.id} is said to have committed (${key}), and did not`, evidence(run, call), records)
  }
  if (isExcused(call)) return
  const hidden = [...holds].filter((key) => !effects.some((effect) => effect.key === key))
  // a record without a key says no more than that it acted
  const unnamed = commits.some(({ key }) => key === undefined) && effects.length === 0
  if ((outcome === "Cancelled" || outcome === "Skipped") && (holds.size > 0 || unnamed))
    complain(`${call.id} is ${outcome}, and has committed`, evidence(run, call), commits)
  else if (hidden.length > 0 || unnamed)
    complain(
      `${call.id} has committed, and its report lists no effect${hidden.length > 0 ? ` ${hidden.join(", ")}` : ""}`,
      evidence(run, call),
      unnamed ? commits : of(...hidden)
    )
}

/** Does the contract promise that nothing can have happened but at the gate? Then the tool lies, and not the runtime. */
const isExcused = (call: CallTrace): boolean => {
  if (marks(call)) return call.attempts.some(({ records }) => outsideOfTheGate(records).length > 0)
  return (
    call.attempts.some(began) &&
    call.attempts.every((attempt) => !began(attempt) || mayHaveActed(call, attempt) !== "yes")
  )
}

const outsideOfTheGate = (records: ReadonlyArray<Record>): ReadonlyArray<Record> =>
  records.filter(
    ({ key, what }, i) =>
      what === "committed" &&
      records.findLast((record, j) => j < i && record.key === key && isAtGate(record))?.what !== "committing"
  )

const isAtGate = ({ what }: Record): boolean => what === "committing" || what === "concluded" || what === "cut"

export const honest = law(
  "C1",
  "Tools keep their contracts",
  "By the ledger: a tool that reads only never commits, one that marks its commits commits nowhere but at the gate, one whose failure means that nothing happened has not, and a probe tells the truth.",
  (run, complain) => {
    for (const call of run.index.calls) {
      const commits = call.attempts.flatMap(({ records }) => records).filter(({ what }) => what === "committed")
      if (call.contract === undefined || run.ledger === undefined) continue
      checkProbes(run, call, commits, complain)
      if (commits.length === 0) continue
      if (!acts(call)) {
        complain(`${call.id} has a contract that says that it only reads, and it committed`, call.settled, commits)
        continue
      }
      for (const attempt of call.attempts) {
        if (marks(call)) {
          const outside = outsideOfTheGate(attempt.records)
          if (outside.length > 0)
            complain(`${call.id} marks its commits, and committed outside of the gate`, attempt.started, outside)
          continue
        }
        const [end] = attempt.ended
        const mine = commits.filter((record) => record.attempt === attempt.number)
        if (mine.length === 0 || end?.result !== "failure" || probedOf(call, attempt) !== undefined) continue
        const isNothing =
          mayHaveActed(call, attempt) === "no" ||
          (mayHaveActed(call, attempt) === "either" && call.report !== undefined && call.report.effects.length === 0)
        if (isNothing)
          complain(`${call.id} failed with an error that means that nothing happened, and it committed`, [end], mine)
      }
    }
  }
)

const checkProbes = (run: Run, call: CallTrace, commits: ReadonlyArray<Record>, complain: Complain): void => {
  if (!call.attempts.some(({ records }) => records.length > 0)) return
  for (const { events, key } of call.effects) {
    const [probed] = events.filter((event) => event.type === "effect.probed" && event.happened !== "unknown")
    if (probed?.type !== "effect.probed") continue
    const happened = commits.filter((record) => record.key === key && record.at <= probed.time + run.tolerance)
    if (happened.length > 0 !== (probed.happened === "yes"))
      complain(`the probe of ${call.id} says ${probed.happened} of ${key}, and that is not so`, [probed], happened)
  }
}

export const repeats = law(
  "Z15",
  "Repeated only where allowed",
  "No attempt follows one that may have acted unless the contract allows it; all attempts of a call carry the same key, and so do their first, second, third effects.",
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
        // begun again where its fan-out was resumed it is given what it had done, and does only what follows
        if (mayNot && !before.isSuspended && mayHaveActed(call, before) === "yes")
          complain(
            `attempt ${after.number} of ${call.id} followed one that may have acted, and must not be repeated`,
            events
          )
        if (before.started[0]!.key !== after.started[0]!.key)
          complain(`attempt ${after.number} of ${call.id} carries another key than the one before`, events)
      }
      const first = started
        .filter(({ number }) => !call.attempts.some((a) => a.isSuspended && a.number < number))
        .reduce<AttemptTrace["asked"]>((longest, { asked }) => (asked.length > longest.length ? asked : longest), [])
      for (const { asked, number, records, started } of call.attempts) {
        // what had been committed before a resume does not come to the gate again
        const goesOn = call.attempts.some((attempt) => attempt.isSuspended && attempt.number < number)
        const other = goesOn
          ? asked.find(
              ({ key }, i) => (i > 0 && ordinalOf(key) <= ordinalOf(asked[i - 1]!.key)) || !isOf(key, started[0]?.key)
            )
          : asked.find(({ key }, i) => key !== first[i]?.key || (i === 0 && key !== started[0]?.key))
        if (other !== undefined)
          complain(`attempt ${number} of ${call.id} came to the gate under another key`, [...started, ...first, other])
        const keys = [...asked.map(({ key }) => key), ...started.map(({ key }) => key)]
        const wrong = records.filter(({ key }) => key !== undefined && started[0] !== undefined && !keys.includes(key))
        if (wrong.length > 0) complain(`attempt ${number} of ${call.id} acted under another key`, started, wrong)
      }
    }
  }
)

/** The effects of a call are counted from its own key on: `…#0`, or a key of its own, and then `…#1`. */
const ordinalOf = (key: string): number => Number(/#(\d+)$/.exec(key)?.[1] ?? 0)

const isOf = (key: string, first: string | undefined): boolean =>
  key === first || key.replace(/#\d+$/, "") === first?.replace(/#0$/, "")

/** What the journal says of the effects of a call when it has settled: what the report has to say. */
export const expectedEffects = (
  run: Run,
  call: CallTrace
): ReadonlyArray<{ readonly key: string; readonly state: string; readonly error: string | undefined }> => {
  const [settled] = call.settled
  const until = settled === undefined ? Infinity : run.whole.place(settled)
  return [...call.effects, ...call.inner].flatMap(({ events, key }) => {
    const before = events.filter((event) => run.whole.place(event) < until)
    const state = stateAfter(before)
    if (state === "absent") return []
    const failed = before.findLast((event) => event.type === "effect.compensationFailed")
    return [{ key, state, error: failed?.type === "effect.compensationFailed" ? failed.error : undefined }]
  })
}
