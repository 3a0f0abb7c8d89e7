/**
 * Puts a new executor where another one stood still: what was decided is decided again from the same events, what is over is over, and who
 * waited waits.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Decision from "../../Decision.ts"
import type { Question } from "../../Question.ts"
import { BadSnapshot, type Call, type Fanout, SnapshotError } from "../../Snapshot.ts"
import * as Contract from "../../Contract.ts"
import type { StopReason } from "../../Report.ts"
import type { CallState } from "../call.ts"
import type { Compiled } from "../compile.ts"
import { EffectRecord } from "../effects.ts"
import { encodeNode } from "../encode.ts"
import type { Executor } from "../executor.ts"
import { canonical } from "../json.ts"
import * as Retry from "../retry.ts"
import { restoreEnd, restoreError } from "./errors.ts"

/** Where this plan and its tools are not those of the snapshot. */
export const differencesOf = (compiled: Compiled, saved: Fanout): ReadonlyArray<string> => {
  if (textOf(encodeNode(compiled).json) !== textOf(saved.plan)) return ["/plan"]
  return [...compiled.calls.values()].flatMap(({ contract, id, tool }, i) => {
    const call = saved.calls[i]
    if (call?.id !== id || textOf(Contract.toData(contract)) !== textOf(call.contract)) return [id]
    // a schema that does not take its own answer back
    return call.end !== undefined && restoreEnd(call.end, tool) === undefined ? [id] : []
  })
}

const textOf = (json: unknown): string => JSON.stringify(canonical(json))

const silent: Decision.Commands = {
  activated: () => {},
  queued: () => {},
  arm: () => {},
  decided: () => {},
  stop: () => {},
  drop: () => {},
  undo: () => {},
  start: () => {},
  resume: () => {},
  pause: () => {},
  proceed: () => {}
}

/** Fails with `BadSnapshot` where it contradicts itself: somebody has changed it. */
export const restore = (executor: Executor, saved: Fanout): Effect.Effect<void, SnapshotError> =>
  Effect.suspend(() => {
    try {
      const wrong = replay(executor, saved)
      if (wrong !== undefined) return refuse(wrong)
    } catch (defect) {
      return refuse(String(defect))
    }
    return Effect.forEach([...executor.calls.values()], (call, i) => restoreRetry(call, saved.calls[i]!), {
      discard: true
    })
  })

const refuse = (cause: string) => Effect.fail(new SnapshotError({ reason: new BadSnapshot({ cause }) }))

const replay = (executor: Executor, saved: Fanout): string | undefined => {
  const { calls, compiled, deadlines, env, state } = executor
  executor.stoppedFromAbove = saved.stoppedBy as StopReason | undefined
  const states = [...calls.values()]
  states.forEach((call, i) => {
    restoreCall(executor, call, saved.calls[i]!)
  })
  // what succeeded is known by now: a quorum may ask whether its values agree
  Decision.open(state, silent)
  for (const events of saved.steps) {
    for (const { node, type } of events)
      if (!types.has(type) || compiled.nodes[node] === undefined) return `nothing can be "${type}" at node ${node}`
    const step = events.map((event) => ({ ...event }) as Decision.Event)
    executor.steps.push(step)
    Decision.step(state, step, silent)
  }
  if (!Decision.isSuspended(state, 0) && !Decision.isClosed(state))
    return "its steps do not lead to where only answers are waited for"
  for (const [i, call] of states.entries()) {
    const { index } = call.spec
    const one = saved.calls[i]!
    if (!phases[one.state].includes(Decision.phase(state, index))) return `${one.id} is not ${one.state} by its steps`
    if (Decision.verdict(state, index) === "succeeded" && call.end?._tag !== "success")
      return `${one.id} has succeeded, and has no value`
    if (one.state === "settled") call.settle(one.settledAt ?? 0)
    if (one.state === "over") executor.provisional.push(call)
  }
  for (const { left, node } of saved.deadlines) deadlines.set(node, { timer: undefined, due: 0, left })
  for (const [i, { policy }] of compiled.nodes.entries())
    if (policy === "deadline" && Decision.isActive(state, i) && !deadlines.has(i))
      return `nothing is left of deadline ${i}`
  env.ownAccount?.resume(saved.used, executor.now())
  executor.goesOn()
  return undefined
}

