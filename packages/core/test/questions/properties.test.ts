/**
 * What is lost when people are asked: nothing. Random plans, answered in every order and every subset, here and elsewhere.
 */
import { assert, describe, it } from "@effect/vitest"
import { Commit, Contract, Fanout, Plan, Question, Questions, type Report, Snapshot } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"

/** mulberry32: numbers from 0 to 1, the same for the same seed. */
const numbers = (seed: number) => {
  let a = seed >>> 0
  return () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = a
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const marked = Contract.make({ effect: "additive", commit: "marked", repeat: "never" })

/** What the calls of a plan do to the world, and how often. */
class World {
  readonly plain = new Map<string, number>()
  readonly committed = new Map<string, number>()
  readonly approved = new Map<string, number>()
  count(map: Map<string, number>, name: string): void {
    map.set(name, (map.get(name) ?? 0) + 1)
  }
}

type Random = () => number

/** A call that asks some questions, and commits between them; or one that does not, and is quick, slow, or fails. */
const callOf = (random: Random, world: World, name: string): Plan.Plan<unknown, unknown> => {
  const kind = random()
  if (kind < 0.5) {
    const asks = 1 + Math.floor(random() * 2)
    const commits = Math.floor(random() * (asks + 1))
    const handler = Effect.gen(function* () {
      let sum = 0
      for (let i = 0; i < asks; i++) {
        if (i < commits) {
          yield* Commit.run((key) =>
            Effect.sync(() => {
              world.count(world.committed, key)
              return i
            })
          )
        }
        sum += yield* Question.ask({ prompt: `${name} ${i}`, schema: Schema.Number })
      }
      return sum
    })
    return Plan.effect(handler, marked)
  }
  const millis = Math.floor(random() * 3) * 10
  const fails = random() < 0.15
  const acts = Effect.suspend(() => {
    world.count(world.plain, name)
    const end = fails ? Effect.fail(name) : Effect.succeed(name)
    return millis === 0 ? end : Effect.delay(end, millis)
  })
  return Plan.effect(acts, Contract.readOnly)
}

/** Of a quorum it depends on the order of the answers who is counted: with some only the world is compared. */
const planOf = (random: Random, world: World, quorums: boolean, depth = 2, name = "c"): Plan.Plan<unknown, unknown> => {
  if (depth === 0 || random() < 0.2) return callOf(random, world, name)
  const size = 1 + Math.floor(random() * 3)
  const children = Array.from({ length: size }, (_, i) => planOf(random, world, quorums, depth - 1, `${name}${i}`))
  const kind = random()
  if (kind < 0.4) return Plan.all(children)
  if (kind < 0.6) return Plan.settled(Plan.all(children.map((child) => Plan.settled(child))))
  if (kind < 0.8 && quorums) return Plan.quorum(1 + Math.floor(random() * size), children)
  return Plan.deadline(Plan.all(children), "1 minute")
}

/** The right answer to a question, told by its id. */
const answerTo = (id: string): number => Array.from(id).reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) % 1000, 7)

/** Runs to the close. */
const settle = <A, E, E2>(start: Effect.Effect<Fanout.Handle<A, E>, E2, Scope.Scope>) =>
  Effect.gen(function* () {
    const { report, result } = yield* start
    for (let i = 0; i < 12; i++) yield* TestClock.adjust(10)
    const error = yield* Effect.flip(Effect.as(result, undefined)).pipe(Effect.catch(() => Effect.succeed(undefined)))
    return { report: yield* report, reason: error?.reason }
  }).pipe(Effect.scoped, Effect.provide(Questions.suspend))

/** What a run came to, without times and attempts: an asking handler has one more for each resume. */
const essence = (report: Report.Report) =>
  report.calls.map(({ effects, id, outcome, used, verdict }) => ({ id, tag: outcome._tag, used, verdict, effects }))

/** Answered at once, in one process. */
const reference = (seed: number) =>
  Effect.gen(function* () {
    const world = new World()
    const plan = planOf(numbers(seed), world, seed % 2 === 0)
    const layer = Questions.answering(({ id }, { answer }) => Effect.delay(answer(id, answerTo(id)), 100))
    const handle = yield* Fanout.start(plan, { runId: "r" }).pipe(Effect.provide(layer))
    for (let i = 0; i < 60; i++) yield* TestClock.adjust(10)
    return { report: yield* handle.report, world }
  }).pipe(Effect.scoped)

/** Suspended and resumed, through text, with some of the answers, some wrong ones, and each snapshot twice. */
const elsewhere = (seed: number) =>
  Effect.gen(function* () {
    const random = numbers(seed * 7919 + 1)
    const world = new World()
    const plan = planOf(numbers(seed), world, seed % 2 === 0)
    let { reason, report } = yield* settle(Fanout.start(plan, { runId: "r" }))
    const answered = new Set<string>()
    let rounds = 0
    while (reason?._tag === "Suspended") {
      assert.isTrue(reason.refused.every(({ _tag }) => _tag === "MalformedAnswer"))
      for (const { id } of reason.questions) assert.isFalse(answered.has(id), `${id} is asked again`)
      const snapshot = yield* Snapshot.decode(JSON.parse(JSON.stringify(reason.snapshot)))
      const answers: Record<string, unknown> = {}
      for (const { id } of reason.questions) {
        const luck = random()
        if (luck < 0.5 || rounds > 20) {
          answers[id] = answerTo(id)
          answered.add(id)
        } else if (luck < 0.6) answers[id] = "no number"
      }
      const misdirected = Fanout.resume(plan, snapshot, { answers: { ...answers, "r/nobody?0": 1 } })
      assert.strictEqual((yield* Effect.exit(misdirected))._tag, "Failure")
      ;({ reason, report } = yield* settle(Fanout.startFrom(plan, snapshot, { answers })))
      const twice = yield* Effect.exit(Fanout.resume(plan, snapshot, { answers }))
      assert.include(JSON.stringify(twice), "AlreadyClaimed")
      assert.isBelow(++rounds, 60)
    }
    return { world, rounds, report }
  })

describe("a plan whose calls ask", () => {
  it.effect(
    "comes to the same whether it is answered at once or bit by bit elsewhere; nothing runs twice, no answer is lost",
    () =>
      Effect.gen(function* () {
        let suspended = 0
        for (let seed = 1; seed <= 150; seed++) {
          const right = yield* reference(seed)
          const other = yield* elsewhere(seed)
          if (other.rounds > 0) suspended++
          assert.strictEqual(other.report.status, right.report.status, `seed ${seed}`)
          if (seed % 2 === 1) {
            assert.deepStrictEqual(essence(other.report), essence(right.report), `seed ${seed}`)
            assert.deepStrictEqual([...other.world.committed].sort(), [...right.world.committed].sort(), `seed ${seed}`)
          }
          for (const [what, times] of other.world.committed) assert.strictEqual(times, 1, `seed ${seed}: ${what}`)
          for (const [what, times] of other.world.plain) assert.strictEqual(times, 1, `seed ${seed}: ${what}`)
        }
        assert.isAbove(suspended, 60)
      }),
    120_000
  )
})
