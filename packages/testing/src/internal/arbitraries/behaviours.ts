/**
 * Contracts, and behaviours that keep them: what a tool does under its contract may be hostile, but the contract does not lie about it.
 * A tool that acts under a contract without effect would break laws that are not the runtime's to keep.
 */
import { Contract } from "@toolscope/core"
import type * as Arbitrary from "effect/Arbitrary"
import * as A from "effect/Arbitrary"
import type * as Zoo from "../../Zoo.ts"
import { index, maybe, object, one, rarely, value } from "./choose.ts"

/** Few different times, so that much happens at the same instant; now and then one that lies beyond every bound. */
export const millis: Arbitrary.Arbitrary<number> = rarely(
  12,
  A.map(index(7), (n) => 10 * n),
  A.Constant(4000)
)

/** A contract as data, as it stands in a scenario: with the undo and the probe of the zoo where it says `"custom"`. */
export type ContractData =
  | { readonly effect: "none" }
  | {
      readonly effect: "additive" | "mutating" | "destructive"
      readonly repeat: "natural" | "keyed" | "never"
      readonly failure: "nothing" | "maybe" | { readonly [tag: string]: "nothing" | "maybe" }
      readonly interruption: "anywhere" | "beforeCommit" | "never"
      readonly commit?: "marked"
      readonly compensate?: "custom" | "atCommit"
      readonly probe?: "custom"
    }

const acting = {
  effect: value("additive", "mutating", "destructive"),
  repeat: value("keyed", "natural", "never"),
  failure: value("maybe", "nothing", { Refused: "nothing", Broken: "maybe" }),
  interruption: value("beforeCommit", "anywhere", "never"),
  probe: maybe(4, A.Constant("custom" as const))
}

/** What may be said of a tool. */
export const contractData: Arbitrary.Arbitrary<ContractData> = rarely<ContractData>(
  2,
  A.Constant({ effect: "none" }),
  one<ContractData>(
    object({ ...acting, compensate: maybe(2, A.Constant("custom" as const)) }),
    object({
      ...acting,
      commit: A.Constant("marked" as const),
      compensate: value(undefined, "atCommit", "atCommit", "custom")
    })
  )
)

type Drives = "effect" | "promise"
type Ending = "answer" | "refuse" | "fail" | "die" | "throw" | "interrupt" | "malformed" | "twice" | "flood" | "never"

/** Does an error of this tag say that nothing happened? */
const denies = (contract: Contract.Contract, _tag: string): boolean =>
  contract.effect !== "none" && !Contract.mayHaveActed(contract, { _tag })

/** After an act: an error that says that nothing happened would be a lie. A promise that dies or is aborted answers with an error. */
const endingsAfterAct = (contract: Contract.Contract, drives: Drives): Arbitrary.Arbitrary<Ending> =>
  value(
    "answer",
    ...(denies(contract, "Refused") ? [] : (["refuse"] as const)),
    ...(denies(contract, "Broken") ? [] : (["fail"] as const)),
    ...(drives === "promise" && denies(contract, "Error") ? [] : (["die", "interrupt"] as const)),
    "never",
    "malformed"
  )

const endings = value(
  "answer",
  "answer",
  "answer",
  "answer",
  "fail",
  "refuse",
  "never",
  "die",
  "throw",
  "interrupt",
  "malformed",
  "twice"
)

const values = maybe(3, value(1, 2))

const isMarked = (contract: Contract.Contract): boolean => contract.effect !== "none" && contract.commit === "marked"

/** What a tool that commits at start does. */
const acts = (contract: Contract.Contract, drives: Drives, deniesStops: boolean): Arbitrary.Arbitrary<Doing> => {
  const next = object({ after: millis, then: endingsAfterAct(contract, drives) })
  return object({
    after: millis,
    then: A.Constant("commit" as const),
    next: deniesStops ? A.Constant(undefined) : maybe(2, next),
    value: values
  })
}

