/**
 * Laws about budgets: what was reserved, charged and refused, added up again from the journal.
 */
import { type Ledger, ledgerOf, type Owner } from "./accounts.ts"
import { type Complain, law } from "./law.ts"
import { checkLoops } from "./loops.ts"
import { type AttemptTrace, began, type CallTrace, type Of, type Run } from "./run.ts"
import { isUnconditional } from "./tree.ts"
import type { Session } from "./whole.ts"

export const withinBudget = law(
  "G9",
  "Within budget",
  "What is used and reserved never exceeds a limit, of the fan-out or of what it runs in; no attempt starts without its reservation, or after it was refused; all of it is charged or given back by the close. A call that has failed the same way too often is not planned again.",
  (run, complain) => {
    const { closed, opened } = run.index
    checkAttempts(run, complain)
    if (opened?.budget === undefined) return
    const owner = { name: run.id, opened, limits: opened.budget, runs: membersOf(run) }
    const ledger = ledgerOf(owner, closed)
    checkLedger(run, owner, ledger, complain)
    if (closed !== undefined) checkUsage(ledger, closed.report.budget, closed, complain)
  },
  (session, complain) => {
    checkLoops(session, complain)
    const { closed, opened } = session
    if (opened === undefined || Object.keys(opened.budget).length === 0) return
    const owner = { name: session.id, opened, limits: opened.budget, runs: session.runs }
    const ledger = ledgerOf(owner, closed)
    checkLedger(session, owner, ledger, complain)
    const { cohorts } = opened.budget
    if (cohorts !== undefined && session.cohorts.length > cohorts.limit)
      complain(`${session.cohorts.length} fan-outs were run, of ${cohorts.limit}`, [
        opened,
        ...session.cohorts.map(({ index }) => index.opened)
      ])
    if (closed !== undefined) checkUsage(ledger, closed.budget, closed, complain)
  }
)

const membersOf = ({ id, whole }: Run): ReadonlyArray<Run> =>
  [...whole.runs.values()].filter((run) => whole.isWithin(run.id, id))

const checkLedger = (
  { tolerance }: Run | Session,
  { limits, name, opened, runs }: Owner,
  { excesses, missing, opened: left }: Ledger,
  complain: Complain
): void => {
  for (const { amount, at, event } of excesses)
    complain(`${amount} ${at} were used and reserved, of ${limits[at]!.limit} (${name})`, [opened, event])
  for (const started of missing)
    complain(`attempt ${started.attempt} of ${started.call} started without a reservation (${name})`, [opened, started])
  for (const reserved of left)
    complain(`what attempt ${reserved.attempt} of ${reserved.call} had reserved was never settled (${name})`, [
      reserved
    ])
  const { wallClock } = limits
  if (wallClock === undefined) return
  // clocks of two kinds may differ by what is no time
  const end = opened.time + wallClock.limit + tolerance + 1
  for (const run of runs) {
    const late = run.events.filter((event) => event.type === "attempt.started" && event.time > end)
    if (late.length > 0) complain(`an attempt started after the time of ${name} was up`, [opened, ...late])
  }
}

type Entries = Of<"session.opened">["budget"]

/** What is said at the close against what the journal comes to. */
const checkUsage = (
  { late, used }: Ledger,
  said: Entries,
  closed: Of<"session.closed" | "fanout.closed">,
  complain: Complain
) => {
  for (const [name, { reserved, used: amount }] of Object.entries(said)) {
    if (reserved !== 0 && late === 0) complain(`${reserved} ${name} were still reserved at the close`, [closed])
    if (name === "wallClock" || name === "cohorts") continue
    const mine = used.get(name) ?? 0
    if (Math.abs(mine - amount) > 1e-6 * Math.max(1, mine))
      complain(`it says that ${amount} ${name} were used, and the journal comes to ${mine}`, [closed])
  }
}

