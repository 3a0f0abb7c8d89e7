/**
 * A `ManagedRuntime`, called from plain TypeScript: promises and signals outside, fibers inside. An aborted signal interrupts the fan-out, and the
 * promise is rejected when it has drained. Whoever disposes of the runtime waits for all of them.
 */
import { Fanout } from "@toolscope/core"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { offers, Vendors } from "./offers.ts"

/** What the rest of the program sees. */
export interface Offers {
  readonly of: (article: string, signal?: AbortSignal) => Promise<{ readonly [vendor: string]: number }>
  readonly close: () => Promise<void>
}

export const make = (log: (line: string) => void): Offers => {
  const runtime = ManagedRuntime.make(Vendors.layer(log))
  return {
    of: (article, signal) =>
      runtime.runPromise(Fanout.run(offers(article), { drain: "1 second" }), signal === undefined ? {} : { signal }),
    close: () => runtime.dispose()
  }
}
