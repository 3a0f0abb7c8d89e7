/**
 * From a plan to an executor, and from its run to its report: what `Fanout` and `Session` share.
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type { Options } from "../Fanout.ts"
import { FanoutError, Suspended } from "../FanoutError.ts"
import * as Journal from "../Journal.ts"
import { type Fault, PlanError } from "../PlanError.ts"
import * as Quarantine from "../Quarantine.ts"
import * as Questions from "../Questions.ts"
import type { Report } from "../Report.ts"
import { Claims, OtherPlan, sign, type Snapshot, SnapshotError, verify } from "../Snapshot.ts"
import { Account } from "./account.ts"
import { type Heritage, type RunningAttempt, runningOf } from "./attempt.ts"
import { bounded } from "./bounded.ts"
import type { CallState } from "./call.ts"
import { compile, type Compiled } from "./compile.ts"
import { Executor } from "./executor.ts"
import { type Limits, limitsOf } from "./limits.ts"
import { Desk } from "./questions/desk.ts"
import type { Node } from "./node.ts"
import { differencesOf, restore, restoreQuestions } from "./snapshot/restore.ts"
import { take } from "./snapshot/take.ts"
import type { Pace } from "./spending.ts"
import { summarize } from "./summary.ts"

/** What a session gives the fan-outs that it runs. */
export interface Home extends Pick<
  Heritage,
  "session" | "epoch" | "runId" | "journal" | "quarantine" | "account" | "limiter" | "caller"
> {
  readonly onSettled: (executor: Executor, call: CallState) => void
  readonly pace: Pace | undefined
  readonly desk: Desk
}

interface More {
  readonly home?: Home
  /** If nobody says otherwise. Default: suspend. */
  readonly whenOnlyQuestionsRemain?: Questions.Policy["whenOnlyQuestionsRemain"]
}

/** For a fan-out that goes on: `admit` may refuse it, before its snapshot is claimed. */
export interface MoreFrom<E> extends More {
  readonly admit?: (compiled: Compiled) => Effect.Effect<void, E>
}

/** Everything that can be known beforehand is checked here: all faults at once, and nothing has started. */
export const prepare = (plan: Node, options: Options, more: More = {}): Effect.Effect<Executor, PlanError> =>
  // of another plan only a snapshot can be
  build(plan, options, more) as Effect.Effect<Executor, PlanError>

/** As {@link prepare}, to go on from a snapshot; claims it, last of all. */
export const prepareFrom = <E = never>(
  plan: Node,
  snapshot: Snapshot,
  options: Options,
  more: MoreFrom<E> = {}
): Effect.Effect<Executor, PlanError | SnapshotError | E> =>
  Effect.flatMap(Effect.andThen(verify(snapshot), Claims), (claim) => {
    const { admit, ...rest } = more
    const claimed = (compiled: Compiled) =>
      Effect.andThen(admit === undefined ? Effect.void : admit(compiled), claim(snapshot)) as Effect.Effect<
        void,
        SnapshotError
      >
    return build(plan, { ...optionsOf(snapshot), ...options }, { ...rest, resumed: snapshot, claim: claimed })
  })

/** The settings that a snapshot was taken under. */
const optionsOf = ({ settings }: Snapshot): Options => {
  const { budget, timeout = "infinity", ...rest } = settings
  if (budget === undefined) return { ...rest, timeout: timeout as Duration.Input }
  const { attempts, calls, wallClock, ...costs } = budget
  const counted = {
    ...(attempts === undefined ? {} : { attempts }),
    ...(calls === undefined ? {} : { calls }),
    ...(wallClock === undefined ? {} : { wallClock })
  }
  return { ...rest, timeout: timeout as Duration.Input, budget: { ...counted, costs } }
}

