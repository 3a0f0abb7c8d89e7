/**
 * One call of a tool of a server: sent, answered, and stopped.
 *
 * A stop sends a cancel notification; then:
 *
 * - the answer, if it comes, is the end, and says what it says;
 * - of a tool that only reads, or whose contract says `interruption: "anywhere"`, it is also the end that the server has heard: it has
 *   answered a ping that was sent behind the notification;
 * - with `interruption: "never"` no notification is sent;
 * - shortly before the bound the server is killed, where the operator wants that. Else the call is left behind.
 */
import { CallToolResultSchema, McpError as SdkError, type Tool as ServerTool } from "@modelcontextprotocol/sdk/types.js"
import { CallError, type Contract, type Report, type Tool } from "@toolscope/core"
import {
  McpAnswerLost,
  type McpNotReached,
  McpRequestError,
  McpResultTooLarge,
  McpServerGone,
  McpToolChanged,
  McpUnauthorized
} from "../McpCallError.ts"
import { unauthorized } from "../McpError.ts"
import { answerOf } from "./answer.ts"
import { type EndOf, Lost, NotSent, Refused, TooLarge } from "./connection.ts"
import type { Live, ServerProgress } from "./live.ts"
import { answered } from "./origins.ts"
import { Down, type Supervisor } from "./supervisor.ts"
import { isTooDeep } from "./text.ts"

export interface Called {
  readonly supervisor: Supervisor
  readonly tool: ServerTool
  readonly contract: Contract.Contract
  /** Why it is not the tool that the plan was read with; `undefined` while it is. */
  readonly changed: () => string | undefined
}

/** Rejects with an `McpCallError`, with {@link McpAnswerLost}, with a `CallError` (`NotReached`), or with the reason of the stop. */
export const call = async (called: Called, params: unknown, context: Tool.PromiseContext): Promise<unknown> => {
  const { supervisor } = called
  for (;;) {
    const ready = supervisor.ready()
    const live = ready instanceof Promise ? await waitFor(called, ready, context.signal) : ready
    if (context.signal.aborted) throw gone(called, "the call had been stopped")
    const changed = called.changed()
    if (changed !== undefined) {
      const message = `${changed} since the plan was read: the call was not sent`
      throw notReached(new McpToolChanged({ ...about(called), message }))
    }
    try {
      return await exchange(called, live, params, context)
    } catch (error) {
      // it may have ended unheard since it was last looked at
      if (!(error instanceof NotSent)) throw error
      if (await live.connection.endsWithin(500)) continue
      if (!supervisor.kills) {
        throw gone(called, `the server ${shown(called)} reads nothing any more`, live.connection.end())
      }
      live.connection.kill()
    }
  }
}

/** Waits for the server to be started again, unless the call is stopped first. */
const waitFor = (called: Called, ready: Promise<Live>, signal: AbortSignal): Promise<Live> =>
  new Promise((resolve, reject) => {
    ready.then(resolve, (error: unknown) => {
      reject(error instanceof Down ? gone(called, error.message, error.end, error.retryAfterMillis) : (error as Error))
    })
    const onStop = () => {
      reject(gone(called, `the call was stopped while the server ${shown(called)} was not ready`))
    }
    if (signal.aborted) onStop()
    else signal.addEventListener("abort", onStop, { once: true })
  })

const exchange = (called: Called, live: Live, params: unknown, context: Tool.PromiseContext): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const { contract, supervisor, tool } = called
    const { onBound, signal } = context
    const { answer, id } = live.request("tools/call", { name: tool.name, arguments: params }, (said) => {
      context.progress(progressOf(called, said))
    })
    answer
      .then(
        (result) => {
          if (isTooDeep(result)) throw requestError(called, "the answer is nested too deeply to be passed on")
          const read = CallToolResultSchema.safeParse(result)
          if (read.success) {
            answered(context.runId, supervisor.resolved, read.data)
            return answerOf(supervisor.resolved, tool, read.data)
          }
          throw requestError(called, `the answer is no result of a tool: ${read.error.message}`)
        },
        (error: unknown) => {
          throw failureOf(called, live, context, error)
        }
      )
      .then(resolve, reject)
    if (supervisor.kills) {
      onBound(() => {
        live.kill(context)
      })
    }
    if (contract.effect !== "none" && contract.interruption === "never") return
    const onStop = () => {
      const { reason } = signal.reason as Report.StopReason
      const told = live.notify("notifications/cancelled", { requestId: id, reason })
      if (contract.effect !== "none" && contract.interruption !== "anywhere") {
        told.catch(() => {})
        return
      }
      const heard = () => {
        live.forget(id)
        reject(signal.reason)
      }
      // behind it, so not before the server has it
      told
        .then(() => live.request("ping", {}).answer)
        .then(heard, (error: unknown) => {
          // an error is an answer, too; a lost ping is not
          if (error instanceof SdkError) heard()
        })
    }
    signal.addEventListener("abort", onStop, { once: true })
  })

