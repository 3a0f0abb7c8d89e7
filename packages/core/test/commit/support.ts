/**
 * A small world that tools change through the gate: what it holds, and in which order it was changed.
 */
import { Commit, Contract, Fanout, Plan, type PlanError, type Report } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Journal from "@toolscope/core/Journal"

export class World {
  readonly log: Array<string> = []
  readonly holds = new Set<string>()

  /** Does `what`, after a while, through the gate. */
  readonly commit = (what: string, options: { readonly after?: number; readonly fails?: "before" | "after" } = {}) =>
    Commit.run(this.effect(what, options), { compensate: this.undo(what) })

  readonly effect = (
    what: string,
    { after = 0, fails }: { readonly after?: number; readonly fails?: "before" | "after" }
  ) =>
    Effect.gen({ self: this }, function* () {
      this.log.push(`begin ${what}`)
      if (after > 0) yield* Effect.sleep(after)
      if (fails === "before") return yield* Effect.fail("Refused" as const)
      this.log.push(`do ${what}`)
      this.holds.add(what)
      if (fails === "after") return yield* Effect.fail("Broken" as const)
      return what
    })

  readonly undo =
    (what: string, after = 0) =>
    (): Effect.Effect<void> =>
      Effect.gen({ self: this }, function* () {
        if (after > 0) yield* Effect.sleep(after)
        this.log.push(`undo ${what}`)
        this.holds.delete(what)
      })
}

export const marked = Contract.make({ effect: "additive", commit: "marked" })
export const compensable = Contract.compensable({ compensate: "atCommit" })

export interface Run {
  readonly report: Report.Report
  readonly journal: Journal.Memory
  /** `type call` of each event. */
  readonly events: ReadonlyArray<string>
}

export const runOf = <A, E>(
  plan: Plan.Plan<A, E>,
  options: Fanout.Options = {}
): Effect.Effect<Run, PlanError.PlanError> =>
  Effect.suspend(() => {
    const journal = Journal.memory()
    return Effect.gen(function* () {
      const handle = yield* Fanout.start(plan, { drain: "1 second", undo: "1 second", runId: "r", ...options })
      const report = yield* handle.report
      const events = journal.events.map((event) => ("call" in event ? `${event.type} ${event.call}` : event.type))
      return { report, journal, events }
    }).pipe(Effect.scoped, Effect.provideService(Journal.Current, journal))
  })

/** Outcome and effects of a call, in one line. */
export const shown = (report: Report.Report, id: string): string => {
  const call = report.calls.find((call) => call.id === id)!
  const { effects, leftBehind, outcome, used } = call
  const parts = [
    outcome._tag,
    ...effects.map(({ state }) => state),
    ...(used ? ["used"] : []),
    ...(leftBehind ? ["left behind"] : [])
  ]
  return parts.join(" ")
}
