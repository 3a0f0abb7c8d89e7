/**
 * Guarantee 4: the canonical report does not depend on the order in which the ends of one instant arrive, and over instants it is a
 * function of each call's outcome, of whether it was stopped, and of what decided each node. (Z6)
 */
import { assert, describe, it } from "@effect/vitest"
import { Fanout, Plan, Report } from "@toolscope/core"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { acting, prng, reading } from "./support.ts"

/** How a call ends, and in which instant. Instants are 10 virtual milliseconds apart; 0 is never. */
interface Line {
  readonly instant: number
  readonly result: "value" | "error" | "defect"
}

/** Makes the calls of a plan, in plan order; the script says how each ends. */
type Make = (
  call: (options?: { readonly acts?: boolean; readonly dirty?: boolean }) => Plan.Plan<string, string>
) => Plan.Any

const instants = 4

/** Runs a plan by its script; `order` says in which order the ends of an instant arrive. */
const play = (
  make: Make,
  script: (call: number) => Line,
  order: (instant: number, calls: ReadonlyArray<number>) => ReadonlyArray<number>
): Effect.Effect<Report.Report, unknown> =>
  Effect.gen(function* () {
    const gates: Array<Deferred.Deferred<string, string>> = []
    const plan = make(({ acts = false, dirty = false } = {}) => {
      const gate = Deferred.makeUnsafe<string, string>()
      gates.push(gate)
      const cleanup = Effect.addFinalizer(() => Effect.die(new Error("dirty")))
      const body = dirty ? Effect.andThen(cleanup, Deferred.await(gate)) : Deferred.await(gate)
      return Plan.effect(body as Effect.Effect<string, string>, acts ? acting : reading)
    })
    const handle = yield* Fanout.start(plan as Plan.Plan<unknown, unknown>, { concurrency: 100 })
    for (let instant = 1; instant <= instants; instant++) {
      yield* TestClock.adjust(10)
      const due = gates.flatMap((_, call) => (script(call).instant === instant ? [call] : []))
      for (const call of order(instant, due)) {
        const { result } = script(call)
        const end =
          result === "value"
            ? Effect.succeed(`value ${call}`)
            : result === "error"
              ? Effect.fail(`error ${call}`)
              : Effect.die(`defect ${call}`)
        Deferred.doneUnsafe(gates[call]!, end)
      }
      yield* TestClock.adjust(0)
    }
    yield* TestClock.adjust(1_000)
    return yield* handle.stop("the script is over")
  }).pipe(Effect.scoped)

