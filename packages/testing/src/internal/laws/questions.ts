/**
 * The law about questions: who may ask, how a question is closed, and that a suspension and a resume lose nothing and do nothing twice.
 */
import { endsCall } from "./above.ts"
import { stateAfter } from "./fates.ts"
import { type Complain, law } from "./law.ts"
import { acts, type AttemptTrace, type CallTrace, type Event, marks, type Of, overOf, type Run } from "./run.ts"
import type { Whole } from "./whole.ts"

type QuestionEvent = Of<"question.asked" | "question.answered" | "question.withdrawn">
type Close = Of<"fanout.closed">

/** One question: whoever asks it again, in a further attempt or after a resume, asks the same. */
interface QuestionTrace {
  readonly id: string
  readonly events: ReadonlyArray<QuestionEvent>
}

export const askedAndClosed = law(
  "G10",
  "Asked questions survive",
  "A question is asked by who runs, under an id of its own, and is closed once: answered, denied, expired, or withdrawn with the reason; it is open no longer than its asker. A call that needs leave starts when it has it. A fan-out closes with no question open, or is suspended with all that are, and who waits for them. Resumed, it asks nothing that was answered, and repeats nothing that was committed.",
  (run, complain) => {
    for (const question of questionsOf(run.whole).get(run.id) ?? []) checkQuestion(run, question, complain)
    for (const call of run.index.calls) {
      checkApproval(run, call, complain)
      checkDenied(call, complain)
      checkTimeouts(run, call, complain)
      checkResumes(run, call, complain)
    }
    const { closed, suspensions } = run.index
    const closes = [...suspensions.map(({ closed }) => closed), ...(closed === undefined ? [] : [closed])]
    closes.forEach((close, i) => {
      checkClose(run, close, suspensions[i - 1]?.resumed ?? run.index.opened!, complain)
    })
  }
)

const isBefore = (run: Run, a: Event, b: Event): boolean => run.whole.place(a) < run.whole.place(b)

const known = new WeakMap<Whole, ReadonlyMap<string, ReadonlyArray<QuestionTrace>>>()

/** By run. */
const questionsOf = (whole: Whole): ReadonlyMap<string, ReadonlyArray<QuestionTrace>> => {
  let all = known.get(whole)
  if (all === undefined) {
    const byRun = new Map<string, Map<string, Array<QuestionEvent>>>()
    const asked = new Map<string, Event>()
    for (const event of whole.events) {
      if (event.type !== "question.asked" && event.type !== "question.answered" && event.type !== "question.withdrawn")
        continue
      // where its asker does not run, the call around it withdraws it
      const run = whole.idOf((event.type === "question.asked" ? event : (asked.get(event.question) ?? event)).run)
      if (event.type === "question.asked") asked.set(event.question, event)
      const mine = byRun.get(run) ?? new Map<string, Array<QuestionEvent>>()
      byRun.set(run, mine)
      mine.set(event.question, [...(mine.get(event.question) ?? []), event])
    }
    all = new Map([...byRun].map(([run, mine]) => [run, [...mine].map(([id, events]) => ({ id, events }))]))
    known.set(whole, all)
  }
  return all
}

/** How it stood when this was written. */
const stateAt = (run: Run, { events }: QuestionTrace, at: Event): "none" | "open" | Closed => {
  const last = events.findLast((event) => isBefore(run, event, at))
  if (last === undefined) return "none"
  return last.type === "question.asked" ? "open" : closedAs(last)
}

type Closed = "answered" | "denied" | "expired" | "withdrawn"

const closedAs = (event: Of<"question.answered" | "question.withdrawn">): Closed =>
  event.type === "question.withdrawn" ? "withdrawn" : event.reply === "answer" ? "answered" : event.reply

