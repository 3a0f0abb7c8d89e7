/**
 * One run of a journal, sorted for the laws: its plan, and the events of each call and of each attempt. Nothing is concluded here. A run
 * that was suspended and resumed is one run: what it closed with when it was suspended stands among its suspensions.
 */
import type { Contract, Journal, Report } from "@toolscope/core"
import type { Record } from "../../Ledger.ts"
import { type EffectTrace, tracesOf } from "./fates.ts"
import { type PlanNode, readPlan } from "./tree.ts"
import type { Whole } from "./whole.ts"

export type Event = Journal.Event
export type Of<Type extends Event["type"]> = Extract<Event, { readonly type: Type }>
export type CallJson = Report.Json["calls"][number]

export interface AttemptTrace {
  readonly number: number
  readonly started: ReadonlyArray<Of<"attempt.started">>
  readonly refused: ReadonlyArray<Of<"attempt.refused">>
  readonly ended: ReadonlyArray<Of<"attempt.ended">>
  readonly leftBehind: ReadonlyArray<Of<"attempt.leftBehind">>
  readonly delivered: ReadonlyArray<Of<"stop.delivered">>
  readonly late: ReadonlyArray<Of<"response.late">>
  /** Its effects, refused ones included, in the order in which they came to the gate. */
  readonly asked: ReadonlyArray<Of<"effect.intended" | "effect.refused">>
  /** Requests to stop this attempt. */
  readonly stops: ReadonlyArray<Of<"stop.requested">>
  readonly records: ReadonlyArray<Record>
  /** It ended because its fan-out was suspended while it waited for people: its call begins again where that is resumed. */
  readonly isSuspended: boolean
}

export interface CallTrace {
  readonly node: PlanNode
  readonly id: string
  readonly events: ReadonlyArray<Event>
  readonly attempts: ReadonlyArray<AttemptTrace>
  readonly stops: ReadonlyArray<Of<"stop.requested">>
  readonly settled: ReadonlyArray<Of<"call.settled">>
  /** What it did to the world, as the journal tells it. */
  readonly effects: ReadonlyArray<EffectTrace>
  /** What was done to it by fan-outs inside of its handler, and undone by them or with the call. */
  readonly inner: ReadonlyArray<EffectTrace>
  /** Keys of what was done inside of it by fan-outs that it was not there to wait for. */
  readonly doubtful: ReadonlySet<string>
  /** Everything that these fan-outs wrote. */
  readonly inside: ReadonlyArray<Event>
  /** Ends of undos that had been left behind. */
  readonly lateUndos: ReadonlyArray<Of<"response.late">>
  /** From the report; from `fanout.opened` while there is none. */
  readonly contract: Contract.Data | undefined
  readonly report: CallJson | undefined
}

/**
 * @since 0.1.0
 */
export interface Run {
  readonly id: string
  /** In the order of the journal. */
  readonly events: ReadonlyArray<Event>
  /** What the tools wrote down, if that is known. */
  readonly ledger: ReadonlyArray<Record> | undefined
  /** Milliseconds that times may be off. */
  readonly tolerance: number
  /** The run may still be going on. */
  readonly incomplete: boolean
  /** @internal */
  readonly index: Index
  /** @internal The journal that it is a part of. */
  readonly whole: Whole
}

/** What {@link Run} is sorted into. */
export interface Index {
  readonly opened: Of<"fanout.opened"> | undefined
  /** The last, if it has not been resumed since. */
  readonly closed: Of<"fanout.closed"> | undefined
  /** Those after which it was resumed, each with that. */
  readonly suspensions: ReadonlyArray<{
    readonly closed: Of<"fanout.closed">
    readonly resumed: Of<"fanout.resumed">
  }>
  readonly report: Report.Json | undefined
  readonly nodes: ReadonlyArray<PlanNode>
  readonly root: PlanNode
  readonly calls: ReadonlyArray<CallTrace>
  readonly call: (id: string) => CallTrace | undefined
  /** Where an event stands in the run. */
  readonly place: (event: Event) => number
  /** The first decision of a node. */
  readonly decided: (node: PlanNode) => Of<"policy.decided"> | undefined
}

type Open<T> = { -readonly [K in keyof T]: T[K] extends ReadonlyArray<infer A> ? Array<A> : T[K] }

