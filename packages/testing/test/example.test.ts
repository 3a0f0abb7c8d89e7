/**
 * A users' example: a small service that composes Toolscope, tested with properties. It holds a seat while two vendors are asked for its
 * price, and must give the seat back whatever happens: however the vendors behave, and wherever the request is interrupted.
 *
 * The first version has a bug that no test of results finds. `docs/testing.md` tells the story.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Fanout, Journal, Plan } from "@toolscope/core"
import { Arbitraries, Laws, Ledger, Sweep, Zoo } from "@toolscope/testing"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"

// ---- the service

class Seats extends Context.Service<
  Seats,
  { readonly free: Effect.Effect<number>; readonly hold: Effect.Effect<void>; readonly giveBack: Effect.Effect<void> }
>()("example/Seats") {
  static readonly layer = Layer.effect(
    Seats,
    Effect.map(Ref.make(10), (free) => ({
      free: Ref.get(free),
      hold: Ref.update(free, (n) => n - 1),
      giveBack: Ref.update(free, (n) => n + 1)
    }))
  )
}

type Quote = (seats: Seats["Service"], prices: Plan.Plan<unknown, unknown>) => Effect.Effect<unknown, unknown>

/** The bug: between `hold` and `ensuring` nobody owns the seat. */
const careless: Quote = (seats, prices) =>
  Effect.gen(function* () {
    yield* seats.hold
    return yield* Effect.ensuring(Fanout.run(prices, { drain: "50 millis" }), seats.giveBack)
  })

const careful: Quote = (seats, prices) =>
  Effect.acquireUseRelease(
    seats.hold,
    () => Fanout.run(prices, { drain: "50 millis" }),
    () => seats.giveBack
  )

// ---- its property

/** One run has a desk, a journal and a ledger of its own. */
const setup = Effect.map(Layer.build(Seats.layer), (context) => ({
  seats: Context.get(context, Seats),
  journal: Journal.memory(),
  ledger: Ledger.memory()
}))

/** Interrupted at any step, it leaves every seat free, and the fan-out keeps its laws. */
const everySeatIsFree = (quote: Quote, vendors: ReadonlyArray<Zoo.Behaviour>, options: Sweep.Options = {}) =>
  Sweep.everyStep(
    {
      setup,
      program: ({ journal, ledger, seats }) => {
        const prices = Plan.firstSuccess(vendors.map((behaviour) => Plan.call(Zoo.tools.reads, behaviour)))
        return quote(seats, prices).pipe(
          Effect.provideService(Journal.Current, journal),
          Effect.provideService(Ledger.Current, ledger)
        )
      },
      invariant: ({ journal, ledger, seats }) =>
        Effect.gen(function* () {
          assert.strictEqual(yield* seats.free, 10)
          if (journal.events.length > 0) Laws.expectLaws(journal.events, { ledger })
        })
    },
    options
  )

const vendor = Arbitraries.behavioursOf(Contract.readOnly)

describe("a quote", () => {
  it.effect("the careless one passes every test that lets it end by itself", () =>
    everySeatIsFree(careless, [{ after: 10, then: "answer" }, { then: "fail" }], { only: 0 })
  )

  it.effect.prop(
    "but there is always a step at which an interruption costs a seat, and it can be replayed alone",
    { a: vendor, b: vendor },
    ({ a, b }) =>
      Effect.gen(function* () {
        const { reason } = yield* Effect.flip(everySeatIsFree(careless, [a, b]))
        assert(reason._tag === "InvariantFailed")
        const again = yield* Effect.flip(everySeatIsFree(careless, [a, b], { only: reason.moment.step }))
        assert.strictEqual(again.reason._tag, "InvariantFailed")
      }),
    { arbitrary: { runs: 10 } }
  )

  it.effect.prop(
    "the careful one gives every seat back: whatever the vendors do, wherever it is interrupted",
    { a: vendor, b: vendor },
    ({ a, b }) => everySeatIsFree(careful, [a, b], { sample: 40 }),
    { arbitrary: { runs: 20 } }
  )

  it.effect("at every single step, with vendors that hear nothing", () =>
    everySeatIsFree(careful, [
      { after: 20, then: "answer", deaf: true },
      { then: "never", deaf: true }
    ])
  )
})
