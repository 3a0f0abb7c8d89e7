/**
 * One turn of calls that behave as badly as tools do, as a toolkit of `effect/ai`: who answers late, not at all, wrongly; what has ended when
 * the run returns; what is said of each call. In virtual time.
 */
import { assert, describe, it } from "@effect/vitest"
import { Agent, AiTools, type End, ScriptedModel } from "@toolscope/agent"
import { Contract, Session } from "@toolscope/core"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { Tool, Toolkit } from "effect/ai"
import * as TestClock from "effect/testing/TestClock"
import { calls, callsIn, resultsIn, resultsOf } from "./support.ts"

const reading = { success: Schema.String, failure: Schema.String }
const make = <const Name extends string>(name: Name) =>
  Tool.make(name, reading).annotate(AiTools.Contract, Contract.readOnly)
const Kit = Toolkit.make(
  make("a"),
  make("b"),
  Tool.make("c", reading).annotate(AiTools.Contract, Contract.make({ effect: "destructive", interruption: "never" })),
  // the same, and its contract does not say that nothing interrupts it
  Tool.make("g", reading).annotate(AiTools.Contract, Contract.irreversible),
  make("d"),
  make("e"),
  make("f"),
  Tool.make("h", reading).annotate(AiTools.Contract, Contract.irreversible)
)

/** What really happened, and when: the tools' own ledger. */
const world = (began: number) => {
  const ledger: Array<string> = []
  let tries = 0
  const note = (what: string) => Effect.map(Clock.currentTimeMillis, (at) => void ledger.push(`${at - began} ${what}`))
  const layer = Kit.toLayer({
    // answers with something that is not what it declares
    a: () => Effect.andThen(Effect.sleep(50), Effect.succeed({ not: "text" } as never)),
    // stops when told to, and needs time for it
    b: () => Effect.onInterrupt(Effect.never, () => Effect.andThen(Effect.sleep(250), note("b cleaned up"))),
    // pays no heed, and acts at its end
    c: () => Effect.uninterruptible(Effect.andThen(Effect.sleep(1_500), Effect.as(note("c acted"), "c"))),
    g: () => Effect.uninterruptible(Effect.andThen(Effect.sleep(1_500), Effect.as(note("g acted"), "g"))),
    d: () => Effect.as(note("d"), "d"),
    e: () =>
      Effect.andThen(
        note("e"),
        Effect.suspend(() => (++tries === 1 ? Effect.fail("not yet") : Effect.succeed("e")))
      ),
    f: () => Effect.andThen(Effect.sleep(200), Effect.fail("f never works")),
    h: () => Effect.uninterruptible(Effect.never)
  })
  return { layer, ledger }
}

/** Runs these calls, all in one turn; at `abort` milliseconds somebody stops the run. */
const turnOf = (names: string, abort?: number) =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    const { layer, ledger } = world(began)
    const turn = calls(...Array.from(names).map((name) => [name, name, { toolscope_policy: null }] as const))
    const session = yield* Session.make({ id: "s" })
    let returned = 0
    const fiber = yield* Agent.run({ prompt: "go", tools: Kit, session }).pipe(
      Effect.tap(() => Effect.map(Clock.currentTimeMillis, (at) => void (returned = at))),
      Effect.provide(layer),
      Effect.provide(ScriptedModel.layer([turn, "done"])),
      Effect.forkChild
    )
    if (abort !== undefined) {
      yield* TestClock.adjust(abort)
      yield* Effect.forkChild(session.cancel("the caller has had enough"))
    }
    yield* TestClock.adjust("1 minute")
    const end = yield* Fiber.join(fiber)
    returned -= began
    const late = ledger.filter((line) => Number(line.split(" ")[0]) > returned)
    // whatever happened: one result for every call
    assert.deepStrictEqual(
      resultsIn(end.history).map(({ id }) => id),
      callsIn(end.history)
    )
    return { end, ledger, late, returned }
  })

const outcomes = (end: End.End) =>
  Object.fromEntries(
    Object.entries(resultsOf(end)).map(([id, { isFailure, result }]) => [id, isFailure ? result.outcome : result])
  )

