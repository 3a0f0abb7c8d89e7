/**
 * Waits with a bound, whatever is waited for: it may be uninterruptible, or hang while it is interrupted.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"

/** What it gives within so many milliseconds; otherwise it is asked to stop, and no longer waited for. */
export const bounded = <A, E>(self: Effect.Effect<A, E>, millis: number): Effect.Effect<Option.Option<A>, E> =>
  Effect.flatMap(Effect.forkDetach(self, { startImmediately: true }), (fiber) =>
    Effect.flatMap(Effect.timeoutOption(Fiber.await(fiber), millis), (exit) => {
      if (Option.isSome(exit)) return Effect.map(exit.value, Option.some)
      fiber.interruptUnsafe()
      return Effect.succeedNone
    })
  )
