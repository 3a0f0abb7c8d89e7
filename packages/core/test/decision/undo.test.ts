/**
 * Undo, on the pure core alone: what is lost, when its undo is asked for, and what waits for it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Decision from "@toolscope/core/Decision"
import { failure, leftBehind, open, retry, stop, success, timer, undone } from "./driver.ts"

const lost = (run: ReturnType<typeof open>): ReadonlyArray<number> =>
  run.nodes.map((_, i) => i).filter((i) => Decision.scopesOf(run.state, i)[0] === i && Decision.isLost(run.state, i))

const provisional = (run: ReturnType<typeof open>): ReadonlyArray<number> =>
  run.nodes.map((_, i) => i).filter((i) => Decision.isProvisional(run.state, i))

describe("a scope", () => {
  it("is an atomic, a child of a firstSuccess, and a child of a quorum that undoes its surplus; nothing else", () => {
    const run = open({
      all: [
        { atomic: { settled: "call" } },
        { first: [{ deadline: "call" }, "call"] },
        { quorum: 1, of: ["call", "call"], surplus: "undo" },
        { quorum: 1, of: ["call", "call"] }
      ]
    })
    const scopes = run.nodes.map((_, i) => i).filter((i) => Decision.scopesOf(run.state, i)[0] === i)
    assert.deepStrictEqual(scopes, [1, 5, 7, 9, 10])
  })

  it("is listed for what it contains, inner ones first", () => {
    const run = open({ atomic: { first: [{ all: ["call", { atomic: "call" }] }, "call"] } })
    assert.deepStrictEqual(Decision.scopesOf(run.state, 5), [4, 2, 0])
    assert.deepStrictEqual(Decision.scopesOf(run.state, 3), [2, 0])
    assert.deepStrictEqual(Decision.scopesOf(run.state, 1), [0])
    assert.deepStrictEqual(Decision.scopesOf(open({ all: ["call"] }).state, 1), [])
  })
})

describe("atomic", () => {
  it("decides what its child decides", () => {
    const good = open({ atomic: "call" })
    assert.deepStrictEqual(good.step(success(1)), ["decided 0"])
    assert.deepStrictEqual(good.decided(0), ["succeeded", [1]])
    const bad = open({ atomic: "call" })
    assert.deepStrictEqual(bad.step(failure(1)), ["decided 0"])
    assert.deepStrictEqual(bad.decided(0), ["failed", [1]])
  })

  it("that succeeds keeps what was done below it", () => {
    const run = open({ atomic: { all: ["call", "call"] } })
    run.step(success(2, "undoable"))
    assert.deepStrictEqual(provisional(run), [2])
    assert.deepStrictEqual(run.step(success(3, "undoable")), ["decided 1", "decided 0"])
    assert.deepStrictEqual(provisional(run), [])
    assert.isTrue(Decision.isClosed(run.state))
  })

  it("that fails is undone once nothing below it runs", () => {
    const run = open({ atomic: { all: ["call", "call"] } })
    run.step(success(2, "undoable"))
    assert.deepStrictEqual(run.step(failure(3)), ["decided 1", "decided 0", "undo 0"])
    const busy = open({ atomic: { all: ["call", "call", "call"] } })
    busy.step(success(2, "undoable"))
    assert.deepStrictEqual(busy.step(failure(3)), ["decided 1", "stop 4 by 1", "decided 0"])
    assert.deepStrictEqual(lost(busy), [0])
    assert.deepStrictEqual(busy.step(failure(4)), ["undo 0"])
  })

  it("that is stopped is undone, also what a call did after its stop", () => {
    const run = open({ all: [{ atomic: "call" }, "call"] })
    assert.deepStrictEqual(run.step(failure(3)), ["decided 0", "decided 1", "stop 2 by 0"])
    assert.deepStrictEqual(run.step(success(2, "undoable")), ["undo 1"])
    const fromAbove = open({ atomic: "call" })
    assert.deepStrictEqual(fromAbove.step(stop), ["decided 0", "stop 1 by -1"])
    assert.deepStrictEqual(fromAbove.step(failure(1, "undoable")), ["undo 0"])
  })

  it("that fails is undone in the instant of its failure together with a stop from above", () => {
    const run = open({ all: [{ settled: { atomic: "call" } }, "call"] })
    assert.deepStrictEqual(run.step(failure(3, "undoable"), stop).slice(-2), ["stop 4 by -1", "undo 2"])
  })

  it("that was never activated is not lost: nothing was done there", () => {
    const run = open({ deadline: { first: ["call", { atomic: "call" }], stagger: "infinite" } })
    run.step(timer("deadline", 0))
    assert.strictEqual(run.decided(3)[0], "skipped")
    assert.notInclude(run.step(failure(2)).join(), "undo")
  })

  it("under settled is undone although its failure is no failure above", () => {
    const run = open({ settled: { atomic: { all: ["call", "call"] } } })
    run.step(success(3, "undoable"))
    assert.deepStrictEqual(run.step(failure(4)), ["decided 2", "decided 1", "decided 0", "undo 1"])
    assert.strictEqual(run.decided(0)[0], "succeeded")
  })

  it("under a deadline is undone when its time is over", () => {
    const run = open({ deadline: { atomic: { all: ["call", "call"] } } })
    run.step(success(3, "undoable"))
    run.step(timer("deadline", 0))
    assert.deepStrictEqual(run.step(failure(4)), ["undo 1"])
  })

  it("under an advisory is undone when its grace has passed", () => {
    const run = open({ all: ["call", { advisory: { atomic: { all: ["call", "call"] } } }] })
    run.step(success(1), success(5, "undoable"))
    assert.deepStrictEqual(run.step(timer("grace", 2)), [
      "decided 2",
      "decided 3",
      "decided 4",
      "stop 6 by 2",
      "decided 0"
    ])
    assert.deepStrictEqual(run.step(failure(6)), ["undo 3"])
  })

  it("leaves alone what cannot be undone, and undoes the rest", () => {
    const run = open({ atomic: { all: ["call", "call"] } })
    run.step(success(2, "undoable"))
    assert.deepStrictEqual(run.step(failure(3, "stuck")), ["decided 1", "decided 0", "undo 0"])
    assert.deepStrictEqual(provisional(run), [2])
    const stuck = open({ atomic: "call" })
    assert.deepStrictEqual(stuck.step(failure(1, "stuck")), ["decided 0"])
    assert.isTrue(Decision.isClosed(stuck.state), "nothing is left to be undone")
  })

  it("undoes what an earlier attempt did, if the call is stopped between two attempts", () => {
    const run = open({ atomic: { all: ["call", "call"] } })
    run.step(retry(2, "undoable"))
    assert.deepStrictEqual(provisional(run), [2])
    assert.deepStrictEqual(run.step(failure(3)), ["decided 1", "drop 2 by 1", "decided 0", "undo 0"])
  })

  it("that succeeded inside of another stays provisional until the outermost decides", () => {
    const run = open({ atomic: { all: [{ atomic: "call" }, "call"] } })
    assert.deepStrictEqual(run.step(success(3, "undoable")), ["decided 2"])
    assert.deepStrictEqual(provisional(run), [3])
    assert.deepStrictEqual(run.step(failure(4)), ["decided 1", "decided 0", "undo 0"])
  })
})

describe("scopes in scopes", () => {
  it("lost together are undone together, as the outer one", () => {
    const run = open({ atomic: { all: [{ atomic: "call" }, "call"] } })
    run.step(success(4, "undoable"))
    assert.deepStrictEqual(run.step(failure(3, "undoable")), ["decided 2", "decided 1", "decided 0", "undo 0"])
  })

  it("the inner one is undone while the outer one goes on; the outer one takes what the inner one left", () => {
    const run = open({ atomic: { all: [{ settled: { atomic: "call" } }, "call", "call"] } })
    assert.deepStrictEqual(run.step(failure(4, "undoable")), ["decided 3", "decided 2", "undo 3"])
    run.step(success(5, "undoable"))
    assert.deepStrictEqual(run.step(failure(6)), ["decided 1", "decided 0", "undo 0"])
    assert.isFalse(Decision.isClosed(run.state))
    assert.deepStrictEqual(provisional(run), [4, 5])
    run.step(undone(0))
    assert.deepStrictEqual(provisional(run), [4])
    run.step(undone(3))
    assert.isTrue(Decision.isClosed(run.state))
  })

  it("the inner one at rest does not wait for the outer one", () => {
    const run = open({ atomic: { all: [{ atomic: "call" }, "call", "call"] } })
    assert.deepStrictEqual(run.step(failure(3, "undoable")), [
      "decided 2",
      "decided 1",
      "stop 4 by 1",
      "stop 5 by 1",
      "decided 0",
      "undo 2"
    ])
    run.step(failure(4))
    assert.deepStrictEqual(run.step(failure(5)), [], "the inner one took everything")
  })
})

describe("the end of an undo", () => {
  it("is awaited: a fan-out is not closed before", () => {
    const run = open({ atomic: "call" })
    run.step(failure(1, "undoable"))
    assert.isFalse(Decision.isClosed(run.state))
    assert.deepStrictEqual(provisional(run), [1])
    assert.deepStrictEqual(run.step(undone(0)), [])
    assert.isTrue(Decision.isClosed(run.state))
    assert.deepStrictEqual(provisional(run), [])
  })

  it("fixes what was done even if it failed", () => {
    const run = open({ atomic: "call" })
    run.step(failure(1, "undoable"))
    run.step(undone(0, "failure"))
    assert.isTrue(Decision.isClosed(run.state))
    assert.deepStrictEqual(provisional(run), [])
  })

  it("that comes twice, or that nobody waits for, changes nothing", () => {
    const run = open({ first: [{ atomic: { all: ["call", "call"] } }, "call"], stagger: "infinite" })
    const before = Decision.wholeKey(run.state)
    assert.deepStrictEqual(run.step(undone(1, "failure")), [])
    assert.strictEqual(Decision.wholeKey(run.state), before)
    run.step(success(3, "undoable"))
    run.step(failure(4))
    assert.deepStrictEqual(run.step(undone(1)), ["queued 5", "start 5"])
    assert.deepStrictEqual(run.step(undone(1, "failure")), [])
    assert.strictEqual(run.decided(0)[0], undefined)
  })

  it("is no stop: a stop from above lets it run", () => {
    const run = open({ all: [{ settled: { atomic: "call" } }, "call"] })
    run.step(failure(3, "undoable"))
    assert.deepStrictEqual(run.step(stop), ["decided 0", "stop 4 by -1"])
    run.step(failure(4))
    assert.isFalse(Decision.isClosed(run.state))
    run.step(undone(2))
    assert.isTrue(Decision.isClosed(run.state))
  })
})

describe("firstSuccess", () => {
  it("undoes everything but the winner", () => {
    const run = open({ first: ["call", "call", "call"] })
    assert.deepStrictEqual(run.step(success(2, "undoable")), ["decided 0", "stop 1 by 0", "stop 3 by 0"])
    assert.deepStrictEqual([lost(run), provisional(run)], [[1, 3], []])
    assert.deepStrictEqual(run.step(success(1, "undoable")), ["undo 1"])
    assert.deepStrictEqual(run.step(failure(3)), [])
  })

  it("undoes one that failed at once, while the others run", () => {
    const run = open({ first: ["call", "call"] })
    assert.deepStrictEqual(run.step(failure(1, "undoable")), ["undo 1"])
    assert.strictEqual(run.decided(0)[0], undefined)
    assert.deepStrictEqual(run.step(success(2, "undoable")), ["decided 0"])
    assert.isFalse(Decision.isClosed(run.state))
  })

  it("undoes all when all have failed", () => {
    const run = open({ first: ["call", "call"] })
    assert.deepStrictEqual(run.step(failure(1, "undoable"), failure(2, "undoable")), ["decided 0", "undo 1", "undo 2"])
  })

  it("undoes all when it is stopped", () => {
    const run = open({ first: ["call", "call"] })
    run.step(stop)
    assert.deepStrictEqual(run.step(success(1, "undoable"), success(2, "undoable")), ["undo 1", "undo 2"])
  })

  it("keeps what failed inside of its winner", () => {
    const run = open({ first: [{ all: ["call", { advisory: "call" }] }, "call"] })
    run.step(failure(4, "undoable"))
    run.step(success(2))
    assert.deepStrictEqual([run.decided(0), lost(run), provisional(run)], [["succeeded", [1]], [5], []])
  })

  it("undoes its winner when what is around it is lost", () => {
    const run = open({ atomic: { all: [{ first: ["call", "call"] }, "call"] } })
    run.step(success(3, "undoable"), failure(4))
    assert.deepStrictEqual(provisional(run), [3])
    assert.deepStrictEqual(run.step(failure(5)), ["decided 1", "decided 0", "undo 0"])
  })

  it("fails when the undo of one that failed fails, even while others run", () => {
    const run = open({ first: ["call", "call"] })
    run.step(failure(1, "undoable"))
    assert.deepStrictEqual(run.step(undone(1, "failure")), ["decided 0", "stop 2 by 0"])
    assert.deepStrictEqual(run.decided(0), ["failed", [1]])
  })

  it("a success in the instant of a failing undo wins", () => {
    const run = open({ first: ["call", "call"] })
    run.step(failure(1, "undoable"))
    run.step(undone(1, "failure"), success(2))
    assert.deepStrictEqual(run.decided(0), ["succeeded", [2]])
  })

  it("goes on when an undo fails inside of a child that may still win, and fails when that one fails", () => {
    const run = open({ first: [{ all: [{ settled: { atomic: "call" } }, "call"] }, "call"] })
    assert.deepStrictEqual(run.step(failure(4, "undoable")), ["decided 3", "decided 2", "undo 3"])
    assert.deepStrictEqual(run.step(undone(3, "failure")), [])
    assert.deepStrictEqual(run.step(failure(5)), ["decided 1", "decided 0", "stop 6 by 0"])
    assert.deepStrictEqual(run.decided(0), ["failed", [1]])
  })

  it("with a stagger starts the next without waiting for the undo of the failed one", () => {
    const run = open({ first: ["call", "call"], stagger: "timed" })
    assert.deepStrictEqual(run.step(failure(1, "undoable")), ["queued 2", "undo 1", "start 2"])
  })

  it("with an infinite stagger starts the next only when the failed one has drained and been undone", () => {
    const run = open({ first: [{ all: ["call", "call"] }, "call"], stagger: "infinite" })
    run.step(failure(2))
    assert.deepStrictEqual(run.step(success(3, "undoable")), ["undo 1"])
    assert.deepStrictEqual(run.step(undone(1)), ["queued 4", "start 4"])
  })

  it("with an infinite stagger waits for an undo inside of the failed one that had begun before", () => {
    const run = open({
      first: [{ all: [{ settled: { atomic: "call" } }, "call"] }, "call"],
      stagger: "infinite"
    })
    run.step(failure(4, "undoable"))
    assert.deepStrictEqual(run.step(failure(5)), ["decided 1"], "3 is still being undone")
    assert.deepStrictEqual(run.step(undone(3)), ["queued 6", "start 6"])
  })

  it("with an infinite stagger fails when the undo it waits for fails", () => {
    const run = open({ first: ["call", "call"], stagger: "infinite" })
    run.step(failure(1, "undoable"))
    assert.deepStrictEqual(run.step(undone(1, "failure")), ["decided 0", "drop 2 by 0"])
  })

  it("with an infinite stagger is stopped while it waits for an undo: the undo goes on", () => {
    const run = open({ deadline: { first: ["call", "call"], stagger: "infinite" } })
    run.step(failure(2, "undoable"))
    assert.deepStrictEqual(run.step(timer("deadline", 0)), ["drop 3 by 0", "decided 1", "decided 0"])
    assert.isFalse(Decision.isClosed(run.state))
    run.step(undone(2))
    assert.isTrue(Decision.isClosed(run.state))
  })

  it("of one child is undone when that fails", () => {
    const run = open({ first: ["call"] })
    assert.deepStrictEqual(run.step(failure(1, "undoable")), ["decided 0", "undo 1"])
  })

  it("one left behind that can be undone is undone as well", () => {
    const run = open({ first: ["call", "call"] })
    run.step(timer("timeout", 1))
    assert.deepStrictEqual(run.step(leftBehind(1, "undoable")), ["undo 1"])
  })
})

describe("a quorum that undoes its surplus", () => {
  it("undoes what it did not count, once it has succeeded", () => {
    const run = open({ quorum: 1, of: ["call", "call", "call"], surplus: "undo" })
    assert.deepStrictEqual(run.step(failure(3, "undoable")), [])
    assert.deepStrictEqual(provisional(run), [3])
    assert.deepStrictEqual(run.step(success(1, "undoable"), success(2, "undoable")), ["decided 0", "undo 2", "undo 3"])
    assert.deepStrictEqual(
      [lost(run), provisional(run)],
      [
        [2, 3],
        [2, 3]
      ]
    )
  })

  it("undoes what a stopped one did", () => {
    const run = open({ quorum: 1, of: ["call", "call"], surplus: "undo" })
    run.step(success(1, "undoable"))
    assert.deepStrictEqual(run.step(success(2, "undoable")), ["undo 2"])
  })

  it("that fails, or is stopped, keeps what was done", () => {
    const failed = open({ quorum: 2, of: ["call", "call"], surplus: "undo" })
    failed.step(success(1, "undoable"))
    failed.step(failure(2, "undoable"))
    assert.deepStrictEqual([failed.decided(0)[0], lost(failed), provisional(failed)], ["failed", [], []])
    const stopped = open({ quorum: 2, of: ["call", "call"], surplus: "undo" })
    stopped.step(success(1, "undoable"), stop)
    assert.deepStrictEqual(stopped.step(failure(2, "undoable")), [])
    assert.deepStrictEqual([lost(stopped), provisional(stopped)], [[], []])
  })

  it("undoes those that succeeded and did not agree", () => {
    const votes = [0, 7, 8, 7]
    const run = open(
      { quorum: 2, of: ["call", "call", "call"], agree: true, surplus: "undo" },
      { agrees: (_quorum, a, b) => votes[a] === votes[b] }
    )
    run.step(success(1, "undoable"), success(2, "undoable"))
    assert.deepStrictEqual(run.step(success(3, "undoable")), ["decided 0", "undo 2"])
  })

  it("a quorum that does not, keeps its surplus", () => {
    const run = open({ quorum: 1, of: ["call", "call"] })
    run.step(success(1, "undoable"), success(2, "undoable"))
    assert.deepStrictEqual(provisional(run), [])
    assert.isTrue(Decision.isClosed(run.state))
  })
})

describe("the order of a step", () => {
  it("stops come before undos, and undos before starts", () => {
    const run = open({ all: [{ first: ["call", "call"], stagger: "timed" }, { settled: { atomic: "call" } }] })
    const asked = run.step(failure(2, "undoable"), failure(6, "undoable"))
    assert.deepStrictEqual(asked, ["decided 5", "decided 4", "queued 3", "undo 2", "undo 5", "start 3"])
    const stops = open({ atomic: { all: [{ settled: { first: ["call", "call"] } }, "call"] } })
    assert.deepStrictEqual(stops.step(failure(4, "undoable"), failure(6)), [
      "decided 1",
      "decided 2",
      "decided 3",
      "stop 5 by 1",
      "decided 0",
      "undo 4"
    ])
  })

  it("an undo holds no permit", () => {
    const run = open({ all: [{ settled: { atomic: "call" } }, "call"] }, { concurrency: 1 })
    assert.deepStrictEqual(run.step(failure(3, "undoable")), ["decided 2", "decided 1", "undo 2", "start 4"])
  })

  it("an undo that ends in the instant of a stop or a deadline is known to what they decide", () => {
    const run = open({ deadline: { first: ["call", "call"], stagger: "infinite" } })
    run.step(failure(2, "undoable"))
    assert.deepStrictEqual(run.step(timer("deadline", 0), undone(2)), [
      "queued 3",
      "drop 3 by 0",
      "decided 1",
      "decided 0"
    ])
  })
})

describe("whether an outcome is fixed", () => {
  it("a call that did nothing, or nothing that can be undone, is never provisional", () => {
    const run = open({ atomic: { all: ["call", "call", "call"] } })
    run.step(success(2), success(3, "stuck"))
    assert.deepStrictEqual(provisional(run), [])
  })

  it("a call outside of every scope is never provisional", () => {
    const run = open({ all: ["call", "call"] })
    run.step(success(1, "undoable"))
    assert.deepStrictEqual(provisional(run), [])
  })

  it("the winner of a race is fixed when the race is decided, in a surrounding atomic when that is", () => {
    const run = open({ atomic: { all: [{ first: ["call", "call"] }, "call"] } })
    run.step(success(3, "undoable"))
    assert.deepStrictEqual(provisional(run), [3])
    run.step(failure(4))
    run.step(success(5))
    assert.deepStrictEqual(provisional(run), [])
  })
})
