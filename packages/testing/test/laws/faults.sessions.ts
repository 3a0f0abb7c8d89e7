/**
 * Journals that break laws. One cohort at a time, within budget and permits.
 */
import { alter, both, drop, duplicate, type Fault, indexOf, type Material, move } from "./material.ts"

const opened = { type: "session.opened" }
const closed = { type: "session.closed" }
const of = (type: string, run: string, call?: string, attempt?: number) => ({
  type,
  run,
  ...(call === undefined ? {} : { call }),
  ...(attempt === undefined ? {} : { attempt })
})
const reserved = (run: string, call: string, attempt = 1) => of("budget.reserved", run, call, attempt)
const settled = (run: string, call: string, attempt = 1) => of("budget.settled", run, call, attempt)
const started = (run: string, call: string, attempt = 1) => of("attempt.started", run, call, attempt)

/** Changes what the session said when it was opened, or closed. */
const entry =
  (where: { readonly type: string }, name: string, change: object) =>
  ({ journal }: Material): void => {
    Object.assign(journal[indexOf(journal, where)].budget[name], change)
  }

const limits =
  (change: object) =>
  ({ journal }: Material): void => {
    Object.assign(journal[indexOf(journal, opened)].limits, change)
  }

const inReport =
  (run: string, id: string, change: (call: any) => void) =>
  ({ journal }: Material): void => {
    const { calls } = journal[indexOf(journal, of("fanout.closed", run))].report
    change(calls[indexOf(calls, { id })])
  }

