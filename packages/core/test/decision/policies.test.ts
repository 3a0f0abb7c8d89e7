/**
 * The rule of each policy, on the pure core alone: when it decides, by whom, and what it stops.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Decision from "@toolscope/core/Decision"
import { failure, leftBehind, open, retry, stop, success, timer } from "./driver.ts"

describe("all", () => {
  it("succeeds with its last essential child", () => {
    const run = open({ all: ["call", "call"] })
    assert.deepStrictEqual(run.opened, ["queued 1", "queued 2", "start 1", "start 2"])
    assert.deepStrictEqual(run.step(success(2)), [])
    assert.deepStrictEqual(run.step(success(1)), ["decided 0"])
    assert.deepStrictEqual(run.decided(0), ["succeeded", [1, 2]])
  })

  it("fails with its first essential failure, and stops the rest (K6)", () => {
    const run = open({ all: ["call", "call", "call"] })
    run.step(success(1))
    assert.deepStrictEqual(run.step(failure(3)), ["decided 0", "stop 2 by 0"])
    assert.deepStrictEqual(run.decided(0), ["failed", [3]])
    assert.isFalse(Decision.isClosed(run.state), "the stopped one still runs")
    run.step(success(2))
    assert.isTrue(Decision.isClosed(run.state))
    assert.strictEqual(Decision.verdict(run.state, 2), "none", "what comes after the stop is no verdict")
  })

  it("names every failure of the instant that decided it, in plan order", () => {
    const run = open({ all: ["call", "call", "call"] })
    run.step(failure(3), failure(1), success(2))
    assert.deepStrictEqual(run.decided(0), ["failed", [1, 3]])
  })

  it("of nothing succeeds when it is activated", () => {
    const run = open({ all: [] })
    assert.deepStrictEqual(run.opened, ["decided 0"])
    assert.isTrue(Decision.isClosed(run.state))
  })
})

describe("advisory", () => {
  it("never fails its parent: none when it fails, some when it succeeds", () => {
    const run = open({ all: ["call", { advisory: "call" }, { advisory: "call" }] })
    assert.deepStrictEqual(run.step(failure(3), success(5)), ["decided 4", "decided 2"])
    assert.deepStrictEqual([run.decided(2)[0], run.decided(4)[0]], ["none", "some"])
    assert.deepStrictEqual(run.step(success(1)), ["decided 0"])
    assert.deepStrictEqual(run.decided(0), ["succeeded", [1, 4]])
  })

  it("has its grace from the success of the last essential sibling, then it is stopped", () => {
    const run = open({ all: ["call", "call", { advisory: "call" }] })
    assert.deepStrictEqual(run.step(success(1)), [])
    assert.deepStrictEqual(run.step(success(2)), ["arm grace 3"])
    assert.deepStrictEqual(run.step(timer("grace", 3)), ["decided 3", "stop 4 by 3", "decided 0"])
    assert.deepStrictEqual(run.decided(3), ["none", "grace"])
    assert.deepStrictEqual(run.decided(0), ["succeeded", [1, 2]])
  })

  it("that answers in the instant of its grace still counts", () => {
    const run = open({ all: ["call", { advisory: "call" }] })
    run.step(success(1))
    run.step(timer("grace", 2), success(3))
    assert.strictEqual(run.decided(2)[0], "some")
  })

  it("without an essential sibling runs to its end: no grace is armed", () => {
    const run = open({ all: [{ advisory: "call" }, { advisory: "call" }] })
    assert.notInclude(run.opened.join(), "grace")
    assert.deepStrictEqual(run.step(success(2)), ["decided 1"])
    assert.deepStrictEqual(run.step(failure(4)), ["decided 3", "decided 0"])
    assert.deepStrictEqual(run.decided(0), ["succeeded", [1]])
  })

  it("is stopped when an essential sibling fails", () => {
    const run = open({ all: ["call", { advisory: "call" }] })
    assert.deepStrictEqual(run.step(failure(1)), ["decided 0", "decided 2", "stop 3 by 0"])
    assert.deepStrictEqual(run.decided(2), ["stopped", "stop"])
  })
})

describe("quorum", () => {
  it("succeeds with its nth success, and stops the rest (Z1)", () => {
    const run = open({ quorum: 2, of: ["call", "call", "call", "call"] })
    run.step(success(4))
    run.step(failure(1))
    assert.deepStrictEqual(run.step(success(2)), ["decided 0", "stop 3 by 0"])
    assert.deepStrictEqual(run.decided(0), ["succeeded", [2, 4]])
  })

  it("fails as soon as fewer than n can succeed, naming the failures (Z2)", () => {
    const run = open({ quorum: 2, of: ["call", "call", "call"] })
    run.step(failure(1))
    assert.deepStrictEqual(run.step(failure(3)), ["decided 0", "stop 2 by 0"])
    assert.deepStrictEqual(run.decided(0), ["failed", [1, 3]])
  })

  it("counts exactly n of an instant that has more: earlier instants first, then plan order", () => {
    const run = open({ quorum: 2, of: ["call", "call", "call", "call"] })
    run.step(success(4))
    run.step(success(3), success(2), success(1))
    assert.deepStrictEqual(run.decided(0), ["succeeded", [1, 4]])
    assert.deepStrictEqual(
      [1, 2, 3, 4].map((call) => Decision.used(run.state, call)),
      [true, false, false, true]
    )
  })

  it("succeeds in an instant that has enough successes, whatever fails beside them", () => {
    const run = open({ quorum: 1, of: ["call", "call"] })
    run.step(failure(1), success(2))
    assert.deepStrictEqual(run.decided(0), ["succeeded", [2]])
  })

  it("that must agree waits for n that agree", () => {
    const votes = [0, 7, 8, 7, 8]
    const run = open(
      { quorum: 2, of: ["call", "call", "call", "call"], agree: true },
      {
        agrees: (_quorum, a, b) => votes[a] === votes[b]
      }
    )
    run.step(success(1))
    assert.deepStrictEqual(run.step(success(2)), [], "two, but they differ")
    assert.deepStrictEqual(run.step(success(3)), ["decided 0", "stop 4 by 0"])
    assert.deepStrictEqual(run.decided(0), ["succeeded", [1, 3]])
  })

  it("that must agree fails as soon as n cannot agree any more", () => {
    const run = open({ quorum: 2, of: ["call", "call", "call"], agree: true }, { agrees: () => false })
    run.step(success(1))
    run.step(success(2))
    assert.deepStrictEqual(run.step(success(3)), ["decided 0"])
    assert.deepStrictEqual(run.decided(0), ["failed", [1, 2, 3]])
  })

  it("takes the first group of the plan where two groups are complete in one instant", () => {
    const votes = [0, 7, 8, 8, 7]
    const run = open(
      { quorum: 2, of: ["call", "call", "call", "call"], agree: true },
      {
        agrees: (_quorum, a, b) => votes[a] === votes[b]
      }
    )
    run.step(success(3), success(2), success(4), success(1))
    assert.deepStrictEqual(run.decided(0), ["succeeded", [1, 4]])
  })
})

describe("firstSuccess", () => {
  it("is won by the first success; everything else is stopped", () => {
    const run = open({ first: ["call", "call", "call"] })
    run.step(failure(1))
    assert.deepStrictEqual(run.step(success(3)), ["decided 0", "stop 2 by 0"])
    assert.deepStrictEqual(run.decided(0), ["succeeded", [3]])
  })

  it("a success in the same instant as a failure wins, even as one whose effect is stuck", () => {
    const run = open({ first: ["call", "call"] })
    run.step(failure(1, "stuck"), success(2))
    assert.deepStrictEqual(run.decided(0), ["succeeded", [2]])
  })

  it("of two successes of an instant the first in the plan wins", () => {
    const run = open({ first: ["call", "call"] })
    run.step(success(2), success(1))
    assert.deepStrictEqual(run.decided(0), ["succeeded", [1]])
  })

  it("fails when all have failed", () => {
    const run = open({ first: ["call", "call"] })
    run.step(failure(2))
    run.step(failure(1))
    assert.deepStrictEqual(run.decided(0), ["failed", [1, 2]])
  })

  it("fails when the effect of one that failed cannot be undone, even while others run", () => {
    const run = open({ first: ["call", "call"] })
    assert.deepStrictEqual(run.step(failure(1, "stuck")), ["decided 0", "stop 2 by 0"])
    assert.deepStrictEqual(run.decided(0), ["failed", [1]])
  })

  it("with a stagger starts one more each time it elapses and each time one fails, and arms it anew", () => {
    const run = open({ first: ["call", "call", "call", "call"], stagger: "timed" })
    assert.deepStrictEqual(run.opened, ["arm stagger 0", "queued 1", "start 1"])
    assert.deepStrictEqual(run.step(timer("stagger", 0)), ["queued 2", "arm stagger 0", "start 2"])
    assert.deepStrictEqual(run.step(failure(2)), ["queued 3", "arm stagger 0", "start 3"])
    assert.deepStrictEqual(run.step(failure(1)), ["queued 4", "start 4"], "none is left to be staggered")
    assert.deepStrictEqual(run.step(failure(3)), [])
    assert.deepStrictEqual(run.step(success(4)), ["decided 0"])
  })

  it("with an infinite stagger starts the next only when the failed one has drained, its rest included", () => {
    const run = open({ first: [{ all: ["call", "call"] }, "call"], stagger: "infinite" })
    assert.deepStrictEqual(run.opened, ["queued 2", "queued 3", "start 2", "start 3"])
    assert.deepStrictEqual(run.step(failure(2)), ["decided 1", "stop 3 by 1"])
    assert.deepStrictEqual(run.step(failure(3)), ["queued 4", "start 4"])
  })

  it("with an infinite stagger fails when the rest of a failed one succeeded in acting, and cannot be undone", () => {
    const run = open({ first: [{ all: ["call", "call"] }, "call"], stagger: "infinite" })
    run.step(failure(2))
    assert.deepStrictEqual(run.step(success(3, "stuck")), ["decided 0", "drop 4 by 0"])
    assert.deepStrictEqual(run.decided(0), ["failed", [1]])
  })

  it("with an infinite stagger goes on after a reader that was left behind, and gives up after an actor", () => {
    const reader = open({ first: ["call", "call"], stagger: "infinite" })
    assert.deepStrictEqual(reader.step(leftBehind(1)), ["queued 2", "start 2"])
    const actor = open({ first: ["call", "call"], stagger: "infinite" })
    assert.deepStrictEqual(actor.step(leftBehind(1, "stuck")), ["decided 0", "drop 2 by 0"])
  })
})

describe("settled", () => {
  it("succeeds when its child has decided, whatever that is; the child's own rule still stops its rest", () => {
    const run = open({ all: [{ settled: { all: ["call", "call"] } }, "call"] })
    assert.deepStrictEqual(run.step(failure(3)), ["decided 2", "stop 4 by 2", "decided 1"])
    assert.deepStrictEqual(run.decided(1), ["succeeded", [2]])
    assert.strictEqual(run.decided(0)[0], undefined, "its sibling is not touched")
  })
})

describe("deadline", () => {
  it("decides what its child decides", () => {
    const run = open({ deadline: "call" })
    assert.deepStrictEqual(run.opened, ["deadline 0", "queued 1", "start 1"])
    run.step(success(1))
    assert.deepStrictEqual(run.decided(0), ["succeeded", [1]])
  })

  it("fails the undecided calls below it; nodes decide by their own rules, bottom up", () => {
    const run = open({ deadline: { all: [{ quorum: 1, of: ["call", "call"] }, "call"] } })
    run.step(success(3))
    assert.deepStrictEqual(run.step(timer("deadline", 0)), ["stop 5 by 0", "decided 1", "decided 0"])
    assert.deepStrictEqual(
      [run.decided(2)[0], run.decided(1), run.decided(0)],
      ["succeeded", ["failed", "deadline"], ["failed", "deadline"]]
    )
    assert.strictEqual(Decision.verdict(run.state, 5), "failed")
  })

  it("skips what was never activated, which then cannot succeed", () => {
    const run = open({ deadline: { first: ["call", { all: ["call"] }], stagger: "infinite" } })
    const asked = run.step(timer("deadline", 0))
    assert.deepStrictEqual(
      asked,
      ["stop 2 by 0", "drop 4 by 0", "decided 3", "decided 1", "decided 0"].sort(
        (a, b) => asked.indexOf(a) - asked.indexOf(b)
      )
    )
    assert.deepStrictEqual([run.decided(3)[0], run.decided(1)[0]], ["skipped", "failed"])
    assert.notInclude(asked.join(), "start")
  })

  it("lets what has advisories left succeed without them", () => {
    const run = open({ deadline: { all: ["call", { advisory: "call" }] } })
    run.step(success(2))
    run.step(timer("deadline", 0))
    assert.deepStrictEqual([run.decided(3), run.decided(0)[0]], [["none", "deadline"], "succeeded"])
  })

  it("an answer of its instant still counts; an inner deadline is taken before an outer one", () => {
    const run = open({ deadline: "call" })
    run.step(timer("deadline", 0), success(1))
    assert.strictEqual(run.decided(0)[0], "succeeded")
    const nested = open({ deadline: { first: [{ deadline: "call" }, "call"], stagger: "infinite" } })
    nested.step(timer("deadline", 0), timer("deadline", 2))
    assert.deepStrictEqual([nested.decided(2), nested.decided(0)[0]], [["failed", "deadline"], "failed"])
  })
})

describe("permits, retries and stops", () => {
  it("calls wait for a permit first come first served; one that stops holds its permit, one left behind gives it back", () => {
    const run = open({ all: [{ settled: "call" }, { settled: "call" }, { settled: "call" }] }, { concurrency: 1 })
    assert.deepStrictEqual(run.opened, ["queued 2", "queued 4", "queued 6", "start 2"])
    assert.deepStrictEqual(run.step(timer("timeout", 2)), ["stop 2 by 2"])
    assert.deepStrictEqual(run.step(leftBehind(2)), ["decided 1", "start 4"])
    assert.deepStrictEqual(run.step(success(4)), ["decided 3", "start 6"])
  })

  it("a retry gives its permit back and queues again, behind those that wait", () => {
    const run = open({ all: ["call", "call"] }, { concurrency: 1 })
    assert.deepStrictEqual(run.step(retry(1)), ["start 2"])
    assert.deepStrictEqual(run.step(timer("retryDue", 1)), ["queued 1"])
    assert.deepStrictEqual(run.step(success(2)), ["start 1"])
    assert.deepStrictEqual(run.step(success(1)), ["decided 0"])
  })

  it("a stop in the instant of a retry, of a permit or of a stagger: nothing starts", () => {
    const due = open({ all: ["call", "call"] }, { concurrency: 1 })
    due.step(retry(1))
    assert.deepStrictEqual(due.step(timer("retryDue", 1), stop, success(2)).slice(-2), ["decided 0", "drop 1 by -1"])
    const race = open({ first: ["call", "call"], stagger: "timed" })
    const asked = race.step(stop, timer("stagger", 0))
    assert.notInclude(asked.join(), "start")
    assert.strictEqual(race.decided(0)[0], "stopped")
  })

  it("a stop comes after the ends and the timers of its instant: a root decided by them stays decided", () => {
    const run = open({ all: ["call", "call"] })
    run.step(stop, success(1), success(2))
    assert.strictEqual(run.decided(0)[0], "succeeded")
    const late = open({ deadline: "call" })
    late.step(stop, timer("deadline", 0))
    assert.deepStrictEqual(late.decided(0), ["failed", "deadline"])
  })

  it("a timeout stops its attempt and decides nothing until that has ended", () => {
    const run = open("call")
    assert.deepStrictEqual(run.step(timer("timeout", 0)), ["stop 0 by 0"])
    assert.strictEqual(run.decided(0)[0], undefined)
    assert.deepStrictEqual(run.step(timer("timeout", 0)), [], "once")
    run.step(failure(0))
    assert.strictEqual(Decision.verdict(run.state, 0), "failed")
  })
})
