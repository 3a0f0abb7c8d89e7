/**
 * Runs that ask: on a terminal, or suspended and resumed, by real processes.
 */
import type { Question, Report, Snapshot } from "@toolscope/core"
import { assert, describe, it } from "@effect/vitest"
import { Ajv2020, type AnySchema } from "ajv/dist/2020.js"
import { spawn, spawnSync } from "node:child_process"
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { call, child, fixture, folder, type Folder, inProcess, type Options, reportOf, toolscope } from "./command.ts"

const tools = ["--tools", fixture("asking.ts")]

const three = {
  toolscope: 1,
  plan: {
    all: [
      child("a", "room"),
      { id: "fails", settled: call("fails") },
      child("b", "color"),
      child("slow", "slow"),
      child("plain", "plain"),
      child("c", "sure")
    ]
  }
}

/** A folder with a plan in it, and what its tools have said that they did. */
const place = (plan: object) => {
  const files = folder()
  const path = files.write("plan.json", plan)
  const mark = files.path("mark")
  return {
    files,
    marks: () => (existsSync(mark) ? readFileSync(mark, "utf8").trimEnd().split("\n").sort() : []),
    run: (args: ReadonlyArray<string> = [], options: Options = {}) =>
      toolscope(["run", path, ...tools, ...args], { ...options, env: { TOOLSCOPE_MARK: mark, ...options.env } }),
    resume: (snapshot: string, args: ReadonlyArray<string> = [], options: Options = {}) =>
      toolscope(["resume", snapshot, ...tools, ...args], {
        ...options,
        env: { TOOLSCOPE_MARK: mark, ...options.env }
      }),
    [Symbol.dispose]: () => {
      files[Symbol.dispose]()
    }
  }
}

const named = (files: Folder, part: string): ReadonlyArray<string> =>
  readdirSync(files.path(".")).filter((name) => name.includes(part))

/** Where a run has put its snapshot by itself. */
const snapshotOf = (files: Folder): string => {
  const found = named(files, ".snapshot.json").filter((name) => name.endsWith(".json"))
  assert.strictEqual(found.length, 1, found.join())
  return files.path(found[0]!)
}

const read = (path: string) => JSON.parse(readFileSync(path, "utf8")) as Snapshot.Snapshot

const idOf = (report: { readonly questions: ReadonlyArray<Question.Question> }, call: string): string =>
  report.questions.find((question) => question.call === call)!.id

const states = (report: Report.Json) => report.questions.map(({ call, state }) => [call, state])

const faults = (report: Report.Json) => report.faults!.map(({ _tag }) => _tag)

