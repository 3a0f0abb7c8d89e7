/**
 * Random numbers from a seed: the same seed gives the same numbers, for ever. Everything random in a simulation comes from here.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

/** The generator of Effect's `Random.withSeed`, as a value. */
export const seeded = (seed: string | number): Random.Random =>
  Effect.runSync(
    Effect.withFiber((fiber) => Effect.succeed(fiber.getRef(Random.Random))).pipe(Random.withSeed(String(seed)))
  )

/** A whole number from 0 to `below`, exclusive. */
export const below = (random: Random.Random, limit: number): number => Math.floor(random.nextDoubleUnsafe() * limit)