const checkQuestion = (run: Run, question: QuestionTrace, complain: Complain): void => {
  const { events, id } = question
  for (const [other, questions] of questionsOf(run.whole)) {
    const same = other === run.id ? undefined : questions.find((one) => one.id === id)
    // what runs inside of a further attempt asks the same again
    if (same !== undefined && stateAt(run, same, events[0]!) === "open")
      complain(`${id} is asked in ${run.id}, and was open in ${other}`, [events[0], same.events[0]])
  }
  const strange = events.find(({ call, type }) => type === "question.asked" && call !== events[0]!.call)
  if (strange !== undefined) complain(`${id} is of two calls`, [events[0], strange])
  let before: QuestionEvent | undefined
  for (const event of events) {
    if (event.type === "question.asked") checkAsked(run, id, event, before, events, complain)
    else if (before?.type !== "question.asked") complain(`${id} was closed, and was not open`, [before, event])
    else if (event.type === "question.answered") checkAnswered(run, id, before, event, complain)
    else checkWithdrawn(run, before, event, complain)
    before = event
  }
  for (const asked of events) if (asked.type === "question.asked") checkAsker(run, question, asked, complain)
}

const checkAsked = (
  run: Run,
  id: string,
  asked: Of<"question.asked">,
  before: QuestionEvent | undefined,
  events: ReadonlyArray<QuestionEvent>,
  complain: Complain
): void => {
  const call = run.index.call(asked.call)
  if (call === undefined) return
  const say = (message: string, ...more: ReadonlyArray<Event | undefined>) =>
    complain(`${id} ${message}`, [...more, asked])
  const suffix = asked.kind === "approval" ? "?approval" : /\?\d+$/.exec(id)?.[0]
  if (suffix === undefined || !id.endsWith(`${asked.call}${suffix}`)) say(`does not name its call ${asked.call}`)
  // a handler that is begun again may ask for something else under its number
  if (before?.type === "question.asked" && (before.prompt === asked.prompt || before.attempt === asked.attempt))
    say("was asked again while it was open", before)
  const replied = events.findLast((other) => other.type === "question.answered" && isBefore(run, other, asked))
  const repliedTo = replied === undefined ? undefined : askedBefore(run, events, replied)
  if (repliedTo?.prompt === asked.prompt) say("was asked again, and had its reply", repliedTo, replied)
  const stop = call.stops.find(
    (stop) => isBefore(run, stop, asked) && (endsCall(run, stop) || stop.attempt === asked.attempt)
  )
  if (stop !== undefined) say("was asked after the stop of its asker", stop)
  if ((asked.attempt === 0) !== (asked.kind === "approval"))
    say(`is of attempt ${asked.attempt}, and its kind ${asked.kind}`)
  if (asked.kind === "approval") {
    const started = call.attempts.flatMap(({ started }) => started).find((event) => isBefore(run, event, asked))
    if (started !== undefined) say("asks whether to start what has started", started)
    return
  }
  const attempt = call.attempts.find(({ number }) => number === asked.attempt)
  const over = attempt === undefined ? undefined : overOf(attempt)
  const isRunning = attempt?.started.some((event) => isBefore(run, event, asked)) === true
  if (!isRunning || (over !== undefined && isBefore(run, over, asked)))
    say(`was asked by attempt ${asked.attempt}, which did not run`, attempt?.started[0], over)
  if (acts(call) && !marks(call)) say("was asked by a tool that may have acted by then", attempt?.started[0])
}

const askedBefore = (run: Run, events: ReadonlyArray<QuestionEvent>, at: Event): Of<"question.asked"> | undefined =>
  events.findLast((event): event is Of<"question.asked"> => event.type === "question.asked" && isBefore(run, event, at))

const checkAnswered = (
  run: Run,
  id: string,
  { expiresAt }: Of<"question.asked">,
  answered: Of<"question.answered">,
  complain: Complain
): void => {
  if (answered.reply !== "expired") return
  if (expiresAt === undefined) complain(`${id} expired, and had all the time`, [answered])
  else if (answered.time + run.tolerance < expiresAt)
    complain(`${id} expired ${expiresAt - answered.time} ms before its time`, [answered])
}

const checkWithdrawn = (
  run: Run,
  asked: Of<"question.asked">,
  withdrawn: Of<"question.withdrawn">,
  complain: Complain
): void => {
  const { call, question, reason } = withdrawn
  if (reason === "") complain(`${question} was withdrawn, and does not say why`, [asked, withdrawn])
  const stops = run.index
    .call(call)
    ?.stops.filter((stop) => isBefore(run, stop, withdrawn) && (endsCall(run, stop) || stop.attempt === asked.attempt))
  if (stops !== undefined && stops.length > 0 && !stops.some((stop) => stop.reason === reason))
    complain(`${question} was withdrawn by a stop, and says: ${reason}`, [asked, ...stops, withdrawn])
}

