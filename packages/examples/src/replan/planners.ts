/**
 * The same planner twice. It begins with the price that it knows; as soon as a result shows that to be wrong, it plans anew.
 */
import { Contract, Plan, Session, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type Entry, open, publish, rate, tell, World } from "./world.ts"

export interface Run {
  readonly planner: string
  readonly ledger: ReadonlyArray<Entry>
  /** What it says of the calls of the old plan, where it says anything. */
  readonly said: { readonly [call: string]: string }
}

const observe = async (planner: string, plans: (world: World) => Promise<Run["said"]>): Promise<Run> => {
  const world = new World()
  const said = await plans(world)
  return { planner, said, ledger: await world.end() }
}

/** How most programs do it. */
const promises = async (world: World): Promise<Run["said"]> => {
  const controller = new AbortController()
  const aborted = new Promise<never>((_, reject) => {
    controller.signal.addEventListener("abort", () => {
      reject(new Error("aborted"))
    })
  })
  let price = 100
  const rates = rate(world).then((found) => {
    price = found
    if (price !== 100) controller.abort()
  })
  const old = Promise.all([rates, publish(world, "old", price, open), tell(world, "old", price)])
  await Promise.race([old, aborted]).catch(() => publish(world, "new", price, open))
  return {}
}

const session = (world: World): Promise<Run["said"]> => {
  const Rate = Tool.fromPromise("rate", {
    success: Schema.Number,
    contract: Contract.readOnly,
    execute: () => rate(world)
  })
  const parameters = Schema.Struct({ plan: Schema.Literals(["old", "new"]), price: Schema.Number })
  const Publish = Tool.fromPromise("publish", {
    parameters,
    contract: Contract.make({ effect: "mutating", commit: "marked" }),
    execute: ({ plan, price }, { commit }) => publish(world, plan, price, commit)
  })
  const Tell = Tool.fromPromise("tell", {
    parameters,
    contract: Contract.irreversible,
    execute: ({ plan, price }) => tell(world, plan, price)
  })
  const old = { plan: "old", price: 100 } as const
  return Effect.gen(function* () {
    const session = yield* Session.make()
    const outcomes = yield* session.outcomes
    const plan = Plan.all({ rate: Plan.call(Rate), publish: Plan.call(Publish, old), tell: Plan.call(Tell, old) })
    const first = yield* Effect.forkChild(Effect.exit(session.fanout(plan, { drain: "4 seconds" })))

    // it plans anew from the first result that shows the old plan to be wrong
    yield* Stream.runHead(Stream.filter(outcomes, ({ call }) => call.id === "/rate"))
    yield* session.replan(Plan.call(Publish, { plan: "new", price: 120 }), { reason: "the price is 120" })

    yield* Fiber.await(first)
    const [superseded] = session.reports()
    return Object.fromEntries(
      superseded!.calls.map(({ id, outcome, stoppedBy }) => [
        id,
        `${outcome._tag}${stoppedBy === undefined ? "" : `, told to stop: ${stoppedBy.reason}`}`
      ])
    )
  }).pipe(Effect.scoped, Effect.runPromise)
}

/** Both at the same time, each in a world of its own. */
export const runBoth = (): Promise<ReadonlyArray<Run>> =>
  Promise.all([observe("Promise.all and an AbortController", promises), observe("A session of Toolscope", session)])
