/**
 * Laws about the report: nothing is lost, nothing is attributed to the wrong cause, and all of it can be found in the journal.
 */
import type { Record } from "../../Ledger.ts"
import { endsCall, isFromAbove } from "./above.ts"
import { type Complain, law } from "./law.ts"
import { began, type CallTrace, isSuspended, leftInside, type Of, type Run } from "./run.ts"
import { derive, type Derived } from "./decisions.ts"
import { expectedEffects } from "./effects.ts"
import { scopesOf } from "./scopes.ts"
import { callsBelow, type PlanNode, upwards } from "./tree.ts"

const attributedTo = (call: CallTrace, run: Run) => [call.settled[0], run.index.closed] as const

export const attributed = law(
  "G3",
  "Attributed",
  "Every call of the plan settles exactly once, and stands in the report exactly once, with that outcome and verdict.",
  (run, complain) => {
    const { calls, closed, report } = run.index
    for (const call of calls) {
      if (call.settled.length > 1) complain(`${call.id} settled ${call.settled.length} times`, call.settled)
      if (closed === undefined) continue
      const [settled] = call.settled
      const waits = isSuspended(run) && call.report?.outcome === "Suspended"
      if (settled === undefined && !waits) complain(`${call.id} never settled`, [...call.events, closed])
      const listed = report!.calls.filter(({ id }) => id === call.id)
      if (listed.length !== 1) complain(`${call.id} stands in the report ${listed.length} times`, [settled, closed])
      else if (settled !== undefined) {
        const { outcome, verdict } = listed[0]!
        if (outcome !== settled.outcome || verdict !== settled.verdict)
          complain(
            `${call.id} settled as ${settled.outcome} (${settled.verdict}), and is reported as ${outcome} (${verdict})`,
            [settled, closed]
          )
      }
    }
    for (const event of run.events) {
      if ("call" in event && run.index.call(event.call) === undefined)
        complain(`${event.call} is no call of the plan`, [event])
    }
    const strange = report?.calls.find(({ id }) => run.index.call(id) === undefined)
    if (strange !== undefined) complain(`the report has ${strange.id}, which is no call of the plan`, [closed])
  }
)

export const neverDelivered = law(
  "L5",
  "Late is never counted",
  "An answer that comes after the stop of its attempt is no success to the policies, and is not used; nor is one of an attempt left behind.",
  (run, complain) => {
    for (const call of run.index.calls) {
      const { attempts, report } = call
      const last = attempts.filter(began).at(-1)
      if (report === undefined || last === undefined) continue
      const counted = report.verdict === "succeeded" || report.used
      if (counted && last.stops.length > 0)
        complain(`${call.id} was asked to stop before it answered, and is counted`, [
          ...last.stops,
          ...last.ended,
          ...attributedTo(call, run)
        ])
      // the answer may be known, and only its cleanup hang
      if (report.outcome === "Succeeded" && last.leftBehind.length > 0 && report.cleanup === undefined)
        complain(`${call.id} was left behind without an answer, and has succeeded`, [
          ...last.leftBehind,
          ...attributedTo(call, run)
        ])
    }
  }
)

export const planOrder = law(
  "L7",
  "In plan order",
  "The report lists calls and nodes in the order of the plan.",
  ({ index: { calls, closed, nodes, report } }, complain) => {
    if (report === undefined) return
    const compare = (what: string, expected: ReadonlyArray<string>, got: ReadonlyArray<string>) => {
      const at = expected.findIndex((id, i) => id !== got[i])
      if (at !== -1 || got.length !== expected.length)
        complain(
          `${what} ${Math.max(at, 0) + 1} of the report is ${got[at] ?? "missing"}, not ${expected[at] ?? "none"}`,
          [closed]
        )
    }
    compare(
      "call",
      calls.map(({ id }) => id),
      report.calls.map(({ id }) => id)
    )
    compare(
      "node",
      nodes.filter(({ policy }) => policy !== "call").map(({ pointer }) => pointer),
      report.nodes.map(({ node }) => node)
    )
  }
)

