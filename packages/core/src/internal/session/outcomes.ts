/**
 * The stream of calls as they settle. A fan-out has so many calls and no more: nothing is dropped for a slow reader.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Settled } from "../../Session.ts"

export class Outcomes {
  private readonly queues = new Set<Queue.Queue<Settled, Cause.Done>>()
  private isClosed = false

  readonly observe: Effect.Effect<Stream.Stream<Settled>, never, Scope.Scope> = Effect.map(
    Effect.acquireRelease(
      Effect.map(Queue.unbounded<Settled, Cause.Done>(), (queue) => {
        if (this.isClosed) Queue.endUnsafe(queue)
        else this.queues.add(queue)
        return queue
      }),
      (queue) => {
        this.queues.delete(queue)
        return Queue.shutdown(queue)
      }
    ),
    (queue) => Stream.fromQueue(queue)
  )

  /** Made only if somebody listens. */
  tell(settled: () => Settled): void {
    if (this.queues.size === 0) return
    const made = settled()
    for (const queue of this.queues) Queue.offerUnsafe(queue, made)
  }

  /** Nothing more will come: streams end when they have been read. */
  close(): void {
    this.isClosed = true
    for (const queue of this.queues) Queue.endUnsafe(queue)
  }
}
