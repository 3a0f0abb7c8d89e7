/**
 * Stopping calls of servers, and servers that end: what the report says, against what the server wrote into its file.
 */
import { assert, describe, it } from "@effect/vitest"
import { Journal, Quarantine } from "@toolscope/core"
import { McpTools } from "@toolscope/mcp"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import type { Extra } from "./support.ts"
import {
  config,
  errorOf,
  isAlive,
  newFile,
  outcomesOf,
  pidsOf,
  reads,
  reportOf,
  run,
  serverOf,
  unwrap,
  until,
  written
} from "./support.ts"

const hostile = serverOf("hostile.ts")
const readOnly = reads("obedient", "deaf", "wedged", "pid")
const restart = (tools: NonNullable<Extra["toolscope"]>["tools"] = {}): Extra => ({
  toolscope: { unresponsive: "restart", tools }
})
/** Kills the server from outside; ends when this process has heard of it. */
const killed = (file: string) =>
  Effect.suspend(() => {
    const pid = pidsOf(file)[0]!
    process.kill(pid, "SIGKILL")
    return until(() => !exists(pid))
  })
/** Also a zombie does: until its parent, this process, has heard that it ended. */
const exists = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
const count = (file: string, line: string) => readFileSync(file, "utf8").split(line).length - 1

