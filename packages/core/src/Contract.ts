/**
 * A **contract** says what a tool does to the world, what its failure means, and how it stops. Every tool has one: the types
 * require it, and a tool from outside that comes without one gets the most careful ({@link unknown}).
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { text } from "./internal/json.ts"

/**
 * What a failure (a typed error, as the tool answers it) says about the effect of the attempt.
 *
 * - `"nothing"`: nothing happened
 * - `"maybe"`: something may have happened
 * - a record: per `_tag` of the error; a tag that is not listed says `"maybe"`
 *
 * @since 0.1.0
 */
export type FailureMeaning = "nothing" | "maybe" | { readonly [tag: string]: "nothing" | "maybe" }

/**
 * One effect of a call, as its undo and its probe are told about it.
 *
 * @since 0.1.0
 */
export interface Done<out A = unknown> {
  /** Its idempotency key: the one that the effect itself was given. */
  readonly key: string
  /** The parameters of the call. */
  readonly params: unknown
  /** What it answered: of a tool that commits at start the value of the call. `None` if it is not known whether it happened. */
  readonly value: Option.Option<A>
}

/**
 * Undoes one effect, by its key. It is called once, and must accept that nothing had happened. If it fails, the effect is reported as
 * `compensationFailed`.
 *
 * @since 0.1.0
 */
export type Compensate = (done: Done) => Effect.Effect<unknown, unknown>

/**
 * Reads, by its key, whether an effect happened. If it fails, that stays unknown.
 *
 * @since 0.1.0
 */
export type Probe = (done: Done) => Effect.Effect<boolean, unknown>

interface Common {
  /** What the tool contends for, if anything. */
  readonly resource?: string
  /** Does it reach outside of the system that runs it? */
  readonly openWorld?: boolean
  /** Who says so: the person who composes the tools, a hint of a foreign server, or nobody. */
  readonly asserted: "operator" | "hint" | "default"
}

/**
 * The tool reads only: it may be stopped anywhere and repeated freely.
 *
 * @since 0.1.0
 */
export interface Reading extends Common {
  readonly effect: "none"
}

/**
 * The tool changes the world.
 *
 * @since 0.1.0
 */
export interface Acting extends Common {
  /** It adds, it changes, or it takes away. */
  readonly effect: "additive" | "mutating" | "destructive"
  /**
   * May an attempt follow one that may have acted? `"natural"`: the same parameters lead to the same state. `"keyed"`: safe under
   * one idempotency key. `"never"` (default): no.
   */
  readonly repeat: "natural" | "keyed" | "never"
  /**
   * From when on may it have acted? `"atStart"` (default): from its start. `"marked"`: the handler passes the gate (`Commit.run`), and does
   * nothing to the world but there.
   */
  readonly commit: "atStart" | "marked"
  /** What its failure says. Default `"maybe"`. */
  readonly failure: FailureMeaning
  /**
   * Where a stop interrupts it. `"anywhere"`; `"beforeCommit"` (default): unless it has passed its gate; `"never"`: it is told,
   * and awaited to the bound.
   */
  readonly interruption: "anywhere" | "beforeCommit" | "never"
  /** Undoes one of its effects. `"atCommit"`: each `Commit.run` of the handler says how. Default: nothing does. */
  readonly compensate?: Compensate | "atCommit"
  /** Reads whether one of its effects happened, where that is in doubt. Default: nothing does, and it is reported as unknown. */
  readonly probe?: Probe
}

/**
 * @since 0.1.0
 */
export type Contract = Reading | Acting

/**
 * A contract from its fields; what is left out takes the default that is named at the field. `asserted` is `"operator"`.
 *
 * @example
 * ```ts
 * import { Contract } from "@toolscope/core"
 *
 * const book = Contract.make({ effect: "additive", repeat: "keyed", failure: { SoldOut: "nothing" } })
 * console.log(book.effect !== "none" && book.interruption) // => beforeCommit
 * ```
 *
 * @since 0.1.0
 */
export const make = (
  fields:
    | (Partial<Omit<Reading, "effect">> & { readonly effect: "none" })
    | (Partial<Omit<Acting, "effect">> & { readonly effect: Acting["effect"] })
): Contract =>
  fields.effect === "none"
    ? { asserted: "operator", ...fields }
    : {
        repeat: "never",
        commit: "atStart",
        failure: "maybe",
        interruption: "beforeCommit",
        asserted: "operator",
        ...fields
      }

/**
 * Reads only: stops anywhere, repeats freely, and is never `Unknown`.
 *
 * @since 0.1.0
 */
export const readOnly: Contract = make({ effect: "none" })

/**
 * Changes the world, and the same parameters lead to the same state: it may be repeated, and stops anywhere.
 *
 * @since 0.1.0
 */
export const idempotent: Contract = make({ effect: "mutating", repeat: "natural", interruption: "anywhere" })

/**
 * Changes the world, and what it did can be undone by `compensate`: it may stand in an `atomic`, and run beside rivals. With
 * `"atCommit"` the handler passes the gate, and says there how.
 *
 * @example
 * ```ts
 * import { Contract } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 *
 * const hold = Contract.compensable({ compensate: ({ key }) => Effect.log(`release ${key}`) })
 * console.log(Contract.canUndo(hold), Contract.canUndo(Contract.irreversible)) // => true false
 * ```
 *
 * @since 0.1.0
 */
export const compensable = (options: {
  readonly compensate: Compensate | "atCommit"
  readonly probe?: Probe
  readonly repeat?: Acting["repeat"]
  readonly failure?: FailureMeaning
}): Contract =>
  make({ effect: "additive", commit: options.compensate === "atCommit" ? "marked" : "atStart", ...options })

