/**
 * `Effect.all` with `mode: "result"`: every call is an `Effect.tryPromise`, which aborts its signal when it is interrupted; the caller's abort
 * interrupts.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { claimsOf, type Fixture, make, toolOf, versionOf } from "./common.ts"

const effectOf = (fixture: Fixture) => {
  const once = Effect.tryPromise({ try: (signal) => fixture.execute({}, { signal }), catch: (error) => error })
  const bounded = fixture.timeout === undefined ? once : Effect.timeout(once, fixture.timeout)
  return fixture.retries === 0 || fixture.repeat === "never"
    ? bounded
    : Effect.retry(bounded, Schedule.recurs(fixture.retries))
}

export default make({
  name: "Effect.all",
  version: versionOf("effect"),
  settings:
    'mode: "result", concurrency; Effect.tryPromise with its signal, Effect.timeout and Effect.retry per call that may be repeated; the abort interrupts',
  can: ["timeout", "retry", "concurrency"],
  turn: async (turn) => {
    const calls = turn.calls.map(({ tool }) => effectOf(toolOf(turn, tool)))
    const all = Effect.all(calls, { concurrency: turn.concurrency ?? "unbounded", mode: "result" })
    const found = await Effect.runPromise(all, { signal: turn.signal })
    return claimsOf(
      turn,
      found.map((each) =>
        Result.isSuccess(each)
          ? { status: "fulfilled", value: each.success }
          : { status: "rejected", reason: each.failure }
      )
    )
  }
})
