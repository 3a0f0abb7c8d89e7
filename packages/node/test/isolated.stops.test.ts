/**
 * What a stop does to an isolated function, in processes and in workers: it is told, and if it does not listen, it is killed with all
 * that it has started, within the bound.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Plan, Quarantine, type Report } from "@toolscope/core"
import { IsolatedError } from "@toolscope/node"
import * as Effect from "effect/Effect"
import {
  acts,
  errorOf,
  eventually,
  failsWhen,
  fixture,
  isAlive,
  isolated,
  newFile,
  noAnswer,
  notesOf,
  pidsOf,
  type Place,
  places,
  reportOf,
  valueOf,
  written
} from "./support.ts"

const resources = () =>
  process
    .getActiveResourcesInfo()
    .filter((name) => !["Timeout", "Immediate"].includes(name))
    .sort()
const atFirst = resources().join()

/**
 * Runs the function twice, once as a tool that acts and once as one that reads, beside a call that fails when both have written the
 * text; tells what became of both, and how long the drain took.
 */
const stopped = (
  name: string,
  place: Place,
  options: { readonly when?: string; readonly contract?: Contract.Contract; readonly params?: object } = {}
) =>
  Effect.gen(function* () {
    const { contract = acts, params, when = "pid" } = options
    const files = [newFile(), newFile()] as const
    const report = yield* reportOf(
      Plan.all({
        enough: failsWhen(when, ...files),
        acts: Plan.call(isolated(name, place, { contract }), { file: files[0], ...params }),
        reads: Plan.call(isolated(name, place), { file: files[1], ...params })
      }),
      { drain: "2 seconds" }
    )
    const [, acting, reading] = report.calls
    const pids = [...pidsOf(files[0]), ...pidsOf(files[1])]
    return { acting: acting!, reading: reading!, file: files[0], pids, millis: report.drainMillis }
  })

const statesOf = ({ effects }: Report.CallReport) => effects.map(({ state }) => state)

