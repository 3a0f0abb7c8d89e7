/**
 * People who are asked in a simulation: they answer, deny, answer nonsense, answer twice, or leave it for later, as random numbers say. In
 * the end all answer.
 */
import type { Fanout, Question, Questions } from "@toolscope/core"
import * as Effect from "effect/Effect"
import type * as Random from "effect/Random"
import { below } from "./random.ts"

/** Resumes after which every question is answered. */
const patience = 8

const rightAnswer = (random: Random.Random, { kind }: Question.Question): unknown =>
  kind === "approval" ? (below(random, 4) === 0 ? { approved: false, reason: "rather not" } : true) : below(random, 10)

/** Each question as it is asked. */
export const policyOf = (random: Random.Random, when: "wait" | "suspend"): Questions.Policy => ({
  whenOnlyQuestionsRemain: when,
  asked: (question, { answer, deny }) =>
    Effect.gen(function* () {
      const { id } = question
      const [millis, does] = [10 * below(random, 5), below(random, when === "wait" ? 8 : 16)]
      if (does >= 8) return
      if (millis > 0) yield* Effect.sleep(millis)
      if (does === 0) yield* Effect.ignore(deny(id, { by: "Ada", reason: "no" }))
      // a program that fails denies
      else if (does === 1) yield* Effect.fail(new Error("out for lunch"))
      else {
        if (does === 2) {
          yield* Effect.ignore(answer(id, "nonsense"))
          yield* Effect.sleep(10)
        }
        yield* Effect.ignore(answer(id, rightAnswer(random, question), { by: "Ada" }))
        if (does === 3) yield* Effect.ignore(answer(id, rightAnswer(random, question), { by: "Bob" }))
      }
    })
})

/** What a resume is given, and how long after the suspension. */
export const answersOf =
  (random: Random.Random) =>
  (
    questions: ReadonlyArray<Question.Question>,
    rounds: number,
    now: number
  ): { readonly answers: Fanout.ResumeOptions; readonly millis: number } => {
    const millis = 10 * below(random, 4)
    const answers: { [id: string]: unknown } = {}
    const deny: Array<string> = []
    for (const question of questions) {
      const does = below(random, 6)
      // of one that has expired by then the answer is refused
      if ((question.expiresAt ?? Infinity) <= now + millis) continue
      if (rounds < patience && does < 2) continue
      if (does === 5) deny.push(question.id)
      else answers[question.id] = rounds < patience && does === 4 ? "nonsense" : rightAnswer(random, question)
    }
    return { answers: { answers, deny, by: "Grace" }, millis }
  }
