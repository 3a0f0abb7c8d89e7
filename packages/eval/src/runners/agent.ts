/**
 * Toolscope by its agent loop: a scripted model asks for the calls of a turn; the abort cancels the session.
 */
import { Agent, type End, ScriptedModel } from "@toolscope/agent"
import { Report, Session } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Runner from "../Runner.ts"
import { returnedOf, settings, version } from "./shared.ts"
import { optionsOf, toolOf } from "./tools.ts"

/** Asks for the calls, and is content when it has seen what became of them; or asks for ever. */
const model = ({ calls }: Runner.Turn, forEver: boolean) =>
  ScriptedModel.layer(({ content }, turn) =>
    forEver || !content.some(({ role }) => role === "tool")
      ? calls.map(({ id, tool }) => ({ call: tool, id: forEver ? `${id}.${turn}` : id }))
      : "done"
  )

const settled = (end: End.End): Runner.Returned => {
  const last = end.reports.at(-1)
  const state = end._tag === "Suspended" ? end.state : undefined
  const found: Runner.Returned = last === undefined ? { claims: [] } : returnedOf(Report.toJson(last), state)
  return { ...found, claims: found.claims.map((claim) => ({ ...claim, call: claim.call.split(".")[0]! })) }
}

const play = (
  turn: Runner.Turn,
  options: Session.Options,
  run: (session: Session.Session) => Effect.Effect<End.End, unknown, any>,
  forEver = false
): Promise<Runner.Returned> =>
  Effect.gen(function* () {
    const session = yield* Session.make(options)
    turn.signal.addEventListener("abort", () => void Effect.runFork(session.cancel("the caller aborted")))
    return settled(yield* run(session))
  }).pipe(Effect.scoped, Effect.provide(model(turn, forEver)), (effect) =>
    Effect.runPromise(effect as Effect.Effect<Runner.Returned, unknown>)
  )

const common = (turn: Runner.Turn, session: Session.Session) => ({
  tools: turn.tools.map(toolOf),
  session,
  fanout: optionsOf(turn)
})

export default Runner.make({
  name: "Toolscope (agent loop)",
  version,
  settings: `Agent.run, session.cancel on abort, Agent.resume for answers; ${settings}`,
  can: ["timeout", "retry", "concurrency", "questions", "partialAnswers", "budget"],
  turn: (turn) => play(turn, {}, (session) => Agent.run({ prompt: "go", ...common(turn, session) })),
  resume: (turn, state, answers) =>
    play(turn, {}, (session) =>
      Agent.resume(state, { ...common(turn, session), answers: Object.fromEntries(answers) })
    ),
  loop: (turn) => {
    const { attempts, millis } = turn.budget!
    const budget = { attempts, wallClock: millis }
    return play(
      turn,
      { budget },
      (session) => Agent.run({ prompt: "go", ...common(turn, session), maxTurns: 100 }),
      true
    )
  }
})
