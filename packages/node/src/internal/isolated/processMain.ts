/**
 * The first file of a tool's process. Messages go through a pipe of their own (3), so that nothing the tool prints is mistaken for
 * one; a second pipe (4) is watched by a thread that ends the process, and all it has started, when its parent is gone: also while
 * this thread is in an endless loop.
 */
import { Socket } from "node:net"
import { Worker } from "node:worker_threads"
import { watchdogEntry } from "./entry.ts"
import { lines, parse, type ToChild } from "./messages.ts"
import { run } from "./run.ts"
import { markName } from "./tree.ts"

const [, , module, name] = process.argv

const watchdog = new Worker(watchdogEntry, { workerData: { mark: process.env[markName] }, execArgv: [], stdin: false })
watchdog.unref()

const channel = new Socket({ fd: 3, readable: true, writable: true })
// the parent is gone, or has let go of us: the watchdog does the rest
channel.on("error", () => {})

await run(module!, name!, {
  onMessage: (listener) => {
    const read = lines(
      Number.POSITIVE_INFINITY,
      (line) => {
        const message = parse<ToChild>(line)
        if (message !== undefined) listener(message)
      },
      () => {}
    )
    channel.on("data", read)
  },
  send: (message, sent) => {
    channel.write(`${JSON.stringify(message)}\n`, () => {
      sent()
    })
  },
  exit: () => {
    process.exit(0)
  }
})
