/**
 * A turn's fan-out, to its report; and on the way its calls are told of as they settle, under the ids that the model gave them.
 */
import type { FanoutError, Report } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Ai from "./ai.ts"
import type { Run, State } from "./run.ts"
import type { Standing, Turn } from "./turn.ts"

/** The report of a fan-out that succeeded is the session's last; and its calls are told of as they settle. */
export const watched = <E>(
  run: Run,
  state: State,
  turn: Turn,
  { byPath }: Standing,
  fanned: Effect.Effect<unknown, E, any>
): Effect.Effect<Report.Report, E, any> => {
  const { emit, session } = run
  const ids = new Map([...byPath].map(([path, part]) => [path, turn.planned[part]!.id]))
  const reported = Effect.flatMap(Effect.provideService(fanned, Ai.CallIds, ids), () => {
    const report = session.reports().at(-1)
    return report === undefined
      ? Effect.die(new Error("the session keeps no reports: an agent needs the last one (keep: 1)"))
      : Effect.succeed(report)
  })
  if (emit === undefined) return reported
  const seen = new Set<string>()
  const told = (call: Report.CallReport): Effect.Effect<void> => {
    const id = ids.get(call.id)
    if (id === undefined || seen.has(call.id)) return Effect.void
    seen.add(call.id)
    return emit({ _tag: "Settled", turn: state.turns, id, call })
  }
  const rest = (report: Report.Report) => Effect.forEach(report.calls, told, { discard: true })
  return Effect.scoped(
    Effect.gen(function* () {
      const epoch = session.epoch() + 1
      const outcomes = yield* session.outcomes
      yield* Effect.forkScoped(
        Stream.runForEach(outcomes, (settled) => (settled.epoch === epoch ? told(settled.call) : Effect.void)),
        { startImmediately: true }
      )
      return yield* Effect.tapError(Effect.tap(reported, rest), (error) =>
        isSuspended(error) || !isFanoutError(error) ? Effect.void : rest(error.report)
      )
    })
  )
}

const isFanoutError = (u: unknown): u is FanoutError.FanoutError<unknown> =>
  typeof u === "object" && u !== null && "_tag" in u && u._tag === "FanoutError"
const isSuspended = (u: unknown): boolean => isFanoutError(u) && u.reason._tag === "Suspended"
