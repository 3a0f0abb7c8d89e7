import { assert, describe, it } from "@effect/vitest"
import { Contract, Fanout, Plan, PlanDocument } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Ledger from "@toolscope/testing/Ledger"
import * as Zoo from "@toolscope/testing/Zoo"
import { observe, type Observed, orThrow } from "./zooSupport.ts"

type Name = keyof typeof Zoo.animals

const { blocks: _, ...virtual } = Zoo.animals
const names = Object.keys(virtual) as ReadonlyArray<Name>

/** What becomes of a call: its outcome and, after a slash, its effects and what else is said of it. */
const summary = ({ report }: Observed): string => {
  const call = orThrow(report, "it never closed").calls[0]!
  return [
    call.outcome._tag,
    ...call.effects.map(({ state }) => state),
    ...(call.leftBehind ? ["left behind"] : []),
    ...(call.used ? ["used"] : []),
    ...(call.afterStop === undefined ? [] : ["afterStop"]),
    ...(call.cleanup === undefined ? [] : ["cleanup"]),
    ...(call.late === undefined ? [] : [`late ${call.late.join()}`])
  ].join(" / ")
}

/**
 * Each animal alone: left to itself, and stopped from outside after 50 ms (some are over by then); and where it can be undone, in an `atomic`
 * that fails after 70 ms.
 */
const expected: { readonly [name in Name]?: ReadonlyArray<string> } = {
  answers: ["Succeeded / used", "Succeeded / used"],
  answersAtOnce: ["Succeeded / used", "Succeeded / used"],
  refuses: ["Failed", "Failed"],
  failsAtOnce: ["Failed", "Failed"],
  commits: ["Succeeded / committed / used", "Succeeded / committed / used"],
  recovers: ["Succeeded / committed / used", "Unknown / unknown"],
  tidies: ["Succeeded / used", "Succeeded / used"],
  slowToStop: ["Succeeded / used", "Cancelled"],
  commitsThenFails: ["Failed / unknown", "Failed / unknown"],
  commitsThenDies: ["Unknown / unknown", "Unknown / unknown"],
  commitsThenHangs: ["Unknown / unknown", "Unknown / unknown"],
  commitsAsItStops: ["Succeeded / committed / used", "Unknown / unknown"],
  failsAsItStops: ["Succeeded / used", "Cancelled / afterStop"],
  marks: ["Succeeded / committed / used", "Succeeded / committed"],
  marksTwice: [
    "Succeeded / committed / committed / used",
    "Unknown / committed",
    "Succeeded / compensated / compensated"
  ],
  marksBeside: [
    "Succeeded / committed / committed / used",
    "Succeeded / committed / committed",
    "Succeeded / compensated / compensated"
  ],
  marksGuarded: ["Succeeded / committed / used", "Succeeded / committed"],
  marksAgain: ["Succeeded / committed / used", "Unknown / committed"],
  refusesAtItsGate: ["Failed", "Failed"],
  failsAtItsGate: ["Failed / unknown", "Failed / unknown"],
  diesAtItsGate: ["Unknown / unknown", "Unknown / unknown"],
  hangsAtItsGate: ["Unknown / unknown / left behind", "Unknown / unknown / left behind"],
  hangsInTime: ["Unknown / unknown", "Unknown / unknown / afterStop"],
  comesDeafToItsGate: ["Succeeded / committed / used", "Cancelled"],
  comesTooLateToItsGate: ["Failed / left behind", "Cancelled / left behind"],
  comesToItsGateAsItStops: ["Succeeded / used", "Cancelled"],
  isLookedUp: ["Failed / committed", "Failed / committed", "Failed / compensated"],
  isLookedUpInVain: ["Failed / unknown", "Failed / unknown", "Failed / compensated"],
  isNotThere: ["Failed", "Failed", "Failed"],
  hangsInItsProbe: [
    "Unknown / unknown / left behind",
    "Unknown / unknown / left behind",
    "Unknown / unknown / left behind"
  ],
  isUndone: ["Succeeded / committed / used", "Succeeded / committed / used", "Succeeded / compensated"],
  isUndoneInDoubt: ["Unknown / unknown", "Unknown / unknown", "Failed / compensated"],
  takesTimeToUndo: ["Succeeded / committed / used", "Succeeded / committed", "Succeeded / compensated"],
  failsToUndo: ["Succeeded / committed / used", "Succeeded / committed", "Succeeded / compensationFailed"],
  diesInItsUndo: ["Succeeded / committed / used", "Succeeded / committed", "Succeeded / compensationFailed"],
  hangsInItsUndo: ["Succeeded / committed / used", "Succeeded / committed", "Succeeded / compensationFailed"],
  isDeafInItsUndo: [
    "Succeeded / committed / used",
    "Succeeded / committed",
    "Succeeded / compensationFailed / left behind"
  ],
  landsAfterItsUndo: ["Succeeded / committed / used", "Succeeded / committed / used", "Succeeded / compensated"],
  readsYetMarks: ["Failed", "Failed"],
  marksInItsCleanup: ["Succeeded / used / cleanup", "Succeeded / used / cleanup"],
  detachesItsGate: ["Succeeded / used", "Succeeded / used"],
  forgetsItsGate: ["Succeeded / committed / used", "Succeeded / committed / used"],
  never: ["Failed", "Cancelled"],
  deafNever: ["Failed / left behind", "Cancelled / left behind"],
  uninterruptible: ["Succeeded / committed / used", "Unknown / unknown / left behind"],
  guarded: ["Succeeded / committed / used", "Unknown / unknown / left behind"],
  hangsInFinalizer: ["Succeeded / used", "Cancelled / left behind"],
  hangsInCleanup: ["Succeeded / left behind / used / cleanup", "Succeeded / left behind / cleanup"],
  diesInFinalizer: ["Succeeded / used", "Cancelled / afterStop"],
  diesInCleanup: ["Succeeded / used / cleanup", "Succeeded / used / cleanup"],
  malformed: ["Failed", "Failed"],
  answersTwice: ["Succeeded / used", "Succeeded / used"],
  floods: ["Succeeded / used", "Succeeded / used"],
  throws: ["Unknown / unknown", "Unknown / unknown"],
  dies: ["Failed", "Failed"],
  interruptsItself: ["Failed", "Failed"],
  answersAfterItsRetry: ["Succeeded / committed / left behind / used / late 1", "Unknown / unknown / left behind"],
  deafPromise: ["Succeeded / committed / used", "Unknown / unknown / left behind"],
  deafPromiseNever: ["Unknown / unknown / left behind", "Unknown / unknown / left behind"],
  deafPromiseCommits: ["Unknown / unknown / left behind", "Unknown / unknown / left behind"],
  abortable: ["Succeeded / used", "Cancelled"],
  abortableAnswers: ["Succeeded / used", "Succeeded"],
  abortShaped: ["Failed", "Failed"],
  throwsBeforeItsPromise: ["Unknown / unknown", "Unknown / unknown"],
  promiseMarks: ["Succeeded / committed / used", "Unknown / committed"],
  promiseMarksTwice: [
    "Succeeded / committed / committed / used",
    "Unknown / committed",
    "Cancelled / compensated / compensated"
  ],
  deafPromiseMarks: ["Succeeded / committed / used", "Cancelled"],
  deafPromiseMarksTooLate: ["Failed / left behind", "Cancelled / left behind"],
  promiseHangsAtItsGate: ["Unknown / unknown / left behind", "Unknown / unknown / left behind"],
  promiseIsLookedUp: ["Failed / committed", "Failed / committed", "Failed / compensated"],
  promiseIsUndone: ["Succeeded / committed / used", "Succeeded / committed / used", "Succeeded / compensated"],
  promiseFailsToUndo: ["Succeeded / committed / used", "Unknown / committed", "Succeeded / compensationFailed"],
  promiseHangsInItsUndo: [
    "Succeeded / committed / used",
    "Unknown / committed",
    "Succeeded / compensationFailed / left behind"
  ],
  detaches: ["Succeeded / committed / used", "Succeeded / committed / used"]
}

