/**
 * What the journal has told of a run so far, for somebody who leaves before its report is there: which calls may still be under way, and
 * the report as far as it is known. Events are taken as they are written, as an observer may be late when somebody presses Ctrl-C twice.
 *
 * What it cannot know it takes for the worse: a call that may have acted is `Unknown`.
 */
import { Report } from "@toolscope/core"
import type { Contract, Journal, Question, Snapshot } from "@toolscope/core"
import { type PlanCall, readPlan } from "./planTree.ts"

type CallJson = Report.Json["calls"][number]
type Result = Extract<Journal.Event, { readonly type: "attempt.ended" }>["result"]
type EffectState = "intended" | "compensating" | CallJson["effects"][number]["state"]

interface CallScene {
  attempts: number
  /** The key of the running attempt's first effect. */
  key: string
  runs: boolean
  leftBehind: boolean
  result: Result | undefined
  readonly effects: Map<string, { readonly state: EffectState; readonly error?: string }>
  stoppedBy: CallJson["stoppedBy"]
  settled: { readonly outcome: string; readonly verdict: string; readonly at: number } | undefined
  startedAt: number | undefined
}

/** A call that may still be under way, or whose undo has not come to its end. */
export interface Unfinished {
  readonly call: string
  readonly tool: string
  /** For people: has it acted, or may it have? */
  readonly state: string
}

export class Scene {
  /** The report of a run that has closed. */
  closed: Report.Json | undefined
  private opened:
    Pick<Extract<Journal.Event, { readonly type: "fanout.opened" }>, "run" | "plan" | "contracts"> | undefined
  private readonly questions = new Map<string, Question.Question>()
  private readonly calls = new Map<string, CallScene>()
  private readonly decisions = new Map<string, Extract<Journal.Event, { readonly type: "policy.decided" }>>()

  /** What was known when the run was suspended that now goes on. */
  goesOnFrom(
    { fanout, questions, runId }: Snapshot.Snapshot,
    contracts: { readonly [tool: string]: Contract.Data }
  ): void {
    this.opened = { run: runId, plan: fanout.plan, contracts }
    for (const question of questions) this.questions.set(question.id, question)
    for (const saved of fanout.calls) {
      const call = this.callOf(saved.id)
      call.attempts = saved.attempts
      call.result = saved.end?.end
      call.startedAt = saved.startedAt
      call.stoppedBy = saved.stoppedBy as CallJson["stoppedBy"]
      for (const { error, key, state } of saved.effects)
        if (state !== "absent") call.effects.set(key, { state, ...(error === undefined ? {} : { error }) })
    }
  }

  /** Is a question open? */
  get isAsking(): boolean {
    for (const { state } of this.questions.values()) if (state === "open") return true
    return false
  }

  note(event: Journal.Event): void {
    this.noteQuestion(event)
    // fan-outs inside of handlers write into the same journal: what they leave is reported of their callers
    if (this.opened !== undefined && event.run !== this.opened.run) return
    switch (event.type) {
      case "fanout.opened":
        this.opened = event
        return
      case "fanout.closed":
        // made when it is read, and most runs end in order
        Object.defineProperty(this, "closed", { get: () => event.report })
        return
      case "policy.decided":
        this.decisions.set(event.node, event)
        return
      case "fanout.resumed":
      case "fanout.drained":
      case "journal.dropped":
      case "attempt.progress":
      case "session.opened":
      case "session.replanned":
      case "session.overridden":
      case "session.closed":
        return
      default:
        this.noteCall(event, this.callOf(event.call))
    }
  }

  /** How many calls have an attempt that has not ended. */
  get running(): number {
    let count = 0
    for (const { runs } of this.calls.values()) if (runs) count++
    return count
  }

  /** In plan order. */
  unfinished(): ReadonlyArray<Unfinished> {
    return this.planned().calls.flatMap(({ contract, id, tool }): ReadonlyArray<Unfinished> => {
      const call = this.calls.get(id)
      const state = call === undefined ? undefined : stateOf(call, contract)
      return state === undefined ? [] : [{ call: id, tool, state }]
    })
  }

  /** The report as if the bound were now: whatever runs is left behind. */
  report(runId: string, now: number): Report.Json {
    if (this.closed !== undefined) return this.closed
    const { calls, nodes } = this.planned()
    const { faults: _, ...nothing } = Report.refused(runId, [])
    const root = nodes.length === 0 ? undefined : this.decisions.get(nodes[0]!.node)
    return {
      ...nothing,
      status: "interrupted",
      calls: calls.map((call) => callJson(call, this.calls.get(call.id), now)),
      nodes: nodes.map(({ node, policy }) => {
        const { decidedBy, decision } = this.decisions.get(node) ?? { decision: "stopped", decidedBy: "stop" as const }
        return { node, policy, decision: decision as Report.Json["nodes"][number]["decision"], decidedBy }
      }),
      drained: this.unfinished().length === 0,
      drainMillis: root === undefined ? 0 : Math.max(0, now - root.time),
      questions: [...this.questions.values()].map((question) =>
        question.state === "open"
          ? { ...question, state: "withdrawn", reason: "the command was left at once" }
          : question
      )
    }
  }

  private planned(): ReturnType<typeof readPlan> {
    return this.opened === undefined ? { calls: [], nodes: [] } : readPlan(this.opened.plan, this.opened.contracts)
  }

  private callOf(id: string): CallScene {
    let call = this.calls.get(id)
    if (call === undefined) {
      call = {
        attempts: 0,
        key: "",
        runs: false,
        leftBehind: false,
        result: undefined,
        effects: new Map(),
        stoppedBy: undefined,
        settled: undefined,
        startedAt: undefined
      }
      this.calls.set(id, call)
    }
    return call
  }

