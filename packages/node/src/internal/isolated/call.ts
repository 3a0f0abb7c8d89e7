/**
 * One call of an isolated function, from its start to its end.
 *
 * - **starting**: the process or worker boots and loads the module. Nothing of the tool has run. A stop kills it at once, and says that
 *   nothing happened.
 * - **running**: the function was called. A stop is passed on as a signal; shortly before the bound everything is killed.
 * - **answered**: it has said how it ended, and is given a moment to exit by itself; then it is killed.
 * - **over**: it is gone. Only now the promise settles, once.
 *
 * It never settles while the process or worker still lives.
 */
import type { Tool } from "@toolscope/core"
import type { Json } from "effect/Schema"
import { randomUUID } from "node:crypto"
import {
  AnswerTooLarge,
  Crashed,
  EffectDied,
  Killed,
  NoAnswer,
  type NoAnswerReason,
  NotStarted,
  type NotStartedReason
} from "../../IsolatedError.ts"
import { type Ended, type Host, type Listener, maxAnswerBytes, type Setup } from "./host.ts"
import type { Answer, RemoteError, ToParent } from "./messages.ts"
import { processHost } from "./processHost.ts"
import * as Remote from "./remoteError.ts"
import { NoJson } from "./strictJson.ts"
import { workerHost } from "./workerHost.ts"

/** Milliseconds that it has to exit by itself when it has answered. */
const patience = 500

export type Where = "process" | "worker"

export interface Spec extends Omit<Setup, "mark"> {
  readonly in: Where
  /** Does it act? A stop before its start is then said to have done nothing. */
  readonly acts: boolean
}

/** The promise is rejected with it: the function answered with an error. */
export class Answered {
  readonly error: RemoteError
  constructor(error: RemoteError) {
    this.error = error
  }
}

export const callIsolated = (spec: Spec, params: Json, context: Tool.PromiseContext): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const { attempt, call, epoch, idempotencyKey, onBound, runId, signal } = context
    const stoppedBefore = () => (spec.acts ? notStarted({ _tag: "StoppedBefore" }) : signal.reason)
    if (signal.aborted) return reject(stoppedBefore())

    let phase: "starting" | "running" | "answered" | "over" = "starting"
    let unusable: typeof NotStartedReason.Type | undefined
    let answer: Answer | undefined
    let tooLarge = false
    let killed = false
    let linger: NodeJS.Timeout | undefined

    const kill = (): void => {
      // what has answered is killed for its slowness only, which changes nothing
      if (host.kill()) killed = true
    }
    const onAbort = (): void => {
      if (phase === "starting") kill()
      else if (phase === "running") host.send({ type: "stop", reason: toJson(signal.reason) })
    }
    const answered = (): void => {
      phase = "answered"
      linger = setTimeout(kill, patience)
    }

    const listener: Listener = {
      onMessage: (message) => {
        if (phase === "starting") onStarting(message)
        else if (phase === "running" && isAnswer(message)) {
          answer = message
          answered()
        }
      },
      onTooLong: () => {
        if (phase === "over") return
        tooLarge ||= answer === undefined
        kill()
      },
      onEnd: (ended) => {
        clearTimeout(linger)
        signal.removeEventListener("abort", onAbort)
        const last = phase
        phase = "over"
        settle(last, ended)
      }
    }

    const onStarting = (message: ToParent): void => {
      // a stop came first: it is being killed
      if (signal.aborted || killed) return
      if (message.type === "ready") {
        phase = "running"
        host.send({ type: "call", params, identity: { runId, epoch, call, attempt, idempotencyKey } })
      } else if (message.type === "unusable") {
        const { module, name } = spec
        unusable =
          message.why === "load"
            ? { _tag: "CannotLoad", module, detail: message.message }
            : { _tag: "NoSuchExport", module, export: name, detail: message.message }
        answered()
      }
    }

    const settle = (last: typeof phase, ended: Ended): void => {
      const output = () => ({ stdout: host.stdout(), stderr: host.stderr() })
      const noAnswer = (reason: NoAnswerReason) => {
        reject(new NoAnswer({ reason }))
      }
      if (unusable !== undefined) return reject(notStarted(unusable))
      if (last === "starting") {
        if (signal.aborted) return reject(stoppedBefore())
        return reject(
          notStarted(
            ended.isStillborn === true
              ? { _tag: "CannotSpawn", detail: ended.error ?? "for a reason that is not known" }
              : { _tag: "CannotLoad", module: spec.module, detail: crashed(ended, output()).message }
          )
        )
      }
      if (tooLarge) return noAnswer(new AnswerTooLarge({ ...output(), limit: maxAnswerBytes }))
      switch (answer?.type) {
        case "value":
          return resolve(answer.value)
        case "notJson":
          return reject(new NoJson(answer.message))
        case "error":
          return reject(new Answered(answer.error))
        case "died":
          return noAnswer(new EffectDied({ ...output(), defect: Remote.decode(answer.error) }))
        case "stopped":
          return reject(signal.reason)
        case undefined:
          return noAnswer(killed ? new Killed({ ...output(), processes: ended.killed ?? 1 }) : crashed(ended, output()))
      }
    }

    const setup: Setup = { ...spec, mark: randomUUID() }
    let host: Host
    try {
      host = spec.in === "process" ? processHost(setup, listener) : workerHost(setup, listener)
    } catch (error) {
      return reject(notStarted({ _tag: "CannotSpawn", detail: (error as Error).message }))
    }
    signal.addEventListener("abort", onAbort, { once: true })
    onBound(kill)
  })

const isAnswer = (message: ToParent): message is Answer => message.type !== "ready" && message.type !== "unusable"

const notStarted = (reason: typeof NotStartedReason.Type): NotStarted => new NotStarted({ reason })

const crashed = (
  { error, exitCode, outOfMemory, signal }: Ended,
  output: { readonly stdout: ReadonlyArray<string>; readonly stderr: ReadonlyArray<string> }
): Crashed => new Crashed({ ...output, error, exitCode, outOfMemory: outOfMemory === true, signal })

/** The reason of a stop is data; anything else is described. */
const toJson = (reason: unknown): Json => {
  try {
    return JSON.parse(JSON.stringify(reason)) as Json
  } catch {
    return String(reason)
  }
}
