/**
 * `toolscope run`: reads everything, refuses with all faults or runs the plan, and reports.
 */
import { Fanout, PlanDocument } from "@toolscope/core"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { readFile } from "node:fs/promises"
import { text as readStream } from "node:stream/consumers"
import type { RunFlags } from "../internal/arguments.ts"
import type { Foreign } from "../internal/foreign.ts"
import { launch, openJournal, type Options, type Result, type Running, runToEnd } from "../internal/launch.ts"
import type { Output } from "../internal/output.ts"
import { describe, type Fault, fault, Refusal } from "../internal/refusal.ts"
import { newRunId } from "../internal/runId.ts"
import { besidePlan, checkTarget } from "../internal/snapshotFile.ts"
import { loadAll, openAll, type Step } from "../internal/sources.ts"

export const run = (flags: RunFlags, output: Output, foreign: Foreign, options: Options): Promise<number> =>
  launch({ runId: newRunId(), flags, output, foreign, options }, (running) => program(running, flags))

const program = (running: Running, flags: RunFlags): Effect.Effect<Result, Refusal, Scope.Scope> =>
  Effect.gen(function* () {
    const [loaded, document, journal] = yield* Effect.promise(() =>
      Promise.all([loadAll(flags), readPlan(flags.plan), openJournal(flags.journal)])
    )
    yield* Effect.addFinalizer(() => Effect.promise(async () => journal.value?.close()))
    const target = flags.snapshot === undefined ? [] : checkTarget(flags.snapshot)
    const faults = [...document.faults, ...loaded.faults, ...journal.faults, ...target]
    if (faults.length > 0) return yield* new Refusal({ faults })

    const found = yield* openAll(loaded.value)
    const { plan, settings } = yield* PlanDocument.decode(
      document.value,
      found.map(({ tool }) => tool)
    ).pipe(Effect.mapError(({ faults }) => new Refusal({ faults })))
    const { runId } = running
    const approval = flags.approve === undefined ? {} : { approval: flags.approve }
    return yield* runToEnd(running, {
      start: Fanout.start(plan, { ...settings, ...approval, runId }).pipe(
        Effect.mapError(({ faults }) => new Refusal({ faults }))
      ),
      journal: journal.value,
      begin: () => journal.value?.begin(),
      // the plan has been read from it
      mayAsk: flags.plan !== "-",
      snapshot: flags.snapshot ?? besidePlan(flags.plan, runId)
    })
  })

const readPlan = async (path: string): Promise<Step<unknown>> => {
  const name = path === "-" ? "the plan on standard input" : `the plan ${path}`
  const wrong = (message: string, tag: Fault["_tag"]) => ({ value: undefined, faults: [fault(message, tag)] })
  let text: string
  try {
    text = path === "-" ? await readStream(process.stdin) : await readFile(path, "utf8")
  } catch (error) {
    return wrong(`${name} cannot be read: ${describe(error)}`, "BadFile")
  }
  try {
    // an editor may have put a byte order mark
    return { value: JSON.parse(text.replace(/^\ufeff/, "")), faults: [] }
  } catch (error) {
    return wrong(`${name} is no JSON: ${describe(error)}`, "BadJson")
  }
}