describe("a stop", () => {
  it.live("reaches the server; a call that only reads has ended when the server has heard", () =>
    Effect.gen(function* () {
      const file = newFile()
      const tools = yield* McpTools.connect(config({ s: hostile("up", file, readOnly) }))
      const handle = yield* run(tools, {
        all: [
          { id: "a", call: "s__obedient", params: { id: "a" } },
          { id: "b", call: "s__deaf", params: { id: "b", millis: 60_000 } }
        ]
      })
      yield* written(file, "obedient a began")
      yield* written(file, "deaf b began")
      const [taken, report] = yield* Effect.timed(handle.stop("enough"))
      yield* written(file, "obedient a was cancelled")
      yield* written(file, "deaf b was told")
      assert.deepStrictEqual(outcomesOf(report), ["Cancelled", "Cancelled"])
      assert.isTrue(report.drained)
      assert.isTrue(report.calls.every(({ afterStop }) => afterStop === undefined))
      // not at the bound: in the time of a ping
      assert.isBelow(Duration.toMillis(taken), 1_500)
    })
  )

  it.live("awaits the answer of a call that acts: what it says after the stop is known, and not used", () =>
    Effect.gen(function* () {
      const file = newFile()
      const tools = yield* McpTools.connect(config({ s: hostile("up", file) }))
      const handle = yield* run(tools, { call: "s__deaf", params: { millis: 300 } }, { drain: "20 seconds" })
      yield* written(file, "deaf  began")
      const report = yield* handle.stop("enough")
      assert.strictEqual(count(file, "was told"), 1)
      assert.deepInclude(report.calls[0]!.outcome, { _tag: "Succeeded", value: "done" })
      assert.isFalse(report.calls[0]!.used)
      assert.deepStrictEqual(
        report.calls[0]!.effects.map(({ state }) => state),
        ["committed"]
      )
      assert.isTrue(report.drained)
    })
  )

  it.live("leaves behind, at the bound, what acts and does not answer; its late answer is journaled, once", () =>
    Effect.gen(function* () {
      const file = newFile()
      const tools = yield* McpTools.connect(config({ s: hostile("up", file) }))
      const quarantine = Quarantine.make()
      const journal = Journal.memory()
      yield* Effect.gen(function* () {
        const handle = yield* run(tools, { call: "s__deaf", params: { millis: 1_500 } }, { drain: "300 millis" })
        yield* written(file, "deaf  began")
        const report = yield* handle.stop("enough")
        assert.strictEqual(count(file, "acted"), 0)
        assert.deepStrictEqual(outcomesOf(report), ["Unknown"])
        assert.isTrue(report.calls[0]!.leftBehind)
        assert.isFalse(report.drained)
        assert.deepStrictEqual(
          quarantine.list().map(({ call, mayAct, tool }) => ({ call, mayAct, tool })),
          [{ call: "/", mayAct: true, tool: "s__deaf" }]
        )
        yield* quarantine.awaitEmpty()
        assert.strictEqual(count(file, "acted"), 1)
        const late = journal.events.filter(({ type }) => type === "response.late")
        assert.deepStrictEqual(
          late.map((event) => "answer" in event && event.answer),
          ["success"]
        )
        // the server goes on
        assert.deepStrictEqual(outcomesOf(yield* reportOf(tools, { call: "s__pid" })), ["Succeeded"])
      }).pipe(Effect.provideService(Quarantine.Current, quarantine), Effect.provideService(Journal.Current, journal))
    })
  )

  it.live("of a server that hears nothing waits to the bound, also where the call only reads", () =>
    Effect.gen(function* () {
      const file = newFile()
      const tools = yield* McpTools.connect(config({ s: hostile("up", file, readOnly) }))
      const handle = yield* run(tools, { call: "s__wedged" }, { drain: "300 millis" })
      yield* written(file, "wedged  began")
      const report = yield* handle.stop("enough")
      assert.deepStrictEqual(outcomesOf(report), ["Cancelled"])
      assert.isTrue(report.calls[0]!.leftBehind)
    })
  )

  it.live(
    "tells a tool that may be interrupted anywhere, and takes its silence for its end: unknown, not left behind",
    () =>
      Effect.gen(function* () {
        const file = newFile()
        const extra: Extra = { toolscope: { tools: { obedient: { effect: "mutating", interruption: "anywhere" } } } }
        const tools = yield* McpTools.connect(config({ s: hostile("up", file, extra) }))
        const handle = yield* run(tools, { call: "s__obedient" }, { drain: "20 seconds" })
        yield* written(file, "obedient  began")
        const report = yield* handle.stop("enough")
        assert.deepStrictEqual(outcomesOf(report), ["Unknown"])
        assert.isTrue(report.drained)
      })
  )

  it.live("tells nothing to a tool that is never to be interrupted: its answer is awaited, and kept", () =>
    Effect.gen(function* () {
      const file = newFile()
      const extra: Extra = { toolscope: { tools: { deaf: { effect: "mutating", interruption: "never" } } } }
      const tools = yield* McpTools.connect(config({ s: hostile("up", file, extra) }))
      const kept = yield* run(tools, { call: "s__deaf", params: { id: "a", millis: 300 } }, { drain: "20 seconds" })
      yield* written(file, "deaf a began")
      const report = yield* kept.stop("enough")
      assert.deepInclude(report.calls[0]!.outcome, { _tag: "Succeeded", value: "done" })
      assert.isFalse(report.calls[0]!.used)
      // past its bound it is left behind as any other
      const long = yield* run(tools, { call: "s__deaf", params: { id: "b", millis: 60_000 } }, { drain: "200 millis" })
      yield* written(file, "deaf b began")
      const left = yield* long.stop("enough")
      assert.deepStrictEqual(outcomesOf(left), ["Unknown"])
      assert.isTrue(left.calls[0]!.leftBehind)
      assert.strictEqual(count(file, "was told"), 0)
    })
  )
})

