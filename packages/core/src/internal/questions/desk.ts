/**
 * All questions of a fan-out, those of fan-outs inside of its handlers included: who asks puts them here, who answers finds them here. A
 * question is answered once, and never forgotten. Synchronous: an answer that is taken has been taken when the call returns.
 */
import type * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
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
  ResumeFirst,
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

/** A reply to a question that its handler has not asked again since a resume: who gave it waits. */
interface Pending {
  readonly reply: { readonly answer: unknown; readonly by: string | undefined } | Extract<Reply, { _tag: "denied" }>
  readonly taken: Deferred.Deferred<void, QuestionError>
}

interface Entry {
  readonly question: Draft
  /** Of which outermost fan-out it is: one inside of it may have any run id. */
  readonly of: string
  /** Absent where its handler has to run again first: `wake` makes it. */
  readonly asked: Asked | undefined
  readonly wake: (() => void) | undefined
  pending: Pending | undefined
  /** Its fan-out has been suspended: nobody here waits for an answer. */
  isSuspended: boolean
}

export class Desk implements Answers {
  private readonly entries = new Map<string, Entry>()
  private readonly queues = new Set<Queue.Queue<Question, Cause.Done>>()
  /** Told of each question that is asked. */
  onAsked: ((question: Question) => void) | undefined
  /** Told when a question has been answered, denied or withdrawn, or has expired. */
  onClosed: ((id: string) => void) | undefined
  private isClosed = false

  /**
   * A question of this id may have been asked before, and withdrawn: then it is asked anew. One that was open before a resume stays as it is,
   * and may have its answer already.
   */
  ask(question: Question, asked: Asked, of: string): void {
    const before = this.entries.get(question.id)
    const entry = this.put(question, asked, of)
    if (before === undefined || before.question.state !== "open") {
      this.tell(entry.question)
      return
    }
    // its handler asks something else now: nobody has answered that
    if (before.question.prompt !== question.prompt) {
      const why = "its handler asks something else now"
      if (before.pending !== undefined)
        Deferred.doneUnsafe(before.pending.taken, refuse(new Withdrawn({ id: question.id, why })))
      this.tell(entry.question)
      return
    }
    // its time runs on from when it was asked first
    const { askedAt, expiresAt } = before.question
    entry.question.askedAt = askedAt
    if (expiresAt !== undefined) Object.assign(entry.question, { expiresAt })
    if (before.pending !== undefined) this.give(entry, asked, before.pending)
  }

  /** Is this asked already? */
  isOpen(id: string, prompt: string): boolean {
    const question = this.entries.get(id)?.question
    return question?.state === "open" && question.prompt === prompt
  }

  /** As it stood in a snapshot. `wake` makes its handler ask again; where a reply waits already, at once. */
  restore(question: Question, wake: () => void, of: string): void {
    const before = this.entries.get(question.id)
    const pending = before?.pending
    this.entries.set(question.id, {
      question: { ...question },
      of,
      asked: undefined,
      wake,
      pending,
      isSuspended: false
    })
    if (pending !== undefined) wake()
  }

  /** As it stood in a snapshot, and nobody asks any more. */
  remember(question: Question, of: string): void {
    this.restore(question, () => {}, of)
  }

  /** As it stood in a snapshot, where it is known how to read an answer. */
  restoreAsked(question: Question, asked: Asked, of: string): void {
    const pending = this.entries.get(question.id)?.pending
    const entry = this.put(question, asked, of)
    if (pending !== undefined) this.give(entry, asked, pending)
  }

  /** Open, with somebody who can be told at once. */
  private put(question: Question, asked: Asked, of: string): Entry {
    const entry = { question: { ...question }, of, asked, wake: undefined, pending: undefined, isSuspended: false }
    this.entries.set(question.id, entry)
    return entry
  }

  /** What waited for its asker. */
  private give(entry: Entry, asked: Asked, { reply, taken }: Pending): void {
    const refusal = this.reply(entry, asked, reply)
    Deferred.doneUnsafe(taken, refusal === undefined ? Effect.void : refuse(refusal))
  }

  /** Of those that stay open since before a resume, all who listen are told once more. */
  remind(id: string): void {
    const entry = this.entries.get(id)
    if (entry?.question.state === "open" && entry.pending === undefined) this.tell(entry.question)
  }

  private tell(question: Question): void {
    const shown = { ...question }
    for (const queue of this.queues) Queue.offerUnsafe(queue, shown)
    this.onAsked?.(shown)
  }

  /** Who asked does not wait any more. */
  withdraw(id: string, why: string): boolean {
    const entry = this.entries.get(id)
    if (entry?.question.state !== "open") return false
    entry.question.state = "withdrawn"
    entry.question.reason = why
    if (entry.pending !== undefined) Deferred.doneUnsafe(entry.pending.taken, refuse(new Withdrawn({ id, why })))
    this.onClosed?.(id)
    return true
  }

