/**
 * One server that runs: its connection, greeted, the tools that it lists, and the requests that wait for its answers.
 *
 * The SDK's client greets and listens. Calls are sent past it, because it forgets a request that it has cancelled: here the answer is
 * awaited all the same. A request ends in one of four ways: answered, refused, not sent, or lost with its server.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import {
  type JSONRPCMessage,
  ListToolsResultSchema,
  McpError as SdkError,
  ProgressNotificationSchema,
  SUPPORTED_PROTOCOL_VERSIONS,
  type Tool as ServerTool
} from "@modelcontextprotocol/sdk/types.js"
import {
  BadAnswer,
  CannotStart,
  DiedAtStart,
  NoHandshake,
  NotFound,
  type ServerReason,
  Unauthorized,
  Unreachable,
  UnsupportedVersion
} from "../McpError.ts"
import { type Connection, Lost, NotSent, Refused } from "./connection.ts"
import type { Secrets } from "./secrets.ts"
import { cleaned, isTooDeep } from "./text.ts"

/** The longest that a timer can be: the attempt's own timeout decides. */
const noTimeout = 2 ** 31 - 1
const maxPages = 1_000
/** The SDK's client counts its requests from 0. */
const firstId = 2 ** 30
const maxWords = 2_000

const late = Symbol("late")

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
  readonly connection: Connection
  readonly secrets: Secrets
  /** For which call it was killed, and how many processes that were. */
  killedFor: { readonly call: CallOf; readonly processes: number } | undefined
  /** Told when the server says that its list of tools has changed. */
  onListChanged: () => void = () => {}
  private readonly client = new Client({ name: "toolscope", version: "0.1.0" }, { capabilities: {} })
  private readonly waiting = new Map<number, Waiting>()
  private nextId = firstId
  private onIdle = () => {}
  private version: string | undefined
  /** The error that it answered its start with. */
  private saidNo: string | undefined

  constructor(connection: Connection, secrets: Secrets) {
    this.connection = connection
    this.secrets = secrets
    // nobody else listens: without these, what a server does wrong between calls would go unnoticed, not unhandled
    this.client.onerror = () => {}
    connection.take = (message) => this.take(message)
    connection.isWaiting = (id) => this.waiting.has(id)
    connection.settle = (id, error) => {
      this.done(id)?.reject(error)
    }
    connection.onclose = () => {
      const waiting = [...this.waiting.values()]
      this.waiting.clear()
      for (const { reject } of waiting) reject(new Lost())
      this.onIdle()
    }
  }

  /** Starts it, greets it, and asks for its tools. Rejects with a {@link ServerReason}. */
  async start(millis: number, signal: AbortSignal): Promise<ReadonlyArray<ServerTool>> {
    const { connection } = this
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<typeof late>((resolve) => {
      timer = setTimeout(() => {
        resolve(late)
      }, millis)
    })
    const work = async () => {
      await this.client.connect(connection, { timeout: noTimeout, signal })
      return this.listTools(signal)
    }
    try {
      const tools = await Promise.race([work(), tooLate])
      if (tools !== late) return tools
    } catch (error) {
      throw await this.startReason(error)
    } finally {
      clearTimeout(timer)
    }
    throw new NoHandshake({ millis, garbage: connection.garbage, stderr: connection.end().stderr })
  }

  /** Its tools as it lists them now; none where it has no tools at all. */
  async listTools(signal?: AbortSignal): Promise<ReadonlyArray<ServerTool>> {
    if (this.client.getServerCapabilities()?.tools === undefined) return []
    const tools: Array<ServerTool> = []
    const options = { timeout: noTimeout, ...(signal === undefined ? {} : { signal }) }
    let cursor: string | undefined
    for (let page = 0; page < maxPages; page++) {
      // not client.listTools: it forgets the schemas of all pages but the last
      const params = cursor === undefined ? {} : { cursor }
      const result = await this.client.request({ method: "tools/list", params }, ListToolsResultSchema, options)
      if (isTooDeep(result)) throw new BadAnswer({ detail: "its list of tools is nested too deeply", stderr: [] })
      tools.push(...result.tools)
      if (result.nextCursor === undefined) return tools
      cursor = result.nextCursor
    }
    throw new BadAnswer({ detail: `its list of tools has more than ${maxPages} pages`, stderr: [] })
  }

  /**
   * The answer rejects with {@link NotSent}, {@link Refused}, {@link Lost}, `TooLarge`, or with the error that the server answered
   * with.
   */
  request(method: string, params: object, onProgress?: (progress: ServerProgress) => void): Sent {
    const id = this.nextId++
    const tracked = onProgress === undefined ? params : { ...params, _meta: { progressToken: id } }
    const answer = new Promise<unknown>((resolve, reject) => {
      if (!this.connection.isUp) {
        reject(new NotSent())
        return
      }
      this.waiting.set(id, { resolve, reject, onProgress })
      this.connection
        .send({ jsonrpc: "2.0", id, method, params: tracked } as JSONRPCMessage)
        .catch((error: unknown) => {
          this.done(id)?.reject(error as Error)
        })
    })
    return { id, answer }
  }

  /** Resolves when the server has it, as far as that can be known. */
  notify(method: string, params: object): Promise<void> {
    return this.connection.send({ jsonrpc: "2.0", method, params } as JSONRPCMessage)
  }

  /** Nobody waits for this answer any more. */
  forget(id: number): void {
    this.done(id)
  }

  /** Waits until nobody waits for an answer of it. */
  get isIdle(): Promise<void> {
    return new Promise((resolve) => {
      this.onIdle = resolve
      if (this.waiting.size === 0) resolve()
    })
  }

  /** Kills the server, for the sake of this call. */
  kill(call: CallOf): void {
    if (!this.connection.isUp) return
    const processes = this.connection.kill()
    this.killedFor = { call, processes }
  }

  private done(id: number): Waiting | undefined {
    const waiting = this.waiting.get(id)
    this.waiting.delete(id)
    if (this.waiting.size === 0) this.onIdle()
    return waiting
  }

  private take(message: JSONRPCMessage): boolean {
    if ("method" in message) {
      if (message.method === "notifications/tools/list_changed") this.onListChanged()
      else if (message.method === "notifications/progress") this.takeProgress(message)
      else return false
      return true
    }
    if (!("id" in message) || typeof message.id !== "number") return false
    if (message.id < firstId) {
      const { protocolVersion } = ("result" in message ? message.result : {}) as { readonly protocolVersion?: unknown }
      if (typeof protocolVersion === "string") this.version ??= protocolVersion
      if ("error" in message) this.saidNo ??= message.error.message
      return false
    }
    const waiting = this.done(message.id)
    if ("result" in message) waiting?.resolve(message.result)
    else waiting?.reject(SdkError.fromError(message.error.code, message.error.message, message.error.data))
    return true
  }

  private takeProgress(message: JSONRPCMessage): void {
    const read = ProgressNotificationSchema.safeParse(message)
    const { progressToken, ...progress } = read.data?.params ?? {}
    // of a call that is over there is nothing to say
    if (typeof progressToken === "number") this.waiting.get(progressToken)?.onProgress?.(progress as ServerProgress)
  }

  private async startReason(error: unknown): Promise<ServerReason> {
    const { connection, secrets, version } = this
    const known = [NotFound, CannotStart, BadAnswer].find((reason) => error instanceof reason)
    if (known !== undefined) return error as ServerReason
    const words = (text: string) => cleaned(secrets.redact(text), maxWords)
    if (version !== undefined && !SUPPORTED_PROTOCOL_VERSIONS.includes(version)) {
      return new UnsupportedVersion({ version: words(version), supported: SUPPORTED_PROTOCOL_VERSIONS })
    }
    if (error instanceof Refused) {
      const { message, status } = error
      if (status === 401 || status === 403) return new Unauthorized({ status })
      return new BadAnswer({ detail: words(message), stderr: [] })
    }
    if (this.saidNo !== undefined) {
      return new BadAnswer({
        detail: `it answered with an error: ${words(this.saidNo)}`,
        stderr: connection.end().stderr
      })
    }
    // a broken pipe is heard of before the end that caused it
    const hasEnded = await connection.endsWithin(500)
    const { exitCode, signal, stderr } = connection.end()
    if (hasEnded && connection.hasDied()) return new DiedAtStart({ exitCode, signal, stderr })
    if (error instanceof NotSent || error instanceof Lost) return new Unreachable({ detail: words(error.message) })
    const detail = `it answered with an error: ${words(error instanceof Error ? error.message : String(error))}`
    return new BadAnswer({ detail, stderr })
  }
}
