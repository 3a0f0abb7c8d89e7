/**
 * Laws about undo: what is undone and what is not, in which order, and what is said of it.
 */
import { type EffectTrace, stateAfter } from "./fates.ts"
import { type Complain, law } from "./law.ts"
import { canUndo, type CallTrace, type Event, marks, overOf, type Run, wasLeftBehind } from "./run.ts"
import { type Scope, scopesOf } from "./scopes.ts"
import { callsBelow } from "./tree.ts"

type Effect = { readonly call: CallTrace; readonly effect: EffectTrace }

const isBefore = (run: Run, a: Event, b: Event): boolean => run.index.place(a) < run.index.place(b)

const effectsOf = (run: Run): ReadonlyArray<Effect> =>
  run.index.calls.flatMap((call) => call.effects.map((effect) => ({ call, effect })))

/** Those, and what fan-outs inside of handlers did, as far as this run undid it. */
const undoneEffectsOf = (run: Run): ReadonlyArray<Effect> => [
  ...effectsOf(run),
  ...run.index.calls.flatMap((call) =>
    call.inner
      .filter(({ compensated, compensating }) =>
        [...compensating, ...compensated].some((event) => run.whole.idOf(event.run) === run.id)
      )
      .map((effect) => ({ call, effect }))
  )
]

export const undone = law(
  "Z16",
  "Undone last first, once",
  "An effect is undone only in a part of the plan that was lost and in which nothing runs any more, once, the last first, within `undo`; one after the other, the next child of a first success waits for it.",
  (run, complain) => {
    const effects = effectsOf(run)
    for (const { call, effect } of undoneEffectsOf(run)) {
      if (effect.compensating.length + effect.compensated.length === 0) continue
      checkOnce(run, effect, complain)
      checkLost(run, call, effect, complain)
    }
    checkOrder(run, effects, complain)
    checkSerial(run, effects, complain)
    for (const call of run.index.calls) checkRecords(run, call, complain)
  }
)

const checkOnce = (run: Run, { compensated, compensating, events, key }: EffectTrace, complain: Complain): void => {
  const [begun, again] = compensating
  const [over, andOver] = compensated
  if (again !== undefined) complain(`the undo of ${key} began twice`, compensating)
  if (andOver !== undefined) complain(`the undo of ${key} ended twice`, compensated)
  if (over !== undefined && begun === undefined && over.type === "effect.compensated")
    complain(`${key} is said to be undone, and its undo never began`, [over])
  if (over !== undefined && begun !== undefined && isBefore(run, over, begun))
    complain(`the undo of ${key} ended before it began`, compensating.concat(compensated as never))
  const first = begun ?? over!
  const state = stateAfter(events.filter((event) => isBefore(run, event, first)))
  if (state !== "committed" && state !== "unknown")
    complain(
      `${key} was ${state} when it was undone`,
      events.filter((event) => !isBefore(run, first, event))
    )
}

/** In a lost scope that has drained; what was left behind is undone by itself, when it has ended. */
const checkLost = (run: Run, call: CallTrace, { compensated, compensating, key }: EffectTrace, complain: Complain) => {
  const begun = compensating[0] ?? compensated[0]!
  const lost = scopesOf(run, call.node).filter(({ lostBy }) => lostBy !== undefined && isBefore(run, lostBy, begun))
  if (lost.length === 0) return complain(`${key} was undone, and nothing around it was lost`, [...call.settled, begun])
  if (wasLeftBehind(call)) {
    const still = call.attempts.filter(
      ({ late, leftBehind }) => leftBehind.length > 0 && !(late[0] !== undefined && isBefore(run, late[0], begun))
    )
    for (const { leftBehind } of still)
      complain(`${key} was undone while its attempt still ran`, [...leftBehind, begun])
    return
  }
  const ready = lost.filter(({ readyBy }) => readyBy !== undefined && isBefore(run, readyBy, begun))
  if (ready.length === 0) {
    const running = callsBelow(lost[0]!.node)
      .flatMap(({ path }) => run.index.call(path)!.attempts)
      .filter((attempt) => overOf(attempt) === undefined || isBefore(run, begun, overOf(attempt)!))
    return complain(`${key} was undone before everything around it had ended`, [
      ...running.flatMap(({ started }) => started),
      begun
    ])
  }
  const limit = run.index.opened!.limits.undo
  for (const event of compensated) {
    const since = ready.map(({ readyBy }) => event.time - readyBy!.time)
    if (since.every((millis) => millis > limit + run.tolerance))
      complain(`the undo of ${key} was over after ${Math.min(...since)} ms`, [ready.at(-1)!.readyBy, event])
    const isGivenUp = since.some((millis) => millis >= limit - run.tolerance)
    if (compensating.length === 0 && event.type === "effect.compensationFailed" && !isGivenUp)
      complain(`the undo of ${key} was given up before its time`, [ready[0]!.readyBy, event])
  }
}

/** The events between which an effect passed the gate, or happened. */
const spanOf = (run: Run, { call, effect }: Effect): readonly [number, number] | undefined => {
  const passages = effect.passages.filter(({ fates }) => fates[0] !== undefined)
  if (marks(call)) {
    const passage = passages.findLast(
      ({ fates }) => fates[0]!.type !== "effect.refused" || fates[0]!.reason === "failure"
    )
    return passage === undefined ? undefined : [run.index.place(passage.intended), run.index.place(passage.fates[0]!)]
  }
  const over = call.attempts.flatMap((attempt) => overOf(attempt) ?? []).at(-1)
  return over === undefined ? undefined : [run.index.place(over), run.index.place(over)]
}

