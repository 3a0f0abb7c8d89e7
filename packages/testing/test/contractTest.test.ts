import { assert, describe, it } from "@effect/vitest"
import { Attempt, Commit, Contract, Tool } from "@toolscope/core"
import { ContractTest, Ledger, Zoo } from "@toolscope/testing"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as nodeTest from "node:test"
import * as vitest from "vitest"
import { liars } from "./contractTestLiars.ts"
import { Bank, honest, optionsOf, world } from "./contractTestTools.ts"

const failed = ({ checks }: ContractTest.Result) => checks.filter(({ status }) => status === "failed")
const named = (checks: ReadonlyArray<ContractTest.Check>) => checks.map(({ name }) => name)

describe("a tool whose contract is true", () => {
  for (const [name, subject] of Object.entries(honest)) {
    it.effect(`passes every check, and every check is tried: ${name}`, () =>
      Effect.gen(function* () {
        const result = yield* ContractTest.check(subject.tool, optionsOf(subject))
        const others = result.checks.filter(({ status }) => status !== "passed")
        assert.deepStrictEqual(named(others), [], ContractTest.show(result))
        assert.isTrue(result.passed)
      })
    )
  }

  for (const name of ["answers", "commits", "guarded", "tidies", "slowToStop", "deafPromise"] as const) {
    it.effect(`of the zoo passes: ${name}`, () =>
      Effect.gen(function* () {
        const { does, tool } = Zoo.animals[name]
        const committed = ({ records }: Ledger.Ledger) =>
          new Set(records.filter(({ what }) => what === "committed").map(({ key }) => key))
        const result = yield* ContractTest.check(Zoo.tools[tool], {
          params: does,
          clock: "test",
          world: {
            make: Effect.sync(Ledger.memory),
            look: (ledger) => Effect.sync(() => committed(ledger)),
            layer: (ledger) => Layer.succeed(Ledger.Current, ledger)
          }
        })
        assert.isTrue(result.passed, ContractTest.show(result))
        assert.isAbove(result.stops.tried, 5)
      })
    )
  }
})

describe("a tool whose contract is false", () => {
  for (const [name, liar] of Object.entries(liars)) {
    it.effect(`is caught by ${liar.fails.join(" and ")}: it ${name}`, () =>
      Effect.gen(function* () {
        const result = yield* ContractTest.check(liar.tool, optionsOf(liar))
        const [first, ...rest] = failed(result)
        assert.deepStrictEqual(named([first!, ...rest]), liar.fails, ContractTest.show(result))
        assert.isFalse(result.passed)
        assert(first?.status === "failed")
        assert.match(first.seen, liar.seen)
        assert.match(first.todo, liar.todo)
      })
    )
  }

  it("is caught by every check that there is, by one liar at least", () => {
    const caught = new Set(Object.values(liars).flatMap(({ fails }) => fails))
    const asked = Object.values(honest).map((subject) =>
      Effect.runPromise(ContractTest.check(subject.tool, optionsOf(subject)))
    )
    return Promise.all(asked).then((results) => {
      const names = new Set(results.flatMap(({ checks }) => named(checks)))
      // of the world itself: below
      names.delete("fresh")
      assert.deepStrictEqual([...caught].sort(), [...names].sort())
    })
  })
})

const marked = (bank: Bank) =>
  Tool.make("pay", {
    contract: Contract.make({ effect: "additive", commit: "marked" }),
    handler: () =>
      Effect.gen(function* () {
        yield* Effect.sleep(10)
        yield* Commit.run((key) => Effect.andThen(Effect.sleep(20), bank.pay(key)))
        yield* Effect.sleep(30)
      })
  })