const emptyAttempt = (number: number): Open<AttemptTrace> => ({
  number,
  started: [],
  refused: [],
  ended: [],
  leftBehind: [],
  delivered: [],
  late: [],
  asked: [],
  stops: [],
  records: [],
  isSuspended: false
})

interface Draft {
  readonly events: Array<Event>
  readonly attempts: Map<number, Open<AttemptTrace>>
  readonly stops: Array<Of<"stop.requested">>
  readonly settled: Array<Of<"call.settled">>
  readonly lateUndos: Array<Of<"response.late">>
}

const attemptOf = (draft: Draft, number: number): Open<AttemptTrace> => {
  let attempt = draft.attempts.get(number)
  if (attempt === undefined) draft.attempts.set(number, (attempt = emptyAttempt(number)))
  return attempt
}

const lastOf = (draft: Draft): Open<AttemptTrace> | undefined =>
  [...draft.attempts.values()].findLast(({ started }) => started.length > 0)

const hasOpen = (events: ReadonlyArray<Event>): boolean =>
  events.some((event, i) => {
    if (event.type !== "question.asked") return false
    return !events.slice(i + 1).some((other) => "question" in other && other.question === event.question)
  })

const sort = (draft: Draft, event: Event): void => {
  draft.events.push(event)
  switch (event.type) {
    case "attempt.started":
      return void attemptOf(draft, event.attempt).started.push(event)
    case "attempt.refused":
      return void attemptOf(draft, event.attempt).refused.push(event)
    case "attempt.ended":
      return void attemptOf(draft, event.attempt).ended.push(event)
    case "attempt.leftBehind":
      return void attemptOf(draft, event.attempt).leftBehind.push(event)
    case "stop.delivered":
      return void attemptOf(draft, event.attempt).delivered.push(event)
    case "response.late":
      if (event.undo === true) draft.lateUndos.push(event)
      else attemptOf(draft, event.attempt).late.push(event)
      return
    case "effect.intended":
      return void attemptOf(draft, event.attempt).asked.push(event)
    case "effect.refused": {
      const { asked } = attemptOf(draft, event.attempt)
      if (!asked.some(({ key }) => key === event.key)) asked.push(event)
      return
    }
    case "stop.requested": {
      draft.stops.push(event)
      if (event.attempt !== undefined) return void attemptOf(draft, event.attempt).stops.push(event)
      // it comes while the run is being suspended: the attempt has ended for that, and its question is open yet
      const last = lastOf(draft)
      if (last !== undefined && last.ended.length + last.leftBehind.length > 0 && hasOpen(draft.events))
        last.isSuspended = true
      return
    }
    case "call.settled":
      return void draft.settled.push(event)
    case "call.suspended": {
      const last = lastOf(draft)
      if (last !== undefined && draft.settled.length === 0) last.isSuspended = true
    }
  }
}

const keysOf = (events: ReadonlyArray<Event>): ReadonlySet<string> =>
  new Set(events.flatMap((event) => ("key" in event && event.type.startsWith("effect.") ? [event.key] : [])))

/** What ran inside of a call: all of it, and what closed before the call was left behind. */
interface Insides {
  readonly all: ReadonlyArray<Event>
  readonly certain: ReadonlyArray<Event>
}

