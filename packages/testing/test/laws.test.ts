/**
 * Each law catches a journal that was broken by hand, and passes the honest one it was made from.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, type Journal, Plan } from "@toolscope/core"
import type * as Ledger from "@toolscope/testing/Ledger"
import * as Laws from "@toolscope/testing/Laws"
import * as Zoo from "@toolscope/testing/Zoo"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { observe } from "./zooSupport.ts"

const reads = (behaviour: Zoo.Script) => Plan.call(Zoo.tools.reads, behaviour)
const animal = (name: keyof typeof Zoo.animals) => Zoo.call(Zoo.animals[name])

/** Everything succeeds that has to; one call retries, one is late, one is left, an advisory runs out of grace. */
const succeeds = () =>
  observe(
    Plan.all({
      some: Plan.quorum(2, {
        x: animal("commits"),
        y: reads({ after: 15, then: "answer" }),
        z: animal("slowToStop"),
        w: reads({ after: 5, then: "fail" })
      }),
      retried: animal("recovers"),
      late: animal("answersAfterItsRetry"),
      whatever: Plan.settled(animal("dies")),
      race: Plan.firstSuccess({ a: reads({ after: 8, then: "fail" }), b: reads({ after: 12, then: "answer" }) }),
      author: Plan.advisory(animal("never"), { grace: 20 })
    }),
    { concurrency: 20 }
  )

/** One call fails: others stop each in their own way, one is left behind, some never start. */
const fails = () =>
  observe(
    Plan.all({
      bad: reads({ after: 30, then: "fail" }),
      deaf: animal("deafNever"),
      acts: animal("commitsAsItStops"),
      tells: Plan.advisory(reads({ after: 3, then: "fail", cleanup: { then: "die" } })),
      wrong: animal("failsAsItStops"),
      queued: animal("answers"),
      unused: Plan.quorum(1, { a: animal("answers"), b: animal("never") })
    }),
    { concurrency: 4 }
  )

/** Everything is stopped from above; one had answered before. */
const stopped = () =>
  observe(
    Plan.all({ done: reads({ after: 10, then: "answer" }), p: animal("deafPromise"), n: animal("never") }),
    {},
    30
  )

/** A deadline elapses. */
const late = () =>
  observe(
    Plan.all({ q: Plan.deadline(Plan.quorum(1, { a: animal("never"), b: reads({ after: 5, then: "fail" }) }), 25) })
  )

/** Effects at the gate: done, in doubt and looked up, refused, repeated, and stopped before, in and after their gate. */
const passes = () =>
  observe(
    Plan.all({
      bad: reads({ after: 50, then: "fail" }),
      done: animal("marks"),
      twice: animal("marksTwice"),
      again: Plan.settled(animal("marksAgain")),
      refused: Plan.settled(animal("refusesAtItsGate")),
      found: Plan.settled(animal("isLookedUp")),
      absent: Plan.settled(animal("isNotThere")),
      late: animal("comesDeafToItsGate"),
      stopped: animal("comesToItsGateAsItStops"),
      wrong: Plan.advisory(animal("readsYetMarks")),
      hangs: animal("hangsAtItsGate")
    }),
    { concurrency: 20 }
  )

/** What is lost is undone, in every way; what is not lost stays. */
const undoes = () =>
  observe(
    Plan.all({
      trip: Plan.settled(
        Plan.atomic(
          Plan.all({
            flight: animal("marksTwice"),
            hotel: animal("isUndone"),
            car: animal("failsToUndo"),
            bus: animal("takesTimeToUndo"),
            doubt: Plan.settled(animal("isUndoneInDoubt")),
            bad: reads({ after: 90, then: "fail" })
          })
        )
      ),
      race: Plan.firstSuccess(
        {
          lost: Plan.all({ a: animal("isUndone"), bad: reads({ after: 30, then: "fail" }) }),
          won: Plan.call(Zoo.tools.undoable, { after: 20, then: "commit" })
        },
        { stagger: "infinity" }
      ),
      some: Plan.quorum(
        1,
        { x: Plan.all({ x: animal("isUndone"), slow: animal("slowToStop") }), y: reads({ after: 40, then: "answer" }) },
        { surplus: "undo" }
      ),
      kept: animal("marks"),
      again: animal("marksAgain")
    }),
    { concurrency: 20 }
  )

/** One undo hears nothing and is left behind, one is never begun; an attempt is left behind and undone when it has ended. */
const leaves = () =>
  observe(
    Plan.atomic(
      Plan.all({
        first: animal("isUndone"),
        second: animal("isDeafInItsUndo"),
        third: Plan.call(Zoo.tools.undoable, { after: 300, then: "commit", deaf: true }),
        bad: reads({ after: 70, then: "fail" })
      })
    ),
    { concurrency: 20 }
  )

