/**
 * Isolated functions that do their worst, parents that die, and a machine that has run out of everything.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Plan } from "@toolscope/core"
import { IsolatedError } from "@toolscope/node"
import * as Effect from "effect/Effect"
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { nodeOptions } from "../src/internal/isolated/environment.ts"
import { lines } from "../src/internal/isolated/messages.ts"
import { processHost } from "../src/internal/isolated/processHost.ts"
import {
  acts,
  cache,
  callOf,
  errorOf,
  eventually,
  fixture,
  isAlive,
  isolated,
  newFile,
  noAnswer,
  pidsOf,
  places,
  reportOf,
  valueOf,
  written
} from "./support.ts"

const call = (name: string, place: (typeof places)[number], params: unknown = {}, options = {}) =>
  callOf(Plan.call(isolated(name, place, { contract: acts, ...options }), params))

describe.each(places)("what ends without an answer in a %s", (place) => {
  it.live("is unknown where it may have acted, and says how it ended, and its last words", () =>
    Effect.gen(function* () {
      const there = yield* call("exits", place, { code: 3 })
      assert.strictEqual(there.outcome._tag, "Unknown")
      const reason = noAnswer(errorOf(there))
      assert.instanceOf(reason, IsolatedError.Crashed)
      assert.strictEqual(reason.exitCode, 3)
      assert.deepStrictEqual(reason.stderr, ["the last words"])
      assert.include(errorOf(there).message, "exit code 3")
      assert.include(errorOf(there).message, "the last words")
      const reading = yield* call("exits", place, { code: 0 }, { contract: Contract.readOnly })
      assert.strictEqual(reading.outcome._tag, "Failed")
    })
  )

  it.live("was not said to have done nothing because its contract says so of errors", () =>
    Effect.gen(function* () {
      const contract = Contract.make({ effect: "additive", failure: "nothing" })
      const there = yield* call("exits", place, { code: 3 }, { contract })
      assert.strictEqual(there.outcome._tag, "Unknown")
    })
  )

  it.live("shows no value of its env", () =>
    Effect.gen(function* () {
      const there = yield* call("tells", place, { name: "TOKEN" }, { env: { TOKEN: "s3cr3t-value" } })
      const text = JSON.stringify(errorOf(there)) + errorOf(there).message
      assert.include(text, "[redacted]")
      assert.notInclude(text, "s3cr3t-value")
    })
  )

  it.live("because of a promise that nobody listened to says what was rejected", () =>
    Effect.gen(function* () {
      const there = yield* call("rejectsAside", place)
      assert.strictEqual(there.outcome._tag, "Unknown")
      assert.include(errorOf(there).message, "nobody listens")
    })
  )

  it.live("because of its memory says so, and takes nobody with it", () =>
    Effect.gen(function* () {
      const there = yield* call("eatsMemory", place, {}, { memory: 32 })
      assert.strictEqual(there.outcome._tag, "Unknown")
      assert.include(errorOf(there).message, "ran out of memory")
    })
  )
})

describe("a process", () => {
  it.live("that dies of a signal says of which", () =>
    Effect.gen(function* () {
      const there = yield* call("killsItself", "process")
      assert.strictEqual(noAnswer(errorOf(there)).signal, "SIGTERM")
    })
  )

  it.live("whose answer is too large is ended, and its outcome not known", () =>
    Effect.gen(function* () {
      const there = yield* call("large", "process", { bytes: 65 * 1024 * 1024 })
      assert.strictEqual(there.outcome._tag, "Unknown")
      assert.instanceOf(noAnswer(errorOf(there)), IsolatedError.AnswerTooLarge)
    })
  )

  it.live("that answers and then writes nonsense to our pipe has answered once", () =>
    Effect.gen(function* () {
      assert.strictEqual(valueOf(yield* call("babbles", "process")), "first")
    })
  )

  it.live("that answers and exits while our own loop is held has answered", () =>
    Effect.callback<void>((resume) => {
      const hold = (millis: number) => {
        const end = performance.now() + millis
        while (performance.now() < end);
      }
      // as if other processes had ended, so that the exit is looked for in every turn of the loop
      const others = setInterval(() => {
        process.kill(process.pid, "SIGCHLD")
        hold(20)
      }, 1)
      const heard: Array<string> = []
      const setup = {
        module: fixture("functions.ts").href,
        name: "double",
        env: cache,
        memory: undefined,
        mark: "held"
      }
      const host = processHost(setup, {
        onMessage: (message) => {
          heard.push(message.type)
          if (message.type !== "ready") return
          const identity = { runId: "r", epoch: 1, call: "/", attempt: 1, idempotencyKey: "k" }
          host.send({ type: "call", params: { n: 1 }, identity })
          // its answer comes now, and its exit, which is heard of in this turn, and the answer in the next
          hold(600)
          setImmediate(hold, 400)
        },
        onTooLong: () => {},
        onEnd: () => {
          clearInterval(others)
          assert.deepStrictEqual(heard, ["ready", "value"])
          resume(Effect.void)
        }
      })
    })
  )

  it.live("that cannot be made has done nothing", () =>
    Effect.gen(function* () {
      const path = process.execPath
      process.execPath = "/no/such/node"
      const there = yield* Effect.ensuring(
        call("double", "process", { n: 1 }),
        Effect.sync(() => {
          process.execPath = path
        })
      )
      assert.strictEqual(there.outcome._tag, "Failed")
      assert.deepStrictEqual(there.effects, [])
      assert.strictEqual(errorOf(there).reason._tag, "CannotSpawn")
    })
  )

  it.live("cannot be made where no file can be opened any more: nothing happened, and nothing is thrown aside", () =>
    Effect.gen(function* () {
      const { out } = yield* parentEnds("process", "double", { n: 4 }, "ulimit -n 30; ")
      assert.deepStrictEqual(JSON.parse(out), { outcome: "Failed" })
    })
  )
})

const programOf = (place: string, name: string, params: unknown, module: string) => [
  "--conditions=ws-source",
  fileURLToPath(fixture("parent.ts")),
  place,
  name,
  JSON.stringify(params),
  module
]
const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

/** Another program that makes the call. */
const startParent = (
  place: string,
  name: string,
  params: unknown,
  prelude = "",
  module = "functions.ts"
): { child: ChildProcess; out: () => string } => {
  const command = [process.execPath, ...programOf(place, name, params, module)].map(quote).join(" ")
  const child = spawn("/bin/sh", ["-c", `${prelude}exec ${command}`], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...cache }
  })
  let out = ""
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()))
  return { child, out: () => out }
}
const parentEnds = (place: string, name: string, params: unknown, prelude?: string) =>
  Effect.callback<{ readonly out: string; readonly code: number | null }>((resume) => {
    const { child, out } = startParent(place, name, params, prelude)
    child.on("close", (code) => {
      resume(Effect.succeed({ out: out(), code }))
    })
  })