describe("a run whose questions nobody answers", () => {
  it("exits with 3, and leaves a snapshot that goes on with one answer, then with the rest; nothing is run again", async () => {
    using it = place(three)
    const done = await it.run()
    assert.strictEqual(done.code, 3, done.stderr)
    const path = snapshotOf(it.files)
    const snapshot = read(path)
    assert.strictEqual(statSync(path).mode & 0o777, 0o600)
    assert.include(path, snapshot.runId)
    const id = (of: string) => idOf(snapshot, of)
    assert.include(done.stderr, "suspended; 3 questions are open:")
    assert.match(
      done.stderr,
      new RegExp(`${id("/b").replace("?", "\\?")} +color +Which colour\\?\\\\u001b\\[31m +text`)
    )
    assert.include(done.stderr, `toolscope resume ${path} --tools ${tools[1]!} --answer `)
    assert.include(done.stdout, "suspended: 3 suspended, 1 failed, 2 succeeded")
    assert.deepStrictEqual(it.marks(), ["fails", "plain", "slow"])

    const one = await it.resume(path, ["--json", "--answer", `${id("/a")}=101`, "--by", "Ada"])
    assert.strictEqual(one.code, 3, one.stderr)
    assert.deepStrictEqual(states(reportOf(one)), [
      ["/a", "answered"],
      ["/b", "open"],
      ["/c", "open"]
    ])
    assert.strictEqual(reportOf(one).questions[0]!.by, "Ada")
    assert.notStrictEqual(read(path).snapshot, snapshot.snapshot)

    const rest = await it.resume(path, ["--json", "--answer", `${id("/b")}=blue`, "--answer", `${id("/c")}=y`])
    assert.strictEqual(rest.code, 0, rest.stderr)
    assert.strictEqual(reportOf(rest).runId, snapshot.runId)
    assert.deepStrictEqual(it.marks(), ["color blue", "fails", "plain", "room 101", "slow", "sure true"])
    assert.deepStrictEqual(named(it.files, ".tmp"), [], "what was written on the way is gone")
  })

  it("with --json prints the report and nothing else, as the published schemas have it", async () => {
    using it = place(three)
    const done = await it.run(["--json", "--snapshot", it.files.path("s.json")])
    assert.strictEqual(done.code, 3, done.stderr)
    assert.strictEqual(reportOf(done).status, "suspended")
    const validate = async (format: string, value: unknown) => {
      const { stdout } = await inProcess(["schema", format])
      const check = new Ajv2020({ allErrors: true }).compile(JSON.parse(stdout) as AnySchema)
      assert.isTrue(check(value), JSON.stringify(check.errors?.slice(0, 5)))
    }
    await validate("report", reportOf(done))
    await validate("snapshot", read(it.files.path("s.json")))
  })

  it("overwrites no snapshot that nobody has resumed, and nothing that is none", async () => {
    using it = place(three)
    const path = it.files.path("s.json")
    assert.strictEqual((await it.run(["--snapshot", path])).code, 3)
    const before = readFileSync(path, "utf8")
    const refused = (snapshot: string) =>
      inProcess(["run", it.files.path("plan.json"), ...tools, "--json", "--snapshot", snapshot])
    const again = await refused(path)
    const plan = await refused(it.files.path("plan.json"))
    const nowhere = await refused(it.files.path("no/such/s.json"))
    for (const done of [again, plan, nowhere]) {
      assert.strictEqual(done.code, 2, done.stderr)
      assert.deepStrictEqual(faults(reportOf(done)), ["BadFile"])
    }
    assert.strictEqual(readFileSync(path, "utf8"), before)
    assert.deepStrictEqual(it.marks(), ["fails", "plain", "slow"])
  })

  it("goes on with its journal, which is numbered through", async () => {
    using it = place({ toolscope: 1, plan: call("room") })
    const journal = it.files.path("journal")
    await it.run(["--journal", journal])
    const path = snapshotOf(it.files)
    // the last write was cut off
    writeFileSync(journal, `${readFileSync(journal, "utf8")}{"toolsc`)
    const done = await it.resume(path, ["--journal", journal, "--answer", `${idOf(read(path), "/")}=1`])
    assert.strictEqual(done.code, 0, done.stderr)
    const events = readFileSync(journal, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { readonly seq: number; readonly type: string })
    assert.deepStrictEqual(
      events.map(({ seq }) => seq),
      events.map((_, i) => i)
    )
    assert.includeMembers(
      events.map(({ type }) => type),
      ["fanout.opened", "question.asked", "fanout.resumed", "question.answered"]
    )
  })
})

