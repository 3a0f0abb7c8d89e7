/**
 * What commands that run a plan share: signals, the journal, the questions, the end, and the report.
 *
 * Once it has begun there is a report, whatever happens: also when the plan failed, when it was interrupted, and when something of
 * foreign code blew up beside it.
 */
import { type Fanout, FanoutError, Journal, Questions, Report, Snapshot } from "@toolscope/core"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { isFailure } from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { LaunchFlags } from "./arguments.ts"
import { exitCodes, ofReport } from "./exitCodes.ts"
import type { Foreign } from "./foreign.ts"
import { reportText } from "./human.ts"
import { JournalFile } from "./journalFile.ts"
import { reportJson } from "./jsonText.ts"
import { leave } from "./leave.ts"
import type { Output } from "./output.ts"
import { calm, lineOf } from "./progress.ts"
import { describe, type Fault, fault, type Refusal } from "./refusal.ts"
import { Scene } from "./scene.ts"
import * as Signals from "./signals.ts"
import { writeSnapshot } from "./snapshotFile.ts"
import type { Step } from "./sources.ts"
import type { Suspension } from "./suspension.ts"
import { oneLine, paintFor, printable } from "./text.ts"

export interface Options {
  readonly onReport?: (report: Report.Json) => string | undefined
}

/** Layers and servers have so many milliseconds to close. */
const closeMillis = 10_000

/** What the parts of a run share. */
export interface Running {
  /** That of the snapshot, once it is known. */
  runId: string
  readonly output: Output
  readonly flags: LaunchFlags
  readonly progress: boolean
  /** What has happened so far. */
  readonly scene: Scene
  /** Ends the run in order: set as soon as there is something to end. */
  stop: (reason: string) => void
}

interface Launch extends Pick<Running, "runId" | "flags" | "output"> {
  readonly foreign: Foreign
  readonly options: Options
}

type Program = (running: Running) => Effect.Effect<Result, Refusal, Scope.Scope>

export const launch = async ({ flags, foreign, options, output, runId }: Launch, program: Program): Promise<number> => {
  const running: Running = {
    runId,
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
    result = await execute(running, program)
  } finally {
    // the run is over: a signal during the output ends the process as usual
    signals.restore()
  }
  const code = await report(running, result, signals.first(), options)
  return foreign.crash !== undefined && signals.first() === undefined ? exitCodes.internal : code
}

export type Result =
  | {
      readonly _tag: "report"
      readonly report: Report.Json
      readonly journal: string | undefined
      readonly suspension: Suspension | undefined
    }
  | { readonly _tag: "refused"; readonly faults: ReadonlyArray<Fault> }
  | { readonly _tag: "interrupted" }
  | { readonly _tag: "internal"; readonly message: string }

const execute = async (running: Running, program: Program): Promise<Result> => {
  const scope = Scope.makeUnsafe()
  const key = process.env.TOOLSCOPE_SNAPSHOT_KEY ?? ""
  const fiber = Effect.runFork(
    program(running).pipe(
      Effect.provideService(Scope.Scope, scope),
      Effect.provideService(Snapshot.Key, key === "" ? undefined : Redacted.make(key))
    )
  )
  running.stop = () => {
    fiber.interruptUnsafe()
  }
  const exit = await Effect.runPromise(Fiber.await(fiber))
  await closing(scope, exit, running.output)
  if (Exit.isSuccess(exit)) return exit.value
  const { cause } = exit
  const failure = cause.reasons.find(Cause.isFailReason)?.error
  if (failure !== undefined) return { _tag: "refused", faults: failure.faults }
  if (Cause.hasInterruptsOnly(cause)) return { _tag: "interrupted" }
  return { _tag: "internal", message: Cause.pretty(cause) }
}

/** Closes what a command has opened. A finalizer of foreign code may never end. */
export const closing = (scope: Scope.Closeable, exit: Exit.Exit<unknown, unknown>, output: Output): Promise<unknown> =>
  Effect.runPromise(
    Scope.close(scope, exit).pipe(
      Effect.catchCause((cause) => {
        output.error(`toolscope: closing failed: ${oneLine(describe(Cause.squash(cause)))}`)
        return Effect.void
      }),
      Effect.forkDetach({ startImmediately: true }),
      Effect.flatMap((fiber) => Effect.timeoutOption(Fiber.await(fiber), closeMillis))
    )
  )

