/**
 * The report of a run as plain types: the public JSON form (`toolscope schema report`), and the value beside it.
 */
import type { ContractData } from "./contract.ts"
import type { Question, Snapshot } from "./question.ts"
import type { QuestionRefusal } from "./questionError.ts"
import type { Json } from "./schema.ts"

/**
 * Why a call failed.
 *
 * `_tag` says how: `Rejected` (the promise was rejected), `Threw` (`execute` threw before it returned), `TimedOut`,
 * `MalformedResult` (the `result` schema does not allow the answer), `NotReached` (something in front of the tool did not let it through:
 * nothing happened), `JournalRefused`.
 *
 * @since 0.1.0
 */
export interface CallFailure {
  readonly _tag: string
  readonly message: string
  readonly details?: Json
  /** What the tool rejected with or threw, as it is. Not enumerable: it stands in no JSON. */
  readonly cause?: unknown
}

/**
 * How a call really ended; what `settled` yields.
 *
 * | outcome | means |
 * | --- | --- |
 * | `Succeeded` | it answered with a value |
 * | `Failed` | it answered with an error, or cannot have acted and gave no answer |
 * | `Cancelled` | it was stopped, and cannot have acted |
 * | `Unknown` | it gave no answer, and may have acted: look before you repeat it |
 * | `Skipped` | it never started |
 * | `Denied` | a person said no, or did not answer before the question expired |
 * | `Suspended` | it waited for an answer when the run was suspended: it goes on where that is resumed |
 *
 * @since 0.1.0
 */
export type Outcome<A> =
  | { readonly _tag: "Succeeded"; readonly value: A }
  | { readonly _tag: "Failed"; readonly error: CallFailure }
  | { readonly _tag: "Cancelled" | "Unknown"; readonly error?: CallFailure }
  | { readonly _tag: "Skipped" | "Denied" | "Suspended" }

/**
 * Why a call was asked to stop. The first reason stays.
 *
 * @since 0.1.0
 */
export interface StopReason {
  /**
   * - `policy`: enough have answered · `sibling`: one that was needed cannot succeed any more · `grace`: an advisory's time was up
   * - `deadline`, `timeout`: as they say · `user`: the signal of the run was aborted · `parent`, `budget`, `replan`: of other hosts
   */
  readonly source:
    "policy" | "sibling" | "grace" | "deadline" | "timeout" | "budget" | "replan" | "parent" | "user" | "suspend"
  /** Path of the call that gave rise to it, the first in plan order; absent where no call did. */
  readonly call?: string
  /** For people. */
  readonly reason: string
}

/**
 * What became of one call of the plan.
 *
 * @since 0.1.0
 */
export interface CallReport {
  /** Path in the plan, `/` for a call at the root. */
  readonly id: string
  readonly tool: string
  readonly contract: ContractData
  readonly outcome: Outcome<unknown>["_tag"]
  /** What the policies were told, once. */
  readonly verdict: "succeeded" | "failed" | "none"
  /** Its verdict is success, and every ancestor succeeded and counted it. */
  readonly used: boolean
  readonly value?: Json
  readonly error?: CallFailure
  /** How many attempts were started. */
  readonly attempts: number
  readonly effects: ReadonlyArray<{
    /** Idempotency key. */
    readonly key: string
    readonly state: "committed" | "compensated" | "compensationFailed" | "unknown"
  }>
  readonly stoppedBy?: StopReason
  /** An attempt had not ended at the bound: it may still run, and its answer will change nothing. */
  readonly leftBehind: boolean
  /** An error that the call ended with after it had been stopped. */
  readonly afterStop?: CallFailure
  readonly cleanup?: string
  /** Attempts that answered after they had been left behind, while the run was still open. */
  readonly late?: ReadonlyArray<number>
  /** Why the budget did not let it start, or not let a further attempt start: `used` of `limit` were gone, `asked` more were needed. */
  readonly budget?: { readonly name: string; readonly limit: number; readonly used: number; readonly asked: number }
  /** Milliseconds since the epoch. */
  readonly startedAt?: number
  readonly settledAt: number
}