describe("a server that is restarted", () => {
  it.live("is killed shortly before the bound: nothing is left behind, and the next call gets a new one", () =>
    Effect.gen(function* () {
      const file = newFile()
      const tools = yield* McpTools.connect(config({ s: hostile("up", file, restart()) }))
      const handle = yield* run(tools, { call: "s__deaf", params: { millis: 60_000 } }, { drain: "2 seconds" })
      yield* written(file, "deaf  began")
      const report = yield* handle.stop("enough")
      assert.deepStrictEqual(outcomesOf(report), ["Unknown"])
      assert.isTrue(report.drained)
      assert.isFalse(report.calls[0]!.leftBehind)
      assert.isAtLeast(report.drainMillis, 1_500)
      assert.isBelow(report.drainMillis, 2_000)
      const after = unwrap(report.calls[0]!.afterStop)!
      assert.strictEqual(after._tag, "McpAnswerLost")
      assert.strictEqual(after.killedFor, "/")
      assert.include(after.message, "did not answer after the call was stopped, and was killed")

      const next = yield* reportOf(tools, { call: "s__pid" })
      const [first, second] = pidsOf(file)
      assert.strictEqual(next.value, String(second))
      assert.isFalse(isAlive(first!))
      assert.strictEqual(count(file, "acted"), 0)
    })
  )

  it.live("can be one that holds its whole process, and hears no signal but the last", () =>
    Effect.gen(function* () {
      const file = newFile()
      const tools = yield* McpTools.connect(config({ s: hostile("up", file, restart({ wedged: "readOnly" })) }))
      const handle = yield* run(tools, { call: "s__wedged" }, { drain: "1 second" })
      yield* written(file, "wedged  began")
      const report = yield* handle.stop("enough")
      assert.deepStrictEqual(outcomesOf(report), ["Cancelled"])
      assert.isTrue(report.drained)
      assert.isFalse(isAlive(pidsOf(file)[0]!))
    })
  )

  it.live("takes with it what it has started, daemons too", () =>
    Effect.gen(function* () {
      const file = newFile()
      const tools = yield* McpTools.connect(config({ s: hostile("up", file, restart()) }))
      const handle = yield* run(tools, { call: "s__family", params: { millis: 60_000 } }, { drain: "2 seconds" })
      yield* until(() => pidsOf(file).length === 3)
      const report = yield* handle.stop("enough")
      assert.isTrue(report.drained)
      assert.match(unwrap(report.calls[0]!.afterStop)!.message, /was killed, with [2-9] that it had started/)
      assert.deepStrictEqual(pidsOf(file).filter(isAlive), [])
    })
  )

  it.live("tells the other calls that it was working on the truth: killed for another, and unknown", () =>
    Effect.gen(function* () {
      const file = newFile()
      const tools = yield* McpTools.connect(
        config({ s: hostile("up", file, restart({ deaf: { effect: "mutating", repeat: "natural" } })) })
      )
      const deaf = (timeout: string) => ({ call: "s__deaf", params: { millis: 60_000 }, timeout })
      const report = yield* reportOf(
        tools,
        {
          all: [
            { id: "other", ...deaf("1 minute") },
            { id: "x", settled: deaf("500 millis") }
          ]
        },
        { drain: "1 second" }
      )
      const [other, stopped] = report.calls
      assert.deepStrictEqual(outcomesOf(report), ["Unknown", "Unknown"])
      assert.deepStrictEqual(
        report.calls.map(({ effects, leftBehind }) => [effects[0]?.state, leftBehind]),
        [
          ["unknown", false],
          ["unknown", false]
        ]
      )
      assert.strictEqual(stopped!.stoppedBy?.source, "timeout")
      assert.isUndefined(other!.stoppedBy)
      assert.strictEqual(errorOf(report)?._tag, "McpAnswerLost")
      assert.strictEqual(errorOf(report)?.killedFor, "/x")
      assert.include(errorOf(report)?.message, "another call of it, /x, did not end when it was stopped")
      assert.isTrue(report.drained)
      assert.strictEqual(count(file, "acted"), 0)
    })
  )

  it.live("serves a further attempt: it waits for the new server", () =>
    Effect.gen(function* () {
      const file = newFile()
      const tools = yield* McpTools.connect(config({ s: hostile("up", file, restart({ wedgedAtFirst: "readOnly" })) }))
      const report = yield* reportOf(
        tools,
        { call: "s__wedgedAtFirst", timeout: "4 seconds", retry: 1 },
        { drain: "1 second" }
      )
      assert.deepStrictEqual(outcomesOf(report), ["Succeeded"])
      assert.strictEqual(report.calls[0]!.attempts, 2)
      assert.strictEqual(report.value, String(pidsOf(file)[1]))
      assert.isTrue(report.drained)
    })
  )

  it.live("that was killed while idle is started again by the next call; calls at the same time share it", () =>
    Effect.gen(function* () {
      const file = newFile()
      const tools = yield* McpTools.connect(config({ s: hostile("up", file, restart()) }))
      yield* killed(file)
      const report = yield* reportOf(tools, {
        all: [
          { id: "a", call: "s__pid" },
          { id: "b", call: "s__pid" }
        ]
      })
      const second = String(pidsOf(file)[1])
      assert.deepStrictEqual(report.value, { a: second, b: second })
      assert.strictEqual(pidsOf(file).length, 2)
    })
  )

  it.live("may also be one that lives, and reads nothing any more", () =>
    Effect.gen(function* () {
      const [file, other] = [newFile(), newFile()]
      const tools = yield* McpTools.connect(config({ s: hostile("up", file, restart()), fenced: hostile("up", other) }))
      for (const name of ["s", "fenced"]) {
        assert.deepStrictEqual(outcomesOf(yield* reportOf(tools, { call: `${name}__closes` })), ["Succeeded"])
      }
      // its ear closes after the answer is out
      yield* Effect.sleep("200 millis")
      const report = yield* reportOf(tools, { call: "s__pid" })
      assert.strictEqual(report.value, String(pidsOf(file)[1]))
      assert.isFalse(isAlive(pidsOf(file)[0]!))
      const fenced = yield* reportOf(tools, { call: "fenced__pid" })
      assert.strictEqual(errorOf(fenced)?._tag, "McpServerGone")
      assert.include(errorOf(fenced)?.message, "reads nothing any more: the call was not sent")
    })
  )

  it.live("that cannot be started again fails its calls, typed: they were not sent, so nothing happened", () =>
    Effect.gen(function* () {
      const file = newFile()
      const tools = yield* McpTools.connect(config({ s: hostile("once", file, restart()) }))
      yield* killed(file)
      const report = yield* reportOf(tools, { call: "s__pid" })
      assert.deepStrictEqual(outcomesOf(report), ["Failed"])
      assert.strictEqual(errorOf(report)?._tag, "McpServerGone")
      assert.strictEqual(errorOf(report)?.signal, "SIGKILL")
      assert.include(errorOf(report)?.message, "5 times within 60 s")
      assert.include(errorOf(report)?.message, "it died at start (exit code 9)")
      assert.include(errorOf(report)?.message, "the call was not sent")
      assert.deepStrictEqual(report.calls[0]!.effects, [])
      // and is left alone for now: not one start more
      assert.strictEqual(errorOf(yield* reportOf(tools, { call: "s__pid" }))?._tag, "McpServerGone")
      assert.strictEqual(count(file, "started again"), 5)
    })
  )

  it.live("holds nobody who is stopped while waiting for it: the call was not sent, and is cancelled", () =>
    Effect.gen(function* () {
      const file = newFile()
      const tools = yield* McpTools.connect(config({ s: hostile("once", file, restart()) }))
      yield* killed(file)
      const handle = yield* run(tools, { call: "s__deaf" })
      yield* written(file, "started again")
      const report = yield* handle.stop("enough")
      assert.deepStrictEqual(outcomesOf(report), ["Cancelled"])
      assert.deepStrictEqual(report.calls[0]!.effects, [])
      assert.isTrue(report.drained)
    })
  )

  it.live("is restarted no more when the scope closes meanwhile", () =>
    Effect.gen(function* () {
      const file = newFile()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const tools = yield* McpTools.connect(config({ s: hostile("up", file, restart()) }))
          yield* killed(file)
          yield* run(tools, { call: "s__pid" })
        })
      )
      yield* Effect.sleep("300 millis")
      assert.deepStrictEqual(pidsOf(file).filter(isAlive), [])
    })
  )
})

