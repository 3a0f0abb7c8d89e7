/**
 * Toolscope by its Effect entry: each turn a fan-out with a handle, every call settled for itself; tools from promises.
 */
import { Fanout, Plan, Questions, Report, Session, type Snapshot } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Runner from "../Runner.ts"
import { returnedOf, settings, version } from "./shared.ts"
import { optionsOf, toolOf } from "./tools.ts"

const planOf = ({ calls, tools }: Runner.Turn): Plan.Plan<unknown, unknown> =>
  Plan.all(
    Object.fromEntries(
      calls.map(({ id, tool }) => [id, Plan.settled(Plan.call(toolOf(tools.find(({ name }) => name === tool)!)))])
    )
  )

/** Waits for a fan-out, which is stopped when the signal is aborted. */
const reported = <E>(
  { signal }: Runner.Turn,
  start: Effect.Effect<Fanout.Handle<unknown, unknown>, E, Scope.Scope>
): Promise<Runner.Returned> =>
  Effect.gen(function* () {
    const handle = yield* start
    signal.addEventListener("abort", () => void Effect.runFork(handle.stop("the caller aborted")))
    const report = Report.toJson(yield* handle.report)
    const result = yield* Effect.result(handle.result)
    const { reason } = Result.isFailure(result) ? result.failure : {}
    return returnedOf(report, reason?._tag === "Suspended" ? reason.snapshot : undefined)
  }).pipe(Effect.scoped, Effect.provide(Questions.suspend), Effect.runPromise)

export default Runner.make({
  name: "Toolscope (Effect)",
  version,
  settings: `Fanout.start, the handle's stop on abort, a session for the budget; ${settings}`,
  can: ["timeout", "retry", "concurrency", "questions", "partialAnswers", "budget"],
  turn: (turn) => reported(turn, Fanout.start(planOf(turn), optionsOf(turn))),
  resume: (turn, state, answers) =>
    reported(
      turn,
      Fanout.startFrom(planOf(turn), state as Snapshot.Snapshot, {
        ...optionsOf(turn),
        answers: Object.fromEntries(answers)
      })
    ),
  loop: (turn) =>
    Effect.gen(function* () {
      const { attempts, millis } = turn.budget!
      const session = yield* Session.make({ budget: { attempts, wallClock: millis } })
      const fanout = Effect.catchTag(session.fanout(planOf(turn), optionsOf(turn)), "FanoutError", () => Effect.void)
      const { message } = yield* Effect.flip(Effect.forever(fanout))
      const last = session.reports().at(-1)
      return { ...(last === undefined ? { claims: [] } : returnedOf(Report.toJson(last))), error: message }
    }).pipe(Effect.scoped, Effect.runPromise)
})
