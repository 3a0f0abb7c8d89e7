/**
 * What a planner cannot do to a session, for many random planners: overlap two of its fan-outs, or spend more than there is.
 */
import { assert, describe, it } from "@effect/vitest"
import { Attempt, Budget, Contract, Plan, PlanError, Session, SessionError, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"

/** Numbers from a seed (mulberry32): the same seed, the same run. */
const randomOf = (seed: number) => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  const int = (below: number): number => Math.floor(next() * below)
  return { int, pick: <T>(list: ReadonlyArray<T>): T => list[int(list.length)]! }
}
type Random = ReturnType<typeof randomOf>

/** What a tool of this world does: nothing good. */
const behaviours = ["fails", "dies", "hangs", "deaf", "late"] as const

/** What happens, in order: written by the tools, not by the runtime. */
type Ledger = Array<{ readonly epoch: number; readonly what: "began" | "ended" }>

const toolOf = (ledger: Ledger, contract: Contract.Contract) =>
  Tool.make("broken", {
    parameters: Schema.Struct({ does: Schema.Literals(behaviours), n: Schema.Number }),
    failure: Schema.String,
    contract,
    cost: { usd: 1 },
    handler: ({ does, n }) =>
      Effect.gen(function* () {
        const { epoch } = yield* Attempt.current
        ledger.push({ epoch, what: "began" })
        yield* Attempt.spend({ usd: (n % 4) / 4 })
        const end = Effect.sync(() => ledger.push({ epoch, what: "ended" }))
        switch (does) {
          case "fails":
            yield* Effect.andThen(Effect.sleep(n), end)
            return yield* Effect.fail(`broken ${n}`)
          case "dies":
            yield* end
            return yield* Effect.die("bug")
          case "hangs":
            return yield* Effect.onInterrupt(Effect.never, () => Effect.andThen(Effect.sleep(n), end))
          case "deaf":
            yield* Effect.uninterruptible(Effect.andThen(Effect.sleep(400), end))
            return yield* Effect.fail("late")
          case "late":
            yield* Effect.onExit(Effect.sleep(200), () => end)
            return yield* Effect.fail("late")
        }
      })
  })

type Broken = ReturnType<typeof toolOf>

const planOf = (random: Random, tool: Broken, depth = 2): Plan.Plan<unknown, string> => {
  if (depth === 0 || random.int(4) === 0) {
    const options = { timeout: 50 + random.int(300), ...(random.int(2) === 0 ? { retry: 1 + random.int(3) } : {}) }
    return Plan.call(tool, { does: random.pick(behaviours), n: random.int(random.int(2) === 0 ? 3 : 100) }, options)
  }
  const children = Array.from({ length: 1 + random.int(3) }, () => planOf(random, tool, depth - 1))
  switch (random.int(5)) {
    case 0:
      return Plan.quorum(1 + random.int(children.length), children)
    case 1:
      return Plan.firstSuccess(children, { stagger: "infinity" })
    case 2:
      return Plan.deadline(Plan.all(children), 20 + random.int(300))
    case 3:
      return Plan.all([...children, Plan.advisory(planOf(random, tool, depth - 1))])
    default:
      return Plan.all(children)
  }
}

const keyed = Contract.make({ effect: "mutating", repeat: "keyed", interruption: "anywhere" })

describe("a world in which every tool fails or hangs, and a planner that always plans anew", () => {
  it.effect(
    "1,000 random planners end in a typed error, within the budget",
    () =>
      Effect.gen(function* () {
        const ends = new Map<string, number>()
        for (let seed = 1; seed <= 1_000; seed++) {
          const random = randomOf(seed)
          const ledger: Ledger = []
          const tool = toolOf(ledger, random.pick([keyed, Contract.readOnly]))
          const budget: Budget.Budget = { cohorts: 6, attempts: 5 + random.int(30), costs: { usd: 3 + random.int(20) } }
          const planner = Effect.gen(function* () {
            const session = yield* Session.make({ budget, loop: random.pick([2, 3, Infinity]) })
            for (;;) {
              // what was left behind is overridden: the planner does not care
              const despite = session.quarantine.list().map(({ id }) => id)
              const error = yield* Effect.flip(session.replan(planOf(random, tool), { drain: 100, undo: 100, despite }))
              if (error._tag !== "FanoutError") return { error, usage: session.usage() }
            }
          })
          const fiber = yield* Effect.forkChild(Effect.scoped(planner))
          yield* TestClock.adjust("10 minutes")
          const { error, usage } = yield* Fiber.join(fiber)
          assert(error instanceof SessionError.SessionError || error instanceof PlanError.PlanError)
          const tag = error instanceof PlanError.PlanError ? error.faults[0]!._tag : error.reason._tag
          ends.set(tag, (ends.get(tag) ?? 0) + 1)
          for (const [name, { limit, reserved, used }] of Object.entries(usage)) {
            assert.isAtMost(used, limit + 1e-9, `seed ${seed}: ${name}`)
            assert.strictEqual(reserved, 0, `seed ${seed}: ${name} is still reserved`)
          }
          assert.strictEqual(ledger.filter(({ what }) => what === "began").length, usage.attempts!.used, `seed ${seed}`)
        }
        assert.sameMembers([...ends.keys()], ["BudgetExceeded", "OverBudget", "LoopDetected"])
      }),
    120_000
  )
})

describe("two cohorts", () => {
  it.effect(
    "never overlap, for 1,000 random planners that change their minds",
    () =>
      Effect.gen(function* () {
        let refused = 0
        for (let seed = 1; seed <= 1_000; seed++) {
          const random = randomOf(seed)
          const ledger: Ledger = []
          const tool = toolOf(ledger, keyed)
          yield* Effect.scoped(
            Effect.gen(function* () {
              const session = yield* Session.make({ loop: Infinity })
              const fibers = [
                yield* Effect.forkChild(Effect.exit(session.fanout(planOf(random, tool), { drain: 500 })))
              ]
              for (let i = 0; i < 3; i++) {
                yield* TestClock.adjust(random.int(150))
                const again = session.replan(planOf(random, tool), { drain: 500 })
                const owner = yield* Effect.forkChild(Effect.exit(again), { startImmediately: true })
                fibers.push(owner)
                if (random.int(4) === 0) yield* Effect.forkChild(Fiber.interrupt(owner), { startImmediately: true })
              }
              yield* TestClock.adjust("5 minutes")
              for (const fiber of fibers) {
                const exit = yield* Fiber.await(fiber)
                if (Exit.isSuccess(exit) && Exit.isFailure(exit.value)) refused++
              }
            })
          )
          // once an epoch has begun, nothing of an earlier one begins or ends
          let newest = 0
          for (const { epoch, what } of ledger) {
            if (what === "began") newest = Math.max(newest, epoch)
            assert.strictEqual(epoch, newest, `seed ${seed}: ${what} in epoch ${epoch} after epoch ${newest} had begun`)
          }
        }
        assert.isAbove(refused, 0)
      }),
    120_000
  )
})