/** It is open no longer than who asked: its attempt, unless that is to go on elsewhere, and its call. */
const checkAsker = (run: Run, question: QuestionTrace, asked: Of<"question.asked">, complain: Complain): void => {
  const call = run.index.call(asked.call)
  const attempt = call?.attempts.find(({ number }) => number === asked.attempt)
  const over = attempt === undefined || attempt.isSuspended ? undefined : overOf(attempt)
  for (const end of [over, call?.settled[0]]) {
    if (end === undefined || isBefore(run, end, asked) || stateAt(run, question, end) !== "open") continue
    complain(`${question.id} was still open when its asker had ended`, [asked, end])
    return
  }
}

const approvalOf = (run: Run, call: CallTrace): QuestionTrace | undefined =>
  questionsOf(run.whole)
    .get(run.id)
    ?.find(({ events }) =>
      events.some((e) => e.type === "question.asked" && e.kind === "approval" && e.call === call.id)
    )

const checkApproval = (run: Run, call: CallTrace, complain: Complain): void => {
  const approval = approvalOf(run, call)
  if (approval === undefined) return
  for (const started of call.attempts.flatMap(({ started }) => started)) {
    const state = stateAt(run, approval, started)
    if (state !== "answered")
      complain(`${call.id} started, and its approval was ${state}`, [...approval.events, started])
  }
  const [settled] = call.settled
  const state = settled === undefined ? undefined : stateAt(run, approval, settled)
  if (state === "denied" && settled!.outcome !== "Denied")
    complain(`${call.id} was not allowed to start, and is ${settled!.outcome}`, [...approval.events, settled])
}

const checkDenied = (call: CallTrace, complain: Complain): void => {
  const [settled] = call.settled
  if (settled?.outcome !== "Denied") return
  const isRefused = call.attempts.some(({ refused }) => refused.some(({ reason }) => reason === "denied"))
  const isDenied = call.events.some((event) => event.type === "question.answered" && event.reply !== "answer")
  if (!isRefused && !isDenied) complain(`${call.id} is Denied, and nobody has denied anything`, [settled])
}

/** Waiting counts against no timeout. */
const checkTimeouts = (run: Run, call: CallTrace, complain: Complain): void => {
  const mine = (questionsOf(run.whole).get(run.id) ?? []).filter(({ events }) => events[0]!.call === call.id)
  for (const stop of call.stops) {
    if (stop.source !== "timeout" || endsCall(run, stop)) continue
    const isInside = call.inside.some(({ type }) => type === "fanout.opened")
    // begun again after a resume it may not have come to its question yet
    const open = mine.find(
      (question) =>
        stateAt(run, question, stop) === "open" && askedBefore(run, question.events, stop)?.attempt === stop.attempt
    )
    if (open !== undefined && !isInside)
      complain(`attempt ${stop.attempt} of ${call.id} timed out while it waited for ${open.id}`, [...open.events, stop])
  }
}

/** What was committed before a suspension does not come to the gate again, nor what may have been and must not be repeated. */
const checkResumes = (run: Run, call: CallTrace, complain: Complain): void => {
  for (const { closed, resumed } of run.index.suspensions) {
    const next = call.attempts.find(({ started }) => started.some((event) => isBefore(run, resumed, event)))
    if (next === undefined) continue
    for (const { events, key } of call.effects) {
      const before = events.filter((event) => isBefore(run, event, closed))
      const state = stateAfter(before)
      const isDone = state === "committed" || (state === "unknown" && mustNotBeRepeated(call))
      const again = intentOf(next, key)
      if (isDone && again !== undefined)
        complain(`${key} was ${state} before the resume, and came to the gate again`, [...before, resumed, again])
    }
  }
}

const mustNotBeRepeated = ({ contract }: CallTrace): boolean =>
  contract !== undefined && contract.effect !== "none" && contract.repeat === "never"

const intentOf = ({ asked }: AttemptTrace, key: string): Event | undefined =>
  asked.find((event) => event.type === "effect.intended" && event.key === key)

