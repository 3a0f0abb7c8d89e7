import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { Sweep } from "@toolscope/testing"

interface Pool {
  open: number
}
const pool = Effect.sync((): Pool => ({ open: 0 }))
const open = (pool: Pool) => Effect.sync(() => pool.open++)
const close = (pool: Pool) => Effect.sync(() => pool.open--)
const nothingIsOpen = (pool: Pool) => Effect.sync(() => assert.strictEqual(pool.open, 0))

const careless = (pool: Pool) =>
  Effect.gen(function* () {
    yield* open(pool)
    yield* Effect.ensuring(Effect.sleep("1 hour"), close(pool))
  })
const careful = (pool: Pool) =>
  Effect.acquireUseRelease(
    open(pool),
    () => Effect.sleep("1 hour"),
    () => close(pool)
  )

/** Runs a program of so many operations, each of which leaves its number. */
const steps = (count: number, log: Array<number>) =>
  Effect.gen(function* () {
    for (let i = 0; i < count; i++) yield* Effect.sync(() => log.push(i))
  })

describe("what a sweep finds", () => {
  it.effect("finds a resource that is acquired outside of an uninterruptible region, and replays it by its step", () =>
    Effect.gen(function* () {
      const subject = { setup: pool, program: careless, invariant: nothingIsOpen }
      const { message, reason } = yield* Effect.flip(Sweep.everyStep(subject))
      assert(reason._tag === "InvariantFailed")
      const { step } = reason.moment
      assert.include(message, `{ only: ${step} }`)
      const again = yield* Effect.flip(Sweep.everyStep(subject, { only: step }))
      assert.deepStrictEqual(again.reason._tag === "InvariantFailed" && again.reason.moment, reason.moment)
      assert.deepStrictEqual((yield* Sweep.everyStep(subject, { only: step - 1 })).swept, 1)
    })
  )

  it.effect("finds nothing in the same program with the region in place", () =>
    Effect.gen(function* () {
      const { steps, swept } = yield* Sweep.everyStep({ setup: pool, program: careful, invariant: nothingIsOpen })
      assert.isAbove(steps, 4)
      assert.strictEqual(swept, steps)
    })
  )

  it.effect(
    "finds a callback whose cleanup forgets what it had registered: only an interruption while it waits shows it",
    () =>
      Effect.gen(function* () {
        const subject = {
          setup: Effect.sync(() => new Set<() => void>()),
          program: (listeners: Set<() => void>) =>
            Effect.all(
              [
                Effect.callback<void>((resume) => {
                  const listener = () => {
                    listeners.delete(listener)
                    resume(Effect.void)
                  }
                  listeners.add(listener)
                }),
                Effect.andThen(
                  Effect.sleep("1 second"),
                  Effect.sync(() => listeners.forEach((listener) => listener()))
                )
              ],
              { concurrency: "unbounded", discard: true }
            ),
          invariant: (listeners: Set<() => void>) => Effect.sync(() => assert.strictEqual(listeners.size, 0))
        }
        const { reason } = yield* Effect.flip(Sweep.everyStep(subject))
        assert(reason._tag === "InvariantFailed")
      })
  )

  it.effect("finds a program that does not end once it has been interrupted", () =>
    Effect.gen(function* () {
      const { message, reason } = yield* Effect.flip(
        Sweep.everyStep(
          Effect.onInterrupt(Effect.sleep("1 second"), () => Effect.never),
          () => Effect.void,
          {
            patience: 5
          }
        )
      )
      assert(reason._tag === "Hung")
      assert.strictEqual(reason.hang, "stuck")
      assert.include(message, `{ only: ${reason.moment.step} }`)
    })
  )

  it.effect("finds a program that never rests once it has been interrupted", () =>
    Effect.gen(function* () {
      const { reason } = yield* Effect.flip(
        Sweep.everyStep(
          Effect.onInterrupt(Effect.sleep("1 second"), () => Effect.forever(Effect.yieldNow)),
          () => Effect.void
        )
      )
      assert(reason._tag === "Hung")
      assert.strictEqual(reason.hang, "endless")
    })
  )

  it.effect("checks the invariant without an interruption too", () =>
    Effect.gen(function* () {
      const { reason } = yield* Effect.flip(Sweep.everyStep(Effect.void, () => Effect.fail("wrong from the start")))
      assert(reason._tag === "InvariantFailed")
      assert.strictEqual(reason.moment.step, 0)
    })
  )

  it.effect("names a setup that fails as such", () =>
    Effect.gen(function* () {
      const { reason } = yield* Effect.flip(
        Sweep.everyStep({ setup: Effect.fail("no"), program: () => Effect.void, invariant: () => Effect.void })
      )
      assert.strictEqual(reason._tag, "SetupFailed")
    })
  )
})