/** What was reserved was settled once, and what was refused began nothing. */
const checkAttempts = (run: Run, complain: Complain): void => {
  for (const call of run.index.calls) {
    const of = <T extends "budget.reserved" | "budget.settled">(type: T, attempt: number) =>
      call.events.filter((event): event is Of<T> => event.type === type && event.attempt === attempt)
    for (const attempt of call.attempts) {
      const reserved = of("budget.reserved", attempt.number)
      const settled = of("budget.settled", attempt.number)
      const what = `attempt ${attempt.number} of ${call.id}`
      if (reserved.length > 1) complain(`${what} reserved ${reserved.length} times`, reserved)
      if (settled.length > reserved.length) complain(`${what} was charged what it had not reserved`, settled)
      if (reserved[0] !== undefined && settled[0] !== undefined)
        checkCharge(call, attempt, reserved[0], settled[0], complain)
      checkRefusal(run, call, attempt, complain)
    }
    const first = of("budget.reserved", 1)[0]
    for (const event of call.events) {
      if (event.type !== "budget.reserved") continue
      const { attempts, calls = 0 } = event.amounts
      if (attempts !== 1 || calls !== (event.attempt === 1 ? 1 : 0))
        complain(`attempt ${event.attempt} of ${call.id} reserved ${calls} calls and ${attempts} attempts`, [event])
      if (first !== undefined && costsOf(first.amounts) !== costsOf(event.amounts))
        complain(`attempts of ${call.id} reserved not the same`, [first, event])
    }
  }
}

const costsOf = ({ attempts: _, calls: __, ...costs }: { readonly [name: string]: number }): string =>
  JSON.stringify(Object.entries(costs).sort())

const checkCharge = (
  call: CallTrace,
  attempt: AttemptTrace,
  reserved: Of<"budget.reserved">,
  settled: Of<"budget.settled">,
  complain: Complain
): void => {
  const what = `attempt ${attempt.number} of ${call.id}`
  const charged = Object.entries(settled.amounts)
  if (!began(attempt)) {
    if (charged.some(([, amount]) => amount !== 0))
      complain(`${what} did not begin, and was charged`, [reserved, settled])
    return
  }
  for (const name of ["calls", "attempts"])
    if ((settled.amounts[name] ?? 0) !== (reserved.amounts[name] ?? 0))
      complain(`${what} began, and was charged ${settled.amounts[name] ?? 0} ${name}`, [reserved, settled])
  const gaveNoAnswer = attempt.leftBehind.length > 0 || attempt.ended.some(({ result }) => result === "noAnswer")
  if (!gaveNoAnswer || call.report?.cleanup !== undefined) return
  const less = Object.entries(reserved.amounts).find(([name, amount]) => (settled.amounts[name] ?? 0) < amount)
  if (less !== undefined)
    complain(`${what} gave no answer, and was charged less than its ceiling of ${less[1]} ${less[0]}`, [
      reserved,
      settled
    ])
}

const checkRefusal = (run: Run, call: CallTrace, attempt: AttemptTrace, complain: Complain): void => {
  const refused = attempt.refused.find(({ reason }) => reason === "budget" || reason === "overloaded")
  if (refused === undefined) return
  const started = call.attempts.filter(({ number }) => number >= attempt.number).flatMap(({ started }) => started)
  if (started.length > 0) complain(`${call.id} was refused (${refused.reason}), and started`, [refused, ...started])
  if (call.report === undefined || refused.reason !== "budget") return
  const { budget } = call.report
  const say = (message: string) =>
    complain(`${call.id} was refused by the budget, ${message}`, [refused, run.index.closed])
  if (budget === undefined) return say("and the report does not say why")
  const isOfTime = budget.name === "wallClock"
  const isOfPace = budget.name.startsWith("further attempts of ")
  if (!isOfTime && !isOfPace && !(budget.used + budget.asked > budget.limit))
    say(`which had enough: ${budget.used} of ${budget.limit} ${budget.name}, and ${budget.asked} asked`)
  if (!isOfTime && !isOfPace && attempt.number === 1 && isUnconditional(call.node))
    say("though it was reserved at the opening")
}
