/**
 * Streams of a session for a `for await` loop: calls as they settle, questions as they are asked. Each loop sees what comes from its
 * beginning on. What nobody reads any more is forgotten when its loop is left, or else when the session closes.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Core from "../../Session.ts"
import { plainCall } from "./fanout.ts"
import type { SettledCall } from "./sessionTypes.ts"

export const outcomesOf = ({ outcomes }: Core.Session): AsyncIterable<SettledCall> =>
  iterable(
    Effect.map(outcomes, (stream) =>
      Stream.map(stream, ({ call, epoch, runId }) => ({ runId, epoch, call: plainCall(call) }))
    )
  )

export const iterable = <A>(observe: Effect.Effect<Stream.Stream<A>, never, Scope.Scope>): AsyncIterable<A> => ({
  [Symbol.asyncIterator]: () => {
    // begun at once, not with the first look: what comes in between is not lost
    const scope = Scope.makeUnsafe()
    const stream = Effect.runSync(Scope.provide(observe, scope))
    const inner = Stream.toAsyncIterable(stream)[Symbol.asyncIterator]()
    const end = () => Effect.runPromise(Scope.close(scope, Exit.void))
    let last: Promise<unknown> = Promise.resolve()
    return {
      // one look after the other, also for a reader that does not wait
      next: () => {
        const next = last.then(async () => {
          const result = await inner.next()
          if (result.done === true) await end()
          return result
        })
        last = next
        return next
      },
      return: async () => {
        await inner.return!()
        await end()
        return { done: true, value: undefined }
      }
    }
  }
})
