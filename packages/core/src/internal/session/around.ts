/**
 * What a session has to do with the handler that it was opened inside of, and with the handlers that run inside of it.
 */
import type * as Fiber from "effect/Fiber"
import * as Quarantine from "../../Quarantine.ts"
import { runningOf } from "../attempt.ts"

/** Does this fiber run for an attempt of the session that has this quarantine? */
export const isInside = (fiber: Fiber.Fiber<unknown, unknown>, quarantine: Quarantine.Quarantine): boolean => {
  let attempt = runningOf(fiber)
  while (attempt !== undefined && attempt.heritage.quarantine !== quarantine) attempt = attempt.heritage.caller
  return attempt !== undefined
}

/** What a session inside of a handler leaves behind stands in the way of the session around it, too. */
export const quarantineIn = (around: Quarantine.Quarantine | undefined): Quarantine.Quarantine => {
  const own = Quarantine.make()
  if (around === undefined) return own
  return {
    ...own,
    add: (member) => {
      own.add(member)
      around.add(member)
    },
    remove: (member) => {
      own.remove(member)
      around.remove(member)
    }
  }
}
