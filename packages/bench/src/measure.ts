/**
 * Measures contenders side by side: in rounds, each round all of them, in an order that turns from round to round, with a collection of
 * garbage before each. What is compared is what was measured in the same round.
 */

/** What one contender took in each round, in microseconds per call. */
export interface Samples {
  readonly name: string
  /** Time of the processor, garbage collection and compiler included: what is compared. */
  readonly micros: ReadonlyArray<number>
  /** Time on the wall. On a shared machine it measures the neighbours as well. */
  readonly wallMicros: ReadonlyArray<number>
}

/** The middle of some numbers, and between which of them the middle half lies. */
export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
}

export interface Options {
  readonly rounds: number
  /** Rounds before the first that counts. */
  readonly warmUp: number
  readonly collectGarbage: () => void
  /** Microseconds of the processor. */
  readonly processor: () => number
  /** Microseconds on the wall. */
  readonly wall: () => number
}

export interface Task {
  readonly name: string
  readonly run: () => Promise<void>
}

/** `calls`: how many calls one run of a task makes; it is repeated until at least `atLeast` calls were made. */
export const measure = async (
  tasks: ReadonlyArray<Task>,
  calls: number,
  atLeast: number,
  { collectGarbage, processor, rounds, wall, warmUp }: Options
): Promise<ReadonlyArray<Samples>> => {
  const samples = tasks.map(({ name }) => ({ name, micros: [] as Array<number>, wallMicros: [] as Array<number> }))
  const repeats = Math.ceil(atLeast / calls)
  for (let round = -warmUp; round < rounds; round++) {
    for (let k = 0; k < tasks.length; k++) {
      const i = (k + round + warmUp) % tasks.length
      const { run } = tasks[i]!
      collectGarbage()
      const start = [processor(), wall()] as const
      for (let repeat = 0; repeat < repeats; repeat++) await run()
      if (round < 0) continue
      samples[i]!.micros.push((processor() - start[0]) / (repeats * calls))
      samples[i]!.wallMicros.push((wall() - start[1]) / (repeats * calls))
    }
  }
  return samples
}

export const spread = (numbers: ReadonlyArray<number>): Spread => {
  const sorted = [...numbers].sort((a, b) => a - b)
  return { median: quantile(sorted, 0.5), low: quantile(sorted, 0.25), high: quantile(sorted, 0.75) }
}

/** The spread of `of / to`, round by round. */
export const ratio = (of: Samples, to: Samples): Spread => spread(of.micros.map((micros, i) => micros / to.micros[i]!))

const quantile = (sorted: ReadonlyArray<number>, q: number): number => {
  const at = (sorted.length - 1) * q
  const low = sorted[Math.floor(at)]!
  return low + (sorted[Math.ceil(at)]! - low) * (at % 1)
}
