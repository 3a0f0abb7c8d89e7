/**
 * Run an agent's tool calls in parallel, decide when enough have answered, and know that the rest have stopped.
 *
 * @since 0.1.0
 */
export * as Attempt from "./Attempt.ts"
export * as Budget from "./Budget.ts"
export * as CallError from "./CallError.ts"
export * as Commit from "./Commit.ts"
export * as Contract from "./Contract.ts"
export * as Decision from "./Decision.ts"
export * as Fanout from "./Fanout.ts"
export * as FanoutError from "./FanoutError.ts"
export * as Journal from "./Journal.ts"
export * as Outcome from "./Outcome.ts"
export * as Plan from "./Plan.ts"
export * as PlanDocument from "./PlanDocument.ts"
export * as PlanError from "./PlanError.ts"
export * as Quarantine from "./Quarantine.ts"
export * as Question from "./Question.ts"
export * as QuestionError from "./QuestionError.ts"
export * as Questions from "./Questions.ts"
export * as Report from "./Report.ts"
export * as Session from "./Session.ts"
export * as SessionError from "./SessionError.ts"
export * as Snapshot from "./Snapshot.ts"
export * as Tool from "./Tool.ts"
export * as Toolset from "./Toolset.ts"