describe("the points at which a tool is stopped", () => {
  it.effect("lie before its gate, in it, and after it", () =>
    Effect.gen(function* () {
      const { millis, stops } = yield* ContractTest.check(marked, { params: {}, world, clock: "test" })
      const { after, before, inside } = stops.gate!
      for (const count of [before, inside, after]) assert.isAbove(count, 5)
      assert.strictEqual(before + inside + after, stops.tried)
      assert.strictEqual(inside + after, stops.acted)
      assert.strictEqual(millis.undisturbed, 60)
      // in its commit it is not interrupted, and after that neither: at most from the middle of the commit to the end
      assert.isAtMost(millis.stopped!.max, 50)
      assert.isAbove(millis.stopped!.max, 30)
    })
  )

  for (const stops of [1, 4, 12]) {
    it.effect(`are at most as many as asked for, and those around a gate are among them: ${stops}`, () =>
      Effect.gen(function* () {
        const result = yield* ContractTest.check(marked, { params: {}, world, clock: "test", stops })
        assert.isAtMost(result.stops.tried, stops)
        assert.isAbove(result.stops.tried, 0)
        assert.isDefined(result.stops.gate)
        if (stops === 12) for (const count of Object.values(result.stops.gate ?? {})) assert.isAbove(count, 0)
      })
    )
  }

  it.effect("end with the third at which it is left behind", () =>
    Effect.gen(function* () {
      const deaf = Tool.make("deaf", {
        contract: Contract.readOnly,
        handler: () => Effect.uninterruptible(Effect.sleep("9 seconds"))
      })
      const result = yield* ContractTest.check(deaf, { params: {}, world, clock: "test" })
      assert.isTrue(result.stops.gaveUp)
      assert.deepStrictEqual(named(failed(result)), ["interruption"])
    })
  )
})

class Desk extends Context.Service<Desk, { readonly note: (text: string) => Effect.Effect<void> }>()("test/Desk") {}

describe("the world", () => {
  it.effect("gives the tool its services, anew for each run, and closes them", () =>
    Effect.gen(function* () {
      let open = 0
      const Note = Tool.make("note", {
        parameters: Schema.Struct({ text: Schema.String }),
        contract: Contract.idempotent
      })
      const handler = Note.toLayer(({ text }) => Desk.use(({ note }) => note(text)))
      const result = yield* ContractTest.check(Note, {
        params: { text: "hello" },
        clock: "test",
        world: {
          make: Effect.acquireRelease(
            Effect.sync(() => {
              open++
              return new Set<string>()
            }),
            () => Effect.sync(() => open--)
          ),
          look: (notes) => Effect.succeed(notes),
          layer: (notes) =>
            Layer.provide(
              handler,
              Layer.succeed(Desk, {
                note: (text) =>
                  Effect.delay(
                    Effect.sync(() => void notes.add(text)),
                    5
                  )
              })
            )
        }
      })
      assert.isTrue(result.passed, ContractTest.show(result))
      assert.strictEqual(open, 0)
    })
  )

  it.effect("that is not fresh is found out", () =>
    Effect.gen(function* () {
      const bank = new Bank()
      const stale = { ...world, make: Effect.succeed(bank) }
      const pay = Tool.make("pay", {
        contract: Contract.irreversible,
        handler: () => Effect.andThen(Effect.sleep(5), bank.pay())
      })
      const result = yield* ContractTest.check(pay, { params: {}, world: stale, clock: "test" })
      const [first] = failed(result)
      assert(first?.status === "failed" && first.name === "fresh")
      assert.match(first.todo, /let world.make begin anew/)
    })
  )

  it.effect("can have a key of its own", () =>
    Effect.gen(function* () {
      const keys = new Set<string>()
      let made = 0
      const pay = (bank: Bank) =>
        Tool.make("pay", {
          contract: Contract.make({ effect: "additive", repeat: "keyed" }),
          handler: () =>
            Effect.flatMap(Attempt.current, ({ idempotencyKey }) => {
              keys.add(idempotencyKey)
              return bank.pay(idempotencyKey)
            })
        })
      const result = yield* ContractTest.check(pay, {
        params: {},
        clock: "test",
        world: { ...world, look: (bank) => Effect.sync(() => bank.payments.size), key: () => `key ${++made}` }
      })
      assert.isTrue(result.passed, ContractTest.show(result))
      assert.isAbove(keys.size, 5)
      assert.isAtMost(keys.size, made)
    })
  )
})

