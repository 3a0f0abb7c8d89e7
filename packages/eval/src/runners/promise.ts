/**
 * Toolscope by its promise entry: a session, in which each turn is a fan-out, every call settled for itself.
 */
import { openSession, type Report, resume, type Session, SessionError, tool } from "@toolscope/core/promise"
import * as Runner from "../Runner.ts"
import { contractOf, retriesOf, returnedOf, settings, standard, version } from "./shared.ts"

const toolsOf = ({ tools }: Runner.Turn) =>
  tools.map((fixture) =>
    tool({
      name: fixture.name,
      description: fixture.description,
      contract: contractOf(fixture),
      ...(fixture.timeout === undefined ? {} : { timeout: fixture.timeout }),
      ...retriesOf(fixture),
      ...(fixture.asks ? { approval: "always" as const } : {}),
      result: standard(fixture),
      execute: (params, { signal }) => fixture.execute(params, { signal })
    })
  )

/** As data: a fixture is called by its name. */
const planOf = ({ calls }: Runner.Turn) => ({
  all: calls.map(({ id, tool }) => ({ id, settled: { call: tool } }))
})

const optionsOf = (turn: Runner.Turn) => ({
  tools: toolsOf(turn),
  signal: turn.signal,
  drain: turn.drain,
  ...(turn.concurrency === undefined ? {} : { concurrency: turn.concurrency })
})

const returned = (report: Report) => returnedOf(report, report.status === "suspended" ? report.snapshot : undefined)

let session: Session | undefined

export default Runner.make({
  name: "Toolscope (promises)",
  version,
  settings: `a session, replan for each turn; ${settings}`,
  can: ["timeout", "retry", "concurrency", "questions", "partialAnswers", "budget"],
  turn: async (turn) => {
    session ??= await openSession({ tools: [], questions: "suspend" })
    return returned(await session.replan(planOf(turn), optionsOf(turn)))
  },
  resume: async (turn, state, answers) =>
    returned(await resume(planOf(turn), state, { ...optionsOf(turn), answers: Object.fromEntries(answers) })),
  loop: async (turn) => {
    const { attempts, millis } = turn.budget!
    await using owner = await openSession({ tools: toolsOf(turn), budget: { attempts, wallClock: millis } })
    let last: Report | undefined
    for (;;) {
      try {
        last = await owner.fanout(planOf(turn), { drain: turn.drain, signal: turn.signal })
      } catch (error) {
        if (!(error instanceof SessionError)) throw error
        return { ...(last === undefined ? { claims: [] } : returned(last)), error: error.message }
      }
    }
  }
})
