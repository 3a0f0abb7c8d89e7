/**
 * One cell of the matrix: an animal under a policy, stopped at a moment. Its ledger is a file, which the tools write; what the file says
 * is held against the report, here without the laws, and by the laws.
 */
import { Fanout, Journal, Quarantine, type Report } from "@toolscope/core"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Laws from "../../Laws.ts"
import * as Ledger from "../../Ledger.ts"
import type * as Zoo from "../../Zoo.ts"
import { seeded } from "../simulation/random.ts"
import { inOrder } from "../simulation/strategy.ts"
import { type Hang, World } from "../simulation/world.ts"
import { firstAt, stopsOf } from "./moments.ts"
import { planOf, type Trigger } from "./plans.ts"
import type { ShapeName } from "./shapes.ts"

/** Where the stop comes: while the animal waits for a permit, before, in and after its (first) commit, while it is being undone. */
export const moments = ["never", "before start", "before commit", "in commit", "after commit", "in undo"] as const

export type Moment = (typeof moments)[number]

/** Who stops it: the plan (a sibling, a deadline, a timeout), somebody by the handle, or the owner's interruption. */
export type By = "nobody" | "plan" | "user" | "parent"

export interface Cell {
  readonly animal: keyof typeof Zoo.animals
  readonly policy: ShapeName
  readonly moment: Moment
  readonly by: By
}

/** Short, so that what takes longer has no excuse. Milliseconds. */
export const limits = { drain: 40, undo: 60 } as const

/** How long what was left behind is watched, in milliseconds. */
const aftermath = 60_000

export interface Result {
  readonly cell: Cell
  /** Did the moment come? */
  readonly reached: boolean
  /** When each moment came first, in milliseconds. */
  readonly firstAt: { readonly [M in Moment]?: number }
  /** Effects that began at the gate, and those of them that began when their stop had been asked for. */
  readonly passed: number
  readonly passedAfterStop: number
  /** Effects and undos that the ledger has. */
  readonly committed: number
  readonly undone: number
  /** Calls, and those that have no outcome, or more than one. */
  readonly calls: number
  readonly withoutOutcome: number
  /** What the report says, and the file belies. */
  readonly falseCancelled: number
  readonly falseCommitted: number
  readonly falseCompensated: number
  /** What the file says, and the report keeps silent about. */
  readonly unsaid: number
  /** Milliseconds from the stop, or from the decision of the plan, to the return. */
  readonly waited: number
  readonly late: boolean
  readonly hang: Hang | undefined
  readonly violations: ReadonlyArray<Laws.Violation>
}

/** `at`: when the plan itself stops the animal, where it does that by a time. */
export const run = async (cell: Cell, file: string, at: number | undefined, signal: AbortSignal): Promise<Result> => {
  const world = new World({ strategy: inOrder, together: true, signal })
  const journal = Journal.memory()
  const ledger = Ledger.file(file)
  const context = Context.empty().pipe(
    Context.add(Random.Random, seeded(0)),
    Context.add(Journal.Current, journal),
    Context.add(Quarantine.Current, Quarantine.make())
  )
  const first: Trigger = Deferred.makeUnsafe<void>()
  const second: Trigger = Deferred.makeUnsafe<void>()
  const fire = (trigger: Trigger) => void Deferred.doneUnsafe(trigger, Effect.void)
  let fromOutside = () => {}
  let stoppedAt: number | undefined
  let recordsAtStop = Infinity
  let reached = cell.moment === "never"

  const stop = () => {
    // what was let go may write when all is over
    if (owner.exit !== undefined) return
    reached = true
    stoppedAt = world.now
    if (cell.by === "plan") return fire(cell.moment === "in undo" ? second : first)
    recordsAtStop = ledger.records.length
    fromOutside()
  }
  const stops = stopsOf(cell, { lose: () => fire(first), stop })
  const watched: Ledger.Ledger = {
    get records() {
      return ledger.records
    },
    append: (record) => {
      ledger.append(record)
      const next = stops(record)
      // right after what the tool is doing now, and before anything else
      if (next !== undefined) world.first(next)
    }
  }

  const plan = planOf(cell, at, first, second)
  const options = { ...limits, runId: "m", concurrency: cell.moment === "before start" ? 1 : 8 }
  const owner = world.spawn(
    Effect.withFiber((fiber) => {
      fromOutside = () => {
        fiber.interruptUnsafe()
      }
      if (cell.by !== "user") return Fanout.run(plan, options)
      return Effect.scoped(
        Effect.flatMap(Fanout.start(plan, options), (handle) => {
          fromOutside = () => void Effect.runForkWith(world.context(context))(handle.stop("the matrix says so"))
          return handle.result
        })
      )
    }),
    Context.add(context, Ledger.Current, watched)
  )
  if (cell.moment === "before start") {
    world.spawn(Effect.andThen(Effect.sleep(10), Effect.sync(stop)), context)
  }
  const hung = await world.run(() => owner.exit !== undefined)
  const returnedAt = world.now
  const recordsAtReturn = ledger.records.length
  const hang = hung ?? (await world.runUntil(world.now + aftermath))
  const from = cell.by === "user" || cell.by === "parent" ? stoppedAt : undefined
  return judge(cell, { journal, ledger, reached, recordsAtStop, recordsAtReturn, returnedAt, from, hang })
}

