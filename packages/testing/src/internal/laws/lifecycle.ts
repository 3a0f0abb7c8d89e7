/**
 * Laws about starting, stopping and ending: what may follow what, and how soon.
 */
import { endsCall, stopFromAbove } from "./above.ts"
import { atGate } from "./fates.ts"
import { law } from "./law.ts"
import {
  type AttemptTrace,
  began,
  type CallTrace,
  type Event,
  isAgain,
  leftInside,
  type Of,
  overOf,
  type Run,
  wasLeftBehind
} from "./run.ts"
import { checkPermits } from "./permits.ts"
import { callsBelow } from "./tree.ts"

const attemptsOf = (run: Run): ReadonlyArray<readonly [CallTrace, AttemptTrace]> =>
  run.index.calls.flatMap((call) => call.attempts.map((attempt) => [call, attempt] as const))

const isBefore = (run: Run, a: Event, b: Event): boolean => run.index.place(a) < run.index.place(b)

/** Of events of any run. */
const isEarlier = (run: Run, a: Event, b: Event): boolean => run.whole.place(a) < run.whole.place(b)

export const owned = law(
  "G1",
  "Owned",
  "When a fan-out closes, every attempt that was started has ended or is listed as left behind; what has ended acts no more.",
  (run, complain) => {
    const { closed, report } = run.index
    for (const [call, attempt] of attemptsOf(run)) {
      const over = overOf(attempt)
      const [started] = attempt.started
      for (const close of closesOf(run)) {
        if (started === undefined || isBefore(run, close, started)) continue
        if (over === undefined || isBefore(run, close, over))
          complain(`attempt ${attempt.number} of ${call.id} had neither ended nor been left behind at the close`, [
            started,
            close,
            over
          ])
      }
      const [ended] = attempt.ended
      const after = attempt.records.filter(
        ({ at, detached, what }) =>
          ended !== undefined && detached === undefined && !undoes.has(what) && at > ended.time + run.tolerance
      )
      if (after.length > 0) {
        complain(`attempt ${attempt.number} of ${call.id} had ended, and was still at work`, [ended], after)
      }
    }
    if (closed === undefined || report === undefined) return
    const resumed = run.index.suspensions.at(-1)?.resumed
    const isInside = run.whole.insideRun(run.id).inside !== undefined
    for (const call of run.index.calls) {
      const left = call.attempts.flatMap(({ leftBehind }) => leftBehind)
      // an undo that was left behind has failed in the journal
      const isUndo = call.report?.leftBehind === true && failedUndos(call).length > 0
      const isLeft = left.length > 0 || (call.report?.leftBehind === true && leftInside(call))
      // what is left behind inside of a handler that was itself left behind comes too late for the snapshot
      const isUnknown = isInside && resumed !== undefined && left.every((event) => isBefore(run, event, resumed))
      if (call.report !== undefined && call.report.leftBehind !== isLeft && !isUndo && !(isUnknown && isLeft)) {
        complain(
          `${call.id} is ${call.report.leftBehind ? "" : "not "}listed as left behind, the journal says otherwise`,
          [...left, closed]
        )
      }
    }
    const still = run.index.calls.flatMap(({ attempts }) =>
      attempts.filter(({ late, leftBehind: [left] }) => {
        // what was left behind where it was suspended is not looked for where it goes on
        const isHere = left !== undefined && (resumed === undefined || isBefore(run, resumed, left))
        return isHere && !late.some((event) => isBefore(run, event, closed))
      })
    )
    const mayBeUndo = run.index.calls.some(
      (call) => call.report?.leftBehind === true && !wasLeftBehind(call) && failedUndos(call).length > 0
    )
    // of what runs inside of a handler it is not known when an undo of it has ended
    const mayBeInside = run.index.calls.some(leftInside)
    if (report.drained !== (still.length === 0) && !((mayBeUndo || mayBeInside) && !report.drained))
      complain(`drained is ${report.drained}, which the attempts that were left behind belie`, [closed])
    for (const call of run.index.calls) {
      if (call.lateUndos.length > 0 && call.report?.leftBehind === false)
        complain(`an undo of ${call.id} was late, and is not listed as left behind`, [...call.lateUndos, closed])
    }
  }
)

