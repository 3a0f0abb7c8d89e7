/**
 * The demo's tools, each alone. Real processes, files and sockets are the subject here, so the clock is live.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { CallError, Fanout, Plan, type Report, type Tool, Toolset } from "@toolscope/core"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { askForum } from "../src/demo/forum.ts"
import { grepSources } from "../src/demo/grepSources.ts"
import { effectFolder, guideFiles } from "../src/demo/guides.ts"
import { logFile, noteQuestion } from "../src/demo/note.ts"
import { packageTools } from "../src/demo/packages.ts"
import { searchGuides } from "../src/demo/searchGuides.ts"
import { guideIndex, guideTitles } from "../src/demo/titles.ts"
import tools from "../src/demo/tools.ts"
import { tidy, wordsOf } from "../src/demo/words.ts"

const question = "How do I retry an effect with an exponential schedule?"

/** Texts that mean something to FTS5, SQL, regular expressions, shells or grep. */
const hostile = [
  'retry" OR "a',
  "retry AND NOT (",
  "retry*",
  "title:retry",
  "NEAR(retry schedule, 2",
  "^retry",
  "'; DROP TABLE guides; --",
  "retry) | (schedule",
  "-e retry --include=/etc/passwd",
  "$(touch pwned) `id` ; retry",
  "[retry",
  "retry\u0000schedule",
  "retry\nschedule",
  "\\",
  '"',
  "AND",
  "",
  "   ",
  "🙂 été ß İ",
  "x".repeat(1_000_000),
  "retry ".repeat(100_000)
]

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "toolscope-test-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

const run = <I, A, E>(tool: Tool.Tool<string, I, A, E, never>, params: I) =>
  Fanout.run(Plan.call(tool as Tool.Tool<string, any, A, E, never>, params))

const sources = grepSources(join(effectFolder, "src")).pipe(Effect.provide(NodeServices.layer))

describe("words", () => {
  it("are letters, digits and underscores, whatever the question holds", () => {
    for (const text of hostile) for (const word of wordsOf(text)) assert.match(word, /^[\p{L}\p{N}_]+$/u)
    assert.deepStrictEqual(wordsOf(question), ["retry", "exponential", "schedule"])
  })

  it("are shown without control characters, and not longer than there is room", () => {
    assert.strictEqual(tidy("a\u001b[31mb\u0007\nc\u202ed", 20), "a [31mb c d")
    assert.strictEqual(tidy("x".repeat(30), 20).length, 20)
  })
})

describe("search_guides", () => {
  it.live("ranks the guide that is about the question first", () =>
    Effect.gen(function* () {
      const hits = yield* run(yield* searchGuides(), { question })
      assert.strictEqual(hits[0]!.source, "ai-docs/src/06_schedule/10_schedules.ts")
      assert.strictEqual(hits[0]!.title, "Working with the Schedule module")
      assert.deepStrictEqual(
        hits.map((hit) => hit.score),
        hits.map((hit) => hit.score).sort((a, b) => b - a)
      )
      assert.isAbove(hits.length, 1)
    })
  )

  it.live("takes every text for words, never for a query", () =>
    Effect.gen(function* () {
      const tool = yield* searchGuides()
      for (const text of hostile) assert.isArray(yield* run(tool, { question: text }))
      assert.isNotEmpty(yield* run(tool, { question: "'; DROP TABLE guides; -- retry" }))
    })
  )

  it.live("finds nothing for words that no guide has", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* run(yield* searchGuides(), { question: "zyxwvutsrq" }), [])
    })
  )

  it.live("says the line of a section", () =>
    Effect.gen(function* () {
      const hits = yield* run(yield* searchGuides(), { question: "Broadcasting messages with PubSub" })
      const [file, line] = hits.find((hit) => hit.source.startsWith("AGENTS.md"))!.source.split(":")
      const text = readFileSync(join(effectFolder, file!), "utf8").split("\n")[Number(line) - 1]
      assert.strictEqual(text, "## Broadcasting messages with PubSub")
    })
  )

  it.live("closes its index with the tools", () =>
    Effect.gen(function* () {
      const tool = yield* Effect.scoped(searchGuides())
      const error = yield* Effect.flip(run(tool, { question }))
      assert.strictEqual(error._tag === "FanoutError" && reasonTag(error.report.calls[0]!), "Defect")
    })
  )
})

