import { assert, describe, it } from "@effect/vitest"
import { Contract, Plan, Quarantine, Session, SessionError, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"

const acts = Contract.make({ effect: "mutating", interruption: "anywhere" })
const writes = (log: Array<string>, what: string, millis: number) =>
  Plan.effect(
    Effect.delay(
      Effect.sync(() => log.push(what)),
      millis
    ),
    acts
  )
/** It pays no heed to a stop, and writes after so long. */
const deaf = (log: Array<string>, what: string, millis: number, contract = acts) =>
  Plan.effect(
    Effect.uninterruptible(
      Effect.delay(
        Effect.sync(() => log.push(what)),
        millis
      )
    ),
    contract
  )
const answers = <A>(value: A, millis = 0) => Plan.effect(Effect.delay(Effect.succeed(value), millis), Contract.readOnly)

const failureOf = <A, E>(exit: Exit.Exit<A, E>): E => {
  assert(Exit.isFailure(exit))
  const fail = exit.cause.reasons.find((reason) => reason._tag === "Fail")
  assert(fail !== undefined)
  return fail.error
}
const reasonOf = <A>(exit: Exit.Exit<A, unknown>): SessionError.Reason => {
  const error = failureOf(exit)
  assert(error instanceof SessionError.SessionError, String(error))
  return error.reason
}
const forked = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.forkChild(Effect.exit(effect), { startImmediately: true })

describe("a session", () => {
  it.effect("runs one fan-out after the other, each in an epoch of its own", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ id: "s" })
      assert.strictEqual(yield* session.fanout(answers(1)), 1)
      assert.strictEqual(yield* session.fanout(answers(2)), 2)
      assert.deepStrictEqual(
        session.reports().map(({ runId }) => runId),
        ["s.1", "s.2"]
      )
    })
  )

  it.effect("refuses a fan-out while another runs, or is being stopped", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const session = yield* Session.make()
      const first = yield* forked(session.fanout(deaf(log, "old", 500)))
      assert.strictEqual(reasonOf(yield* Effect.exit(session.fanout(answers(1))))._tag, "Busy")
      const cancelled = yield* forked(session.cancel())
      assert.strictEqual(reasonOf(yield* Effect.exit(session.fanout(answers(1))))._tag, "Stopping")
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(cancelled)
      yield* Fiber.join(first)
      assert.strictEqual(yield* session.fanout(answers(1)), 1)
    })
  )

  it.effect("replans when the old plan has drained, and keeps its report", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const session = yield* Session.make()
      const plan = Plan.all({ quick: answers("kept"), slow: deaf(log, "old", 500) })
      const first = yield* forked(session.fanout(plan))
      const second = yield* forked(session.replan(writes(log, "new", 0), { reason: "changed my mind" }))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(second)
      const error = failureOf(yield* Fiber.join(first))
      assert(error._tag === "FanoutError" && error.reason._tag === "Stopped")
      assert.deepStrictEqual(error.reason.by, { source: "replan", reason: "changed my mind" })
      assert.deepStrictEqual(log, ["old", "new"])
      const [old] = session.reports()
      assert.deepInclude(old!.calls[0]!.outcome, { _tag: "Succeeded", value: "kept" })
    })
  )

  it.effect("waits for undo before it replans", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const session = yield* Session.make()
      const undo = Contract.compensable({
        compensate: () =>
          Effect.delay(
            Effect.sync(() => log.push("undone")),
            300
          )
      })
      const plan = Plan.atomic(
        Plan.all({
          a: Plan.effect(
            Effect.sync(() => log.push("done")),
            undo
          ),
          b: answers(1, 5_000)
        })
      )
      const first = yield* forked(session.fanout(plan))
      const second = yield* forked(session.replan(writes(log, "new", 0)))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(second)
      yield* Fiber.join(first)
      assert.deepStrictEqual(log, ["done", "undone", "new"])
    })
  )

  it.effect("drains once however many wait, and runs the last that asked", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const session = yield* Session.make()
      yield* forked(session.fanout(deaf(log, "old", 500)))
      const plans = yield* Effect.forEach([1, 2, 3], (n) => forked(session.replan(writes(log, `new ${n}`, 0))))
      yield* TestClock.adjust("1 second")
      const exits = yield* Effect.forEach(plans, Fiber.join)
      assert.deepStrictEqual(log, ["old", "new 3"])
      assert.deepInclude(reasonOf(exits[0]!), { _tag: "Superseded", by: "replan" })
      assert.deepInclude(reasonOf(exits[1]!), { _tag: "Superseded", by: "replan" })
      assert.isTrue(Exit.isSuccess(exits[2]!))
    })
  )

  it.effect("a plan that cannot run stops nothing", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const session = yield* Session.make()
      const first = yield* forked(session.fanout(writes(log, "old", 500)))
      const error = failureOf(yield* Effect.exit(session.replan(Plan.quorum(2, [answers(1)]))))
      assert.strictEqual(error._tag, "PlanError")
      yield* TestClock.adjust("1 second")
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(first)))
    })
  )

  it.effect("an interruption ends the wait for a drain, not the stop; the wait can be taken up again", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const session = yield* Session.make()
      yield* forked(session.fanout(deaf(log, "old", 500)))
      const owner = yield* Effect.forkChild(session.replan(writes(log, "new", 0)), { startImmediately: true })
      yield* Fiber.interrupt(owner)
      const again = yield* forked(session.drained)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(again)
      assert.deepStrictEqual(log, ["old"])
      assert.strictEqual(yield* session.fanout(answers(1)), 1)
    })
  )

  it.effect("starts nothing while something left behind may act, unless it is named", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const session = yield* Session.make()
      const first = yield* forked(session.fanout(deaf(log, "old", 10_000), { drain: "1 second" }))
      const second = yield* forked(session.replan(writes(log, "new", 0)))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(first)
      const reason = reasonOf(yield* Fiber.join(second))
      assert(reason._tag === "NotDrained")
      assert.deepStrictEqual(
        reason.leftBehind.map(({ call, tool }) => `${call} ${tool}`),
        ["/ custom"]
      )
      assert.strictEqual(reasonOf(yield* Effect.exit(session.fanout(answers(1))))._tag, "NotDrained")
      const despite = reason.leftBehind.map(({ id }) => id)
      yield* session.replan(writes(log, "new", 0), { despite })
      assert.deepStrictEqual(log, ["new"])
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* session.fanout(answers(1)), 1)
    })
  )

  it.effect("a reader that was left behind blocks nothing", () =>
    Effect.gen(function* () {
      const session = yield* Session.make()
      const first = yield* forked(session.fanout(deaf([], "read", 10_000, Contract.readOnly), { drain: "1 second" }))
      const second = yield* forked(session.replan(answers("new")))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(first)
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(second)))
      assert.strictEqual(session.quarantine.count(), 1)
    })
  )

  it.effect("tells of each call as it settles, so that a planner can plan anew", () =>
    Effect.gen(function* () {
      const session = yield* Session.make()
      const outcomes = yield* session.outcomes
      const first = yield* forked(session.fanout(Plan.all({ quick: answers(1, 10), slow: answers(2, 60_000) })))
      const seen = yield* Effect.forkChild(Stream.runHead(outcomes))
      yield* TestClock.adjust("10 millis")
      const head = yield* Fiber.join(seen)
      assert(head._tag === "Some")
      assert.deepInclude(head.value.call, { id: "/quick" })
      yield* session.replan(answers(3))
      yield* Fiber.join(first)
    })
  )

  it.effect("closed, it has drained, and refuses everything", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const scope = yield* Scope.make()
      const session = yield* Effect.provideService(Session.make(), Scope.Scope, scope)
      const first = yield* forked(session.fanout(deaf(log, "old", 500)))
      const closing = yield* forked(Scope.close(scope, Exit.void))
      assert.strictEqual(reasonOf(yield* Effect.exit(session.replan(answers(1))))._tag, "Closed")
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
      yield* Fiber.join(first)
      assert.deepStrictEqual(log, ["old"])
      assert.strictEqual(reasonOf(yield* Effect.exit(session.fanout(answers(1))))._tag, "Closed")
      assert.strictEqual(session.reports()[0]!.calls[0]!.stoppedBy!.reason, "the session was closed")
    })
  )

  it.effect("has a quarantine of its own", () =>
    Effect.gen(function* () {
      const outer = Quarantine.make()
      const session = yield* Effect.provideService(Session.make(), Quarantine.Current, outer)
      const first = yield* forked(session.fanout(deaf([], "x", 10_000), { drain: 1 }))
      yield* forked(session.cancel())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(first)
      assert.strictEqual(session.quarantine.count(), 1)
      assert.strictEqual(outer.count(), 0)
    })
  )

  it.effect("wrong settings are refused, all at once", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Session.make({
          budget: { calls: -1, wallClock: "soon" as never, costs: { usd: NaN } },
          limits: { concurrency: 0, tools: { a: 0.5 } },
          loop: 0,
          retryRatio: -1
        })
      )
      assert.deepStrictEqual(error.faults.map(({ pointer }) => pointer).sort(), [
        "/budget/calls",
        "/budget/costs/usd",
        "/budget/wallClock",
        "/limits/concurrency",
        "/limits/tools/a",
        "/loop",
        "/retryRatio"
      ])
    })
  )
})