/** `began`: when it was opened, or resumed, last. */
const checkClose = (run: Run, close: Close, began: Event, complain: Complain): void => {
  const within = withinRun(run)
  const open = within.filter((question) => stateAt(run, question, close) === "open")
  if (close.report.status !== "suspended") {
    // what was left behind inside of a handler closes later, and its questions with it
    const isLeft = ({ events }: QuestionTrace) => {
      const { id, index } = run.whole.runOf(events[0]!)!
      return id !== run.id && (index.closed === undefined || isBefore(run, close, index.closed))
    }
    const left = open.find((question) => !isLeft(question))
    if (left !== undefined) complain(`it closed, and ${left.id} was open`, [...left.events, close])
  } else {
    if (open.length === 0) complain("it was suspended, and nobody has been asked", [began, close])
    for (const call of run.index.calls) checkSuspended(run, call, close, began, open, complain)
  }
  // that of what runs inside of a handler leaves them to the outermost one
  if (run.whole.insideRun(run.id).inside !== undefined) return
  for (const question of within) {
    const state = stateAt(run, question, close)
    const { events, id } = question
    const reported = close.report.questions.find((one) => one.id === id)
    if (state === "none") continue
    if (reported?.state !== state)
      complain(`${id} is ${state}, and the report says ${reported?.state ?? "nothing"}`, [...events, close])
    const reply = events.findLast((event) => event.type === "question.answered" && isBefore(run, event, close))
    const by = reply?.type === "question.answered" && state !== "withdrawn" && state !== "open" ? reply.by : undefined
    if (reported !== undefined && reported.by !== by)
      complain(`${id} was answered by ${by ?? "nobody"}, and the report says ${reported.by ?? "nobody"}`, [
        reply,
        close
      ])
  }
  const strange = close.report.questions.find(({ id }) => !within.some((one) => one.id === id))
  if (strange !== undefined) complain(`the report has ${strange.id}, which nobody has asked`, [close])
}

/** All questions of a run and of what ran inside of it: those of further attempts are the same. */
const withinRun = (run: Run): ReadonlyArray<QuestionTrace> => {
  const byId = new Map<string, ReadonlyArray<QuestionEvent>>()
  for (const [id, questions] of questionsOf(run.whole)) {
    if (!run.whole.isWithin(id, run.id)) continue
    for (const { events, id } of questions) byId.set(id, [...(byId.get(id) ?? []), ...events])
  }
  return [...byId].map(([id, events]) => ({
    id,
    events: [...events].sort((a, b) => run.whole.place(a) - run.whole.place(b))
  }))
}

/** A call that is not over waits for these, itself or in what runs inside of it. */
const checkSuspended = (
  run: Run,
  call: CallTrace,
  close: Close,
  began: Event,
  open: ReadonlyArray<QuestionTrace>,
  complain: Complain
): void => {
  const said = call.events.filter(
    (event): event is Of<"call.suspended"> =>
      event.type === "call.suspended" && isBefore(run, began, event) && isBefore(run, event, close)
  )
  const isOver = call.settled.some((event) => isBefore(run, event, close))
  if (said.length !== (isOver ? 0 : 1))
    return complain(`${call.id} ${isOver ? "is over" : "waits"}, and was suspended ${said.length} times`, [
      ...said,
      ...call.settled,
      close
    ])
  if (isOver) return
  const mine = open.filter(({ events }) => isOf(run, call, events[0]!)).map(({ id }) => id)
  const listed = said[0]!.questions
  if (listed.length !== mine.length || mine.some((id) => !listed.includes(id)))
    complain(`${call.id} waits for ${list(mine)}, and is suspended with ${list(listed)}`, [said[0], close])
}

const list = (ids: ReadonlyArray<string>): string => (ids.length === 0 ? "nothing" : ids.join(", "))

const isOf = (run: Run, { id }: CallTrace, event: Event & { readonly call: string }): boolean => {
  for (let at: { readonly run: string; readonly call: string } | undefined = event; at !== undefined;) {
    if (run.whole.idOf(at.run) === run.id) return at.call === id
    at = run.whole.insideRun(run.whole.idOf(at.run)).inside
  }
  return false
}
