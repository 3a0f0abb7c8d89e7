/**
 * Runs turns: gathered calls → the plan of the application → a fan-out → one result for each call.
 *
 * | a turn begins | it |
 * | --- | --- |
 * | when nothing runs | runs |
 * | inside of a call | runs inside of that call, as a part of it |
 * | while calls of the same turn run, or those of one that was stopped | waits for their end, then runs |
 * | while another turn runs | is refused: its calls are not started |
 *
 * Results are given as calls settle, the rest with the report. It never leaves a call without a result.
 */
import {
  all,
  call,
  settled,
  SessionError,
  type CallReport,
  type ExecuteContext,
  type Plan,
  type Report,
  type Session,
  type Tool
} from "@toolscope/core/promise"
import { approvalsIn, claimHere, giveBack, remember, remembered } from "./approvals.ts"
import type { Arrival, Inside } from "./arrival.ts"
import type { Gathered } from "./gather.ts"
import { pathsOf } from "./paths.ts"
import { wholeOf } from "./signals.ts"
import type { Call, CallSettings, Options, Turn } from "./types.ts"

/** A turn that has a fan-out of the session. */
interface Running {
  readonly messages: object
  readonly signal: AbortSignal
  readonly ended: Promise<void>
  runId: string
  byPath: ReadonlyMap<string, Arrival>
}

/** A turn on its way. */
interface State {
  readonly number: number
  readonly inside: Inside | undefined
  readonly arrivals: ReadonlyArray<Arrival>
  readonly approvals: ReadonlyMap<string, string>
  readonly signal: AbortSignal
  readonly keys: ReadonlyMap<Arrival, string>
  readonly paths: Map<Arrival, string>
  report: Report | undefined
}

export class Turns {
  private readonly session: Session
  private readonly tools: ReadonlyMap<string, Tool>
  private readonly options: Options<any>
  private readonly byKey: Map<string, Arrival>
  private readonly open = new Set<Promise<void>>()
  private readonly begunInside = new WeakMap<ExecuteContext, number>()
  private running: Running | undefined
  private begun = 0

  constructor(session: Session, tools: ReadonlyMap<string, Tool>, byKey: Map<string, Arrival>, options: Options<any>) {
    this.session = session
    this.tools = tools
    this.byKey = byKey
    this.options = options
    void this.giveAsTheySettle()
  }

  /** Waits until no turn is left. */
  async ended(): Promise<void> {
    while (this.open.size > 0) await Promise.all(this.open)
  }

  isRunning(): boolean {
    return this.open.size > 0
  }

  run({ arrivals, messages }: Gathered): void {
    for (const inside of new Set(arrivals.map(({ inside }) => inside))) {
      const turn = this.turn(
        messages,
        inside,
        arrivals.filter((arrival) => arrival.inside === inside)
      )
      this.open.add(turn)
      void turn.finally(() => this.open.delete(turn))
    }
  }

  private async turn(messages: object, inside: Inside | undefined, arrivals: ReadonlyArray<Arrival>): Promise<void> {
    const { forget, signal } = wholeOf(arrivals, this.options.signal)
    const approvals = approvalsIn(Array.isArray(messages) ? messages : [])
    const number = ++this.begun
    const keys = this.keysOf(number, inside, arrivals, approvals)
    const state: State = { number, inside, arrivals, approvals, signal, keys, paths: new Map(), report: undefined }
    let refusal: Error | undefined
    try {
      const claimed = await this.claim(state)
      for (const [arrival, key] of keys) this.byKey.set(key, arrival)
      if (claimed.length > 0)
        await (inside === undefined ? this.alone(messages, claimed, state) : this.fanout(claimed, state))
    } catch (error) {
      refusal = error instanceof Error ? error : new Error(String(error))
      for (const arrival of arrivals) arrival.refuse(wordingOf(refusal), refusal)
    }
    forget()
    for (const [arrival, key] of keys) {
      if (this.byKey.get(key) === arrival) this.byKey.delete(key)
      const approval = approvals.get(arrival.id)
      if (approval !== undefined && neverStarted(arrival)) giveBack(approval)
    }
    this.tell(state, refusal)
  }

