/**
 * `npm run demo:replan` as people run it: which write lands last, with promises and in a session.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"

const main = fileURLToPath(new URL("../src/replan/main.ts", import.meta.url))

interface Ended {
  readonly code: number
  readonly stdout: string
}

const run = (flags: ReadonlyArray<string>): Promise<Ended> =>
  new Promise((resolve) => {
    const { NO_COLOR: _, FORCE_COLOR: _forced, ...own } = process.env
    execFile(process.execPath, ["--conditions=ws-source", main, ...flags], { env: own }, (error, stdout) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout })
    })
  })

interface Fact {
  readonly planner: string
  readonly ledger: ReadonlyArray<{ readonly plan: string; readonly kind: string; readonly what: string }>
  readonly said: Record<string, string>
  readonly late: ReadonlyArray<string>
  readonly inTheEnd: string
}

const happened = ({ ledger }: Fact) => ledger.map(({ plan, what }) => `${plan}: ${what}`)

describe("the demo of a replan", { timeout: 60_000 }, () => {
  let json: Ended
  let text: Ended
  let facts: ReadonlyArray<Fact>
  beforeAll(async () => {
    ;[json, text] = await Promise.all([run(["--json"]), run([])])
    facts = JSON.parse(json.stdout) as ReadonlyArray<Fact>
  }, 60_000)

  it("shows the old write land after the new one where a planner has an AbortController and promises", () => {
    const theirs = facts[0]!
    assert.deepStrictEqual(happened(theirs), [
      "old: the rate arrives: it is 120, not 100",
      "new: price list: 120",
      "old: message: 100",
      "old: price list: 100"
    ])
    assert.deepStrictEqual(theirs.late, ["message: 100", "price list: 100"])
    assert.strictEqual(theirs.inTheEnd, "100")
  })

  it("shows that in a session the old write is turned away, and what cannot be is over before the new plan begins", () => {
    const ours = facts[1]!
    assert.deepStrictEqual(happened(ours), [
      "old: the rate arrives: it is 120, not 100",
      "old: message: 100",
      "old: turned away at its gate: price list: 100",
      "new: price list: 120"
    ])
    assert.deepStrictEqual(ours.late, [])
    assert.strictEqual(ours.inTheEnd, "120")
    assert.deepStrictEqual(ours.said, {
      "/rate": "Succeeded",
      "/publish": "Cancelled, told to stop: the price is 120",
      "/tell": "Succeeded, told to stop: the price is 120"
    })
    assert.strictEqual(json.code, 0)
  })

  it("prints it in plain text where nobody wants colours", () => {
    assert.strictEqual(text.code, 0)
    for (const line of text.stdout.split("\n")) {
      assert.notMatch(line, /\p{Cc}/u)
      assert.isAtMost(line.length, 120)
      assert.strictEqual(line, line.trimEnd())
    }
    assert.match(text.stdout, /^ {2}\d\.\d s {2}old {3}price list: 100 +after the new one$/m)
    assert.match(text.stdout, /^ {2}\d\.\d s {2}old {3}turned away at its gate: price list: 100$/m)
    assert.match(text.stdout, /^ {2}in the end the price list says 120$/m)
  })
})