/** `insideOf`: what ran inside of a call of it. */
export const makeIndex = (
  events: ReadonlyArray<Event>,
  ledger: ReadonlyArray<Record> = [],
  insideOf: (call: string) => Insides = () => ({ all: [], certain: [] }),
  order: (a: Event, b: Event) => number = () => 0
): Index => {
  const first = <T extends Event["type"]>(type: T) => events.find((event): event is Of<T> => event.type === type)
  const opened = first("fanout.opened")
  const resumptions = events.filter((event): event is Of<"fanout.resumed"> => event.type === "fanout.resumed")
  const after = (event: Event | undefined) => events.slice(event === undefined ? 0 : events.indexOf(event))
  const closeAfter = (event: Event | undefined) =>
    after(event).find((event): event is Of<"fanout.closed"> => event.type === "fanout.closed")
  const suspensions = resumptions.flatMap((resumed, i) => {
    const closed = closeAfter(resumptions[i - 1])
    return closed === undefined ? [] : [{ closed, resumed }]
  })
  const closed = closeAfter(resumptions.at(-1))
  const report = closed?.report
  const nodes = (opened === undefined ? undefined : readPlan(opened.plan, opened.inside?.call)) ?? []
  const drafts = new Map<string, Draft>()
  const draftOf = (id: string): Draft => {
    let draft = drafts.get(id)
    if (draft === undefined)
      drafts.set(id, (draft = { events: [], attempts: new Map(), stops: [], settled: [], lateUndos: [] }))
    return draft
  }
  const places = new Map<Event, number>()
  const decisions = new Map<string, Of<"policy.decided">>()
  events.forEach((event, place) => {
    places.set(event, place)
    if ("call" in event) sort(draftOf(event.call), event)
    if (event.type === "policy.decided" && !decisions.has(event.node)) decisions.set(event.node, event)
  })
  for (const record of ledger) attemptOf(draftOf(record.call), record.attempt).records.push(record)
  const reports = new Map(report?.calls.map((call) => [call.id, call]))
  const calls = nodes
    .filter(({ policy }) => policy === "call")
    .map((node): CallTrace => {
      const { attempts, ...draft } = draftOf(node.path)
      const inReport = reports.get(node.path)
      const { all: inside, certain } = insideOf(node.path)
      const keys = keysOf(certain)
      const doubtful = new Set([...keysOf(inside)].filter((key) => !keys.has(key)))
      const isInner = (event: Event) => "key" in event && (keys.has(event.key) || doubtful.has(event.key))
      const effects = tracesOf(inside.length === 0 ? draft.events : draft.events.filter((event) => !isInner(event)))
      const inner = keys.size === 0 ? [] : tracesOf([...certain, ...draft.events.filter(isInner)].sort(order))
      return {
        node,
        id: node.path,
        ...draft,
        attempts: [...attempts.values()].sort((a, b) => a.number - b.number),
        effects,
        inner,
        doubtful,
        inside,
        contract: inReport?.contract ?? opened!.contracts[node.path] ?? opened!.contracts[node.tool],
        report: inReport
      }
    })
  const byId = new Map(calls.map((call) => [call.id, call]))
  return {
    opened,
    closed,
    suspensions,
    report,
    nodes,
    root: nodes[0]!,
    calls,
    call: (id) => byId.get(id),
    place: (event) => places.get(event) ?? -1,
    decided: ({ pointer }) => decisions.get(pointer)
  }
}

/** The event that says that an attempt is over, whatever became of it. */
export const overOf = ({ ended, leftBehind, refused }: AttemptTrace): Event | undefined =>
  ended[0] ?? leftBehind[0] ?? refused[0]

/** Was the run suspended at its last close? Then it is not over, and what it will come to is not known. */
export const isSuspended = ({ index: { report } }: Run): boolean => report?.status === "suspended"

/** Was it begun again where its run was resumed? Then it may wait for what was asked before, without a word. */
export const isAgain = ({ attempts }: CallTrace, attempt: number): boolean =>
  attempts.some(({ isSuspended, number }) => isSuspended && number < attempt)

/** Did its handler begin? */
export const began = ({ refused, started }: AttemptTrace): boolean => started.length > 0 && refused.length === 0

/** Does the contract say that it changes the world at the gate, and nowhere else? */
export const marks = ({ contract }: CallTrace): boolean =>
  contract !== undefined && contract.effect !== "none" && contract.commit === "marked"

/** Does the contract say that what it does can be undone? */
export const canUndo = ({ contract }: CallTrace): boolean =>
  contract !== undefined && contract.effect !== "none" && contract.compensate !== undefined

/** Was an attempt of it left behind, or something that a fan-out inside of its handler had started? */
export const wasLeftBehind = (call: CallTrace): boolean =>
  call.attempts.some(({ leftBehind }) => leftBehind.length > 0) || leftInside(call)

/** Has a fan-out inside of its handler left something behind, or given an undo up? */
export const leftInside = ({ inside }: CallTrace): boolean =>
  inside.some(({ type }) => type === "attempt.leftBehind" || type === "effect.compensationFailed")

/** Does the contract say that the tool changes the world? */
export const acts = ({ contract }: CallTrace): boolean => contract !== undefined && contract.effect !== "none"