/** What happens at the gate: an act and its end, or a failure without an act. Success without an act would be a lie. */
const atGate = (contract: Contract.Contract, drives: Drives): Arbitrary.Arbitrary<Doing> =>
  one<Doing>(
    object({ after: millis, then: A.Constant("commit" as const) }),
    object({ after: millis, then: A.Constant("commit" as const) }),
    object({
      after: millis,
      then: A.Constant("commit" as const),
      next: object({
        after: millis,
        then: value(
          ...(denies(contract, "Refused") ? [] : (["refuse"] as const)),
          ...(denies(contract, "Broken") ? [] : (["fail"] as const)),
          ...(drives === "promise" && denies(contract, "Error") ? [] : (["die", "interrupt"] as const)),
          "never"
        )
      })
    }),
    object({ after: millis, then: value("refuse", "fail", "die", "interrupt", "never") })
  )

/** What a tool that marks its commits does: how its handler ends says nothing about its effects. */
const marks = (contract: Contract.Contract, drives: Drives): Arbitrary.Arbitrary<Doing> => {
  const does = maybe(2, atGate(contract, drives))
  const passes = (next: Arbitrary.Arbitrary<Doing | undefined>): Arbitrary.Arbitrary<Doing> =>
    object({
      after: millis,
      then: A.Constant("gate" as const),
      does,
      timeout: maybe(
        8,
        A.map(index(4), (n) => 10 * n)
      ),
      next
    })
  const ends = object({ after: millis, then: endings, value: values })
  const last = passes(maybe(2, ends))
  const beside = object({ after: millis, then: A.Constant("beside" as const), does: last, next: last })
  const letsGo = object({ after: millis, then: A.Constant("detach" as const), does: last, next: maybe(2, ends) })
  return rarely<Doing>(6, one<Doing>(last, passes(last)), one<Doing>(beside, letsGo))
}

type Doing = NonNullable<Zoo.Behaviour["next"]>

const step = (
  contract: Contract.Contract,
  drives: Drives,
  deniesStops: boolean
): Arbitrary.Arbitrary<Zoo.Behaviour> => {
  const plain = object({ after: millis, then: endings, value: values })
  if (contract.effect === "none") return plain
  const acting = isMarked(contract) ? marks(contract, drives) : acts(contract, drives, deniesStops)
  return one<Zoo.Behaviour>(plain, acting, acting)
}

/** How its effects are undone, and what is said of those in doubt: by what knows, or by nobody. */
const aftermath = (contract: Contract.Contract) => ({
  undo:
    contract.effect !== "none" && Contract.canUndo(contract)
      ? maybe(3, object({ after: millis, then: value("end", "end", "fail", "die", "never", "deaf") }))
      : A.Constant(undefined),
  probe:
    contract.effect !== "none" && (isMarked(contract) || contract.probe !== undefined)
      ? maybe(4, object({ after: millis, then: value("tell", "tell", "fail", "die", "never") }))
      : A.Constant(undefined)
})

/** One attempt under a contract. */
export const behaviour = (contract: Contract.Contract, drives: Drives): Arbitrary.Arbitrary<Zoo.Behaviour> => {
  const marked = isMarked(contract)
  const deniesStops = !marked && drives === "promise" && denies(contract, "Error")
  const onStop = value(
    "end",
    ...(denies(contract, "Broken") ? [] : (["fail"] as const)),
    "die",
    "never",
    ...(drives === "promise" ? (["answer"] as const) : []),
    ...(marked ? (["gate"] as const) : contract.effect !== "none" && !deniesStops ? (["commit"] as const) : [])
  )
  return A.map(
    A.all([
      step(contract, drives, deniesStops),
      object({
        deaf: maybe(5, A.Constant(true)),
        onStop: maybe(3, object({ after: millis, then: onStop })),
        cleanup:
          drives === "promise"
            ? A.Constant(undefined)
            : maybe(
                5,
                object({
                  after: millis,
                  then: value("end", "end", "die", "never", ...(marked ? (["gate"] as const) : []))
                })
              ),
        ...aftermath(contract)
      })
    ]),
    // aborted between its act and its answer, it would deny the act: so it hears no stop
    ([doing, how]): Zoo.Behaviour =>
      deniesStops && doing.then === "commit" ? { ...doing, ...how, deaf: true } : { ...doing, ...how }
  )
}

/** A behaviour, or one per attempt. */
export const script = (
  contract: Contract.Contract,
  drives: Drives,
  attempts: boolean
): Arbitrary.Arbitrary<Zoo.Script> => {
  const single = behaviour(contract, drives)
  if (!attempts) return single
  return one<Zoo.Script>(
    single,
    A.map(A.array(single, { minLength: 1, maxLength: 3 }), (all) => ({ attempts: all as never }))
  )
}