describe("the adversarial turn", () => {
  it.effect("S1, stopped at 3 s: returns when the last has cleaned up, with the end of each", () =>
    Effect.gen(function* () {
      const { end, late, ledger, returned } = yield* turnOf("abcde", 3_000)
      assert.strictEqual(returned, 3_250)
      assert.strictEqual(end._tag, "Stopped")
      assert.deepStrictEqual(outcomes(end), { a: "Failed", b: "Cancelled", c: "c", d: "d", e: "Failed" })
      assert.include(resultsOf(end).a?.result.message, "malformed result")
      assert.deepStrictEqual(resultsOf(end).e?.result.error.details, "not yet")
      assert.include(ledger, "3250 b cleaned up")
      assert.deepStrictEqual(late, [])
    })
  )

  it.effect("S2, stopped at 0.7 s: what acts late has acted before the return, and is said to have", () =>
    Effect.gen(function* () {
      const { end, late, ledger, returned } = yield* turnOf("abcde", 700)
      assert.strictEqual(returned, 1_500)
      assert.deepStrictEqual(outcomes(end), { a: "Failed", b: "Cancelled", c: "c", d: "d", e: "Failed" })
      assert.includeMembers(ledger, ["950 b cleaned up", "1500 c acted"])
      assert.deepStrictEqual(late, [])
    })
  )

  it.effect(
    "says of what it cannot know that it is unknown: Effect loses the value of a region that a contract does not speak of",
    () =>
      Effect.gen(function* () {
        const { end, late, returned } = yield* turnOf("gd", 700)
        assert.strictEqual(returned, 1_500)
        assert.deepStrictEqual(outcomes(end), { g: "Unknown", d: "d" })
        assert.deepStrictEqual(late, [])
      })
  )

  it.effect("S3, not stopped: both failures are seen, and cost the others nothing", () =>
    Effect.gen(function* () {
      const { end, returned } = yield* turnOf("acdef")
      assert.strictEqual(returned, 1_500)
      assert.strictEqual(end._tag, "Answered")
      assert.deepStrictEqual(outcomes(end), { a: "Failed", c: "c", d: "d", e: "Failed", f: "Failed" })
      assert.deepStrictEqual(resultsOf(end).f?.result.error.details, "f never works")
    })
  )

  it.effect("S4, stopped at 3 s: what pays no heed is left behind at its bound, and may still act", () =>
    Effect.gen(function* () {
      const { end, returned } = yield* turnOf("hd", 3_000)
      assert.strictEqual(returned, 5_000)
      assert.deepStrictEqual(outcomes(end), { h: "Unknown", d: "d" })
      const h = resultsOf(end).h?.result
      assert.include(h.message, "it may have happened")
      assert.include(h.message, "may still be running")
      assert.deepStrictEqual(h.idempotencyKeys, ["s.2/h#0"])
    })
  )
})

describe("stopped at any moment", () => {
  it.effect("it says of each call what the tools' own ledger says, and starts nothing afterwards", () =>
    Effect.gen(function* () {
      for (let abort = 0; abort <= 1_700; abort += 25) {
        const { end, late, ledger } = yield* turnOf("abcdefg", abort)
        const told = outcomes(end)
        const happened = (what: string) => ledger.some((line) => line.endsWith(` ${what}`))
        const at = `stopped at ${abort}: ${JSON.stringify(told)} ${ledger.join(", ")}`
        assert.deepStrictEqual(late, [], at)
        for (const [id, act] of [
          ["c", "c acted"],
          ["g", "g acted"]
        ] as const) {
          if (told[id] === id) assert.isTrue(happened(act), at)
          if (told[id] === "Cancelled" || told[id] === "Skipped") assert.isFalse(happened(act), at)
          assert.notStrictEqual(told[id], "Failed", at)
        }
        if (told.d === "d") assert.isTrue(happened("d"), at)
        if (told.d === "Skipped") assert.isFalse(happened("d"), at)
      }
    })
  )
})

describe("questions of parallel calls", () => {
  const Ask = Toolkit.make(
    ...["one", "two", "three"].map((name) => Tool.make(name, { ...reading, needsApproval: true })),
    make("d"),
    make("f")
  )

  it.effect(
    "are all seen at once beside a call that fails; answered one by one, nothing runs twice, also when resumed twice",
    () =>
      Effect.gen(function* () {
        const ran: Array<string> = []
        const run = (name: string) => () => Effect.sync(() => (ran.push(name), name))
        const layer = Ask.toLayer({
          ...Object.fromEntries(["one", "two", "three", "d"].map((name) => [name, run(name)])),
          f: () => Effect.fail("no")
        } as never)
        const turn = calls(
          ...["one", "two", "three", "d", "f"].map((name) => [name, name, { toolscope_policy: null }] as const)
        )
        const provided = <A, E>(self: Effect.Effect<A, E, any>) =>
          self.pipe(Effect.provide(layer), Effect.provide(ScriptedModel.layer([turn, "done"]))) as Effect.Effect<A, E>
        const first = yield* provided(Agent.run({ prompt: "go", tools: Ask, session: { id: "q" } }))
        assert.deepStrictEqual(first._tag === "Suspended" && first.questions.map(({ call }) => call), [
          "/one",
          "/two",
          "/three"
        ])
        if (first._tag !== "Suspended") return
        const id = (name: string) => `q.2/${name}?approval`
        const options = { tools: Ask }
        const second = yield* provided(Agent.resume(first.state, { ...options, answers: { [id("two")]: true } }))
        assert.deepStrictEqual(
          second._tag === "Suspended" &&
            second.questions.map(({ call, state }) => [call, state]).filter(([, state]) => state === "open"),
          [
            ["/one", "open"],
            ["/three", "open"]
          ]
        )
        if (second._tag !== "Suspended") return
        const twice = yield* Effect.flip(
          provided(Agent.resume(first.state, { ...options, answers: { [id("two")]: true } }))
        )
        assert.strictEqual(twice._tag, "SnapshotError")
        const model = ScriptedModel.layer(["done"])
        const third = yield* Agent.resume(second.state, {
          ...options,
          answers: { [id("one")]: false, [id("three")]: true }
        }).pipe(Effect.provide(layer), Effect.provide(model)) as Effect.Effect<End.End>
        assert.deepStrictEqual(outcomes(third), { one: "Denied", two: "two", three: "three", d: "d", f: "Failed" })
        assert.deepStrictEqual([...ran].sort(), ["d", "three", "two"])
      })
  )
})
