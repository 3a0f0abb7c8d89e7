/**
 * Ctrl-C and its kin: the first drains, the second leaves.
 */
import { assert, describe, it } from "@effect/vitest"
import { call, child, fixture, folder, reportOf, runPlan, toolscope } from "./command.ts"

const slow = ["--progress", "--json", "--tools", fixture("slow.ts")]

/** Sends each signal when its text stands on standard error. */
const when = (...steps: ReadonlyArray<readonly [text: string, signal: NodeJS.Signals]>) => {
  let next = 0
  return {
    onStderr: (text: string, kill: (signal: NodeJS.Signals) => void) => {
      const step = steps[next]
      if (step === undefined || !text.includes(step[0])) return
      next++
      kill(step[1])
    }
  }
}

describe("a signal", () => {
  it("stops every call, waits for it to clean up, and ends with 130 or 143 and a report", async () => {
    const plan = { plan: { all: [child("a", "polite"), child("b", "echo", { text: "x" }), child("c", "polite")] } }
    const [int, term] = await Promise.all([
      runPlan(plan, slow, when(["/c started", "SIGINT"])),
      runPlan(plan, slow, when(["/c started", "SIGTERM"]))
    ])
    for (const [done, code, signal] of [
      [int, 130, "SIGINT"],
      [term, 143, "SIGTERM"]
    ] as const) {
      const report = reportOf(done)
      assert.strictEqual(done.code, code, done.stderr)
      assert.strictEqual(report.status, "interrupted")
      assert.isTrue(report.drained)
      assert.deepStrictEqual(
        report.calls.map(({ outcome, stoppedBy }) => [outcome, stoppedBy?.source, stoppedBy?.reason]),
        [
          ["Cancelled", "user", signal],
          ["Succeeded", undefined, undefined],
          ["Cancelled", "user", signal]
        ]
      )
      assert.strictEqual(done.stderr.match(/cleaned up/g)?.length, 2)
    }
  })

  it("waits no longer than the bound: what does not end is left behind, unknown where it may have acted", async () => {
    const done = await runPlan({ plan: call("stubborn") }, slow, when(["/ started", "SIGINT"]))
    const report = reportOf(done)
    assert.strictEqual(done.code, 130)
    assert.strictEqual(report.calls[0]!.outcome, "Unknown")
    assert.isTrue(report.calls[0]!.leftBehind)
  })

  it("sent twice leaves at once, with the code of the first, and names what may still be running", async () => {
    const done = await runPlan(
      { plan: { all: [child("a", "stubborn"), child("b", "stubborn")] }, drain: "1 hour" },
      slow,
      when(["/b started", "SIGTERM"], ["/b stopped", "SIGINT"])
    )
    assert.strictEqual(done.code, 143)
    assert.include(done.stderr, "these calls may still be running: /a /b")
  })

  it("before anything has started ends with a report of nothing", async () => {
    using files = folder()
    const module = files.write("hangs.mjs", "console.log('loading'); await new Promise(() => {}); export default []")
    const done = await toolscope(["run", "-", "--json", "--tools", module], when(["loading", "SIGINT"]))
    assert.strictEqual(done.code, 130)
    assert.strictEqual(reportOf(done).status, "interrupted")
    assert.deepStrictEqual(reportOf(done).calls, [])
  })
})
