/**
 * What `run` and `resume` share: their options, the services that these come to, and a report also of a plan that is refused.
 */
import * as Effect from "effect/Effect"
import * as Journal from "../../Journal.ts"
import type { PlanError } from "../../PlanError.ts"
import { checkQuestionOptions, checkSomebodyAnswers, provideQuestions, questionOptions } from "./answering.ts"
import { checkFunction } from "./arguments.ts"
import { checkFanout, checkTools, journalOf, knownOptions, refused, Tools } from "./fanout.ts"
import type { Report } from "./report.ts"
import type { RunOptions } from "./runTypes.ts"

export const knownOfRun = [...knownOptions, ...questionOptions, "onEvent"]

/** A plan that is refused has a report too. */
export const reported = <E>(
  run: Effect.Effect<Report, E | PlanError>,
  runId: string,
  options: RunOptions
): Effect.Effect<Report, Exclude<E, PlanError>> =>
  provideQuestions(
    Effect.catchIf(
      run,
      (error): error is PlanError => (error as { readonly _tag?: unknown })._tag === "PlanError",
      (error) => Effect.succeed(refused(runId, error))
    ) as Effect.Effect<Report, Exclude<E, PlanError>>,
    options
  ).pipe(
    Effect.provideService(Journal.Current, journalOf(options.onEvent)),
    Effect.provideService(Tools, options.tools)
  )

export const checkRun = (where: string, options: Partial<RunOptions>): void => {
  checkTools(where, options.tools)
  checkFanout(where, options)
  checkFunction(where, "onEvent", options.onEvent)
  checkQuestionOptions(where, options)
  checkSomebodyAnswers(where, options)
}