export const everyFailureKept = law(
  "L8",
  "Every failure is kept",
  "The error of the last attempt stands in the report; every error that a tool wrote into the ledger stands in the report or in the journal.",
  (run, complain) => {
    const { closed } = run.index
    if (closed === undefined) return
    for (const call of run.index.calls) {
      const { report } = call
      if (report === undefined) continue
      const undone = report.effects.map(({ error }) => error)
      const late = call.events.map((event) => (event.type === "effect.compensationFailed" ? event.error : undefined))
      const reported = [report.error?.message, report.afterStop?.message, report.cleanup, ...undone, ...late]
      const isKept = (error: string, also: string | undefined) =>
        [...reported, also].some((text) => text?.includes(error) === true)
      const attempt = call.attempts.filter(began).at(-1)
      const last = attempt?.ended.find(({ result }) => result !== "refused")
      // its timeout is what the call goes by, where another attempt was to follow
      const timeouts = attempt?.stops.filter(({ source }) => source === "timeout") ?? []
      const isOwn = timeouts.some(({ reason }) => reason === report.stoppedBy?.reason)
      // of a denial the questions of the report say by whom, and why
      const goesOn = report.outcome === "Denied" || attempt?.isSuspended === true
      const isOver = !goesOn && (timeouts.length === 0 || isOwn)
      if (isOver && last?.error !== undefined && !isKept(last.error, undefined))
        complain(`${call.id} ended with an error that its report does not have`, [last, ...attributedTo(call, run)])
      for (const attempt of call.attempts) {
        if (attempt.leftBehind.length > 0) continue
        for (const record of attempt.records) {
          const { at, detached, error } = record
          if (error === undefined || detached !== undefined || at > closed.time + run.tolerance) continue
          if (wasGivenUp(run, call, record)) continue
          if (!isKept(error, attempt.ended[0]?.error))
            complain(
              `attempt ${attempt.number} of ${call.id} had an error that neither journal nor report have`,
              [...attempt.ended, ...attributedTo(call, run)],
              [record]
            )
        }
      }
    }
  }
)

/** An undo that failed after its bound: it was given up by then, and what it comes to is no more than late. */
const wasGivenUp = (run: Run, { effects, node }: CallTrace, { at, key, what }: Record): boolean => {
  const over = effects.find((effect) => effect.key === key)?.compensated[0]
  if (what !== "undoFailed" || over === undefined || over.time > at) return false
  const { undo } = run.index.opened!.limits
  const isDue = scopesOf(run, node).some(({ readyBy }) => readyBy !== undefined && at - readyBy.time >= undo)
  return over.time < at || isDue
}

/** The stop that the report has to name: the first, unless that was the timeout of an attempt that another followed. */
const firstReason = ({ attempts, events }: CallTrace): Of<"stop.requested"> | undefined => {
  // where the budget lets no further attempt start, the call ends as its last one did
  const isUnpaid = (number: number) =>
    attempts.some((attempt) => attempt.number === number && attempt.refused.some(({ reason }) => reason === "budget"))
  let first: Of<"stop.requested"> | undefined
  let isOver = false
  for (const event of events) {
    if (event.type === "stop.requested") {
      if (first === undefined || (first.source === "timeout" && isOver)) first = event
    } else if (event.type === "attempt.ended" || event.type === "attempt.leftBehind") isOver = true
    else if (event.type === "call.queued" && !isUnpaid(event.attempt)) {
      first = undefined
      isOver = false
    }
  }
  return first
}

export const firstReasonStays = law(
  "L9",
  "The first reason stays",
  "A call's `stoppedBy` is the reason of its first stop, and that is the decision which closed it, with the first call that gave rise to it.",
  (run, complain) => {
    const { closed, report } = run.index
    if (report === undefined) return
    const derived = derive(run)
    for (const call of run.index.calls) {
      if (call.report === undefined) continue
      const first = firstReason(call)
      const { stoppedBy } = call.report
      // what the budget did not let begin was told so, and nobody was asked
      const refusal = call.attempts[0]?.refused.find(({ reason }) => reason === "budget")
      if (first === undefined && stoppedBy?.source === "budget" && refusal !== undefined) continue
      if (
        stoppedBy?.source !== first?.source ||
        stoppedBy?.call !== first?.origin ||
        stoppedBy?.reason !== first?.reason
      )
        complain(`${call.id} was stopped by ${why(first)}, and is reported as stopped by ${why(stoppedBy)}`, [
          first,
          closed
        ])
      if (stoppedBy === undefined || first === undefined) continue
      const expected = isFromAbove(run, first) ? undefined : causeOf(call.node, derived, stoppedBy.source)
      if (expected !== undefined && !(expected.source === stoppedBy.source && isFrom(expected.origin, stoppedBy.call)))
        complain(
          `${call.id} was stopped by ${why({ source: expected.source, call: expected.origin?.path })}, and is reported as stopped by ${why(stoppedBy)}`,
          [expected.node === undefined ? undefined : run.index.decided(expected.node), first, closed]
        )
    }
  }
)

