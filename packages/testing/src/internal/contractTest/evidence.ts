/**
 * Gathers what there is to know about a tool: runs it undisturbed, stopped at every point, again under the same key, undone, provoked;
 * and looks at the world before and after each. It judges nothing.
 */
import { Contract, Fanout, Plan, Tool } from "@toolscope/core"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { ContractTestError } from "./error.ts"
import type { How, Played, Stop } from "./play.ts"
import { pointsOf } from "./points.ts"
import { catching, onStage, type Provocation, type Snapshot, type Stage, type Subject } from "./stage.ts"

type Gathering<A> = Effect.Effect<A, ContractTestError, any>

/** What a probe said, or why it said nothing. */
export type Answer = "yes" | "no" | { readonly failed: string }

/** The tool was run once, in a world of its own. */
export interface Run {
  readonly played: Played
  readonly before: Snapshot
  /** When the fan-out had closed, and a while later. */
  readonly after: Snapshot
  readonly later: Snapshot
  readonly probed?: Answer
  /** It was then run again, with the same parameters, and not stopped. */
  readonly repeated?: { readonly played: Played; readonly after: Snapshot }
}

/** The tool was run, and what it had done was undone. */
export interface Undone {
  readonly played: Played
  readonly before: Snapshot
  readonly after: Snapshot
}

/** `compensate` was called by itself. */
export interface Called {
  readonly error: string | undefined
  readonly before: Snapshot
  readonly after: Snapshot
}

export interface Evidence {
  /** Its name. */
  readonly tool: string
  readonly contract: Contract.Contract
  readonly drives: Tool.Any["drives"]
  /** Milliseconds that it has to end in. */
  readonly within: number
  readonly undisturbed: Run
  readonly stopped: ReadonlyArray<Run>
  /** With the world looked at, at each gate. */
  readonly atGates: Run | undefined
  readonly provoked: ReadonlyArray<{ readonly tag: string; readonly how: Provocation; readonly run: Run }>
  readonly undone: ReadonlyArray<Undone>
  /** The undo of provoked failures that left an effect in doubt. */
  readonly undoneFailures: ReadonlyArray<Undone & { readonly tag: string; readonly acted: boolean }>
  /** The undo of what never was. */
  readonly undoOfNothing: Called | undefined
  /** The undo of what had been undone. */
  readonly undoneTwice: Called | undefined
  /** The tool came after the undo of its key. */
  readonly cameLate: ReadonlyArray<Called & { readonly undone: "nothing" | "effect" }>
  /** Of a key that was never used. */
  readonly probedNothing: Answer | undefined
  /** It was left behind again and again, so that the rest was not tried. */
  readonly gaveUp: boolean
}

/** So often left behind, it will not end at the other points either. */
const patience = 3

export const didSucceed = ({ call }: Played): boolean => call.outcome._tag === "Succeeded"

export const gather = (subject: Subject): Gathering<Evidence> =>
  Effect.gen(function* () {
    const first = yield* onStage(subject, (stage) =>
      Effect.gen(function* () {
        const probedNothing = yield* probe(stage, subject)
        const run = yield* observe(stage, {}, subject)
        const { contract, drives, name } = stage.tool
        return { run, probedNothing, contract, drives, name, within: stage.within }
      })
    )
    const { contract, drives, run: undisturbed } = first
    const evidence: Evidence = {
      tool: first.name,
      contract,
      drives,
      within: first.within,
      undisturbed,
      probedNothing: first.probedNothing,
      stopped: [],
      atGates: undefined,
      provoked: [],
      undone: [],
      undoneFailures: [],
      undoOfNothing: undefined,
      undoneTwice: undefined,
      cameLate: [],
      gaveUp: false
    }
    if (!didSucceed(undisturbed.played)) return evidence
    // the first run may be slow because it is the first: where to stop is learned from a second
    const second = yield* onStage(subject, (stage) => stage.play({}))
    const { gaveUp, stopped } = yield* stops(subject, pointsOf(second, subject.stops))
    const provoked = yield* provocations(subject)
    const acts = contract.effect !== "none"
    const isMarked = acts && contract.commit === "marked"
    const compensate = acts ? contract.compensate : undefined
    return {
      ...evidence,
      stopped,
      gaveUp,
      atGates: isMarked
        ? yield* onStage(subject, (stage) => observe(stage, { watchGate: true }, subject, { alone: true }))
        : undefined,
      provoked,
      ...(compensate === undefined
        ? {}
        : yield* undos(subject, { stopped, provoked }, typeof compensate === "function"))
    }
  })