interface Material {
  readonly journal: Array<any>
  readonly ledger: Array<any>
}

const bases = { succeeds, fails, stopped, late, passes, undoes, leaves }

/** As it would come out of a file. */
const materialOf = (name: keyof typeof bases): Effect.Effect<Material> =>
  Effect.map(bases[name](), ({ journal, ledger }) => JSON.parse(JSON.stringify({ journal, ledger })) as Material)

const check = ({ journal, ledger }: Material) => Laws.check(journal as ReadonlyArray<Journal.Event>, { ledger })

type Match = { readonly [field: string]: unknown }

const matches =
  (match: Match) =>
  (event: Match): boolean =>
    Object.entries(match).every(([name, value]) => event[name] === value)

const indexOf = (list: ReadonlyArray<any>, match: Match): number => {
  const at = list.findIndex(matches(match))
  if (at === -1) throw new Error(`nothing matches ${JSON.stringify(match)}`)
  return at
}

/** Numbers as the journal would have given them. */
const renumber = (journal: Array<any>): void => {
  journal.forEach((event, seq) => {
    event.seq = seq
  })
}

const drop =
  (match: Match) =>
  ({ journal }: Material): void => {
    journal.splice(indexOf(journal, match), 1)
    renumber(journal)
  }

const duplicate =
  (match: Match) =>
  ({ journal }: Material): void => {
    const at = indexOf(journal, match)
    journal.splice(at + 1, 0, { ...journal[at] })
    renumber(journal)
  }

/** Puts the first that matches `what` right behind the first that matches `behind`. */
const move =
  (what: Match, behind: Match) =>
  ({ journal }: Material): void => {
    const [event] = journal.splice(indexOf(journal, what), 1)
    const at = indexOf(journal, behind)
    journal.splice(at + 1, 0, { ...event, time: journal[at].time })
    renumber(journal)
  }

const alter =
  (match: Match, change: Match) =>
  ({ journal }: Material): void => {
    Object.assign(journal[indexOf(journal, match)], change)
  }

const report = ({ journal }: Material): any => journal[indexOf(journal, { type: "fanout.closed" })].report

const alterCall =
  (id: string, change: Match) =>
  (material: Material): void => {
    const { calls } = report(material)
    const call = Object.assign(calls[indexOf(calls, { id })], change)
    for (const [name, value] of Object.entries(change)) if (value === undefined) delete call[name]
  }

const alterNode =
  (node: string, change: Match) =>
  (material: Material): void => {
    const { nodes } = report(material)
    Object.assign(nodes[indexOf(nodes, { node })], change)
  }

const alterReport =
  (change: Match) =>
  (material: Material): void => {
    Object.assign(report(material), change)
  }

const record =
  (match: Match, change: Match) =>
  ({ ledger }: Material): void => {
    Object.assign(ledger[indexOf(ledger, match)], change)
  }

const add =
  (record: Partial<Ledger.Record>) =>
  ({ ledger }: Material): void =>
    void ledger.push({ run: "r", attempt: 1, ...record })

/** Takes records out. */
const lose =
  (match: Match) =>
  ({ ledger }: Material): void => {
    indexOf(ledger, match)
    ledger.splice(0, ledger.length, ...ledger.filter((record) => !matches(match)(record)))
  }

const both =
  (...faults: ReadonlyArray<(material: Material) => void>) =>
  (material: Material): void => {
    for (const fault of faults) fault(material)
  }

type Fault = readonly [law: string, base: keyof typeof bases, what: string, fault: (material: Material) => void]

const started = (call: string, attempt = 1) => ({ type: "attempt.started", call, attempt })
const ended = (call: string, attempt = 1) => ({ type: "attempt.ended", call, attempt })
const settled = (call: string) => ({ type: "call.settled", call })
const asked = (call: string) => ({ type: "stop.requested", call })
const decided = (node: string) => ({ type: "policy.decided", node })
const closed = { type: "fanout.closed" }
const ofEffect = (what: string, key: string) => ({ type: `effect.${what}`, key: `r${key}` })
const intended = (key: string) => ofEffect("intended", key)
const committed = (key: string) => ofEffect("committed", key)
const compensating = (key: string) => ofEffect("compensating", key)
const compensated = (key: string) => ofEffect("compensated", key)
const compensationFailed = (key: string) => ofEffect("compensationFailed", key)

