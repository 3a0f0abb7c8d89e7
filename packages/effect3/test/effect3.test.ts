/**
 * Toolscope in a program that stands on Effect 3: both versions are loaded in one process, and neither sees the other.
 */
import { all, call, contract, run, session, settled, tool } from "@toolscope/effect3"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as JSONSchema from "effect/JSONSchema"
import * as Layer from "effect/Layer"
import { getCurrentVersion } from "effect/ModuleVersion"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { createRequire } from "node:module"
import { pathToFileURL } from "node:url"
import { assert, describe, it } from "vitest"
import { NoOffer, Offers, Vendors } from "./service.ts"

class SoldOut extends Data.TaggedError("SoldOut")<{ readonly article: string }> {}

const pause = () => new Promise((resolve) => setTimeout(resolve, 5))

describe("a service on Effect 3", () => {
  const log: Array<string> = []
  const vendors = Layer.succeed(Vendors, {
    price: (vendor, article) =>
      Effect.acquireUseRelease(
        Effect.sync(() => log.push(`${vendor} opened`)),
        () => (article === "moon" ? Effect.never : Effect.delay(Effect.succeed(vendor.length * 10), "5 millis")),
        () =>
          Effect.delay(
            Effect.sync(() => log.push(`${vendor} closed`)),
            "50 millis"
          )
      ).pipe(Effect.withSpan("vendor", { attributes: { vendor } }))
  })
  const of = (article: string) =>
    Effect.flatMap(Offers, (offers) => offers.of(article)).pipe(
      Effect.provide(Offers.layer.pipe(Layer.provide(vendors)))
    )

  it("has an Effect 3 for itself and an Effect 4 for Toolscope, in one process", async () => {
    const here = createRequire(import.meta.url)
    const promised = createRequire(here.resolve("@toolscope/promise/package.json"))
    const core = createRequire(promised.resolve("@toolscope/core/package.json"))
    const versionOf = (require: NodeJS.Require) => (require("effect/package.json") as { version: string }).version
    assert.match(versionOf(here), /^3\./)
    assert.match(versionOf(promised), /^4\./)
    assert.strictEqual(versionOf(core), versionOf(promised))
    // both run in this process, and take each other's Effects for something else
    assert.strictEqual(getCurrentVersion(), versionOf(here))
    const four = (await import(pathToFileURL(core.resolve("effect/Effect")).href)) as {
      readonly runSync: (effect: unknown) => unknown
      readonly succeed: (value: number) => unknown
      readonly isEffect: (u: unknown) => boolean
    }
    assert.strictEqual(four.runSync(four.succeed(4)), 4)
    assert.isFalse(four.isEffect(Effect.succeed(3)))
    assert.deepStrictEqual(await Effect.runPromise(of("teapot")), { ada: 30, bert: 40 })
  })

  it("drains the calls before its interruption is over", async () => {
    log.length = 0
    const fiber = Effect.runFork(of("moon"))
    while (log.length < 3) await pause()
    assert.isTrue(Exit.isInterrupted(await Effect.runPromise(Fiber.interrupt(fiber))))
    assert.deepStrictEqual(log.slice(3).sort(), ["ada closed", "bert closed", "eve closed"])
  })

  it("keeps the spans of its handlers in the trace of its caller", async () => {
    const spans: Array<Tracer.Span> = []
    const collect = Effect.map(Effect.tracer, (tracer) =>
      Tracer.make({
        span: (...args) => {
          const span = tracer.span(...args)
          spans.push(span)
          return span
        },
        context: (f, fiber) => tracer.context(f, fiber)
      })
    )
    await Effect.runPromise(
      Effect.flatMap(collect, (tracer) => Effect.withTracer(Effect.withSpan(of("teapot"), "request"), tracer))
    )
    const request = spans.find(({ name }) => name === "request")!
    const vendors = spans.filter(({ name }) => name === "vendor")
    assert.isAtLeast(vendors.length, 2)
    for (const { parent } of vendors) {
      assert.strictEqual(parent._tag === "Some" ? parent.value.spanId : undefined, request.spanId)
    }
  })

  it("fails with a typed error of its own where the plan does not succeed", async () => {
    const nobody = Layer.succeed(Vendors, { price: () => Effect.die("gone") })
    const failed = Effect.flatMap(Offers, (offers) => offers.of("teapot")).pipe(
      Effect.provide(Offers.layer.pipe(Layer.provide(nobody))),
      Effect.flip
    )
    assert.deepStrictEqual(await Effect.runPromise(failed), new NoOffer({ status: "failed" }))
  })
})

