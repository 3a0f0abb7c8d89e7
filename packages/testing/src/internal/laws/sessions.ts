/**
 * Laws about sessions: one fan-out after the other, each over before the next begins.
 */
import { atGate } from "./fates.ts"
import { type Complain, law } from "./law.ts"
import { acts, type AttemptTrace, type CallTrace, type Event, marks, type Of, type Run } from "./run.ts"
import type { Session } from "./whole.ts"

export const oneCohort = law(
  "G8",
  "One cohort at a time",
  "A session begins a fan-out when the one before it has closed, and nothing that was left behind may still act, or it was named; then nothing of an earlier one begins, and nothing at all after the session's close.",
  () => {},
  (session, complain) => {
    checkPlaces(session, complain)
    session.cohorts.forEach((cohort, i) => {
      checkCohort(session, cohort, i, complain)
      checkLeftBehind(session, cohort, complain)
      checkReplans(session, cohort, complain)
    })
    checkBeginnings(session, complain)
    checkClose(session, complain)
  }
)

const isBefore = ({ whole }: Session, a: Event, b: Event): boolean => whole.place(a) < whole.place(b)

/** Its own events: it is opened first, and once. */
const checkPlaces = ({ events, opened }: Session, complain: Complain): void => {
  if (events[0] !== opened) complain(`${events[0]!.type} came before the session was opened`, [events[0], opened])
}

const checkCohort = (session: Session, cohort: Run, i: number, complain: Complain): void => {
  const { opened } = cohort.index
  const epoch = i + 1
  if (opened!.epoch !== epoch || cohort.id !== `${session.id}.${epoch}`)
    complain(`fan-out ${epoch} of ${session.id} is ${cohort.id}, in epoch ${opened!.epoch}`, [opened])
  if (session.opened !== undefined && isBefore(session, opened!, session.opened))
    complain(`${cohort.id} began before its session was opened`, [opened, session.opened])
  const before = session.cohorts[i - 1]
  if (before === undefined) return
  const { closed } = before.index
  if (closed === undefined || isBefore(session, opened!, closed))
    complain(`${cohort.id} began before ${before.id} had drained and closed`, [before.index.opened, opened, closed])
}

/** Ids of what stands in the way of a fan-out that begins: as `despite` names them. */
const checkLeftBehind = (session: Session, cohort: Run, complain: Complain): void => {
  const { opened } = cohort.index
  const named = overridden(session, opened!.epoch)
  for (const run of session.runs) {
    if (!isBefore(session, run.index.opened!, opened!)) continue
    for (const call of run.index.calls) {
      const isNamed = (attempt: number) => named.includes(`${run.id}${call.id}#${attempt}`)
      for (const attempt of call.attempts) {
        const isOver = attempt.late.some((late) => isBefore(session, late, opened!))
        const [left] = attempt.leftBehind
        if (left === undefined || isOver || isNamed(attempt.number) || !mayAct(session, call, attempt, left)) continue
        complain(`${cohort.id} began while attempt ${attempt.number} of ${call.id} of ${run.id} might still act`, [
          left,
          opened,
          ...attempt.late
        ])
      }
      const undo = undoAcross(session, call, opened!)
      if (undo !== undefined && !call.attempts.some(({ number }) => isNamed(number)))
        complain(`${cohort.id} began while an undo of ${call.id} of ${run.id} was left behind`, [opened, undo])
    }
  }
}

/** As far as the journal says: it acts from its start, or is at the gate. One that never began does not. */
const mayAct = (session: Session, call: CallTrace, { number, refused }: AttemptTrace, left: Event): boolean => {
  if (!acts(call) || refused.length > 0) return false
  if (!marks(call)) return true
  const passages = call.effects.flatMap(({ passages }) => passages).filter(({ attempt }) => attempt === number)
  return passages.some(
    ({ fates: [fate], intended }) =>
      isBefore(session, intended, left) &&
      // what ran at the gate is unknown from then on
      (fate === undefined || !isBefore(session, fate, left)) &&
      !(fate?.type === "effect.refused" && atGate(fate))
  )
}

/** An undo that had not ended when the fan-out began: it ends later, and late. */
const undoAcross = (session: Session, { effects, events, lateUndos }: CallTrace, opened: Event): Event | undefined => {
  const late = lateUndos.find((event) => isBefore(session, opened, event))
  if (late !== undefined) return late
  return effects
    .filter(({ compensated: [over], compensating: [begun] }) => {
      const isBegun = begun !== undefined && isBefore(session, begun, opened)
      return isBegun && (over === undefined ? events.length > 0 : isBefore(session, opened, over))
    })
    .map(({ compensating }) => compensating[0])[0]
}