/**
 * What a node of the plan decided.
 *
 * @since 0.1.0
 */
export interface NodeReport {
  /** JSON Pointer into the plan. */
  readonly node: string
  readonly policy: "all" | "advisory" | "quorum" | "firstSuccess" | "settled" | "atomic" | "deadline"
  readonly decision: "succeeded" | "failed" | "some" | "none" | "stopped" | "skipped" | "suspended"
  /** Paths of the children that were counted, or what else decided. */
  readonly decidedBy: ReadonlyArray<string> | "deadline" | "grace" | "stop"
}

/**
 * Why a plan was refused, with its place.
 *
 * @since 0.1.0
 */
export interface Fault {
  /** JSON Pointer (RFC 6901) into the plan document; `/plan` is its root node. */
  readonly pointer: string
  /** What kind of fault, such as `UnknownTool`, `BadParameters`, `BadQuorum`. */
  readonly _tag: string
  /** What is wrong, and what to do. */
  readonly message: string
}

interface Common {
  readonly toolscope: 1
  readonly runId: string
  /** Every call of the plan, in plan order, also those that never started. */
  readonly calls: ReadonlyArray<CallReport>
  /** Every node that is no call, in plan order. */
  readonly nodes: ReadonlyArray<NodeReport>
  /** Every started attempt has ended. If not, the calls that are `leftBehind` may still act. */
  readonly drained: boolean
  /** From the decision of the plan to the end of the last attempt, or to the bound. */
  readonly drainMillis: number
  readonly budget: { readonly [key: string]: Json }
  /** Everything that was asked, in the order in which it was. */
  readonly questions: ReadonlyArray<Question>
  readonly journalRefused?: string
}

/**
 * The report of a run whose plan succeeded.
 *
 * @since 0.1.0
 */
export interface SucceededReport<out A> extends Common {
  readonly status: "succeeded"
  /** In the shape of the plan, as the tools answered (`JSON.stringify(report)` writes it as JSON). */
  readonly value: A
  readonly reason?: undefined
  readonly faults?: undefined
}

/**
 * The report of a run whose plan failed, or was interrupted before it was decided.
 *
 * @since 0.1.0
 */
export interface FailedReport extends Common {
  readonly status: "failed" | "interrupted"
  readonly value?: undefined
  /**
   * `EssentialFailed`, `QuorumFailed`, `AllFailed`, `DeadlineExceeded` or `Stopped`, and the paths of the calls that made it fail.
   */
  readonly reason: { readonly _tag: string; readonly calls: ReadonlyArray<string> }
  readonly faults?: undefined
}

/**
 * The report of a run that ended with nothing left but questions: those that are open in `questions`. It goes on where it is resumed.
 *
 * @since 0.1.0
 */
export interface SuspendedReport extends Common {
  readonly status: "suspended"
  readonly value?: undefined
  readonly reason: { readonly _tag: string; readonly calls: ReadonlyArray<string> }
  readonly faults?: undefined
  /** To go on from: give it to `resume`. Plain JSON; `JSON.stringify(report)` leaves it out: write it for itself. */
  readonly snapshot: Snapshot
  /** Answers that came with a resume, and were not taken. */
  readonly refused: ReadonlyArray<QuestionRefusal>
}

/**
 * The report of a plan that was refused: nothing was started.
 *
 * @since 0.1.0
 */
export interface RefusedReport extends Common {
  readonly status: "refused"
  readonly value?: undefined
  readonly reason?: undefined
  /** All of them at once. */
  readonly faults: ReadonlyArray<Fault>
}

/**
 * What a run came to. `status` tells the four kinds apart; `value` is there when it is `"succeeded"`.
 *
 * @since 0.1.0
 */
export type Report<A = unknown> = SucceededReport<A> | FailedReport | SuspendedReport | RefusedReport
