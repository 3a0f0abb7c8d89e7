/**
 * Sub-agents: a tool of the zoo whose handler runs a plan, in a fan-out or in a session of its own, or asks the session around it for what
 * a handler is refused.
 */
import { Attempt, Fanout, type Plan, PlanDocument, Session, type Tool } from "@toolscope/core"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Ledger from "../../Ledger.ts"
import { Broken, millisOf, Time } from "./behaviour.ts"

/**
 * What a sub-agent does after a while with its `plan`, a document of the plan format:
 *
 * - `fanout`: runs it, and answers when it is over
 * - `letsGo`: begins it, and answers without waiting
 * - `session`: opens a session of its own, runs the plan, plans it anew after 10 ms, and waits for both
 * - `replan`: asks the session around it for another fan-out, which is refused: it dies if it is not
 * - `cancel`: asks the session around it to stop everything
 */
export const AgentScript = Schema.Struct({
  after: Schema.optionalKey(Time),
  does: Schema.Literals(["fanout", "letsGo", "session", "replan", "cancel"]),
  plan: Schema.Json,
  /** It fails if its plan does. Otherwise it answers all the same. */
  strict: Schema.optionalKey(Schema.Boolean),
  deaf: Schema.optionalKey(Schema.Boolean)
})

export type AgentScript = typeof AgentScript.Type

/** `around`: the session that `replan` and `cancel` ask, if there is one. */
export const asAgent =
  (tools: ReadonlyArray<Tool.Any>, around: () => Session.Session | undefined) =>
  (script: AgentScript): Effect.Effect<Schema.Json, Broken> => {
    const body = Effect.gen(function* () {
      const attempt = yield* Attempt.current
      const write = Ledger.writerFor(attempt)
      write("began")
      const told = Effect.gen(function* () {
        yield* Effect.sleep(millisOf(script.after))
        const { plan, settings } = yield* Effect.orDie(PlanDocument.decode(script.plan, tools))
        const exit = yield* Effect.exit(act(script.does, plan, settings, attempt, around()))
        if (Exit.isSuccess(exit)) return `${attempt.call}#${attempt.attempt}`
        if (Cause.hasDies(exit.cause)) return yield* Effect.die(Cause.squash(exit.cause))
        if (Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.interrupt
        if (script.strict !== true) return `${attempt.call}#${attempt.attempt}`
        return yield* Effect.fail(new Broken({ message: `the plan inside of ${attempt.call} did not succeed` }))
      })
      return yield* Effect.onExit(told, (exit) =>
        Effect.sync(() => {
          if (Exit.isSuccess(exit)) return write("ended")
          if (Cause.hasInterruptsOnly(exit.cause)) return write("aborted")
          const error = Cause.squash(exit.cause)
          write("ended", { error: error instanceof Error ? error.message : String(error) })
        })
      )
    })
    return script.deaf === true ? Effect.uninterruptible(body) : body
  }

const act = (
  does: AgentScript["does"],
  plan: Plan.Plan<unknown, unknown>,
  settings: PlanDocument.Settings,
  attempt: Attempt.Attempt,
  around: Session.Session | undefined
): Effect.Effect<unknown, unknown> => {
  switch (does) {
    case "fanout":
      return Fanout.run(plan, settings)
    case "letsGo":
      return Effect.andThen(Effect.forkDetach(Effect.exit(Fanout.run(plan, settings))), Effect.yieldNow)
    case "session":
      return Effect.scoped(
        Effect.gen(function* () {
          const session = yield* Session.make({ id: `${attempt.runId}${attempt.call}#${attempt.attempt}.session` })
          const first = yield* Effect.forkChild(Effect.exit(session.fanout(plan, settings)))
          yield* Effect.sleep(10)
          const despite = session.quarantine.list().map(({ id }) => id)
          yield* Effect.exit(session.replan(plan, { ...settings, despite }))
          yield* Fiber.join(first)
        })
      )
    case "replan":
      if (around === undefined) return Effect.void
      return Effect.matchEffect(around.replan(plan, settings), {
        onFailure: (error) =>
          error._tag === "SessionError" && (error.reason._tag === "InsideHandler" || error.reason._tag === "Closed")
            ? Effect.void
            : Effect.die(new Error(`a replan inside of a handler was refused as ${error._tag}: ${error.message}`)),
        onSuccess: () => Effect.die(new Error("a replan inside of a handler was let through"))
      })
    case "cancel":
      return around === undefined ? Effect.void : around.cancel("a handler asked")
  }
}
