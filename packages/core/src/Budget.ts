/**
 * A **budget** limits what a fan-out, or a whole session, may use. Attempts reserve what they may cost before they start, and settle
 * what they did cost when they have ended: calls that run at the same time never overshoot together.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"

/**
 * Amounts of named costs: `{ usd: 0.02, tokens: 1200 }`.
 *
 * @since 0.1.0
 */
export interface Amounts {
  readonly [cost: string]: number
}

/**
 * Limits; what is absent is not limited.
 *
 * @since 0.1.0
 */
export interface Budget {
  /** How many calls may start. */
  readonly calls?: number
  /** How many attempts may start, retries included. */
  readonly attempts?: number
  /** How many fan-outs a session may run. Of no meaning for a single one. */
  readonly cohorts?: number
  /** From the opening of the session, or of the fan-out. What runs then is stopped. */
  readonly wallClock?: Duration.Input
  /** Named costs, in units of your own. Tools declare them: `cost`. */
  readonly costs?: Amounts
}

/**
 * What a limit came to.
 *
 * @since 0.1.0
 */
export const Entry = Schema.Struct({ limit: Schema.Number, used: Schema.Number, reserved: Schema.Number })

/**
 * Limits with what has been used and reserved, by name: `calls`, `attempts`, `cohorts`, `wallClock` (milliseconds), and the named costs.
 *
 * @since 0.1.0
 */
export interface Usage {
  readonly [name: string]: typeof Entry.Type
}

/**
 * Why an attempt, or a fan-out, was not let start: `asked` more of `name` where `used` (reserved included) of `limit` were gone.
 *
 * @since 0.1.0
 */
export interface Shortage {
  readonly name: string
  readonly limit: number
  readonly used: number
  readonly asked: number
}