  /** Those of fan-outs inside of handlers are the run's. */
  private noteQuestion(event: Journal.Event): void {
    if (event.type === "question.asked") {
      const { call, expiresAt, kind, params, prompt, question: id, run: runId, schema, time: askedAt } = event
      const tool = this.planned().calls.find((one) => one.id === call)?.tool ?? ""
      const more = { ...(params === undefined ? {} : { params }), ...(expiresAt === undefined ? {} : { expiresAt }) }
      this.questions.set(id, { id, runId, call, tool, kind, prompt, schema, ...more, state: "open", askedAt })
    } else if (event.type === "question.answered") {
      const { answer, by, question: id, reason, reply } = event
      const question = this.questions.get(id)
      if (question === undefined) return
      this.questions.set(id, {
        ...question,
        state: reply === "answer" ? "answered" : reply,
        ...(by === undefined ? {} : { by }),
        ...(answer === undefined ? {} : { answer }),
        ...(reason === undefined ? {} : { reason })
      })
    } else if (event.type === "question.withdrawn") {
      const question = this.questions.get(event.question)
      if (question !== undefined)
        this.questions.set(event.question, { ...question, state: "withdrawn", reason: event.reason })
    }
  }

  private noteCall(event: Extract<Journal.Event, { readonly call: string }>, call: CallScene): void {
    switch (event.type) {
      case "attempt.started":
        call.attempts = event.attempt
        call.key = event.key
        call.runs = true
        call.result = undefined
        call.startedAt ??= event.time
        break
      case "attempt.refused":
        call.attempts = event.attempt - 1
        call.runs = false
        call.result = "refused"
        break
      case "attempt.ended":
        call.runs = false
        call.result = event.result
        break
      case "attempt.leftBehind":
        call.leftBehind = true
        break
      case "response.late":
        call.runs = false
        break
      case "effect.intended":
        call.effects.set(event.key, { state: "intended" })
        break
      case "effect.refused":
        call.effects.delete(event.key)
        break
      case "effect.committed":
      case "effect.unknown":
      case "effect.compensating":
      case "effect.compensated":
        call.effects.set(event.key, { state: event.type.slice("effect.".length) as EffectState })
        break
      case "effect.compensationFailed":
        call.effects.set(event.key, { state: "compensationFailed", error: event.error })
        break
      case "stop.requested": {
        const { origin, reason, source } = event
        const from = source as NonNullable<CallJson["stoppedBy"]>["source"]
        call.stoppedBy ??= { source: from, ...(origin === undefined ? {} : { call: origin }), reason }
        break
      }
      case "call.settled":
        call.settled = { outcome: event.outcome, verdict: event.verdict, at: event.time }
        break
    }
  }
}

const stateOf = (call: CallScene, contract: Contract.Data): string | undefined => {
  const states = [...call.effects.values()].map(({ state }) => state)
  if (states.includes("compensating")) return "its undo has begun, and may not come to its end"
  if (call.runs) {
    if (contract.effect === "none") return "only reads"
    if (contract.commit !== "marked" || states.includes("intended")) return "may have acted"
    if (states.includes("committed")) return "has acted"
    return states.length === 0 ? "had not passed its gate" : "may have acted"
  }
  if (call.settled !== undefined || call.result === undefined) return undefined
  return effectsOf(call, contract).some(({ state }) => state === "committed" || state === "unknown")
    ? "has ended, and what it did is not undone"
    : undefined
}

const effectsOf = (call: CallScene, contract: Contract.Data): CallJson["effects"] => {
  const known = [...call.effects].map(([key, { error, state }]) => ({
    key,
    state: state === "intended" || state === "compensating" ? ("unknown" as const) : state,
    ...(error === undefined ? {} : { error })
  }))
  const began = call.runs || (call.result !== undefined && call.result !== "refused")
  const actsAtStart = contract.effect !== "none" && contract.commit === "atStart"
  if (known.length > 0 || call.settled !== undefined || !began || !actsAtStart) return known
  if (call.result === "notReached" || (call.result === "failure" && contract.failure === "nothing")) return []
  return [{ key: call.key, state: call.result === "success" ? "committed" : "unknown" }]
}

const callJson = ({ contract, id, tool }: PlanCall, call: CallScene | undefined, now: number): CallJson => {
  const about = { id, tool, contract }
  if (call === undefined) {
    const never = { attempts: 0, effects: [], leftBehind: false, settledAt: now }
    return { ...about, outcome: "Skipped", verdict: "none", used: false, ...never }
  }
  const effects = effectsOf(call, contract)
  return {
    ...about,
    outcome: (call.settled?.outcome as CallJson["outcome"] | undefined) ?? outcomeOf(call, effects),
    verdict: (call.settled?.verdict as CallJson["verdict"] | undefined) ?? "none",
    used: false,
    attempts: call.attempts,
    effects,
    ...(call.stoppedBy === undefined ? {} : { stoppedBy: call.stoppedBy }),
    leftBehind: call.runs || call.leftBehind,
    ...(call.startedAt === undefined ? {} : { startedAt: call.startedAt }),
    settledAt: call.settled?.at ?? now
  }
}

/** Of a call that has not been settled. */
const outcomeOf = (call: CallScene, effects: CallJson["effects"]): CallJson["outcome"] => {
  const acted = effects.some(({ state }) => state !== "compensated")
  if (!call.runs && call.result === "success") return "Succeeded"
  if (!call.runs && (call.result === "failure" || call.result === "malformed")) return "Failed"
  if (call.attempts === 0) return "Skipped"
  return acted ? "Unknown" : "Cancelled"
}
