/**
 * The life of one server: started, greeted, asked for its tools, called, and ended.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import {
  CallToolResultSchema,
  ErrorCode,
  ListToolsResultSchema,
  McpError as SdkError,
  type Tool as ServerTool
} from "@modelcontextprotocol/sdk/types.js"
import { Attempt } from "@toolscope/core"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Server } from "../Config.ts"
import { McpAnswerLost, type McpCallError, McpRequestError, McpServerGone } from "../McpCallError.ts"
import { BadAnswer, CannotStart, DiedAtStart, NoHandshake, NotFound, type ServerReason } from "../McpError.ts"
import { describeEnd } from "../McpError.ts"
import { answerOf } from "./answer.ts"
import { ServerProcess } from "./process.ts"

/** The longest that a timer can be: the attempt's own timeout decides. */
const noTimeout = 2 ** 31 - 1
const maxPages = 1_000

export interface Connection {
  readonly name: string
  readonly tools: ReadonlyArray<ServerTool>
  readonly call: (tool: ServerTool, params: unknown) => Effect.Effect<unknown, McpCallError>
}

/** Closing the scope ends the process. */
export const open = (
  name: string,
  server: Server,
  startMillis: number
): Effect.Effect<Connection, ServerReason, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new ServerProcess(server)),
    (child) => Effect.promise(() => child.close())
  ).pipe(
    Effect.flatMap((child) => {
      const client = new Client({ name: "toolscope", version: "0.1.0" }, { capabilities: {} })
      // nobody else listens: without these, what a server does wrong between calls would go unnoticed, not unhandled
      client.onerror = () => {}
      return Effect.map(greet(child, client, startMillis), (tools) => ({
        name,
        tools,
        call: (tool, params) => call(name, child, client, tool, params)
      }))
    })
  )

const greet = (child: ServerProcess, client: Client, millis: number) =>
  Effect.callback<ReadonlyArray<ServerTool>, ServerReason>((resume, signal) => {
    const timer = setTimeout(() => {
      resume(
        Effect.suspend(() => Effect.fail(new NoHandshake({ millis, garbage: child.garbage, stderr: child.stderr() })))
      )
    }, millis)
    const options = { timeout: noTimeout, signal }
    const work = async () => {
      await client.connect(child, options)
      return client.getServerCapabilities()?.tools === undefined ? [] : listTools(client, options)
    }
    work().then(
      (tools) => {
        clearTimeout(timer)
        resume(Effect.succeed(tools))
      },
      (error: unknown) => {
        clearTimeout(timer)
        resume(
          Effect.map(
            Effect.promise(() => startReason(child, error)),
            Effect.fail
          ).pipe(Effect.flatten)
        )
      }
    )
    return Effect.sync(() => {
      clearTimeout(timer)
    })
  })

const listTools = async (
  client: Client,
  options: { readonly timeout: number; readonly signal: AbortSignal }
): Promise<ReadonlyArray<ServerTool>> => {
  const tools: Array<ServerTool> = []
  let cursor: string | undefined
  for (let page = 0; page < maxPages; page++) {
    // not client.listTools: it forgets the schemas of all pages but the last
    const params = cursor === undefined ? {} : { cursor }
    const result = await client.request({ method: "tools/list", params }, ListToolsResultSchema, options)
    tools.push(...result.tools)
    if (result.nextCursor === undefined) return tools
    cursor = result.nextCursor
  }
  throw new BadAnswer({ detail: `its list of tools has more than ${maxPages} pages`, stderr: [] })
}

const startReason = async (child: ServerProcess, error: unknown): Promise<ServerReason> => {
  if (error instanceof NotFound || error instanceof CannotStart || error instanceof BadAnswer) return error
  // a broken pipe is heard of before the end that caused it
  if (await child.endsWithin(500)) return new DiedAtStart({ ...child.ended!, stderr: child.stderr() })
  const detail = `it answered with an error: ${child.redact(error instanceof Error ? error.message : String(error))}`
  return new BadAnswer({ detail, stderr: child.stderr() })
}

const call = (
  server: string,
  child: ServerProcess,
  client: Client,
  tool: ServerTool,
  params: unknown
): Effect.Effect<unknown, McpCallError> =>
  Effect.flatMap(Effect.service(Attempt.Current), (attempt) =>
    Effect.callback<unknown, McpCallError>((resume) => {
      const about = { server, tool: tool.name }
      if (child.ended !== undefined) {
        const message = `the server had ended (${describeEnd(child.ended)}): the call was not sent`
        return resume(Effect.fail(new McpServerGone({ ...about, message })))
      }
      const controller = new AbortController()
      const request = { method: "tools/call" as const, params: { name: tool.name, arguments: params as {} } }
      client.request(request, CallToolResultSchema, { timeout: noTimeout, signal: controller.signal }).then(
        (result) => {
          resume(answerOf(server, tool, result))
        },
        (error: unknown) => {
          resume(
            Effect.flatMap(
              Effect.promise(() => callError(about, child, error)),
              Effect.fail
            )
          )
        }
      )
      return Effect.sync(() => {
        // tells the server; whether it stops, and what it had done by then, it does not say
        controller.abort(attempt?.stopping()?.reason ?? "the call was stopped")
      })
    })
  )

const callError = async (
  about: { readonly server: string; readonly tool: string },
  child: ServerProcess,
  error: unknown
): Promise<McpCallError> => {
  const isAnswer = error instanceof SdkError && error.code !== (ErrorCode.ConnectionClosed as number)
  if (!isAnswer && (await child.endsWithin(500))) {
    const stderr = child.stderr()
    const message = `the server ended during the call (${describeEnd(child.ended!)}): the answer is lost, and whether it acted is not known${
      stderr.length === 0 ? "" : `; last on its standard error: ${stderr.at(-1)}`
    }`
    return new McpAnswerLost({ ...about, message })
  }
  const message = child.redact(error instanceof Error ? error.message : String(error))
  return error instanceof SdkError
    ? new McpRequestError({ ...about, message, code: error.code })
    : new McpRequestError({ ...about, message: `the answer is no result of a tool: ${message}` })
}
