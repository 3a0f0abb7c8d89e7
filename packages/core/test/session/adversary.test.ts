/**
 * What an unlucky planner, an impatient owner or a rude handler can try against "one cohort at a time".
 */
import { assert, describe, it } from "@effect/vitest"
import { Attempt, Commit, Contract, Fanout, Journal, Plan, Session, SessionError, Tool } from "@toolscope/core"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { prng } from "../support.ts"
import { underSeed } from "./scheduler.ts"

const reads = Contract.readOnly
const acts = Contract.make({ effect: "mutating", interruption: "anywhere" })
const rude = Contract.make({ effect: "mutating", interruption: "never" })
const logs = (log: Array<string>, what: string) => Effect.sync(() => void log.push(what))
const writes = (log: Array<string>, what: string, millis = 0, contract = acts) =>
  Plan.effect(Effect.delay(logs(log, what), millis), contract)
/** Pays no heed to a stop, and writes after so long. */
const deaf = (log: Array<string>, what: string, millis: number, contract = acts) =>
  Plan.effect(Effect.uninterruptible(Effect.delay(logs(log, what), millis)), contract)
const answers = <A>(value: A, millis = 0) => Plan.effect(Effect.delay(Effect.succeed(value), millis), reads)

const reasonOf = <A>(exit: Exit.Exit<A, unknown>): SessionError.Reason => {
  assert(Exit.isFailure(exit), "it succeeded")
  const fail = exit.cause.reasons.find((reason) => reason._tag === "Fail")
  assert(fail?._tag === "Fail", String(exit.cause))
  assert(fail.error instanceof SessionError.SessionError, String(fail.error))
  return fail.error.reason
}
const forked = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.forkChild(Effect.exit(effect), { startImmediately: true })

