/**
 * Sessions for those who await promises: the core's, with signals for interruption.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Journal from "../../Journal.ts"
import type { PlanError } from "../../PlanError.ts"
import type * as CoreReport from "../../Report.ts"
import * as Core from "../../Session.ts"
import type { InsideHandler, Reason, SessionError as CoreError } from "../../SessionError.ts"
import * as CoreSnapshot from "../../Snapshot.ts"
import {
  answersOf,
  checkAnswers,
  checkQuestionOptions,
  provideQuestions,
  questionOptions,
  resumeAnswers
} from "./answering.ts"
import { checkFunction, checkOptions, checkText, isObject, wrong } from "./arguments.ts"
import {
  checkFanout,
  checkSignal,
  checkTools,
  journalOf,
  knownOptions,
  onAbort,
  type Prepared,
  prepare,
  reasonOf,
  refused,
  settingsOf,
  type Startable,
  suspensionIn,
  Tools,
  withTools
} from "./fanout.ts"
import { handled } from "./handled.ts"
import { iterable, outcomesOf } from "./outcomes.ts"
import type { QuestionOptions } from "./question.ts"
import { plainError } from "./questionErrorOf.ts"
import type { Report } from "./report.ts"
import { answersIn, runIdOf } from "./resume.ts"
import { SessionError } from "./sessionError.ts"
import type { ReplanOptions, Session, SessionOptions, SessionResumeOptions, WaitOptions } from "./sessionTypes.ts"
import type { Tool } from "./tool.ts"

const known = ["tools", "id", "budget", "limits", "loop", "retryRatio", "keep", "signal", "onEvent", ...questionOptions]
const knownLimits = ["concurrency", "tools", "resources", "waiting"]
const knownOfFanout = [...knownOptions, "despite"]
const knownOfReplan = [...knownOfFanout, "reason"]
const knownOfResume = [...knownOfFanout, ...resumeAnswers]

/** So many reports the core keeps at least: enough to find the one of a fan-out that has just ended. */
const leastKept = 8

/** A fan-out that was asked for. */
interface Launch {
  fiber: Fiber.Fiber<unknown, unknown> | undefined
  /** Since its run has been opened: from here on it is stopped, and will have a report. */
  runId: string | undefined
  /** Of a resume: the run that goes on. */
  readonly resumes: string | undefined
  closed: boolean
  report: Report | undefined
}

/**
 * Opens a session. Close it (`await using`, or `close()` in a `finally`): what runs is then stopped and drained.
 *
 * Rejects with a `TypeError` when an option is missing, misspelt or wrong, all wrong settings at once.
 *
 * @example
 * ```ts
 * import { setTimeout as sleep } from "node:timers/promises"
 * import { call, openSession, tool } from "@toolscope/core/promise"
 * import * as z from "zod"
 *
 * const write = tool({
 *   name: "write",
 *   parameters: z.object({ text: z.string(), millis: z.number() }),
 *   contract: { effect: "mutating", commit: "marked" },
 *   execute: async ({ millis, text }, { commit, signal }) => {
 *     await sleep(millis, undefined, { signal })
 *     await commit(() => console.log(text))
 *   }
 * })
 * await using session = await openSession({ tools: [write], budget: { cohorts: 2 } })
 * void session.fanout(call(write, { text: "the old plan", millis: 1_000 }))
 * await session.replan(call(write, { text: "the new plan", millis: 0 })) // => the new plan
 * ```
 *
 * @since 0.1.0
 */
export const openSession = (options: SessionOptions): Promise<Session> =>
  new Promise((resolve) => {
    resolve(open(options))
  })