export const faults: ReadonlyArray<Fault> = [
  [
    "G8",
    "replans",
    "an attempt of the old plan after the new one had begun",
    move(started("s.1", "/look"), started("s.2", "/books"))
  ],
  [
    "G8",
    "replans",
    "a plan that began before the old one had closed",
    move(of("fanout.closed", "s.2"), of("fanout.opened", "s.3"))
  ],
  [
    "G8",
    "replans",
    "an undo of the old plan in the midst of the new one",
    move(of("effect.compensating", "s.2"), started("s.3", "/a"))
  ],
  ["G8", "replans", "what may still act, and was not named", drop({ type: "session.overridden" })],
  [
    "G8",
    "replans",
    "another one named",
    alter({ type: "session.overridden", epoch: 2 }, { leftBehind: ["s.1/look#1"] })
  ],
  [
    "G8",
    "replans",
    "an attempt after the planner had planned anew",
    move({ type: "session.replanned", epoch: 2 }, of("call.queued", "s.2", "/wait"))
  ],
  ["G8", "replans", "an epoch that was left out", alter(of("fanout.opened", "s.2"), { epoch: 3 })],
  ["G8", "replans", "an attempt after the session's close", move(started("s.3", "/m"), closed)],
  ["G8", "replans", "a close that counts wrong", alter(closed, { cohorts: 7 })],
  ["G8", "replans", "a second close", duplicate(closed)],
  ["G8", "replans", "a fan-out before its session", ({ journal }) => journal.unshift(...journal.splice(1, 1))],
  [
    "G8",
    "replans",
    "an effect that passed the gate when the next had begun",
    both(move(of("effect.intended", "s.3"), closed), alter(of("effect.intended", "s.3"), { run: "s.1", call: "/look" }))
  ],
  [
    "G4",
    "runsOut",
    "time that was up before it was over",
    ({ journal }) => {
      journal[indexOf(journal, of("fanout.opened", "s.1"))].budget.wallClock.limit = 1_000
    }
  ],
  [
    "L13",
    "runsOut",
    "an attempt that timed out, where it was its caller",
    alter(of("attempt.ended", "s.2@1"), { result: "timeout" })
  ],
  [
    "G4",
    "runsOut",
    "a timeout of the caller that counts as the call's own",
    inReport("s.2@1", "/", (call) => Object.assign(call, { verdict: "failed" }))
  ],
  ["G11", "replans", "a session without an opening", drop(opened)],
  ["G11", "replans", "two sessions of one name", duplicate(opened)],
  ["L18", "replans", "a session that never closed", drop(closed)],
  // budgets
  [
    "G9",
    "spends",
    "more reserved than there is",
    alter(reserved("s.1", "/cheap"), { amounts: { usd: 8, calls: 1, attempts: 1 } })
  ],
  ["G9", "spends", "more used than the session has", entry(opened, "attempts", { limit: 5 })],
  ["G9", "spends", "more used than the fan-out has", entry(of("fanout.opened", "s.1"), "attempts", { limit: 3 })],
  ["G9", "spends", "an attempt without a reservation", drop(reserved("s.1", "/retried", 2))],
  [
    "G9",
    "spends",
    "an attempt that started before its reservation",
    move(reserved("s.1", "/cheap"), started("s.1", "/cheap"))
  ],
  ["G9", "spends", "a reservation that was never settled", drop(settled("s.1", "/cheap"))],
  ["G9", "spends", "one that was settled twice", duplicate(settled("s.1", "/cheap"))],
  ["G9", "spends", "one that was reserved twice", duplicate(reserved("s.1", "/cheap"))],
  ["G9", "spends", "a rest that was kept at the close", entry(closed, "usd", { reserved: 1 })],
  ["G9", "spends", "another sum at the close", entry(closed, "usd", { used: 3 })],
  [
    "G9",
    "spends",
    "another sum in the report",
    ({ journal }) => {
      journal[indexOf(journal, of("fanout.closed", "s.1"))].report.budget.attempts.used = 2
    }
  ],
  [
    "G9",
    "spends",
    "a call that is not counted",
    alter(reserved("s.1", "/cheap"), { amounts: { usd: 2, attempts: 1 } })
  ],
  [
    "G9",
    "spends",
    "a further attempt that counts as a call",
    alter(reserved("s.1", "/retried", 2), { amounts: { calls: 1, attempts: 1 } })
  ],
  [
    "G9",
    "spends",
    "attempts of one call that do not cost the same",
    alter(reserved("s.1", "/retried", 2), { amounts: { usd: 1, attempts: 1 } })
  ],
  [
    "G9",
    "spends",
    "one that gave no answer, and was charged less than its ceiling",
    alter(settled("s.1", "/dies"), { amounts: { usd: 1, calls: 1, attempts: 1 } })
  ],
  ["G9", "spends", "one that began, and was charged nothing", alter(settled("s.1", "/cheap"), { amounts: {} })],
  [
    "G9",
    "spends",
    "one that did not begin, and was charged",
    alter(of("attempt.ended", "s.1", "/cheap"), { type: "attempt.refused", reason: "stop" })
  ],
  ["G9", "spends", "one that was refused, and started", alter(started("s.1", "/cheap"), { call: "/extra" })],
  [
    "G9",
    "spends",
    "one that was refused, and nobody knows why",
    inReport("s.1", "/extra", (call) => {
      delete call.budget
    })
  ],
  [
    "G9",
    "spends",
    "one that was refused, and there was enough",
    inReport("s.1", "/extra", (call) => {
      call.budget.used = 0
    })
  ],
  [
    "G9",
    "spends",
    "one that was refused, though it was reserved at the opening",
    both(
      alter(of("attempt.refused", "s.1", "/extra"), { call: "/cheap" }),
      inReport("s.1", "/cheap", (call) => {
        call.budget = { name: "usd", limit: 6, used: 5, asked: 2 }
      })
    )
  ],
  ["G9", "spends", "an attempt when time was up", entry(opened, "wallClock", { limit: 10 })],
  ["G9", "spends", "a fan-out too many", entry(opened, "cohorts", { limit: 3 })],
  ["G9", "spends", "a call that had failed the same way too often", limits({ loop: 1 })],
  ["G9", "spends", "more further attempts than the tool may have", limits({ retryRatio: -5 })],
  // permits
  ["L17", "spends", "more attempts than permits of the session", limits({ concurrency: 1 })],
  ["L17", "spends", "more attempts than permits of a tool", limits({ tools: { priced: 1 } })],
  [
    "L17",
    "spends",
    "more attempts at a resource than it has permits",
    both(
      limits({ resources: { disk: 1 } }),
      move(started("s.2", "/other"), of("attempt.started", "s.2/inside@1", "/inside/x"))
    )
  ]
]