describe("the animals", () => {
  it("each has an expectation here", () => {
    assert.deepStrictEqual(Object.keys(expected).sort(), [...names].sort())
  })

  it("each is described in docs/zoo.md in its own words", () => {
    const page = readFileSync(new URL("../../../docs/zoo.md", import.meta.url), "utf8")
    const rows = page.split("\n").map((line) => line.split("|").map((cell) => cell.trim()))
    for (const [name, { shows, tool }] of Object.entries(Zoo.animals))
      assert.isTrue(
        rows.some((row) => row[1] === `\`${name}\`` && row[2] === `\`${tool}\`` && row[3] === shows),
        name
      )
  })

  for (const name of names) {
    it.effect(`${name}: ${Zoo.animals[name].shows}`, () =>
      Effect.gen(function* () {
        const animal = Zoo.animals[name]
        const alone = summary(yield* observe(Zoo.call(animal)))
        const stopped = summary(yield* observe(Zoo.call(animal), {}, 50))
        const bad = Plan.call(Zoo.tools.reads, { after: 70, then: "fail" })
        const { contract } = Zoo.tools[animal.tool]
        const isUndone = contract.effect !== "none" && Contract.canUndo(contract)
        const lost = isUndone ? [summary(yield* observe(Plan.atomic(Plan.all([Zoo.call(animal), bad]))))] : []
        assert.deepStrictEqual([alone, stopped, ...lost], expected[name])
      })
    )
  }

  it.effect("write down what they do, with times of the virtual clock", () =>
    Effect.gen(function* () {
      const { ledger } = yield* observe(Zoo.call(Zoo.animals.commitsThenFails))
      assert.deepStrictEqual(ledger, [
        { run: "r", call: "/", attempt: 1, key: "r/#0", at: 0, what: "began" },
        { run: "r", call: "/", attempt: 1, key: "r/#0", at: 20, what: "committed" },
        { run: "r", call: "/", attempt: 1, key: "r/#0", at: 20, what: "ended", error: "/ attempt 1 failed" }
      ])
    })
  )

  it.effect("promises are driven by the virtual clock too, and go on when they have been left behind", () =>
    Effect.gen(function* () {
      const { journal, ledger } = yield* observe(Zoo.call(Zoo.animals.deafPromiseCommits), {}, 50)
      const closed = journal.find((event) => event.type === "fanout.closed")!.time
      assert.strictEqual(closed, 90)
      assert.deepStrictEqual(
        ledger.map(({ at, what }) => [at, what]),
        [
          [0, "began"],
          [5_000, "committed"]
        ]
      )
    })
  )

  it.effect("what was detached commits when everything is over, and says so", () =>
    Effect.gen(function* () {
      const { journal, ledger } = yield* observe(Zoo.call(Zoo.animals.detaches))
      assert.strictEqual(journal.at(-1)!.time, 20)
      const { at, detached, what } = ledger.at(-1)!
      assert.deepStrictEqual([at, what, detached], [120, "committed", true])
    })
  )

  it.live("one that blocks the event loop delays the bound by as long", () =>
    Effect.gen(function* () {
      const started = performance.now()
      yield* Fanout.run(Zoo.call(Zoo.animals.blocks), { drain: "1 millis" })
      assert.isAtLeast(performance.now() - started, 50)
    })
  )

  it.effect("as nodes of the plan format they do the same", () =>
    Effect.gen(function* () {
      const all = names.map((name) => ({ id: name, settled: Zoo.node(Zoo.animals[name]) }))
      const document = JSON.parse(JSON.stringify({ toolscope: 1, plan: { all }, concurrency: 100 }))
      const { plan, settings } = yield* PlanDocument.decode(document, Object.values(Zoo.tools))
      const { report } = yield* observe(plan, settings)
      const byCall = Plan.all(
        Object.fromEntries(names.map((name) => [name, Plan.settled(Zoo.call(Zoo.animals[name]))]))
      )
      const other = yield* observe(byCall, settings)
      const outcomes = (r: typeof report) => orThrow(r, "it never closed").calls.map((c) => [c.id, c.outcome._tag])
      assert.deepStrictEqual(outcomes(report), outcomes(other.report))
      assert.lengthOf(outcomes(report), names.length)
    })
  )
})