const open = (options: SessionOptions): Session => {
  check(options)
  const { onEvent, signal, tools } = options
  const given: Record<string, unknown> = {}
  for (const key of ["id", "budget", "limits", "loop", "retryRatio", "keep"] as const)
    if (options[key] !== undefined) given[key] = options[key]
  const { keep } = options
  if (typeof keep === "number" && keep >= 0) given.keep = Math.max(keep, leastKept)
  const launches = new Map<unknown, Launch>()
  const note = ({ epoch, run, session, type }: Journal.Event): void => {
    if (type !== "fanout.opened" && type !== "fanout.resumed" && type !== "fanout.closed") return
    // a fan-out is opened and closed on the fiber of whoever asked for it; those inside of handlers have fibers of their own
    const launch = launches.get(Fiber.getCurrent())
    if (launch === undefined || run !== (launch.resumes ?? `${session}.${epoch}`)) return
    if (type === "fanout.closed") launch.closed = true
    else launch.runId = run
  }
  const scope = Scope.makeUnsafe()
  const opened = Effect.runSyncExit(
    Core.make(given as Core.Options).pipe(
      Scope.provide(scope),
      Effect.provideService(Journal.Current, journalOf(onEvent, note))
    )
  )
  if (Exit.isFailure(opened)) {
    const error = Cause.squash(opened.cause) as PlanError
    throw new TypeError(
      `openSession(): ${error.faults.map(({ message, pointer }) => `${pointer.slice(1).replaceAll("/", ".")}: ${message}`).join("; ")}`
    )
  }
  return new State(opened.value, scope, launches, { tools, keep: keep ?? 100, signal, questions: options }).session
}

class State {
  readonly session: Session
  private readonly core: Core.Session
  private readonly scope: Scope.Closeable
  private readonly launches: Map<unknown, Launch>
  private readonly tools: ReadonlyArray<Tool>
  private readonly questions: QuestionOptions
  private readonly plain = new WeakMap<CoreReport.Report, Report>()
  private closing: Promise<void> | undefined
  private ignore = () => {}

  constructor(
    core: Core.Session,
    scope: Scope.Closeable,
    launches: Map<unknown, Launch>,
    options: {
      readonly tools: ReadonlyArray<Tool>
      readonly keep: number
      readonly signal: AbortSignal | undefined
      readonly questions: QuestionOptions
    }
  ) {
    this.core = core
    this.scope = scope
    this.launches = launches
    this.tools = options.tools
    this.questions = options.questions
    const { quarantine } = core
    this.session = {
      id: core.id,
      epoch: core.epoch,
      usage: core.usage,
      fanout: (plan: unknown, given: ReplanOptions = {}): Promise<any> =>
        this.launch("fanout()", knownOfFanout, plan, given, (prepared, settings) =>
          core.fanout(prepared.plan as Startable, settings)
        ),
      replan: (plan: unknown, given: ReplanOptions = {}): Promise<any> =>
        this.launch("replan()", knownOfReplan, plan, given, (prepared, settings) =>
          core.replan(
            prepared.plan as Startable,
            given.reason === undefined ? settings : { ...settings, reason: given.reason }
          )
        ),
      resume: (plan: unknown, snapshot: unknown, given: SessionResumeOptions = {}): Promise<any> =>
        this.launch(
          "resume()",
          knownOfResume,
          plan,
          given,
          (prepared, settings) =>
            Effect.flatMap(CoreSnapshot.decode(snapshot), (snapshot) =>
              core.resume(prepared.plan as Startable, snapshot, { ...settings, ...answersIn(given) })
            ),
          runIdOf(snapshot)
        ),
      questions: core.questions,
      questionStream: iterable(core.questionStream),
      ...answersOf(core, soon),
      cancel: (reason, given = {}) =>
        until("cancel()", given, () => {
          checkText("cancel()", "reason", reason)
          return core.cancel(reason)
        }),
      drained: (given = {}) => until("drained()", given, () => core.drained),
      outcomes: outcomesOf(core),
      reports: () => {
        const reports = core.reports()
        return reports
          .slice(Math.max(0, reports.length - options.keep))
          .flatMap((report) => this.plain.get(report) ?? [])
      },
      quarantine: {
        list: quarantine.list,
        awaitEmpty: (given = {}) => {
          const { ids, ...rest } = given
          return until("awaitEmpty()", rest, () => {
            if (ids === undefined) return quarantine.awaitEmpty()
            if (!Array.isArray(ids)) throw wrong("awaitEmpty()", "ids is a list of ids", { value: ids })
            return quarantine.awaitEmpty(({ id }) => ids.includes(id))
          })
        }
      },
      close: (given = {}) => {
        // also where nobody waits for it
        const closing = this.close()
        return until("close()", given, () => Effect.promise(() => closing))
      },
      [Symbol.asyncDispose]: () => this.close()
    }
    const { signal } = options
    if (signal !== undefined) {
      this.ignore = onAbort(signal, () => {
        // what runs hears the reason; then nothing starts any more
        soon(() => Effect.runFork(core.cancel(reasonOf(signal))))
        void this.close()
      })
    }
  }