/** Each time that it closed: when it was suspended, and at its end. */
const closesOf = ({ index: { closed, suspensions } }: Run): ReadonlyArray<Of<"fanout.closed">> => [
  ...suspensions.map(({ closed }) => closed),
  ...(closed === undefined ? [] : [closed])
]

/** Records of an undo, which comes after its attempt. */
const undoes = new Set<string>(["undoing", "undone", "undoFailed"])

const failedUndos = (call: CallTrace): ReadonlyArray<Event> =>
  call.events.filter(({ type }) => type === "effect.compensationFailed")

export const bounded = law(
  "G2",
  "Bounded",
  "An attempt that is asked to stop is over within `drain`, and so is the fan-out once its root has decided; where something is undone, within `drain` and `undo`.",
  (run, complain) => {
    const { closed, decided, opened, root } = run.index
    // parts of a millisecond are rounded
    const drain = opened!.limits.drain + run.tolerance + 1e-6
    for (const [call, attempt] of attemptsOf(run)) {
      const [stop] = attempt.stops
      const over = overOf(attempt)
      if (stop === undefined || over === undefined) continue
      const took = over.time - stop.time
      if (took > drain)
        complain(`attempt ${attempt.number} of ${call.id} was over ${took} ms after its stop`, [stop, over])
    }
    const decision = decided(root)
    if (decision === undefined || closed === undefined) return
    const took = closed.time - decision.time
    const undoes = run.events.some(({ type }) => type.startsWith("effect.compensat"))
    if (took > drain + (undoes ? opened!.limits.undo : 0))
      complain(`the fan-out closed ${took} ms after it was decided`, [decision, closed])
  }
)

export const neverStarted = law(
  "G5",
  "Never started after a stop",
  "No attempt of a call starts once the call's stop is requested, and none at all once everything was asked to stop.",
  (run, complain) => {
    const everything = stopFromAbove(run)
    for (const [call, attempt] of attemptsOf(run)) {
      for (const started of attempt.started) {
        const stop =
          call.stops.find(
            (stop) => isBefore(run, stop, started) && (endsCall(run, stop) || stop.attempt === started.attempt)
          ) ?? (everything !== undefined && isBefore(run, everything, started) ? everything : undefined)
        if (stop !== undefined) {
          complain(`attempt ${attempt.number} of ${call.id} started after its stop was requested`, [stop, started])
        }
      }
    }
  }
)

export const fenced = law(
  "G7",
  "Fenced",
  "What answers after it was left behind is journaled once as late, and changes nothing.",
  (run, complain) => {
    const { closed } = run.index
    for (const [call, { late, leftBehind, number }] of attemptsOf(run)) {
      if (late.length > 1) complain(`attempt ${number} of ${call.id} was late ${late.length} times`, late)
      if (late[0] !== undefined && (leftBehind[0] === undefined || isBefore(run, late[0], leftBehind[0]))) {
        complain(`attempt ${number} of ${call.id} was late without having been left behind`, [...leftBehind, ...late])
      }
    }
    for (const call of run.index.calls) {
      const failed = failedUndos(call)
      const [undo, again] = call.lateUndos
      if (again !== undefined)
        complain(`the undo of ${call.id} was late ${call.lateUndos.length} times`, call.lateUndos)
      if (undo !== undefined && !failed.some((event) => isBefore(run, event, undo)))
        complain(`the undo of ${call.id} was late without having been given up`, [...failed, undo])
    }
    if (closed === undefined) return
    for (const { attempts, id, report } of run.index.calls) {
      const late = attempts
        .flatMap(({ late }) => late)
        .filter((event) => isBefore(run, event, closed) && !isForgotten(run, attempts, event))
      const listed = [...(report?.late ?? [])].sort((a, b) => a - b)
      if (listed.join() !== late.map(({ attempt }) => attempt).join()) {
        complain(
          `the report lists ${list(listed)} of ${id} as late, the journal has ${list(late.map((l) => l.attempt))}`,
          [...late, closed]
        )
      }
    }
  }
)