describe("a replan", () => {
  it.effect("waits for an effect that has passed its gate", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const session = yield* Session.make()
      const gated = Contract.make({ effect: "mutating", commit: "marked", interruption: "anywhere" })
      const commit = Commit.run(Effect.delay(logs(log, "old write"), 400))
      const first = yield* forked(session.fanout(Plan.effect(commit, gated)))
      yield* TestClock.adjust(10)
      const second = yield* forked(session.replan(writes(log, "new write")))
      yield* TestClock.adjust("1 second")
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(second)))
      yield* Fiber.join(first)
      assert.deepStrictEqual(log, ["old write", "new write"])
    })
  )

  it.effect("waits for the undo of what a stop had to undo, and starts nothing after an undo that does not end", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const session = yield* Session.make()
      const undo = (millis: number) =>
        Contract.compensable({ compensate: () => Effect.uninterruptible(Effect.delay(logs(log, "undone"), millis)) })
      const plan = (millis: number) =>
        Plan.atomic(Plan.all({ a: Plan.effect(logs(log, "done"), undo(millis)), b: answers(1, 60_000) }))
      yield* forked(session.fanout(plan(300)))
      yield* forked(session.replan(plan(20_000), { undo: "1 second" }))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(log, ["done", "undone", "done"])
      const third = yield* forked(session.replan(writes(log, "new")))
      yield* TestClock.adjust("3 seconds")
      const reason = reasonOf(yield* Fiber.join(third))
      assert(reason._tag === "NotDrained")
      assert.deepStrictEqual(
        reason.leftBehind.map(({ call, undo }) => [call, undo]),
        [["/a", true]]
      )
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(log, ["done", "undone", "done", "undone"])
      yield* session.fanout(writes(log, "new"))
    })
  )

  it.effect(
    "an owner that plans anew as soon as it hears of the stop does not get between the drain and the replan",
    () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const session = yield* Session.make()
        const between = Effect.gen(function* () {
          yield* Effect.exit(session.fanout(deaf(log, "old", 500)))
          return yield* session.fanout(writes(log, "between", 100))
        })
        const first = yield* forked(between)
        const second = yield* forked(session.replan(writes(log, "new", 100)))
        yield* TestClock.adjust("5 seconds")
        assert.include(["Stopping", "Busy"], reasonOf(yield* Fiber.join(first))._tag)
        assert.isTrue(Exit.isSuccess(yield* Fiber.join(second)))
        assert.deepStrictEqual(log, ["old", "new"])
      })
  )

  it.effect("an owner may go on at once after a cancel", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const session = yield* Session.make()
      const owner = Effect.gen(function* () {
        yield* Effect.exit(session.fanout(deaf(log, "old", 500)))
        return yield* session.fanout(writes(log, "next"))
      })
      const first = yield* forked(owner)
      const second = yield* forked(session.cancel())
      yield* TestClock.adjust("5 seconds")
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(first)))
      yield* Fiber.join(second)
      assert.deepStrictEqual(log, ["old", "next"])
    })
  )

  it.effect("is refused inside of a handler of the session, which would wait for itself; nothing is stopped", () =>
    Effect.gen(function* () {
      for (const contract of [acts, rude, reads]) {
        const log: Array<string> = []
        const session = yield* Session.make()
        const handler = Effect.gen(function* () {
          const replan = reasonOf(yield* Effect.exit(session.replan(writes(log, "inside"))))
          const fanout = reasonOf(yield* Effect.exit(session.fanout(writes(log, "inside"))))
          yield* Effect.sleep(10)
          return [replan._tag, fanout._tag]
        })
        const plan = Plan.all({ a: Plan.effect(handler, contract), b: answers("whole", 50) })
        const fiber = yield* forked(session.fanout(plan))
        yield* TestClock.adjust("1 minute")
        const exit = yield* Fiber.join(fiber)
        assert(Exit.isSuccess(exit))
        assert.deepStrictEqual(exit.value, { a: ["InsideHandler", "InsideHandler"], b: "whole" })
        assert.deepStrictEqual(log, [])
      }
    })
  )

  it.effect("a fan-out inside of a handler does not make it less inside", () =>
    Effect.gen(function* () {
      const session = yield* Session.make()
      const innermost = Effect.map(Effect.exit(session.replan(answers(1))), (exit) => reasonOf(exit)._tag)
      const inner = Effect.orDie(Fanout.run(Plan.effect(innermost, reads)))
      assert.strictEqual(yield* session.fanout(Plan.effect(inner, reads)), "InsideHandler")
    })
  )

  it.effect(
    "a handler that cancels its own session is told to stop like all others, and is not waited for by itself",
    () =>
      Effect.gen(function* () {
        const session = yield* Session.make()
        const handler = Effect.as(session.cancel("enough"), "said so")
        const fiber = yield* forked(session.fanout(Plan.all({ a: Plan.effect(handler, rude), b: answers(1, 5_000) })))
        yield* TestClock.adjust(1)
        assert.isTrue(Exit.isFailure(yield* Fiber.join(fiber)))
        const { calls, drained } = session.reports()[0]!
        assert.isTrue(drained)
        assert.deepInclude(calls[0]!.outcome, { _tag: "Succeeded", value: "said so" })
        assert.deepInclude(calls[1]!.stoppedBy!, { source: "user", reason: "enough" })
      })
  )

  it.effect("what was left behind can start nothing in its session", () =>
    Effect.gen(function* () {
      const session = yield* Session.make()
      let late: Exit.Exit<unknown, unknown> | undefined
      const zombie = Effect.uninterruptible(
        Effect.andThen(
          Effect.sleep("10 seconds"),
          Effect.map(Effect.exit(session.fanout(answers(1))), (exit) => (late = exit))
        )
      )
      yield* forked(session.fanout(Plan.effect(zombie, reads), { drain: 10 }))
      yield* session.cancel().pipe(forked)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(reasonOf(late!)._tag, "InsideHandler")
      assert.strictEqual(session.epoch(), 1)
    })
  )

  it.effect("while its own earlier replan waits, the earlier one is superseded and the drain goes on", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const session = yield* Session.make()
      yield* forked(session.fanout(deaf(log, "old", 1_000)))
      const second = yield* forked(session.replan(writes(log, "second")))
      yield* TestClock.adjust(900)
      const third = yield* forked(session.replan(writes(log, "third")))
      yield* TestClock.adjust(100)
      assert.strictEqual(reasonOf(yield* Fiber.join(second))._tag, "Superseded")
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(third)))
      // one drain: the first reason stays, and the bound was not set anew
      assert.deepStrictEqual(log, ["old", "third"])
    })
  )

  it.effect("a cancel that comes while it waits takes its place, and so does the close", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const scope = yield* Scope.make()
      const session = yield* Effect.provideService(Session.make(), Scope.Scope, scope)
      yield* forked(session.fanout(deaf(log, "old", 500)))
      const second = yield* forked(session.replan(writes(log, "new")))
      const cancelled = yield* forked(session.cancel())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(cancelled)
      assert.deepInclude(reasonOf(yield* Fiber.join(second)), { _tag: "Superseded", by: "cancel" })

      yield* forked(session.fanout(deaf(log, "old", 500)))
      const third = yield* forked(session.replan(writes(log, "new")))
      const closing = yield* forked(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
      assert.strictEqual(reasonOf(yield* Fiber.join(third))._tag, "Closed")
      assert.deepStrictEqual(log, ["old", "old"])
    })
  )

  it.effect("the owner of what it replaces may be interrupted meanwhile: one drain, and the first reason stays", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const session = yield* Session.make()
      const owner = yield* Effect.forkChild(session.fanout(deaf(log, "old", 500)), { startImmediately: true })
      const second = yield* forked(session.replan(writes(log, "new")))
      const gone = yield* Effect.forkChild(Fiber.interrupt(owner), { startImmediately: true })
      yield* TestClock.adjust(499)
      assert.deepStrictEqual(log, [])
      yield* TestClock.adjust(1)
      yield* Fiber.join(gone)
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(second)))
      assert.deepStrictEqual(log, ["old", "new"])
      assert.strictEqual(session.reports()[0]!.calls[0]!.stoppedBy!.source, "replan")
    })
  )

  it.effect("that will be refused for certain stops nothing: a loop, or no cohort left", () =>
    Effect.gen(function* () {
      const Bad = Tool.make("bad", { contract: reads, handler: () => Effect.die("always") })
      const session = yield* Session.make({ loop: 1, budget: { cohorts: 2 } })
      yield* Effect.exit(session.fanout(Plan.call(Bad)))
      const second = yield* forked(session.fanout(answers("whole", 100)))
      assert.strictEqual(reasonOf(yield* Effect.exit(session.replan(Plan.call(Bad))))._tag, "LoopDetected")
      assert.strictEqual(reasonOf(yield* Effect.exit(session.replan(answers(1))))._tag, "BudgetExceeded")
      yield* TestClock.adjust(100)
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(second)))
    })
  )
})