const failureOf = (called: Called, live: Live, context: Tool.PromiseContext, error: unknown): unknown => {
  const { secrets } = called.supervisor.resolved
  if (error instanceof Lost) return lost(called, live, context, error)
  if (error instanceof SdkError) return requestError(called, secrets.redactAnswer(error.message), error.code)
  if (error instanceof Refused) return refused(called, live, context, error)
  if (error instanceof TooLarge) {
    const { limit } = error
    const message = `the answer has more than ${limit} bytes, and was not read: ask for less, or raise "maxMessageBytes" of the server`
    return new McpResultTooLarge({ ...about(called), message, limit })
  }
  return error
}

const refused = (called: Called, live: Live, context: Tool.PromiseContext, error: Refused): unknown => {
  const { message, retryAfterMillis, status } = error
  if (status === 401 || status === 403) {
    const words = `the server ${shown(called)} did not accept the call: ${unauthorized(status)}`
    return notReached(new McpUnauthorized({ ...about(called), message: words, status }))
  }
  if (status === 429) {
    const words = `the server ${shown(called)} accepts no more calls for now (HTTP 429): the call was not accepted`
    return notReached(new McpServerGone({ ...about(called), message: words, stderr: [] }), retryAfterMillis)
  }
  // what stands between may have passed the call on
  if (status >= 500) return lost(called, live, context, new Lost(message))
  return new McpRequestError({ ...about(called), message: `the server refused the call: ${message}`, status })
}

/** Words of a server may be of any length. */
const maxWords = 1_000

const progressOf = ({ supervisor }: Called, { message, progress, total }: ServerProgress) => ({
  done: progress,
  ...(total === undefined ? {} : { total }),
  ...(message === undefined ? {} : { message: supervisor.resolved.secrets.redactAnswer(message).slice(0, maxWords) })
})

const about = ({ supervisor, tool }: Called) => ({ server: supervisor.name, tool: tool.name })

const shown = ({ supervisor }: Called): string => JSON.stringify(supervisor.name)

const notReached = (error: McpNotReached, retryAfterMillis?: number): CallError.CallError =>
  new CallError.CallError({
    reason: new CallError.NotReached({
      why: error.message,
      error,
      ...(retryAfterMillis === undefined ? {} : { retryAfterMillis })
    })
  })

const gone = (called: Called, why: string, end: EndOf = { stderr: [] }, retryAfterMillis?: number) => {
  const message = `${why}: the call was not sent${lastWords(end.stderr)}`
  return notReached(new McpServerGone({ ...about(called), ...end, message }), retryAfterMillis)
}

const requestError = (called: Called, message: string, code?: number): McpRequestError =>
  new McpRequestError({ ...about(called), message, ...(code === undefined ? {} : { code }) })

const lost = (called: Called, live: Live, context: Tool.PromiseContext, why: Lost): McpAnswerLost => {
  const end = live.connection.end()
  const { killedFor } = live
  const name = shown(called)
  const how =
    killedFor === undefined
      ? why.message === ""
        ? `the server ${name} ended during the call (${live.connection.describeEnd()})`
        : `the server ${name} did not answer the call: ${why.message}`
      : killedFor.call === context
        ? `the server ${name} did not answer after the call was stopped, and was killed${others(killedFor.processes)}`
        : `the server ${name} was killed, because another call of it, ${killedFor.call.call}, did not end when it was stopped`
  const acts = called.contract.effect !== "none"
  const meaning = `the answer is lost${acts ? ", and whether it acted is not known" : ""}`
  return new McpAnswerLost({
    ...about(called),
    ...end,
    ...(killedFor === undefined ? {} : { killedFor: killedFor.call.call }),
    message: `${how}: ${meaning}${lastWords(end.stderr)}`
  })
}

const others = (processes: number): string => (processes > 1 ? `, with ${processes - 1} that it had started` : "")

const lastWords = (stderr: ReadonlyArray<string>): string =>
  stderr.length === 0 ? "" : `; last on its standard error: ${stderr.at(-1)!}`
