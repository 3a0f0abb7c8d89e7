/**
 * `Promise.allSettled`, with the caller's signal given to each call.
 */
import { claimsOf, make, toolOf } from "./common.ts"

export default make({
  name: "Promise.allSettled",
  version: process.version,
  settings: "the caller's signal is given to each call",
  can: [],
  turn: async (turn) =>
    claimsOf(
      turn,
      await Promise.allSettled(turn.calls.map(({ tool }) => toolOf(turn, tool).execute({}, { signal: turn.signal })))
    )
})
