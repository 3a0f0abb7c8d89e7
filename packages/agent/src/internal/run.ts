/**
 * What a run of the loop goes with, what changes from turn to turn, and what all ends of it have.
 */
import type { PlanError, QuestionError, Report, Session, SessionError, Snapshot } from "@toolscope/core"
import type * as Effect from "effect/Effect"
import type { Event, Options } from "../Agent.ts"
import type * as End from "../End.ts"
import type * as Ai from "./ai.ts"
import type { Kit } from "./kit.ts"
import type { ModelOptions } from "./model.ts"

/** Where events go, if anybody wants them. */
export type Emit = ((event: Event) => Effect.Effect<void>) | undefined
export type ResumeOnly = Snapshot.SnapshotError | QuestionError.QuestionError
export type RunError = PlanError.PlanError | SessionError.SessionError

/** What a run of the loop goes with. */
export interface Run {
  readonly kit: Kit
  readonly session: Session.Session
  readonly options: Omit<Options<any>, "prompt">
  readonly model: ModelOptions
  readonly emit: Emit
}

/** What changes from turn to turn. */
export interface State {
  history: Ai.Prompt.Prompt
  turns: number
  input: number
  output: number
  /** How many turns in a row have started nothing, and why. */
  stuck: number
  readonly reports: Array<Report.Report>
}

export const commonOf = ({ session }: Run, { history, input, output, reports, turns }: State): End.Common => ({
  history,
  turns,
  tokens: { input, output },
  usage: session.usage(),
  reports
})
