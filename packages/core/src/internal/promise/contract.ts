/**
 * Contracts as the promise entry shows them: plain data, checked when a tool is made.
 */
import * as Core from "../../Contract.ts"

/**
 * What a failure of a tool (a rejection) says about its effect: nothing happened, or something may have; or each, by the `_tag` of
 * the error, where a tag that is not listed says `"maybe"`.
 *
 * @since 0.1.0
 */
export type FailureMeaning = "nothing" | "maybe" | { readonly [tag: string]: "nothing" | "maybe" }

/**
 * What an undo and a probe are told about an effect.
 *
 * @since 0.1.0
 */
export interface Done {
  /** Its idempotency key: the one that the effect itself was given. */
  readonly key: string
  /** The parameters of the call. */
  readonly params: any
  /** What it answered, if that is known. */
  readonly value?: any
}

/**
 * What a tool does to the world, what its failure means, and how it stops.
 *
 * @since 0.1.0
 */
export type Contract =
  | {
      /** It reads only: it may be stopped anywhere, and repeated freely. */
      readonly effect: "none"
      /** What it contends for, if anything. */
      readonly resource?: string
      /** Does it reach outside of the system that runs it? */
      readonly openWorld?: boolean
      /** Who says so. Default `"operator"`: you. */
      readonly asserted?: "operator" | "hint" | "default"
    }
  | {
      /** It adds, it changes, or it takes away. */
      readonly effect: "additive" | "mutating" | "destructive"
      /**
       * May an attempt follow one that may have acted? `"natural"`: the same parameters lead to the same state. `"keyed"`: it is safe
       * under one idempotency key. `"never"` (default): no.
       */
      readonly repeat?: "natural" | "keyed" | "never"
      /**
       * From when on it may have acted. `"atStart"` (default): from its start. `"marked"`: it does nothing to the world but inside of
       * `commit()`, which it gets beside its parameters.
       */
      readonly commit?: "atStart" | "marked"
      /** What a rejection says. Default `"maybe"`. */
      readonly failure?: FailureMeaning
      /** Of no weight for a promise: it is signalled, never interrupted, and awaited to the bound. */
      readonly interruption?: "anywhere" | "beforeCommit" | "never"
      /**
       * Undoes one of its effects, by its key; must accept that nothing had happened; may return a promise. `"atCommit"`: each `commit()`
       * says how. Default: nothing does.
       */
      readonly compensate?: ((done: Done) => unknown) | "atCommit"
      /** Reads, by its key, whether an effect happened, where that is in doubt. Default: nothing does, and it is reported as unknown. */
      readonly probe?: (done: Done) => boolean | PromiseLike<boolean>
      readonly resource?: string
      readonly openWorld?: boolean
      readonly asserted?: "operator" | "hint" | "default"
    }

/**
 * A contract as it stands in reports and journals: functions appear as `"custom"`.
 *
 * @since 0.1.0
 */
export type ContractData =
  | Extract<Contract, { readonly effect: "none" }>
  | (Omit<Exclude<Contract, { readonly effect: "none" }>, "compensate" | "probe"> & {
      readonly compensate?: "custom" | "atCommit"
      readonly probe?: "custom"
    })

/**
 * Ready-made contracts; where none fits, write the fields.
 *
 * @example
 * ```ts
 * import { contract } from "@toolscope/core/promise"
 *
 * console.log(contract.readOnly.effect, contract.idempotent.effect, contract.irreversible.effect)
 * // => none mutating destructive
 * ```
 *
 * @since 0.1.0
 */
export const contract: {
  /** Reads only: stops anywhere, repeats freely, and its outcome is never `Unknown`. */
  readonly readOnly: Contract
  /** Changes the world, and the same parameters lead to the same state: it may be repeated. */
  readonly idempotent: Contract
  /** Changes the world for good: never repeated, and from its start on it may have acted. */
  readonly irreversible: Contract
} = Core.presets as never
