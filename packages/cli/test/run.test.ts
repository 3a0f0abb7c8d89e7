/**
 * What `toolscope run` promises about its exit code and its output.
 */
import { Report } from "@toolscope/core"
import { assert, describe, it } from "@effect/vitest"
import { Ajv2020, type AnySchema } from "ajv/dist/2020.js"
import { readFileSync } from "node:fs"
import { call, child, folder, inProcess, reportOf, runPlan, toolscope } from "./command.ts"

const validator = async (format: string) => {
  const { code, stdout } = await inProcess(["schema", format])
  assert.strictEqual(code, 0)
  const validate = new Ajv2020({ allErrors: true }).compile(JSON.parse(stdout) as AnySchema)
  return (value: unknown) => {
    assert.isTrue(validate(value), JSON.stringify(validate.errors?.slice(0, 5)))
  }
}

describe("exit codes", () => {
  it("are 0, 1, 4 by how the run ended", async () => {
    const [ok, failed, acting, reading] = await Promise.all([
      runPlan({ plan: call("echo", { text: "hi" }) }),
      runPlan({ plan: call("fail") }),
      runPlan({ plan: { all: [{ id: "a", advisory: call("deafActing"), grace: 10 }, child("b", "act")] } }),
      runPlan({ plan: { all: [{ id: "a", advisory: call("deaf"), grace: 10 }, child("b", "act")] } })
    ])
    assert.strictEqual(ok.code, 0, ok.stderr)
    assert.strictEqual(failed.code, 1)
    assert.include(failed.stdout, "failed (EssentialFailed: /)")
    assert.strictEqual(acting.code, 4)
    assert.include(acting.stdout, "may still act: /a")
    // what only reads cannot act, left behind or not
    assert.strictEqual(reading.code, 0)
    assert.include(reading.stdout, "1 left behind")
  })

  it("are 0 for help and version, 2 without a command and for what is still to come", async () => {
    const help = await inProcess(["run", "--help"])
    const version = await inProcess(["--version"])
    const nothing = await toolscope([])
    const trace = await toolscope(["run", "plan.json", "--trace", "t.svg"])
    const audit = await inProcess(["audit", "x"])
    assert.strictEqual(help.code, 0)
    assert.include(help.stdout, "--journal FILE")
    assert.strictEqual(version.stdout, "0.1.0\n")
    assert.strictEqual(nothing.code, 2)
    for (const later of [trace, audit]) {
      assert.strictEqual(later.code, 2)
      assert.strictEqual(later.stdout, "")
      assert.match(later.stderr, /^toolscope: this version of toolscope does not have the [^\n]+\n$/)
    }
  })

  it("are 70 when the journal refuses: nothing is started, and the report says so", async () => {
    const done = await runPlan({ plan: call("act") }, ["--json", "--journal", "/dev/full"])
    const report = reportOf(done)
    assert.strictEqual(done.code, 70)
    assert.strictEqual(report.calls[0]!.attempts, 0)
    assert.deepStrictEqual(report.calls[0]!.effects, [])
    assert.include(report.journalRefused, "ENOSPC")
    assert.include(done.stderr, "ENOSPC")
  })
})

