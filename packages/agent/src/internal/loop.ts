/**
 * The loop: the model is called, its calls become one plan, the plan runs in the session, and the model reads what became of each call.
 *
 * - A turn's fan-out has drained, or named what it left behind, before the model is called again.
 * - Of what a session refuses (a loop, something left behind), the model is told once; the second time in a row the run ends.
 */
import { type FanoutError, Plan, type Report, Session, SessionError } from "@toolscope/core"
import * as Effect from "effect/Effect"
import { AgentError, OtherTools } from "../AgentError.ts"
import type { Options, ResumeOptions } from "../Agent.ts"
import * as End from "../End.ts"
import * as Ai from "./ai.ts"
import { kitOf } from "./kit.ts"
import { callModel } from "./model.ts"
import { allRefused, asDeclared, readTurn, resultsOf, type Standing, standingOf, type Turn, without } from "./turn.ts"
import { commonOf, type Emit, type ResumeOnly, type Run, type RunError, type State } from "./run.ts"
import { decodeState, encodeState } from "./suspension.ts"
import { watched } from "./watched.ts"
import { refused } from "./words.ts"

const defaultTurns = 20
/** So often in a row a turn may start nothing, for one reason. */
const patience = 2

const isSession = (u: Session.Session | Session.Options): u is Session.Session => "fanout" in u

const open = (options: Omit<Options<any>, "prompt">, emit: Emit): Effect.Effect<Run, RunError, any> =>
  Effect.gen(function* () {
    const { declares = {}, model = {}, plan, session = {}, strict = true } = options
    const byDefault = plan === undefined
    const kit = yield* kitOf(options.tools, {
      plans: declares.plans ?? byDefault,
      policies: declares.policies ?? byDefault,
      strict
    })
    return {
      kit,
      session: isSession(session) ? session : yield* Session.make(session),
      options,
      model: {
        ceiling: model.ceiling ?? { tokens: 1 },
        charge: model.charge ?? (({ inputTokens, outputTokens }) => ({ tokens: inputTokens + outputTokens })),
        timeout: model.timeout ?? "2 minutes",
        retries: model.retries ?? 2
      },
      emit
    }
  })

export const begin = (options: Options<any>, emit: Emit): Effect.Effect<End.End, RunError, any> =>
  Effect.gen(function* () {
    const run = yield* open(options, emit)
    return yield* loop(run, {
      history: Ai.Prompt.make(options.prompt),
      turns: 0,
      input: 0,
      output: 0,
      stuck: 0,
      reports: []
    })
  })

/** Turns until one of them is the end. */
const loop = (run: Run, state: State): Effect.Effect<End.End, RunError, any> =>
  Effect.gen(function* () {
    const { maxTurns = defaultTurns } = run.options
    while (state.turns < maxTurns) {
      const answered = yield* ask(run, state)
      if ("_tag" in answered) return answered
      const end = yield* afterAnswer(run, state, answered)
      if (end !== undefined) return end
    }
    return new End.TurnsExceeded({ ...commonOf(run, state), maxTurns })
  })

/** Calls the model; or the end, where that did not succeed. */
const ask = (run: Run, state: State): Effect.Effect<Ai.Answer | End.End, RunError, any> => {
  const { emit, kit, model, session } = run
  const turn = state.turns + 1
  const onText = emit === undefined ? undefined : (delta: string) => emit({ _tag: "Text", turn, delta })
  const called: Effect.Effect<Ai.Answer | End.End, FanoutError.FanoutError<unknown> | RunError, any> = Effect.map(
    callModel(session, kit, model, turn, state.history, onText),
    (answer) => {
      state.turns = turn
      state.input += answer.usage.inputTokens
      state.output += answer.usage.outputTokens
      state.history = Ai.withAnswer(state.history, answer)
      return answer
    }
  )
  return Effect.catch(called, (error) => {
    const common = commonOf(run, state)
    if (error._tag === "PlanError" && error.faults.every(({ _tag }) => _tag === "OverBudget"))
      return Effect.succeed(new End.BudgetExceeded({ ...common, why: error.faults[0]?.message ?? error.message }))
    if (error._tag !== "FanoutError") return fromSession(run, state, error)
    const { reason } = error
    switch (reason._tag) {
      case "BudgetExceeded":
        return Effect.succeed(new End.BudgetExceeded({ ...common, why: error.message }))
      case "Stopped":
        return Effect.succeed(new End.Stopped({ ...common, by: reason.by }))
      default:
        return Effect.succeed(
          new End.ModelFailed({ ...common, error: reason.calls[0]?.error as End.ModelFailed["error"] })
        )
    }
  })
}

