/**
 * A scheduler of chance: who runs next, and when a fiber has to yield, is a matter of the seed.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import { prng } from "../support.ts"

const scheduler = (seed: number): Scheduler.Scheduler => {
  const random = prng(seed)
  const bag: Array<() => void> = []
  let armed = false
  const drain = () => {
    while (bag.length > 0) bag.splice(random.int(bag.length), 1)[0]!()
    armed = false
  }
  return {
    executionMode: "async",
    shouldYield: (fiber) => fiber.currentOpCount > 1 && random.int(3) === 0,
    makeDispatcher: () => ({
      scheduleTask: (task) => {
        bag.push(task)
        if (!armed) setImmediate(drain)
        armed = true
      },
      flush: drain
    })
  }
}

/** Runs a program under such a scheduler. */
export const underSeed = <A, E, R>(seed: number, program: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.yieldNow.pipe(
    Effect.andThen(program),
    Effect.provideService(Scheduler.Scheduler, scheduler(seed)),
    Effect.forkChild,
    Effect.flatMap(Fiber.join)
  )