/**
 * Changes the world for good: never repeated, and from its start on it may have acted.
 *
 * @since 0.1.0
 */
export const irreversible: Contract = make({ effect: "destructive" })

/**
 * The contract of a tool from outside that comes without one: destructive, never repeated, commits at start.
 *
 * @since 0.1.0
 */
export const unknown: Contract = make({ effect: "destructive", openWorld: true, asserted: "default" })

/**
 * May an attempt have acted because it was started, whatever came of it?
 *
 * @since 0.1.0
 */
export const actsAtStart = (contract: Contract): boolean => contract.effect !== "none" && contract.commit === "atStart"

/**
 * May an effect that ended with this error have happened?
 *
 * @since 0.1.0
 */
export const mayHaveActed = (contract: Contract, error: unknown): boolean => {
  if (contract.effect === "none") return false
  const meaning = contract.failure
  if (typeof meaning === "string") return meaning === "maybe"
  const tag = text(error, "_tag")
  return !(tag !== undefined && Object.hasOwn(meaning, tag) && meaning[tag] === "nothing")
}

/**
 * May a further attempt follow one that may have acted (`acted`), or one that cannot have?
 *
 * @since 0.1.0
 */
export const mayRepeat = (contract: Contract, acted: boolean): boolean =>
  !acted || contract.effect === "none" || contract.repeat !== "never"

/**
 * Can a retry ever be allowed? If not, a plan that asks for one is refused before anything starts.
 *
 * @since 0.1.0
 */
export const canRetry = (contract: Contract): boolean =>
  contract.effect === "none" ||
  contract.repeat !== "never" ||
  contract.commit === "marked" ||
  (typeof contract.failure === "string"
    ? contract.failure === "nothing"
    : Object.values(contract.failure).includes("nothing"))

/**
 * May it run beside a rival whose success makes it superfluous (`firstSuccess` with overlap)?
 *
 * @since 0.1.0
 */
export const canOverlap = (contract: Contract): boolean => canUndo(contract)

/**
 * Can everything that it does be undone? True also of what does nothing.
 *
 * @since 0.1.0
 */
export const canUndo = (contract: Contract): boolean => contract.effect === "none" || contract.compensate !== undefined

/**
 * What contradicts itself in a contract, for people; `undefined` if nothing does.
 *
 * @since 0.1.0
 */
export const contradiction = (contract: Contract): string | undefined =>
  contract.effect !== "none" && contract.compensate === "atCommit" && contract.commit !== "marked"
    ? 'compensate is "atCommit", and commit is not "marked": a handler that passes no gate cannot say there how it is undone'
    : undefined

const Asserted = Schema.Literals(["operator", "hint", "default"])
const Meaning = Schema.Literals(["nothing", "maybe"])

/**
 * A contract as data, as it stands in journals and reports. `compensate` and `probe` are no data: functions appear as `"custom"`.
 *
 * @since 0.1.0
 */
export const Data = Schema.Struct({
  effect: Schema.Literals(["none", "additive", "mutating", "destructive"]),
  repeat: Schema.optionalKey(Schema.Literals(["natural", "keyed", "never"])),
  commit: Schema.optionalKey(Schema.Literals(["atStart", "marked"])),
  failure: Schema.optionalKey(Schema.Union([Meaning, Schema.Record(Schema.String, Meaning)])),
  interruption: Schema.optionalKey(Schema.Literals(["anywhere", "beforeCommit", "never"])),
  compensate: Schema.optionalKey(Schema.Literals(["custom", "atCommit"])),
  probe: Schema.optionalKey(Schema.Literal("custom")),
  resource: Schema.optionalKey(Schema.String),
  openWorld: Schema.optionalKey(Schema.Boolean),
  asserted: Asserted
})

/**
 * @since 0.1.0
 */
export type Data = typeof Data.Type

/**
 * The contract as data.
 *
 * @since 0.1.0
 */
export const toData = (contract: Contract): Data => {
  if (contract.effect === "none") return contract
  const { compensate, probe, ...rest } = contract
  return {
    ...rest,
    ...(compensate === undefined ? {} : { compensate: compensate === "atCommit" ? compensate : "custom" }),
    ...(probe === undefined ? {} : { probe: "custom" })
  }
}

/** Those that need nothing to be told. @internal */
export const presets = { readOnly, idempotent, irreversible } as const

/**
 * What an operator writes for a tool in a configuration: the name of a preset, or the fields that differ from the default
 * (without `effect`: from {@link irreversible}).
 *
 * @since 0.1.0
 */
export const Operator = Schema.Union([
  Schema.Literals(["readOnly", "idempotent", "irreversible"]),
  Schema.Struct({
    effect: Schema.optionalKey(Data.fields.effect),
    repeat: Data.fields.repeat,
    failure: Data.fields.failure,
    interruption: Data.fields.interruption,
    resource: Data.fields.resource,
    openWorld: Data.fields.openWorld
  })
])

/**
 * The contract that an operator wrote.
 *
 * @since 0.1.0
 */
export const fromOperator = (operator: typeof Operator.Type): Contract => {
  if (typeof operator === "string") return presets[operator]
  const { effect = "destructive", ...rest } = operator
  return make(
    effect === "none" ? { effect, ...pick(rest, "resource"), ...pick(rest, "openWorld") } : { effect, ...rest }
  )
}

const pick = <T extends object, K extends keyof T>(from: T, key: K): Partial<Pick<T, K>> =>
  key in from ? ({ [key]: from[key] } as unknown as Pick<T, K>) : {}
