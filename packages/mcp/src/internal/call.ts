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
import type { Contract, Report, Tool } from "@toolscope/core"
import { McpAnswerLost, McpRequestError, McpServerGone } from "../McpCallError.ts"
import { describeEnd } from "../McpError.ts"
import { answerOf } from "./answer.ts"
import { type Live, Lost, NotSent, type ServerProgress } from "./live.ts"
import { Down, endOf, type Supervisor } from "./supervisor.ts"

export interface Called {
  readonly supervisor: Supervisor
  readonly tool: ServerTool
  readonly contract: Contract.Contract
}

/** Rejects with an `McpCallError`, with {@link McpAnswerLost}, or with the reason of the stop. */
export const call = async (called: Called, params: unknown, context: Tool.PromiseContext): Promise<unknown> => {
  const { supervisor } = called
  for (;;) {
    const ready = supervisor.ready()
    const live = ready instanceof Promise ? await waitFor(called, ready, context.signal) : ready
    if (context.signal.aborted) throw gone(called, "the call had been stopped", { stderr: [] })
    try {
      return await exchange(called, live, params, context)
    } catch (error) {
      // it may have ended unheard since it was last looked at
      if (!(error instanceof NotSent)) throw error
      const hasEnded = await live.process.endsWithin(500)
      if (!supervisor.restarts) {
        const why = hasEnded ? `had ended (${describe(live)})` : "reads nothing any more"
        throw gone(called, `the server ${shown(called)} ${why}`, endOf(live))
      }
      if (!hasEnded) live.process.kill()
    }
  }
}

/** Waits for the server to be started again, unless the call is stopped first. */
const waitFor = (called: Called, ready: Promise<Live>, signal: AbortSignal): Promise<Live> =>
  new Promise((resolve, reject) => {
    ready.then(resolve, (error: unknown) => {
      reject(error instanceof Down ? gone(called, error.message, error.end) : (error as Error))
    })
    const onStop = () => {
      reject(
        gone(called, `the call was stopped while the server ${shown(called)} was being started again`, { stderr: [] })
      )
    }
    if (signal.aborted) onStop()
    else signal.addEventListener("abort", onStop, { once: true })
  })

const exchange = (called: Called, live: Live, params: unknown, context: Tool.PromiseContext): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const { contract, supervisor, tool } = called
    const { onBound, signal } = context
    const { answer, id } = live.request("tools/call", { name: tool.name, arguments: params }, (said) => {
      context.progress(progressOf(said))
    })
    answer
      .then(
        (result) => {
          const read = CallToolResultSchema.safeParse(result)
          if (read.success) return answerOf(supervisor.name, tool, read.data)
          throw requestError(called, `the answer is no result of a tool: ${read.error.message}`)
        },
        (error: unknown) => {
          if (error instanceof Lost) throw lost(called, live, context)
          if (error instanceof SdkError) throw requestError(called, live.process.redact(error.message), error.code)
          throw error
        }
      )
      .then(resolve, reject)
    if (supervisor.restarts) {
      onBound(() => {
        live.kill(context)
      })
    }
    if (contract.effect !== "none" && contract.interruption === "never") return
    const onStop = () => {
      const { reason } = signal.reason as Report.StopReason
      live.notify("notifications/cancelled", { requestId: id, reason })
      if (contract.effect !== "none" && contract.interruption !== "anywhere") return
      const heard = () => {
        live.forget(id)
        reject(signal.reason)
      }
      live.request("ping", {}).answer.then(heard, (error: unknown) => {
        // an error is an answer, too; a lost ping is not
        if (error instanceof SdkError) heard()
      })
    }
    signal.addEventListener("abort", onStop, { once: true })
  })

/** Words of a server may be of any length. */
const maxWords = 1_000

const progressOf = ({ message, progress, total }: ServerProgress) => ({
  done: progress,
  ...(total === undefined ? {} : { total }),
  ...(message === undefined ? {} : { message: message.slice(0, maxWords) })
})

const describe = (live: Live): string => describeEnd({ exitCode: undefined, signal: undefined, ...live.process.ended })

const about = ({ supervisor, tool }: Called) => ({ server: supervisor.name, tool: tool.name })

const shown = ({ supervisor }: Called): string => JSON.stringify(supervisor.name)

const gone = (called: Called, why: string, end: ReturnType<typeof endOf>): McpServerGone =>
  new McpServerGone({ ...about(called), ...end, message: `${why}: the call was not sent${lastWords(end.stderr)}` })

const requestError = (called: Called, message: string, code?: number): McpRequestError =>
  new McpRequestError({ ...about(called), message, ...(code === undefined ? {} : { code }) })

const lost = (called: Called, live: Live, context: Tool.PromiseContext): McpAnswerLost => {
  const end = endOf(live)
  const { killedFor } = live
  const name = shown(called)
  const how =
    killedFor === undefined
      ? `the server ${name} ended during the call (${describe(live)})`
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