describe("a resume", () => {
  it("leaves a question open whose answer is malformed, and says why", async () => {
    using it = place({ toolscope: 1, plan: { all: [child("a", "room"), child("b", "room")] } })
    await it.run()
    const path = snapshotOf(it.files)
    const id = (of: string) => idOf(read(path), of)
    const done = await it.resume(path, ["--json", "--answer", `${id("/a")}="one"`, "--answer", `${id("/b")}=2`])
    assert.strictEqual(done.code, 3, done.stderr)
    assert.include(done.stderr, `an answer was not taken: malformed answer to ${id("/a")}`)
    assert.deepStrictEqual(states(reportOf(done)), [
      ["/a", "open"],
      ["/b", "answered"]
    ])
    assert.strictEqual((await it.resume(path, ["--answer", `${id("/a")}=1`])).code, 0)
    assert.deepStrictEqual(it.marks(), ["room 1", "room 2"])
  })

  it("with wrong arguments is refused with all faults at once, and the snapshot stays as it was", async () => {
    using it = place(three)
    await it.run()
    const path = snapshotOf(it.files)
    const id = (of: string) => idOf(read(path), of)
    const wrong = await inProcess([
      ...["resume", path, "--json", "--tools", it.files.path("none.ts"), "--snapshot", it.files.path("no/s.json")],
      ...["--answer", `${id("/a")}=one`, "--answer", "run/x?0=1", "--answer", "nothing", "--deny", "run/y?0"],
      ...["--answer", `${id("/b")}=x`, "--deny", id("/b")]
    ])
    assert.strictEqual(wrong.code, 2, wrong.stderr)
    assert.sameMembers(faults(reportOf(wrong)), [
      ...["MalformedAnswer", "UnknownQuestion", "BadUsage", "UnknownQuestion", "BadUsage", "BadFile", "BadModule"]
    ])
    const noPlan = await inProcess(["resume", it.files.path("plan.json"), "--json"])
    assert.deepStrictEqual(faults(reportOf(noPlan)), ["BadSnapshot"])
    const others = await inProcess(["resume", path, "--json", "--tools", fixture("tools.ts")])
    assert.include(faults(reportOf(others)), "UnknownTool")
    assert.deepStrictEqual(named(it.files, ".claimed"), [])
    const denied = await it.resume(path, ["--json", "--deny", id("/a"), "--deny", id("/b"), "--deny", id("/c")])
    assert.strictEqual(denied.code, 1, denied.stderr)
    assert.strictEqual(reportOf(denied).calls[0]!.outcome, "Denied")
  })

  it("happens once: a second one runs nothing and says who was first, also where both begin at the same time", async () => {
    using it = place({ toolscope: 1, plan: call("room") })
    await it.run()
    const path = snapshotOf(it.files)
    const args = ["--json", "--by", "Ada", "--answer", `${idOf(read(path), "/")}=1`]
    const both = await Promise.all([it.resume(path, args), it.resume(path, args), it.resume(path, args)])
    assert.deepStrictEqual(both.map(({ code }) => code).sort(), [0, 2, 2])
    assert.deepStrictEqual(it.marks(), ["room 1"])
    const late = await it.resume(path, args)
    assert.strictEqual(late.code, 2)
    assert.deepStrictEqual(faults(reportOf(late)), ["AlreadyClaimed"])
    assert.match(late.stdout, /by Ada, process \d+ on .*; that ended succeeded at /)
    assert.deepStrictEqual(it.marks(), ["room 1"])
  })

  it("that was killed in between is not repeated by itself; who knows that can, under the same keys", async () => {
    using it = place({ toolscope: 1, plan: call("dies") })
    await it.run()
    const path = snapshotOf(it.files)
    const args = ["--json", "--answer", `${idOf(read(path), "/")}=here`]
    const killed = await it.resume(path, args, { env: { TOOLSCOPE_DIE: "1" } })
    assert.strictEqual(killed.signal, "SIGKILL")
    const again = await it.resume(path, args)
    assert.strictEqual(again.code, 2)
    assert.match(again.stdout, /that did not say how it ended: it was killed.*Look at its journal.*--reclaim/)
    assert.strictEqual(it.marks().length, 1)
    const both = await Promise.all([it.resume(path, [...args, "--reclaim"]), it.resume(path, [...args, "--reclaim"])])
    assert.include(
      both.map(({ code }) => code),
      0
    )
    const [first, second] = it.marks()
    assert.strictEqual(first, second)
    assert.match(reportOf(await it.resume(path, args)).faults![0]!.message, /that ended succeeded/)
  })

  it("takes only what was signed with the key, where there is one", async () => {
    using it = place({ toolscope: 1, plan: call("mail", { to: "bob" }) })
    const env = { TOOLSCOPE_SNAPSHOT_KEY: "a key" }
    await it.run(["--approve", "byContract"], { env })
    const path = snapshotOf(it.files)
    const text = readFileSync(path, "utf8")
    assert.notInclude(text, "a key")
    const changed = it.files.write("changed.json", text.replaceAll("bob", "eve"))
    const unsigned = it.files.write("unsigned.json", { ...read(path), signature: undefined })
    const answer = ["--json", "--answer", `${idOf(read(path), "/")}=true`]
    for (const file of [changed, unsigned]) {
      const done = await it.resume(file, answer, { env })
      assert.deepStrictEqual(faults(reportOf(done)), ["BadSignature"], done.stderr)
    }
    const other = await it.resume(path, answer, { env: { TOOLSCOPE_SNAPSHOT_KEY: "another" } })
    assert.deepStrictEqual(faults(reportOf(other)), ["BadSignature"])
    assert.deepStrictEqual(it.marks(), [])
    const copy = it.files.path("copy.json")
    copyFileSync(path, copy)
    assert.strictEqual((await it.resume(copy, answer, { env })).code, 0)
    assert.deepStrictEqual(it.marks(), ["mail bob"])
  })
})

