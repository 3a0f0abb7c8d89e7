/**
 * From an executor that stands still to the part of a snapshot that it is, or to what makes that impossible.
 */
import * as Option from "effect/Option"
import * as Decision from "../../Decision.ts"
import type { Call, Fanout } from "../../Snapshot.ts"
import * as Contract from "../../Contract.ts"
import type { CallState } from "../call.ts"
import type { EffectRecord } from "../effects.ts"
import { encodeNode } from "../encode.ts"
import type { Executor } from "../executor.ts"
import { isJson, sanitize } from "../json.ts"
import { saveEnd, saveError } from "./errors.ts"

interface Taken {
  readonly fanout: Fanout
  /** Why nobody could go on from it, for people. */
  readonly problems: ReadonlyArray<string>
}

export const take = (executor: Executor): Taken => {
  const problems: Array<string> = []
  const { calls, compiled, deadlines, env, steps } = executor
  const fanout: Fanout = {
    plan: encodeNode(compiled).json,
    steps: steps.map((events) => events.map((event) => ({ ...event }))),
    calls: [...calls.values()].map((call) => takeCall(executor, call, problems)),
    deadlines: [...deadlines].map(([node, { left }]) => ({ node, left })),
    used: env.ownAccount?.usedSoFar(executor.now()) ?? {},
    ...(executor.stoppedFromAbove === undefined ? {} : { stoppedBy: executor.stoppedFromAbove })
  }
  return { fanout, problems }
}

const takeCall = (executor: Executor, call: CallState, problems: Array<string>): Call => {
  const { state, steps } = executor
  const { contract, id, index, tool } = call.spec
  const problem = (what: string) => void problems.push(`${id}: ${what}`)
  const waits = call.waits !== "no"
  if (call.end?._tag === "success" && call.end.json !== undefined && !isJson(call.end.json))
    problem("what it answered with is no JSON: give its tool a success schema")
  if (waits && call.current?.hasSession === true) problem("its handler has opened a session: ask before that")
  const runs = waits ? (call.current?.runs ?? []) : []
  const taken = runs.map((run) => (run === undefined ? undefined : take(run)))
  for (const one of taken) problems.push(...(one?.problems ?? []))
  // what its handler has not come to again stays as it was before
  const before = waits ? (call.current?.resumes ?? call.resumes).slice(runs.length) : []
  const nested = [...taken.map((one) => one?.fanout ?? null), ...before]
  const keys = new Set(nested.flatMap(keysIn))
  const isScoped = Decision.scopesOf(state, index).length > 0
  if (isScoped && call.leftBehind && call.effects.some(({ canBeUndone }) => canBeUndone))
    problem("what was left behind there may have to be undone when it has ended, which nobody elsewhere would hear of")
  if (isScoped && runs.some((run) => canUndo(run)))
    problem("what a fan-out inside of its handler did may have to be undone yet: ask before that")
  const effects = call.effects.flatMap((effect) =>
    // fan-outs inside of a handler that runs again bring theirs with them
    waits && call.isAdopted(effect) && keys.has(effect.key) ? [] : takeEffect(executor, call, effect, waits, problem)
  )
  const isRetry = (event: Decision.Event) => event.type === "ended" && event.node === index && event.result === "retry"
  return {
    id,
    contract: Contract.toData(contract),
    attempts: call.attempts,
    retries: steps.reduce((sum, events) => sum + events.filter(isRetry).length, 0),
    state: waits ? "waiting" : call.conclusion !== undefined ? "settled" : isOver(state, index) ? "over" : "idle",
    approved: call.approval === "given",
    ...(call.end === undefined || waits ? {} : { end: saveEnd(call.end, tool) }),
    ...(call.lastError === undefined ? {} : { lastError: saveError(call.lastError, tool) }),
    ...(call.stoppedBy === undefined || waits ? {} : { stoppedBy: call.stoppedBy }),
    ...(call.shortage === undefined || waits ? {} : { shortage: call.shortage }),
    ...(call.cleanup === undefined ? {} : { cleanup: call.cleanup }),
    late: call.late,
    leftBehind: call.leftBehind,
    ...(call.startedAt === undefined ? {} : { startedAt: call.startedAt }),
    ...(call.conclusion === undefined ? {} : { settledAt: call.settledAt }),
    effects,
    replies: [...call.answered].map(([ordinal, { prompt, reply }]) => {
      if (reply._tag === "answer") return { ordinal, prompt, answer: reply.json }
      const { _tag, ...denied } = reply
      return { ordinal, prompt, denied }
    }),
    open: waits ? openOf(call) : [],
    nested
  }
}

const keysIn = (fanout: Fanout | null): ReadonlyArray<string> =>
  (fanout?.calls ?? []).flatMap(({ effects, nested }) => [...effects.map(({ key }) => key), ...nested.flatMap(keysIn)])

const canUndo = (run: Executor | undefined): boolean =>
  [...(run?.calls.values() ?? [])].some(
    ({ current, effects }) => effects.some(({ canBeUndone }) => canBeUndone) || (current?.runs.some(canUndo) ?? false)
  )

/** What it waits for, and what fan-outs inside of its handler wait for. */
export const openOf = ({ current, expected, open }: CallState): ReadonlyArray<string> => {
  const nested = current?.runs.flatMap((run) => [...(run?.calls.values() ?? [])].flatMap(openOf)) ?? []
  return [...new Set([...open, ...expected, ...nested])]
}

const takeEffect = (
  { state }: Executor,
  call: CallState,
  effect: EffectRecord,
  waits: boolean,
  problem: (what: string) => void
): ReadonlyArray<Call["effects"][number]> => {
  const { error, key, order, ordinal, undo, undoIsOfContract, value } = effect
  const adopted = call.isAdopted(effect)
  if (effect.state === "running") return []
  const { index } = call.spec
  // of one that waits it will be known when it is over
  const isProvisional = waits ? Decision.scopesOf(state, index).length > 0 : Decision.isProvisional(state, index)
  const mayBeUndone = effect.canBeUndone && isProvisional
  if (mayBeUndone && (adopted || !undoIsOfContract))
    problem("its undo was given at the commit, and may be wanted yet: put it into the contract")
  const answer = Option.getOrUndefined(value)
  const isNeeded = waits || mayBeUndone
  if (isNeeded && answer !== undefined && !isJson(answer)) problem("what its commit answered with is no JSON")
  return [
    {
      ordinal,
      key,
      state: effect.state,
      order,
      answered: Option.isSome(value),
      ...(answer === undefined ? {} : { value: sanitize(answer) }),
      ...(error === undefined ? {} : { error }),
      undo: undo !== undefined && undoIsOfContract,
      adopted
    }
  ]
}

const isOver = (state: Decision.State, call: number): boolean => {
  const phase = Decision.phase(state, call)
  return phase === "ended" || phase === "skipped"
}