describe("what was left behind", () => {
  it.effect("has to be named, each of it, in despite", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const journal = Journal.memory()
      const session = yield* Effect.provideService(Session.make({ id: "s" }), Journal.Current, journal)
      const plan = Plan.all({ a: deaf(log, "a", 10_000), b: deaf(log, "b", 20_000), c: deaf(log, "c", 30_000, reads) })
      yield* forked(session.fanout(plan, { drain: 100 }))
      const again = yield* forked(session.replan(answers(1), { despite: ["s.1/a#1", "unheard of"] }))
      yield* TestClock.adjust(100)
      const reason = reasonOf(yield* Fiber.join(again))
      assert(reason._tag === "NotDrained")
      assert.deepStrictEqual(
        reason.leftBehind.map(({ id }) => id),
        ["s.1/b#1"]
      )
      assert.include(reason.message, "s.1/b#1")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(reasonOf(yield* Effect.exit(session.fanout(answers(1))))._tag, "NotDrained")
      yield* session.fanout(answers(1), { despite: ["s.1/b#1"] })
      // overridden once is not overridden for good
      assert.strictEqual(reasonOf(yield* Effect.exit(session.fanout(answers(1))))._tag, "NotDrained")
      yield* TestClock.adjust("10 seconds")
      yield* session.fanout(answers(1))
      yield* TestClock.adjust("1 minute")
      // a journal says what was overridden, so that it can be checked afterwards
      const overridden = journal.events.filter(({ type }) => type === "session.overridden")
      assert.strictEqual(overridden.length, 1)
      assert.deepInclude(overridden[0], { epoch: 2, leftBehind: ["s.1/b#1"] })
    })
  )

  it.effect("inside of a handler holds a replan up as well", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const session = yield* Session.make({ id: "s" })
      const inner = Effect.exit(Fanout.run(Plan.all({ x: deaf(log, "inner", 10_000) }), { drain: 50 }))
      yield* forked(session.fanout(Plan.all({ a: Plan.effect(inner, reads) }), { drain: "1 second" }))
      const again = yield* forked(session.replan(writes(log, "new")))
      yield* TestClock.adjust("1 second")
      const reason = reasonOf(yield* Fiber.join(again))
      assert(reason._tag === "NotDrained")
      assert.deepStrictEqual(
        reason.leftBehind.map(({ id }) => id),
        ["s.1/a@1/a/x#1"]
      )
      assert.isFalse(session.reports()[0]!.drained)
      yield* TestClock.adjust("10 seconds")
      yield* session.fanout(writes(log, "new"))
      assert.deepStrictEqual(log, ["inner", "new"])
    })
  )
})