/** Runs the tool and looks at the world around it; asks the probe, and repeats, where the contract speaks of that. */
const observe = (
  stage: Stage,
  how: How,
  subject: Subject,
  options: { readonly alone?: boolean } = {}
): Gathering<Run> =>
  Effect.gen(function* () {
    const { contract } = stage.tool
    const before = yield* stage.look
    const played = yield* stage.play(how)
    const after = yield* stage.look
    yield* stage.settle
    const later = yield* stage.look
    const run = { played, before, after, later }
    if (options.alone === true || contract.effect === "none") return run
    const probed = yield* probe(stage, subject)
    const asked = probed === undefined ? {} : { probed }
    if (contract.repeat === "never" || played.call.leftBehind) return { ...run, ...asked }
    // what is natural needs no key
    const again = yield* stage.play(contract.repeat === "natural" ? { key: `${stage.key}-again` } : {})
    return { ...run, ...asked, repeated: { played: again, after: yield* stage.look } }
  }).pipe(Effect.tap(() => stage.leave))

const stops = (
  subject: Subject,
  points: ReadonlyArray<Stop>
): Gathering<{ readonly stopped: ReadonlyArray<Run>; readonly gaveUp: boolean }> =>
  Effect.gen(function* () {
    const stopped: Array<Run> = []
    let leftBehind = 0
    for (const stop of points) {
      const run = yield* onStage(subject, (stage) => observe(stage, { stop }, subject))
      if (run.played.moment === undefined) continue
      stopped.push(run)
      if (run.played.call.leftBehind && ++leftBehind === patience) return { stopped, gaveUp: true }
    }
    return { stopped, gaveUp: false }
  })

const provocations = (subject: Subject): Gathering<Evidence["provoked"]> =>
  Effect.forEach(
    Object.entries(subject.failures).flatMap(([tag, how]) => (how === "believed" ? [] : [{ tag, how }])),
    ({ how, tag }) =>
      Effect.map(
        onStage(subject, (stage) =>
          Effect.andThen(prepare(stage, how), observe(stage, paramsOf(how), subject, { alone: true }))
        ),
        (run) => ({ tag, how, run })
      )
  )

const prepare = (stage: Stage, { world }: Provocation): Gathering<void> =>
  world === undefined
    ? Effect.void
    : Effect.asVoid(
        catching(
          Effect.suspend(() => world(stage.world)),
          "setup"
        )
      )

const paramsOf = (provocation: Provocation): How => ("params" in provocation ? { params: provocation.params } : {})

const undos = (
  subject: Subject,
  { provoked, stopped }: Pick<Evidence, "provoked" | "stopped">,
  callable: boolean
): Gathering<Partial<Evidence>> =>
  Effect.gen(function* () {
    const undone: Array<Undone> = []
    const points: ReadonlyArray<How> = [{}, ...stopped.map((run) => ({ stop: stopOf(run) }))]
    let leftBehind = 0
    for (const how of points) {
      if (leftBehind === patience) break
      const run = yield* onStage(subject, (stage) => undo(stage, how))
      if (run.played.call.leftBehind) leftBehind++
      if (how.stop === undefined || run.played.moment !== undefined) undone.push(run)
    }
    return {
      undone,
      undoneFailures: yield* undoFailures(subject, provoked),
      undoOfNothing: callable ? yield* onStage(subject, (stage) => call(stage, subject)) : undefined,
      undoneTwice: callable
        ? yield* onStage(subject, (stage) => Effect.andThen(undo(stage, {}), call(stage, subject)))
        : undefined,
      cameLate: subject.world.refusesAfterUndo === true ? yield* late(subject, callable) : []
    }
  })