const overridden = ({ events }: Session, epoch: number): ReadonlyArray<string> =>
  events.flatMap((event) => (event.type === "session.overridden" && event.epoch <= epoch ? event.leftBehind : []))

/** What was told to stop for another plan starts nothing more. */
const checkReplans = (session: Session, { id, index }: Run, complain: Complain): void => {
  const replanned = session.events.find(
    (event) => event.type === "session.replanned" && event.epoch === index.opened!.epoch
  )
  if (replanned === undefined) return
  const mine = session.runs.filter((run) => session.whole.isWithin(run.id, id))
  const after = mine.flatMap(startsOf).filter((event) => isBefore(session, replanned, event))
  if (after.length > 0) complain(`${id} went on starting after the planner had planned anew`, [replanned, ...after])
}

const startsOf = ({ index: { calls } }: Run): ReadonlyArray<Of<"attempt.started">> =>
  calls.flatMap(({ attempts }) => attempts.flatMap(({ started }) => started))

/** Attempts, effects and undos: what begins to act. */
const beginningsOf = ({ index: { calls } }: Run): ReadonlyArray<readonly [CallTrace, Event]> =>
  calls.flatMap((call) => {
    const passed = call.effects.flatMap(({ passages }) =>
      passages
        .filter(({ fates: [fate] }) => !(fate?.type === "effect.refused" && atGate(fate)))
        .map(({ intended }) => intended)
    )
    const undos = call.events.filter(({ type }) => type === "effect.compensating")
    const started = call.attempts.flatMap(({ started }) => started)
    return [...started, ...passed, ...undos].map((event) => [call, event] as const)
  })

const checkBeginnings = (session: Session, complain: Complain): void => {
  for (const [i, cohort] of session.cohorts.entries()) {
    const next = session.cohorts.slice(i + 1).flatMap((later) => session.runs.filter(isIn(session, later)))
    const starts = [...next.flatMap(startsOf)].sort((a, b) => session.whole.place(a) - session.whole.place(b))
    const [first] = starts
    if (first === undefined) continue
    const named = overridden(session, first.epoch)
    for (const run of session.runs.filter(isIn(session, cohort))) {
      for (const [call, event] of beginningsOf(run)) {
        if (!isBefore(session, first, event) || isExcused(session, run, call.id, named)) continue
        complain(`${event.type} of ${call.id} of ${run.id} came after ${first.run} had begun`, [first, event])
      }
    }
  }
}

const isIn =
  ({ whole }: Session, cohort: Run) =>
  ({ id }: Run): boolean =>
    whole.isWithin(id, cohort.id)

/** It was named when a later fan-out began, or runs inside of what was. */
const isExcused = (session: Session, run: Run, call: string, named: ReadonlyArray<string>): boolean => {
  const isOf = (id: string, run: Run, call: string) => id.startsWith(`${run.id}${call}#`)
  if (named.some((id) => isOf(id, run, call))) return true
  // an undo takes with it what was left behind inside
  const below = session.runs.filter(({ id }) => id !== run.id && session.whole.isWithin(id, run.id))
  if (below.some((inner) => inner.index.calls.some(({ id: own }) => named.some((id) => isOf(id, inner, own)))))
    return true
  const { inside } = session.whole.insideRun(run.id)
  const around = inside === undefined ? undefined : session.whole.runs.get(inside.run)
  return around !== undefined && isExcused(session, around, inside!.call, named)
}

/** The close comes last; only what was left behind still goes on. */
const checkClose = (session: Session, complain: Complain): void => {
  const { closed, cohorts, events, runs } = session
  if (closed === undefined) return
  const closings = events.filter(({ type }) => type === "session.closed")
  if (closings.length > 1) complain("it was closed more than once", closings)
  if (closed.cohorts !== cohorts.length)
    complain(`it says that it ran ${closed.cohorts} fan-outs, and ran ${cohorts.length}`, [closed])
  const after = [
    ...events.filter(({ type }) => type !== "session.closed"),
    ...cohorts.flatMap(({ index: { closed, opened } }) => [opened!, ...(closed === undefined ? [] : [closed])]),
    ...runs.flatMap(startsOf)
  ].filter((event) => isBefore(session, closed, event))
  if (after.length > 0) complain(`${after[0]!.type} came after the session's close`, [closed, ...after])
}
