/**
 * What is checked: each check has a name, one sentence on what it means, contracts that it makes sense for, and a judgement of the evidence.
 * All of it is pure: the tool has been run by then.
 */
import type { Contract } from "@toolscope/core"
import type { Evidence } from "./evidence.ts"
import type { Judgement } from "./judgement.ts"
import * as effects from "./judgeEffects.ts"
import * as stops from "./judgeStops.ts"
import * as undos from "./judgeUndos.ts"
import type { Subject } from "./stage.ts"

export interface Checking {
  readonly means: string
  readonly isFor: (contract: Contract.Contract, subject: Pick<Subject, "failures" | "world">) => boolean
  readonly judge: (evidence: Evidence, subject: Subject) => Judgement
}

const always = () => true
const acts = (contract: Contract.Contract): contract is Contract.Acting => contract.effect !== "none"

const all = {
  success: {
    means: "Undisturbed, in a fresh world, it succeeds.",
    isFor: always,
    judge: effects.success
  },
  fresh: {
    means: "Each run begins in the same world.",
    isFor: always,
    judge: effects.fresh
  },
  reads: {
    means: "It changes nothing: not undisturbed, and not wherever it is stopped.",
    isFor: (contract) => !acts(contract),
    judge: effects.reads
  },
  gate: {
    means: "It changes the world nowhere but at its gate.",
    isFor: (contract) => acts(contract) && contract.commit === "marked",
    judge: effects.gate
  },
  truth: {
    means: "What is reported as not done was not done, and what is reported as committed was.",
    isFor: acts,
    judge: effects.truth
  },
  failure: {
    means: "An error that says that nothing happened leaves the world as it was.",
    isFor: (contract, { failures }) =>
      acts(contract) ? effects.saysNothing(contract).length > 0 : Object.keys(failures).length > 0,
    judge: effects.failure
  },
  repeat: {
    means: "Run again, also after a stop at any point, it leaves the world as one run does.",
    isFor: (contract) => acts(contract) && contract.repeat !== "never",
    judge: effects.repeat
  },
  interruption: {
    means: "Told to stop, it ends in time.",
    isFor: always,
    judge: stops.interruption
  },
  aftermath: {
    means: "Once it has ended, or has been left behind, it changes nothing more.",
    isFor: always,
    judge: stops.aftermath
  },
  undo: {
    means: "Undone, the world is as it was, wherever the tool was stopped.",
    isFor: (contract) => acts(contract) && contract.compensate !== undefined,
    judge: undos.undo
  },
  undoOfNothing: {
    means: "The undo of what never happened succeeds, and changes nothing.",
    isFor: (contract) => acts(contract) && contract.compensate !== undefined,
    judge: undos.undoOfNothing
  },
  undoFirst: {
    means: "What comes after the undo of its key is refused by the world.",
    isFor: (contract, { world }) =>
      acts(contract) && contract.compensate !== undefined && world.refusesAfterUndo === true,
    judge: undos.undoFirst
  },
  probe: {
    means: "The probe says what happened: before, after, and wherever the tool was stopped.",
    isFor: (contract) => acts(contract) && contract.probe !== undefined,
    judge: effects.probe
  },
  cleanup: {
    means: "Its finalizers do not fail, undisturbed or stopped.",
    isFor: always,
    judge: stops.cleanup
  }
} satisfies { readonly [name: string]: Checking }

export type Name = keyof typeof all

export const names = Object.keys(all) as ReadonlyArray<Name>

export const checks: { readonly [N in Name]: Checking } = all

/** Those that this contract gives a meaning. */
export const checksFor = (
  contract: Contract.Contract,
  subject: Pick<Subject, "failures" | "world">
): ReadonlyArray<Name> => names.filter((name) => checks[name].isFor(contract, subject))