const checkOrder = (run: Run, effects: ReadonlyArray<Effect>, complain: Complain): void => {
  const undone = effects
    .filter(({ call, effect }) => effect.compensating.length > 0 && !wasLeftBehind(call))
    .sort((a, b) => run.index.place(a.effect.compensating[0]!) - run.index.place(b.effect.compensating[0]!))
  undone.forEach((first, i) => {
    const firstSpan = spanOf(run, first)
    for (const second of undone.slice(i + 1)) {
      const secondSpan = spanOf(run, second)
      if (firstSpan === undefined || secondSpan === undefined || firstSpan[1] >= secondSpan[0]) continue
      if (!isTogether(run, first, second)) continue
      complain(`${first.effect.key} was undone before ${second.effect.key}, which came later`, [
        ...first.effect.events,
        ...second.effect.events
      ])
    }
  })
}

/** Is it sure that one undo took both? They became ready by the same event, whichever scopes lie between. */
const isTogether = (run: Run, a: Effect, b: Effect): boolean => {
  const lostOf = ({ call }: Effect) => scopesOf(run, call.node).filter(({ readyBy }) => readyBy !== undefined)
  const [ofA, ofB] = [lostOf(a), lostOf(b)]
  const common = ofA.find((scope) => ofB.includes(scope))
  if (common === undefined) return false
  const isInner = (scope: Scope, all: ReadonlyArray<Scope>) => all.indexOf(scope) < all.indexOf(common)
  return [ofA, ofB].every((all) =>
    all.filter((scope) => isInner(scope, all)).every(({ readyBy }) => readyBy === common.readyBy)
  )
}

/** With an infinite stagger the next child comes to life when the last has been undone. */
const checkSerial = (run: Run, effects: ReadonlyArray<Effect>, complain: Complain): void => {
  for (const { children, isSerial } of run.index.nodes) {
    if (!isSerial) continue
    for (let i = 1; i < children.length; i++) {
      const earlier = new Set(children.slice(0, i).flatMap(callsBelow))
      const queued = callsBelow(children[i]!).flatMap(({ path }) =>
        run.index.call(path)!.events.filter(({ type }) => type === "call.queued")
      )
      const [first] = queued
      if (first === undefined) continue
      const late = effects
        .filter(({ call }) => earlier.has(call.node) && !wasLeftBehind(call))
        .flatMap(({ effect }) => [...effect.compensating, ...effect.compensated])
        .filter((event) => isBefore(run, first, event))
      if (late.length > 0)
        complain(`${children[i]!.path} began before the one before it had been undone`, [first, ...late])
    }
  }
}

/** By the ledger: once, after everything that the call did under that key, and the journal has it. */
const checkRecords = (run: Run, { effects, id, inner }: CallTrace, complain: Complain): void => {
  const records = run.ledger?.filter(({ call }) => call === id) ?? []
  const undoing = records.filter(({ what }) => what === "undoing")
  for (const record of undoing) {
    const { compensated = [], compensating = [] } = [...effects, ...inner].find(({ key }) => key === record.key) ?? {}
    // what was done inside of a handler may be undone with its caller
    const isAbove = run.whole.events.some(
      (event) =>
        event.type === "effect.compensating" && event.key === record.key && run.whole.idOf(event.run) !== run.id
    )
    if (compensating.length === 0 && !isAbove)
      complain(`${record.key} of ${id} was undone, and the journal does not say so`, [], [record])
    const over = records.find(({ key, what }) => key === record.key && (what === "undone" || what === "undoFailed"))
    if (over !== undefined && compensated.length === 0 && !isAbove && !run.incomplete)
      complain(`the undo of ${record.key} of ${id} has ended, and the journal does not say so`, compensating, [over])
    const same = undoing.filter(({ key }) => key === record.key)
    if (same.length > 1 && same[0] === record) complain(`${record.key} of ${id} was undone twice`, [], same)
    const after = records
      .slice(records.indexOf(record))
      .filter(({ detached, key, what }) => key === record.key && detached === undefined && isForward.has(what))
    if (after.length > 0) complain(`${id} went on under ${record.key} after its undo had begun`, [], [record, ...after])
  }
}

const isForward = new Set<string>(["began", "committing", "committed", "concluded"])

export const neverSilent = law(
  "Z17",
  "A failed undo is said",
  "What happened or may have happened in a lost part of the plan, and can be undone, is compensated or compensationFailed when its call settles; what was left behind there is undone when it has ended.",
  (run, complain) => {
    for (const { call, effect } of effectsOf(run)) {
      if (!canUndo(call) || run.index.closed === undefined) continue
      const lost = scopesOf(run, call.node).find(({ lostBy }) => lostBy !== undefined)
      const state = stateAfter(effect.events)
      if (lost === undefined || (state !== "committed" && state !== "unknown")) continue
      const stillRuns = call.attempts.some(({ late, leftBehind }) => leftBehind.length > 0 && late.length === 0)
      if (stillRuns || (effect.compensating.length > 0 && wasLeftBehind(call))) continue
      complain(`${effect.key} is ${state}, and what lies around it was lost`, [
        lost.lostBy,
        ...effect.events,
        ...call.settled
      ])
    }
  }
)