describe("a behaviour", () => {
  const roundTrip = Schema.toCodecJson(Zoo.Script)

  it("is JSON, and the same when it comes back", () => {
    for (const { does } of Object.values(Zoo.animals)) {
      const json = JSON.parse(JSON.stringify(Schema.encodeSync(roundTrip)(does)))
      assert.deepStrictEqual(Schema.decodeUnknownSync(roundTrip)(json), does)
    }
  })

  it.effect("that makes no sense is refused before anything starts, with its place", () =>
    Effect.gen(function* () {
      const document = {
        toolscope: 1,
        plan: {
          all: [
            { id: "a", call: "reads", params: { after: "soon", then: "answer" } },
            { id: "b", call: "reads", params: { then: "explode" } },
            { id: "c", call: "reads", params: { then: "commit", next: { after: -1, then: "answer" } } }
          ]
        }
      }
      const error = yield* Effect.flip(PlanDocument.decode(document, [Zoo.tools.reads]))
      const places = error.faults.map(({ pointer }) => pointer.split("/").slice(0, 5).join("/"))
      assert.deepStrictEqual([...new Set(places)], ["/plan/all/0/params", "/plan/all/1/params", "/plan/all/2/params"])
    })
  )

  it.effect("for each attempt: the last one goes on", () =>
    Effect.gen(function* () {
      const script = { attempts: [{ then: "fail" }, { then: "refuse" }] } as const
      const { journal } = yield* observe(Plan.call(Zoo.tools.keyed, script, { retry: 2 }))
      const errors = journal.flatMap((event) => (event.type === "attempt.ended" ? [event.error] : []))
      assert.deepStrictEqual(errors, ["/ attempt 1 failed", "/ attempt 2 refused", "/ attempt 3 refused"])
    })
  )
})

