/**
 * Journals that break laws. What is undone.
 */
import {
  add,
  alter,
  alterCall,
  both,
  committed,
  compensated,
  compensating,
  compensationFailed,
  decided,
  drop,
  duplicate,
  move,
  type Fault
} from "./material.ts"

export const faults: ReadonlyArray<Fault> = [
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
  ]
]