describe("what cannot be tested", () => {
  const refused = (
    options: object,
    tool: any = marked
  ): Effect.Effect<ContractTest.ContractTestError, ContractTest.Result> =>
    Effect.flip((ContractTest.check as any)(tool, { params: {}, world, clock: "test", ...options }))

  it.effect("is refused before anything starts, all faults at once", () =>
    Effect.gen(function* () {
      const bad = { clock: "quick", within: "soon", settle: Infinity, stops: 0 }
      const { message, reason } = yield* refused(bad, "pay")
      assert.strictEqual(reason._tag, "Refused")
      for (const part of ["/tool", "/clock", "/within", "/settle", "/stops"]) assert.include(message, part)
    })
  )

  it.effect("by bad parameters is refused as a plan is", () =>
    Effect.gen(function* () {
      const tool = Tool.make("t", { parameters: Schema.Struct({ n: Schema.Number }), contract: Contract.readOnly })
      const { message } = yield* refused({ params: { n: "one" } }, tool)
      assert.match(message, /BadParameters/)
    })
  )

  for (const [part, broken] of Object.entries({
    "world.make": { make: Effect.fail("no database") },
    "world.look": { look: () => Effect.fail("no database") },
    "world.layer": { layer: () => Layer.effectDiscard(Effect.fail("no database")) },
    "closing the scope of a world": {
      make: Effect.as(
        Effect.addFinalizer(() => Effect.die("no database")),
        new Bank()
      )
    }
  })) {
    it.effect(`because ${part} fails says so`, () =>
      Effect.gen(function* () {
        const error = yield* refused({ world: { ...world, ...broken } })
        assert.strictEqual(error.reason._tag, "WorldFailed")
        assert.include(error.message, `${part} failed`)
        assert.include(error.message, "no database")
      })
    )
  }

  it.effect("because what a world shows cannot be compared says so", () =>
    Effect.gen(function* () {
      const look = () => Effect.succeed({ size: () => 1 })
      const { message } = yield* refused({ world: { ...world, look } })
      assert.include(message, "plain data")
    })
  )

  it.effect("because something waits for what the test clock does not move says so", () =>
    Effect.gen(function* () {
      const look = () => Effect.promise(() => new Promise(() => {}))
      const error = yield* refused({ world: { ...world, look } })
      assert.strictEqual(error.reason._tag, "Hung")
      assert.include(error.message, 'needs clock "live"')
    })
  )
})

describe("an error that says that nothing happened", () => {
  const closed = liars["says that an error means that nothing happened, and had written"]!

  it.effect("is not tried where nobody says how it is brought about, and nothing is called passed", () =>
    Effect.gen(function* () {
      const result = yield* ContractTest.check(closed.tool, { params: {}, world, clock: "test" })
      const check = result.checks.find(({ name }) => name === "failure")!
      assert(check.status === "notTried")
      assert.include(check.why, "failures: { Closed: { params } }")
    })
  )

  it.effect("can be believed, and then it is not tried either", () =>
    Effect.gen(function* () {
      const options = { params: {}, world, clock: "test", failures: { Closed: "believed" } } as const
      const { checks, passed } = yield* ContractTest.check(closed.tool, options)
      const check = checks.find(({ name }) => name === "failure")!
      assert.isTrue(passed)
      assert(check.status === "notTried")
      assert.strictEqual(check.why, "all of them are believed")
    })
  )

  it.effect("that is not brought about as said is a failure of the test", () =>
    Effect.gen(function* () {
      const result = yield* ContractTest.check(closed.tool, {
        params: {},
        world,
        clock: "test",
        failures: { Closed: {} }
      })
      const [check] = failed(result)
      assert(check?.status === "failed" && check.name === "failure")
      assert.include(check.todo, "correct failures.Closed")
    })
  )
})

