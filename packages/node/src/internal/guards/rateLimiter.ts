/**
 * Effect's rate limiter, which it calls unstable: nothing else imports it. It is asked, and never told to reserve: who leaves the line before
 * its turn takes nothing with it.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as RateLimiter from "effect/persistence/RateLimiter"
import { perStore, storeOr } from "./own.ts"

export interface Limit {
  readonly key: string
  readonly limit: number
  readonly window: Duration.Duration
  readonly algorithm: "fixed-window" | "token-bucket"
}

/** `exceeded`: there is no token for so many milliseconds. `broken`: the store did not say. */
export type Answer =
  | { readonly _tag: "taken" }
  | { readonly _tag: "exceeded"; readonly millis: number }
  | { readonly _tag: "broken"; readonly detail: string }

const taken: Answer = { _tag: "taken" }

export const store = storeOr(RateLimiter.RateLimiterStore, RateLimiter.layerStoreMemory)

export type Store = Effect.Success<typeof store>

const limiterOf = perStore((store: Store) =>
  Effect.runSync(Effect.provideService(RateLimiter.make, RateLimiter.RateLimiterStore, store))
)

/** Takes a token, if there is one. */
export const take = (store: Store, limit: Limit): Effect.Effect<Answer> =>
  limiterOf(store)
    .consume({ ...limit, onExceeded: "fail" })
    .pipe(
      Effect.match({
        onSuccess: () => taken,
        onFailure: ({ reason }): Answer =>
          reason._tag === "RateLimitExceeded"
            ? // a timer that is a fraction early would ask in vain
              { _tag: "exceeded", millis: Math.max(1, Math.ceil(Duration.toMillis(reason.retryAfter))) }
            : { _tag: "broken", detail: reason.message }
      })
    )