describe.each(places)("a stop of what runs in a %s", (place) => {
  it.live("reaches the function as the abort of its signal, with the reason; an answer after it is kept", () =>
    Effect.gen(function* () {
      const { acting, file, reading } = yield* stopped("polite", place)
      for (const there of [acting, reading]) {
        assert.strictEqual(there.outcome._tag, "Succeeded")
        assert.strictEqual(valueOf(there), "late")
        assert.isFalse(there.used)
      }
      const reason = JSON.parse(/^told (.*)$/m.exec(notesOf(file))![1]!) as Report.StopReason
      assert.deepInclude(reason, { source: "sibling", call: "/enough" })
    })
  )

  it.live("ends a function that rejects as it is told, at once: that is no answer", () =>
    Effect.gen(function* () {
      const { acting, millis, reading } = yield* stopped("obedient", place)
      assert.strictEqual(acting.outcome._tag, "Unknown")
      assert.strictEqual(reading.outcome._tag, "Cancelled")
      for (const there of [acting, reading]) assert.notProperty(there, "afterStop")
      // nothing had to be killed
      assert.isBelow(millis, 1_500)
    })
  )

  it.live("interrupts an Effect, and waits for its cleanup", () =>
    Effect.gen(function* () {
      const file = newFile()
      const tool = isolated("waitEffect", place, { module: fixture("effects.ts"), contract: acts })
      const plan = Plan.all({ enough: failsWhen("waits", file), it: Plan.call(tool, { file }) })
      const { calls } = yield* reportOf(plan, { drain: "2 seconds" })
      assert.strictEqual(calls[1]!.outcome._tag, "Unknown")
      assert.include(notesOf(file), "interrupted")
    })
  )

  it.live("keeps an error that the function ends with after it", () =>
    Effect.gen(function* () {
      const contract = Contract.make({ effect: "additive", failure: { SoldOut: "nothing" } })
      const { acting } = yield* stopped("failsLate", place, { contract })
      assert.strictEqual(acting.outcome._tag, "Cancelled")
      assert.strictEqual((acting.afterStop as any).reason.error._tag, "SoldOut")
    })
  )

  for (const [name, is] of Object.entries({ loop: "in an endless loop", deaf: "deaf" })) {
    it.live(`kills a function that is ${is}, within the bound, and leaves nothing behind`, () =>
      Effect.gen(function* () {
        const { acting, millis, pids, reading } = yield* stopped(name, place)
        assert.strictEqual(acting.outcome._tag, "Unknown")
        assert.deepStrictEqual(statesOf(acting), ["unknown"])
        assert.strictEqual(reading.outcome._tag, "Cancelled")
        for (const there of [acting, reading]) {
          assert.isFalse(there.leftBehind)
          assert.instanceOf(noAnswer(there.afterStop), IsolatedError.Killed)
        }
        // told, waited for, and killed a quarter of the drain before its bound
        assert.isAtLeast(millis, 1_450)
        assert.strictEqual(pids.length, 2)
        if (place === "process") assert.deepStrictEqual(pids.filter(isAlive), [])
        assert.deepStrictEqual((yield* Quarantine.Current).list(), [])
      })
    )
  }

  it.live("by a timeout is a timeout, killed in the same way, and may be followed by another attempt", () =>
    Effect.gen(function* () {
      const file = newFile()
      const contract = Contract.make({ effect: "additive", repeat: "natural" })
      const options = { timeout: "2 seconds", retry: 1 } as const
      const plan = Plan.call(isolated("loop", place, { contract }), { file }, options)
      const { calls } = yield* reportOf(plan, { drain: "2 seconds" })
      assert.strictEqual(calls[0]!.outcome._tag, "Unknown")
      assert.strictEqual(errorOf(calls[0]!).reason._tag, "TimedOut")
      assert.strictEqual(calls[0]!.attempts, 2)
      assert.strictEqual(pidsOf(file).length, 2)
    })
  )

  it.live("takes all that it has started with it: children, those of another group, and daemons", () =>
    Effect.gen(function* () {
      const params = { then: "loop" }
      const { acting, pids, reading } = yield* stopped("family", place, { when: "family complete", params })
      assert.strictEqual(acting.outcome._tag, "Unknown")
      for (const { leftBehind } of [acting, reading]) assert.isFalse(leftBehind)
      assert.strictEqual(pids.length, 8)
      // a worker is no process of its own
      assert.deepStrictEqual(
        pids.filter((pid) => pid !== process.pid && isAlive(pid)),
        []
      )
    })
  )

  it.live("before the function was called ends it at once, and nothing happened", () =>
    Effect.gen(function* () {
      const file = newFile()
      const slow = isolated("it", place, { module: fixture("loops.ts"), contract: acts, env: { NOTES: file } })
      const plan = Plan.all({ enough: failsWhen("pid", file), it: Plan.call(slow, {}) })
      const report = yield* reportOf(plan, { drain: "5 seconds" })
      const there = report.calls[1]!
      assert.strictEqual(there.outcome._tag, "Cancelled")
      assert.deepStrictEqual(there.effects, [])
      assert.strictEqual((there.afterStop as any).reason._tag, "StoppedBefore")
      assert.isBelow(report.drainMillis, 2_000)
      if (place === "process") assert.isFalse(isAlive(pidsOf(file)[0]!))
    })
  )

  it.live("at the very start neither runs the function nor leaves anything", () =>
    Effect.gen(function* () {
      const file = newFile()
      // from before the process is there to after it has answered
      for (const millis of [0, 1, 5, 20, 60, 120]) {
        const late = Plan.effect(Effect.andThen(Effect.sleep(millis), Effect.fail("enough")), Contract.readOnly)
        const it = Plan.call(isolated("polite", place, { contract: acts }), { file })
        const { calls } = yield* reportOf(Plan.all({ it, late }), { drain: "2 seconds" })
        const ran = notesOf(file).includes("pid")
        const outcomes = ran ? ["Succeeded"] : ["Cancelled"]
        assert.include(outcomes, calls[0]!.outcome._tag, `after ${millis} ms`)
        assert.isFalse(calls[0]!.leftBehind)
        if (ran) break
      }
    })
  )

  it.live("of the owner does the same", () =>
    Effect.gen(function* () {
      const file = newFile()
      const plan = Plan.call(isolated("loop", place, { contract: acts }), { file })
      // interrupted once the loop is on
      yield* Effect.raceFirst(reportOf(plan, { drain: "2 seconds" }), written(file, "pid"))
      if (place === "process") assert.deepStrictEqual(pidsOf(file).filter(isAlive), [])
    })
  )
})

