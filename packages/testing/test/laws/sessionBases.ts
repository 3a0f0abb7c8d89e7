/**
 * Honest sessions, from which journals are made that break laws.
 */
import { Contract, Journal, Plan, Quarantine, Session, SessionError } from "@toolscope/core"
import * as Ledger from "@toolscope/testing/Ledger"
import * as Zoo from "@toolscope/testing/Zoo"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"

const priced = Zoo.tool("priced", Contract.readOnly, { cost: { usd: 2 } })
const slow = Zoo.tool("slow", Contract.make({ effect: "none", resource: "disk" }))
const agent = Zoo.agent("agent", Contract.readOnly, { tools: [Zoo.tools.reads, slow] })
const reads = (behaviour: Zoo.Script) => Plan.call(Zoo.tools.reads, behaviour)

const observe = (options: Session.Options, plan: (session: Session.Session) => Effect.Effect<unknown, unknown>) =>
  Effect.gen(function* () {
    const journal = Journal.memory()
    const ledger = Ledger.memory()
    const program = Effect.scoped(Effect.flatMap(Session.make({ id: "s", ...options }), plan)).pipe(
      Effect.provideService(Journal.Current, journal),
      Effect.provideService(Ledger.Current, ledger),
      Effect.provideService(Quarantine.Current, Quarantine.make())
    )
    const fiber = yield* Effect.forkChild(Effect.orDie(program))
    yield* TestClock.adjust("1 minute")
    const exit = fiber.pollUnsafe()
    if (exit?._tag !== "Success") return yield* Effect.die(new Error(`the session did not end: ${String(exit)}`))
    return { journal: journal.events, ledger: ledger.records }
  })

const forked = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(Effect.exit(effect), { startImmediately: true })

/** A cohort leaves something behind; the next begins in spite of it, and is itself planned anew while it undoes; then it ends. */
const replans = () =>
  observe({}, (session) =>
    Effect.gen(function* () {
      const deaf = Plan.call(Zoo.tools.acts, { after: 400, then: "commit", deaf: true })
      yield* forked(session.fanout(Plan.all({ deaf, look: reads({ after: 10, then: "never" }) }), { drain: 20 }))
      yield* Effect.sleep(15)
      const error = yield* Effect.flip(session.replan(Plan.all({ a: reads({ then: "answer" }) })))
      const despite =
        error instanceof SessionError.SessionError && error.reason._tag === "NotDrained"
          ? error.reason.leftBehind.map(({ id }) => id)
          : []
      const books = Plan.call(Zoo.tools.undoable, { then: "commit", undo: { after: 30, then: "end" } })
      const second = Plan.atomic(Plan.all({ books, wait: reads({ after: 90, then: "answer" }) }))
      yield* forked(session.replan(second, { despite }))
      yield* Effect.sleep(30)
      yield* forked(session.replan(Plan.all({ never: reads({ then: "answer" }) })))
      const again = session.quarantine.list().map(({ id }) => id)
      const last = Plan.all({ a: reads({ after: 5, then: "answer" }), m: Zoo.call(Zoo.animals.marks) })
      yield* session.replan(last, { despite: again })
    })
  )

/** Costs, permits, further attempts, sub-agents, and calls that fail the same way. */
const spends = () =>
  observe(
    {
      budget: { calls: 40, attempts: 40, cohorts: 6, wallClock: "1 hour", costs: { usd: 6 } },
      limits: { concurrency: 2, tools: { slow: 1 }, resources: { disk: 1 } },
      loop: 3,
      retryRatio: 1
    },
    (session) =>
      Effect.gen(function* () {
        const cheap = Plan.call(priced, { after: 5, then: "answer", spend: { usd: 1 } })
        const plan = Plan.all({
          cheap,
          dies: Plan.settled(Plan.call(priced, { after: 5, then: "die" })),
          more: Plan.settled(Plan.call(priced, { after: 30, then: "answer", spend: { usd: 4 } })),
          extra: Plan.advisory(Plan.call(priced, { after: 40, then: "answer" })),
          retried: Plan.call(
            Zoo.tools.reads,
            { attempts: [{ after: 5, then: "fail" }, { then: "answer" }] },
            { retry: 2 }
          )
        })
        yield* session.fanout(plan, { budget: { attempts: 10 } })
        const disk = Plan.call(slow, { after: 10, then: "answer" })
        const inner = {
          toolscope: 1,
          plan: { all: [{ id: "x", call: "slow", params: { after: 10, then: "answer" } }] }
        }
        const inside = Plan.call(agent, { does: "fanout", plan: inner })
        yield* session.fanout(Plan.all({ disk, inside, other: disk }))
        for (let i = 0; i < 2; i++)
          yield* Effect.exit(session.fanout(Plan.all({ bad: reads({ after: 5, then: "fail" }) })))
        yield* Effect.exit(session.fanout(Plan.settled(Plan.call(priced, { then: "answer" }))))
      })
  )

/** Time is up in the instant in which the call times out, so that nobody is told of the budget. Once in an agent that times out, too. */
const runsOut = () =>
  observe({}, (session) =>
    Effect.gen(function* () {
      const never = { call: "reads", params: { after: 10, then: "never" } }
      const budget = { wallClock: 10 }
      yield* Effect.exit(
        session.fanout(Plan.call(Zoo.tools.reads, { then: "never" }, { timeout: 10 }), { budget, timeout: 10 })
      )
      const inner = { toolscope: 1, plan: { ...never, timeout: 90 } }
      yield* Effect.exit(session.fanout(Plan.call(agent, { does: "fanout", plan: inner }, { timeout: 20 })))
    })
  )

export const sessionBases = { replans, spends, runsOut }