const build = (
  plan: Node,
  options: Options,
  {
    claim = () => Effect.void,
    home,
    resumed,
    whenOnlyQuestionsRemain = "suspend"
  }: More & { readonly resumed?: Snapshot; readonly claim?: (compiled: Compiled) => Effect.Effect<void, SnapshotError> }
): Effect.Effect<Executor, PlanError | SnapshotError> =>
  Effect.withFiber((fiber): Effect.Effect<Executor, PlanError | SnapshotError> => {
    const caller = runningOf(fiber)
    const limits = limitsOf(options)
    const compiled = compile(plan, home !== undefined || caller === undefined || caller.call === "/" ? "" : caller.call)
    const results: ReadonlyArray<Result.Result<unknown, ReadonlyArray<Fault>>> = [limits, compiled]
    const faults = results.flatMap((result) => (Result.isFailure(result) ? result.failure : []))
    if (faults.length > 0) return Effect.fail(new PlanError({ faults }))
    const checked = (limits as Result.Success<Limits, never>).success
    const clock = fiber.getRef(Clock.Clock)
    const random = fiber.getRef(Random.Random)
    const inherited = home === undefined ? caller : undefined
    const around = home === undefined ? caller : home.caller
    // a plan without ids has its one call on the path of its caller
    const isAtCaller = [...(compiled as Result.Success<Compiled, never>).success.calls.values()].some(
      ({ id }) => id === caller?.call
    )
    const identity =
      home === undefined
        ? identityOf(inherited, resumed?.runId ?? options.runId, isAtCaller, () => random.nextDoubleUnsafe())
        : {
            runId: resumed?.runId ?? home.runId,
            keys: resumed?.runId ?? home.runId,
            session: home.session,
            epoch: home.epoch
          }
    const questions = around?.heritage.questions ??
      fiber.getRef(Questions.Current) ?? { whenOnlyQuestionsRemain, asked: undefined }
    const desk = around?.heritage.desk ?? home?.desk ?? new Desk()
    const above = home?.account ?? inherited?.heritage.account
    const now = Number(clock.monotonicTimeNanosUnsafe() / 1_000n) / 1_000
    const account = checked.budget === undefined ? above : new Account(checked.budget, above, now)
    const executor = new Executor((compiled as Result.Success<Compiled, never>).success, {
      ...identity,
      topRunId: around?.heritage.topRunId ?? identity.runId,
      context: fiber.context,
      clock,
      journal: home?.journal ?? fiber.getRef(Journal.Current) ?? inherited?.heritage.journal ?? Journal.memory(),
      quarantine: home?.quarantine ?? inherited?.heritage.quarantine ?? fiber.getRef(Quarantine.Current),
      limits: checked,
      account,
      ownAccount: checked.budget === undefined ? undefined : account,
      limiter: home?.limiter ?? inherited?.heritage.limiter,
      order: around?.heritage.order ?? { next: 0 },
      caller: around,
      onSettled: home?.onSettled,
      pace: home?.pace ?? inherited?.heritage.pace,
      approval: options.approval ?? around?.heritage.approval,
      questions,
      desk,
      refused: [],
      ownsDesk: around === undefined && home === undefined
    })
    // a handler that runs again starts its fan-outs in the same order
    const saved = resumed?.fanout ?? inherited?.resumes[inherited.nested - 1]
    if (home?.caller !== undefined) home.caller.hasSession = true
    if (saved !== undefined && saved !== null) {
      inherited?.runs.push(executor)
      const differences = differencesOf(executor.compiled, saved)
      const other = new SnapshotError({ reason: new OtherPlan({ differences }) })
      if (differences.length > 0) return resumed === undefined ? Effect.die(other) : Effect.fail(other)
      const restored = Effect.andThen(restore(executor, saved), claim(executor.compiled))
      return Effect.map(resumed === undefined ? Effect.orDie(restored) : restored, () => {
        const asked = resumed?.questions ?? desk.list().filter(({ state }) => state === "open")
        for (const question of resumed?.questions ?? []) desk.remember(question, identity.runId)
        // inside of a handler the replies are there already
        if (resumed === undefined) executor.announce()
        restoreQuestions(executor, saved, asked)
        if (inherited !== undefined) executor.enter()
        return executor
      })
    }
    // one that is begun when its handler has ended starts nothing
    const shortages = inherited?.isGone === true ? [] : executor.reserveEssential()
    // one that was refused keeps its place, and had nothing
    inherited?.runs.push(shortages.length > 0 ? undefined : executor)
    if (shortages.length > 0) return Effect.fail(new PlanError({ faults: shortages }))
    if (inherited !== undefined) executor.enter()
    return Effect.succeed(executor)
  })