/** What a session refused that ends the run: typed where it is an end, an error where it is a mistake. */
const fromSession = (run: Run, state: State, error: RunError): Effect.Effect<End.End, RunError> => {
  if (error._tag !== "SessionError") return Effect.fail(error)
  const { reason } = error
  const common = commonOf(run, state)
  if (reason._tag === "BudgetExceeded")
    return Effect.succeed(new End.BudgetExceeded({ ...common, why: reason.message }))
  if (reason._tag === "Superseded")
    return Effect.succeed(
      new End.Stopped({
        ...common,
        by: { source: reason.by === "cancel" ? "user" : "replan", reason: reason.message }
      })
    )
  return Effect.fail(error)
}

const afterAnswer = (run: Run, state: State, answer: Ai.Answer): Effect.Effect<End.End | undefined, RunError, any> =>
  Effect.gen(function* () {
    const { emit, kit } = run
    const { calls, finish, text } = answer
    if (calls.length === 0) {
      // the provider goes on with what it runs itself
      if (finish === "pause") return undefined
      return Ai.isWhole(answer) || finish === "other"
        ? new End.Answered({ ...commonOf(run, state), text })
        : new End.CutOff({ ...commonOf(run, state), reason: finish, text })
    }
    if (emit !== undefined) yield* emit({ _tag: "Called", turn: state.turns, calls })
    kit.rules.messages = state.history.content
    const turn = yield* readTurn(kit, calls)
    if (!Ai.isWhole(answer)) {
      const why = `the answer was cut off (${finish}), so the calls in it may not be whole: ask for less at a time`
      return yield* tell(run, state, allRefused({ ...turn, refused: new Map() }, why))
    }
    return yield* runTurn(run, state, turn)
  })

/** The model will read these. */
const tell = (run: Run, state: State, results: ReadonlyArray<Ai.Result>): Effect.Effect<undefined> => {
  state.history = Ai.withResults(state.history, results)
  const told = run.emit === undefined ? Effect.void : run.emit({ _tag: "Told", turn: state.turns, results })
  return Effect.as(told, undefined)
}

type Fanned = Effect.Effect<unknown, FanoutError.FanoutError<unknown> | RunError, any>

/** Runs what can be run of the turn. */
const runTurn = (run: Run, state: State, turn: Turn): Effect.Effect<End.End | undefined, RunError, any> =>
  Effect.suspend(() => {
    if (turn.planned.length === 0) return tell(run, state, allRefused(turn, "nothing of this turn was run"))
    const plan = planOf(run, turn)
    if (plan === undefined)
      return tell(run, state, allRefused(turn, "the application could not plan the calls of this turn"))
    const settings = { ...run.options.fanout, ...(turn.planned.length === 1 ? turn.planned[0]!.settings : {}) }
    const standing = standingOf(plan, turn.planned)
    const fanned: Fanned = run.session.replan(plan, { ...settings, reason: "the model has planned anew" })
    return conclude<never>(run, state, turn, standing, watched(run, state, turn, standing, fanned))
  })

const planOf = (run: Run, turn: Turn): Plan.Plan<unknown, unknown, any> | undefined => {
  const { plan } = run.options
  if (plan === undefined) return asDeclared(turn.planned)
  try {
    const made: unknown = plan(turn.planned)
    // what is no plan (a promise of one) is none here either
    return Plan.isPlan(made) ? made : undefined
  } catch {
    return undefined
  }
}

