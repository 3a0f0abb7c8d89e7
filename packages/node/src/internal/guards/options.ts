/**
 * The checks of options that both guards share: all faults at once, before anything starts.
 */
import { Tool } from "@toolscope/core"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

export interface Faults {
  readonly add: (fault: string) => void
  /** A whole number of at least `min`. */
  readonly whole: (name: string, value: number, min: number) => void
  /** One of the words. */
  readonly oneOf: (name: string, value: unknown, words: ReadonlyArray<string>) => void
  /** In milliseconds: above 0, and finite. */
  readonly duration: (name: string, value: Duration.Input) => number
  /** Throws, if there are any. */
  readonly check: () => void
}

export const faultsOf = (where: string): Faults => {
  const faults: Array<string> = []
  const add = (fault: string): void => void faults.push(fault)
  return {
    add,
    whole: (name, value, min) => {
      if (!Number.isInteger(value) || value < min) add(`${name}: expected a whole number, ${min} or more, got ${value}`)
    },
    oneOf: (name, value, words) => {
      if (!words.includes(value as string)) {
        const wanted = words.map((word) => JSON.stringify(word)).join(" or ")
        add(`${name}: expected ${wanted}, got ${JSON.stringify(value)}`)
      }
    },
    duration: (name, value) => {
      const millis = Option.match(Duration.fromInput(value), { onNone: () => NaN, onSome: Duration.toMillis })
      if (millis > 0 && millis < Infinity) return millis
      add(`${name}: expected a duration above 0, and finite, got ${JSON.stringify(value)}`)
      return 1
    },
    check: () => {
      if (faults.length > 0) throw new RangeError(`${where}: ${faults.join("; ")}`)
    }
  }
}

/** The key of a call: the tool's name, where nothing else is said. */
export const keyOf = (
  tool: { readonly name: string },
  key: string | ((params: never) => string) | undefined,
  params: unknown
): string => (typeof key === "function" ? key(params as never) : (key ?? tool.name))

/** Puts the guard in front of a tool of either entry; throws where it is no tool. */
export const inFrontOf = (where: string, tool: unknown, guard: Tool.Guard): unknown => {
  if (!Tool.isTool(tool)) throw new TypeError(`${where}: expected a tool`)
  return Tool.guarded(tool, guard)
}