  private close(): Promise<void> {
    this.closing ??= new Promise((resolve) => {
      this.ignore()
      soon(() => {
        resolve(Effect.runPromise(Scope.close(this.scope, Exit.void)))
      })
    })
    return this.closing
  }

  private launch(
    where: string,
    knownHere: ReadonlyArray<string>,
    plan: unknown,
    options: ReplanOptions,
    start: (prepared: Prepared, settings: Core.FanoutOptions) => Started,
    resumes?: string
  ): Promise<Report> {
    try {
      checkLaunch(where, options, knownHere)
    } catch (error) {
      return Promise.reject(error)
    }
    const { despite, signal } = options
    if (signal?.aborted === true) return handled(Promise.reject(aborted(signal)))
    const launch: Launch = { fiber: undefined, runId: undefined, resumes, closed: false, report: undefined }
    const tools = withTools(this.tools, options.tools)
    const run = Effect.withFiber((fiber) => {
      launch.fiber = fiber
      this.launches.set(fiber, launch)
      return Effect.flatMap(prepare(plan, tools, settingsOf(options)), (prepared) =>
        Effect.onExit(
          start(prepared, { ...prepared.settings, ...(despite === undefined ? {} : { despite }) }),
          (exit) =>
            Effect.sync(() => {
              this.keep(launch, prepared, exit)
            })
        )
      )
    })
    return handled(
      new Promise((resolve, reject: (error: unknown) => void) => {
        // before it starts: a tool may abort at once
        const forget =
          signal === undefined
            ? () => {}
            : onAbort(signal, () => {
                this.abort(launch, signal)
              })
        soon(() => {
          if (signal?.aborted === true) {
            reject(aborted(signal))
            return
          }
          const fiber = Effect.runFork(provideQuestions(Effect.provideService(run, Tools, tools), this.questions))
          fiber.addObserver((exit) => {
            forget()
            this.launches.delete(fiber)
            const error = Exit.isFailure(exit) ? Cause.findErrorOption(exit.cause) : undefined
            // it has a report however it ended
            if (launch.report !== undefined) resolve(launch.report)
            else if (error?._tag === "Some" && error.value._tag === "PlanError") {
              resolve(refused(resumes ?? `${this.core.id}.${this.core.epoch() + 1}`, error.value))
            } else if (error?._tag === "Some" && error.value._tag === "SessionError") reject(fromCore(error.value))
            else if (signal?.aborted === true) reject(aborted(signal))
            else if (error?._tag === "Some") reject(plainError(error.value))
            else reject(Exit.isFailure(exit) ? Cause.squash(exit.cause) : new Error("a fan-out has no report"))
          })
        })
      })
    )
  }

  /** The report of a fan-out that has closed, in its plain form: read while it is sure to be there. */
  private keep(launch: Launch, { plain }: Prepared, exit: Exit.Exit<unknown, unknown>): void {
    if (launch.runId === undefined) return
    const report = this.core.reports().findLast(({ runId }) => runId === launch.runId)
    if (report === undefined) return
    launch.report = plain({ report, suspended: suspensionIn(exit) })
    this.plain.set(report, launch.report)
  }

  private abort(launch: Launch, signal: AbortSignal): void {
    if (launch.closed) return
    if (launch.runId === undefined) {
      launch.fiber?.interruptUnsafe()
      return
    }
    // where a replan waits, it is being stopped already, and the first reason stays
    const isAwaited = [...this.launches.values()].some(({ runId }) => runId === undefined)
    if (!isAwaited) Effect.runFork(this.core.cancel(reasonOf(signal)))
  }
}