describe("the gate of the zoo", () => {
  const whats = ({ ledger }: Observed) =>
    ledger.map(({ at, key, what }) => `${at - ledger[0]!.at} ${what} ${key!.replace("r/", "")}`)

  for (const [name, again] of [
    ["marksTwice", "promiseMarksTwice"],
    ["failsToUndo", "promiseFailsToUndo"]
  ] as const) {
    it.effect(`is the same for Effects and for promises: ${name}`, () =>
      Effect.gen(function* () {
        const bad = Plan.call(Zoo.tools.reads, { after: 110, then: "fail" })
        const shapes = [(plan: Plan.Any) => plan, (plan: Plan.Any) => Plan.atomic(Plan.all([plan, bad]))]
        for (const shape of shapes) {
          const [effect, promise] = [Zoo.animals[name], Zoo.animals[again]].map((animal) =>
            observe(shape(Zoo.call(animal)) as Plan.Plan<unknown, unknown>)
          )
          assert.deepStrictEqual(whats(yield* promise!), whats(yield* effect!))
        }
      })
    )
  }

  it.effect("what passes is written down when it begins, when it acts and when it has ended, under its key", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(whats(yield* observe(Zoo.call(Zoo.animals.marksBeside))), [
        "0 began #0",
        "20 committing #0",
        "20 committing #1",
        "30 committed #1",
        "30 concluded #1",
        "50 committed #0",
        "50 concluded #0",
        "70 ended #0"
      ])
    })
  )

  it.effect("an effect that comes after its undo is refused by the world", () =>
    Effect.gen(function* () {
      const bad = Plan.call(Zoo.tools.reads, { after: 70, then: "fail" })
      const { ledger } = yield* observe(Plan.atomic(Plan.all([Zoo.call(Zoo.animals.landsAfterItsUndo), bad])))
      const mine = ledger.filter(({ call }) => call === "/0")
      assert.deepStrictEqual(
        mine.map(({ at, what }) => `${at} ${what}`),
        ["0 began", "20 ended", "70 undoing", "70 undone", "320 refused"]
      )
      assert.deepStrictEqual([...Ledger.world(mine).holds], [])
    })
  )

  it.effect("a probe says what it is told to say, and by default the truth", () =>
    Effect.gen(function* () {
      const happened = (act: boolean, probe?: Zoo.Behaviour["probe"]) =>
        Effect.map(
          observe(
            Plan.call(Zoo.tools.probed, {
              then: "gate",
              does: act ? { then: "commit", next: { then: "fail" } } : { then: "fail" },
              ...(probe === undefined ? {} : { probe })
            })
          ),
          ({ journal }) => journal.find((event) => event.type === "effect.probed")?.happened
        )
      assert.strictEqual(yield* happened(true), "yes")
      assert.strictEqual(yield* happened(false), "no")
      assert.strictEqual(yield* happened(true, { then: "no" }), "no")
      assert.strictEqual(yield* happened(false, { after: 5, then: "yes" }), "yes")
      assert.strictEqual(yield* happened(true, { then: "die" }), "unknown")
    })
  )
})

describe("a ledger", () => {
  const inDirectory = (use: (path: string) => void) => {
    const directory = mkdtempSync(join(tmpdir(), "ledger-"))
    try {
      use(join(directory, "ledger.ndjson"))
    } finally {
      rmSync(directory, { recursive: true })
    }
  }
  const record: Ledger.Record = { run: "r", call: "/a", attempt: 1, key: "k", at: 5, what: "committed" }

  it("in a file is read back by another ledger of that file, and grows", () => {
    inDirectory((path) => {
      assert.deepStrictEqual(Ledger.file(path).records, [])
      Ledger.file(path).append(record)
      Ledger.file(path).append({ ...record, what: "ended", error: "two\nlines" })
      assert.deepStrictEqual(Ledger.file(path).records, [record, { ...record, what: "ended", error: "two\nlines" }])
    })
  })

  it("leaves out a last line that a crash cut off, and names any other line that is no record", () => {
    inDirectory((path) => {
      Ledger.file(path).append(record)
      appendFileSync(path, '{"run":"r","call":"/b","att')
      assert.deepStrictEqual(Ledger.file(path).records, [record])
      appendFileSync(path, "\n")
      assert.throws(() => Ledger.file(path).records, /line 2 of the ledger is no record/)
    })
  })

  it.effect("holds what a promise tool writes by a plain function", () =>
    Effect.gen(function* () {
      const tool = Zoo.tool("send", Contract.irreversible, { drives: "promise" })
      const { ledger } = yield* observe(Plan.all({ a: Plan.call(tool, { after: 3, then: "commit" }) }))
      assert.deepStrictEqual(
        ledger.map(({ at, call, what }) => `${at} ${call} ${what}`),
        ["0 /a began", "3 /a committed", "3 /a ended"]
      )
    })
  )
})
