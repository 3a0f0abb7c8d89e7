/**
 * Laws about the gate: what may pass it, and that what has passed it has one fate.
 */
import { endsCall } from "./above.ts"
import { atGate, type EffectTrace, type Passage } from "./fates.ts"
import { type Complain, law } from "./law.ts"
import { type AttemptTrace, type CallTrace, type Event, marks, type Of, type Run } from "./run.ts"

const isBefore = (run: Run, a: Event, b: Event): boolean => run.index.place(a) < run.index.place(b)

/** The request that ended a call, or one of its attempts, if it came before this event. */
const stopBefore = (run: Run, call: CallTrace, attempt: number, event: Event): Of<"stop.requested"> | undefined =>
  call.stops.find((stop) => (endsCall(run, stop) || stop.attempt === attempt) && isBefore(run, stop, event))

export const nothingAfterAStop = law(
  "Z11",
  "Nothing passes after a stop",
  "An effect that comes to the gate after its attempt was asked to stop or was left behind is refused; by the ledger, none begins there once its attempt has been told to stop or is over.",
  (run, complain) => {
    for (const call of run.index.calls) {
      for (const { key, passages } of call.effects) {
        for (const { attempt, fates, intended } of passages) {
          const [fate] = fates
          if (fate === undefined || (fate.type === "effect.refused" && atGate(fate))) continue
          const { leftBehind = [] } = call.attempts.find(({ number }) => number === attempt) ?? {}
          const stop = stopBefore(run, call, attempt, intended) ?? leftBehind.find((e) => isBefore(run, e, intended))
          if (stop !== undefined)
            complain(`attempt ${attempt} of ${call.id} passed the gate (${key}) after its stop`, [stop, intended, fate])
        }
      }
      for (const attempt of call.attempts) checkBeginnings(run, call, attempt, complain)
    }
  }
)

const checkBeginnings = (run: Run, call: CallTrace, attempt: AttemptTrace, complain: Complain): void => {
  const over = attempt.ended[0] ?? attempt.leftBehind[0]
  for (const record of attempt.records) {
    if (record.what !== "committing") continue
    const what = `attempt ${attempt.number} of ${call.id} began an effect at the gate (${record.key})`
    if (record.stopped === true)
      complain(`${what} after it had been told to stop`, [...attempt.stops, ...attempt.delivered], [record])
    if (over !== undefined && record.at > over.time + run.tolerance)
      complain(`${what} after it was over`, [over], [record])
    const passages = passagesOf(call, attempt.number, record.key)
    const isOpen = passages.some(({ fates }) => !fates.some((fate) => fate.type === "effect.refused" && atGate(fate)))
    if (!isOpen)
      complain(
        passages.length === 0 ? `${what}, and the journal has no intent of it` : `${what}, though it was refused`,
        [...attempt.started, ...passages.flatMap(({ fates, intended }) => [intended, ...fates])],
        [record]
      )
  }
}

const passagesOf = (call: CallTrace, attempt: number, key: string | undefined): ReadonlyArray<Passage> =>
  call.effects
    .filter((effect) => effect.key === key)
    .flatMap(({ passages }) => passages)
    .filter((passage) => passage.attempt === attempt)

export const runsToItsEnd = law(
  "L4",
  "What has passed runs to its end",
  "Every effect that comes to the gate has one fate (refused, committed, unknown) before its attempt has ended, and a fate has its intent; by the ledger, nothing that passed is interrupted, and its attempt waits for it.",
  (run, complain) => {
    for (const call of run.index.calls) {
      for (const effect of call.effects) {
        checkFates(run, call, effect, complain)
        if (!marks(call)) checkAtStart(call, effect, complain)
        checkProbes(call, effect, complain)
      }
      for (const attempt of call.attempts) checkEnds(call, attempt, complain)
    }
  }
)