describe("a loop of the planner", () => {
  const Search = Tool.make("search", {
    parameters: Schema.Struct({ q: Schema.String, page: Schema.optionalKey(Schema.Number) }),
    success: Schema.String,
    failure: Schema.String,
    contract: Contract.readOnly,
    handler: ({ q }) => (q === "good" ? Effect.succeed("found") : Effect.fail(`nothing for ${q}`))
  })
  const tries = (session: Session.Session, q: string, times: number) =>
    Effect.forEach(Array.from({ length: times }), () => Effect.exit(session.fanout(Plan.call(Search, { q }))))

  it.effect("the same call that fails the same way is refused, others are not", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ loop: 2 })
      const exits = yield* tries(session, "bad", 3)
      const reason = reasonOf(exits[2]!)
      assert(reason._tag === "LoopDetected")
      assert.deepInclude(reason.calls[0]!, { id: "/", tool: "search", times: 2 })
      assert.include(reason.calls[0]!.error, "nothing for bad")
      assert.strictEqual(session.epoch(), 2)
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(session.fanout(Plan.call(Search, { q: "good" })))))
      const plan = Plan.all({ ok: Plan.call(Search, { q: "good" }), no: Plan.settled(Plan.call(Search, { q: "bad" })) })
      assert.strictEqual(reasonOf(yield* Effect.exit(session.fanout(plan)))._tag, "LoopDetected")
    })
  )
})
