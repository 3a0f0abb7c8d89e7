/**
 * Honest runs in which people are asked, from which journals are made that break laws.
 */
import { Contract, Fanout, FanoutError, Journal, Plan, Quarantine, Questions, Snapshot } from "@toolscope/core"
import * as Ledger from "@toolscope/testing/Ledger"
import * as Zoo from "@toolscope/testing/Zoo"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"

const reads = (behaviour: Zoo.Script) => Plan.call(Zoo.tools.reads, behaviour)
const gated = Zoo.tool("gated", Contract.readOnly, { approval: "always" })
const marks = Zoo.tool("marks", Contract.make({ effect: "additive", commit: "marked", repeat: "never" }))
const agent = Zoo.agent("agent", Contract.readOnly, { tools: [Zoo.tools.reads, gated] })

const observe = (program: Effect.Effect<unknown, unknown>) =>
  Effect.gen(function* () {
    const journal = Journal.memory()
    const ledger = Ledger.memory()
    const fiber = yield* Effect.forkChild(
      Effect.exit(program).pipe(
        Effect.provideService(Journal.Current, journal),
        Effect.provideService(Ledger.Current, ledger),
        Effect.provideService(Quarantine.Current, Quarantine.make())
      )
    )
    yield* TestClock.adjust("1 minute")
    yield* Fiber.join(fiber)
    return { journal: journal.events, ledger: ledger.records }
  })

/** Answered, denied, expired, withdrawn by a stop and by who asked; allowed and not allowed to start; inside of a handler. */
const asks = () => {
  const answering = Questions.answering(({ id }, { answer, deny }) => {
    if (id.includes("patient") || id.includes("stopped")) return Effect.void
    if (id.includes("no")) return Effect.delay(deny(id, { by: "Ada", reason: "rather not" }), 20)
    return Effect.delay(answer(id, id.endsWith("?approval") ? true : 7, { by: "Ada" }), 20)
  })
  const inner = { toolscope: 1, plan: { all: [{ id: "x", call: "reads", params: { then: "ask" } }] } }
  const plan = Plan.settled(
    Plan.all({
      room: Plan.settled(reads({ then: "ask", times: 2 })),
      no: Plan.settled(reads({ then: "ask", must: true })),
      patient: Plan.settled(reads({ then: "ask", expires: 30 })),
      gated: Plan.settled(Plan.call(gated, { after: 10, then: "answer" })),
      noGated: Plan.settled(Plan.call(gated, { then: "answer" })),
      inside: Plan.settled(Plan.call(agent, { does: "fanout", plan: inner }, { timeout: 5_000 })),
      stopped: Plan.settled(Plan.deadline(Plan.all({ a: reads({ then: "ask" }), b: reads({ then: "never" }) }), 50))
    })
  )
  return observe(Effect.provide(Fanout.run(plan, { runId: "r", concurrency: 20 }), answering))
}

/** Suspended three times, with a commit before a question and one after it, and resumed with some of the answers. */
const resumes = () => {
  const inner = {
    toolscope: 1,
    plan: {
      all: [
        { id: "x", call: "gated", params: { then: "ask" } },
        { id: "y", call: "reads", params: { then: "answer" } }
      ]
    }
  }
  const plan = Plan.all({
    order: Plan.call(marks, { then: "gate", next: { then: "ask", next: { then: "gate", next: { then: "ask" } } } }),
    price: reads({ then: "answer" }),
    inside: Plan.call(agent, { does: "fanout", plan: inner }),
    gated: Plan.call(gated, { then: "answer" })
  })
  const goOn = (
    run: Effect.Effect<unknown, unknown>,
    rounds: ReadonlyArray<{ readonly [id: string]: unknown }>
  ): Effect.Effect<unknown, unknown> =>
    Effect.catch(run, (error) =>
      Effect.gen(function* () {
        const [answers, ...rest] = rounds
        if (!(error instanceof FanoutError.FanoutError) || error.reason._tag !== "Suspended" || answers === undefined)
          return yield* Effect.fail(error)
        const snapshot = yield* Snapshot.decode(JSON.parse(JSON.stringify(error.reason.snapshot)))
        yield* Effect.sleep(1_000)
        return yield* goOn(Fanout.resume(plan, snapshot, { answers, by: "Ada" }), rest)
      })
    )
  return observe(
    goOn(Fanout.run(plan, { runId: "r", concurrency: 2 }), [
      { "r/order?0": 1, "r/inside/x?approval": true },
      { "r/inside/x?0": 2 },
      { "r/order?1": 3, "r/gated?approval": true }
    ])
  )
}

/** Suspended, and never resumed. */
const waits = () =>
  observe(
    Fanout.run(
      Plan.all({
        a: reads({ then: "ask" }),
        b: reads({ after: 10, then: "answer" }),
        c: Plan.call(gated, { then: "answer" })
      }),
      {
        runId: "r"
      }
    )
  )

export const questionBases = { asks, resumes, waits }
