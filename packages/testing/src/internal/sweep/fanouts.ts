/**
 * The fan-outs that `npm run sweep` interrupts: every policy, retries, timeouts, the gate and undo, tools that are deaf, hang, or act as they
 * are stopped. Each is a plan in the plan format over the tools of the zoo.
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
  "at the gate": {
    plan: {
      all: [
        child("a", node(animals.marksTwice)),
        child("b", node(animals.marksBeside)),
        child("c", node(animals.forgetsItsGate)),
        child("d", node(animals.comesDeafToItsGate))
      ]
    },
    drain: 60
  },
  "at the gate, promises": {
    plan: {
      all: [
        child("a", node(animals.promiseMarksTwice)),
        child("b", node(animals.deafPromiseMarks)),
        child("c", node(animals.promiseIsLookedUp))
      ]
    },
    drain: 60
  },
  "in doubt, and looked up": {
    plan: {
      all: [
        child("a", { settled: node(animals.isLookedUp) }),
        child("b", { settled: node(animals.isNotThere) }),
        child("c", { settled: node(animals.hangsInItsProbe) }),
        child("d", node(animals.marksAgain))
      ]
    },
    drain: 30
  },
  "atomic that succeeds": {
    plan: { atomic: { all: [child("a", node(animals.marksTwice)), child("b", node(animals.takesTimeToUndo))] } }
  },
  "atomic that fails": {
    plan: {
      atomic: {
        all: [child("a", node(animals.marksTwice)), child("b", node(animals.takesTimeToUndo)), child("c", fails(70))]
      }
    }
  },
  "atomic in an atomic": {
    plan: {
      atomic: {
        all: [
          child("in", { settled: { atomic: { all: [child("a", node(animals.isUndone)), child("b", fails(30))] } } }),
          child("c", { atomic: node(animals.marksBeside) }),
          child("d", fails(90))
        ]
      }
    }
  },
  "undo that fails, hangs and is deaf": {
    plan: {
      atomic: {
        all: [
          child("a", node(animals.isUndone)),
          child("b", node(animals.isDeafInItsUndo)),
          child("c", node(animals.failsToUndo)),
          child("d", node(animals.promiseFailsToUndo)),
          child("e", fails(70))
        ]
      }
    },
    drain: 30,
    undo: 50
  },
  "race that undoes its losers": {
    plan: {
      firstSuccess: [
        child("a", { all: [child("a", node(animals.isUndone)), child("b", fails(30))] }),
        child("b", { all: [child("a", node(animals.marksTwice)), child("b", fails(70))] }),
        child("c", node(animals.isUndone))
      ],
      stagger: "infinity"
    }
  },
  "quorum that undoes its surplus": {
    plan: {
      quorum: 1,
      surplus: "undo",
      of: [
        child("a", { all: [child("a", node(animals.takesTimeToUndo)), child("b", answers(200))] }),
        child("b", answers(70))
      ]
    }
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

const boundOf = ({ drain, undo }: PlanDocument.Settings, undoes: boolean): number =>
  ((drain as number | undefined) ?? 2000) + (undoes ? ((undo as number | undefined) ?? 5000) : 0)

/** How long what was left behind is watched, in milliseconds. */
const aftermath = 10_000

/**
 * Interrupts the owner of a fan-out at every step: all laws hold, nothing starts or passes the gate after, and it returns within the drain,
 * or within drain and undo where something is undone.
 */
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
              const undoes = journal.events.some(({ type }) => type.startsWith("effect.compensat"))
              if (where !== "nowhere" && waited > boundOf(settings, undoes)) {
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