describe("what a sweep covers", () => {
  it.effect.prop(
    "stops a program of n operations after each number of them from none to all",
    { count: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 12 })) },
    ({ count }) =>
      Effect.gen(function* () {
        const done = new Set<number>()
        yield* Sweep.everyStep({
          setup: Effect.sync((): Array<number> => []),
          program: (log) => steps(count, log),
          invariant: (log) => Effect.sync(() => done.add(log.length))
        })
        assert.deepStrictEqual(
          [...done].sort((a, b) => a - b),
          Array.from({ length: count + 1 }, (_, i) => i)
        )
      }),
    { arbitrary: { runs: 13 } }
  )

  it.effect("interrupts during each wait, and between what happens at two instants", () =>
    Effect.gen(function* () {
      const waits = new Set<number>()
      yield* Sweep.everyStep(
        Effect.andThen(Effect.sleep(10), Effect.andThen(Effect.sleep(20), Effect.sleep(30))),
        (exit, { time, where }) =>
          Effect.sync(() => {
            if (where === "wait" && Exit.isFailure(exit)) waits.add(time)
          })
      )
      // also at the instant at which it would have gone on
      assert.deepStrictEqual([...waits], [0, 10, 30, 60])
    })
  )

  it.effect("counts the operations of the fibers that the program forks", () =>
    Effect.gen(function* () {
      const seen = new Set<string>()
      yield* Sweep.everyStep({
        setup: Effect.sync(() => ({ a: [] as Array<number>, b: [] as Array<number> })),
        program: ({ a, b }) =>
          Effect.gen(function* () {
            const fiber = yield* Effect.forkChild(steps(3, a))
            yield* steps(1, b)
            yield* Fiber.join(fiber)
          }),
        invariant: ({ a, b }) => Effect.sync(() => seen.add(`${a.length}${b.length}`))
      })
      for (const state of ["00", "01", "11", "21", "31"]) assert.isTrue(seen.has(state), state)
    })
  )

  it.effect("leaves an uninterruptible region whole", () =>
    Effect.gen(function* () {
      yield* Sweep.everyStep({
        setup: Effect.sync((): Array<number> => []),
        program: (log) => Effect.uninterruptible(steps(5, log)),
        invariant: (log) => Effect.sync(() => assert.include([0, 5], log.length))
      })
    })
  )

  it.effect("reaches inside of an operation that wakes another fiber, if asked to", () =>
    Effect.gen(function* () {
      const subject = {
        setup: Effect.sync(() => ({ told: Deferred.makeUnsafe<void>(), noted: false })),
        program: (env: { told: Deferred.Deferred<void>; noted: boolean }) =>
          Effect.flatMap(Deferred.succeed(env.told, undefined), () => {
            env.noted = true
            return Effect.void
          }),
        invariant: (env: { told: Deferred.Deferred<void>; noted: boolean }) =>
          Effect.sync(() => assert.strictEqual(Deferred.isDoneUnsafe(env.told), env.noted))
      }
      yield* Sweep.everyStep(subject)
      const { message, reason } = yield* Effect.flip(Sweep.everyStep(subject, { reentrant: true }))
      assert(reason._tag === "InvariantFailed")
      assert.isFalse(Number.isInteger(reason.moment.step))
      assert.include(message, "reentrant: true")
    })
  )

  it.effect("sweeps a sample that has both ends in it", () =>
    Effect.gen(function* () {
      const at: Array<number> = []
      const program = Effect.asVoid(steps(500, []))
      const check = (_: unknown, { step }: Sweep.Moment) => Effect.sync(() => at.push(step))
      const { steps: last, swept } = yield* Sweep.everyStep(program, check, { sample: 5 })
      assert.strictEqual(swept, 5)
      assert.deepStrictEqual([at.length, at[0], at[1], at.at(-1)], [6, 0, 1, last])
    })
  )

  it.effect("refuses a program with more steps than allowed, and a step that does not exist", () =>
    Effect.gen(function* () {
      const long = steps(200, [])
      const tooMany = yield* Effect.flip(Sweep.everyStep(long, () => Effect.void, { maxSteps: 100 }))
      assert.strictEqual(tooMany.reason._tag, "TooManySteps")
      const nowhere = yield* Effect.flip(Sweep.everyStep(long, () => Effect.void, { only: 9_999 }))
      assert.strictEqual(nowhere.reason._tag, "NotReached")
    })
  )
})

describe("the world of a run", () => {
  it.effect("is new for every run: setup, scope, time and random numbers", () =>
    Effect.gen(function* () {
      const starts: Array<string> = []
      yield* Sweep.everyStep({
        setup: Effect.clockWith((clock) =>
          Effect.sync(() => ({ time: clock.currentTimeMillisUnsafe(), closed: false }))
        ),
        program: (env) =>
          Effect.gen(function* () {
            yield* Effect.addFinalizer(() =>
              Effect.andThen(
                Effect.sleep(5),
                Effect.sync(() => (env.closed = true))
              )
            )
            yield* Effect.sleep("1 day")
          }),
        invariant: (env, exit) =>
          Effect.sync(() => {
            starts.push(String(env.time))
            if (Exit.isSuccess(exit)) assert.isTrue(env.closed)
          })
      })
      assert.deepStrictEqual([...new Set(starts)], ["0"])
    })
  )

  it.effect("lets a program adjust the clock as under a test clock", () =>
    Sweep.everyStep(
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(Effect.sleep("1 minute"))
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(fiber)
        return yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      }),
      (exit) =>
        Effect.sync(() => {
          if (Exit.isSuccess(exit)) assert.strictEqual(exit.value, 60_000)
        })
    )
  )

  it.effect("waits for promises, and with the live clock for real time", () =>
    Effect.gen(function* () {
      const later = Effect.promise(() => new Promise<number>((resolve) => setTimeout(resolve, 2, 1)))
      const check = () => Effect.void
      assert.isAbove((yield* Sweep.everyStep(later, check)).swept, 1)
      const slept = Effect.andThen(later, Effect.sleep(1))
      assert.isAbove((yield* Sweep.everyStep(slept, check, { clock: "live" })).swept, 2)
    })
  )
})