  /** New in each turn; of an approved call, the same wherever it is used. */
  private keysOf(
    number: number,
    inside: Inside | undefined,
    arrivals: ReadonlyArray<Arrival>,
    approvals: ReadonlyMap<string, string>
  ): ReadonlyMap<Arrival, string> {
    let turn = `${this.session.id}.turn${number}`
    if (inside !== undefined) {
      // a further attempt of the call around them does the same again, under the same keys
      const nth = (this.begunInside.get(inside.context) ?? 0) + 1
      this.begunInside.set(inside.context, nth)
      turn = `${inside.context.idempotencyKey}/turn${nth}`
    }
    const used = new Set<string>()
    return new Map(
      arrivals.map((arrival) => {
        const approval = approvals.get(arrival.id)
        let key = approval === undefined ? `${turn}/${arrival.id}` : `approval/${approval}`
        while (used.has(key)) key += "+"
        used.add(key)
        return [arrival, key]
      })
    )
  }

  /** Those that may be run. A call whose approval has been used gets the result that it had then. */
  private async claim({ approvals, arrivals }: State): Promise<ReadonlyArray<Arrival>> {
    const { claim = claimHere } = this.options
    const claimed = await Promise.all(
      arrivals.map(async (arrival) => {
        const approval = approvals.get(arrival.id)
        if (approval === undefined) return [arrival]
        if (await claim(approval)) {
          remember(approval, arrival.result)
          return [arrival]
        }
        const before = remembered(approval)
        if (before === undefined)
          arrival.refuse("its approval has been used already, and its result stands where it was")
        else arrival.give(await before)
        return []
      })
    )
    return claimed.flat()
  }

  /** In the session, where one turn runs at a time. */
  private async alone(messages: object, arrivals: ReadonlyArray<Arrival>, state: State): Promise<void> {
    for (let before = this.running; before !== undefined; before = this.running) {
      if (before.messages !== messages && !before.signal.aborted) {
        throw new Error("another turn of this toolscope() is running: give each conversation one of its own")
      }
      await before.ended
    }
    let end = () => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    this.running = { messages, signal: state.signal, ended, runId: "", byPath: new Map() }
    try {
      await this.fanout(arrivals, state, this.running)
    } finally {
      this.running = undefined
      end()
    }
  }

  private async fanout(arrivals: ReadonlyArray<Arrival>, state: State, running?: Running): Promise<void> {
    const calls = arrivals.map((arrival) => this.callOf(arrival, state.keys.get(arrival)!))
    const plan =
      this.options.plan === undefined ? all(calls.map(({ plan }) => settled(plan))) : this.options.plan(calls)
    const byPath = this.place(arrivals, pathsOf(plan, state.inside?.context.call), state)
    try {
      if (running !== undefined) {
        running.byPath = byPath
        running.runId = `${this.session.id}.${this.session.epoch() + 1}`
      }
      state.report = await this.begin(plan, calls, state)
    } catch (error) {
      const failed = error instanceof SessionError && error.reason._tag === "LoopDetected" ? error.reason.calls : []
      const rest = arrivals.filter((arrival) => !failed.some(({ id }) => id === state.paths.get(arrival)))
      if (rest.length === arrivals.length || rest.length === 0) throw error
      // a call that fails time and again costs the others nothing
      for (const { error: last, id, times } of failed) {
        byPath.get(id)?.refuse(`it has failed ${times} times with the same error (${last}): do something else`)
      }
      await this.fanout(rest, state, running)
      return
    }
    if (state.report.status === "refused") {
      throw new Error(`the plan was refused: ${state.report.faults.map(({ message }) => message).join("; ")}`)
    }
    for (const report of state.report.calls) byPath.get(report.id)?.settle(report)
    for (const arrival of arrivals) arrival.refuse("the application left it out of its plan")
  }

