/**
 * One server that runs: its process, greeted, and the requests that wait for its answers.
 *
 * The SDK's client greets and listens. Calls are sent past it, because it forgets a request that it has cancelled: here the answer is
 * awaited all the same. A request ends in one of three ways: answered, not sent, or lost with its server.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import {
  type JSONRPCMessage,
  ListToolsResultSchema,
  ProgressNotificationSchema,
  McpError as SdkError,
  type Tool as ServerTool
} from "@modelcontextprotocol/sdk/types.js"
import type { Server } from "../Config.ts"
import { BadAnswer, CannotStart, DiedAtStart, NoHandshake, NotFound, type ServerReason } from "../McpError.ts"
import { ServerProcess } from "./process.ts"

/** The longest that a timer can be: the attempt's own timeout decides. */
const noTimeout = 2 ** 31 - 1
const maxPages = 1_000
/** The SDK's client counts its requests from 0. */
const firstId = 2 ** 30

const late = Symbol("late")

/** The request did not reach the server, as it had ended: nothing happened. */
export class NotSent extends Error {}

/** The server ended before it had answered. */
export class Lost extends Error {}

/** How far a call has come, as its server says it. */
export interface ServerProgress {
  readonly progress: number
  readonly total?: number
  readonly message?: string
}

interface Waiting {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
  readonly onProgress: ((progress: ServerProgress) => void) | undefined
}

export interface Sent {
  readonly id: number
  readonly answer: Promise<unknown>
}

/** A call, told apart from others of the same path by its identity. */
interface CallOf {
  readonly call: string
}

export class Live {
  readonly process: ServerProcess
  /** For which call it was killed, and how many processes that were. */
  killedFor: { readonly call: CallOf; readonly processes: number } | undefined
  private readonly client = new Client({ name: "toolscope", version: "0.1.0" }, { capabilities: {} })
  private readonly waiting = new Map<number, Waiting>()
  private nextId = firstId

  constructor(server: Server) {
    this.process = new ServerProcess(server)
    // nobody else listens: without these, what a server does wrong between calls would go unnoticed, not unhandled
    this.client.onerror = () => {}
    this.process.take = (message) => this.take(message)
    this.process.onclose = () => {
      const waiting = [...this.waiting.values()]
      this.waiting.clear()
      for (const { reject } of waiting) reject(new Lost())
    }
  }

  /** Starts it, greets it, and asks for its tools. Rejects with a {@link ServerReason}. */
  async start(millis: number, signal: AbortSignal): Promise<ReadonlyArray<ServerTool>> {
    const { process } = this
    const options = { timeout: noTimeout, signal }
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<typeof late>((resolve) => {
      timer = setTimeout(() => {
        resolve(late)
      }, millis)
    })
    const work = async () => {
      await this.client.connect(process, options)
      return this.client.getServerCapabilities()?.tools === undefined ? [] : this.listTools(options)
    }
    try {
      const tools = await Promise.race([work(), tooLate])
      if (tools !== late) return tools
    } catch (error) {
      throw await this.startReason(error)
    } finally {
      clearTimeout(timer)
    }
    throw new NoHandshake({ millis, garbage: process.garbage, stderr: process.stderr() })
  }

  private async listTools(options: {
    readonly timeout: number
    readonly signal: AbortSignal
  }): Promise<ReadonlyArray<ServerTool>> {
    const tools: Array<ServerTool> = []
    let cursor: string | undefined
    for (let page = 0; page < maxPages; page++) {
      // not client.listTools: it forgets the schemas of all pages but the last
      const params = cursor === undefined ? {} : { cursor }
      const result = await this.client.request({ method: "tools/list", params }, ListToolsResultSchema, options)
      tools.push(...result.tools)
      if (result.nextCursor === undefined) return tools
      cursor = result.nextCursor
    }
    throw new BadAnswer({ detail: `its list of tools has more than ${maxPages} pages`, stderr: [] })
  }

  /** The answer rejects with {@link NotSent}, with {@link Lost}, or with the error that the server answered with. */
  request(method: string, params: object, onProgress?: (progress: ServerProgress) => void): Sent {
    const id = this.nextId++
    const tracked = onProgress === undefined ? params : { ...params, _meta: { progressToken: id } }
    const answer = new Promise<unknown>((resolve, reject) => {
      if (!this.process.isUp) {
        reject(new NotSent())
        return
      }
      this.waiting.set(id, { resolve, reject, onProgress })
      this.process.send({ jsonrpc: "2.0", id, method, params: tracked } as JSONRPCMessage).catch(() => {
        // whoever read from the pipe had gone: what was written of it, if anything, is no whole message
        if (this.waiting.delete(id)) reject(new NotSent())
      })
    })
    return { id, answer }
  }

  notify(method: string, params: object): void {
    this.process.send({ jsonrpc: "2.0", method, params } as JSONRPCMessage).catch(() => {})
  }

  /** Nobody waits for this answer any more. */
  forget(id: number): void {
    this.waiting.delete(id)
  }

  /** Kills the server, for the sake of this call. */
  kill(call: CallOf): void {
    if (!this.process.isUp) return
    const processes = this.process.kill()
    this.killedFor = { call, processes }
  }

  private take(message: JSONRPCMessage): boolean {
    if ("method" in message && message.method === "notifications/progress") {
      const read = ProgressNotificationSchema.safeParse(message)
      const { progressToken, ...progress } = read.data?.params ?? {}
      // of a call that is over there is nothing to say
      if (typeof progressToken === "number") this.waiting.get(progressToken)?.onProgress?.(progress as ServerProgress)
      return true
    }
    if (!("id" in message) || "method" in message || typeof message.id !== "number" || message.id < firstId)
      return false
    const waiting = this.waiting.get(message.id)
    this.waiting.delete(message.id)
    if ("result" in message) waiting?.resolve(message.result)
    else waiting?.reject(SdkError.fromError(message.error.code, message.error.message, message.error.data))
    return true
  }

  private async startReason(error: unknown): Promise<ServerReason> {
    const { process } = this
    const known = [NotFound, CannotStart, BadAnswer].find((reason) => error instanceof reason)
    if (known !== undefined) return error as ServerReason
    // a broken pipe is heard of before the end that caused it
    if (await process.endsWithin(500)) return new DiedAtStart({ ...process.ended!, stderr: process.stderr() })
    const detail = `it answered with an error: ${process.redact(error instanceof Error ? error.message : String(error))}`
    return new BadAnswer({ detail, stderr: process.stderr() })
  }
}
