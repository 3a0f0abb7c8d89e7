/**
 * Shared by the suites: tools that behave as they are told, and a way to run a plan in virtual time to its report.
 */
import { Contract, Fanout, Plan, type Report } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"

export const reading = Contract.readOnly
/** Acts, and says nothing about its failures; stops where it is told. */
export const acting = Contract.make({ effect: "additive", interruption: "anywhere" })

type Call<A, E> = Plan.Plan<A, E>

/** Answers with a value after some virtual milliseconds (0: synchronously). */
export const ok = <A>(value: A, millis = 0, contract = reading): Call<A, never> =>
  Plan.effect(millis === 0 ? Effect.succeed(value) : Effect.as(Effect.sleep(millis), value), contract)

/** Answers with an error after some virtual milliseconds (0: synchronously). */
export const no = <E>(error: E, millis = 0, contract = reading): Call<never, E> =>
  Plan.effect(millis === 0 ? Effect.fail(error) : Effect.andThen(Effect.sleep(millis), Effect.fail(error)), contract)

/** Never answers; stops when asked. */
export const hangs = (contract = reading): Call<never, never> => Plan.effect(Effect.never, contract)

/** Never answers and never stops. */
export const deaf = (contract = reading): Call<never, never> =>
  Plan.effect(Effect.uninterruptible(Effect.never), contract)

/** Runs a plan to its report, in virtual time. */
export const reportOf = <A, E, R>(
  plan: Plan.Plan<A, E, R>,
  options: Fanout.Options = {},
  within = 3_600_000
): Effect.Effect<Report.Report, unknown, R | Scope.Scope> =>
  Effect.gen(function* () {
    const handle = yield* Fanout.start(plan, options)
    const fiber = yield* Effect.forkChild(handle.report)
    yield* TestClock.adjust(within)
    return yield* Fiber.join(fiber)
  })

/** The outcome of each call, by its path. */
export const outcomes = (report: Report.Report): Record<string, string> =>
  Object.fromEntries(report.calls.map((call) => [call.id, call.outcome._tag]))

export const callOf = (report: Report.Report, id: string): Report.CallReport => {
  const call = report.calls.find((c) => c.id === id)
  if (call === undefined) throw new Error(`no call ${id} in ${report.calls.map((c) => c.id).join(" ")}`)
  return call
}

/** The decision of each node that is no call, by its pointer. */
export const decisions = (report: Report.Report): Record<string, string> =>
  Object.fromEntries(report.nodes.map((node) => [node.node, node.decision]))

/** A small seeded generator of pseudo-random numbers (mulberry32): the same seed, the same numbers. */
export const prng = (seed: number) => {
  let s = seed >>> 0
  const next = (): number => {
    s = (s + 0x6d2b79f5) | 0
    let t = Math.imul(s ^ (s >>> 15), 1 | s)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (n: number): number => Math.floor(next() * n)
  return {
    next,
    /** 0 to n - 1. */
    int,
    pick: <T>(list: ReadonlyArray<T>): T => list[int(list.length)]!,
    shuffle: <T>(list: ReadonlyArray<T>): Array<T> => {
      const out = [...list]
      for (let i = out.length - 1; i > 0; i--) {
        const j = int(i + 1)
        ;[out[i], out[j]] = [out[j]!, out[i]!]
      }
      return out
    }
  }
}