describe("a server that ends by itself", () => {
  it.live("ends the calls that it was working on at once, without an answer; other servers go on", () =>
    Effect.gen(function* () {
      const [file, other] = [newFile(), newFile()]
      const stays: Extra = { toolscope: { ...reads("obedient").toolscope, ended: "stay" } }
      const tools = yield* McpTools.connect(config({ s: hostile("up", file, stays), fine: hostile("up", other) }))
      const handle = yield* run(
        tools,
        {
          all: [
            { id: "acts", settled: { call: "s__deaf", params: { millis: 60_000 } } },
            { id: "reads", settled: { call: "s__obedient" } },
            { id: "dies", settled: { call: "s__dies" } },
            { id: "fine", call: "fine__deaf", params: { millis: 1_500 } }
          ]
        },
        { drain: "1 minute" }
      )
      const report = yield* handle.report
      assert.deepStrictEqual(outcomesOf(report), ["Unknown", "Failed", "Unknown", "Succeeded"])
      for (const at of [0, 1, 2]) {
        const error = errorOf(report, at)!
        assert.deepInclude(error, { _tag: "McpAnswerLost", server: "s", exitCode: 7 })
        assert.deepStrictEqual(error.stderr, ["first words", "last words"])
        assert.include(error.message, "exit code 7")
        assert.include(error.message, "last words")
      }
      assert.isTrue(report.drained)
      assert.isTrue(report.calls.slice(0, 3).every(({ settledAt }) => settledAt < report.calls[3]!.settledAt))

      const later = yield* reportOf(tools, { call: "s__pid" })
      assert.strictEqual(errorOf(later)?._tag, "McpServerGone")
      assert.deepInclude(errorOf(later), { server: "s", exitCode: 7 })
      assert.include(errorOf(later)?.message, "the call was not sent")
      // nothing can have happened, whatever the contract says
      assert.deepStrictEqual(outcomesOf(later), ["Failed"])
      assert.deepStrictEqual(later.calls[0]!.effects, [])
      assert.strictEqual(pidsOf(file).length, 1)
    })
  )

  it.live("is started again when the next call needs it, unless the operator says that it stays so", () =>
    Effect.gen(function* () {
      const file = newFile()
      const tools = yield* McpTools.connect(config({ s: hostile("up", file) }))
      const lost = yield* reportOf(tools, { call: "s__dies" })
      assert.deepStrictEqual(outcomesOf(lost), ["Unknown"])
      assert.strictEqual(pidsOf(file).length, 1)
      const next = yield* reportOf(tools, { call: "s__pid" })
      assert.strictEqual(next.value, String(pidsOf(file)[1]))
    })
  )

  it.live("says by which signal, and hides the values of its env", () =>
    Effect.gen(function* () {
      const extra: Extra = { env: { SECRET: "last words" } }
      const tools = yield* McpTools.connect(config({ s: hostile("up", newFile(), extra) }))
      const report = yield* reportOf(tools, { call: "s__dies", params: { id: "SIGTERM" } })
      assert.deepStrictEqual(outcomesOf(report), ["Unknown"])
      assert.strictEqual(errorOf(report)?.signal, "SIGTERM")
      assert.deepStrictEqual(errorOf(report)?.stderr, ["first words", "[redacted env.SECRET]"])
    })
  )

  it.live("under restart serves the next call, and loses the present one", () =>
    Effect.gen(function* () {
      const file = newFile()
      const tools = yield* McpTools.connect(config({ s: hostile("up", file, restart()) }))
      const lost = yield* reportOf(tools, { call: "s__dies" })
      assert.deepStrictEqual(outcomesOf(lost), ["Unknown"])
      assert.strictEqual(errorOf(lost)?._tag, "McpAnswerLost")
      // not sent a second time: it may have acted
      assert.strictEqual(count(file, "dies began"), 1)
      const next = yield* reportOf(tools, { call: "s__pid" })
      assert.strictEqual(next.value, String(pidsOf(file)[1]))
    })
  )
})
