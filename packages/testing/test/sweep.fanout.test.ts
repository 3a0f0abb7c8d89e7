import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { names, sweep } from "../src/internal/sweep/fanouts.ts"
import * as sessions from "../src/internal/sweep/sessions.ts"

/** `npm run sweep` does the same with all of them, and with `--reentrant`. */
describe("the owner of a fan-out is interrupted at every step: the laws hold, and it returns within the drain", () => {
  for (const name of names) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const { steps, swept } = yield* sweep(name)
        assert.isAbove(steps, 50)
        assert.strictEqual(swept, steps)
      })
    )
  }
})

/** A sample: all of them are swept by `npm run sweep`. */
describe("the owner of a session is interrupted at many steps: the laws hold, and it returns within the drain", () => {
  for (const name of sessions.names) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const { steps, swept } = yield* sessions.sweep(name, { sample: 40 })
        assert.isAbove(steps, 200)
        assert.isAtLeast(swept, 40)
      })
    )
  }
})