/** From the end of a turn's fan-out to what the model reads, or to the end of the run. */
const conclude = <E extends ResumeOnly>(
  run: Run,
  state: State,
  turn: Turn,
  standing: Standing,
  fanned: Effect.Effect<Report.Report, FanoutError.FanoutError<unknown> | RunError | E, any>
): Effect.Effect<End.End | undefined, RunError | E, any> => {
  const over = (report: Report.Report) => {
    state.stuck = 0
    state.reports.push(report)
    return tell(run, state, resultsOf(turn, standing, report))
  }
  return Effect.matchEffect(fanned, {
    onSuccess: over,
    onFailure: (error): Effect.Effect<End.End | undefined, RunError | E, any> => {
      switch (error._tag) {
        case "FanoutError": {
          const { reason, report } = error
          if (reason._tag === "Suspended") {
            const { questions, refused, snapshot } = reason
            state.reports.push(report)
            return Effect.map(
              encodeState(state, turn, snapshot),
              (json) => new End.Suspended({ ...commonOf(run, state), questions, refused, state: json })
            )
          }
          return Effect.map(over(report), () => {
            const common = commonOf(run, state)
            if (reason._tag === "Stopped" && reason.by.source !== "budget")
              return new End.Stopped({ ...common, by: reason.by })
            return undefined
          })
        }
        case "PlanError": {
          const { faults } = error
          const why = faults.map(({ message, pointer }) => `${pointer}: ${message}`).join("; ")
          return tell(run, state, allRefused(turn, `the plan of this turn was refused: ${why}`))
        }
        case "SessionError":
          return refusedBySession(run, state, turn, standing, error.reason)
        default:
          return Effect.fail(error)
      }
    }
  })
}

const refusedBySession = (
  run: Run,
  state: State,
  turn: Turn,
  standing: Standing,
  reason: SessionError.Reason
): Effect.Effect<End.End | undefined, RunError, any> => {
  if (reason._tag === "LoopDetected") {
    const looped = new Map(
      reason.calls.flatMap(({ error, id, times }) => {
        const call = turn.planned[standing.byPath.get(id) ?? -1]
        const why = `this has failed ${times} times, always with: ${error}. Do something else`
        return call === undefined ? [] : [[call.id, refused(why)] as const]
      })
    )
    // the others of the turn need not pay for it
    if (looped.size > 0 && looped.size < turn.planned.length) return runTurn(run, state, without(turn, looped))
    return Effect.map(tell(run, state, allRefused(without(turn, looped), reason.message)), () =>
      ++state.stuck < patience ? undefined : new End.LoopDetected({ ...commonOf(run, state), calls: reason.calls })
    )
  }
  if (reason._tag === "NotDrained") {
    const what = reason.leftBehind.map(({ call, tool }) => `${tool} (${call})`).join(", ")
    const why = `${what} of an earlier turn was stopped, has not ended yet, and may still act: nothing new is started before it has ended`
    return Effect.map(tell(run, state, allRefused(turn, why)), () =>
      ++state.stuck < patience
        ? undefined
        : new End.NotDrained({ ...commonOf(run, state), leftBehind: reason.leftBehind })
    )
  }
  const error = new SessionError.SessionError({ reason })
  return Effect.flatMap(tell(run, state, allRefused(turn, reason.message)), () => fromSession(run, state, error))
}

export const resumed = (
  json: unknown,
  options: ResumeOptions<any>,
  emit: Emit
): Effect.Effect<End.End, RunError | AgentError | ResumeOnly, any> =>
  Effect.gen(function* () {
    const { asked, refused: dropped, snapshot, state } = yield* decodeState(json)
    const run = yield* open(options, emit)
    run.kit.rules.messages = state.history.content
    const turn = without(yield* readTurn(run.kit, asked), dropped)
    const missing = [...turn.refused.keys()].filter((id) => !dropped.has(id))
    const plan = turn.planned.length === 0 ? undefined : planOf(run, turn)
    if (missing.length > 0 || plan === undefined) {
      const calls = missing.length > 0 ? missing : turn.asked.map(({ id }) => id)
      return yield* Effect.fail(new AgentError({ reason: new OtherTools({ calls }) }))
    }
    const standing = standingOf(plan, turn.planned)
    const { answers, by, deny, fanout } = options
    const fanned = run.session.resume(plan, snapshot, {
      ...fanout,
      ...(answers === undefined ? {} : { answers }),
      ...(by === undefined ? {} : { by }),
      ...(deny === undefined ? {} : { deny })
    })
    const end = yield* conclude(run, state, turn, standing, watched(run, state, turn, standing, fanned))
    return end ?? (yield* loop(run, state))
  })
