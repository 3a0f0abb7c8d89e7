/**
 * Questions to people as plain types: what is asked, how it is answered, what becomes of it, and what a suspended run goes on from.
 */
import type { ContractData } from "./contract.ts"
import type { AnySchema, Duration, Json, OutputOf } from "./schema.ts"

/**
 * A question, as those who answer see it, and as it stands in a report.
 *
 * @since 0.1.0
 */
export interface Question {
  /** Run, path of the call, number: the same in every attempt, and after a resume. */
  readonly id: string
  readonly runId: string
  /** Path of the call that asks. */
  readonly call: string
  readonly tool: string
  /** `approval`: may this call start, with these parameters? Answered by `true`, `false`, or `{ "approved": …, "reason": … }`. */
  readonly kind: "question" | "approval"
  readonly prompt: string
  /** JSON Schema of an answer, where the schema can say it. */
  readonly schema: Json
  /** Of an approval: what the call is to be started with. */
  readonly params?: Json
  readonly state: "open" | "answered" | "denied" | "expired" | "withdrawn"
  /** Milliseconds since the epoch. */
  readonly askedAt: number
  readonly expiresAt?: number
  /** Who answered, if they said. */
  readonly by?: string
  readonly answer?: Json
  /** Why it was denied or withdrawn, if that is known. */
  readonly reason?: string
}

/**
 * What to ask, and what an answer looks like.
 *
 * @since 0.1.0
 */
export interface AskOptions<S extends AnySchema> {
  /** For the person who answers. */
  readonly prompt: string
  /** What an answer has to be, and what the handler gets of it. It must validate at once: an answer is taken, or refused, at once. */
  readonly schema: S
  /** After this long it counts as denied. Default: never. */
  readonly expires?: Duration
}

/**
 * What `askResult` gives.
 *
 * @since 0.1.0
 */
export type AskResult<A> =
  | { readonly _tag: "Answered"; readonly value: A }
  | {
      readonly _tag: "Denied"
      /** Nobody answered in time. */
      readonly expired: boolean
      /** Who said no, if they said. */
      readonly by?: string
      readonly why?: string
    }

/**
 * Asks a person, inside of a handler.
 *
 * @since 0.1.0
 */
export type Ask = <S extends AnySchema>(options: AskOptions<S>) => Promise<OutputOf<S>>

/**
 * As {@link Ask}, with a refusal as a value.
 *
 * @since 0.1.0
 */
export type AskForResult = <S extends AnySchema>(options: AskOptions<S>) => Promise<AskResult<OutputOf<S>>>

/**
 * Does a person have to agree before a call starts?
 *
 * - `"always"`, `"never"`
 * - `"byContract"`: where the call changes the world, and its contract has no `compensate`
 * - a predicate of the parameters and the contract, which must not act. Only `false` is a permission: one that throws asks
 *
 * @since 0.1.0
 */
export type Approval<P> = "always" | "never" | "byContract" | ((params: P, contract: ContractData) => boolean)

/**
 * How a question is answered, or refused. Both reject with a `QuestionError` where that is not taken: the question is as it was before.
 *
 * @since 0.1.0
 */
export interface Answers {
  /** The answer as JSON, which the schema of the question reads. */
  readonly answer: (id: string, answer: unknown, options?: { readonly by?: string }) => Promise<void>
  /** Nobody will answer: the call that asked ends as `Denied`, unless its handler knows better. */
  readonly deny: (id: string, options?: { readonly by?: string; readonly reason?: string }) => Promise<void>
}

/**
 * What `onQuestion` gets beside a question.
 *
 * @since 0.1.0
 */
export interface Asked extends Answers {
  /** Aborted when the question is withdrawn, expires, or gets its answer from somebody else, and when the run ends. */
  readonly signal: AbortSignal
}

/**
 * Who is asked, and what happens when nothing but answers is waited for.
 *
 * @since 0.1.0
 */
export interface QuestionOptions {
  /**
   * Gets every question as it is asked; after a resume, those that are still open too. It may answer later, and any question by its id. If
   * it throws or rejects, the question is denied, with that as the reason.
   */
  readonly onQuestion?: (question: Question, asked: Asked) => unknown
  /**
   * When nothing but answers is waited for: `"suspend"` waits until `onQuestion` has ended for each, then ends the run as suspended, with a
   * snapshot to go on from; `"wait"` waits. Default: `"wait"` with `onQuestion`, else `"suspend"`.
   */
  readonly questions?: "suspend" | "wait"
  /** Snapshots are signed with it, and have to be signed with it. They are not encrypted. Default: none. */
  readonly key?: string
  /**
   * Claims a snapshot that is to be resumed, by its `snapshot`, where all look who may resume it: `false` if somebody was first. Default: once
   * in this process.
   */
  readonly claim?: (snapshot: Snapshot) => boolean | PromiseLike<boolean>
}

/**
 * The answers that a resume begins with.
 *
 * @since 0.1.0
 */
export interface ResumeAnswers {
  /** Answers, as JSON, by the ids of their questions. */
  readonly answers?: { readonly [id: string]: unknown }
  /** Ids of questions that nobody will answer. */
  readonly deny?: ReadonlyArray<string>
  /** Who answers. */
  readonly by?: string
}

/**
 * What a suspended run needs to go on elsewhere, as plain JSON (`toolscope schema snapshot`). It may hold parameters, values and answers:
 * keep it as you would keep those.
 *
 * @since 0.1.0
 */
export interface Snapshot {
  readonly toolscope: 1
  /** Its own id: it can be claimed once. */
  readonly snapshot: string
  readonly runId: string
  /** Milliseconds since the epoch. */
  readonly takenAt: number
  readonly settings: object
  readonly fanout: object
  readonly questions: ReadonlyArray<Question>
  readonly signature?: string
}
