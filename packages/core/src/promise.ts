/**
 * Toolscope for programs without Effect: tools are functions that return promises, plans are plain data, and a run is a promise of
 * its report. The same engine runs underneath; no type of Effect appears in what is exported here.
 *
 * - {@link tool} makes a tool from a function, with parameters and results checked by any Standard Schema (zod, valibot, arktype …) or by JSON Schema.
 * - {@link call}, {@link all}, {@link quorum}, {@link firstSuccess}, {@link advisory}, {@link settled}, {@link atomic} and {@link deadline} build plans.
 * - {@link run} runs a plan, waits until everything has ended or was left behind at its bound, and tells how each call ended.
 * - {@link resume} goes on from the snapshot of a run that was suspended, because nothing but questions to people remained.
 * - {@link openSession} opens a session: the owner of one planner's fan-outs, one at a time, within one budget.
 *
 * A run never rejects because a plan failed, and never returns while something that it started still runs unsaid. A session rejects with a {@link SessionError}
 * where it does not start a fan-out, a resume with a {@link SnapshotError} or a {@link QuestionError} where it begins nothing.
 *
 * @since 0.1.0
 */
export type { Amounts, Budget, Usage } from "./internal/promise/budget.ts"
export { contract } from "./internal/promise/contract.ts"
export type { Contract, ContractData, Done, FailureMeaning } from "./internal/promise/contract.ts"
export type { RunEvent } from "./internal/promise/events.ts"
export type { FanoutInside, FanoutOptions, InsideOptions } from "./internal/promise/fanoutTypes.ts"
export { advisory, all, atomic, call, deadline, firstSuccess, quorum, settled } from "./internal/promise/plan.ts"
export type {
  Advisory,
  CallOptions,
  ChildOutcomes,
  Children,
  Member,
  OutcomesOf,
  Plan,
  SomeValues,
  ValueOf,
  Values
} from "./internal/promise/plan.ts"
export type {
  Answers,
  Approval,
  Ask,
  Asked,
  AskForResult,
  AskOptions,
  AskResult,
  Question,
  QuestionOptions,
  ResumeAnswers,
  Snapshot
} from "./internal/promise/question.ts"
export { DeniedError, QuestionError, SnapshotError } from "./internal/promise/questionError.ts"
export type { QuestionRefusal, SnapshotRefusal } from "./internal/promise/questionError.ts"
export type {
  CallFailure,
  CallReport,
  FailedReport,
  Fault,
  NodeReport,
  Outcome,
  RefusedReport,
  Report,
  StopReason,
  SucceededReport,
  SuspendedReport
} from "./internal/promise/report.ts"
export { resume } from "./internal/promise/resume.ts"
export { run } from "./internal/promise/run.ts"
export type { ResumeOptions, RunOptions } from "./internal/promise/runTypes.ts"
export type {
  AnySchema,
  Duration,
  DurationUnit,
  InputOf,
  Json,
  JsonSchema,
  OutputOf,
  StandardIssue,
  StandardResult,
  StandardSchema
} from "./internal/promise/schema.ts"
export { openSession } from "./internal/promise/session.ts"
export { SessionError } from "./internal/promise/sessionError.ts"
export type { LeftBehind, SessionRefusal } from "./internal/promise/sessionError.ts"
export type {
  ReplanOptions,
  Session,
  SessionFanoutOptions,
  SessionOptions,
  SessionResumeOptions,
  SettledCall,
  WaitOptions
} from "./internal/promise/sessionTypes.ts"
export { tool } from "./internal/promise/tool.ts"
export type { CommitOptions, ExecuteContext, Progress, Tool, ToolOptions } from "./internal/promise/tool.ts"