const faults: ReadonlyArray<Fault> = [
  ["G1", "succeeds", "an attempt that never ended", drop(ended("/some/x"))],
  ["G1", "fails", "one left behind that is not listed", alterCall("/deaf", { leftBehind: false })],
  ["G1", "fails", "drained though one was left behind", alterReport({ drained: true })],
  ["G1", "succeeds", "a tool at work after its end", add({ call: "/some/x", what: "committed", at: 1e9 })],
  [
    "G2",
    "fails",
    "an attempt that was awaited too long",
    alter({ type: "attempt.leftBehind", call: "/deaf" }, { time: 1e9 })
  ],
  ["G2", "fails", "a close long after the decision", alter(closed, { time: 1e9 })],
  ["G3", "succeeds", "a call that never settled", drop(settled("/retried"))],
  ["G3", "succeeds", "a call that settled twice", duplicate(settled("/retried"))],
  ["G3", "succeeds", "a call that the report has not", (m) => void report(m).calls.splice(2, 1)],
  ["G3", "succeeds", "a call that the report has twice", (m) => void report(m).calls.push(report(m).calls[0])],
  ["G3", "succeeds", "another outcome in the report", alterCall("/whatever", { outcome: "Unknown" })],
  ["G3", "succeeds", "a call that is not in the plan", alter(ended("/some/x"), { call: "/some/nowhere" })],
  [
    "G4",
    "fails",
    "a plan that succeeded though an essential call failed",
    alterNode("/plan", { decision: "succeeded", decidedBy: [] })
  ],
  ["G4", "fails", "a failure that counts the wrong child", alterNode("/plan", { decidedBy: ["/deaf"] })],
  [
    "G4",
    "succeeds",
    "a quorum that counts three",
    alterNode("/plan/all/0", { decidedBy: ["/some/x", "/some/y", "/some/w"] })
  ],
  [
    "G4",
    "succeeds",
    "a quorum that counts one that failed",
    alterNode("/plan/all/0", { decidedBy: ["/some/x", "/some/w"] })
  ],
  ["G4", "succeeds", "a quorum that fails though two succeeded", alterNode("/plan/all/0", { decision: "failed" })],
  ["G4", "succeeds", "a grace that nobody waited for", alterCall("/retried", { verdict: "failed" })],
  ["G4", "succeeds", "children out of order", alterNode("/plan/all/0", { decidedBy: ["/some/y", "/some/x"] })],
  ["G4", "late", "a deadline that made something succeed", alterNode("/plan/all/0", { decision: "succeeded" })],
  ["G4", "succeeds", "one used that was not counted", alterCall("/some/w", { used: true })],
  ["G4", "succeeds", "one counted that is not used", alterCall("/some/x", { used: false })],
  ["G4", "succeeds", "a verdict that its end belies", alterCall("/whatever", { verdict: "succeeded" })],
  ["G4", "stopped", "a status that the root belies", alterReport({ status: "failed" })],
  ["G4", "fails", "a reason of another policy", alterReport({ reason: { _tag: "QuorumFailed", calls: ["/bad"] } })],
  [
    "G4",
    "fails",
    "a reason that names one that did not fail",
    alterReport({ reason: { _tag: "EssentialFailed", calls: ["/deaf"] } })
  ],
  ["G5", "fails", "an attempt after the stop of its call", move(started("/acts"), asked("/acts"))],
  ["G5", "stopped", "an attempt after everything was stopped", move(started("/done"), asked("/p"))],
  ["G6", "fails", "Cancelled though it may have acted", alterCall("/acts", { outcome: "Cancelled" })],
  ["G6", "succeeds", "an answer without its effect", alterCall("/some/x", { effects: [] })],
  ["G6", "succeeds", "an effect that was committed without an answer", alterCall("/retried", { outcome: "Failed" })],
  [
    "G6",
    "succeeds",
    "an effect of a tool that reads",
    alterCall("/some/y", { effects: [{ key: "k", state: "unknown" }] })
  ],
  ["G6", "fails", "Unknown, and no effect is", alterCall("/acts", { effects: [] })],
  ["G6", "fails", "Skipped, and has begun", alterCall("/bad", { outcome: "Skipped" })],
  [
    "G6",
    "fails",
    "Skipped, and the ledger has a commit",
    both(alterCall("/acts", { outcome: "Skipped", effects: [] }))
  ],
  ["G7", "succeeds", "an answer that is late twice", duplicate({ type: "response.late", call: "/late" })],
  [
    "G7",
    "succeeds",
    "a late answer of one that was not left behind",
    alter({ type: "response.late" }, { call: "/some/x" })
  ],
  ["G7", "succeeds", "a late answer that the report keeps silent about", alterCall("/late", { late: undefined })],
  ["G11", "succeeds", "numbers that go back", alter(ended("/some/x"), { seq: 0 })],
  ["G11", "succeeds", "an opening that is missing", drop({ type: "fanout.opened" })],
  ["G11", "succeeds", "two openings", duplicate({ type: "fanout.opened" })],
  ["G11", "succeeds", "events that were dropped", alter(ended("/some/x"), { type: "journal.dropped", count: 3 })],
  ["G11", "succeeds", "an attempt too many", alterCall("/retried", { attempts: 3 })],
  ["G11", "succeeds", "another start", alterCall("/retried", { startedAt: 7 })],
  ["G11", "succeeds", "an effect that the journal has not", drop({ type: "effect.committed", call: "/some/x" })],
  ["G11", "fails", "no word on why it was skipped", alterCall("/queued", { stoppedBy: undefined })],
  ["L1", "succeeds", "an event after the close", move(settled("/some/x"), closed)],
  ["L1", "succeeds", "an event before the opening", ({ journal }) => journal.unshift(...journal.splice(1, 1))],
  ["L2", "fails", "a handler that began after its stop", record({ call: "/acts", what: "began" }, { at: 1e9 })],
  ["L2", "fails", "a handler that nobody started", add({ call: "/queued", what: "began", at: 0 })],
  ["L2", "fails", "a handler that began twice", add({ call: "/acts", what: "began", at: 0 })],
  ["L3", "fails", "a stop that was asked for twice", duplicate(asked("/acts"))],
  ["L3", "fails", "a stop that was told twice", duplicate({ type: "stop.delivered", call: "/acts" })],
  ["L3", "fails", "a stop that was not told", drop({ type: "stop.delivered", call: "/acts" })],
  ["L3", "fails", "a stop that nobody had asked for", drop(asked("/acts"))],
  ["L5", "fails", "an answer that came too late and is counted", alterCall("/acts", { verdict: "succeeded" })],
  ["L5", "fails", "success of one left behind", alterCall("/deaf", { outcome: "Succeeded" })],
  ["L6", "succeeds", "an end after the end", duplicate(ended("/some/x"))],
  ["L6", "succeeds", "an attempt after the call had settled", move(ended("/some/x"), settled("/some/x"))],
  ["L7", "succeeds", "calls in another order", (m) => report(m).calls.reverse()],
  ["L7", "succeeds", "nodes in another order", (m) => report(m).nodes.reverse()],
  [
    "L8",
    "fails",
    "an error that the report lost",
    alterCall("/bad", { error: { _tag: "Broken", message: "something else" } })
  ],
  ["L8", "fails", "an error after the stop that the report lost", alterCall("/wrong", { afterStop: undefined })],
  ["L8", "fails", "an error of a cleanup that the report lost", alterCall("/tells", { cleanup: undefined })],
  [
    "L8",
    "succeeds",
    "an error of an earlier attempt that the journal lost",
    alter(ended("/retried"), { error: "something else" })
  ],
  [
    "L9",
    "fails",
    "another reason than the first",
    alterCall("/acts", { stoppedBy: { source: "user", reason: "somebody asked" } })
  ],
  ["L9", "fails", "a reason that was lost", alterCall("/acts", { stoppedBy: undefined })],
  [
    "L9",
    "fails",
    "an origin that gave no rise to it",
    both(
      alter(asked("/acts"), { origin: "/deaf" }),
      alterCall("/acts", { stoppedBy: { source: "sibling", call: "/deaf", reason: "an essential call of / failed" } })
    )
  ],
  [
    "L9",
    "late",
    "a deadline where there is none",
    both(
      alter(
        { type: "fanout.opened" },
        {
          plan: {
            all: [
              {
                id: "q",
                quorum: 1,
                of: [
                  { id: "a", call: "reads" },
                  { id: "b", call: "reads" }
                ]
              }
            ]
          }
        }
      )
    )
  ],
  ["L10", "succeeds", "a node that decided twice", duplicate(decided("/plan/all/0"))],
  ["L10", "succeeds", "a node that never decided", drop(decided("/plan/all/0"))],
  ["L10", "succeeds", "a node that decided otherwise", alter(decided("/plan/all/0"), { decision: "failed" })],
  ["L10", "succeeds", "a node that is not in the plan", alter(decided("/plan/all/0"), { node: "/plan/all/9" })],
  ["L10", "succeeds", "a decision before what it counts", move(decided("/plan/all/0"), started("/some/x"))],
  ["L10", "succeeds", "a grace that passed too soon", alter(decided("/plan/all/5"), { time: 0 })],
  ["L10", "late", "a deadline that elapsed too soon", alter(decided("/plan/all/0"), { time: 0 })],
  ["L11", "stopped", "an answer that was lost with the plan", alterCall("/done", { value: undefined })],
  ["L11", "fails", "a value of a plan that failed", alterReport({ value: 1 })],
  ["L12", "fails", "a stop because of an advisory", alter(asked("/acts"), { origin: "/tells" })],
  ["L13", "fails", "Cancelled, and nobody had asked", alterCall("/bad", { outcome: "Cancelled" })],
  ["L13", "fails", "an end as stopped that nobody had asked for", alter(ended("/bad"), { result: "stopped" })],
  ["L13", "fails", "a timeout that was none", alter(ended("/acts"), { result: "timeout" })],
  ["L13", "stopped", "a stop from above that failed the plan", alterReport({ status: "failed" })],
  ["L14", "fails", "a cleanup without a bound", record({ call: "/tells", what: "ended" }, { at: -1e9 })],
  ["L15", "fails", "an attempt after the decision", move(started("/acts"), decided("/plan"))],
  [
    "L15",
    "fails",
    "a call queued after the decision",
    move({ type: "call.queued", call: "/queued" }, decided("/plan"))
  ],
  ["L16", "succeeds", "two closes", duplicate(closed)],
  ["L16", "succeeds", "no drain", drop({ type: "fanout.drained" })],
  ["L16", "succeeds", "a drain after the close", move({ type: "fanout.drained" }, closed)],
  ["L16", "fails", "a drain that says otherwise", alter({ type: "fanout.drained" }, { drained: true })],
  [
    "L17",
    "fails",
    "one attempt more than permits",
    ({ journal }) => {
      journal[0].limits.concurrency = 3
    }
  ],
  ["L18", "succeeds", "a run that never closed", drop(closed)],
  ["L19", "succeeds", "an attempt that nobody queued", drop({ type: "call.queued", call: "/retried", attempt: 2 })],
  ["L19", "succeeds", "a second attempt beside the first", move(ended("/retried"), started("/retried", 2))],
  ["L19", "succeeds", "an end without a start", drop(started("/some/x"))],
  ["L19", "succeeds", "an attempt that was left out", alter(started("/retried", 2), { attempt: 3 })],
  [
    "Z15",
    "succeeds",
    "a further attempt of what must not be repeated",
    alterCall("/retried", { contract: Contract.irreversible })
  ],
  ["Z15", "succeeds", "another key for the second attempt", alter(started("/retried", 2), { key: "another" })],
  ["Z15", "succeeds", "an act under another key", record({ call: "/some/x", what: "committed" }, { key: "another" })],
  ["C1", "succeeds", "a commit of a tool that only reads", add({ call: "/some/y", what: "committed", at: 1 })],
  // the gate
  ["L4", "passes", "an effect of which nobody knows", drop(committed("/done#0"))],
  ["L4", "passes", "a fate that nobody had asked for", drop(intended("/done#0"))],
  ["L4", "passes", "two fates", duplicate(committed("/done#0"))],
  ["L4", "passes", "a fate after the end of its attempt", move(committed("/done#0"), ended("/done"))],
  ["L4", "passes", "two intents of one effect", duplicate(intended("/hangs#0"))],
  ["L4", "passes", "absent, though the probe said yes", alter(ofEffect("probed", "/absent#0"), { happened: "yes" })],
  ["L4", "passes", "a probe that was asked twice", duplicate(ofEffect("probed", "/found#0"))],
  ["L4", "passes", "absent, and the probe was not asked", drop(ofEffect("probed", "/absent#0"))],
  [
    "L4",
    "undoes",
    "a tool that commits at start, let to the gate",
    alter(intended("/kept#0"), { call: "/trip/hotel", key: "r/trip/hotel#0" })
  ],
  [
    "L4",
    "passes",
    "an effect that was interrupted at the gate",
    record({ call: "/done", what: "concluded" }, { what: "cut" })
  ],
  ["L4", "passes", "an attempt that did not wait for its effect", lose({ call: "/done", what: "concluded" })],
  [
    "Z11",
    "passes",
    "an effect that passed after the stop of its call",
    alter(ofEffect("refused", "/stopped#0"), { reason: "failure" })
  ],
  [
    "Z11",
    "passes",
    "an effect that came to the gate after its attempt was left behind, and passed",
    both(
      alter(intended("/done#0"), { key: "r/hangs#1", call: "/hangs" }),
      alter(committed("/done#0"), { key: "r/hangs#1", call: "/hangs" }),
      move(intended("/hangs#1"), { type: "attempt.leftBehind", call: "/hangs" }),
      move(committed("/hangs#1"), intended("/hangs#1"))
    )
  ],
  [
    "Z11",
    "passes",
    "an effect that began when it had been told",
    record({ call: "/done", what: "committing" }, { stopped: true })
  ],
  [
    "Z11",
    "passes",
    "an effect that began when it was over",
    record({ call: "/done", what: "committing" }, { at: 1e9 })
  ],
  [
    "Z11",
    "passes",
    "an effect that began though it was refused",
    add({ call: "/late", what: "committing", key: "r/late#0", at: 80 })
  ],
  [
    "Z11",
    "passes",
    "an effect that began and had not asked",
    add({ call: "/done", what: "committing", key: "r/done#7", at: 30 })
  ],
  [
    "Z15",
    "undoes",
    "another key for the effect of the second attempt",
    alter({ ...intended("/again#0"), attempt: 2 }, { key: "r/again#1" })
  ],
  ["G6", "passes", "Cancelled, and an effect is left", alterCall("/twice", { outcome: "Cancelled" })],
  ["G6", "passes", "committed by the journal, and not by the ledger", lose({ call: "/done", what: "committed" })],
  ["G6", "passes", "committed by the ledger, and not by the report", alterCall("/done", { effects: [] })],
  [
    "C1",
    "passes",
    "a commit beside the gate",
    ({ ledger }) => ledger.unshift({ run: "r", call: "/done", attempt: 1, key: "r/done#0", at: 0, what: "committed" })
  ],
  ["C1", "passes", "a probe that lies", alter(ofEffect("probed", "/found#0"), { happened: "no" })],

  // undo
  [
    "Z16",
    "undoes",
    "an undo of what was not lost",
    both(
      alter(compensating("/trip/flight#1"), { call: "/kept", key: "r/kept#0" }),
      alter(compensated("/trip/flight#1"), { call: "/kept", key: "r/kept#0" })
    )
  ],
  ["Z16", "undoes", "an undo that began twice", duplicate(compensating("/trip/flight#0"))],
  ["Z16", "undoes", "an undo that ended twice", duplicate(compensated("/trip/flight#0"))],
  ["Z16", "undoes", "an undo that never began", drop(compensating("/trip/flight#0"))],
  [
    "Z16",
    "undoes",
    "an undo that ended before it began",
    move(compensating("/trip/flight#0"), compensated("/trip/flight#0"))
  ],
  ["Z16", "undoes", "an undo of what had not happened", drop(committed("/trip/flight#0"))],
  [
    "Z16",
    "undoes",
    "an undo while something around it still ran",
    move(compensating("/trip/flight#1"), decided("/plan/all/0/settled/atomic"))
  ],
  [
    "Z16",
    "undoes",
    "the first undone first",
    both(
      move(compensating("/trip/flight#1"), compensated("/trip/flight#0")),
      move(compensated("/trip/flight#1"), compensating("/trip/flight#1"))
    )
  ],
  ["Z16", "undoes", "an undo that took too long", alter(compensated("/trip/flight#0"), { time: 1e9 })],
  [
    "Z16",
    "undoes",
    "the next before the one before it was undone",
    move(compensated("/race/lost/a#0"), { type: "call.queued", call: "/race/won" })
  ],
  ["Z16", "leaves", "an undo that was given up too soon", alter(compensationFailed("/first#0"), { time: 71 })],
  [
    "Z16",
    "leaves",
    "an undo of what was left behind and still ran",
    move(compensating("/third#0"), { type: "attempt.leftBehind", call: "/third" })
  ],
  [
    "Z16",
    "undoes",
    "by the ledger, a second undo",
    add({ call: "/trip/hotel", what: "undoing", key: "r/trip/hotel#0", at: 130 })
  ],
  [
    "Z16",
    "undoes",
    "by the ledger, an act after its undo",
    add({ call: "/trip/hotel", what: "committed", key: "r/trip/hotel#0", at: 130 })
  ],
  [
    "Z16",
    "undoes",
    "by the ledger, an undo of what is kept",
    add({ call: "/kept", what: "undoing", key: "r/kept#0", at: 130 })
  ],
  ["Z16", "leaves", "by the ledger, an undo whose end was not journaled", drop(compensated("/third#0"))],
  [
    "Z17",
    "undoes",
    "what was lost, and not undone",
    both(
      drop(compensating("/trip/hotel#0")),
      drop(compensated("/trip/hotel#0")),
      alterCall("/trip/hotel", { effects: [{ key: "r/trip/hotel#0", state: "committed" }] })
    )
  ],
  [
    "Z17",
    "leaves",
    "what was left behind, has ended, and was not undone",
    both(drop(compensating("/third#0")), drop(compensated("/third#0")))
  ],
  [
    "G4",
    "undoes",
    "a race that went on though what one did could not be undone",
    both(
      alter(compensated("/race/lost/a#0"), { type: "effect.compensationFailed", error: "no" }),
      alterCall("/race/lost/a", { effects: [{ key: "r/race/lost/a#0", state: "compensationFailed", error: "no" }] })
    )
  ],
  ["G1", "leaves", "an undo that was left behind and is not listed", alterCall("/second", { leftBehind: false })],
  ["G2", "undoes", "a close later than its undos may take", alter(closed, { time: 1e9 })],
  ["G6", "undoes", "Unknown, and all of it was undone", alterCall("/trip/doubt", { outcome: "Unknown" })],
  ["G6", "undoes", "undone by the report, and not by the ledger", lose({ call: "/trip/hotel", what: "undone" })],
  ["G7", "leaves", "an undo that is late twice", duplicate({ type: "response.late", call: "/second" })],
  ["G7", "leaves", "an undo that is late and was not given up", drop(compensationFailed("/second#0"))],
  [
    "G11",
    "undoes",
    "another state of an effect",
    alterCall("/trip/hotel", { effects: [{ key: "r/trip/hotel#0", state: "committed" }] })
  ],
  [
    "G11",
    "undoes",
    "no word on why it was not undone",
    alterCall("/trip/car", { effects: [{ key: "r/trip/car#0", state: "compensationFailed" }] })
  ],
  ["L1", "undoes", "an undo after the close", move(compensated("/trip/hotel#0"), closed)],
  ["L6", "undoes", "an undo after the call had settled", move(compensated("/trip/hotel#0"), settled("/trip/hotel"))],
  [
    "L8",
    "undoes",
    "an error of an undo that was lost",
    both(
      alter(compensationFailed("/trip/car#0"), { error: "something else" }),
      alterCall("/trip/car", {
        effects: [{ key: "r/trip/car#0", state: "compensationFailed", error: "something else" }]
      })
    )
  ],
  [
    "C1",
    "succeeds",
    "a commit before a failure that means that nothing happened",
    both(
      alterCall("/retried", { contract: { ...Zoo.tools.keyed.contract, failure: "nothing" } }),
      add({ call: "/retried", what: "committed", at: 1 })
    )
  ]
]

