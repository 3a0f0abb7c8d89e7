/**
 * A thread of a tool's process. It holds the end of a pipe whose other end only the parent has. When the parent dies, however it does,
 * the pipe closes, and this ends the process with all that it has started. It never does anything else.
 */
import { Socket } from "node:net"
import { workerData } from "node:worker_threads"
import { killNow } from "./tree.ts"

const pipe = new Socket({ fd: 4, readable: true, writable: false })
const end = (): void => {
  killNow([{ pid: process.pid, hasExited: () => false, mark: (workerData as { readonly mark: string }).mark }])
  process.kill(process.pid, "SIGKILL")
}
pipe.on("error", end)
pipe.on("close", end)
pipe.resume()
