/**
 * The error of a fan-out that was stopped names the stop that came first.
 */
import { assert, describe, it } from "@effect/vitest"
import { Fanout, Plan } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { reading } from "./support.ts"

describe("a fan-out that is stopped twice while it drains", () => {
  it.effect("fails with the first reason", () =>
    Effect.gen(function* () {
      const handle = yield* Fanout.start(Plan.effect(Effect.ensuring(Effect.never, Effect.sleep(50)), reading))
      yield* TestClock.adjust(1)
      yield* Effect.forkChild(handle.stop("first"), { startImmediately: true })
      yield* TestClock.adjust(10)
      yield* Effect.forkChild(handle.stop("second"), { startImmediately: true })
      const failure = yield* Effect.forkChild(Effect.flip(handle.result), { startImmediately: true })
      yield* TestClock.adjust(40)
      const { reason } = yield* Fiber.join(failure)
      assert.deepStrictEqual(reason._tag === "Stopped" && reason.by, { source: "user", reason: "first" })
    })
  )
})