describe("grep_sources", () => {
  it.live("finds exports of that name, with file and line", () =>
    Effect.gen(function* () {
      const hits = yield* run(yield* sources, { question })
      assert.include(
        hits.map((hit) => hit.text),
        "export const exponential = ("
      )
      assert.isAtMost(hits.length, 8)
      for (const { source, text } of hits) {
        const [file, line] = source.split(":")
        const whole = readFileSync(join(effectFolder, "src", file!), "utf8").split("\n")[Number(line) - 1]!
        assert.strictEqual(text, tidy(whole, 160))
      }
    })
  )

  it.live("takes every text for words, never for a pattern or an option", () =>
    Effect.gen(function* () {
      const tool = yield* sources
      yield* Effect.forEach(hostile, (text) => run(tool, { question: text }), { concurrency: 4 })
      assert.isFalse(existsSync(join(effectFolder, "src", "pwned")))
    })
  )

  it.live("finds nothing for words that no file has", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* run(yield* sources, { question: "zyxwvutsrq" }), [])
    })
  )

  it.live("fails with a typed error where it cannot read", () =>
    Effect.gen(function* () {
      const nowhere = yield* grepSources(join(effectFolder, "nowhere")).pipe(Effect.provide(NodeServices.layer))
      const error = yield* Effect.flip(run(nowhere, { question }))
      assert.strictEqual(error._tag === "FanoutError" && reasonTag(error.report.calls[0]!), "GrepFailed")
    })
  )

  it.live.skipIf(process.platform === "win32")("has no process left when its call has been stopped", () =>
    Effect.gen(function* () {
      // grep waits for ever on a pipe that nobody writes to
      const folder = yield* temporary
      execFileSync("mkfifo", [join(folder, "pipe")])
      const pid = yield* Deferred.make<number>()
      const real = yield* ChildProcessSpawner
      const spy = ChildProcessSpawner.of({
        ...real,
        spawn: (command) =>
          Effect.tap(real.spawn(withArgument(command, join(folder, "pipe"))), (child) =>
            Deferred.succeed(pid, child.pid)
          )
      })
      const tool = yield* Effect.provideService(grepSources(folder), ChildProcessSpawner, spy)
      const handle = yield* Fanout.start(Plan.call(tool, { question }))
      const child = yield* Deferred.await(pid)
      assert.isTrue(isAlive(child))
      const report = yield* handle.stop("the test is over")
      assert.strictEqual(report.calls[0]!.outcome._tag, "Cancelled")
      assert.isTrue(report.drained)
      assert.isFalse(isAlive(child))
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("guide_index and guide_titles", () => {
  it.live("come to the same guide on two ways", () =>
    Effect.gen(function* () {
      const best = { title: "Working with the Schedule module", source: "ai-docs/src/06_schedule/10_schedules.ts" }
      assert.deepStrictEqual(yield* run(guideIndex, { question }), best)
      assert.deepStrictEqual(yield* run(guideTitles, { question }), best)
    })
  )

  it.live("name guides that are there", () =>
    Effect.gen(function* () {
      for (const about of ["graphql clients", "time zones", "logging", "child processes"]) {
        for (const tool of [guideIndex, guideTitles]) {
          assert.include(guideFiles(), (yield* run(tool, { question: about })).source)
        }
      }
    })
  )

  it.live("fail with a typed error for words that no guide has", () =>
    Effect.gen(function* () {
      for (const text of ["zyxwvutsrq", "", '"']) {
        for (const tool of [guideIndex, guideTitles]) {
          const error = yield* Effect.flip(run(tool, { question: text }))
          assert.strictEqual(error._tag === "FanoutError" && reasonTag(error.report.calls[0]!), "NoGuide")
        }
      }
    })
  )
})

describe("package_version and package_license", () => {
  it.live("say what is installed", () =>
    Effect.gen(function* () {
      const [version, license] = yield* packageTools
      const manifest = JSON.parse(readFileSync(join(effectFolder, "package.json"), "utf8"))
      assert.strictEqual(yield* run(version!, { name: "effect" }), manifest.version)
      assert.strictEqual(yield* run(license!, { name: "effect" }), manifest.license)
      assert.match(yield* run(version!, { name: "@effect/vitest" }), /^\d+\.\d+\.\d+/)
    })
  )

  it.live("take every name for a name, and say when there is no such package", () =>
    Effect.gen(function* () {
      const [version] = yield* packageTools
      for (const name of ["' OR 1=1 --", "effect'; DROP TABLE packages; --", "", "constructor"]) {
        const error = yield* Effect.flip(run(version!, { name }))
        assert.strictEqual(error._tag === "FanoutError" && reasonTag(error.report.calls[0]!), "NotInstalled")
      }
      assert.strictEqual(yield* run(version!, { name: "effect" }), "4.1.0")
    })
  )
})

describe("ask_forum", () => {
  it.live("ends when it is told to, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const plan = Plan.all({
        forum: Plan.advisory(Plan.call(yield* askForum, { question }), { grace: "50 millis" }),
        other: Plan.call(guideIndex, { question })
      })
      const report = yield* Effect.flatMap(Fanout.start(plan), (handle) => handle.report)
      const [forum] = report.calls
      assert.strictEqual(forum!.outcome._tag, "Cancelled")
      assert.strictEqual(forum!.stoppedBy?.source, "grace")
      assert.isFalse(forum!.leftBehind)
      assert.isTrue(report.drained)
    })
  )

  it.live("fails when its server is gone", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(run(yield* Effect.scoped(askForum), { question }))
      assert.strictEqual(error._tag, "FanoutError")
    })
  )
})