/** Types each text when its question stands there and waits. */
const typing = (...steps: ReadonlyArray<readonly [after: string, keys: string]>) => {
  let next = 0
  let from = 0
  return (text: string, type: (keys: string) => void) => {
    const step = steps[next]
    if (step === undefined) return
    const at = text.indexOf(step[0], from)
    if (at === -1 || !/> $/.test(text.slice(at).replaceAll(/\u001b\[\d*[A-Z]/g, ""))) return
    next++
    from = text.length
    type(step[1])
  }
}

describe("on a terminal", () => {
  it("a run asks, one question at a time, and ends as it would have", async () => {
    using it = place(three)
    const onTerminal = typing(
      ["Which room?", "x\n"],
      ["a number", "7\n"],
      ["Which colour?", "blue\n"],
      ["Sure?", "n\n"]
    )
    const done = await it.run([], { onTerminal })
    assert.strictEqual(done.code, 0, done.stderr)
    assert.deepStrictEqual(it.marks(), ["color blue", "fails", "plain", "room 7", "slow", "sure false"])
    assert.deepStrictEqual(named(it.files, ".snapshot.json"), [])
  })

  it("what is left open with Ctrl-D suspends it; a resume asks for the rest there", async () => {
    using it = place({ toolscope: 1, plan: { all: [child("a", "room"), child("mail", "mail", { to: "bob" })] } })
    const first = await it.run(["--approve", "byContract"], {
      onTerminal: typing(["Which room?", "\u0004"], ["May mail run?", "y\n"])
    })
    assert.strictEqual(first.code, 3, first.stderr)
    assert.include(first.stderr, '"to": "bob"')
    const second = await it.resume(snapshotOf(it.files), ["--by", "Ada"], {
      onTerminal: typing(["Which room?", "5\n"])
    })
    assert.strictEqual(second.code, 0, second.stderr)
    assert.deepStrictEqual(it.marks(), ["mail bob", "room 5"])
    assert.match(second.stdout, /\?0 +answered +Ada +Which room\?/)
  })

  it("Ctrl-C at a question interrupts the run: it is withdrawn, and there is a report", async () => {
    using it = place({ toolscope: 1, plan: call("room") })
    const done = await it.run([], { onTerminal: typing(["Which room?", "\u0003"]) })
    assert.strictEqual(done.code, 130, done.stderr)
    assert.match(done.stdout, /\?0 +withdrawn/)
    assert.deepStrictEqual(named(it.files, ".snapshot.json"), [])
  })

  it("of the system, too, where there is a program to make one", async ({ skip }) => {
    // elsewhere its arguments are others
    const version = spawnSync("script", ["--version"], { encoding: "utf8" })
    const isThere = version.error === undefined && version.stdout.includes("util-linux")
    skip(!isThere, "no terminal of the system was tried: that needs `script` of util-linux")
    using it = place({ toolscope: 1, plan: call("color") })
    const bin = fileURLToPath(new URL("../src/bin.ts", import.meta.url))
    const command = [process.execPath, "--conditions=ws-source", bin, "run", it.files.path("plan.json"), ...tools]
    const done = await new Promise<{ readonly code: number | null; readonly text: string }>((resolve) => {
      const pty = spawn("script", ["-qefc", command.map((part) => `'${part}'`).join(" "), "/dev/null"])
      let text = ""
      const type = typing(["Which colour?", "green\r"])
      pty.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk
        type(text, (keys) => pty.stdin.write(keys))
      })
      pty.on("close", (code) => {
        resolve({ code, text })
      })
    })
    assert.strictEqual(done.code, 0, done.text)
    assert.match(done.text, /\?0 +answered/)
  })
})
