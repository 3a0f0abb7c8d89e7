/**
 * Runs one scenario: a whole fan-out in a world of its own, ended by its owner where the scenario says so, and watched until long after
 * its return, when what was left behind has had the time to do its worst.
 */
import {
  Fanout,
  FanoutError,
  Journal,
  PlanDocument,
  type PlanError,
  Quarantine,
  Questions,
  Snapshot
} from "@toolscope/core"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import { agentsOf, type Scenario, toolsOf } from "../../Arbitraries.ts"
import * as Ledger from "../../Ledger.ts"
import { answersOf, policyOf } from "./people.ts"
import { seeded } from "./random.ts"
import { Steps } from "./steps.ts"
import { anyOrder, byRank, inOrder, type Strategy } from "./strategy.ts"
import { type Hang, World } from "./world.ts"

/** What a run leaves. */
export interface Trace {
  readonly events: ReadonlyArray<Journal.Event>
  readonly ledger: Ledger.Ledger
  /** How the owner's fiber ended; not at all if it hung. */
  readonly exit: Exit.Exit<unknown, unknown> | undefined
  readonly hang: Hang | undefined
  /** Milliseconds: when the owner ended it, and when it returned. */
  readonly endedAt: number | undefined
  readonly returnedAt: number | undefined
  /** Milliseconds from a stop to its bound, and from then to the bound of undos. */
  readonly drain: number
  readonly undo: number
  /** Steps that the run took, and tasks that ran. */
  readonly steps: number
  readonly tasks: number
}

/** How long what was left behind is watched, in milliseconds of virtual time. */
export const aftermath = 60_000

export const strategyOf = ({ changes = 3, order, seed, yields = 0 }: Scenario["schedule"]): Strategy => {
  const random = seeded(seed)
  switch (order) {
    case "plain":
      return inOrder
    case "any":
      return anyOrder(random, yields / 100)
    case "ranked":
      return byRank(random, { changes, length: 200, yields: yields / 100 })
  }
}

export const run = (scenario: Scenario): Effect.Effect<Trace, PlanError.PlanError> => {
  const { plan, questions, tools } = scenario
  const all = questions === undefined ? toolsOf(tools) : agentsOf(tools, () => undefined)
  return Effect.flatMap(PlanDocument.decode(plan, all), ({ plan, settings }) => {
    const options = { ...settings, runId: "run" }
    const fanout: Runnable = {
      run: Fanout.run(plan, options),
      start: Fanout.start(plan, options),
      resume: (snapshot, answers) => ({
        run: Fanout.resume(plan, snapshot, answers),
        start: Fanout.startFrom(plan, snapshot, answers)
      })
    }
    return Effect.promise((signal) => simulate(scenario, fanout, settings, signal))
  })
}

interface Runnable {
  readonly run: Effect.Effect<unknown, unknown>
  readonly start: Effect.Effect<Fanout.Handle<unknown, unknown>, unknown, Scope.Scope>
  readonly resume: (snapshot: Snapshot.Snapshot, answers: Fanout.ResumeOptions) => Omit<Runnable, "resume">
}

const simulate = async (
  { interruption, questions, schedule }: Scenario,
  fanout: Runnable,
  settings: PlanDocument.Settings,
  signal: AbortSignal
): Promise<Trace> => {
  let endedAt: number | undefined
  let end = () => {}
  const steps = new Steps(strategyOf(schedule), {
    target: interruption !== undefined && "step" in interruption.at ? interruption.at.step : -1,
    reached: (where) => {
      if (where === "operation") world.first(() => end())
      else end()
    }
  })
  const world = new World({
    strategy: steps.strategy,
    onTurn: steps.onTurn,
    together: schedule.order !== "plain",
    signal
  })
  const journal = Journal.memory()
  const ledger = Ledger.memory()
  const people = questions === undefined ? undefined : seeded(questions.seed)
  const context = Context.empty().pipe(
    Context.add(Random.Random, seeded(schedule.seed)),
    Context.add(Journal.Current, journal),
    Context.add(Ledger.Current, ledger),
    Context.add(Quarantine.Current, Quarantine.make()),
    Context.add(Questions.Current, people === undefined ? undefined : policyOf(people, questions!.when))
  )

  const owner = world.spawn(
    Effect.withFiber((fiber) => {
      steps.armed = true
      const next = people === undefined ? undefined : answersOf(people)
      return owning(interruption?.by, fanout, next, (how) => {
        end = () => {
          if (owner.exit !== undefined || endedAt !== undefined) return
          endedAt = world.now
          if (how === undefined) fiber.interruptUnsafe()
          else world.spawn(how, context)
        }
      })
    }),
    context
  )
  if (interruption !== undefined && "millis" in interruption.at) {
    world.spawn(
      Effect.andThen(
        Effect.sleep(interruption.at.millis),
        Effect.sync(() => end())
      ),
      context
    )
  }
  const hang = await world.run(() => owner.exit !== undefined)
  steps.armed = false
  const returnedAt = hang === undefined ? world.now : undefined
  const after = hang ?? (await world.runUntil(world.now + aftermath))
  return {
    events: journal.events,
    ledger,
    exit: owner.exit,
    hang: after,
    endedAt,
    returnedAt,
    drain: Duration.toMillis(Duration.fromInputUnsafe(settings.drain ?? "2 seconds")),
    undo: Duration.toMillis(Duration.fromInputUnsafe(settings.undo ?? "5 seconds")),
    steps: steps.count,
    tasks: world.tasksRun
  }
}

/**
 * The owner of the fan-out, who resumes it with the `next` answers where it is suspended. `ends` is told how it can be ended: by an effect,
 * or by the interruption of its fiber.
 */
const owning = (
  by: "interrupt" | "stop" | "close" | undefined,
  { resume, ...first }: Runnable,
  next: ReturnType<typeof answersOf> | undefined,
  ends: (how: Effect.Effect<unknown> | undefined) => void
): Effect.Effect<unknown, unknown> => {
  const once = ({ run, start }: Omit<Runnable, "resume">): Effect.Effect<unknown, unknown> => {
    if (by === undefined || by === "interrupt") {
      ends(undefined)
      return run
    }
    const scope = Scope.makeUnsafe()
    return Effect.onExit(
      Effect.flatMap(Effect.provideService(start, Scope.Scope, scope), (handle) => {
        ends(by === "stop" ? handle.stop("the scenario says so") : Scope.close(scope, Exit.void))
        return handle.result
      }),
      (exit) => Scope.close(scope, exit)
    )
  }
  const goOn = (part: Omit<Runnable, "resume">, rounds: number): Effect.Effect<unknown, unknown> =>
    Effect.catch(once(part), (error) => {
      const reason = error instanceof FanoutError.FanoutError ? error.reason : undefined
      if (reason?._tag !== "Suspended" || next === undefined) return Effect.fail(error)
      ends(undefined)
      return Effect.gen(function* () {
        const { answers, millis } = next(reason.questions, rounds, yield* Clock.currentTimeMillis)
        yield* Effect.sleep(millis)
        // as from a file
        const text = JSON.stringify(reason.snapshot)
        const snapshot = yield* Effect.orDie(Snapshot.decode(JSON.parse(text)))
        const refused = (error: unknown) =>
          error instanceof FanoutError.FanoutError ? Effect.fail(error) : Effect.die(error)
        return yield* Effect.catch(goOn(resume(snapshot, answers), rounds + 1), refused)
      })
    })
  return goOn(first, 0)
}