  /** Its time is up, unless it has been asked anew since, and has a time of its own. Suspended, it expires where it is resumed. */
  expire(id: string, at: number): void {
    const entry = this.entries.get(id)
    if (entry?.question.state !== "open" || entry.isSuspended) return
    if (entry.question.expiresAt !== at || entry.pending !== undefined) return
    const reply = { _tag: "denied", by: undefined, reason: "nobody answered in time", expired: true } as const
    if (entry.asked === undefined) this.keep(entry, reply)
    else this.reply(entry, entry.asked, reply)
  }

  /** The open questions of this run stay open, and are answered where it is resumed. */
  suspend(runId: string): void {
    for (const entry of this.entries.values()) {
      if (entry.question.state !== "open" || entry.of !== runId) continue
      entry.isSuspended = true
      // its handler did not come to it again
      if (entry.pending !== undefined)
        Deferred.doneUnsafe(entry.pending.taken, refuse(new ResumeFirst({ id: entry.question.id })))
      entry.pending = undefined
    }
  }

  /** In the order in which they were asked; of one run, those of fan-outs inside of it included. */
  list(runId?: string): ReadonlyArray<Question> {
    return [...this.entries.values()].flatMap(({ of, question }) =>
      runId === undefined || of === runId ? [{ ...question }] : []
    )
  }

  listOpen(runId?: string): ReadonlyArray<Question> {
    return this.list(runId).filter(({ state }) => state === "open")
  }

  readonly answer: Answers["answer"] = (id, answer, { by } = {}) => this.take(id, { answer, by })

  readonly deny: Answers["deny"] = (id, { by, reason } = {}) =>
    this.take(id, { _tag: "denied", by, reason, expired: false })

  private take(id: string, reply: Pending["reply"]): Effect.Effect<void, QuestionError> {
    return Effect.suspend(() => {
      const found = this.find(id)
      if (Result.isFailure(found)) return refuse(found.failure)
      const { asked, pending } = found.success
      if (pending !== undefined) return refuse(new AlreadyAnswered({ id }))
      if (asked === undefined) return Deferred.await(this.keep(found.success, reply))
      const refusal = this.reply(found.success, asked, reply)
      return refusal === undefined ? Effect.void : refuse(refusal)
    })
  }

  /** Until its handler has come to it again. */
  private keep(entry: Entry, reply: Pending["reply"]): Pending["taken"] {
    const taken = Deferred.makeUnsafe<void, QuestionError>()
    entry.pending = { reply, taken }
    entry.wake?.()
    return taken
  }

  /** Tells who asked, if the reply is one that can be taken. */
  private reply({ question }: Entry, { decode, replied }: Asked, reply: Pending["reply"]): Reason | undefined {
    if ("_tag" in reply) {
      note(question, reply)
      this.onClosed?.(question.id)
      replied(reply)
      return undefined
    }
    const value = decode(reply.answer)
    if (Result.isFailure(value)) {
      const issues = value.failure.map(({ message, pointer }) => ({ pointer, message }))
      return new MalformedAnswer({ id: question.id, issues })
    }
    const { by } = reply
    const json = sanitize(reply.answer)
    question.answer = json
    const no = question.kind === "approval" ? refusalIn(value.success) : undefined
    if (no !== undefined) {
      const denied = { _tag: "denied", by, reason: no.reason, expired: false } as const
      note(question, denied)
      this.onClosed?.(question.id)
      replied(denied)
      return undefined
    }
    question.state = "answered"
    if (by !== undefined) question.by = by
    this.onClosed?.(question.id)
    replied({ _tag: "answer", value: value.success, json, by })
    return undefined
  }

  private find(id: string): Result.Result<Entry, Reason> {
    const entry = this.entries.get(id)
    if (entry === undefined) return Result.fail(new UnknownQuestion({ id, open: this.listOpen().map(({ id }) => id) }))
    const { by, reason, state } = entry.question
    switch (state) {
      case "open":
        return entry.isSuspended ? Result.fail(new ResumeFirst({ id })) : Result.succeed(entry)
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

const refuse = (reason: Reason): Effect.Effect<never, QuestionError> => Effect.fail(new QuestionError({ reason }))

const note = (question: Draft, { by, expired, reason }: Extract<Reply, { readonly _tag: "denied" }>): void => {
  question.state = expired ? "expired" : "denied"
  if (by !== undefined) question.by = by
  if (reason !== undefined) question.reason = reason
}

/** Does this answer to an approval say no? */
const refusalIn = (answer: unknown): { readonly reason: string | undefined } | undefined => {
  if (answer === true) return undefined
  if (answer === false) return { reason: undefined }
  const { approved, reason } = answer as { readonly approved: boolean; readonly reason?: string }
  return approved ? undefined : { reason }
}
