/**
 * The first file of a tool's worker thread. Messages go through a port of their own, so that the tool may use the worker's.
 */
import { type MessagePort, workerData } from "node:worker_threads"
import { parse, type ToChild } from "./messages.ts"
import { run } from "./run.ts"

const { module, name, port } = workerData as {
  readonly module: string
  readonly name: string
  readonly port: MessagePort
}

await run(module, name, {
  onMessage: (listener) => {
    port.on("message", (line: string) => {
      const message = parse<ToChild>(line)
      if (message !== undefined) listener(message)
    })
  },
  send: (message, sent) => {
    port.postMessage(JSON.stringify(message))
    sent()
  },
  exit: () => {
    process.exit(0)
  }
})
