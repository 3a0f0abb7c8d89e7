/**
 * Journals that break laws. What nodes decide.
 */
import {
  alter,
  alterCall,
  alterNode,
  alterReport,
  both,
  compensated,
  decided,
  drop,
  duplicate,
  move,
  started,
  type Fault
} from "./material.ts"

export const faults: ReadonlyArray<Fault> = [
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
  ["L10", "succeeds", "a node that decided twice", duplicate(decided("/plan/all/0"))],
  ["L10", "succeeds", "a node that never decided", drop(decided("/plan/all/0"))],
  ["L10", "succeeds", "a node that decided otherwise", alter(decided("/plan/all/0"), { decision: "failed" })],
  ["L10", "succeeds", "a node that is not in the plan", alter(decided("/plan/all/0"), { node: "/plan/all/9" })],
  ["L10", "succeeds", "a decision before what it counts", move(decided("/plan/all/0"), started("/some/x"))],
  ["L10", "succeeds", "a grace that passed too soon", alter(decided("/plan/all/5"), { time: 0 })],
  ["L10", "late", "a deadline that elapsed too soon", alter(decided("/plan/all/0"), { time: 0 })],
  [
    "G4",
    "undoes",
    "a race that went on though what one did could not be undone",
    both(
      alter(compensated("/race/lost/a#0"), { type: "effect.compensationFailed", error: "no" }),
      alterCall("/race/lost/a", { effects: [{ key: "r/race/lost/a#0", state: "compensationFailed", error: "no" }] })
    )
  ]
]