const why = (stop: { readonly source: string; readonly call?: string | undefined } | undefined): string =>
  stop === undefined ? "nothing" : stop.call === undefined ? stop.source : `${stop.source} (${stop.call})`

interface Because {
  readonly source: string
  readonly origin: PlanNode | undefined
  readonly node: PlanNode | undefined
}

/** Is this call the origin, or below it where only the node is known? */
const isFrom = (origin: PlanNode | undefined, call: string | undefined): boolean =>
  origin === undefined ? call === undefined : callsBelow(origin).some(({ path }) => path === call)

/** Who closed a call: the nearest node above it that decided for itself; nobody, where everything was stopped. */
const causeOf = (call: PlanNode, derived: Derived, source: string): Because | undefined => {
  if (source === "timeout") return { source, origin: call, node: undefined }
  if (source === "deadline") {
    const isThere = [...upwards(call)].some(({ policy }) => policy === "deadline")
    return { source: isThere ? source : "no deadline", origin: undefined, node: undefined }
  }
  for (const node of upwards(call)) {
    if (node === call) continue
    const decision = derived.decision(node)
    if (decision === undefined) return undefined
    if (decision.decision === "stopped" || decision.decision === "skipped") continue
    // while a deadline elapses, calls are stopped by it, and nodes decide afterwards
    if (decision.decidedBy === "deadline" || node.policy === "settled") return undefined
    if (node.policy === "advisory") return { source: "grace", origin: undefined, node }
    return { source: decision.decision === "succeeded" ? "policy" : "sibling", origin: derived.origin(node), node }
  }
  return { source: "a stop from above", origin: undefined, node: undefined }
}

export const partial = law(
  "L11",
  "Partial results survive",
  "A call that succeeded has its value in the report, whatever became of the plan; a plan that succeeded has its value.",
  (run, complain) => {
    const { calls, closed, report } = run.index
    for (const call of calls) {
      if (call.report === undefined) continue
      const has = "value" in call.report
      if (has !== (call.report.outcome === "Succeeded"))
        complain(`${call.id} is ${call.report.outcome}, and its value is ${has ? "there" : "gone"}`, [
          ...attributedTo(call, run)
        ])
    }
    if (report !== undefined && "value" in report !== (report.status === "succeeded"))
      complain(`the run ${report.status}, and its value is ${"value" in report ? "there" : "gone"}`, [closed])
  }
)

export const advisories = law(
  "L12",
  "Advisories touch nobody",
  "A failure inside an advisory stops nothing outside of it.",
  (run, complain) => {
    for (const call of run.index.calls) {
      for (const stop of call.stops) {
        if (stop.source !== "sibling" || stop.origin === undefined || isFromAbove(run, stop)) continue
        const origin = run.index.call(stop.origin)?.node
        if (origin === undefined) continue
        const mine = new Set(upwards(call.node))
        const foreign = [...upwards(origin)].find((node) => node.policy === "advisory" && !mine.has(node))
        if (foreign !== undefined)
          complain(`${call.id} was stopped because of ${stop.origin}, which is advisory`, [stop])
      }
    }
  }
)

export const neverConfused = law(
  "L13",
  "Aborts and stops are not confused",
  "Only what was asked to stop is Cancelled, or ends as stopped or timed out; a run is interrupted if it was stopped from above.",
  (run, complain) => {
    const { calls, closed, opened, report } = run.index
    for (const call of calls) {
      for (const { ended, isSuspended, started, stops } of call.attempts) {
        const [end] = ended
        if ((end?.result !== "stopped" && end?.result !== "timeout") || isSuspended) continue
        // a call on the path of its caller may time out in the same instant as that: they cannot be told apart
        const took = stops[0] === undefined ? 0 : stops[0].time - (started[0]?.time ?? 0)
        if (stops[0]?.origin === call.id && isFromAbove(run, stops[0]) && took >= opened!.limits.timeout) continue
        if (stops[0] === undefined || (end.result === "timeout") === endsCall(run, stops[0]))
          complain(`an attempt of ${call.id} ended as ${end.result}, which nobody had asked for`, [...stops, end])
      }
      const { report: reported } = call
      if (reported === undefined) continue
      if (reported.outcome === "Cancelled" && call.stops.length === 0)
        complain(`${call.id} is Cancelled, and nobody had asked it to stop`, attributedTo(call, run))
      const fromAbove = call.stops.find((stop) => isFromAbove(run, stop))
      const isOverTime = fromAbove?.source === "budget" && report!.reason?._tag === "BudgetExceeded"
      if (fromAbove !== undefined && report!.status !== "interrupted" && !isOverTime)
        complain(`${call.id} was stopped from above, and the run ${report!.status}`, [fromAbove, closed])
    }
    if (report?.status === "interrupted" && report.reason?._tag !== "Stopped")
      complain(`the run was interrupted, and its reason is ${report.reason?._tag ?? "missing"}`, [closed])
  }
)

