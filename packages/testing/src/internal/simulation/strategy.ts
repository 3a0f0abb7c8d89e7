/**
 * Who runs next? A strategy is asked whenever more than one task is ready, and at every operation of a fiber whether it has to let
 * others run first.
 */
import type * as Fiber from "effect/Fiber"
import type * as Random from "effect/Random"
import { MixedScheduler } from "effect/Scheduler"
import { below } from "./random.ts"

export interface Task {
  readonly run: () => void
  /** Of the fiber that scheduled it: each fiber has a dispatcher of its own. */
  readonly dispatcher: number
  /** Effect's: lower goes first. */
  readonly priority: number
}

export interface Strategy {
  /** The index of the task that runs next; `tasks` is not empty and stands in the order of scheduling. */
  readonly pick: (tasks: ReadonlyArray<Task>) => number
  readonly shouldYield: (fiber: Fiber.Fiber<unknown, unknown>) => boolean
}

const standard = new MixedScheduler()

/** As Effect's own scheduler: by priority, then in order; a fiber yields when its operations are spent. */
export const inOrder: Strategy = {
  pick: (tasks) => firstOf(tasks, (task) => -task.priority),
  shouldYield: (fiber) => standard.shouldYield(fiber)
}

/** The first of those for which `rank` is highest. */
const firstOf = (tasks: ReadonlyArray<Task>, rank: (task: Task) => number): number => {
  let best = 0
  for (let i = 1; i < tasks.length; i++) if (rank(tasks[i]!) > rank(tasks[best]!)) best = i
  return best
}

/** A fiber that is asked to yield before its first operation would never get anywhere. */
const mayYield = (random: Random.Random, chance: number, fiber: Fiber.Fiber<unknown, unknown>): boolean =>
  (fiber.currentOpCount > 1 && random.nextDoubleUnsafe() < chance) || standard.shouldYield(fiber)

/** Any ready task, each as likely as the other. `yields`: the chance, at each operation, that a fiber has to wait. */
export const anyOrder = (random: Random.Random, yields: number): Strategy => ({
  pick: (tasks) => below(random, tasks.length),
  shouldYield: (fiber) => mayYield(random, yields, fiber)
})

/**
 * Probabilistic concurrency testing: every fiber gets a random rank, and the highest that is ready runs; at `changes` moments, spread
 * over the first `length` decisions, the one that would run falls behind all others. A bug that needs few decisions to go wrong is
 * found with a probability that does not shrink with the number of all orders.
 */
export const byRank = (
  random: Random.Random,
  options: { readonly changes: number; readonly length: number; readonly yields: number }
): Strategy => {
  const ranks = new Map<number, number>()
  const changes = new Set<number>()
  for (let i = 0; i < options.changes; i++) changes.add(below(random, options.length))
  let lowest = 0
  let decisions = 0
  const rankOf = (task: Task): number => {
    let rank = ranks.get(task.dispatcher)
    if (rank === undefined) ranks.set(task.dispatcher, (rank = random.nextDoubleUnsafe()))
    return rank
  }
  return {
    pick: (tasks) => {
      const next = firstOf(tasks, rankOf)
      if (!changes.has(decisions++)) return next
      ranks.set(tasks[next]!.dispatcher, --lowest)
      return firstOf(tasks, rankOf)
    },
    shouldYield: (fiber) => mayYield(random, options.yields, fiber)
  }
}
