/**
 * One request and its answer, over a connection of its own, by Node's own client. What makes it worth having beside `fetch` is one bit:
 * whether there was a connection when it failed. Without one nothing was sent, whatever the error is called.
 *
 * The connection is not kept: a request on an idle connection that the server has just closed could not be told from one that was lost.
 * It ends when the socket has, never before.
 */
import * as http from "node:http"
import * as https from "node:https"
import type { Socket } from "node:net"
import type { Prepared } from "./prepare.ts"

export interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
}

/** It broke, and whether there was a connection by then. */
export class Broken {
  readonly connected: boolean
  readonly code: string
  readonly detail: string
  constructor(connected: boolean, error: unknown) {
    this.connected = connected
    const { code, errors, message } = error as NodeJS.ErrnoException & { readonly errors?: ReadonlyArray<Error> }
    this.code = code ?? "ERROR"
    // of several addresses each has failed in its own way
    this.detail = message === "" && errors?.[0] !== undefined ? errors[0].message : message
  }
}

/** The answer is a success, and larger than what was allowed. */
export class TooLarge {
  readonly status: number
  constructor(status: number) {
    this.status = status
  }
}

/** It was cut off from here. */
export class Cut {
  readonly connected: boolean
  constructor(connected: boolean) {
    this.connected = connected
  }
}

export interface Options {
  readonly agent: http.Agent | https.Agent | undefined
  readonly maxBytes: number
  /** Given what cuts it off, before anything is sent. */
  readonly onCut: (cut: () => void) => void
}

export const isSuccess = (status: number): boolean => status >= 200 && status <= 299

/** Rejects with {@link Broken}, {@link TooLarge} or {@link Cut}. */
export const exchange = ({ body, headers, method, url }: Prepared, options: Options): Promise<Answer> =>
  new Promise((resolve, reject: (failure: Broken | TooLarge | Cut) => void) => {
    const secure = url.protocol === "https:"
    let connected = false
    let failure: Broken | TooLarge | Cut | undefined
    let answer: Answer | undefined
    let request: http.ClientRequest
    const fail = (why: Broken | TooLarge | Cut): void => {
      if (answer === undefined) failure ??= why
      request.destroy()
    }
    try {
      const { agent = false } = options
      request = (secure ? https : http).request(url, { method, headers, agent })
    } catch (error) {
      return reject(new Broken(false, error))
    }

    request.on("socket", (socket: Socket & { readonly secureConnecting?: boolean }) => {
      // an agent of the tool may give one that is there already; one that is gone already was never written to
      connected = !socket.destroyed && !socket.connecting && socket.secureConnecting !== true
      socket.once(secure ? "secureConnect" : "connect", () => {
        connected = true
      })
    })
    request.on("response", (response) => {
      const chunks: Array<Buffer> = []
      let size = 0
      const status = response.statusCode ?? 0
      response.on("data", (chunk: Buffer) => {
        size += chunk.length
        if (size <= options.maxBytes) return void chunks.push(chunk)
        // of a failure the status says enough
        if (!isSuccess(status)) answer ??= { status, headers: response.headers, body: Buffer.concat(chunks) }
        fail(new TooLarge(status))
      })
      response.on("error", (error) => {
        fail(new Broken(true, error))
      })
      response.on("end", () => {
        // a body that is shorter than it was said to be ends in an error
        if (failure === undefined && response.complete) {
          answer = { status, headers: response.headers, body: Buffer.concat(chunks) }
          // it has answered before it has read all: it may never read the rest
          if (!request.writableFinished) request.destroy()
        }
      })
    })
    request.on("error", (error) => {
      fail(new Broken(connected, error))
    })
    request.on("close", () => {
      if (answer !== undefined) resolve(answer)
      else reject(failure ?? new Broken(connected, new Error("the connection was closed")))
    })
    options.onCut(() => {
      fail(new Cut(connected))
    })
    request.end(body)
  })