const types = new Set<string>([
  "asks",
  "answered",
  "ended",
  "leftBehind",
  "undone",
  "retryDue",
  "timeout",
  "grace",
  "stagger",
  "deadline",
  "stop"
] satisfies ReadonlyArray<Decision.Event["type"]>)

const phases: { readonly [state in Call["state"]]: ReadonlyArray<Decision.Phase> } = {
  idle: ["idle"],
  waiting: ["waiting"],
  over: ["ended", "skipped"],
  settled: ["ended", "skipped"]
}

/** Who waited, waits. To be called once the snapshot has been claimed: the desk may be that of a session. */
export const restoreQuestions = (executor: Executor, saved: Fanout, questions: ReadonlyArray<Question>): void => {
  for (const [i, call] of [...executor.calls.values()].entries()) {
    const { open, state } = saved.calls[i]!
    if (state !== "waiting") continue
    executor.asking.restore(
      call,
      questions.filter(({ id }) => open.includes(id))
    )
  }
}

/** What fan-outs inside of its handler did: known, until they go on, and not to be undone here. */
const effectsIn = (nested: ReadonlyArray<Fanout | null>): ReadonlyArray<EffectRecord> =>
  nested.flatMap((fanout) =>
    (fanout?.calls ?? []).flatMap(({ effects, nested }) => [
      ...effects.map((one) => {
        const effect = new EffectRecord(one.ordinal, one.key)
        effect.state = one.state
        effect.order = one.order
        effect.error = one.error
        effect.written = true
        return effect
      }),
      ...effectsIn(nested)
    ])
  )

const restoreCall = (executor: Executor, call: CallState, saved: Call): void => {
  const { contract, params, tool } = call.spec
  call.attempts = saved.attempts
  if (saved.end !== undefined) call.end = restoreEnd(saved.end, tool)
  if (saved.lastError !== undefined) call.lastError = restoreError(saved.lastError, tool)
  call.stoppedBy = saved.stoppedBy as StopReason | undefined
  call.cleanup = saved.cleanup
  call.late.push(...saved.late)
  call.leftBehind = saved.leftBehind
  call.startedAt = saved.startedAt
  call.shortage = saved.shortage
  if (saved.approved) call.approval = "given"
  call.resumes = saved.nested
  for (const { answer, denied, ordinal, prompt } of saved.replies)
    call.answered.set(ordinal, {
      prompt,
      reply: denied === undefined ? { _tag: "answer", json: answer ?? null } : { _tag: "denied", ...denied }
    })
  const effects = saved.effects.map((one) => {
    const effect = new EffectRecord(one.ordinal, one.key)
    effect.state = one.state
    effect.order = one.order
    effect.value = one.answered ? Option.some(one.value) : Option.none()
    effect.error = one.error
    // of a tool that commits at start it is written when its call is over
    effect.written = one.adopted || saved.state === "settled" || !Contract.actsAtStart(contract)
    effect.isReplayed = saved.state === "waiting" && (one.state === "committed" || one.state === "unknown")
    if (one.undo && contract.effect !== "none" && typeof contract.compensate === "function") {
      const { compensate } = contract
      effect.undo = (value) => compensate({ key: one.key, params, value })
      effect.undoIsOfContract = true
    }
    executor.env.order.next = Math.max(executor.env.order.next, one.order + 1)
    return { effect, adopted: one.adopted }
  })
  call.restore(
    effects.filter(({ adopted }) => !adopted).map(({ effect }) => effect),
    effects.filter(({ adopted }) => adopted).map(({ effect }) => effect),
    effectsIn(saved.nested).filter(({ reported }) => reported !== undefined)
  )
}

/** A schedule has gone so many steps already. */
const restoreRetry = (call: CallState, saved: Call): Effect.Effect<void> => {
  const { retry } = call.spec
  if (retry === undefined || saved.state !== "waiting" || saved.retries === 0) return Effect.void
  return Effect.suspend(() => {
    const state = (call.retry = Retry.make(retry))
    const steps = Array.from({ length: saved.retries })
    return Effect.ignore(Effect.forEach(steps, () => state(call.lastError), { discard: true }))
  })
}
