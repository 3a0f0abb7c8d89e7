/**
 * Fan-outs inside of a handler that is a function: started through its context, they belong to the attempt that runs it.
 */
import * as Effect from "effect/Effect"
import * as Fanout from "../../Fanout.ts"
import type { PromiseContext } from "../../Tool.ts"
import { servicesOf } from "../promiseHandler.ts"
import { checkOptions, checkText } from "./arguments.ts"
import {
  checkFanout,
  knownOptions,
  launch,
  prepare,
  refused,
  settingsOf,
  type Startable,
  Tools,
  withTools
} from "./fanout.ts"
import type { FanoutInside, InsideOptions } from "./fanoutTypes.ts"
import { handled } from "./handled.ts"

const known = [...knownOptions, "runId"]

export const fanoutInside =
  (context: PromiseContext): FanoutInside =>
  (plan: unknown, options: InsideOptions = {}): Promise<any> => {
    try {
      check(options)
    } catch (error) {
      return Promise.reject(error)
    }
    const { attempt, call } = context
    const { attempt: running, services } = servicesOf(context)
    const runId = options.runId === undefined ? {} : { runId: options.runId }
    const id = options.runId ?? `${context.runId}${call === "/" ? "" : call}@${attempt}`
    const ran = Effect.flatMap(Effect.service(Tools), (around) => {
      const tools = withTools(around, options.tools)
      return prepare(plan, tools, { ...settingsOf(options), ...runId }).pipe(
        Effect.flatMap((prepared) =>
          Effect.map(
            // what stops the attempt stops its fan-outs, with the reason that it has: not a second time, by a signal made from its own
            launch(
              (ready) => Fanout.startStoppable(prepared.plan as Startable, prepared.settings, ready),
              options.signal,
              (reason) => reason === running.stop
            ),
            prepared.plain
          )
        ),
        Effect.catchTag("PlanError", (error) => Effect.succeed(refused(id, error))),
        Effect.provideService(Tools, tools)
      )
    })
    return handled(
      Effect.runPromiseWith(services)(ran).then((report) => {
        // as at the gate: who was told to stop, and awaits this, gives no answer
        if ((report.status === "interrupted" || report.status === "suspended") && running.stop !== undefined)
          throw running.stop as unknown as Error
        return report
      })
    )
  }

const check = (options: InsideOptions): void => {
  checkOptions("fanout()", options, known)
  checkFanout("fanout()", options)
  checkText("fanout()", "runId", options.runId)
}
