/**
 * Three questions beside a tool that fails, one that is slow and one that is plain: the turn in which questions are lost elsewhere. Every
 * subset of the answers, every order, one denied, one misdirected, the same resume twice.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Fanout, Plan, Question, Questions, type Report, Snapshot } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"

const names = ["a", "b", "c"] as const
const idOf = (name: string): string => `r/${name}?0`

/** The turn, and how often each of its tools has run to its end. */
const turn = () => {
  const runs = new Map<string, number>()
  const counted = <A, E>(name: string, effect: Effect.Effect<A, E>) =>
    Plan.settled(
      Plan.effect(
        Effect.onExit(effect, (exit) =>
          Effect.sync(() => {
            if (exit._tag === "Success" || !JSON.stringify(exit).includes("Interrupt"))
              runs.set(name, (runs.get(name) ?? 0) + 1)
          })
        ),
        Contract.readOnly
      )
    )
  const asks = (name: string) => counted(name, Question.ask({ prompt: `What is ${name}?`, schema: Schema.String }))
  const plan = Plan.all({
    a: asks("a"),
    fails: counted("fails", Effect.delay(Effect.fail("no"), 5)),
    b: asks("b"),
    slow: counted("slow", Effect.delay(Effect.succeed("at last"), 500)),
    c: asks("c"),
    plain: counted("plain", Effect.succeed("here"))
  })
  return { plan, runs }
}

const settle = <A, E, E2>(start: Effect.Effect<Fanout.Handle<A, E>, E2, Scope.Scope>) =>
  Effect.gen(function* () {
    const handle = yield* start
    yield* TestClock.adjust(600)
    const error = yield* Effect.flip(handle.result).pipe(Effect.catch(() => Effect.succeed(undefined)))
    return { report: yield* handle.report, reason: error?.reason }
  }).pipe(Effect.scoped, Effect.provide(Questions.suspend))

const outcomes = ({ calls }: Report.Report) =>
  Object.fromEntries(calls.map(({ id, outcome }) => [id.slice(1), outcome]))

/** Runs the turn, then resumes it once for each of these, through text; and each snapshot a second time. */
const play = (rounds: ReadonlyArray<Pick<Fanout.ResumeOptions, "answers" | "deny">>) =>
  Effect.gen(function* () {
    const { plan, runs } = turn()
    let { reason, report } = yield* settle(Fanout.start(plan, { runId: "r" }))
    assert(reason?._tag === "Suspended")
    assert.deepStrictEqual(
      reason.questions.map(({ id }) => id),
      names.map(idOf)
    )
    for (const round of rounds) {
      assert(reason?._tag === "Suspended")
      const snapshot: Snapshot.Snapshot = yield* Snapshot.decode(JSON.parse(JSON.stringify(reason.snapshot)))
      ;({ reason, report } = yield* settle(Fanout.startFrom(plan, snapshot, round)))
      const twice = yield* Effect.flip(Fanout.resume(plan, snapshot, round))
      assert(twice._tag === "SnapshotError" && twice.reason._tag === "AlreadyClaimed")
    }
    for (const name of ["fails", "slow", "plain"]) assert.strictEqual(runs.get(name), 1, name)
    return { reason, report, runs }
  })

const orders = [
  ["a", "b", "c"],
  ["a", "c", "b"],
  ["b", "a", "c"],
  ["b", "c", "a"],
  ["c", "a", "b"],
  ["c", "b", "a"]
]
const subsets = Array.from({ length: 8 }, (_, bits) => names.filter((_, i) => (bits & (1 << i)) !== 0))
const answersFor = (some: ReadonlyArray<string>) => Object.fromEntries(some.map((name) => [idOf(name), `${name}!`]))

describe("three questions beside a failing, a slow and a plain tool", () => {
  for (const order of orders)
    it.effect(`answered one after the other, ${order.join(", ")}: each gets its own, no sibling runs again`, () =>
      Effect.gen(function* () {
        const { report } = yield* play(order.map((name) => ({ answers: answersFor([name]) })))
        const ends = outcomes(report)
        for (const name of names) assert.deepInclude(ends[name], { _tag: "Succeeded", value: `${name}!` })
        assert.deepInclude(ends.fails, { _tag: "Failed", error: "no" })
        assert.deepInclude(ends.slow, { _tag: "Succeeded", value: "at last" })
        assert.strictEqual(report.status, "succeeded")
      })
    )

  for (const some of subsets)
    it.effect(
      `answered ${some.length === 0 ? "not at all" : some.join(" and ")}: the rest stays open, and is not lost`,
      () =>
        Effect.gen(function* () {
          const rest = names.filter((name) => !some.includes(name))
          const first = yield* play([{ answers: answersFor(some) }])
          if (rest.length === 0) return assert.strictEqual(first.report.status, "succeeded")
          assert(first.reason?._tag === "Suspended")
          assert.deepStrictEqual(
            first.reason.questions.map(({ id }) => id),
            rest.map(idOf)
          )
          for (const name of rest) assert.isUndefined(first.runs.get(name))
          const { report } = yield* play([{ answers: answersFor(some) }, { answers: answersFor(rest) }])
          for (const name of names) assert.deepInclude(outcomes(report)[name], { _tag: "Succeeded", value: `${name}!` })
        })
    )

  for (const one of names)
    it.effect(`${one} denied: the other two run, and it is denied`, () =>
      Effect.gen(function* () {
        const others = names.filter((name) => name !== one)
        const { report } = yield* play([{ answers: answersFor(others), deny: [idOf(one)] }])
        assert.strictEqual(outcomes(report)[one]!._tag, "Denied")
        for (const name of others) assert.deepInclude(outcomes(report)[name], { _tag: "Succeeded", value: `${name}!` })
      })
    )

  it.effect("an answer to a question of nobody is refused, starts nothing, and claims nothing", () =>
    Effect.gen(function* () {
      const { plan, runs } = turn()
      const { reason } = yield* settle(Fanout.start(plan, { runId: "r" }))
      assert(reason?._tag === "Suspended")
      const before = new Map(runs)
      const answers = { ...answersFor(names), "r/fails?0": "here" }
      const error = yield* Effect.flip(Fanout.resume(plan, reason.snapshot, { answers }))
      assert(error._tag === "QuestionError" && error.reason._tag === "UnknownQuestion")
      assert.deepStrictEqual(runs, before)
      const { report } = yield* settle(Fanout.startFrom(plan, reason.snapshot, { answers: answersFor(names) }))
      assert.strictEqual(report.status, "succeeded")
    })
  )
})