describe("note_question", () => {
  it.live("appends a line, and reports a committed effect", () =>
    Effect.gen(function* () {
      const file = join(yield* temporary, "log")
      const tool = noteQuestion(file)
      for (const text of ["one", 'two\n"three"']) {
        const handle = yield* Fanout.start(Plan.call(tool, { question: text }))
        assert.deepStrictEqual(yield* handle.result, { question: text, file })
        const [call] = (yield* handle.report).calls
        assert.deepStrictEqual(
          call!.effects.map((effect) => effect.state),
          ["committed"]
        )
      }
      assert.strictEqual(readFileSync(file, "utf8"), '"one"\n"two\\n\\"three\\""\n')
      assert.isTrue(logFile().startsWith(tmpdir()))
    })
  )

  it.live.skipIf(process.platform === "win32")("writes through no link", () =>
    Effect.gen(function* () {
      const folder = yield* temporary
      symlinkSync(join(folder, "elsewhere"), join(folder, "log"))
      const error = yield* Effect.flip(run(noteQuestion(join(folder, "log")), { question }))
      assert.strictEqual(error._tag === "FanoutError" && reasonTag(error.report.calls[0]!), "NotNoted")
      assert.isFalse(existsSync(join(folder, "elsewhere")))
    })
  )
})

describe("the module of tools", () => {
  it.live("opens and closes its layer twice, and every tool in it has a contract of the operator", () =>
    Effect.gen(function* () {
      for (const _ of [1, 2]) {
        const context = yield* Layer.build(Layer.fresh(tools)).pipe(Effect.scoped)
        const list = Context.get(context, Toolset.Toolset)
        assert.isTrue(list.every((tool) => tool.contract.asserted === "operator"))
        assert.strictEqual(new Set(list.map((tool) => tool.name)).size, list.length)
      }
    })
  )
})

const reasonTag = (call: Report.CallReport): unknown => {
  const error = "error" in call.outcome ? call.outcome.error : undefined
  return CallError.isCallError(error) ? error.reason._tag : (error as { readonly _tag?: unknown } | undefined)?._tag
}

const withArgument = (command: ChildProcess.Command, argument: string): ChildProcess.Command =>
  ChildProcess.isStandardCommand(command)
    ? ChildProcess.make(command.command, [...command.args, argument], command.options)
    : command

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