/** It was left behind where the run was suspended, and ended after that: who goes on does not hear of it. */
const isForgotten = (run: Run, attempts: ReadonlyArray<AttemptTrace>, late: Of<"response.late">): boolean => {
  const left = attempts.find(({ number }) => number === late.attempt)?.leftBehind[0]
  return run.index.suspensions.some(
    ({ closed }) => left !== undefined && isBefore(run, left, closed) && isBefore(run, closed, late)
  )
}

const list = (attempts: ReadonlyArray<number>): string =>
  attempts.length === 0 ? "no attempt" : `attempt ${attempts.join(", ")}`

export const closesLast = law(
  "L1",
  "The close comes last",
  "`fanout.opened` is the first event of a run and `fanout.closed` its last; only late answers follow, what comes to the gate too late, the undo of what was left behind, and that the questions of one that was suspended are withdrawn.",
  (run, complain) => {
    const { closed, opened } = run.index
    if (run.events[0] !== opened) complain("the run does not begin with its opening", [run.events[0], opened])
    const aside = run.index.suspensions.map(
      ({ closed, resumed }) =>
        [closed, run.events.slice(run.index.place(closed) + 1, run.index.place(resumed))] as const
    )
    const last = closed === undefined ? [] : [[closed, run.events.slice(run.index.place(closed) + 1)] as const]
    for (const [close, events] of [...aside, ...last]) {
      const isSuspended = close.report.status === "suspended"
      const mayFollow = (event: Event) => mayBeLate(run, event) || (isSuspended && event.type === "question.withdrawn")
      const after = events.filter((event) => !mayFollow(event))
      if (after.length > 0) complain(`${after[0]!.type} came after the close`, [close, ...after])
    }
  }
)

/** What follows the close of a run, and the settling of a call. */
const mayBeLate = (run: Run, event: Event): boolean => {
  if (event.type === "response.late") return true
  if (event.type === "effect.refused") return atGate(event)
  const call = "call" in event ? run.index.call(event.call) : undefined
  // at the gate it is refused
  const isLate = event.type === "effect.intended" || event.type.startsWith("effect.compensat")
  return isLate && call !== undefined && wasLeftBehind(call)
}

export const beganInTime = law(
  "L2",
  "No handler begins after a stop",
  "By the ledger: a handler begins once per attempt, an attempt that was journaled as started and not refused, and not after its stop.",
  (run, complain) => {
    for (const [call, attempt] of attemptsOf(run)) {
      const records = attempt.records.filter(({ what }) => what === "began")
      const what = `attempt ${attempt.number} of ${call.id} began`
      if (records.length > 1) complain(`${what} ${records.length} times`, attempt.started, records)
      for (const record of records) {
        const stop = call.stops.find((s) => endsCall(run, s) || s.attempt === attempt.number)
        if (attempt.started.length === 0) complain(`${what}, and was never started`, [], [record])
        else if (attempt.refused.length > 0) complain(`${what}, though it was refused`, attempt.refused, [record])
        else if (stop !== undefined && record.at > stop.time + run.tolerance)
          complain(`${what} after its stop was requested`, [stop, ...attempt.started], [record])
      }
    }
  }
)

