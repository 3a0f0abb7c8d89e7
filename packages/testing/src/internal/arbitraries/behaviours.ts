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

/** What an operator may say of a tool. */
export const contractData: Arbitrary.Arbitrary<ContractData> = rarely<ContractData>(
  2,
  A.Constant({ effect: "none" }),
  object({
    effect: value("additive", "mutating", "destructive"),
    repeat: value("keyed", "natural", "never"),
    failure: value("maybe", "nothing", { Refused: "nothing", Broken: "maybe" }),
    interruption: value("beforeCommit", "anywhere", "never")
  })
)

/** A contract as an operator writes it. */
export type ContractData =
  | { readonly effect: "none" }
  | {
      readonly effect: "additive" | "mutating" | "destructive"
      readonly repeat: "natural" | "keyed" | "never"
      readonly failure: "nothing" | "maybe" | { readonly [tag: string]: "nothing" | "maybe" }
      readonly interruption: "anywhere" | "beforeCommit" | "never"
    }

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

const step = (contract: Contract.Contract, drives: Drives) => {
  const values = maybe(3, value(1, 2))
  const plain = object({ after: millis, then: endings, value: values })
  if (contract.effect === "none") return plain
  const deniesStops = drives === "promise" && denies(contract, "Error")
  const next = object({ after: millis, then: endingsAfterAct(contract, drives) })
  const acting = object({
    after: millis,
    then: A.Constant("commit" as const),
    next: deniesStops ? A.Constant(undefined) : maybe(2, next),
    value: values
  })
  return one<Zoo.Behaviour>(plain, acting, acting)
}

/** One attempt under a contract. */
export const behaviour = (contract: Contract.Contract, drives: Drives): Arbitrary.Arbitrary<Zoo.Behaviour> => {
  const deniesStops = drives === "promise" && denies(contract, "Error")
  const onStop = value(
    "end",
    ...(denies(contract, "Broken") ? [] : (["fail"] as const)),
    "die",
    "never",
    ...(drives === "promise" ? (["answer"] as const) : []),
    ...(contract.effect !== "none" && !deniesStops ? (["commit"] as const) : [])
  )
  return A.map(
    A.all([
      step(contract, drives),
      object({
        deaf: maybe(5, A.Constant(true)),
        onStop: maybe(3, object({ after: millis, then: onStop })),
        cleanup:
          drives === "promise"
            ? A.Constant(undefined)
            : maybe(5, object({ after: millis, then: value("end", "end", "die", "never") }))
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
