/**
 * What goes into `toolscope`, and what comes out: types alone.
 */
/// <reference lib="esnext.disposable" preserve="true" />
import type {
  Amounts,
  Contract,
  Duration,
  LeftBehind,
  Outcome,
  CallReport,
  Plan,
  Report,
  SessionOptions,
  Usage
} from "@toolscope/core/promise"
import type { InferToolInput, InferToolOutput, Tool, ToolApprovalConfiguration, ToolSet } from "ai"
import type { ToolCallError } from "./error.ts"

/**
 * The name of a ready-made contract.
 *
 * @since 0.1.0
 */
export type Preset = "readOnly" | "idempotent" | "irreversible"

/**
 * What each tool does to the world, by its name. A tool that is not named gets the most careful contract: it changes the world for good, is
 * never repeated, and from its start on it may have acted.
 *
 * @since 0.1.0
 */
export type Contracts<TOOLS extends ToolSet> = { readonly [K in keyof TOOLS]?: Preset | Contract }

/**
 * How the calls of one tool are run.
 *
 * @since 0.1.0
 */
export interface Settings {
  /** Per attempt, from its start. Default: `timeout` of the options, 30 seconds. */
  readonly timeout?: Duration
  /** How many further attempts (after 100 ms, 200 ms, 400 ms, at most 10 s), where the contract allows them. Default: none. */
  readonly retry?: number
  /** The most that one attempt may cost, in named units. Default: nothing. */
  readonly cost?: Amounts | ((input: any) => Amounts)
  /**
   * `execute` gives values as it goes, and the last one is its result. Seen by itself where it is an `async function*`; say it of a plain
   * function that returns such an iterable, else only the last value is passed on.
   */
  readonly streams?: boolean
}

/**
 * Of one call, beside what is said of its tool.
 *
 * @since 0.1.0
 */
export type CallSettings = Pick<Settings, "timeout" | "retry">

type InputOf<T> = T extends infer U extends Tool ? InferToolInput<U> : unknown
type OutputOf<T> = T extends infer U extends Tool ? InferToolOutput<U> : unknown

/**
 * A call of the turn, as `plan` sees it.
 *
 * @since 0.1.0
 */
export type Call<TOOLS extends ToolSet = ToolSet> = {
  readonly [K in keyof TOOLS & string]: {
    /** The `toolCallId`. */
    readonly id: string
    readonly tool: K
    readonly input: InputOf<TOOLS[K]>
    /** The call as a plan, to be put into the plan of the turn once. */
    readonly plan: Plan<OutputOf<TOOLS[K]>, Outcome<OutputOf<TOOLS[K]>>>
    /** The same, with settings of its own. */
    readonly with: (settings: CallSettings) => Plan<OutputOf<TOOLS[K]>, Outcome<OutputOf<TOOLS[K]>>>
  }
}[keyof TOOLS & string]

/**
 * What became of a call of a turn.
 *
 * @since 0.1.0
 */
export interface TurnCall {
  /** The `toolCallId`. */
  readonly id: string
  readonly tool: string
  /** Its path in the plan of the turn; absent where it has no place there. */
  readonly path?: string
  readonly outcome: Outcome<unknown>["_tag"]
  readonly report?: CallReport
  /** What the model was told, where it was not told a value. */
  readonly error?: ToolCallError
}

/**
 * What became of a turn.
 *
 * @since 0.1.0
 */
export interface Turn {
  /** Counted from 1. */
  readonly number: number
  /** The `toolCallId` of the call that it ran inside of: a tool that had a model call these tools, for example. */
  readonly inside?: string
  /** Every call of the turn, in the order of the model. */
  readonly calls: ReadonlyArray<TurnCall>
  /** Of its fan-out; its calls have the paths that stand in `calls`. Absent where none was begun. */
  readonly report?: Report
  /** Why none was begun. */
  readonly refusal?: Error
}

/**
 * Claims an approval of a person, by its id, where all look who may use it: `false` if somebody was first.
 *
 * @since 0.1.0
 */
export type Claim = (approvalId: string) => boolean | PromiseLike<boolean>

/**
 * @since 0.1.0
 */
export interface Options<TOOLS extends ToolSet> extends Pick<
  SessionOptions,
  "id" | "budget" | "limits" | "loop" | "retryRatio" | "keep" | "onEvent" | "onQuestion"
> {
  /** What each tool does to the world. */
  readonly contracts?: Contracts<TOOLS>
  /** How the calls of each tool are run. */
  readonly settings?: { readonly [K in keyof TOOLS]?: Settings }
  /**
   * What a turn needs of its calls. It is made when all of them are there, and before any starts. A call that it leaves out is not started, and
   * the model is told so. Default: every call runs to its end, whatever becomes of the others.
   */
  readonly plan?: (calls: ReadonlyArray<Call<TOOLS>>) => Plan
  /** Gets what became of each turn, when it has ended. It is never waited for, and what it throws is ignored. */
  readonly onReport?: (turn: Turn) => unknown
  /** From a stop to its bound; what has not ended by then is left behind. Default 2 seconds. */
  readonly drain?: Duration
  /** For compensations. Default 5 seconds. */
  readonly undo?: Duration
  /** How many attempts run at the same time. Default 8. */
  readonly concurrency?: number
  /** Per attempt, where its tool says nothing else. Default 30 seconds. */
  readonly timeout?: Duration
  /** May a turn begin although these were left behind, and may still act? Default: no. */
  readonly despite?: (leftBehind: ReadonlyArray<LeftBehind>, calls: ReadonlyArray<Call<TOOLS>>) => boolean
  /** Default: once in this process. */
  readonly claim?: Claim
  /**
   * How long a turn waits, after a call has come, for those that the model made beside it and that have not: their `onToolExecutionStart` takes
   * its time, or they wait for approval. In milliseconds. Default 100.
   */
  readonly gather?: number
  /** Aborted, it stops what runs, and nothing starts any more; see {@link Toolscope.signal}. */
  readonly signal?: AbortSignal
}

/**
 * The tools of one conversation, under plans.
 *
 * @since 0.1.0
 */
export interface Toolscope<TOOLS extends ToolSet> extends AsyncDisposable {
  /** For `generateText`, `streamText`, and agents: the same tools, of the same types. */
  readonly tools: TOOLS
  /**
   * For `toolApproval` of the AI SDK: a person has to agree where a call changes the world and its contract has no `compensate`, and where
   * the tool itself says so.
   */
  readonly toolApproval: Extract<ToolApprovalConfiguration<TOOLS, any>, (...args: any) => unknown>
  /**
   * For `abortSignal` of the AI SDK: aborted when `signal` of the options has been, and the calls that ran have drained. So a generation that
   * is aborted ends after its calls, and with their results. Give it {@link Toolscope.stopped} too, or the model is asked once more.
   */
  readonly signal: AbortSignal
  /** For `stopWhen` of the AI SDK: has `signal` of the options been aborted? */
  readonly stopped: () => boolean
  /** Waits until no call runs, or is being undone. What was left behind is not waited for. */
  readonly drained: () => Promise<void>
  /** What was left behind, and has not ended. */
  readonly leftBehind: () => ReadonlyArray<LeftBehind>
  /** What has been used and reserved of the budget. */
  readonly usage: () => Usage
  /** Stops what runs, and waits until it has drained; nothing starts any more. */
  readonly close: () => Promise<void>
}
