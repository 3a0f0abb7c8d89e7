/**
 * All questions of a fan-out, those of fan-outs inside of its handlers included: who asks puts them here, who answers finds them here. A
 * question is answered once, and never forgotten. Synchronous: an answer that is taken has been taken when the call returns.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Question } from "../../Question.ts"
import {
  AlreadyAnswered,
  MalformedAnswer,
  QuestionError,
  type Reason,
  Suspended,
  UnknownQuestion,
  Withdrawn
} from "../../QuestionError.ts"
import type { Answers } from "../../Questions.ts"
import type { Checked } from "../codec.ts"
import { sanitize } from "../json.ts"

/** What an asker is told. */
export type Reply =
  | { readonly _tag: "answer"; readonly value: unknown; readonly json: Json; readonly by: string | undefined }
  | {
      readonly _tag: "denied"
      readonly by: string | undefined
      readonly reason: string | undefined
      readonly expired: boolean
    }

export interface Asked {
  readonly decode: (json: unknown) => Checked<unknown>
  /** Called once, unless the question is withdrawn before. */
  readonly replied: (reply: Reply) => void
}

type Draft = { -readonly [K in keyof Question]: Question[K] }

interface Entry extends Asked {
  readonly question: Draft
  /** Its fan-out has been suspended: nobody here waits for an answer. */
  isSuspended: boolean
}

export class Desk implements Answers {
  private readonly entries = new Map<string, Entry>()
  private readonly queues = new Set<Queue.Queue<Question, Cause.Done>>()
  /** Told of each question that is asked. */
  onAsked: ((question: Question) => void) | undefined
  private isClosed = false

  /** A question of this id may have been asked before, and withdrawn: then it is asked anew. */
  ask(question: Question, asked: Asked): void {
    const entry = { question: { ...question }, ...asked, isSuspended: false }
    this.entries.set(question.id, entry)
    const shown = { ...entry.question }
    for (const queue of this.queues) Queue.offerUnsafe(queue, shown)
    this.onAsked?.(shown)
  }

  /** Who asked does not wait any more. */
  withdraw(id: string, why: string): boolean {
    const question = this.entries.get(id)?.question
    if (question?.state !== "open") return false
    question.state = "withdrawn"
    question.reason = why
    return true
  }

  /** Its time is up. */
  expire(id: string): void {
    const entry = this.entries.get(id)
    if (entry?.question.state !== "open") return
    entry.question.state = "expired"
    entry.replied({ _tag: "denied", by: undefined, reason: "nobody answered in time", expired: true })
  }

  /** The open questions of this run stay open, and are answered where it is resumed. */
  suspend(runId: string): void {
    for (const entry of this.entries.values()) {
      if (entry.question.state === "open" && isOf(runId, entry.question)) entry.isSuspended = true
    }
  }

  /** In the order in which they were asked; of one run, those of fan-outs inside of it included. */
  list(runId?: string): ReadonlyArray<Question> {
    return [...this.entries.values()].flatMap(({ question }) =>
      runId === undefined || isOf(runId, question) ? [{ ...question }] : []
    )
  }

  listOpen(runId?: string): ReadonlyArray<Question> {
    return this.list(runId).filter(({ state }) => state === "open")
  }

  readonly answer: Answers["answer"] = (id, answer, { by } = {}) =>
    Effect.suspend(() => {
      const found = this.find(id)
      if (Result.isFailure(found)) return refuse(found.failure)
      const { decode, question, replied } = found.success
      const value = decode(answer)
      if (Result.isFailure(value)) return refuse(new MalformedAnswer({ id, issues: value.failure }))
      const json = sanitize(answer)
      const no = question.kind === "approval" ? refusalIn(value.success) : undefined
      question.state = no === undefined ? "answered" : "denied"
      question.answer = json
      if (by !== undefined) question.by = by
      if (no?.reason !== undefined) question.reason = no.reason
      replied(
        no === undefined
          ? { _tag: "answer", value: value.success, json, by }
          : { _tag: "denied", by, reason: no.reason, expired: false }
      )
      return Effect.void
    })

  readonly deny: Answers["deny"] = (id, { by, reason } = {}) =>
    Effect.suspend(() => {
      const found = this.find(id)
      if (Result.isFailure(found)) return refuse(found.failure)
      const { question, replied } = found.success
      question.state = "denied"
      if (by !== undefined) question.by = by
      if (reason !== undefined) question.reason = reason
      replied({ _tag: "denied", by, reason, expired: false })
      return Effect.void
    })

  private find(id: string): Result.Result<Entry, Reason> {
    const entry = this.entries.get(id)
    if (entry === undefined) return Result.fail(new UnknownQuestion({ id, open: this.listOpen().map(({ id }) => id) }))
    const { by, reason, state } = entry.question
    switch (state) {
      case "open":
        return entry.isSuspended ? Result.fail(new Suspended({ id })) : Result.succeed(entry)
      case "answered":
      case "denied":
        return Result.fail(new AlreadyAnswered({ id, ...(by === undefined ? {} : { by }) }))
      case "expired":
        return Result.fail(new Withdrawn({ id, why: "it has expired" }))
      case "withdrawn":
        return Result.fail(new Withdrawn({ id, why: reason ?? "who asked has ended" }))
    }
  }

  /** Those that are open, then each as it is asked; ends with the fan-out. */
  readonly observe: Effect.Effect<Stream.Stream<Question>, never, Scope.Scope> = Effect.map(
    Effect.acquireRelease(
      Effect.map(Queue.unbounded<Question, Cause.Done>(), (queue) => {
        for (const question of this.listOpen()) Queue.offerUnsafe(queue, question)
        if (this.isClosed) Queue.endUnsafe(queue)
        else this.queues.add(queue)
        return queue
      }),
      (queue) => {
        this.queues.delete(queue)
        return Queue.shutdown(queue)
      }
    ),
    (queue) => Stream.fromQueue(queue)
  )

  close(): void {
    this.isClosed = true
    for (const queue of this.queues) Queue.endUnsafe(queue)
  }
}

/** Run ids of fan-outs inside of a handler begin with that of the fan-out around them. */
const isOf = (runId: string, question: Question): boolean =>
  question.runId === runId || question.runId.startsWith(`${runId}/`) || question.runId.startsWith(`${runId}@`)

const refuse = (reason: Reason): Effect.Effect<never, QuestionError> => Effect.fail(new QuestionError({ reason }))

/** Does this answer to an approval say no? */
const refusalIn = (answer: unknown): { readonly reason: string | undefined } | undefined => {
  if (answer === true) return undefined
  if (answer === false) return { reason: undefined }
  const { approved, reason } = answer as { readonly approved: boolean; readonly reason?: string }
  return approved ? undefined : { reason }
}