describe("honest journals break no law", () => {
  for (const base of Object.keys(bases) as ReadonlyArray<keyof typeof bases>) {
    it.effect(base, () =>
      Effect.gen(function* () {
        const material = yield* materialOf(base)
        assert.deepStrictEqual(check(material).map(Laws.show), [])
      })
    )
  }
})

describe("broken journals are caught", () => {
  for (const [id, base, what, fault] of faults) {
    it.effect(`${id}: ${what}`, () =>
      Effect.gen(function* () {
        const material = yield* materialOf(base)
        fault(material)
        const violations = check(material)
        const mine = violations.filter(({ law }) => law === id)
        assert.notStrictEqual(mine.length, 0, `broken instead: ${violations.map(Laws.show).join("\n")}`)
        for (const { events, records } of mine) assert.isAbove(events.length + records.length, 0)
      })
    )
  }

  it("for each law in more than words", () => {
    const caught = new Set(faults.map(([id]) => id))
    assert.deepStrictEqual(
      Laws.all.map(({ id }) => id).filter((id) => !caught.has(id)),
      []
    )
    assert.strictEqual(new Set(Laws.all.map(({ id }) => id)).size, Laws.all.length)
  })

  /**
   * What says nothing: a call that waited and never started, an answer after the close, a violation that the attempt ended with, and that
   * what was committed had been in doubt.
   */
  const isSilent = (event: any, { journal }: Material): boolean =>
    (event.type === "call.queued" && !journal.some(matches(started(event.call, event.attempt)))) ||
    (event.type === "response.late" && journal.indexOf(event) > indexOf(journal, closed)) ||
    (event.type === "effect.refused" && event.reason === "contract") ||
    (event.type === "effect.probed" && event.happened === "yes")
  /** What may come at any time: that it let nothing pass. */
  const isTimeless = (event: any): boolean => event.type === "effect.refused" && event.reason === "stop"

  for (const base of Object.keys(bases) as ReadonlyArray<keyof typeof bases>) {
    it.effect(`whichever single event is missing, is there twice, or comes last: ${base}`, () =>
      Effect.gen(function* () {
        const material = yield* materialOf(base)
        const unnoticed: Array<string> = []
        const attempt = (how: string, at: number, change: (journal: Array<any>) => void) => {
          const copy = structuredClone(material)
          change(copy.journal)
          renumber(copy.journal)
          if (check(copy).length === 0) unnoticed.push(`${how} ${JSON.stringify(material.journal[at])}`)
        }
        material.journal.forEach((event, at) => {
          attempt("twice", at, (journal) => journal.splice(at, 0, { ...journal[at] }))
          if (isSilent(event, material)) return
          attempt("without", at, (journal) => journal.splice(at, 1))
          const close = indexOf(material.journal, closed)
          if (at < close && !isTimeless(event))
            attempt("last", at, (journal) => journal.splice(close, 0, ...journal.splice(at, 1)))
        })
        assert.deepStrictEqual(unnoticed, [])
      })
    )
  }
})

