/**
 * A child process of its own process group. What it prints is kept apart from what we print.
 *
 * It has ended when it has exited, its pipes are closed, and whatever was left of its group is killed.
 */
import { spawn } from "node:child_process"
import type { Duplex, Readable } from "node:stream"
import { fileURLToPath } from "node:url"
import { processEntry } from "./entry.ts"
import { environment, nodeOptions } from "./environment.ts"
import { type Ended, type Host, type Listener, maxAnswerBytes, type Setup } from "./host.ts"
import { lines, parse, type ToParent } from "./messages.ts"
import { redact, tailOf } from "./tail.ts"
import * as Tree from "./tree.ts"

/** Milliseconds for what was written last to arrive, after the exit: what it has started may hold the pipes open. */
const closing = 250

export const processHost = (setup: Setup, listener: Listener): Host => {
  const { env, mark, memory, module, name } = setup
  const secrets = Object.values(env)
  const child = spawn(
    process.execPath,
    [...nodeOptions(process.execArgv, memory), fileURLToPath(processEntry), module, name],
    {
      env: environment(env, mark),
      stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"],
      // a process group of its own: it can be killed as a whole, and Ctrl-C in a terminal does not reach it
      detached: process.platform !== "win32",
      windowsHide: true
    }
  )
  let hasExited = false
  let ended: Ended | undefined
  let isOver = false
  let killing: Promise<number> | undefined
  let timer: NodeJS.Timeout | undefined

  child.on("error", (error) => {
    // after the start this is a signal that could not be sent, or such: its exit is still to come
    if (child.pid !== undefined) return
    ended = { isStillborn: true, error: redact(error.message, secrets) }
    finish()
  })
  // there are none where there are no more files to open
  const [, out, err, channel, guard] = (child.stdio as typeof child.stdio | undefined) ?? []
  const stdout = tailOf(out as Readable | undefined, secrets)
  const stderr = tailOf(err as Readable | undefined, secrets)
  const kill = (): void => {
    killing ??= Tree.kill({ pid: child.pid, hasExited: () => hasExited, mark })
  }
  const finish = (): void => {
    if (isOver) return
    isOver = true
    clearTimeout(timer)
    for (const stream of [channel, guard, out, err]) stream?.destroy()
    const outOfMemory = stderr.includes("heap out of memory")
    void Promise.resolve(killing).then((killed) => {
      listener.onEnd({
        ...ended,
        ...(outOfMemory ? { outOfMemory } : {}),
        ...(killed === undefined ? {} : { killed })
      })
    })
  }

  child.once("exit", (exitCode, signal) => {
    hasExited = true
    ended = { ...(exitCode === null ? {} : { exitCode }), ...(signal === null ? {} : { signal }) }
    // what it has started and left in its group, whose number is not given away while somebody is in it; one that did not end in
    // order may have left more
    const hasLeft = process.platform !== "win32" && Tree.signal(-child.pid!, 0)
    if (hasLeft || exitCode !== 0) kill()
    timer = setTimeout(() => {
      // an exit can be heard of before the answer, and then our loop be held until now: this turn reads it
      setImmediate(finish)
    }, closing)
  })
  child.once("close", finish)

  for (const stream of [channel, guard]) stream?.on("error", () => {})
  ;(guard as Duplex | undefined)?.resume()
  ;(channel as Duplex | undefined)?.on(
    "data",
    lines(
      maxAnswerBytes,
      (line) => {
        const message = isOver ? undefined : parse<ToParent>(line)
        if (message !== undefined) listener.onMessage(message)
      },
      listener.onTooLong
    )
  )

  return {
    stdout: stdout.lines,
    stderr: stderr.lines,
    send: (message) => {
      const pipe = channel as Duplex | undefined
      if (pipe?.writable === true) pipe.write(`${JSON.stringify(message)}\n`)
    },
    kill: () => {
      if (hasExited || child.pid === undefined) return false
      kill()
      return true
    }
  }
}