export const stoppedOnce = law(
  "L3",
  "Asked once, told once",
  "A stop is requested once, an attempt that runs is told once, and nothing follows the stop of a call.",
  (run, complain) => {
    for (const call of run.index.calls) {
      const final = call.stops.find((stop) => endsCall(run, stop))
      const again = final === undefined ? [] : call.stops.filter((stop) => stop !== final && isBefore(run, final, stop))
      if (again.length > 0) complain(`${call.id} was asked to stop again`, [final, ...again])
      for (const attempt of call.attempts) {
        const { delivered, number, stops } = attempt
        if (stops.length > 1) complain(`attempt ${number} of ${call.id} was asked to stop ${stops.length} times`, stops)
        if (delivered.length > 1)
          complain(`attempt ${number} of ${call.id} was told ${delivered.length} times`, delivered)
        if (delivered[0] !== undefined && (stops[0] === undefined || isBefore(run, delivered[0], stops[0])))
          complain(`attempt ${number} of ${call.id} was told to stop, and nobody had asked`, [...delivered, ...stops])
        const isOver = run.index.closed !== undefined || overOf(attempt) !== undefined
        if (stops[0] !== undefined && delivered.length === 0 && isOver)
          complain(`attempt ${number} of ${call.id} ran, and was not told to stop`, stops)
      }
    }
  }
)

export const firstEndWins = law(
  "L6",
  "The first end wins",
  "An attempt ends or is left behind, once; a settled call does nothing more, and what became of its effects is fixed.",
  (run, complain) => {
    for (const [call, { ended, leftBehind, number }] of attemptsOf(run)) {
      if (ended.length + leftBehind.length > 1)
        complain(`attempt ${number} of ${call.id} ended more than once`, [...ended, ...leftBehind])
    }
    for (const { events, id, settled } of run.index.calls) {
      const [first] = settled
      if (first === undefined) continue
      const after = events.slice(events.indexOf(first) + 1).filter((event) => !mayBeLate(run, event))
      if (after.length > 0) complain(`${after[0]!.type} of ${id} came after it had settled`, [first, ...after])
    }
  }
)

export const admission = law(
  "L15",
  "Closed to newcomers",
  "Below a node that has decided, no call is queued and no attempt starts.",
  (run, complain) => {
    for (const node of run.index.nodes) {
      const decision = node.policy === "call" ? undefined : run.index.decided(node)
      if (decision === undefined) continue
      for (const { path } of callsBelow(node)) {
        const after = run.index
          .call(path)!
          .events.filter(
            (event) =>
              (event.type === "call.queued" || event.type === "attempt.started") && isBefore(run, decision, event)
          )
        if (after.length > 0)
          complain(`${after[0]!.type} of ${path} came after ${node.path} had decided`, [decision, ...after])
      }
    }
  }
)

export const oneDrain = law(
  "L16",
  "One drain",
  "A run drains once and closes once, in this order.",
  (run, complain) => {
    const drained = run.events.filter((event) => event.type === "fanout.drained")
    const closed = run.events.filter((event) => event.type === "fanout.closed")
    // once each time that it went on
    const times = 1 + run.index.suspensions.length
    if (drained.length > times) complain("it drained more than once", drained)
    if (closed.length > times) complain("it closed more than once", closed)
    closed.slice(0, times).forEach((close, i) => {
      const mine = drained[i]
      const resumed = run.index.suspensions[i - 1]?.resumed
      if (mine === undefined || isBefore(run, close, mine) || (resumed !== undefined && isBefore(run, mine, resumed)))
        complain("it closed before it had drained", [close, ...drained])
      else if (mine.drained !== close.report.drained)
        complain(`it drained: ${mine.drained}, and the report says ${close.report.drained}`, [mine, close])
    })
  }
)

