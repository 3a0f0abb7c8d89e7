/**
 * A worker thread of our own process. It is ended also in the midst of an endless loop; what it prints is kept apart from what we
 * print. Processes that it has started are found by their mark, where there is a `/proc`, when it is killed or has crashed.
 */
import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads"
import { workerEntry } from "./entry.ts"
import { environment } from "./environment.ts"
import { type Ended, type Host, type Listener, maxAnswerBytes, type Setup } from "./host.ts"
import { parse, type ToParent } from "./messages.ts"
import { redact, tailOf } from "./tail.ts"
import * as Tree from "./tree.ts"

export const workerHost = (setup: Setup, listener: Listener): Host => {
  const { env, mark, memory, module, name } = setup
  const secrets = Object.values(env)
  const { port1: ours, port2: port } = new MessageChannel()
  let worker: Worker
  try {
    worker = new Worker(workerEntry, {
      workerData: { module, name, port },
      transferList: [port],
      env: environment(env, mark),
      stdin: false,
      stdout: true,
      stderr: true,
      ...(memory === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: memory } })
    })
  } catch (error) {
    ours.close()
    queueMicrotask(() => {
      listener.onEnd({ isStillborn: true, error: redact((error as Error).message, secrets) })
    })
    return { stdout: () => [], stderr: () => [], send: () => {}, kill: () => false }
  }
  const stdout = tailOf(worker.stdout, secrets)
  const stderr = tailOf(worker.stderr, secrets)
  let error: string | undefined
  let outOfMemory = false
  let hasExited = false
  let isKilled = false

  const receive = (line: string): void => {
    if (line.length > maxAnswerBytes) return listener.onTooLong()
    const message = parse<ToParent>(line)
    if (message !== undefined) listener.onMessage(message)
  }
  ours.on("message", receive)
  worker.on("error", (thrown: unknown) => {
    const { code } = thrown as { readonly code?: unknown }
    outOfMemory = code === "ERR_WORKER_OUT_OF_MEMORY"
    const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
    error = redact(text, secrets)
  })
  worker.once("exit", (exitCode) => {
    hasExited = true
    // what it said last may still lie there
    for (let next = receiveMessageOnPort(ours); next !== undefined; next = receiveMessageOnPort(ours)) {
      receive(next.message as string)
    }
    ours.close()
    const ended: Ended = {
      exitCode,
      ...(error === undefined ? {} : { error }),
      ...(outOfMemory ? { outOfMemory } : {})
    }
    const killing =
      isKilled || exitCode !== 0 ? Tree.kill({ pid: undefined, hasExited: () => true, mark }) : Promise.resolve(0)
    // what it printed last is read in this turn
    setImmediate(() => {
      void killing.then((others) => {
        listener.onEnd({ ...ended, killed: others + 1 })
      })
    })
  })

  return {
    stdout: stdout.lines,
    stderr: stderr.lines,
    send: (message) => {
      if (!hasExited) ours.postMessage(JSON.stringify(message))
    },
    kill: () => {
      if (hasExited) return false
      isKilled = true
      void worker.terminate()
      return true
    }
  }
}