/** From the core's reason: its fields, and what it says. Who asks from a promise is never known to be inside of a handler. */
const fromCore = ({ message, reason }: CoreError): SessionError => {
  const hint = reason._tag === "Busy" ? "; a handler runs what it needs with the fanout of its context" : ""
  return new SessionError(Object.assign({}, reason as Exclude<Reason, InsideHandler>), message + hint)
}

const aborted = ({ reason }: AbortSignal): SessionError =>
  new SessionError({ _tag: "Aborted", reason }, "its signal was aborted before it had begun: nothing of it was started")

type Started = Effect.Effect<
  unknown,
  { readonly _tag: "FanoutError" | "QuestionError" | "SnapshotError" } | PlanError | CoreError
>

/**
 * What is asked for begins when the piece of program that asks has ended, in the order in which it was asked: so that a loop over the
 * outcomes that begins beside a fan-out misses nothing of it.
 */
const soon = (begin: () => void): void => {
  queueMicrotask(begin)
}

/** Waits; an abort ends the wait, and what it waits for goes on. */
const until = (where: string, options: WaitOptions, effect: () => Effect.Effect<void>): Promise<void> => {
  let waits: Effect.Effect<void>
  try {
    // it has no keys of its own that could be strange
    if (options instanceof AbortSignal) throw wrong(where, "options are an object: { signal }")
    checkOptions(where, options, ["signal"])
    checkSignal(where, options.signal)
    if (options.signal?.aborted === true) return handled(Promise.reject(options.signal.reason as Error))
    waits = effect()
  } catch (error) {
    return Promise.reject(error)
  }
  const { signal } = options
  return handled(
    new Promise((resolve, reject: (error: unknown) => void) => {
      let fiber: Fiber.Fiber<void> | undefined
      const forget =
        signal === undefined
          ? () => {}
          : onAbort(signal, () => {
              reject(signal.reason)
              fiber?.interruptUnsafe()
            })
      soon(() => {
        fiber = Effect.runFork(waits)
        fiber.addObserver((exit) => {
          forget()
          if (Exit.isSuccess(exit)) resolve()
          else reject(Cause.squash(exit.cause))
        })
        if (signal?.aborted === true) fiber.interruptUnsafe()
      })
    })
  )
}

const check = (options: SessionOptions): void => {
  checkOptions("openSession()", options, known)
  const { budget, id, keep, limits, loop, onEvent, retryRatio, signal, tools } = options as Partial<SessionOptions>
  checkTools("openSession()", tools)
  checkText("openSession()", "id", id)
  if (budget !== undefined && !isObject(budget))
    throw wrong("openSession()", "budget is an object of limits", { value: budget })
  if (limits !== undefined) {
    checkOptions("openSession() limits", limits, knownLimits)
    for (const key of ["tools", "resources"] as const) {
      const value: unknown = limits[key]
      if (value !== undefined && !isObject(value)) {
        throw wrong("openSession()", `limits.${key} is an object of numbers by name`, { value })
      }
    }
  }
  for (const [name, value] of Object.entries({ loop, retryRatio, keep })) {
    if (value !== undefined && typeof value !== "number") throw wrong("openSession()", `${name} is a number`, { value })
  }
  checkSignal("openSession()", signal)
  checkFunction("openSession()", "onEvent", onEvent)
  checkQuestionOptions("openSession()", options)
}

const checkLaunch = (
  where: string,
  options: ReplanOptions & SessionResumeOptions,
  knownHere: ReadonlyArray<string>
): void => {
  checkOptions(where, options, knownHere)
  const { despite, reason } = options
  checkFanout(where, options)
  checkAnswers(where, options)
  checkText(where, "reason", reason)
  if (despite !== undefined && !(Array.isArray(despite) && despite.every((id: unknown) => typeof id === "string"))) {
    throw wrong(where, "despite is a list of ids", { value: despite })
  }
}