  private async begin(plan: Plan, calls: ReadonlyArray<Call>, { inside, signal }: State): Promise<Report> {
    const { concurrency, despite, drain, timeout, undo } = this.options
    const settings = {
      signal,
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(drain === undefined ? {} : { drain }),
      ...(timeout === undefined ? {} : { timeout }),
      ...(undo === undefined ? {} : { undo })
    }
    if (inside !== undefined) return inside.context.fanout(plan, settings)
    const left = this.session.quarantine.list()
    const isBegun = left.length > 0 && despite?.(left, calls) === true
    return this.session.fanout(plan, isBegun ? { ...settings, despite: left.map(({ id }) => id) } : settings)
  }

  private callOf({ id, input, tool }: Arrival, idempotencyKey: string): Call {
    const params = jsonOf(input)
    const make = (settings: CallSettings): Plan<any, any> =>
      call(this.tools.get(tool)! as Tool<string, any>, params, { ...settings, idempotencyKey })
    return { id, tool, input, plan: make({}), with: make }
  }

  /** Calls by their paths. A call has one place at most: it has one result. */
  private place(
    arrivals: ReadonlyArray<Arrival>,
    paths: ReadonlyMap<string, ReadonlyArray<string>>,
    state: State
  ): ReadonlyMap<string, Arrival> {
    const byPath = new Map<string, Arrival>()
    for (const arrival of arrivals) {
      const places = paths.get(state.keys.get(arrival)!) ?? []
      if (places.length > 1)
        throw new Error(`the plan of the application has ${arrival.tool} (${arrival.id}) in it twice`)
      for (const path of places) {
        byPath.set(path, arrival)
        state.paths.set(arrival, path)
      }
    }
    return byPath
  }

  private async giveAsTheySettle(): Promise<void> {
    for await (const { call, runId } of this.session.outcomes) {
      if (runId === this.running?.runId) this.running.byPath.get(call.id)?.settle(call)
    }
  }

  private tell({ arrivals, inside, number, paths, report }: State, refusal: Error | undefined): void {
    const { onReport } = this.options
    if (onReport === undefined) return
    const reports = new Map<string, CallReport>(report?.calls.map((report) => [report.id, report]))
    const turn: Turn = {
      number,
      ...(inside === undefined ? {} : { inside: inside.arrival.id }),
      calls: arrivals.map((arrival) => {
        const { given, id, tool } = arrival
        const path = paths.get(arrival)
        const report = path === undefined ? undefined : reports.get(path)
        const error = given?._tag === "Error" ? given.error : undefined
        return {
          id,
          tool,
          outcome: report?.outcome ?? error?.outcome ?? "Succeeded",
          ...(path === undefined ? {} : { path }),
          ...(report === undefined ? {} : { report }),
          ...(error === undefined ? {} : { error })
        }
      }),
      ...(report === undefined ? {} : { report }),
      ...(refusal === undefined ? {} : { refusal })
    }
    try {
      void Promise.resolve(onReport(turn)).catch(() => {})
    } catch {
      // an observer changes nothing
    }
  }
}

/** What the model is told where a whole turn was not begun. */
const wordingOf = (error: Error): string => {
  if (!(error instanceof SessionError)) return error.message
  const { reason } = error
  switch (reason._tag) {
    case "NotDrained":
      return `${reason.leftBehind.map(({ tool }) => tool).join(", ")} of an earlier turn may still act: try again later`
    case "BudgetExceeded":
      return `the budget does not allow it (${reason.name}: ${reason.used} of ${reason.limit} used)`
    case "Aborted":
      return "stopped by the caller"
    case "Closed":
      return "the conversation has been closed"
    default:
      return error.message
  }
}

const neverStarted = ({ given }: Arrival): boolean => given?._tag === "Error" && given.error.outcome === "Skipped"

/** Parameters as journals and budgets see them. The tool itself gets its input as the AI SDK made it. */
const jsonOf = (input: unknown): unknown => {
  try {
    return JSON.parse(JSON.stringify(input ?? {}))
  } catch {
    return {}
  }
}
