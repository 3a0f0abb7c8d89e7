/**
 * `Promise.all`, with the caller's signal given to each call.
 */
import { claimsOf, make, toolOf } from "./common.ts"

export default make({
  name: "Promise.all",
  version: process.version,
  settings: "the caller's signal is given to each call",
  can: [],
  turn: async (turn) => {
    const values = await Promise.all(
      turn.calls.map(({ tool }) => toolOf(turn, tool).execute({}, { signal: turn.signal }))
    )
    return claimsOf(
      turn,
      values.map((value) => ({ status: "fulfilled", value }))
    )
  }
})
