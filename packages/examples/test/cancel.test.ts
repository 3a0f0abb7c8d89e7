/**
 * `npm run demo:cancel` as people run it: which effects landed after the return, and what each runner had said of them.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"

const main = fileURLToPath(new URL("../src/cancel/main.ts", import.meta.url))

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
  readonly runner: string
  readonly returned: number
  readonly said: Record<string, string>
  readonly ledger: ReadonlyArray<{ readonly tool: string; readonly kind: string; readonly what: string }>
  readonly late: ReadonlyArray<string>
  readonly unannounced: ReadonlyArray<string>
  readonly unaccounted: ReadonlyArray<string>
}

const happened = ({ ledger }: Fact, tool: string) =>
  ledger.filter((entry) => entry.tool === tool).map(({ what }) => what)

describe("the demo of cancellation", { timeout: 60_000 }, () => {
  let json: Ended
  let text: Ended
  let facts: ReadonlyArray<Fact>
  beforeAll(async () => {
    ;[json, text] = await Promise.all([run(["--json"]), run([])])
    facts = JSON.parse(json.stdout) as ReadonlyArray<Fact>
  }, 60_000)

  it("shows effects that land when Promise.all and Effect.all have returned, and that neither had spoken of", () => {
    for (const fact of facts.slice(0, 2)) {
      assert.deepStrictEqual(fact.late, ["order placed", "order placed", "e-mail sent"])
      assert.deepStrictEqual(fact.unannounced, fact.late)
      assert.deepStrictEqual([...fact.unaccounted].sort(), [
        "card charged",
        "e-mail sent",
        "order placed",
        "order placed",
        "room booked"
      ])
      assert.deepStrictEqual(Object.keys(fact.said), ["pay"])
    }
  })

  it("shows that Toolscope says of each call what has become of it: gate, undo, and what it had to leave behind", () => {
    const ours = facts[2]!
    assert.deepStrictEqual(
      facts.map(({ runner }) => runner),
      ["Promise.all", "Effect.all", "Toolscope"]
    )
    assert.deepStrictEqual(ours.said, {
      mail: "Unknown, left behind",
      pay: "Failed: rejected: Error: connection reset, effect committed",
      search: "Cancelled, left behind",
      order: "Failed: no answer within 400 ms, left behind",
      book: "Cancelled, effect compensated"
    })
    assert.deepStrictEqual(happened(ours, "order"), ["turned away at its gate"])
    assert.deepStrictEqual(happened(ours, "book"), ["room booked", "room freed"])
    assert.deepStrictEqual(ours.late, ["e-mail sent"])
    assert.deepStrictEqual([ours.unannounced, ours.unaccounted], [[], []])
    assert.strictEqual(json.code, 0)
  })

  it("prints it in plain text where nobody wants colours", () => {
    assert.strictEqual(text.code, 0)
    for (const line of text.stdout.split("\n")) {
      assert.notMatch(line, /\p{Cc}/u)
      assert.isAtMost(line.length, 120)
      assert.strictEqual(line, line.trimEnd())
    }
    assert.match(text.stdout, /^ {2}mail +Unknown, left behind +e-mail sent +at \d\.\d s, as it said$/m)
    assert.match(text.stdout, /^ {2}order +nothing +order placed twice +at \d\.\d s, \d\.\d s$/m)
    assert.match(text.stdout, /^ {2}book +Cancelled, effect compensated +room booked, room freed +-$/m)
    assert.match(text.stdout, /^Promise\.all +\d\.\d s +3 +3 +5$/m)
    assert.match(text.stdout, /^Toolscope +\d\.\d s +1 +0 +0$/m)
  })
})
