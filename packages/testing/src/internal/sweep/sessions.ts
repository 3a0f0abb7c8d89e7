/**
 * The sessions that `npm run sweep` interrupts: a planner that plans anew, one that cancels, sub-agents, a budget. Their plans are in the
 * plan format, over the tools of the zoo and an agent that runs plans itself.
 */
import { Contract, Journal, type Plan, PlanDocument, Quarantine, Session } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Laws from "../../Laws.ts"
import * as Ledger from "../../Ledger.ts"
import * as Sweep from "../../Sweep.ts"
import * as Zoo from "../../Zoo.ts"

const { animals, node } = Zoo
const child = (id: string, of: object) => ({ id, ...of })
const reads = (after: number, then = "answer") => ({ call: "reads", params: { after, then } })
const inside = (plan: object, settings: object = {}, does = "fanout") => ({
  call: "agent",
  params: { does, plan: { toolscope: 1, plan, ...settings } }
})

const cheap = Zoo.tool("cheap", Contract.readOnly, { cost: { usd: 2 } })
const zoo = [...Object.values(Zoo.tools), cheap]
const tools = [
  ...zoo,
  Zoo.agent("agent", Contract.readOnly, { tools: [...zoo, Zoo.agent("agent", Contract.readOnly, { tools: zoo })] })
]

/** What a planner does with its session. */
interface Case {
  readonly session?: Session.Options
  readonly plans: ReadonlyArray<object>
  readonly planner: (
    session: Session.Session,
    plan: (n: number) => readonly [Plan.Plan<unknown, unknown>, PlanDocument.Settings]
  ) => Effect.Effect<unknown, unknown>
}

const background = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.forkChild(Effect.exit(effect), { startImmediately: true })

const cases: { readonly [name: string]: Case } = {
  "a replan over a running cohort": {
    plans: [
      {
        plan: {
          atomic: {
            all: [child("a", node(animals.isUndone)), child("b", reads(90)), child("c", node(animals.slowToStop))]
          }
        },
        drain: 30
      },
      { plan: { all: [child("a", reads(10)), child("b", node(animals.commits))] } }
    ],
    planner: (session, plan) =>
      Effect.gen(function* () {
        const first = yield* background(session.fanout(...plan(0)))
        yield* Effect.sleep(45)
        yield* Effect.exit(session.replan(...plan(1)))
        yield* Fiber.join(first)
      })
  },
  "two replans, of which one is superseded": {
    plans: [
      { plan: { all: [child("a", node(animals.deafNever)), child("b", reads(40))] }, drain: 20 },
      { plan: reads(5) }
    ],
    planner: (session, plan) =>
      Effect.gen(function* () {
        const first = yield* background(session.fanout(...plan(0)))
        yield* Effect.sleep(10)
        const second = yield* background(session.replan(...plan(1)))
        yield* Effect.exit(session.replan(...plan(1)))
        yield* Fiber.join(first)
        yield* Fiber.join(second)
      })
  },
  "a cancel": {
    plans: [{ plan: { all: [child("a", node(animals.slowToStop)), child("b", node(animals.marksTwice))] }, drain: 30 }],
    planner: (session, plan) =>
      Effect.gen(function* () {
        const first = yield* background(session.fanout(...plan(0)))
        yield* Effect.sleep(15)
        yield* session.cancel("enough")
        yield* Fiber.join(first)
        yield* Effect.exit(session.fanout(...plan(0)))
      })
  },
  "fan-outs inside of handlers": {
    session: { limits: { concurrency: 2 } },
    plans: [
      {
        plan: {
          all: [
            child("a", inside({ all: [child("x", reads(10)), child("y", node(animals.commits))] })),
            child("b", inside(inside({ all: [child("x", node(animals.slowToStop)), child("y", reads(20))] }))),
            child("c", { settled: inside(reads(5), {}, "letsGo") })
          ]
        },
        drain: 60
      },
      { plan: inside({ all: [child("a", reads(10)), child("b", reads(60, "fail"))] }, {}, "session"), drain: 40 }
    ],
    planner: (session, plan) =>
      Effect.gen(function* () {
        const first = yield* background(session.fanout(...plan(0)))
        yield* Effect.sleep(35)
        yield* Effect.exit(session.replan(...plan(1)))
        yield* Fiber.join(first)
      })
  },
  "a budget that runs out": {
    session: { budget: { attempts: 6, wallClock: 60, costs: { usd: 5 } }, limits: { tools: { cheap: 1 } } },
    plans: [
      {
        plan: {
          all: [
            child("a", { call: "cheap", params: { after: 10, then: "answer", spend: { usd: 1 } } }),
            child("b", { settled: { call: "cheap", params: { after: 10, then: "fail" }, retry: 3 } }),
            child("c", { advisory: inside(reads(80), { budget: { attempts: 1 } }) })
          ]
        },
        drain: 20
      },
      { plan: reads(50) }
    ],
    planner: (session, plan) =>
      Effect.gen(function* () {
        yield* Effect.exit(session.fanout(...plan(0)))
        yield* Effect.exit(session.fanout(...plan(1)))
      })
  }
}

/**
 * @since 0.1.0
 */
export const names: ReadonlyArray<string> = Object.keys(cases)

/** How long what was left behind is watched, in milliseconds. */
const aftermath = 10_000

/**
 * Interrupts the owner of a session at every step: all laws hold, and it returns within the drain of what ran, or within drain and undo
 * where something is undone.
 */
export const sweep = (name: string, options: Sweep.Options = {}): Effect.Effect<Sweep.Swept, Sweep.SweepError> =>
  Effect.gen(function* () {
    const { planner, plans, session } = cases[name]!
    const decoded = yield* Effect.orDie(
      Effect.forEach(plans, (plan) => PlanDocument.decode({ toolscope: 1, ...plan }, tools))
    )
    const bounds = decoded.map(({ settings: { drain, undo } }) => [drain ?? 2_000, undo ?? 5_000] as [number, number])
    const longest = (undoes: boolean) => Math.max(...bounds.map(([drain, undo]) => drain + (undoes ? undo : 0)))
    return yield* Sweep.everyStep(
      {
        setup: Effect.sync(() => ({
          journal: Journal.memory(),
          ledger: Ledger.memory(),
          quarantine: Quarantine.make()
        })),
        program: ({ journal, ledger, quarantine }) =>
          Effect.scoped(
            Effect.flatMap(Session.make({ id: "s", ...session }), (session) =>
              planner(session, (n) => [decoded[n]!.plan, decoded[n]!.settings])
            )
          ).pipe(
            Effect.provideService(Journal.Current, journal),
            Effect.provideService(Ledger.Current, ledger),
            Effect.provideService(Quarantine.Current, quarantine)
          ),
        invariant: ({ journal, ledger }, _exit, { time, where }) =>
          Effect.gen(function* () {
            const clock = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
            const waited = clock - time
            const undoes = journal.events.some(({ type }) => type.startsWith("effect.compensat"))
            if (where !== "nowhere" && waited > longest(undoes))
              return yield* Effect.fail(new Error(`it returned ${waited} ms after its interruption`))
            yield* Effect.sleep(aftermath)
            if (journal.events.length > 0) Laws.expectLaws(journal.events, { ledger })
            else if (ledger.records.length > 0) return yield* Effect.fail(new Error("a tool began without a journal"))
          })
      },
      options
    )
  })
