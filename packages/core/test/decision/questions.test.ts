/**
 * What waiting for people means to the decision core: who holds a permit, what is suspended, and which deadlines run.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Decision from "@toolscope/core/Decision"
import { failure, open, stop, success, timer } from "./driver.ts"

const asks = (node: number): Decision.Event => ({ type: "asks", node })
const answered = (node: number): Decision.Event => ({ type: "answered", node })

describe("a call that waits for an answer", () => {
  it("gives its permit to the next, and goes on when it has one again", () => {
    const run = open({ all: ["call", "call"] }, { concurrency: 1 })
    assert.deepStrictEqual(run.step(asks(1)), ["start 2"])
    assert.strictEqual(Decision.phase(run.state, 1), "waiting")
    assert.deepStrictEqual(run.step(answered(1)), ["queued 1"])
    assert.strictEqual(Decision.phase(run.state, 1), "returning")
    assert.deepStrictEqual(run.step(success(2)), ["resume 1"])
    assert.strictEqual(Decision.live(run.state), 1)
    run.step(success(1))
    assert.isTrue(Decision.isClosed(run.state))
  })

  it("is told to stop, also while it waits for its permit, and is waited for", () => {
    for (const before of [[asks(1)], [asks(1), answered(1)]]) {
      const run = open({ all: ["call", "call", "call"] }, { concurrency: 1 })
      for (const event of before) run.step(event)
      assert.deepStrictEqual(run.step(failure(2)).slice(0, 2), ["decided 0", "stop 1 by 0"])
      assert.strictEqual(Decision.phase(run.state, 1), "leaving")
      assert.isFalse(Decision.isClosed(run.state))
      run.step(failure(1))
      assert.isTrue(Decision.isClosed(run.state))
    }
  })

  it("cannot be answered after its stop", () => {
    const run = open("call")
    run.step(asks(0))
    assert.deepStrictEqual(run.step(stop, answered(0)), ["queued 0", "stop 0 by -1"])
    assert.deepStrictEqual(run.step(answered(0)), [])
    assert.strictEqual(Decision.phase(run.state, 0), "leaving")
  })

  it("may end without its answer", () => {
    const run = open("call")
    run.step(asks(0))
    run.step(success(0))
    assert.strictEqual(Decision.verdict(run.state, 0), "succeeded")
    assert.isTrue(Decision.isClosed(run.state))
  })

  it("leaves the line when it ends without its answer: a further attempt stands in it once", () => {
    const run = open({ all: ["call", "call", "call", "call"] }, { concurrency: 1 })
    const retry = (node: number): Decision.Event => ({ type: "ended", node, result: "retry", acted: "no" })
    const each = <A>(f: (node: number) => A): ReadonlyArray<A> => [1, 2, 3].map(f)
    for (const event of each(asks)) run.step(event)
    run.step(...each(answered))
    run.step(...each(retry))
    run.step(...each((node) => timer("retryDue", node)))
    assert.deepStrictEqual(run.step(success(4)), ["start 1"])
    assert.deepStrictEqual(run.step(success(1)), ["start 2"])
    assert.deepStrictEqual(run.step(success(2)), ["start 3"])
    run.step(success(3))
    assert.isTrue(Decision.isClosed(run.state))
  })

  it("does not time out", () => {
    const run = open("call")
    run.step(asks(0))
    assert.deepStrictEqual(run.step(timer("timeout", 0)), [])
  })
})

describe("a node is suspended", () => {
  const isSuspended = (run: ReturnType<typeof open>): boolean => Decision.isSuspended(run.state, 0)

  it("when one below it waits, and no other is queued or runs", () => {
    const run = open({ all: ["call", "call"] })
    run.step(asks(1))
    assert.isFalse(isSuspended(run))
    run.step(success(2))
    assert.isTrue(isSuspended(run))
    run.step(answered(1))
    assert.isFalse(isSuspended(run))
  })

  it("not while a stagger or a grace runs", () => {
    const race = open({ first: ["call", "call"], stagger: "timed" })
    race.step(asks(1))
    assert.isFalse(isSuspended(race))
    race.step(timer("stagger", 0))
    race.step(asks(2))
    assert.isTrue(isSuspended(race))
    const grace = open({ all: ["call", { advisory: "call" }] })
    grace.step(asks(3))
    assert.isFalse(isSuspended(grace))
    grace.step(success(1))
    assert.isFalse(isSuspended(grace))
  })
})

describe("a deadline", () => {
  it("does not run while its node is suspended", () => {
    const run = open({ all: [{ deadline: { all: ["call", "call"] } }, "call"] })
    assert.deepStrictEqual(run.step(asks(3)), [])
    assert.deepStrictEqual(run.step(success(4)), ["pause 1"])
    assert.deepStrictEqual(run.step(timer("deadline", 1)), [])
    assert.deepStrictEqual(run.step(answered(3)), ["queued 3", "resume 3", "proceed 1"])
    assert.include(run.step(timer("deadline", 1)), "stop 3 by 1")
  })

  it("runs while something else below it goes on", () => {
    const run = open({ deadline: { all: ["call", "call"] } })
    run.step(asks(2))
    assert.include(run.step(timer("deadline", 0)), "stop 2 by 0")
  })
})
