/**
 * Who answers here: every question goes to the program of the application, in a fiber of its own, which is interrupted when somebody else has
 * closed the question. A program that fails denies.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Answers, Policy } from "../../Questions.ts"
import { text } from "../json.ts"
import type { Desk } from "./desk.ts"

interface Asked {
  /** It gives its reply just now: that closes its own question. */
  replies: boolean
  fiber: Fiber.Fiber<unknown, unknown> | undefined
}

export class Answering {
  private readonly desk: Desk
  private readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  private readonly scheduleWake: () => void
  /** Who is told of questions here, if somebody is. */
  private onAsked: Desk["onAsked"]
  /** Those who are being asked. */
  private readonly fibers = new Set<Fiber.Fiber<unknown, unknown>>()

  constructor(desk: Desk, fork: Answering["fork"], scheduleWake: () => void) {
    this.desk = desk
    this.fork = fork
    this.scheduleWake = scheduleWake
  }

  get isAnybodyAsked(): boolean {
    return this.fibers.size > 0
  }

  answerBy(ask: NonNullable<Policy["asked"]>): void {
    const { desk } = this
    const asking = new Map<string, Asked>()
    this.onAsked = desk.onAsked = (question) => {
      const one: Asked = { replies: false, fiber: undefined }
      const failed = (cause: unknown) => Effect.ignore(desk.deny(question.id, { reason: messageOf(cause) }))
      asking.set(question.id, one)
      const asked = ask(question, this.answersOf(one))
      const fiber = this.fork(Effect.catchCause(asked, (cause) => failed(Cause.squash(cause))))
      one.fiber = fiber
      this.fibers.add(fiber)
      fiber.addObserver(() => {
        this.fibers.delete(fiber)
        if (asking.get(question.id) === one) asking.delete(question.id)
        // it may have left its question open: then nothing may be left to wait for
        this.scheduleWake()
      })
    }
    desk.onClosed = (id) => {
      const one = asking.get(id)
      if (one?.replies === false) one.fiber?.interruptUnsafe()
    }
  }

  private answersOf(one: Asked): Answers {
    const { desk } = this
    const own = <A, E>(reply: Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.suspend(() => {
        one.replies = true
        return Effect.ensuring(
          reply,
          Effect.sync(() => (one.replies = false))
        )
      })
    return { answer: (...args) => own(desk.answer(...args)), deny: (...args) => own(desk.deny(...args)) }
  }

  close(): void {
    for (const fiber of this.fibers) fiber.interruptUnsafe()
    // the desk may be that of a session, whose next fan-out asks somebody else
    if (this.onAsked !== undefined && this.desk.onAsked === this.onAsked)
      this.desk.onAsked = this.desk.onClosed = undefined
  }
}

/** One line about what went wrong. */
const messageOf = (error: unknown): string => text(error, "message") ?? text(error, "_tag") ?? String(error)