describe("the journal of a session", () => {
  it.effect("tells all epochs in order, under run ids of their own", () =>
    Effect.gen(function* () {
      const journal = Journal.memory()
      const scope = yield* Scope.make()
      const opened = Effect.provideService(Session.make({ id: "s", budget: { cohorts: 9 } }), Scope.Scope, scope)
      const session = yield* Effect.provideService(opened, Journal.Current, journal)
      const inner = Effect.orDie(Fanout.run(Plan.all({ x: answers(1) })))
      yield* session.fanout(Plan.all({ a: Plan.effect(inner, reads) }))
      yield* forked(session.fanout(answers(1, 5_000)))
      yield* session.replan(answers(2), { reason: "anew", despite: ["x"] })
      yield* Scope.close(scope, Exit.void)
      const seen = journal.events
        .filter(({ type }) => type.startsWith("session.") || type.startsWith("fanout."))
        .map(({ epoch, run, session, type }) => `${session} ${epoch} ${run} ${type}`)
      assert.deepStrictEqual(seen, [
        "s 0 s session.opened",
        "s 1 s.1 fanout.opened",
        "s 1 s.1/a@1 fanout.opened",
        "s 1 s.1/a@1 fanout.drained",
        "s 1 s.1/a@1 fanout.closed",
        "s 1 s.1 fanout.drained",
        "s 1 s.1 fanout.closed",
        "s 2 s.2 fanout.opened",
        "s 2 s session.replanned",
        "s 2 s.2 fanout.drained",
        "s 2 s.2 fanout.closed",
        "s 3 s.3 fanout.opened",
        "s 3 s.3 fanout.drained",
        "s 3 s.3 fanout.closed",
        "s 3 s session.closed"
      ])
      const replanned = journal.events.find((event) => event.type === "session.replanned")
      assert.deepInclude(replanned, { reason: "anew", despite: ["x"] })
      const closed = journal.events.at(-1)
      assert.deepInclude(closed, { cohorts: 3, budget: { cohorts: { limit: 9, used: 3, reserved: 0 } } })
      assert.deepStrictEqual(
        journal.events.map(({ seq }) => seq),
        journal.events.map((_, i) => i)
      )
    })
  )

  it.effect("that refuses lets nothing start, and what was reserved goes back", () =>
    Effect.gen(function* () {
      const journal = Journal.make({
        write: () => {
          throw new Error("disk full")
        },
        flush: Effect.void
      })
      const budget = { calls: 5, attempts: 5 }
      const session = yield* Effect.provideService(Session.make({ budget }), Journal.Current, journal)
      const log: Array<string> = []
      const exit = yield* Effect.exit(session.fanout(Plan.all([writes(log, "a"), Plan.settled(writes(log, "b"))])))
      assert.isTrue(Exit.isFailure(exit))
      assert.deepStrictEqual(log, [])
      assert.deepInclude(session.usage(), { calls: { limit: 5, used: 0, reserved: 0 } })
      assert.deepInclude(session.usage(), { attempts: { limit: 5, used: 0, reserved: 0 } })
    })
  )
})