describe("the checker", () => {
  it.effect("tells runs of one journal apart, and ledgers by run", () =>
    Effect.gen(function* () {
      const one = yield* materialOf("succeeds")
      const other = yield* materialOf("fails")
      const renamed = JSON.parse(
        JSON.stringify(other).replaceAll('"r"', '"other"').replaceAll('"r/', '"other/')
      ) as Material
      const journal: Array<any> = []
      for (let i = 0; i < Math.max(one.journal.length, renamed.journal.length); i++)
        journal.push(...[one.journal[i], renamed.journal[i]].filter((event) => event !== undefined))
      renumber(journal)
      const ledger = [...one.ledger, ...renamed.ledger]
      assert.deepStrictEqual(check({ journal, ledger }).map(Laws.show), [])
      drop(ended("/some/x"))({ journal, ledger })
      assert.deepStrictEqual([...new Set(check({ journal, ledger }).map(({ run }) => run))], ["r"])
    })
  )

  it.effect("lets a run that is still going on be unfinished, and nothing else", () =>
    Effect.gen(function* () {
      const { journal } = yield* materialOf("fails")
      for (let length = 1; length <= journal.length; length++) {
        const violations = Laws.check(journal.slice(0, length), { incomplete: true })
        assert.deepStrictEqual(violations.map(Laws.show), [])
      }
      const twice = structuredClone({ journal, ledger: [] })
      duplicate(asked("/acts"))(twice)
      const half = twice.journal.slice(0, indexOf(twice.journal, settled("/acts")))
      assert.deepStrictEqual(
        Laws.check(half, { incomplete: true }).map(({ law }) => law),
        ["L3", "L3"]
      )
    })
  )

  it.effect("forgives a clock that was read twice", () =>
    Effect.gen(function* () {
      const material = yield* materialOf("succeeds")
      alter(settled("/race/a"), { time: 10 })(material)
      assert.deepStrictEqual(
        Laws.check(material.journal).map(({ law }) => law),
        ["G11"]
      )
      assert.deepStrictEqual(Laws.check(material.journal, { tolerance: 2 }).map(Laws.show), [])
    })
  )

  it.effect("forgives as many milliseconds as it is told", () =>
    Effect.gen(function* () {
      const material = yield* materialOf("fails")
      const behind = indexOf(material.journal, { type: "attempt.leftBehind", call: "/deaf" })
      for (const event of material.journal.slice(behind)) event.time += 4
      for (const call of report(material).calls) {
        call.settledAt = material.journal[indexOf(material.journal, settled(call.id))].time
      }
      const { journal } = material
      assert.deepStrictEqual([...new Set(Laws.check(journal).map(({ law }) => law))], ["G2"])
      assert.deepStrictEqual(Laws.check(journal, { tolerance: 4 }).map(Laws.show), [])
    })
  )

  it.effect("shows the events that break a law, one per line, with times from the opening", () =>
    Effect.gen(function* () {
      const material = yield* materialOf("fails")
      move(started("/acts"), asked("/acts"))(material)
      const text = Laws.show(check(material).find(({ law }) => law === "G5")!)
      assert.match(
        text,
        /^G5 Never started after a stop: attempt 1 of \/acts started after its stop was requested \(run r\)\n {2}#\d+ {2}30 ms {2}stop\.requested {3}\/acts {2}attempt=1 source=sibling origin=\/bad reason="an essential call of \/ failed"\n {2}#\d+ {2}30 ms {2}attempt\.started {2}\/acts {2}attempt=1 key=r\/acts#0$/
      )
    })
  )

  it.effect("throws for a test runner with all that is broken, and only then", () =>
    Effect.gen(function* () {
      const material = yield* materialOf("succeeds")
      Laws.expectLaws(material.journal, { ledger: material.ledger })
      drop(ended("/some/x"))(material)
      assert.throws(() => Laws.expectLaws(material.journal), /^the laws are broken\n\nG1 Owned: attempt 1 of \/some\/x/)
      duplicate(asked("/author"))(material)
      assert.throws(
        () => Laws.expectLaws(material.journal),
        /^the laws are broken in 3 places\n\nG1 Owned.*L3 Asked once/s
      )
      assert.throws(() => Laws.expectLaws(material.journal, { laws: ["G1"] }), /^the laws are broken\n\nG1 Owned/)
    })
  )

  it("is described, law by law, in the words of the laws", () => {
    const page = readFileSync(new URL("../../../docs/laws.md", import.meta.url), "utf8")
    const rows = page.split("\n").map((line) => line.split("|").map((cell) => cell.trim()))
    for (const { id, name, statement } of Laws.all)
      assert.isTrue(
        rows.some((row) => row[1] === id && row[2] === name && row[3] === statement),
        id
      )
  })

  it("knows its laws by name, and says so of one that it does not know", () => {
    assert.throws(() => Laws.check([], { laws: ["G1", "G99"] }), /no law is called G99; there are G1, G2/)
  })
})
