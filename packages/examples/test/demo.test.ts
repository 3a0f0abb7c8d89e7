/**
 * The demo as people run it: a process of its own, on what is really installed.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Report } from "@toolscope/core"
import { Ajv2020 } from "ajv/dist/2020.js"
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { fileURLToPath } from "node:url"
import { logFile } from "../src/demo/note.ts"

const root = fileURLToPath(new URL("../../../", import.meta.url))
const demo = join(root, "packages/examples/src/demo/main.ts")
const command = join(root, "packages/cli/src/bin.ts")

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The questions are noted in a folder of the test's own: nobody else's demo writes there. */
const notes = mkdtempSync(join(tmpdir(), "toolscope-test-"))
afterAll(() => rmSync(notes, { recursive: true }))

const questions = (): number => {
  const file = join(notes, basename(logFile()))
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").length - 1 : 0
}

const node = (script: string, flags: ReadonlyArray<string>, cwd = root): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--conditions=ws-source", script, ...flags], {
      cwd,
      env: { ...process.env, TMPDIR: notes, TEMP: notes, NO_COLOR: "1" }
    })
    const output = { stdout: "", stderr: "" }
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text))
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text))
    child.on("error", reject)
    child.on("close", (code) => resolve({ code, ...output }))
  })

describe("the demo", () => {
  let json: Ended
  beforeAll(async () => {
    json = await node(demo, ["--json"])
  })

  it("ends with 0, and every call as it promises", () => {
    assert.strictEqual(json.code, 0, json.stderr)
    const report = JSON.parse(json.stdout) as Report.Json
    const call = (id: string) => report.calls.find((each) => each.id === id)!

    assert.deepStrictEqual(
      report.calls.map(({ id }) => id),
      [
        "/answer/guides",
        "/answer/sources",
        "/answer/files",
        "/title/index",
        "/title/each",
        "/note",
        "/version",
        "/license",
        "/forum"
      ]
    )
    assert.strictEqual(report.status, "succeeded")
    assert.isTrue(report.drained)
    assert.isFalse(report.calls.some((each) => each.leftBehind))

    const searches = report.calls.filter(({ id }) => id.startsWith("/answer/"))
    const counted = searches.filter(({ used }) => used)
    assert.strictEqual(counted.length, 2)
    assert.isTrue(counted.every(({ outcome }) => outcome === "Succeeded"))
    assert.deepStrictEqual(
      report.nodes.find(({ policy }) => policy === "quorum")!.decidedBy,
      counted.map(({ id }) => id)
    )
    const third = searches.find(({ used }) => !used)!
    assert.strictEqual(third.stoppedBy?.source, "policy")
    assert.include(["Cancelled", "Succeeded"], third.outcome)

    const titles = report.calls.filter(({ id }) => id.startsWith("/title/"))
    assert.strictEqual(titles.filter(({ used }) => used).length, 1)
    assert.isTrue(titles.every(({ outcome, used }) => used || ["Skipped", "Cancelled", "Succeeded"].includes(outcome)))

    for (const id of ["/version", "/license"]) assert.strictEqual(call(id).outcome, "Succeeded")
    assert.strictEqual(call("/forum").outcome, "Cancelled")
    assert.strictEqual(call("/forum").stoppedBy?.source, "grace")
    assert.deepStrictEqual(
      call("/note").effects.map(({ state }) => state),
      ["committed"]
    )
    assert.strictEqual(questions(), 1)
    const started = report.calls.flatMap(({ startedAt }) => startedAt ?? [])
    assert.isBelow(Math.max(...report.calls.map(({ settledAt }) => settledAt)) - Math.min(...started), 6_000)
  })

  it("gives a report that the schema of reports allows", async () => {
    const schema = await node(command, ["schema", "report"])
    const validate = new Ajv2020({ strict: false, allErrors: true }).compile(JSON.parse(schema.stdout))
    assert.isTrue(validate(JSON.parse(json.stdout)), JSON.stringify(validate.errors))
    assert.isFalse(validate({ ...JSON.parse(json.stdout), calls: [{}] }))
  })

  it("prints the answer, where it is, and how each call ended, from any folder", async () => {
    const folder = mkdtempSync(join(tmpdir(), "toolscope-test-"))
    try {
      const { code, stdout } = await node(demo, ["--journal", "journal.ndjson"], folder)
      assert.strictEqual(code, 0)
      assert.include(stdout, "How do I retry an effect with an exponential schedule?")
      assert.include(stdout, "Working with the Schedule module")
      assert.include(stdout, "Schedule.exponential(")
      assert.match(stdout, /node_modules\/effect\/ai-docs\/src\/06_schedule\/10_schedules\.ts:\d+/)
      for (const id of ["/answer/guides", "/answer/files", "/title/each", "/note", "/forum"]) assert.include(stdout, id)
      assert.isBelow(stdout.indexOf("Working with"), stdout.indexOf("/answer/guides"))
      const answer = stdout.slice(0, stdout.indexOf("\ncall "))
      assert.isNotEmpty(answer)
      for (const line of answer.split("\n")) assert.isAtMost(line.length, 100, line)
      for (const line of stdout.split("\n")) assert.notMatch(line, /\p{Cc}/u)
      assert.isAbove(readFileSync(join(folder, "journal.ndjson"), "utf8").split("\n").length, 20)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it("refuses a flag that run does not have, before anything starts", async () => {
    const before = questions()
    const { code, stdout } = await node(demo, ["--no-such-flag"])
    assert.strictEqual(code, 2)
    assert.notInclude(stdout, "Working with")
    assert.strictEqual(questions(), before)
  })
})

describe("the first example", () => {
  it("prints the same every time", async () => {
    const { code, stdout } = await node(join(root, "packages/examples/src/first.ts"), [])
    assert.strictEqual(code, 0)
    assert.strictEqual(
      stdout,
      `{
  stock: { north: 'North has it', south: 'South has it' },
  price: 'The broker has it',
  rating: { _id: 'Option', _tag: 'None' }
}
/stock/north Succeeded
/stock/south Succeeded
/stock/west Cancelled 2 of 3 at /stock have succeeded
/price/direct Cancelled one at /price has succeeded
/price/broker Succeeded
/rating Cancelled the grace of 100 ms at /rating passed
`
    )
  })
})
