/**
 * Plans as data: what is written can be read, what cannot run is refused before anything starts, all faults at once and each in its
 * place, and a hostile document does no harm.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Fanout, Plan, PlanDocument, type PlanError, Tool } from "@toolscope/core"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { good, randomNode, Read, plan, tools } from "./documents.ts"
import { ok, prng, reading, reportOf } from "./support.ts"

/** `[pointer, tag]` of every fault, in the order in which they are listed. */
const faultsOf = (document: unknown, among: ReadonlyArray<Tool.Any> = tools) =>
  Effect.map(Effect.flip(PlanDocument.decode(document, among)), ({ faults }) =>
    faults.map((fault) => [fault.pointer, fault._tag])
  )
const child = (id: string, node: object = good) => ({ id, ...node })

describe("a fault", () => {
  const cases: ReadonlyArray<readonly [PlanError.FaultTag, unknown, string]> = [
    ["BadShape", "no object", ""],
    ["BadShape", { toolscope: 1 }, "/plan"],
    ["BadShape", plan(good, { speed: "fast" }), "/speed"],
    ["BadShape", plan([]), "/plan"],
    ["BadShape", plan({}), "/plan"],
    ["BadShape", plan({ all: [], quorum: 1, of: [] }), "/plan"],
    ["BadShape", plan({ all: {} }), "/plan/all"],
    ["BadShape", plan({ ...good, retries: 3 }), "/plan/retries"],
    ["BadShape", plan({ all: [{ id: "a", settled: 7 }] }), "/plan/all/0/settled"],
    ["BadVersion", { toolscope: 2, plan: good }, "/toolscope"],
    ["UnknownTool", plan({ call: "reed", params: {} }), "/plan/call"],
    ["UnknownTool", plan({ call: "constructor", params: {} }), "/plan/call"],
    ["BadParameters", plan({ call: "read", params: { of: 1 } }), "/plan/params/of"],
    ["BadParameters", plan({ call: "read", params: { of: "x", deep: { n: 0.5 } } }), "/plan/params/deep/n"],
    ["BadParameters", plan({ call: "read" }), "/plan/params/of"],
    ["BadId", plan({ all: [good] }), "/plan/all/0/id"],
    ["BadId", plan({ all: [{ ...good, id: 7 }] }), "/plan/all/0/id"],
    ["BadId", plan({ all: [child("")] }), "/plan/all/0/id"],
    ["BadId", plan({ all: [child("a/b")] }), "/plan/all/0/id"],
    ["BadId", plan({ all: [child("a\u0007")] }), "/plan/all/0/id"],
    ["BadId", plan({ all: [child("x".repeat(129))] }), "/plan/all/0/id"],
    ["BadId", plan({ all: [child("__proto__")] }), "/plan/all/0/id"],
    ["BadId", plan({ all: [child("constructor")] }), "/plan/all/0/id"],
    ["BadId", plan({ all: [child("prototype")] }), "/plan/all/0/id"],
    ["DuplicateId", plan({ quorum: 1, of: [child("a"), child("a")] }), "/plan/of/1/id"],
    ["BadQuorum", plan({ quorum: 4, of: [child("a"), child("b"), child("c")] }), "/plan/quorum"],
    ["BadQuorum", plan({ quorum: 0, of: [child("a")] }), "/plan/quorum"],
    ["BadQuorum", plan({ quorum: 0.5, of: [child("a")] }), "/plan/quorum"],
    ["Empty", plan({ firstSuccess: [] }), "/plan/firstSuccess"],
    ["BadDuration", plan({ ...good, timeout: "soon" }), "/plan/timeout"],
    ["BadDuration", plan({ deadline: -1, of: good }), "/plan/deadline"],
    ["BadDuration", plan({ deadline: "-1 second", of: good }), "/plan/deadline"],
    ["BadDuration", plan({ firstSuccess: [child("a")], stagger: "" }), "/plan/stagger"],
    ["BadDuration", plan({ all: [{ id: "a", advisory: good, grace: "1 parsec" }] }), "/plan/all/0/grace"],
    ["BadDuration", plan(good, { drain: "Infinity" }), "/drain"],
    ["BadDuration", plan(good, { undo: "never" }), "/undo"],
    ["BadSetting", plan(good, { concurrency: 0 }), "/concurrency"],
    ["BadSetting", plan({ ...good, retry: -1 }), "/plan/retry"],
    ["Misplaced", plan({ advisory: good }), "/plan"],
    ["Misplaced", plan({ quorum: 1, of: [{ id: "a", advisory: good }] }), "/plan/of/0"],
    ["RetryForbidden", plan({ call: "write", retry: 1 }), "/plan/retry"],
    [
      "OverlapForbidden",
      plan({ firstSuccess: [child("a"), child("b", { call: "write" })] }),
      "/plan/firstSuccess/1/call"
    ],
    ["UndoForbidden", plan({ atomic: { call: "write" } }), "/plan/atomic/call"],
    [
      "UndoForbidden",
      plan({ quorum: 1, of: [child("a"), child("b", { settled: { call: "write" } })], surplus: "undo" }),
      "/plan/of/1/settled/call"
    ],
    ["BadSetting", plan(good, { budget: { calls: 0.5 } }), "/budget/calls"],
    ["BadSetting", plan(good, { budget: { costs: { usd: -1 } } }), "/budget/costs/usd"],
    ["BadShape", plan(good, { budget: 7 }), "/budget"],
    ["BadDuration", plan(good, { budget: { wallClock: "soon" } }), "/budget/wallClock"]
  ]
  for (const [tag, document, pointer] of cases) {
    const shown = JSON.stringify(document)
    it.effect(`${tag} stands at ${pointer === "" ? "the whole" : pointer} of ${shown.slice(0, 90)}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* faultsOf(document), [[pointer, tag]])
      })
    )
  }

  it.effect("DuplicateTool and contracts that contradict themselves are found, too", () =>
    Effect.gen(function* () {
      const namesake = Tool.make("read", { contract: reading, handler: () => Effect.succeed(1) })
      assert.deepStrictEqual(yield* faultsOf(plan(good), [Read, namesake]), [["", "DuplicateTool"]])
      const marked = Tool.make("t", {
        contract: Contract.make({ effect: "additive", compensate: "atCommit" }),
        handler: () => Effect.succeed(1)
      })
      assert.deepStrictEqual(yield* faultsOf(plan({ call: "t" }), [marked]), [["/plan/call", "BadContract"]])
    })
  )

  it.effect("BadJson is what a text without JSON has", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(PlanDocument.parse('{"toolscope": 1,', tools))
      assert.deepStrictEqual(
        error.faults.map((fault) => [fault.pointer, fault._tag]),
        [["", "BadJson"]]
      )
    })
  )

  it.effect("says what is wrong and what to do, and all of them come in one error, in the order of the plan", () =>
    Effect.gen(function* () {
      const children = Array.from({ length: 12 }, (_, i) => child(`c${i}`, i % 5 === 2 ? { call: "reed" } : good))
      const document = plan(
        {
          all: [...children, { id: "q", quorum: 9, of: [child("a", { call: "read", params: { of: 1 } }), child("a")] }]
        },
        { concurrency: -1 }
      )
      const error = yield* Effect.flip(PlanDocument.decode(document, tools))
      assert.deepStrictEqual(
        error.faults.map((fault) => [fault.pointer, fault._tag]),
        [
          ["/concurrency", "BadSetting"],
          ["/plan/all/2/call", "UnknownTool"],
          ["/plan/all/7/call", "UnknownTool"],
          ["/plan/all/12/of/0/params/of", "BadParameters"],
          ["/plan/all/12/of/1/id", "DuplicateId"],
          ["/plan/all/12/quorum", "BadQuorum"]
        ]
      )
      assert.include(error.message, '"read", "write"')
      assert.include(error.message, "write 1 to 2")
      assert.match(error.message, /^the plan has 6 faults:/)
    })
  )

  it.effect("of a plan that was built, not read, is found before anything starts, too (PY6)", () =>
    Effect.gen(function* () {
      let started = false
      const call = Plan.effect(
        Effect.sync(() => (started = true)),
        reading
      )
      const built = Plan.all({
        a: call,
        q: Plan.quorum(3, [call]),
        "7": call,
        r: Plan.deadline(call, "-1 second" as never)
      })
      const error = yield* Effect.flip(Fanout.run(built, { concurrency: 0 }))
      assert.deepStrictEqual(error._tag === "PlanError" && error.faults.map((fault) => fault._tag).sort(), [
        "BadDuration",
        "BadId",
        "BadQuorum",
        "BadSetting"
      ])
      assert.isFalse(started)
    })
  )
})

describe("what is written", () => {
  it.effect("can be read again, and is the same", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 400; seed++) {
        const random = prng(seed)
        const document = plan(
          randomNode(random, 4),
          random.next() < 0.5 ? { drain: 1_500, undo: 0, concurrency: 3 } : {}
        )
        const { plan: decoded, settings } = yield* PlanDocument.decode(document, tools)
        const encoded = yield* PlanDocument.encode(decoded, settings)
        assert.deepStrictEqual<unknown>(encoded, document, `seed ${seed}`)
      }
    })
  )

  it.effect("runs as the plan that it was", () =>
    Effect.gen(function* () {
      const original = Plan.all({
        a: Plan.call(Read, { of: "x" }, { timeout: Duration.seconds(2) }),
        b: Plan.firstSuccess([Plan.call(Read, { of: "y" })], { stagger: "infinity" })
      })
      const document = yield* PlanDocument.encode(original, { drain: Duration.millis(70) })
      const { plan: again, settings } = yield* PlanDocument.decode(JSON.parse(JSON.stringify(document)), tools)
      assert.deepStrictEqual(settings, { drain: 70 })
      assert.deepStrictEqual((yield* reportOf(again)).value, (yield* reportOf(original)).value)
    })
  )

  it.effect("holds no code: every inline Effect, Equivalence and Schedule is refused, each with its place", () =>
    Effect.gen(function* () {
      const code = Plan.all({
        a: ok(1),
        b: Plan.call(Read, { of: "x" }, { retry: Schedule.recurs(1) }),
        c: Plan.quorum(1, [Plan.call(Read, { of: "x" })], { agree: () => true })
      })
      const error = yield* Effect.flip(PlanDocument.encode(code))
      assert.sameDeepMembers(
        error.faults.map((fault) => [fault.pointer, fault._tag]),
        [
          ["/plan/all/0/call", "Unsupported"],
          ["/plan/all/1/retry", "Unsupported"],
          ["/plan/all/2/agree", "Unsupported"]
        ]
      )
    })
  )
})

describe("a hostile document", () => {
  const deepList = (): unknown => {
    let deep: unknown = []
    for (let i = 0; i < 50_000; i++) deep = [deep]
    return deep
  }
  const deepObject = (): unknown => {
    let deep: unknown = {}
    for (let i = 0; i < 50_000; i++) deep = { a: deep }
    return deep
  }

  it.effect("of any depth in any place is refused with a message of readable size, not with a stack overflow", () =>
    Effect.gen(function* () {
      for (const deep of [deepList(), deepObject()]) {
        for (const document of [
          deep,
          { toolscope: deep, plan: good },
          plan(deep),
          plan(good, { drain: deep }),
          plan({ all: deep }),
          plan({ all: [deep] }),
          plan({ all: [{ id: deep, ...good }] }),
          plan({ quorum: deep, of: [] }),
          plan({ call: deep }),
          plan({ call: "read", params: deep }),
          plan({ ...good, timeout: deep })
        ]) {
          const error = yield* Effect.flip(PlanDocument.decode(document, tools))
          assert.isBelow(error.message.length, 2_000)
        }
      }
    })
  )

  it.effect("nested 20,000 deep is read, checked and run", () =>
    Effect.gen(function* () {
      let node: object = good
      for (let i = 0; i < 20_000; i++) node = { settled: node }
      const { plan: decoded } = yield* PlanDocument.decode(plan(node), tools)
      assert.strictEqual((yield* reportOf(decoded)).status, "succeeded")
      let bad: object = { call: "nobody" }
      for (let i = 0; i < 5_000; i++) bad = { all: [{ id: "x", ...bad }] }
      const [fault] = yield* faultsOf(plan(bad))
      assert.strictEqual(fault![0], `/plan${"/all/0".repeat(5_000)}/call`)
    })
  )

  it.effect("of 10,000 calls is read and run", () =>
    Effect.gen(function* () {
      const { plan: decoded } = yield* PlanDocument.decode(
        plan({ all: Array.from({ length: 10_000 }, (_, i) => child(`c${i}`)) }),
        tools
      )
      const report = yield* reportOf(decoded)
      assert.deepStrictEqual([report.status, report.calls.length], ["succeeded", 10_000])
    })
  )

  it.effect("with something of the wrong type anywhere gets faults, never a crash", () =>
    Effect.gen(function* () {
      const junk = [
        null,
        true,
        0,
        -1.5,
        "",
        "x",
        [],
        {},
        [[]],
        { id: 1 },
        { call: "read" },
        10n,
        Symbol("s"),
        undefined
      ]
      const paths: ReadonlyArray<(u: unknown) => unknown> = [
        (u) => u,
        (u) => ({ toolscope: u, plan: good }),
        (u) => plan(u),
        (u) => plan(good, { concurrency: u }),
        (u) => plan({ all: u }),
        (u) => plan({ all: [u] }),
        (u) => plan({ all: [{ ...good, id: u }] }),
        (u) => plan({ quorum: u, of: [child("a")] }),
        (u) => plan({ quorum: 1, of: u }),
        (u) => plan({ quorum: 1, of: [child("a")], agree: u }),
        (u) => plan({ firstSuccess: [child("a")], stagger: u }),
        (u) => plan({ call: u }),
        (u) => plan({ call: "read", params: u }),
        (u) => plan({ ...good, timeout: u, retry: u, idempotencyKey: u }),
        (u) => plan({ advisory: u }),
        (u) => plan({ deadline: u, of: u }),
        (u) => plan({ atomic: u })
      ]
      for (const make of paths) {
        for (const u of junk) {
          const result = yield* Effect.result(PlanDocument.decode(make(u), tools))
          if (result._tag === "Failure") assert.strictEqual(result.failure._tag, "PlanError")
        }
      }
    })
  )

  it.effect("with names of prototypes changes no prototype and finds no tool", () =>
    Effect.gen(function* () {
      const text = `{"toolscope": 1, "plan": {"all": [{"id": "a", "call": "read", "params": {"of": "x", "__proto__": {"polluted": 1}}},
        {"__proto__": {"call": "read"}, "id": "b", "call": "toString", "params": {}}]}, "__proto__": {"polluted": 1}}`
      const error = yield* Effect.flip(PlanDocument.parse(text, tools))
      assert.isUndefined(({} as { polluted?: unknown }).polluted)
      assert.includeDeepMembers(
        error.faults.map((fault) => [fault.pointer, fault._tag]),
        [
          ["/plan/all/1/__proto__", "BadShape"],
          ["/__proto__", "BadShape"]
        ]
      )
    })
  )
})
