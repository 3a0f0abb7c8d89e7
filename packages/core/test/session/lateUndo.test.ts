/**
 * An undo that is still to come, because what it is to undo has been left behind, is a part of the old plan.
 */
import { assert, describe, it } from "@effect/vitest"
import { Commit, Contract, Fanout, Plan, Session } from "@toolscope/core"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"

const undoable = Contract.compensable({ compensate: "atCommit" })
const answers = Plan.effect(Effect.succeed(1), Contract.readOnly)
const fails = Plan.effect(Effect.delay(Effect.fail("bad"), 10), Contract.readOnly)
const deaf = Effect.uninterruptible(Effect.sleep(400))

const books = (log: Array<string>) =>
  Commit.run(
    Effect.sync(() => log.push("booked")),
    { compensate: () => Effect.sync(() => log.push("undone")) }
  )

/** Runs a plan that is lost while a part of it is left behind, and plans anew. */
const replanned = (part: Plan.Plan<unknown, unknown>, log: Array<string>) =>
  Effect.gen(function* () {
    const session = yield* Session.make({ id: "s" })
    const lost = session.fanout(Plan.atomic(Plan.all({ part, fails })), { drain: 20 })
    yield* Effect.forkChild(Effect.exit(lost), { startImmediately: true })
    yield* TestClock.adjust(50)
    const error = yield* Effect.flip(session.replan(answers))
    assert.strictEqual(error._tag === "SessionError" ? error.reason._tag : error._tag, "NotDrained")
    assert.deepStrictEqual(log, ["booked"])
    yield* TestClock.adjust("1 second")
    assert.deepStrictEqual(log, ["booked", "undone"])
    assert.strictEqual(session.quarantine.count(), 0)
    assert.strictEqual(yield* session.replan(answers), 1)
  })

describe("no plan begins before an undo that is still to come", () => {
  it.effect("of an attempt that was left behind after its gate", () =>
    Effect.suspend(() => {
      const log: Array<string> = []
      return replanned(Plan.effect(Effect.andThen(books(log), deaf), undoable), log)
    })
  )

  it.effect("of a call inside of whose handler a reader was left behind", () =>
    Effect.suspend(() => {
      const log: Array<string> = []
      const inner = Plan.quorum(1, [Plan.effect(books(log), undoable), Plan.effect(deaf, Contract.readOnly)])
      const part = Effect.orDie(Fanout.run(inner, { drain: 0 }))
      return replanned(Plan.effect(part, Contract.readOnly), log)
    })
  )
})
