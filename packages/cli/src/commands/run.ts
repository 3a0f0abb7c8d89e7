/**
 * `toolscope run`: reads everything, refuses with all faults or runs the plan, and reports.
 *
 * Once it has begun there is a report, whatever happens: also when the plan failed, when it was interrupted, and when something of
 * foreign code blew up beside it.
 */
import { Fanout, Journal, type Plan, PlanDocument, Report } from "@toolscope/core"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { readFile } from "node:fs/promises"
import { text as readStream } from "node:stream/consumers"
import type { RunFlags } from "../internal/arguments.ts"
import { exitCodes, ofReport } from "../internal/exitCodes.ts"
import type { Foreign } from "../internal/foreign.ts"
import { reportText } from "../internal/human.ts"
import { JournalFile } from "../internal/journalFile.ts"
import { reportJson } from "../internal/jsonText.ts"
import { leave } from "../internal/leave.ts"
import type { Output } from "../internal/output.ts"
import { lineOf } from "../internal/progress.ts"
import { describe, type Fault, fault, Refusal } from "../internal/refusal.ts"
import { newRunId } from "../internal/runId.ts"
import { Scene } from "../internal/scene.ts"
import * as Signals from "../internal/signals.ts"
import { loadAll, openAll, type Step } from "../internal/sources.ts"
import { oneLine, paintFor, printable } from "../internal/text.ts"

export interface RunOptions {
  readonly onReport?: (report: Report.Json) => string | undefined
}

/** Layers and servers have so many milliseconds to close. */
const closeMillis = 10_000

/** What the parts of a run share. */
interface Running {
  readonly runId: string
  readonly output: Output
  readonly flags: RunFlags
  readonly progress: boolean
  /** What has happened so far. */
  readonly scene: Scene
  /** Ends the run in order: set as soon as there is something to end. */
  stop: (reason: string) => void
}

export const run = async (flags: RunFlags, output: Output, foreign: Foreign, options: RunOptions): Promise<number> => {
  const running: Running = {
    runId: newRunId(),
    output,
    flags,
    progress: flags.progress ?? process.stderr.isTTY,
    scene: new Scene(),
    stop: () => {}
  }
  foreign.onCrash = () => {
    running.stop("an exception outside of any call")
  }
  const signals = Signals.listen(
    (signal) => {
      const calls = running.scene.running
      if (running.progress && calls > 0) {
        output.error(
          `${signal}: waiting for ${calls} call${calls === 1 ? "" : "s"} to stop; once more to leave at once`
        )
      }
      running.stop(signal)
    },
    (signal) => {
      leave(running, signal)
    }
  )
  let result: Result
  try {
    result = await execute(running)
  } finally {
    // the run is over: a signal during the output ends the process as usual
    signals.restore()
  }
  const code = await report(running, result, signals.first(), options)
  return foreign.crash !== undefined && signals.first() === undefined ? exitCodes.internal : code
}

type Result =
  | { readonly _tag: "report"; readonly report: Report.Json; readonly journal: string | undefined }
  | { readonly _tag: "refused"; readonly faults: ReadonlyArray<Fault> }
  | { readonly _tag: "interrupted" }
  | { readonly _tag: "internal"; readonly message: string }

const execute = async (running: Running): Promise<Result> => {
  const scope = Scope.makeUnsafe()
  const fiber = Effect.runFork(Effect.provideService(program(running), Scope.Scope, scope))
  running.stop = () => {
    fiber.interruptUnsafe()
  }
  const exit = await Effect.runPromise(Fiber.await(fiber))
  // a finalizer of foreign code may never end
  await Effect.runPromise(
    Scope.close(scope, exit).pipe(
      Effect.catchCause((cause) => {
        running.output.error(`toolscope: closing failed: ${oneLine(describe(Cause.squash(cause)))}`)
        return Effect.void
      }),
      Effect.forkDetach({ startImmediately: true }),
      Effect.flatMap((closing) => Effect.timeoutOption(Fiber.await(closing), closeMillis))
    )
  )
  if (Exit.isSuccess(exit)) return exit.value
  const { cause } = exit
  const failure = cause.reasons.find(Cause.isFailReason)?.error
  if (failure !== undefined) return { _tag: "refused", faults: failure.faults }
  if (Cause.hasInterruptsOnly(cause)) return { _tag: "interrupted" }
  return { _tag: "internal", message: Cause.pretty(cause) }
}