describe("a tool whose handler is an Effect of version 3", () => {
  const report = (handler: Effect.Effect<unknown, unknown>, failure?: { readonly [tag: string]: "nothing" }) =>
    Effect.runPromise(
      Effect.gen(function* () {
        const acts = yield* tool({
          name: "acts",
          contract: { effect: "additive", ...(failure === undefined ? {} : { failure }) },
          handler: () => handler
        })
        return yield* run(call(acts), { tools: [acts] })
      })
    ).then(({ calls }) => calls[0]!)

  it("fails by its typed error, which the contract knows by its tag", async () => {
    const soldOut = Effect.fail(new SoldOut({ article: "teapot" }))
    const nothing = await report(soldOut, { SoldOut: "nothing" })
    assert.deepStrictEqual([nothing.outcome, nothing.effects.length], ["Failed", 0])
    assert.instanceOf(nothing.error!.cause, SoldOut)
    const maybe = await report(soldOut)
    assert.deepStrictEqual(
      maybe.effects.map(({ state }) => state),
      ["unknown"]
    )
  })

  it("fails by a defect, and by an interruption of its own", async () => {
    const died = await report(Effect.die(new Error("oh")))
    assert.deepStrictEqual([died.outcome, (died.error!.cause as Error).message], ["Failed", "oh"])
    assert.strictEqual((await report(Effect.interrupt)).outcome, "Failed")
  })

  it("passes the gate once, and not after a stop: what has passed is awaited", async () => {
    const log: Array<string> = []
    const program = Effect.gen(function* () {
      const write = yield* tool({
        name: "write",
        parameters: { type: "object", properties: { before: { type: "number" } }, required: ["before"] },
        contract: { effect: "additive", commit: "marked" },
        handler: ({ before }, { commit }) =>
          Effect.zipRight(
            Effect.sleep(before),
            commit((key) =>
              Effect.delay(
                Effect.sync(() => log.push(key)),
                "60 millis"
              )
            )
          )
      })
      const fails = yield* tool({
        name: "fails",
        contract: contract.readOnly,
        handler: () => Effect.delay(Effect.fail("no"), "40 millis")
      })
      const plan = all({
        quick: call(write, { before: 1 }),
        slow: call(write, { before: 5_000 }),
        fails: call(fails)
      })
      return yield* run(plan, { tools: [write, fails], runId: "r" })
    })
    const { calls } = await Effect.runPromise(program)
    assert.deepStrictEqual(
      calls.map(({ effects, outcome }) => [outcome, ...effects.map(({ state }) => state)]),
      [["Succeeded", "committed"], ["Cancelled"], ["Failed"]]
    )
    assert.deepStrictEqual(log, ["r/quick#0"])
  })

  it("is not interrupted where its contract says so: it is awaited", async () => {
    const program = Effect.gen(function* () {
      const contracts = { never: { effect: "additive", interruption: "never" }, reads: contract.readOnly } as const
      const tools = yield* Effect.forEach(["never", "reads"] as const, (name) =>
        tool({ name, contract: contracts[name], handler: () => Effect.delay(Effect.succeed("done"), "80 millis") })
      )
      const fails = yield* tool({
        name: "fails",
        contract: contract.readOnly,
        handler: () => Effect.delay(Effect.fail("no"), "20 millis")
      })
      return yield* run(all([...tools, fails].map((tool) => call(tool))), { tools: [...tools, fails] })
    })
    const { calls } = await Effect.runPromise(program)
    assert.deepStrictEqual(
      calls.map(({ outcome }) => outcome),
      ["Succeeded", "Cancelled", "Failed"]
    )
  })

  it("takes schemas of Effect 3: as they are, or as JSON Schemas", async () => {
    const Params = Schema.Struct({ city: Schema.NonEmptyString, nights: Schema.optional(Schema.Int) })
    for (const parameters of [Schema.standardSchemaV1(Params), { ...JSONSchema.make(Params) }]) {
      const program = Effect.gen(function* () {
        const book = yield* tool({
          name: "book",
          parameters,
          contract: contract.readOnly,
          handler: ({ city, nights = 1 }) => Effect.succeed(`${nights} in ${city}`)
        })
        const status = (params: unknown) =>
          Effect.map(
            run({ call: "book", params }, { tools: [book] }),
            ({ faults, value }) => value ?? [...new Set(faults!.map(({ pointer }) => pointer))].sort()
          )
        return [yield* status({ city: "Oslo", nights: 2 }), yield* status({ city: "", nights: 0.5 })]
      })
      assert.deepStrictEqual(await Effect.runPromise(program), [
        "2 in Oslo",
        ["/plan/params/city", "/plan/params/nights"]
      ])
    }
  })

  it("says of all settled calls what became of them", async () => {
    const program = Effect.gen(function* () {
      const one = yield* tool({ name: "one", contract: contract.readOnly, handler: () => Effect.succeed(1) })
      const two = yield* tool({ name: "two", contract: contract.readOnly, handler: () => Effect.fail("no") })
      return yield* run(all({ one: settled(call(one)), two: settled(call(two)) }), { tools: [one, two] })
    })
    const { value } = await Effect.runPromise(program)
    assert.deepStrictEqual([value!.one, value!.two._tag], [{ _tag: "Succeeded", value: 1 }, "Failed"])
  })
})

describe("a session in a scope of Effect 3", () => {
  it("is closed with the scope: what runs is stopped and drained", async () => {
    const log: Array<string> = []
    const program = Effect.gen(function* () {
      const scope = yield* Scope.make()
      const waits = yield* tool({
        name: "waits",
        contract: contract.readOnly,
        handler: () =>
          Effect.zipRight(
            Effect.sync(() => log.push("began")),
            Effect.onInterrupt(Effect.never, () =>
              Effect.delay(
                Effect.sync(() => log.push("ended")),
                "30 millis"
              )
            )
          )
      })
      const opened = yield* Scope.extend(session({ tools: [waits] }), scope)
      const report = opened.fanout(call(waits))
      while (log.length === 0) yield* Effect.promise(pause)
      yield* Scope.close(scope, Exit.void)
      const after = [...log]
      return { after, status: (yield* Effect.promise(() => report)).status }
    })
    assert.deepStrictEqual(await Effect.runPromise(program), { after: ["began", "ended"], status: "interrupted" })
  })
})