const permutations = (list: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<number>> =>
  list.length < 2
    ? [list]
    : list.flatMap((item, i) =>
        permutations([...list.slice(0, i), ...list.slice(i + 1)]).map((rest) => [item, ...rest])
      )

const text = (report: Report.Report): string => JSON.stringify(Report.canonical(report), null, 1)

describe("the ends of one instant", () => {
  it.effect("give the same canonical report in every order in which they can arrive", () =>
    Effect.gen(function* () {
      const make: Make = (call) =>
        Plan.all({
          votes: Plan.quorum(2, { a: call(), b: call({ acts: true }), c: call(), d: call({ dirty: true }) }),
          race: Plan.settled(Plan.firstSuccess([call(), call({ dirty: true }), call()])),
          extra: Plan.advisory(Plan.all([call({ acts: true }), call()]), { grace: 15 }),
          alone: Plan.settled(call())
        })
      const script: ReadonlyArray<Line> = [
        { instant: 1, result: "value" },
        { instant: 2, result: "value" },
        { instant: 2, result: "value" },
        { instant: 0, result: "value" },
        { instant: 1, result: "error" },
        { instant: 2, result: "error" },
        { instant: 2, result: "value" },
        { instant: 3, result: "error" },
        { instant: 0, result: "value" },
        { instant: 1, result: "defect" }
      ]
      const seen = new Set<string>()
      let runs = 0
      for (const first of permutations([0, 4, 9])) {
        for (const second of permutations([1, 2, 5, 6])) {
          runs++
          const report = yield* play(
            make,
            (call) => script[call]!,
            (instant, calls) => (instant === 1 ? first : instant === 2 ? second : calls)
          )
          assert.strictEqual(report.status, "succeeded")
          seen.add(text(report))
        }
      }
      assert.strictEqual(runs, 144)
      assert.strictEqual(seen.size, 1)
    })
  )

  it.effect("give the same error, whichever failure arrives first", () =>
    Effect.gen(function* () {
      const make: Make = (call) => Plan.all([Plan.quorum(3, [call(), call(), call()]), call(), call()])
      const seen = new Set<string>()
      for (const order of permutations([0, 2, 3, 4])) {
        const report = yield* play(
          make,
          (call) => ({ instant: call === 1 ? 0 : 1, result: "error" }),
          (i) => (i === 1 ? order : [])
        )
        assert.deepStrictEqual(report.reason?.calls, ["/0/0", "/0/2", "/1", "/2"])
        seen.add(text(report))
      }
      assert.strictEqual(seen.size, 1)
    })
  )
})

type Random = ReturnType<typeof prng>

/** A random plan: the same numbers make the same plan again. */
const randomMake =
  (seed: number): Make =>
  (call) => {
    const random: Random = prng(seed)
    const leaf = (overlap: boolean) => call({ acts: !overlap && random.next() < 0.3, dirty: random.next() < 0.2 })
    const tree = (depth: number, overlap: boolean): Plan.Plan<unknown, unknown> => {
      if (depth === 0 || (depth < 3 && random.next() < 0.3)) return leaf(overlap)
      const size = 1 + random.int(3)
      const children = (over: boolean) => Array.from({ length: size }, () => tree(depth - 1, over))
      switch (random.int(6)) {
        case 0:
        case 1: {
          const advisory = () => Plan.advisory(tree(depth - 1, overlap), { grace: random.pick([0, 5, 15]) })
          return Plan.all([...children(overlap), ...(random.next() < 0.5 ? [advisory()] : [])] as never)
        }
        case 2:
          return Plan.quorum(1 + random.int(size), children(overlap))
        case 3:
          return random.next() < 0.5
            ? Plan.firstSuccess(children(true))
            : Plan.firstSuccess(children(overlap), { stagger: "infinity" })
        case 4:
          return Plan.settled(tree(depth - 1, overlap))
        default:
          return Plan.deadline(tree(depth - 1, overlap), random.pick([15, 25, 1_000]))
      }
    }
    return tree(3, false)
  }

const randomScript = (random: Random, patience: number): ((call: number) => Line) => {
  const lines: Array<Line> = []
  return (call) =>
    (lines[call] ??= {
      instant: random.next() < 0.1 ? 0 : 1 + random.int(patience),
      result: random.pick(["value", "value", "error", "defect"] as const)
    })
}

describe("for random plans and scripts", () => {
  it.effect("the order within an instant does not matter (L20)", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 120; seed++) {
        const random = prng(seed)
        const make = randomMake(seed)
        const script = randomScript(random, 2)
        const plain = text(yield* play(make, script, (_, calls) => calls))
        for (let i = 0; i < 3; i++) {
          const other = text(yield* play(make, script, (_, calls) => random.shuffle(calls)))
          assert.strictEqual(other, plain, `seed ${seed}`)
        }
      }
    })
  )

  it.effect("equal outcomes, stops and decidedBy give equal reports, whenever things happened", () =>
    Effect.gen(function* () {
      let met = 0
      for (let seed = 1; seed <= 40; seed++) {
        const random = prng(1_000 + seed)
        const make = randomMake(seed)
        const results = randomScript(random, instants)
        const byFacts = new Map<string, string>()
        for (let i = 0; i < 20; i++) {
          const moments = randomScript(random, instants)
          const script = (call: number): Line => ({ ...results(call), instant: moments(call).instant })
          const report = yield* play(make, script, (_, calls) => random.shuffle(calls))
          const facts = JSON.stringify([
            report.calls.map(({ outcome, stoppedBy }) => [
              outcome._tag,
              String("error" in outcome && outcome.error),
              stoppedBy === undefined
            ]),
            report.nodes.map(({ decidedBy, decision }) => [decision, decidedBy])
          ])
          const before = byFacts.get(facts)
          if (before !== undefined) {
            met++
            assert.strictEqual(text(report), before, `seed ${seed}`)
          }
          byFacts.set(facts, text(report))
        }
      }
      assert.isAbove(met, 150, "the same facts came about in different ways often enough")
    })
  )
})
