/**
 * Shared by the suites of the rate limit and the circuit: tools of every kind in virtual time, which note when they were reached.
 */
import { CallError, Contract, Fanout, Journal, Plan, type Report, Tool } from "@toolscope/core"
import { Laws } from "@toolscope/testing"
import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"

/** Acts from its start on, and may have acted however it fails: whatever it did not reach must not be said to be unknown. */
export const acts = Contract.make({ effect: "destructive", repeat: "keyed" })

export interface Reached {
  readonly at: Array<number>
}

/** Ends as it is told, after some milliseconds, whatever its parameters. */
export const toolOf = (
  name: string,
  reached: Reached,
  ends: (n: number) => Effect.Effect<unknown, string> = () => Effect.succeed("did"),
  options: Partial<Tool.Options<typeof Params, typeof Schema.Unknown, typeof Schema.String>> = {}
) =>
  Tool.make(name, {
    parameters: Params,
    failure: Schema.String,
    contract: acts,
    ...options,
    handler: () => Effect.flatMap(Clock.currentTimeMillis, (now) => ends(reached.at.push(now)))
  })
const Params = Schema.Struct({ host: Schema.optionalKey(Schema.String) })

/** The same as a promise; it never waits. */
export const promiseOf = (name: string, reached: Reached, contract = acts) =>
  Tool.fromPromise(name, {
    parameters: Params,
    contract,
    execute: async () => {
      reached.at.push(NaN)
      return "did"
    }
  })

/** Runs a plan for an hour of virtual time; its journal keeps every law. */
export const lawful = <A, E, R>(
  plan: Plan.Plan<A, E, R>,
  options: Fanout.Options = {},
  within = 3_600_000
): Effect.Effect<Report.Report, unknown, R | Scope.Scope> =>
  Effect.gen(function* () {
    const journal = Journal.memory()
    const handle = yield* Fanout.start(plan, options).pipe(Effect.provideService(Journal.Current, journal))
    const fiber = yield* Effect.forkChild(handle.report)
    yield* TestClock.adjust(within)
    const report = yield* Fiber.join(fiber)
    assert.deepStrictEqual(Laws.check(journal.events), [])
    return report
  })

export const callOf = (report: Report.Report, id = "/"): Report.CallReport => {
  const call = report.calls.find((c) => c.id === id)
  if (call === undefined) throw new Error(`no call ${id}`)
  return call
}

export const messageOf = ({ outcome }: Report.CallReport): string | undefined =>
  "error" in outcome && outcome.error instanceof Error ? outcome.error.message : undefined

export const reasonOf = ({ outcome }: Report.CallReport): CallError.Reason | undefined =>
  "error" in outcome && CallError.isCallError(outcome.error) ? outcome.error.reason : undefined

export const many = (n: number, call: Plan.Plan<unknown, unknown>) =>
  Object.fromEntries(Array.from({ length: n }, (_, i) => [`c${i}`, Plan.settled(call)] as const))

export const outcomesOf = (report: Report.Report): ReadonlyArray<string> => report.calls.map((c) => c.outcome._tag)
