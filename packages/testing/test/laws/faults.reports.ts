/**
 * Journals that break laws. What the report says.
 */
import {
  alter,
  alterCall,
  alterReport,
  asked,
  both,
  compensationFailed,
  drop,
  duplicate,
  ended,
  report,
  settled,
  type Fault
} from "./material.ts"

export const faults: ReadonlyArray<Fault> = [
  ["G3", "succeeds", "a call that never settled", drop(settled("/retried"))],
  ["G3", "succeeds", "a call that settled twice", duplicate(settled("/retried"))],
  ["G3", "succeeds", "a call that the report has not", (m) => void report(m).calls.splice(2, 1)],
  ["G3", "succeeds", "a call that the report has twice", (m) => void report(m).calls.push(report(m).calls[0])],
  ["G3", "succeeds", "another outcome in the report", alterCall("/whatever", { outcome: "Unknown" })],
  ["G3", "succeeds", "a call that is not in the plan", alter(ended("/some/x"), { call: "/some/nowhere" })],
  ["G11", "succeeds", "numbers that go back", alter(ended("/some/x"), { seq: 0 })],
  ["G11", "succeeds", "an opening that is missing", drop({ type: "fanout.opened" })],
  ["G11", "succeeds", "two openings", duplicate({ type: "fanout.opened" })],
  ["G11", "succeeds", "events that were dropped", alter(ended("/some/x"), { type: "journal.dropped", count: 3 })],
  ["G11", "succeeds", "an attempt too many", alterCall("/retried", { attempts: 3 })],
  ["G11", "succeeds", "another start", alterCall("/retried", { startedAt: 7 })],
  ["G11", "succeeds", "an effect that the journal has not", drop({ type: "effect.committed", call: "/some/x" })],
  ["G11", "fails", "no word on why it was skipped", alterCall("/queued", { stoppedBy: undefined })],
  ["L5", "fails", "an answer that came too late and is counted", alterCall("/acts", { verdict: "succeeded" })],
  ["L5", "fails", "success of one left behind", alterCall("/deaf", { outcome: "Succeeded" })],
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
  ["L11", "stopped", "an answer that was lost with the plan", alterCall("/done", { value: undefined })],
  ["L11", "fails", "a value of a plan that failed", alterReport({ value: 1 })],
  ["L12", "fails", "a stop because of an advisory", alter(asked("/acts"), { origin: "/tells" })],
  ["L13", "fails", "Cancelled, and nobody had asked", alterCall("/bad", { outcome: "Cancelled" })],
  ["L13", "fails", "an end as stopped that nobody had asked for", alter(ended("/bad"), { result: "stopped" })],
  ["L13", "fails", "a timeout that was none", alter(ended("/acts"), { result: "timeout" })],
  ["L13", "stopped", "a stop from above that failed the plan", alterReport({ status: "failed" })],
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
  ]
]
