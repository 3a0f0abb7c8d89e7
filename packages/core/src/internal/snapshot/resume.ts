/**
 * A fan-out that goes on from a snapshot, with the answers that came with it.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { ResumeOptions } from "../../Fanout.ts"
import type { PlanError } from "../../PlanError.ts"
import { AlreadyAnswered, QuestionError, UnknownQuestion, Withdrawn } from "../../QuestionError.ts"
import type { Snapshot, SnapshotError } from "../../Snapshot.ts"
import type { Executor } from "../executor.ts"
import { type MoreFrom, prepareFrom } from "../launch.ts"
import type { Node } from "../node.ts"

/** Everything that can be known beforehand is checked first; then the snapshot is claimed. */
export const resumed = <E = never>(
  plan: Node,
  snapshot: Snapshot,
  options: ResumeOptions,
  more?: MoreFrom<E>
): Effect.Effect<Executor, PlanError | SnapshotError | QuestionError | E> => {
  const { answers = {}, by, deny = [], ...rest } = options
  const who = by === undefined ? {} : { by }
  const ids = [...Object.keys(answers), ...deny]
  const checked = Effect.flatMap(Clock.currentTimeMillis, (now) => check(snapshot, ids, now))
  return Effect.flatMap(checked, () =>
    Effect.map(prepareFrom(plan, snapshot, rest, more), (executor) => {
      const { desk, env, fork } = executor
      const give = (id: string, given: Effect.Effect<void, QuestionError>) => {
        const refused = ({ reason }: QuestionError) =>
          Effect.sync(() => {
            env.refused.push(reason)
            if (executor.hasBegun) desk.remind(id)
          })
        fork(Effect.catch(given, refused))
      }
      // who is allowed to start is told at once
      executor.announce()
      for (const [id, answer] of Object.entries(answers)) give(id, desk.answer(id, answer, who))
      for (const id of deny) give(id, desk.deny(id, who))
      return executor
    })
  )
}

/** Can these questions be answered, at this time? */
const check = (
  { questions }: Snapshot,
  ids: ReadonlyArray<string>,
  now: number
): Effect.Effect<void, QuestionError> => {
  for (const id of ids) {
    const question = questions.find((question) => question.id === id)
    const hasExpired = question?.expiresAt !== undefined && question.expiresAt <= now
    if (question?.state === "open" && !hasExpired) continue
    const open = questions.flatMap(({ id, state }) => (state === "open" ? [id] : []))
    const reason =
      question === undefined
        ? new UnknownQuestion({ id, open })
        : question.state === "answered" || question.state === "denied"
          ? new AlreadyAnswered({ id, ...(question.by === undefined ? {} : { by: question.by }) })
          : question.state === "open"
            ? new Withdrawn({ id, why: "it has expired" })
            : new Withdrawn({ id, why: question.reason ?? `it is ${question.state}` })
    return Effect.fail(new QuestionError({ reason }))
  }
  return Effect.void
}
