/**
 * The message of a fan-out that did not succeed says who is to blame.
 */
import { assert, describe, it } from "@effect/vitest"
import { Fanout, Plan } from "@toolscope/core"
import * as Effect from "effect/Effect"
import { hangs, no } from "./support.ts"

describe("the message of a FanoutError", () => {
  it.effect("names every call that failed, with its error", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Fanout.run(Plan.all({ a: no("no seats"), b: no({ _tag: "SoldOut" }), c: hangs() }))
      )
      assert.strictEqual(error.message, "EssentialFailed (/a: no seats; /b: SoldOut)")
    })
  )

  it.effect("says who stopped it, and why", () =>
    Effect.gen(function* () {
      const run = yield* Fanout.start(hangs())
      yield* run.stop("the user left")
      assert.strictEqual((yield* Effect.flip(run.result)).message, "Stopped (user: the user left)")
    })
  )
})