export const openJournal = async (path: string | undefined): Promise<Step<JournalFile | undefined>> => {
  if (path === undefined) return { value: undefined, faults: [] }
  try {
    return { value: await JournalFile.open(path), faults: [] }
  } catch (error) {
    return { value: undefined, faults: [fault(`the journal ${path} cannot be opened: ${describe(error)}`, "BadFile")] }
  }
}

interface Run {
  readonly start: Effect.Effect<Fanout.Handle<unknown, unknown>, Refusal, Scope.Scope>
  readonly journal: JournalFile | undefined
  /** Before the first event. */
  readonly begin: () => Promise<void> | undefined
  /** Can somebody be asked, if there is a terminal? */
  readonly mayAsk: boolean
  /** Where a snapshot goes. */
  readonly snapshot: string
}

export const runToEnd = (
  running: Running,
  { begin, journal: file, mayAsk, snapshot, start }: Run
): Effect.Effect<Result, Refusal, Scope.Scope> =>
  Effect.gen(function* () {
    const { flags, output, scene } = running
    yield* Effect.promise(async () => begin())
    const journal = Journal.make({
      write: (event) => {
        // the file may hold the first part of this run
        if (file !== undefined) Object.assign(event, { seq: event.seq + file.firstSeq })
        scene.note(event)
        file?.write(event)
      },
      flush: file?.flush ?? Effect.void
    })
    const asks = mayAsk && !flags.json && process.stdin.isTTY && process.stderr.isTTY
    const shown = running.progress ? yield* showProgress(running, journal, asks) : Effect.void
    const questions = yield* Layer.build(asks ? yield* terminal(flags) : Questions.suspend)
    const handle = yield* start.pipe(Effect.provide(questions), Effect.provideService(Journal.Current, journal))
    running.stop = (reason) => void Effect.runFork(handle.stop(reason))
    const report = Report.toJson(yield* handle.report)
    const result = yield* Effect.result(handle.result)
    const error = isFailure(result) ? result.failure : undefined
    const suspension =
      error instanceof FanoutError.FanoutError && error.reason._tag === "Suspended"
        ? keep(error.reason, snapshot, flags)
        : undefined
    yield* shown
    if (suspension !== undefined) for (const line of yield* suspensionLines(suspension)) output.error(line)
    return { _tag: "report", report, journal: file?.failure ?? report.journalRefused, suspension }
  })

// only who asks, or is asked, pays for loading it
const terminal = ({ by }: LaunchFlags) =>
  Effect.map(
    Effect.promise(() => import("@toolscope/node/Questions")),
    (Node) => Node.terminal(by === undefined ? {} : { by })
  )

const suspensionLines = (suspension: Suspension) =>
  Effect.map(
    Effect.promise(() => import("./suspension.ts")),
    ({ linesOf }) => linesOf(suspension)
  )

/** At once, whatever comes next: nothing else knows how to go on. */
const keep = (
  { questions, refused, snapshot }: FanoutError.Suspended<unknown>,
  wanted: string,
  { mcp, tools }: LaunchFlags
): Suspension => {
  const written = writeSnapshot(wanted, snapshot)
  return {
    questions,
    refused,
    path: written.path,
    problems: written.problems,
    sources: [...tools.flatMap((path) => ["--tools", path]), ...(mcp === undefined ? [] : ["--mcp", mcp])]
  }
}

/** Returns what waits until all lines are out. */
const showProgress = ({ output, scene }: Running, journal: Journal.Journal, asks: boolean) =>
  Effect.gen(function* () {
    const startedAt = Date.now()
    const events = yield* journal.observe({ capacity: 16_384 })
    // a line in the midst of a question would be in the way of who answers it
    let held: Array<string> = []
    const fiber = yield* Effect.forkScoped(
      events.pipe(
        Stream.takeUntil((event) => event.type === "fanout.closed"),
        Stream.filter(calm()),
        Stream.runForEach((event) =>
          Effect.sync(() => {
            const line = lineOf(event, startedAt)
            if (line !== undefined) held.push(line)
            if (asks && scene.isAsking && event.type !== "fanout.closed") return
            for (const one of held) output.error(one)
            held = []
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
  options: Options
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
      const isLost = result.suspension !== undefined && result.suspension.path === undefined
      return result.journal !== undefined || isLost ? exitCodes.internal : code
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
