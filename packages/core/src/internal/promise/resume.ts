/**
 * Goes on from a snapshot, for somebody who awaits a promise.
 */
import * as Effect from "effect/Effect"
import * as Fanout from "../../Fanout.ts"
import * as CoreSnapshot from "../../Snapshot.ts"
import { checkAnswers, resumeAnswers } from "./answering.ts"
import { checkOptions, isObject } from "./arguments.ts"
import { launch, prepare, settingsOf, type Startable } from "./fanout.ts"
import { handled } from "./handled.ts"
import type { Plan } from "./plan.ts"
import type { ResumeAnswers } from "./question.ts"
import { plainError } from "./questionErrorOf.ts"
import type { Report } from "./report.ts"
import { checkRun, knownOfRun, reported } from "./reported.ts"
import type { ResumeOptions } from "./runTypes.ts"

/**
 * Goes on from the `snapshot` of a suspended run, here or in another process, with the plan and the tools that it was taken of, and gives
 * its report. Calls that are over are not run again. A handler that asked runs again from its top once one of its questions has a reply;
 * what it had been answered, and what it had committed, it is given. Run id, ids and keys are the same.
 *
 * A snapshot is resumed once. Rejects with a `SnapshotError`, or with a `QuestionError` where an id of the answers names no open question:
 * then nothing was claimed, and nothing was started. An answer that its question cannot take leaves it open: if only questions remain the run
 * is suspended anew, and `refused` of the report says why. A faulty plan gives `"refused"`.
 *
 * @example
 * ```ts
 * import { call, contract, resume, run, tool } from "@toolscope/core/promise"
 * import * as z from "zod"
 *
 * const book = tool({
 *   name: "book",
 *   contract: contract.readOnly,
 *   execute: async (_params, { ask }) => `room ${await ask({ prompt: "Which room?", schema: z.number() })}`
 * })
 * const today = await run(call(book), { tools: [book], runId: "r" })
 * if (today.status !== "suspended") throw new Error(today.status)
 * const text = JSON.stringify(today.snapshot)
 *
 * const answers = { "r/?0": 101 }
 * const later = await resume(call(book), JSON.parse(text), { tools: [book], answers, by: "Ada" })
 * console.log(later.value) // => room 101
 * ```
 *
 * @since 0.1.0
 */
export const resume: {
  <A, O>(plan: Plan<A, O>, snapshot: unknown, options: ResumeOptions): Promise<Report<A>>
  (plan: unknown, snapshot: unknown, options: ResumeOptions): Promise<Report>
} = (plan: unknown, snapshot: unknown, options: ResumeOptions): Promise<any> => {
  try {
    checkOptions("resume()", options, [...knownOfRun, ...resumeAnswers])
    checkRun("resume()", options)
    checkAnswers("resume()", options)
  } catch (error) {
    return Promise.reject(error)
  }
  const { signal, tools } = options
  const resumed = Effect.flatMap(CoreSnapshot.decode(snapshot), (snapshot) =>
    Effect.flatMap(prepare(plan, tools, settingsOf(options)), (prepared) => {
      const settings = { ...prepared.settings, ...answersIn(options) }
      const start = (ready: (stop: (reason: string) => void) => void) =>
        Fanout.startFromStoppable(prepared.plan as Startable, snapshot, settings, ready)
      return Effect.map(launch(start, signal), prepared.plain)
    })
  )
  return handled(Effect.runPromise(Effect.mapError(reported(resumed, runIdOf(snapshot), options), plainError)))
}

/** Those that were given; an absent one stays absent. */
export const answersIn = (options: ResumeAnswers): ResumeAnswers =>
  Object.fromEntries(resumeAnswers.flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])))

export const runIdOf = (snapshot: unknown): string =>
  isObject(snapshot) && typeof snapshot.runId === "string" ? snapshot.runId : ""
