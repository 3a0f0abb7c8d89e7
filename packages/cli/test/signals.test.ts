/**
 * Ctrl-C and its kin: the first drains, the second leaves at once and says what may still be under way.
 */
import { assert, describe, it } from "@effect/vitest"
import { Ajv2020 } from "ajv/dist/2020.js"
import { call, child, fixture, folder, inProcess, type Options, reportOf, runPlan, toolscope } from "./command.ts"

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

  it("leaves behind a tool that is deaf, at its bound, and prints the report", async () => {
    const done = await runPlan({ plan: call("deafActing") }, slow, when(["/ started", "SIGTERM"]))
    const report = reportOf(done)
    assert.strictEqual(done.code, 143)
    assert.deepInclude(report.calls[0], { outcome: "Unknown", leftBehind: true })
    assert.isFalse(report.drained)
    assert.include(done.stderr, "SIGTERM: waiting for 1 call to stop; once more to leave at once")
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

describe("a second signal", () => {
  const hour = { drain: "1 hour", undo: "1 hour" }

  it("leaves at once, with the code of the first, and names what may still be running and whether it may have acted", async () => {
    const all = [
      child("a", "stubborn"),
      child("b", "deafReading"),
      child("c", "deafBeforeGate"),
      child("d", "hangsAtGate"),
      child("e", "echo", { text: "x" }),
      child("f", "polite")
    ]
    const done = await runPlan(
      { plan: { all }, ...hour },
      slow,
      when(["/f started", "SIGTERM"], ["/f has stopped", "SIGINT"])
    )
    assert.strictEqual(done.code, 143)
    const said = done.stderr.slice(done.stderr.indexOf("toolscope: left at once"))
    assert.deepStrictEqual(said.trimEnd().split(/ {2,}|\n +|\n/), [
      "toolscope: left at once (SIGTERM); these have not ended, and what they have sent may still happen:",
      ...["call", "tool", "state"],
      ...["/a", "stubborn", "may have acted"],
      ...["/b", "deafReading", "only reads"],
      ...["/c", "deafBeforeGate", "had not passed its gate"],
      ...["/d", "hangsAtGate", "may have acted"]
    ])
    const report = reportOf(done)
    assert.strictEqual(report.status, "interrupted")
    assert.isFalse(report.drained)
    assert.deepStrictEqual(
      report.calls.map((c) => [c.id, c.outcome, c.leftBehind, c.effects.map(({ state }) => state).join()]),
      [
        ["/a", "Unknown", true, "unknown"],
        ["/b", "Cancelled", true, ""],
        ["/c", "Cancelled", true, ""],
        ["/d", "Unknown", true, "unknown"],
        ["/e", "Succeeded", false, ""],
        ["/f", "Cancelled", false, ""]
      ]
    )
    assert.isTrue(report.calls.every((c) => c.id === "/e" || c.stoppedBy?.reason === "SIGTERM"))
    assert.deepStrictEqual(report.nodes, [{ node: "/plan", policy: "all", decision: "stopped", decidedBy: "stop" }])
    await isAsTheSchemaSays(report)
  })

  it("without --json prints nothing on standard output", async () => {
    const done = await runPlan(
      { plan: { settled: { all: [child("a", "deaf"), child("b", "never")] } }, concurrency: 1, ...hour },
      ["--progress", "--tools", fixture("slow.ts")],
      when(["/a started", "SIGINT"], ["/a stopped", "SIGINT"])
    )
    assert.strictEqual(done.code, 130)
    assert.strictEqual(done.stdout, "")
    assert.match(done.stderr, /\n {2}\/a +deaf +only reads\n$/)
  })

  it("while an effect is being undone says that nobody knows whether it is", async () => {
    const plan = { atomic: { all: [child("room", "booked"), child("slow", "deafReading")] } }
    const done = await runPlan(
      { plan, ...hour, drain: "100 millis" },
      slow,
      when(["/room answered", "SIGINT"], ["/room is being undone", "SIGINT"])
    )
    assert.strictEqual(done.code, 130)
    assert.match(done.stderr, /\n {2}\/room +booked +its undo has begun, and may not come to its end\n/)
    const report = reportOf(done)
    assert.deepStrictEqual(
      report.calls.map(({ effects, outcome }) => [outcome, effects.map(({ state }) => state).join()]),
      [
        ["Succeeded", "unknown"],
        ["Cancelled", ""]
      ]
    )
    await isAsTheSchemaSays(report)
  })

  it("before an effect is undone that has to be says that it is not", async () => {
    const plan = { atomic: { all: [child("room", "booked"), child("slow", "deafReading")] } }
    const done = await runPlan({ plan, ...hour }, slow, when(["/room answered", "SIGINT"], ["/slow stopped", "SIGINT"]))
    assert.strictEqual(done.code, 130)
    assert.match(done.stderr, /\n {2}\/room +booked +has ended, and what it did is not undone\n/)
    assert.deepStrictEqual(
      reportOf(done).calls[0]!.effects.map(({ state }) => state),
      ["committed"]
    )
  })

  it("after the run has ended, while its tools are being closed, prints the report of the run", async () => {
    const done = await runPlan(
      { plan: call("echo", { text: "x" }) },
      [...slow, "--tools", fixture("hangs.ts")],
      hanging("closing")
    )
    assert.strictEqual(done.code, 130)
    assert.strictEqual(reportOf(done).value, "x")
    assert.include(done.stderr, "no call was running")
  })

  it("before anything has started prints a report of nothing", async () => {
    const args = [...slow, "--tools", fixture("hangs.ts")]
    const done = await runPlan({ plan: call("echo", { text: "x" }) }, args, hanging("opening"))
    assert.strictEqual(done.code, 130)
    assert.strictEqual(reportOf(done).status, "interrupted")
    assert.deepStrictEqual(reportOf(done).calls, [])
    await isAsTheSchemaSays(reportOf(done))
  })
})

/** Two signals, when tools hang as they are opened or closed. */
const hanging = (what: string): Options => {
  let sent = false
  return {
    env: { TOOLSCOPE_HANG: what },
    onStderr: (text, kill) => {
      if (sent || !text.includes(`${what} hangs`)) return
      sent = true
      kill("SIGINT")
      setTimeout(kill, 100, "SIGINT")
    }
  }
}

const isAsTheSchemaSays = async (report: object) => {
  const { stdout } = await inProcess(["schema", "report"])
  const validate = new Ajv2020({ strict: false, allErrors: true }).compile(JSON.parse(stdout) as object)
  assert.isTrue(validate(report), JSON.stringify(validate.errors))
}
