/**
 * `p-map`, with its `signal`, `concurrency` and `stopOnError: false`.
 */
import pMap from "p-map"
import { claimsOf, make, toolOf, versionOf } from "./common.ts"

export default make({
  name: "p-map",
  version: versionOf("p-map"),
  settings: "signal, concurrency, stopOnError: false; the caller's signal is given to each call, too",
  can: ["concurrency"],
  turn: async (turn) => {
    const ends: Array<PromiseSettledResult<unknown>> = []
    const options = {
      signal: turn.signal,
      stopOnError: false,
      ...(turn.concurrency === undefined ? {} : { concurrency: turn.concurrency })
    }
    const one = async ({ tool }: { readonly tool: string }, i: number) => {
      const [end] = await Promise.allSettled([toolOf(turn, tool).execute({}, { signal: turn.signal })])
      ends[i] = end!
    }
    await pMap(turn.calls, one, options)
    return claimsOf(turn, ends)
  }
})