export const cleanup = law(
  "L14",
  "Cleanup has its own bound",
  "By the ledger: an attempt is over within `drain` after its handler has ended, its cleanup included.",
  (run, complain) => {
    const drain = run.index.opened!.limits.drain + run.tolerance
    for (const call of run.index.calls) {
      for (const attempt of call.attempts) {
        const over = attempt.ended[0] ?? attempt.leftBehind[0]
        const record = attempt.records.find(({ what }) => what === "ended" || what === "aborted")
        if (over !== undefined && record !== undefined && over.time - record.at > drain)
          complain(
            `attempt ${attempt.number} of ${call.id} was over ${over.time - record.at} ms after its handler`,
            [over],
            [record]
          )
      }
    }
  }
)

export const explainable = law(
  "G11",
  "Explainable",
  "Nothing is missing from the journal, its numbers grow, and what the report says of attempts, times and effects can be found in it.",
  (run, complain) => {
    let last: (typeof run.events)[number] | undefined
    for (const event of run.events) {
      if (last !== undefined && event.seq <= last.seq)
        complain(`number ${event.seq} follows ${last.seq}`, [last, event])
      last = event
    }
    const { calls, closed, report } = run.index
    if (report === undefined) return
    if (report.runId !== closed!.run) complain(`the report is that of ${report.runId}`, [closed])
    for (const call of calls) if (call.report !== undefined) compareWithJournal(run, call, call.report, complain)
  }
)

const compareWithJournal = (
  run: Run,
  call: CallTrace,
  reported: NonNullable<CallTrace["report"]>,
  complain: Complain
): void => {
  const { closed } = run.index
  const started = call.attempts.filter(began)
  const differs = (
    what: string,
    isHere: unknown,
    isThere: unknown,
    events: ReadonlyArray<(typeof run.events)[number] | undefined>
  ) => {
    // a report and its journal may look at a real clock one after the other
    const isNear =
      typeof isHere === "number" && typeof isThere === "number" && what.endsWith("At")
        ? Math.abs(isHere - isThere) <= run.tolerance
        : isHere === isThere
    if (!isNear)
      complain(`the report says of ${call.id}: ${what} ${String(isHere)}; the journal: ${String(isThere)}`, [
        ...events,
        closed
      ])
  }
  const starts = started.map(({ started }) => started[0])
  differs("attempts", reported.attempts, started.length, starts)
  differs("startedAt", reported.startedAt, starts[0]?.time, [starts[0]])
  if (reported.outcome !== "Suspended") differs("settledAt", reported.settledAt, call.settled[0]?.time, call.settled)
  const written = expectedEffects(run, call)
  const events = call.effects.flatMap(({ events }) => events)
  // what was left behind inside of it is undone, and told of, on its own
  const inner = new Set(leftInside(call) ? call.inner.map(({ key }) => key) : [])
  for (const { key, state } of written) {
    if (inner.has(key) || call.doubtful.has(key)) continue
    differs(`effect ${key}`, reported.effects.find((effect) => effect.key === key)?.state ?? "absent", state, events)
  }
  for (const { error, key, state } of reported.effects) {
    const mine = written.find((effect) => effect.key === key)
    if (inner.has(key) || call.doubtful.has(key)) continue
    if (mine === undefined) differs(`effect ${key}`, state, "absent", events)
    else differs(`error of the undo of ${key}`, error, mine.error, events)
  }
  const keys = reported.effects.map(({ key }) => key)
  if (new Set(keys).size < keys.length) complain(`the report lists an effect of ${call.id} twice`, [...events, closed])
  if (reported.stoppedBy === undefined && reported.outcome === "Skipped")
    complain(`${call.id} was skipped, and the report does not say why`, [...call.events, closed])
}
