/**
 * The command as a function, its parts, and the file that installs as `toolscope`.
 */
import { assert, describe, it } from "@effect/vitest"
import type { Journal } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { execFile } from "node:child_process"
import { cpSync, mkdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { JournalFile } from "../src/internal/journalFile.ts"
import { reportJson } from "../src/internal/jsonText.ts"
import { clip, oneLine, paintFor, printable, table } from "../src/internal/text.ts"
import { call, fixture, folder, inProcess } from "./command.ts"

/** Who gets what is written to standard output. */
const writer = (): unknown => Reflect.get(process.stdout, "write")

describe("main", () => {
  it("resolves with the exit code, prints what onReport makes of the report before the table, and gives all back", async () => {
    using files = folder()
    const plan = files.write("plan.json", { toolscope: 1, plan: call("act") })
    const before = [process.listenerCount("SIGINT"), process.listenerCount("uncaughtException"), writer()]
    const args = ["run", plan, "--tools", fixture("tools.ts")]
    const seen: Array<string> = []
    const onReport = (report: { readonly status: string }) => {
      seen.push(report.status)
      return "the answer\u001b[2J"
    }
    const human = await inProcess(args, { onReport })
    assert.strictEqual(human.code, 0, human.stderr)
    assert.match(human.stdout, /^the answer\\u001b\[2J\n\ncall +tool/)
    const json = await inProcess([...args, "--json"], { onReport })
    assert.strictEqual((JSON.parse(json.stdout) as { status: string }).status, "succeeded")
    assert.deepStrictEqual(seen, ["succeeded"])
    assert.deepStrictEqual(
      [process.listenerCount("SIGINT"), process.listenerCount("uncaughtException"), writer()],
      before
    )
  })
})

describe("toolscope.mjs", () => {
  const bin = fileURLToPath(new URL("../bin/toolscope.mjs", import.meta.url))
  const node = (args: ReadonlyArray<string>) =>
    new Promise<{ readonly code: unknown; readonly stderr: string }>((resolve) => {
      execFile(process.execPath, args, (error, _, stderr) => {
        resolve({ code: error?.code ?? 0, stderr })
      })
    })

  it("says in one line that the Node is too old, or that nothing is built", async () => {
    using files = folder()
    mkdirSync(files.path("bin"))
    cpSync(bin, files.path("bin/toolscope.mjs"))
    const old = files.write(
      "old.cjs",
      "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } })"
    )
    const [tooOld, notBuilt] = await Promise.all([
      node(["--require", old, bin, "--version"]),
      node([files.path("bin/toolscope.mjs")])
    ])
    assert.strictEqual(tooOld.code, 70)
    assert.match(tooOld.stderr, /^toolscope needs Node >= 22.19, this is 20.1.0: [^\n]+\n$/)
    assert.strictEqual(notBuilt.code, 70)
    assert.strictEqual(notBuilt.stderr, "toolscope is not built: run `npm run build`.\n")
  })
})

describe("text", () => {
  it("shows control characters instead of sending them, and keeps everything else", () => {
    for (let code = 0; code < 0x3000; code++) {
      const char = String.fromCharCode(code)
      const shown = printable(char)
      const isControl = /\p{Cc}|\p{Bidi_Control}/u.test(char) && char !== "\n" && char !== "\t"
      if (isControl) assert.strictEqual(shown, `\\u${code.toString(16).padStart(4, "0")}`)
      else if (!/\p{Zl}|\p{Zp}/u.test(char)) assert.strictEqual(shown, char)
    }
    assert.strictEqual(printable("\ud83d\ude00 \ud83d"), "\ud83d\ude00 \\ud83d")
    assert.strictEqual(oneLine(" a\r\n\tb\u0000 "), "a b\\u0000")
    assert.strictEqual(clip("abcdef", 4), "abc…")
  })

  it("stands in columns", () => {
    assert.strictEqual(
      table(
        ["a", "long"],
        [
          ["xx", "1"],
          ["y", ""]
        ]
      ),
      "a   long\nxx  1\ny\n"
    )
  })

  it("has colour only on a terminal, and never with NO_COLOR", () => {
    const { NO_COLOR, TERM } = process.env
    try {
      process.env.TERM = "xterm"
      delete process.env.NO_COLOR
      assert.strictEqual(paintFor({ isTTY: true })("red", "x"), "\u001b[31mx\u001b[0m")
      assert.strictEqual(paintFor({})("red", "x"), "x")
      process.env.NO_COLOR = "1"
      assert.strictEqual(paintFor({ isTTY: true })("red", "x"), "x")
    } finally {
      if (NO_COLOR === undefined) delete process.env.NO_COLOR
      else process.env.NO_COLOR = NO_COLOR
      process.env.TERM = TERM
    }
  })
})

describe("a report as text", () => {
  it("is the same JSON as in one piece", () => {
    const report = {
      toolscope: 1,
      value: { a: [1, "\ud800"] },
      calls: [{ id: "/a" }, { id: "/b" }],
      nodes: [],
      budget: {}
    }
    assert.deepStrictEqual(JSON.parse([...reportJson(report as never)].join("")), JSON.parse(JSON.stringify(report)))
  })
})

describe("a journal in a file", () => {
  const event = (seq: number) => ({ seq }) as Journal.Event

  it.live("holds, after a flush, all that was written before it, in order", () =>
    Effect.gen(function* () {
      const files = yield* Effect.acquireRelease(Effect.sync(folder), (f) =>
        Effect.sync(() => {
          f[Symbol.dispose]()
        })
      )
      const path = files.path("journal")
      const journal = yield* Effect.promise(() => JournalFile.open(path))
      const seqs = () =>
        readFileSync(path, "utf8")
          .split("\n")
          .slice(0, -1)
          .map((line) => (JSON.parse(line) as { seq: number }).seq)
      for (let seq = 0; seq < 500; seq += 5) {
        for (let i = 0; i < 5; i++) journal.write(event(seq + i))
        // several wait at once
        yield* Effect.all([journal.flush, journal.flush], { concurrency: "unbounded" })
        assert.strictEqual(seqs().length, seq + 5)
      }
      assert.deepStrictEqual(
        seqs(),
        Array.from({ length: 500 }, (_, i) => i)
      )
      yield* Effect.promise(() => journal.close())
    })
  )

  it.live("refuses for good after the first error", () =>
    Effect.gen(function* () {
      const journal = yield* Effect.promise(() => JournalFile.open("/dev/full"))
      yield* journal.flush
      journal.write(event(0))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(journal.flush)))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(journal.flush)))
      yield* Effect.promise(() => journal.close())
      assert.include(journal.failure, "ENOSPC")
    })
  )
})
