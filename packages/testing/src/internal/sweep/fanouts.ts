/**
 * The fan-outs that `npm run sweep` interrupts: every policy, retries, timeouts, tools that are deaf, hang, or act as they are stopped. Each
 * is a plan in the plan format over the tools of the zoo.
 */
import { Fanout, Journal, PlanDocument, Quarantine } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Laws from "../../Laws.ts"
import * as Ledger from "../../Ledger.ts"
import * as Sweep from "../../Sweep.ts"
import * as Zoo from "../../Zoo.ts"

const { animals, node } = Zoo
const child = (id: string, of: object) => ({ id, ...of })
const answers = (after: number) => ({ call: "reads", params: { after, then: "answer" } })
const fails = (after: number) => ({ call: "reads", params: { after, then: "fail" } })

const plans: { readonly [name: string]: object } = {
  "one call": { plan: answers(10) },
  "all, one deaf": {
    plan: { all: [child("a", answers(10)), child("deaf", node(animals.deafNever)), child("b", answers(20))] },
    drain: 15
  },
  "all that fails, with a commit": {
    plan: {
      all: [child("a", node(animals.commits)), child("b", fails(10)), child("c", node(animals.commitsAsItStops))]
    }
  },
  "advisory with grace": {
    plan: { all: [child("a", answers(10)), child("b", { advisory: node(animals.slowToStop), grace: 20 })] }
  },
  "quorum 2 of 3": {
    plan: {
      quorum: 2,
      of: [child("a", answers(10)), child("b", answers(20)), child("c", node(animals.uninterruptible))]
    },
    drain: 50
  },
  "first success, staggered": {
    plan: { firstSuccess: [child("a", fails(5)), child("b", answers(30)), child("c", answers(10))], stagger: 10 }
  },
  "first success, one after the other": {
    plan: { firstSuccess: [child("a", node(animals.refuses)), child("b", node(animals.commits))], stagger: "infinity" }
  },
  "settled under a deadline": {
    plan: {
      deadline: 15,
      of: { all: [child("a", { settled: answers(10) }), child("b", { settled: node(animals.never) })] }
    }
  },
  retries: {
    plan: { all: [child("a", node(animals.recovers)), child("b", node(animals.answersAfterItsRetry))] },
    drain: 20
  },
  "queued behind one": {
    plan: { all: [child("a", answers(10)), child("b", node(animals.commits)), child("c", answers(10))] },
    concurrency: 1
  },
  "promises, one deaf": {
    plan: {
      all: [child("a", node(animals.abortableAnswers)), child("b", node(animals.deafPromise)), child("c", fails(30))]
    },
    drain: 40
  },
  "cleanup that takes time, hangs, dies": {
    plan: {
      all: [
        child("a", node(animals.tidies)),
        child("b", node(animals.hangsInCleanup)),
        child("c", node(animals.diesInCleanup))
      ]
    },
    drain: 15
  },
  nested: {
    plan: {
      all: [
        child("q", {
          quorum: 1,
          of: [child("a", { firstSuccess: [child("x", fails(5)), child("y", answers(15))] }), child("b", answers(40))]
        }),
        child("d", { deadline: 30, of: { all: [child("a", answers(10)), child("b", { advisory: answers(50) })] } }),
        child("g", node(animals.guarded))
      ]
    },
    concurrency: 3
  }
}

/**
 * @since 0.1.0
 */
export const names: ReadonlyArray<string> = Object.keys(plans)

const drainOf = (settings: PlanDocument.Settings): number => (settings.drain as number | undefined) ?? 2000

/** How long what was left behind is watched, in milliseconds. */
const aftermath = 10_000

/** Interrupts the owner of a fan-out at every step: all laws hold, nothing starts after, and it returns within the drain. */
export const sweep = (name: string, options: Sweep.Options = {}): Effect.Effect<Sweep.Swept, Sweep.SweepError> =>
  Effect.flatMap(
    Effect.orDie(PlanDocument.decode({ toolscope: 1, ...plans[name] }, Object.values(Zoo.tools))),
    ({ plan, settings }) =>
      Sweep.everyStep(
        {
          setup: Effect.sync(() => ({
            journal: Journal.memory(),
            ledger: Ledger.memory(),
            quarantine: Quarantine.make()
          })),
          program: ({ journal, ledger, quarantine }) =>
            Fanout.run(plan, { ...settings, runId: "run" }).pipe(
              Effect.provideService(Journal.Current, journal),
              Effect.provideService(Ledger.Current, ledger),
              Effect.provideService(Quarantine.Current, quarantine)
            ),
          invariant: ({ journal, ledger }, _exit, { time, where }) =>
            Effect.gen(function* () {
              const clock = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
              const waited = clock - time
              if (where !== "nowhere" && waited > drainOf(settings)) {
                return yield* Effect.fail(new Error(`it returned ${waited} ms after its interruption`))
              }
              yield* Effect.sleep(aftermath)
              // interrupted before it opened anything
              if (journal.events.length > 0) Laws.expectLaws(journal.events, { ledger })
              else if (ledger.records.length > 0) return yield* Effect.fail(new Error("a tool began without a journal"))
            })
        },
        options
      )
  )