describe("a result", () => {
  it.effect("is shown with what was declared, what was seen, and what to do", () =>
    Effect.gen(function* () {
      const liar = liars["says that it is safe under one key, and does not hand the key on"]!
      const shown = ContractTest.show(yield* ContractTest.check(liar.tool, optionsOf(liar)))
      assert.match(shown, /^pay: effect additive, repeat keyed, commit atStart/)
      assert.match(shown, /\n {2}passed {5}success +Undisturbed/)
      assert.match(
        shown,
        /\n {2}FAILED {5}repeat .*\n +declared: repeat: "keyed"\n +seen: .*\n +to do: declare repeat "never"/
      )
      assert.match(shown, /\n {2}stopped \d+ times \(\d+ had acted\)/)
    })
  )

  it.effect("tells whether a second undo does harm, and does not judge it", () =>
    Effect.gen(function* () {
      const { checks: _, notes } = yield* ContractTest.check(
        (bank: Bank) =>
          Tool.make("pay", {
            contract: Contract.compensable({
              compensate: ({ key }) =>
                bank.undone.has(key)
                  ? Effect.fail(new Error("undone already"))
                  : Effect.andThen(
                      Effect.sync(() => bank.undone.add(key)),
                      bank.undo({ key })
                    )
            }),
            handler: () => Effect.flatMap(Attempt.current, ({ idempotencyKey }) => bank.pay(idempotencyKey))
          }),
        { params: {}, world, clock: "test" }
      )
      assert.deepStrictEqual(notes, ["undone already, its undo failed: undone already"])
    })
  )
})

/** A runner that remembers what was registered. */
const recording = () => {
  const tests: Array<{ readonly name: string; readonly run: () => Promise<string> }> = []
  const runner: ContractTest.Runner = {
    describe: (_, body) => {
      body()
    },
    it: (name, _, test) => {
      const run = async () => {
        let skipped: string | undefined
        try {
          await test({ skip: (why) => void (skipped = why ?? "") })
          return skipped === undefined ? "passed" : `skipped: ${skipped}`
        } catch (error) {
          return `failed: ${(error as Error).message}`
        }
      }
      tests.push({ name, run })
    }
  }
  return { tests, runner }
}

const ReadTool = Tool.make("read", { contract: Contract.readOnly, handler: () => Effect.sleep(5) })

describe("a suite", () => {
  it("registers one test per check that the contract gives a meaning", () => {
    const { runner, tests } = recording()
    ContractTest.suite(ReadTool, { params: {}, world, clock: "test" }, runner)
    assert.deepStrictEqual(
      tests.map(({ name }) => name.split(":")[0]),
      ["success", "fresh", "reads", "interruption", "aftermath", "cleanup"]
    )
  })

  it("fails where a check fails, and skips what was not tried or has no meaning", async () => {
    const { runner, tests } = recording()
    const liar = liars["says that an error means that nothing happened, and had written"]!
    ContractTest.suite(liar.tool, { ...optionsOf(liar), failures: {} }, runner)
    const outcome = async (name: string) => tests.find((test) => test.name.startsWith(`${name}:`))!.run()
    assert.strictEqual(await outcome("truth"), "passed")
    assert.match(await outcome("failure"), /^skipped: say how they are brought about/)
    assert.strictEqual(await outcome("undo"), "skipped: the contract says nothing of it")
    const caught = recording()
    ContractTest.suite(liar.tool, optionsOf(liar), caught.runner)
    const message = await caught.tests.find((test) => test.name.startsWith("failure:"))!.run()
    assert.match(message, /^failed: pay: failure: .*\n {2}declared .*\n {2}seen .*\n {2}to do /)
  })

  it("can be registered with Vitest and with Node's own runner", () => {
    const runners: ReadonlyArray<ContractTest.Runner> = [vitest, nodeTest]
    for (const { describe, it } of runners) assert.isTrue(typeof describe === "function" && typeof it === "function")
  })
})

ContractTest.suite(ReadTool, { params: {}, world, clock: "test" }, vitest)