describe("output", () => {
  it("of --json is one report that the published schema accepts, however the run ended", async () => {
    const accept = await validator("report")
    const plans = [
      { plan: { all: [child("a", "echo", { text: "hi" }), { id: "b", advisory: call("deaf"), grace: 10 }] } },
      { plan: { quorum: 2, of: [child("a", "fail"), child("b", "throw"), child("c", "act")] } },
      { plan: { deadline: 50, of: { settled: call("never") } } },
      { plan: call("echo", { text: 1 }) }
    ]
    const results = await Promise.all(plans.map((plan) => runPlan(plan, ["--json"])))
    for (const result of results) accept(reportOf(result))
    // what a tool prints is no result
    assert.include(results[0]!.stderr, "chatter of a tool")
    assert.deepStrictEqual(
      results.map((result) => [result.code, reportOf(result).status]),
      [
        [0, "succeeded"],
        [1, "failed"],
        [0, "succeeded"],
        [2, "refused"]
      ]
    )
    const usage = await inProcess(["run", "--json", "--nonsense"])
    accept(reportOf(usage))
    assert.strictEqual(usage.code, 2)
    assert.deepInclude(reportOf(usage).faults![0], { pointer: "", _tag: "BadUsage" })
  })

  it("for people names every call in plan order, the decisions, the value and the verdict", async () => {
    const { stderr, stdout } = await runPlan({
      plan: { quorum: 1, of: [child("z", "fail"), child("a", "echo", { text: "hi" }), child("m", "deaf")] }
    })
    const lines = stdout.split("\n")
    assert.match(lines[0]!, /^call +tool +outcome +used +attempts +ms +effects +left behind +why$/)
    assert.match(lines[1]!, /^\/z +fail +Failed +no +1 +\d+ +- +- +Error: no$/)
    assert.match(lines[2]!, /^\/a +echo +Succeeded +yes +1 +\d+ +- +-$/)
    assert.match(lines[3]!, /^\/m +deaf +Cancelled +no +1 +\d+ +- +yes +policy: /)
    assert.include(stdout, "/plan  quorum  succeeded  /a")
    assert.include(stdout, "value\n{ a: 'hi' }")
    assert.match(stdout, /succeeded: 1 failed, 1 succeeded, 1 cancelled; 1 left behind after \d+ ms\n$/)
    // no terminal: no progress
    assert.strictEqual(stderr, "chatter of a tool\n")
  })

  it("tells what happens as it happens with --progress, on standard error", async () => {
    const { stderr, stdout } = await runPlan(
      { plan: { all: [{ id: "a", advisory: call("deaf"), grace: 10 }, child("b", "act")] } },
      ["--progress", "--json"]
    )
    JSON.parse(stdout)
    for (const line of ["/a started", "/b answered", "all at /plan decided: succeeded", "/a stopped: the grace"]) {
      assert.match(stderr, new RegExp(`^\\[ +\\d+\\.\\d\\ds\\] ${line}`, "m"))
    }
    assert.include(stderr, "/a left behind")
  })

  it("never sends a control character of a tool or a plan to a terminal", async () => {
    const plan = { plan: { all: [child("a\u001b[2J", "hostile"), child("b", "echo", { text: "\u009b31m\u202e" })] } }
    const results = [
      ...(await Promise.all([runPlan(plan, ["--progress"]), runPlan({ plan: call("\u001b[31m") })])),
      await inProcess(["run", "\u001b[31m"])
    ]
    for (const { stderr, stdout } of results) {
      assert.notMatch(stdout + stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
    }
  })

  it("does not depend on a reader: closed early, the exit code is the same", async () => {
    const plan = { plan: { all: [child("a", "big"), child("b", "act")] } }
    const [json, human, failed] = await Promise.all([
      runPlan(plan, ["--json"], { closeStdoutAfter: 1 }),
      runPlan(plan, [], { closeStdoutAfter: 1 }),
      runPlan({ plan: { all: [child("a", "fail"), child("b", "big")] } }, ["--json"], { closeStdoutAfter: 1 })
    ])
    assert.deepStrictEqual([json.code, human.code, failed.code], [0, 0, 1])
    assert.strictEqual(json.stderr + human.stderr + failed.stderr, "")
  })

  it("of 50 MB arrives whole", async () => {
    const done = await runPlan({ plan: call("big") }, ["--json"])
    assert.strictEqual(done.code, 0)
    const report = reportOf(done)
    assert.strictEqual((report.calls[0]!.value as string).length, 50 * 1024 * 1024)
  }, 60_000)
})

describe("the journal", () => {
  it("is written line by line as the published schema says, and ends with the report", async () => {
    using files = folder()
    const journal = files.write("journal.ndjson", "of an earlier run\n")
    const accept = await validator("journal")
    const done = await runPlan(
      {
        plan: {
          all: [
            { id: "a", quorum: 1, of: [child("x", "fail"), child("y", "echo", { text: "hi" }), child("z", "deaf")] },
            child("b", "bigint"),
            { id: "c", advisory: call("throw") }
          ]
        }
      },
      ["--json", "--journal", journal]
    )
    assert.strictEqual(done.code, 0, done.stderr)
    const events = readFileSync(journal, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { seq: number; type: string; run: string; report?: Report.Json })
    for (const event of events) accept(event)
    assert.deepStrictEqual(
      events.map(({ seq }) => seq),
      events.map((_, i) => i)
    )
    assert.strictEqual(events[0]!.type, "fanout.opened")
    assert.deepStrictEqual(events.at(-1)!.report, reportOf(done))
  })
})

describe("foreign code", () => {
  it("that rejects a promise nobody handles is named, and changes nothing", async () => {
    const { code, stderr } = await runPlan({ plan: call("stray") })
    assert.strictEqual(code, 0)
    assert.include(stderr, "nobody handles me")
  })

  it("that throws outside of any call stops the run in order: there is a report, and 70", async () => {
    const done = await runPlan({ plan: call("explode") }, ["--json"])
    assert.strictEqual(done.code, 70)
    assert.strictEqual(reportOf(done).status, "interrupted")
    assert.include(done.stderr, "from a timer")
  })
})