const checkFates = (run: Run, call: CallTrace, { events, key, passages }: EffectTrace, complain: Complain): void => {
  for (const passage of passages) {
    const { attempt, fates, intended } = passage
    const [fate, ...more] = fates
    const { ended = [], leftBehind = [] } = call.attempts.find(({ number }) => number === attempt) ?? {}
    const [end] = ended
    if (fate === undefined) {
      const isOver = end !== undefined || run.index.closed !== undefined
      if (isOver && leftBehind.length === 0)
        complain(`${key} came to the gate, and nobody knows what became of it`, [intended, end])
      continue
    }
    // what was only asked for, and let go, may be refused later
    const mayBeLate = leftBehind.length > 0 || (fate.type === "effect.refused" && atGate(fate))
    if (end !== undefined && isBefore(run, end, fate) && !mayBeLate)
      complain(`what became of ${key} was known only after its attempt had ended`, [intended, end, fate])
    const extra = more.filter((event, i) => !isRestated(events, [fate, ...more][i]!, event))
    if (extra.length > 0) complain(`${key} has more than one fate`, [intended, fate, ...extra])
  }
  for (const { number } of call.attempts) {
    const mine = events.filter((event) => "attempt" in event && event.attempt === number)
    const twice = [
      mine.filter(({ type }) => type === "effect.intended"),
      mine.filter(({ type }) => type === "effect.refused")
    ].find(({ length }) => length > 1)
    if (twice !== undefined) complain(`attempt ${number} of ${call.id} came to the gate twice under ${key}`, twice)
  }
  if (!marks(call)) return
  for (const event of events) {
    const isFate =
      event.type === "effect.committed" || event.type === "effect.unknown" || event.type === "effect.refused"
    if (!isFate || passages.some(({ fates }) => fates.includes(event))) continue
    // a violation is found before there is an intent
    if (event.type === "effect.refused" && event.reason === "contract") continue
    complain(`${key} has a fate, and never came to the gate`, [event])
  }
}

/** Repeated, it was found not to have happened again: then it is said once more that it had. */
const isRestated = (events: EffectTrace["events"], before: Event, event: Event): boolean => {
  if (before.type !== "effect.refused" || event.type === "effect.refused") return false
  const earlier = events.slice(0, events.indexOf(before))
  const stated = earlier.findLast(({ type }) => type === "effect.committed" || type === "effect.unknown")
  // of one that was left behind while its effect ran it was not said before
  return stated === undefined ? event.type === "effect.unknown" : stated.type === event.type
}

const checkAtStart = (call: CallTrace, { events, key }: EffectTrace, complain: Complain): void => {
  const stated = events.filter(({ type }) => type === "effect.committed" || type === "effect.unknown")
  if (stated.length > 1) complain(`${key} has more than one fate`, stated)
  const passed = events.filter((event) => event.type === "effect.intended")
  if (passed.length > 0) complain(`${call.id} does not mark its commits, and was let to the gate`, passed)
}

/** Each passage and each attempt is asked about once, and what the probe says becomes of it. */
const checkProbes = (call: CallTrace, { events, key }: EffectTrace, complain: Complain): void => {
  events.forEach((event, i) => {
    const before = events[i - 1]
    if (event.type === "effect.refused" && event.reason === "probe") {
      const [attempt] = call.attempts.filter(({ number }) => number === event.attempt)
      const isSaid = before?.type === "effect.probed" && before.happened === "no"
      if (!isSaid) complain(`${key} is absent by a probe that did not say so`, [...(attempt?.started ?? []), event])
    }
    if (event.type !== "effect.probed") return
    if (before?.type === "effect.probed" && !hasEndBetween(call, before, event))
      complain(`${key} was asked about twice`, [before, event])
    if (!marks(call)) return
    const next = events[i + 1]
    const isFollowed =
      event.happened === "no" ? next?.type === "effect.refused" && next.reason === "probe" : isStatement(next, event)
    if (!isFollowed)
      complain(`the probe says ${event.happened} of ${key}, and that does not become of it`, [event, next])
  })
}

const isStatement = (next: Event | undefined, { happened }: Of<"effect.probed">): boolean =>
  next?.type === "effect.committed" || (next?.type === "effect.unknown" && happened === "unknown")

const hasEndBetween = (call: CallTrace, a: Event, b: Event): boolean =>
  call.events
    .slice(call.events.indexOf(a), call.events.indexOf(b))
    .some(({ type }) => type === "attempt.ended" || type === "attempt.leftBehind")

/** By the ledger. */
const checkEnds = (call: CallTrace, attempt: AttemptTrace, complain: Complain): void => {
  const { ended, leftBehind, number, records } = attempt
  const cut = records.filter(({ what }) => what === "cut")
  if (cut.length > 0)
    complain(`an effect of attempt ${number} of ${call.id} was interrupted at the gate`, attempt.delivered, cut)
  if (ended[0] === undefined || leftBehind.length > 0) return
  const open = records.filter(
    ({ key, what }, i) =>
      what === "committing" &&
      !records.slice(i).some((r) => r.key === key && (r.what === "concluded" || r.what === "cut"))
  )
  if (open.length > 0)
    complain(`attempt ${number} of ${call.id} had ended, and its effect at the gate had not`, ended, open)
}
