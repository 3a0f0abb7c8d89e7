/**
 * Runs a whole session in a world of its own: its planner makes its moves, the session closes, and what was left behind is watched until
 * long after.
 */
import { Journal, PlanDocument, type PlanError, Quarantine, Session } from "@toolscope/core"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { agentsOf, type Move, type SessionScenario } from "../../Arbitraries.ts"
import * as Ledger from "../../Ledger.ts"
import { seeded } from "./random.ts"
import { aftermath, strategyOf } from "./run.ts"
import { type Hang, World } from "./world.ts"

/** What a session leaves. */
export interface SessionTrace {
  readonly events: ReadonlyArray<Journal.Event>
  readonly ledger: Ledger.Ledger
  /** How the planner's fiber ended; not at all if it hung. */
  readonly exit: Exit.Exit<unknown, unknown> | undefined
  /** How each fan-out that it asked for ended. */
  readonly exits: ReadonlyArray<Exit.Exit<unknown, unknown>>
  readonly hang: Hang | undefined
}

interface Decoded extends Omit<Move, "plan"> {
  readonly document: Effect.Success<ReturnType<typeof PlanDocument.decode>> | undefined
}

export const runSession = (scenario: SessionScenario): Effect.Effect<SessionTrace, PlanError.PlanError> =>
  Effect.gen(function* () {
    const around: { session: Session.Session | undefined } = { session: undefined }
    const tools = agentsOf(scenario.tools, () => around.session)
    const moves: Array<Decoded> = []
    for (const { plan, ...move } of scenario.planner)
      moves.push({ ...move, document: plan === undefined ? undefined : yield* PlanDocument.decode(plan, tools) })
    // its settings are looked at before a world is made for it
    const options = scenario.session as Session.Options
    yield* Effect.scoped(Session.make(options))
    return yield* Effect.promise((signal) =>
      simulate(scenario, moves, options, signal, (session) => {
        around.session = session
      })
    )
  })

const simulate = async (
  { schedule }: SessionScenario,
  moves: ReadonlyArray<Decoded>,
  options: Session.Options,
  signal: AbortSignal,
  opened: (session: Session.Session) => void
): Promise<SessionTrace> => {
  const world = new World({ strategy: strategyOf(schedule), together: schedule.order !== "plain", signal })
  const journal = Journal.memory()
  const ledger = Ledger.memory()
  const context = Context.empty().pipe(
    Context.add(Random.Random, seeded(schedule.seed)),
    Context.add(Journal.Current, journal),
    Context.add(Ledger.Current, ledger),
    Context.add(Quarantine.Current, Quarantine.make())
  )
  const exits: Array<Exit.Exit<unknown, unknown>> = []
  const planner = world.spawn(
    Effect.gen(function* () {
      const scope = Scope.makeUnsafe()
      const session = yield* Effect.provideService(Session.make({ id: "session", ...options }), Scope.Scope, scope)
      opened(session)
      yield* plan(session, scope, moves, exits)
      yield* Scope.close(scope, Exit.void)
    }),
    context
  )
  const hang = await world.run(() => planner.exit !== undefined)
  const after = hang ?? (await world.runUntil(world.now + aftermath))
  return { events: journal.events, ledger, exit: planner.exit, exits, hang: after }
}

/** Makes the moves, and waits for everything that was asked for. */
const plan = (
  session: Session.Session,
  scope: Scope.Closeable,
  moves: ReadonlyArray<Decoded>,
  exits: Array<Exit.Exit<unknown, unknown>>
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const settled = {
      count: 0,
      waiting: undefined as { readonly until: number; readonly done: Deferred.Deferred<void> } | undefined
    }
    const outcomes = yield* Effect.provideService(session.outcomes, Scope.Scope, scope)
    yield* Effect.forkChild(
      Stream.runForEach(outcomes, () =>
        Effect.sync(() => {
          settled.count++
          const { waiting } = settled
          if (waiting !== undefined && settled.count >= waiting.until) Deferred.doneUnsafe(waiting.done, Effect.void)
        })
      )
    )
    const owners: Array<Fiber.Fiber<unknown, unknown>> = []
    for (const { despite, does, document, when } of moves) {
      if ("millis" in when) yield* Effect.sleep(when.millis)
      else {
        const done = Deferred.makeUnsafe<void>()
        settled.waiting = { until: settled.count + when.outcomes, done }
        // there may be none to come
        yield* Effect.raceFirst(Deferred.await(done), Effect.sleep(patience))
      }
      if (does === "cancel") owners.push(yield* Effect.forkChild(session.cancel("the planner gave up")))
      else if (does === "close") owners.push(yield* Effect.forkChild(Scope.close(scope, Exit.void)))
      else if (does === "interrupt") {
        const owner = owners.at(-1)
        if (owner !== undefined) yield* Effect.forkChild(Fiber.interrupt(owner))
      } else if (document !== undefined) {
        const { plan, settings } = document
        const left = despite === true ? session.quarantine.list().map(({ id }) => id) : []
        const asked = session[does](plan, { ...settings, despite: left })
        owners.push(yield* Effect.forkChild(asked, { startImmediately: true }))
      }
    }
    for (const owner of owners) exits.push(yield* Fiber.await(owner))
    yield* session.drained
  })

/** Milliseconds to wait for outcomes that may never come. */
const patience = 60

/** What is wrong with how its fan-outs ended, in the eyes of those who asked for them. */
export const wrongExits = (exits: SessionTrace["exits"]): ReadonlyArray<string> =>
  exits.flatMap((exit) =>
    Exit.isFailure(exit) && exit.cause.reasons.some(Cause.isDieReason) ? [Cause.pretty(exit.cause)] : []
  )
