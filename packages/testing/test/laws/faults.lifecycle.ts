/**
 * Journals that break laws. Starting, stopping and ending.
 */
import {
  add,
  alter,
  alterCall,
  alterReport,
  asked,
  closed,
  compensated,
  compensationFailed,
  decided,
  drop,
  duplicate,
  ended,
  move,
  record,
  settled,
  started,
  type Fault
} from "./material.ts"

export const faults: ReadonlyArray<Fault> = [
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
  ["G5", "fails", "an attempt after the stop of its call", move(started("/acts"), asked("/acts"))],
  ["G5", "stopped", "an attempt after everything was stopped", move(started("/done"), asked("/p"))],
  ["G7", "succeeds", "an answer that is late twice", duplicate({ type: "response.late", call: "/late" })],
  [
    "G7",
    "succeeds",
    "a late answer of one that was not left behind",
    alter({ type: "response.late" }, { call: "/some/x" })
  ],
  ["G7", "succeeds", "a late answer that the report keeps silent about", alterCall("/late", { late: undefined })],
  ["L1", "succeeds", "an event after the close", move(settled("/some/x"), closed)],
  ["L1", "succeeds", "an event before the opening", ({ journal }) => journal.unshift(...journal.splice(1, 1))],
  ["L2", "fails", "a handler that began after its stop", record({ call: "/acts", what: "began" }, { at: 1e9 })],
  ["L2", "fails", "a handler that nobody started", add({ call: "/queued", what: "began", at: 0 })],
  ["L2", "fails", "a handler that began twice", add({ call: "/acts", what: "began", at: 0 })],
  ["L3", "fails", "a stop that was asked for twice", duplicate(asked("/acts"))],
  ["L3", "fails", "a stop that was told twice", duplicate({ type: "stop.delivered", call: "/acts" })],
  ["L3", "fails", "a stop that was not told", drop({ type: "stop.delivered", call: "/acts" })],
  ["L3", "fails", "a stop that nobody had asked for", drop(asked("/acts"))],
  ["L6", "succeeds", "an end after the end", duplicate(ended("/some/x"))],
  ["L6", "succeeds", "an attempt after the call had settled", move(ended("/some/x"), settled("/some/x"))],
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
  ["G1", "leaves", "an undo that was left behind and is not listed", alterCall("/second", { leftBehind: false })],
  ["G2", "undoes", "a close later than its undos may take", alter(closed, { time: 1e9 })],
  ["G7", "leaves", "an undo that is late twice", duplicate({ type: "response.late", call: "/second" })],
  ["G7", "leaves", "an undo that is late and was not given up", drop(compensationFailed("/second#0"))],
  ["L1", "undoes", "an undo after the close", move(compensated("/trip/hotel#0"), closed)],
  ["L6", "undoes", "an undo after the call had settled", move(compensated("/trip/hotel#0"), settled("/trip/hotel"))]
]
