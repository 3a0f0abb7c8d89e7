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

type Ending = "answer" | "refuse" | "fail" | "die" | "throw" | "interrupt" | "malformed" | "twice" | "flood" | "never"

/** After an act: an error that says that nothing happened would be a lie. */
const endingsAfterAct = (contract: Contract.Contract): Arbitrary.Arbitrary<Ending> => {
  const truthful = (["Refused", "Broken"] as const)
    .filter((_tag) => Contract.mayHaveActed(contract, { _tag }))
    .map((tag) => (tag === "Refused" ? "refuse" : "fail"))
  return value("answer", ...truthful, "die", "never", "malformed", "interrupt")
}

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

const step = (contract: Contract.Contract) => {
  const values = maybe(3, value(1, 2))
  const plain = object({ after: millis, then: endings, value: values })
  if (contract.effect === "none") return plain
  const acting = object({
    after: millis,
    then: A.Constant("commit" as const),
    next: maybe(2, object({ after: millis, then: endingsAfterAct(contract) })),
    value: values
  })
  return one<Zoo.Behaviour>(plain, acting, acting)
}

/** One attempt under a contract. */
export const behaviour = (
  contract: Contract.Contract,
  drives: "effect" | "promise"
): Arbitrary.Arbitrary<Zoo.Behaviour> => {
  const onStop = value(
    "end",
    ...(Contract.mayHaveActed(contract, { _tag: "Broken" }) || contract.effect === "none" ? (["fail"] as const) : []),
    "die",
    "never",
    ...(drives === "promise" ? (["answer"] as const) : []),
    ...(contract.effect !== "none" ? (["commit"] as const) : [])
  )
  return A.map(
    A.all([
      step(contract),
      object({
        deaf: maybe(5, A.Constant(true)),
        onStop: maybe(3, object({ after: millis, then: onStop })),
        cleanup:
          drives === "promise"
            ? A.Constant(undefined)
            : maybe(5, object({ after: millis, then: value("end", "end", "die", "never") }))
      })
    ]),
    ([doing, how]): Zoo.Behaviour => ({ ...doing, ...how })
  )
}

/** A behaviour, or one per attempt. */
export const script = (
  contract: Contract.Contract,
  drives: "effect" | "promise",
  attempts: boolean
): Arbitrary.Arbitrary<Zoo.Script> => {
  const single = behaviour(contract, drives)
  if (!attempts) return single
  return one<Zoo.Script>(
    single,
    A.map(A.array(single, { minLength: 1, maxLength: 3 }), (all) => ({ attempts: all as never }))
  )
}