/** Where a run was stopped, to be stopped there again. */
const stopOf = ({ played: { moment } }: Run): Stop =>
  moment!.step === undefined ? { type: "time", millis: moment!.millis } : { type: "step", step: moment!.step }

const undo = (stage: Stage, how: How): Gathering<Undone> =>
  Effect.gen(function* () {
    const before = yield* stage.look
    const played = yield* stage.play({ ...how, undo: true })
    const after = yield* stage.look
    yield* stage.leave
    return { played, before, after }
  })

/** Undoes what failed and left an effect in doubt: with and without something to undo. */
const undoFailures = (subject: Subject, provoked: Evidence["provoked"]): Gathering<Evidence["undoneFailures"]> => {
  const inDoubt = provoked.filter(({ run }) => run.played.call.effects.some(({ state }) => state === "unknown"))
  return Effect.forEach(inDoubt, ({ how, run, tag }) =>
    Effect.map(
      onStage(subject, (stage) => Effect.andThen(prepare(stage, how), undo(stage, paramsOf(how)))),
      (undone) => ({ ...undone, tag, acted: !Equal.equals(run.before, run.after) })
    )
  )
}

/** The tool comes after the undo of its key. */
const late = (subject: Subject, callable: boolean): Gathering<Evidence["cameLate"]> => {
  const forward = (stage: Stage, undone: "nothing" | "effect") =>
    Effect.gen(function* () {
      const before = yield* stage.look
      yield* stage.play({})
      const after = yield* stage.look
      yield* stage.leave
      return { undone, error: undefined, before, after }
    })
  const undoneBefore = onStage(subject, (stage) => Effect.andThen(call(stage, subject), forward(stage, "nothing")))
  const undoneAfter = onStage(subject, (stage) => Effect.andThen(undo(stage, {}), forward(stage, "effect")))
  return Effect.all(callable ? [undoneBefore, undoneAfter] : [undoneAfter])
}

/** How long an undo or a probe that is called by itself may take. */
const bound = "5 seconds"

/** Calls the undo by itself: that of this stage's tool, which may close over the world. */
const call = (stage: Stage, subject: Subject): Gathering<Called> =>
  Effect.gen(function* () {
    const { contract } = stage.tool
    const compensate = (contract as Contract.Acting).compensate as Contract.Compensate
    const done = yield* doneOf(stage, subject)
    const before = yield* stage.look
    const exit = yield* Effect.exit(
      Effect.timeout(
        Effect.suspend(() => compensate(done)),
        bound
      )
    )
    return { error: Exit.isSuccess(exit) ? undefined : messageOf(exit.cause), before, after: yield* stage.look }
  })

const probe = (stage: Stage, subject: Subject): Gathering<Answer | undefined> =>
  Effect.gen(function* () {
    const { contract } = stage.tool
    if (contract.effect === "none" || contract.probe === undefined) return undefined
    const { probe } = contract
    const done = yield* doneOf(stage, subject)
    const exit = yield* Effect.exit(
      Effect.timeout(
        Effect.suspend(() => probe(done)),
        bound
      )
    )
    return Exit.isSuccess(exit) ? (exit.value ? "yes" : "no") : { failed: messageOf(exit.cause) }
  })

/** What an undo and a probe are told where nobody knows what happened. The parameters are as a handler gets them. */
const doneOf = (stage: Stage, { params }: Subject): Gathering<Contract.Done> => {
  const echo = Tool.make(stage.tool.name, {
    parameters: stage.tool.parameters,
    contract: Contract.readOnly,
    handler: (params: unknown) => Effect.succeed(params)
  })
  return Effect.map(Effect.orDie(Fanout.run(Plan.call(echo as never, params as never))), (params) => ({
    key: stage.key,
    params,
    value: Option.none()
  }))
}

export const messageOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return error instanceof Error && error.message !== "" ? error.message : String((error as any)?._tag ?? error)
}