const program = (running: Running): Effect.Effect<Result, Refusal, Scope.Scope> =>
  Effect.gen(function* () {
    const { flags } = running
    const [loaded, document, journal] = yield* Effect.promise(() =>
      Promise.all([loadAll(flags), readPlan(flags.plan), openJournal(flags.journal)])
    )
    yield* Effect.addFinalizer(() => Effect.promise(async () => journal.value?.close()))
    const faults = [...document.faults, ...loaded.faults, ...journal.faults]
    if (faults.length > 0) return yield* new Refusal({ faults })

    const found = yield* openAll(loaded.value)
    const { plan, settings } = yield* PlanDocument.decode(
      document.value,
      found.map(({ tool }) => tool)
    ).pipe(Effect.mapError(({ faults }) => new Refusal({ faults })))
    return yield* runPlan(running, plan, settings, journal.value)
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

const openJournal = async (path: string | undefined): Promise<Step<JournalFile | undefined>> => {
  if (path === undefined) return { value: undefined, faults: [] }
  try {
    return { value: await JournalFile.open(path), faults: [] }
  } catch (error) {
    return { value: undefined, faults: [fault(`the journal ${path} cannot be opened: ${describe(error)}`, "BadFile")] }
  }
}

const runPlan = (
  running: Running,
  plan: Plan.Plan<unknown, unknown>,
  settings: Fanout.Options,
  file: JournalFile | undefined
): Effect.Effect<Result, Refusal, Scope.Scope> =>
  Effect.gen(function* () {
    const { output, runId, scene } = running
    if (file !== undefined) yield* Effect.promise(() => file.begin())
    const journal = Journal.make({
      write: (event) => {
        scene.note(event)
        file?.write(event)
      },
      flush: file?.flush ?? Effect.void
    })
    const shown = running.progress ? yield* showProgress(journal, output) : Effect.void
    const handle = yield* Fanout.start(plan, { ...settings, runId }).pipe(
      Effect.provideService(Journal.Current, journal),
      Effect.mapError(({ faults }) => new Refusal({ faults }))
    )
    running.stop = (reason) => void Effect.runFork(handle.stop(reason))
    const report = Report.toJson(yield* handle.report)
    yield* shown
    return { _tag: "report", report, journal: file?.failure ?? report.journalRefused }
  })

/** Returns what waits until all lines are out. */
const showProgress = (journal: Journal.Journal, output: Output) =>
  Effect.gen(function* () {
    const startedAt = Date.now()
    const events = yield* journal.observe({ capacity: 16_384 })
    const fiber = yield* Effect.forkScoped(
      events.pipe(
        Stream.takeUntil((event) => event.type === "fanout.closed"),
        Stream.runForEach((event) =>
          Effect.sync(() => {
            const line = lineOf(event, startedAt)
            if (line !== undefined) output.error(line)
          })
        )
      ),
      { startImmediately: true }
    )
    return Effect.asVoid(Effect.timeoutOption(Fiber.await(fiber), "1 second"))
  })

const report = async (
  running: Running,
  result: Result,
  signal: Signals.Signal | undefined,
  options: RunOptions
): Promise<number> => {
  const { flags, output, runId } = running
  const json = reportOf(runId, result)
  if (flags.json) for (const piece of reportJson(json)) await output.write(piece)
  switch (result._tag) {
    case "refused":
      if (!flags.json) for (const line of refusalLines(result.faults)) output.error(line)
      return exitCodes.refused
    case "internal":
      output.error(`toolscope: ${printable(result.message)}`)
      return exitCodes.internal
    case "interrupted":
      if (!flags.json) output.error("toolscope: interrupted before anything was started")
      return signal === undefined ? exitCodes.internal : exitCodes[signal]
    case "report": {
      if (!flags.json) {
        const own = options.onReport?.(json)
        if (own !== undefined) await output.write(`${printable(own).trimEnd()}\n\n`)
        await output.write(reportText(json, paintFor(process.stdout)))
      }
      if (result.journal !== undefined) {
        const cause = oneLine(result.journal).replace(/^the journal refused a record: /, "")
        output.error(`toolscope: the journal refused a record, and nothing was started after that: ${cause}`)
      }
      const code = ofReport(json, signal)
      if (code === exitCodes.SIGINT || code === exitCodes.SIGTERM) return code
      return result.journal !== undefined ? exitCodes.internal : code
    }
  }
}

const reportOf = (runId: string, result: Result): Report.Json => {
  switch (result._tag) {
    case "report":
      return result.report
    case "refused":
      return Report.refused(runId, result.faults)
    case "interrupted": {
      const { faults: _, ...nothing } = Report.refused(runId, [])
      return { ...nothing, status: "interrupted" }
    }
    case "internal":
      return {
        ...Report.refused(runId, []),
        status: "failed",
        faults: [{ pointer: "", _tag: "Internal", message: result.message }]
      }
  }
}

/** The faults of a refused run, a line each. */
export const refusalLines = (faults: ReadonlyArray<Fault>): ReadonlyArray<string> => [
  "toolscope: refused, nothing was started:",
  ...faults.map(
    ({ _tag, message, pointer }) =>
      `  ${pointer === "" ? "" : `${oneLine(pointer)}: `}${_tag}: ${printable(message).replaceAll("\n", "\n  ")}`
  )
]