describe("what a process leaves", () => {
  it.live("in its group is killed when it has answered", () =>
    Effect.gen(function* () {
      const file = newFile()
      const { calls } = yield* reportOf(
        Plan.all({ it: Plan.call(isolated("family", "process"), { file, then: "return" }) })
      )
      assert.strictEqual(valueOf(calls[0]!), "left one")
      assert.deepStrictEqual(pidsOf(file).filter(isAlive), [])
    })
  )

  it.live("anywhere is killed when it has crashed", () =>
    Effect.gen(function* () {
      const file = newFile()
      const tool = isolated("family", "process", { contract: acts })
      const { calls } = yield* reportOf(Plan.all({ it: Plan.call(tool, { file, then: "crash" }) }))
      assert.instanceOf(noAnswer(errorOf(calls[0]!)), IsolatedError.Crashed)
      assert.strictEqual(pidsOf(file).length, 4)
      assert.deepStrictEqual(pidsOf(file).filter(isAlive), [])
    })
  )

  it.live("undone at its exit is not waited for: the answer stands", () =>
    Effect.gen(function* () {
      const { calls } = yield* reportOf(Plan.all({ it: Plan.call(isolated("hangsAtExit", "process"), {}) }))
      assert.strictEqual(valueOf(calls[0]!), "answered")
    })
  )
})

describe("many at once", () => {
  it.live("that have to be killed are killed together, within the bound", () =>
    Effect.gen(function* () {
      const files = Array.from({ length: 24 }, newFile)
      const tool = isolated("deaf", "process", { contract: acts })
      const children = Object.fromEntries(files.map((file, i) => [`c${i}`, Plan.call(tool, { file })]))
      const plan = Plan.all({ enough: failsWhen("pid", ...files), ...children })
      const { calls, drained } = yield* reportOf(plan, { concurrency: 25, drain: "1 second" })
      assert.isTrue(drained)
      const [, ...killed] = calls
      for (const { afterStop, leftBehind } of killed) {
        assert.isFalse(leftBehind)
        assert.instanceOf(noAnswer(afterStop), IsolatedError.Killed)
      }
      assert.deepStrictEqual(files.flatMap(pidsOf).filter(isAlive), [])
    })
  )

  it.live("a hundred calls, and all the tests before, leave no process and no handle", () =>
    Effect.gen(function* () {
      const tools = places.map((place) => isolated("pid", place))
      const children = Object.fromEntries(
        Array.from({ length: 100 }, (_, i) => [`c${i}`, Plan.call(tools[i % 2]!, {})])
      )
      const { calls } = yield* reportOf(Plan.all(children), { concurrency: 25 })
      const pids = calls.map(valueOf)
      assert.deepStrictEqual(
        calls.filter(({ outcome }) => outcome._tag !== "Succeeded"),
        []
      )
      assert.strictEqual(new Set(pids.filter((pid) => pid !== process.pid)).size, 50)
      for (const pid of pids) if (pid !== process.pid) assert.isFalse(isAlive(pid))
      yield* eventually(() => resources().join() === atFirst)
    })
  )
})