describe.each(places)("the program that calls a function in a %s", (place) => {
  it.live("prints what it prints, and nothing else, and ends when it is done", () =>
    Effect.gen(function* () {
      const { code, out } = yield* parentEnds(place, "prints", {})
      assert.strictEqual(out, `{"outcome":"Succeeded","value":"printed"}\n`)
      assert.strictEqual(code, 0)
    })
  )

  it.live("dies of a signal, and functions that are in an endless loop or deaf die with it", () =>
    Effect.forEach(
      [
        ["SIGKILL", "loop"],
        ["SIGTERM", "deaf"]
      ] as const,
      ([signal, name]) =>
        Effect.gen(function* () {
          const file = newFile()
          const { child } = startParent(place, name, { file })
          yield* written(file, "pid")
          child.kill(signal)
          yield* eventually(() => !pidsOf(file).some(isAlive))
        }),
      { concurrency: "unbounded" }
    )
  )
})

describe("the program that calls a function in a process", () => {
  it.live("prints nothing that the function writes past the streams", () =>
    Effect.gen(function* () {
      const { out } = yield* parentEnds("process", "printsRaw", {})
      assert.strictEqual(out, `{"outcome":"Succeeded","value":"printed"}\n`)
    })
  )

  it.live("dies of SIGKILL, and all that the function has started dies with it", () =>
    Effect.forEach(
      ["loop", "wait"],
      (then) =>
        Effect.gen(function* () {
          const file = newFile()
          const { child } = startParent("process", "family", { file, then })
          yield* written(file, "family complete")
          assert.strictEqual(pidsOf(file).length, 4)
          child.kill("SIGKILL")
          yield* eventually(() => !pidsOf(file).some(isAlive))
        }),
      { concurrency: "unbounded" }
    )
  )

  it.live("dies while the module is in an endless loop at its top, which dies with it", () =>
    Effect.gen(function* () {
      const file = newFile()
      const { child } = startParent("process", "it", {}, `export NOTES=${file}; `, "loops.ts")
      yield* written(file, "pid")
      assert.isTrue(pidsOf(file).every(isAlive))
      child.kill("SIGKILL")
      yield* eventually(() => !pidsOf(file).some(isAlive))
    })
  )
})

describe("an isolated function inside of an isolated function", () => {
  it.live("is ended with it", () =>
    Effect.gen(function* () {
      const file = newFile()
      const nested = isolated("nests", "process", { module: fixture("nested.ts"), contract: acts })
      const enough = Plan.effect(Effect.andThen(written(file, "pid"), Effect.fail("enough")), Contract.readOnly)
      const { calls } = yield* reportOf(Plan.all({ enough, it: Plan.call(nested, { file }) }), { drain: "1 second" })
      assert.strictEqual(calls[1]!.outcome._tag, "Unknown")
      assert.isFalse(calls[1]!.leftBehind)
      yield* eventually(() => !pidsOf(file).some(isAlive))
    })
  )
})

describe("options of Node", () => {
  it("that decide how modules are found are passed on, those of our own program are not", () => {
    assert.deepStrictEqual(
      nodeOptions(
        [
          "--conditions=a",
          "-C",
          "b",
          "--import",
          "./x.js",
          "--inspect-brk=0",
          "--env-file",
          ".env",
          "-e",
          "code",
          "--test",
          "--no-warnings"
        ],
        64
      ),
      ["--conditions=a", "-C", "b", "--import", "./x.js", "--no-warnings", "--max-old-space-size=64"]
    )
  })
})

describe("lines", () => {
  it("are put together from any pieces, and cut at the limit", () => {
    const text = `first\nsecond é\n\n${"x".repeat(20)}\nnever`
    for (const size of [1, 2, 3, 7, 100]) {
      const got: Array<string> = []
      let tooLong = 0
      const read = lines(
        15,
        (line) => got.push(line),
        () => tooLong++
      )
      const bytes = Buffer.from(text)
      for (let i = 0; i < bytes.length; i += size) read(bytes.subarray(i, i + size))
      assert.deepStrictEqual(got, ["first", "second é", ""])
      assert.strictEqual(tooLong, 1)
    }
  })
})
