/**
 * Journals that break laws. What was done to the world, at the gate and elsewhere.
 */
import { Contract } from "@toolscope/core"
import * as Zoo from "@toolscope/testing/Zoo"
import {
  add,
  alter,
  alterCall,
  both,
  committed,
  drop,
  duplicate,
  ended,
  intended,
  lose,
  move,
  ofEffect,
  record,
  started,
  type Fault
} from "./material.ts"

export const faults: ReadonlyArray<Fault> = [
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
  [
    "Z15",
    "succeeds",
    "a further attempt of what must not be repeated",
    alterCall("/retried", { contract: Contract.irreversible })
  ],
  ["Z15", "succeeds", "another key for the second attempt", alter(started("/retried", 2), { key: "another" })],
  ["Z15", "succeeds", "an act under another key", record({ call: "/some/x", what: "committed" }, { key: "another" })],
  ["C1", "succeeds", "a commit of a tool that only reads", add({ call: "/some/y", what: "committed", at: 1 })],
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
  ["G6", "undoes", "Unknown, and all of it was undone", alterCall("/trip/doubt", { outcome: "Unknown" })],
  ["G6", "undoes", "undone by the report, and not by the ledger", lose({ call: "/trip/hotel", what: "undone" })],
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