/** A fan-out inside of a handler belongs to the session and the epoch of its caller. Its keys are the same in every attempt. */
const identityOf = (
  caller: RunningAttempt | undefined,
  given: string | undefined,
  isAtCaller: boolean,
  random: () => number
) => {
  if (caller === undefined) {
    const runId = given ?? newRunId(random)
    return { runId, keys: runId, session: runId, epoch: 1 }
  }
  const { heritage } = caller
  const number = ++caller.nested
  const suffix = number === 1 ? "" : `~${number}`
  // one more `~` for each fan-out around: which of them was the second is a part of the key
  const mark = number === 1 ? "" : `${"~".repeat(depthOf(caller))}${number}`
  return {
    runId: given ?? `${caller.runId}${caller.call === "/" ? "" : caller.call}@${caller.attempt}${suffix}`,
    keys: given ?? `${heritage.keys}${mark}${(isAtCaller && number === 1) || caller.call === "/" ? "/" : ""}`,
    session: heritage.session,
    epoch: heritage.epoch
  }
}

/** How many fan-outs of its session it runs inside of. */
const depthOf = ({ heritage }: RunningAttempt): number => {
  const { caller, session } = heritage
  return caller === undefined || caller.heritage.session !== session ? 1 : 1 + depthOf(caller)
}

export const newRunId = (random: () => number): string => {
  let id = "run_"
  for (let i = 0; i < 16; i++) id += Math.floor(random() * 32).toString(32)
  return id
}

/** Why it ended undecided, with what it can go on from. */
const suspensionOf = (executor: Executor): Effect.Effect<Suspended<unknown> | undefined> => {
  const { desk, env } = executor
  return Effect.suspend(() => {
    if (!executor.isSuspended || env.caller !== undefined) return Effect.succeed(undefined)
    const { budget, timeout, ...limits } = env.limits
    const snapshot: Snapshot = {
      toolscope: 1,
      // not from `Random`: a program with a seed would take a new snapshot for one that was claimed
      snapshot: `snapshot_${crypto.randomUUID()}`,
      runId: env.runId,
      takenAt: env.clock.currentTimeMillisUnsafe(),
      settings: {
        ...limits,
        ...(Number.isFinite(timeout) ? { timeout } : {}),
        ...(typeof env.approval === "string" ? { approval: env.approval } : {}),
        ...(budget === undefined ? {} : { budget: Object.fromEntries(budget) })
      },
      fanout: take(executor).fanout,
      questions: desk.list(env.runId)
    }
    return Effect.map(
      sign(snapshot),
      (snapshot) => new Suspended({ calls: [], questions: desk.listOpen(env.runId), snapshot, refused: env.refused })
    )
  })
}

export interface Closed {
  readonly report: () => Report
  readonly exit: Exit.Exit<unknown, FanoutError<unknown>>
}

/** Runs to the close; the report is made, and journaled, also when the caller is interrupted. */
export const execute = (
  executor: Executor,
  onClosed: (closed: Closed) => void,
  interruptible?: typeof Effect.interruptible
): Effect.Effect<unknown, FanoutError<unknown>> =>
  Effect.suspend(() => {
    let closed: Closed
    const close = Effect.flatMap(suspensionOf(executor), (suspended) => {
      const { reason, report, value } = summarize(executor, suspended)
      const exit = reason === undefined ? Exit.succeed(value) : Exit.fail(new FanoutError({ reason, report: report() }))
      closed = { report, exit }
      onClosed(closed)
      // what was written last is kept too, or the report would be the only one to know; but a journal that hangs holds nobody
      const { flush } = executor.recorder
      return executor.env.journal.flush === Effect.void
        ? Effect.void
        : Effect.ignore(bounded(flush, executor.env.limits.drain))
    })
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(
        Effect.onExit(executor.run(interruptible ?? restore), () => close),
        () => closed.exit
      )
    )
  })