/** What a run left. */
export interface Trace {
  readonly journal: Pick<Journal.Memory, "events">
  readonly ledger: Pick<Ledger.Ledger, "records">
  readonly reached: boolean
  readonly recordsAtStop: number
  readonly recordsAtReturn: number
  readonly returnedAt: number
  readonly from: number | undefined
  readonly hang: Hang | undefined
}

export const judge = (
  cell: Cell,
  { from, hang, journal, ledger, reached, recordsAtReturn, recordsAtStop, returnedAt }: Trace
): Result => {
  const { events } = journal
  const { records } = ledger
  const { holds } = Ledger.world(records)
  // what was left behind in a lost part of the plan is undone when it has ended: then the report has been made. What was let go may act later
  const { holds: heldAtReturn } = Ledger.world(records.slice(0, recordsAtReturn))
  const closed = events.find((event) => event.type === "fanout.closed")
  const report: Report.Json | undefined = closed?.type === "fanout.closed" ? closed.report : undefined
  const calls = report?.calls ?? []
  const passed = records.filter(({ what }) => what === "committing")
  const keysOf = (call: string) => new Set(records.filter((record) => record.call === call).map(({ key }) => key))
  const held = (call: string) => [...keysOf(call)].filter((key) => key !== undefined && holds.has(key))
  const said = calls.flatMap(({ effects }) => effects)
  const decided = events.find((event) => event.type === "policy.decided" && event.node === "/plan")
  const waited = from !== undefined ? returnedAt - from : decided === undefined ? 0 : returnedAt - decided.time
  return {
    cell,
    reached,
    firstAt: firstAt(cell.animal, records),
    passed: passed.length,
    passedAfterStop: passed.filter((record) => record.stopped === true || records.indexOf(record) >= recordsAtStop)
      .length,
    committed: records.filter(({ what }) => what === "committed").length,
    undone: records.filter(({ what }) => what === "undone").length,
    calls: calls.length,
    withoutOutcome: calls.filter(
      ({ id }) =>
        calls.filter((call) => call.id === id).length !== 1 ||
        events.filter((event) => event.type === "call.settled" && event.call === id).length !== 1
    ).length,
    falseCancelled: calls.filter(
      ({ id, outcome }) => (outcome === "Cancelled" || outcome === "Skipped") && held(id).length > 0
    ).length,
    falseCommitted: said.filter(({ key, state }) => state === "committed" && !heldAtReturn.has(key) && !holds.has(key))
      .length,
    falseCompensated: said.filter(({ key, state }) => state === "compensated" && holds.has(key)).length,
    unsaid: [...holds].filter((key) => !said.some((effect) => effect.key === key && effect.state !== "compensated"))
      .length,
    waited,
    late: waited > limits.drain + limits.undo,
    hang,
    violations: Laws.check(events, { ledger: records })
  }
}
