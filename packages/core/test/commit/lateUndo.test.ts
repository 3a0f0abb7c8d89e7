/**
 * The undo of what had been left behind in a lost subtree: it runs when that has ended, after the fan-out has closed. Somebody owns it all
 * the same, and it has a bound.
 */
import { assert, it } from "@effect/vitest"
import { Contract, Fanout, Journal, Plan, Quarantine } from "@toolscope/core"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"

/** A deaf call under an `atomic` that fails at once; it ends after 5 seconds, and is then undone. */
const leftBehind = (compensate: Effect.Effect<void>, quarantine: Quarantine.Quarantine, journal: Journal.Journal) =>
  Effect.gen(function* () {
    const deaf = Plan.effect(
      Effect.uninterruptible(Effect.sleep("5 seconds")),
      Contract.compensable({ compensate: () => compensate })
    )
    const bad = Plan.effect(Effect.delay(Effect.fail("bad"), 1), Contract.readOnly)
    const run = Fanout.run(Plan.atomic(Plan.all({ deaf, bad })), { drain: "1 second", undo: "2 seconds" })
    const fiber = yield* Effect.forkChild(Effect.flip(run))
    yield* TestClock.adjust("2 seconds")
    yield* Fiber.join(fiber)
  }).pipe(Effect.provideService(Quarantine.Current, quarantine), Effect.provideService(Journal.Current, journal))

it.effect("a late undo is in the quarantine until it has ended", () =>
  Effect.gen(function* () {
    const quarantine = Quarantine.make()
    let undone = false
    const compensate = Effect.andThen(
      Effect.sleep("1 second"),
      Effect.sync(() => {
        undone = true
      })
    )
    yield* leftBehind(compensate, quarantine, Journal.memory())
    const emptied = yield* Effect.forkChild(Effect.map(quarantine.awaitEmpty(), () => undone))
    yield* TestClock.adjust("1 minute")
    assert.isTrue(yield* Fiber.join(emptied), "the quarantine was empty before the undo had ended")
  })
)

it.effect("a late undo has the bound of every undo", () =>
  Effect.gen(function* () {
    const journal = Journal.memory()
    yield* leftBehind(Effect.never, Quarantine.make(), journal)
    yield* TestClock.adjust("1 minute")
    const last = journal.events.at(-1)
    assert.deepInclude(last, { type: "effect.compensationFailed", call: "/deaf" })
  })
)

it.effect("a late undo that has ended leaves no timer behind", () =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    let asleep = 0
    const counting = Object.create(clock, {
      sleep: {
        value: (duration: Duration.Duration) =>
          Effect.suspend(() => {
            asleep++
            return Effect.ensuring(
              clock.sleep(duration),
              Effect.sync(() => asleep--)
            )
          })
      }
    }) as Clock.Clock
    const journal = Journal.memory()
    yield* Effect.provideService(leftBehind(Effect.void, Quarantine.make(), journal), Clock.Clock, counting)
    yield* TestClock.adjust("3 seconds")
    assert.deepInclude(journal.events.at(-1), { type: "effect.compensated", call: "/deaf" })
    assert.strictEqual(asleep, 0)
  })
)
