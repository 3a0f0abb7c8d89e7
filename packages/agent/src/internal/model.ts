/**
 * A call of the model, as a fan-out of the session with one call: so its cost is reserved and settled like any other, it stops when the
 * session does, and the journal has it.
 */
import {
  Attempt,
  type Budget,
  type CallError,
  Contract,
  type FanoutError,
  Plan,
  type Session,
  Tool
} from "@toolscope/core"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Ai from "./ai.ts"
import type { Kit } from "./kit.ts"

export interface ModelOptions {
  readonly ceiling: Budget.Amounts
  readonly charge: (usage: Ai.Usage) => Budget.Amounts
  readonly timeout: Duration.Input
  readonly retries: number
}

/** Where the text goes while it comes in, if anybody wants it so. */
export type OnText = ((delta: string) => Effect.Effect<void>) | undefined

export type ModelError = Ai.AiError.AiError | CallError.CallError

export type Called = Effect.Effect<
  Ai.Answer,
  FanoutError.FanoutError<Ai.AiError.AiError> | Effect.Error<ReturnType<Session.Session["fanout"]>>,
  Ai.LanguageModel.LanguageModel
>

export const callModel = (
  session: Session.Session,
  kit: Kit,
  options: ModelOptions,
  turn: number,
  history: Ai.Prompt.Prompt,
  onText: OnText
): Called =>
  Effect.suspend(() => {
    let answer: Ai.Answer | undefined
    let hasSpoken = false
    const asked =
      onText === undefined
        ? Ai.generate(history, kit.forModel)
        : Ai.stream(history, kit.forModel, (delta) => {
            hasSpoken = true
            return onText(delta)
          })
    const Model = Tool.make("model", {
      description: "Calls the language model",
      // no two calls of it are the same, so that a session that lives for long takes none for a loop
      parameters: Schema.Struct({ turn: Schema.Int, epoch: Schema.Int }),
      failure: Ai.AiError.AiError,
      contract: Contract.make({ effect: "none", openWorld: true }),
      cost: options.ceiling,
      timeout: options.timeout,
      // what has been said cannot be taken back
      retry: Schedule.exponential("500 millis").pipe(
        Schedule.upTo({ times: options.retries }),
        Schedule.while(({ input }) => !hasSpoken && Ai.isRetryable(input))
      ),
      handler: () =>
        Effect.gen(function* () {
          const given = yield* asked
          // of one that nobody measured all that was reserved is gone: it was not free
          if (given.isMeasured) yield* Attempt.spend(options.charge(given.usage))
          answer = given
          return { finish: given.finish, calls: given.calls.length, ...given.usage }
        })
    })
    // the model reads, and is told of what was left behind: that stands in the way of acts alone
    const despite = session.quarantine.list().flatMap(({ id, mayAct }) => (mayAct ? [id] : []))
    const plan = Plan.call(Model, { turn, epoch: session.epoch() + 1 })
    return Effect.map(session.fanout(plan, { despite }), () => answer!)
  })