export const concurrency = law(
  "L17",
  "Within the permits",
  "No more attempts run than `concurrency` allows, and than the session has permits of that kind; one that was left behind has given its permit back.",
  (run, complain) => {
    const { opened } = run.index
    const running = new Map<string, Event>()
    const asked = run.index.calls.flatMap((call) =>
      call.inside.flatMap((event) => (event.type === "question.asked" ? [{ call: call.id, event }] : []))
    )
    for (const event of run.events) {
      for (const key of running.keys())
        if (asked.some(({ call, event: at }) => key.endsWith(` ${call}`) && isEarlier(run, at, event)))
          running.delete(key)
      switch (event.type) {
        case "attempt.started":
          if (run.index.call(event.call) !== undefined && isAgain(run.index.call(event.call)!, event.attempt)) break
          running.set(`${event.attempt} ${event.call}`, event)
          if (running.size > opened!.limits.concurrency) {
            complain(`${running.size} attempts ran, of ${opened!.limits.concurrency}`, [opened, ...running.values()])
            return
          }
          break
        case "attempt.ended":
        case "attempt.refused":
        case "attempt.leftBehind":
        // who waits for people, and who had to for what runs inside of it, has no permit; when it has one again is not written down
        case "question.asked":
          running.delete(`${event.attempt} ${event.call}`)
      }
    }
  },
  checkPermits
)

export const closes = law(
  "L18",
  "Every run closes",
  "What was opened is closed, whatever policies and callbacks do.",
  (run, complain) => {
    const { closed, opened } = run.index
    if (closed === undefined && !run.incomplete)
      complain("it was opened, and never closed", [opened, run.events.at(-1)])
  },
  ({ closed, events, incomplete, opened }, complain) => {
    if (closed === undefined && !incomplete)
      complain("the session was opened, and never closed", [opened, events.at(-1)])
  }
)

export const inOrder = law(
  "L19",
  "One thing after the other",
  "An attempt is queued, then started, then over; the next is queued when the last is over, and they are counted from 1.",
  (run, complain) => {
    for (const call of run.index.calls) {
      const queued = call.events.filter((event) => event.type === "call.queued")
      // who has asked waits for a permit once more
      const hasAsked = (event: Event) =>
        [...call.events, ...call.inside].some(
          ({ type }, i, all) => type === "question.asked" && isEarlier(run, all[i]!, event)
        )
      const twice = queued.filter(
        (event, i) => queued.findIndex(({ attempt }) => attempt === event.attempt) !== i && !hasAsked(event)
      )
      if (twice.length > 0) complain(`attempt ${twice[0]!.attempt} of ${call.id} was queued twice`, queued)
      let last: AttemptTrace | undefined
      for (const attempt of call.attempts) {
        const [started] = attempt.started
        if (attempt.started.length > 1)
          complain(`attempt ${attempt.number} of ${call.id} was started twice`, attempt.started)
        if (started === undefined) {
          if (attempt.ended.length + attempt.leftBehind.length > 0)
            complain(`attempt ${attempt.number} of ${call.id} ended, and was never started`, [overOf(attempt)])
          continue
        }
        const queued = call.events.find((event) => event.type === "call.queued" && event.attempt === attempt.number)
        if (queued === undefined || isBefore(run, started, queued))
          complain(`attempt ${attempt.number} of ${call.id} was started without having been queued`, [queued, started])
        if (attempt.number !== (last?.number ?? 0) + 1)
          complain(`attempt ${attempt.number} of ${call.id} follows ${last === undefined ? "none" : last.number}`, [
            last?.started[0],
            started
          ])
        const over = overOf(attempt)
        if (over !== undefined && isBefore(run, over, started))
          complain(`attempt ${attempt.number} of ${call.id} was over before it had started`, [over, started])
        if (last !== undefined && queued !== undefined) {
          const lastOver = overOf(last)
          if (lastOver === undefined || isBefore(run, queued, lastOver))
            complain(`attempt ${attempt.number} of ${call.id} was queued while attempt ${last.number} ran`, [
              ...last.started,
              queued,
              lastOver
            ])
        }
        if (began(attempt) || attempt.refused.length > 0) last = attempt
      }
    }
  }
)
