/**
 * When a moment has come, by what the animal writes into its ledger.
 */
import type { Record } from "../../Ledger.ts"
import * as Zoo from "../../Zoo.ts"
import type { Cell, Moment, Result } from "./cell.ts"
import { shapes } from "./shapes.ts"

/** Is this what it waits for? Of a tool that commits at start the act is one record, at the gate it has a beginning and an end. */
const isAt = (moment: Moment, animal: Cell["animal"], { what }: Record): boolean => {
  const { contract } = Zoo.tools[Zoo.animals[animal].tool]
  const marks = contract.effect !== "none" && contract.commit === "marked"
  switch (moment) {
    case "never":
    case "before start":
      return false
    case "before commit":
      return what === "began"
    case "in commit":
      return what === "committing"
    case "after commit":
      return what === (marks ? "concluded" : "committed")
    case "in undo":
      return what === "undoing"
  }
}

const isAnimal = ({ call }: Record): boolean => !["/second", "/ok", "/before"].some((other) => call.endsWith(other))

/** What is to be done when this has been written. A plan that stops by a time needs nobody. */
export const stopsOf = (
  { animal, moment, policy }: Cell,
  act: { readonly lose: () => void; readonly stop: () => void }
): ((record: Record) => (() => void) | undefined) => {
  let isLost = moment !== "in undo" || shapes[policy].by === "time"
  let isStopped = false
  return (record) => {
    if (isStopped || !isAnimal(record)) return undefined
    if (!isLost) {
      if (!isAt("after commit", animal, record)) return undefined
      isLost = true
      return act.lose
    }
    if (!isAt(moment, animal, record)) return undefined
    isStopped = true
    return act.stop
  }
}

/** When each moment came first. */
export const firstAt = (animal: Cell["animal"], records: ReadonlyArray<Record>): Result["firstAt"] => {
  const times: { [M in Moment]?: number } = { "before start": 0 }
  for (const moment of ["before commit", "in commit", "after commit", "in undo"] as const) {
    const record = records.find((record) => isAnimal(record) && isAt(moment, animal, record))
    if (record !== undefined) times[moment] = record.at
  }
  return times
}

/** The plan of this cell stops its animal by a time: so long after its start, if the moment ever comes. */
export const timeOf = ({ by, moment, policy }: Cell, first: Result["firstAt"]): number | undefined => {
  if (shapes[policy].by !== "time" || (by !== "plan" && moment !== "in undo")) return undefined
  const at = first[moment === "in undo" ? "after commit" : moment]
  return at === undefined ? undefined : at + 5
}
