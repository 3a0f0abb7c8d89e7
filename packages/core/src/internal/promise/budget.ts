/**
 * Budgets as plain types: limits, amounts, and what became of them.
 */
import type { Duration } from "./schema.ts"

/**
 * Amounts of named costs, in units of your own: `{ usd: 0.02, tokens: 1200 }`.
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
  readonly wallClock?: Duration
  /** Named costs. Tools declare them: `cost`. */
  readonly costs?: Amounts
}

/**
 * Limits with what has been used and reserved, by name: `calls`, `attempts`, `cohorts`, `wallClock` (milliseconds), and the named costs.
 *
 * @since 0.1.0
 */
export interface Usage {
  readonly [name: string]: { readonly limit: number; readonly used: number; readonly reserved: number }
}