describe("the outcomes of a session", () => {
  it.effect("can be read to the end after the close, and end", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const session = yield* Effect.provideService(Session.make(), Scope.Scope, scope)
      const outcomes = yield* session.outcomes
      yield* session.fanout(Plan.all({ a: answers(1), b: answers(2) }))
      yield* session.fanout(answers(3))
      yield* Scope.close(scope, Exit.void)
      const all = yield* Stream.runCollect(outcomes)
      assert.deepStrictEqual(
        all.map(({ call, epoch }) => `${epoch}${call.id}`),
        ["1/a", "1/b", "2/"]
      )
      assert.deepStrictEqual(yield* Stream.runCollect(yield* session.outcomes), [])
    })
  )

  it.effect("reach every reader, also one that replans from what it reads", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const session = yield* Session.make()
      const other = yield* session.outcomes
      const outcomes = yield* session.outcomes
      const planner = Stream.runForEach(Stream.take(outcomes, 1), () =>
        Effect.exit(session.replan(writes(log, "new", 10)))
      )
      const reading = yield* Effect.forkChild(planner, { startImmediately: true })
      yield* forked(session.fanout(Plan.all({ quick: answers(1, 10), slow: writes(log, "old", 5_000) })))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(reading)
      assert.deepStrictEqual(log, ["new"])
      const seen = yield* Stream.runCollect(Stream.take(other, 3))
      assert.deepStrictEqual(
        seen.map(({ call, runId }) => [runId.split(".")[1], call.id, call.outcome._tag]),
        [
          ["1", "/quick", "Succeeded"],
          ["1", "/slow", "Unknown"],
          ["2", "/", "Succeeded"]
        ]
      )
    })
  )
})

describe("whatever the scheduler does", () => {
  it.live("two cohorts never overlap, and a session is never stuck, with owners that are interrupted anywhere", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 300; seed++) {
        const random = prng(seed)
        /** Which plan runs, by how many of its calls: known to the calls alone. */
        const running = new Map<number, number>()
        const overlaps: Array<string> = []
        const body = (n: number) =>
          Effect.gen(function* () {
            const { runId } = yield* Attempt.current
            running.set(n, (running.get(n) ?? 0) + 1)
            if (running.size > 1) overlaps.push(`${[...running.keys()].join(" and ")} in ${runId}`)
            for (let i = 0; i < 5; i++) yield* Effect.yieldNow
            running.set(n, running.get(n)! - 1)
            if (running.get(n) === 0) running.delete(n)
          }).pipe(Effect.uninterruptible)
        const program = Effect.gen(function* () {
          const session = yield* Session.make({ budget: { calls: 1_000, cohorts: 1_000 } })
          const plan = (n: number) => Plan.all([Plan.effect(body(n), acts), Plan.effect(body(n), acts)])
          const go = yield* Deferred.make<void>()
          const fibers: Array<Fiber.Fiber<unknown, unknown>> = []
          const ask = (n: number): Effect.Effect<unknown, unknown> =>
            random.pick<Effect.Effect<unknown, unknown>>([
              session.fanout(plan(n)),
              session.replan(plan(n)),
              session.cancel()
            ])
          for (let n = 0; n < 5; n++) {
            // as soon as one is over, the next
            const owner = Effect.andThen(Effect.exit(ask(2 * n)), Effect.exit(ask(2 * n + 1)))
            fibers.push(yield* Effect.forkChild(Effect.andThen(Deferred.await(go), owner)))
          }
          yield* Deferred.succeed(go, undefined)
          for (const fiber of fibers) {
            for (let i = random.int(20); i > 0; i--) yield* Effect.yieldNow
            if (random.int(2) === 0) yield* Fiber.interrupt(fiber)
          }
          yield* Effect.forEach(fibers, Fiber.await)
          yield* session.drained
          assert.strictEqual(yield* session.fanout(answers("free")), "free", `seed ${seed}`)
          for (const { reserved } of Object.values(session.usage())) assert.strictEqual(reserved, 0, `seed ${seed}`)
        })
        yield* underSeed(seed, Effect.scoped(program))
        assert.deepStrictEqual(overlaps, [], `seed ${seed}`)
      }
    })
  )
})
