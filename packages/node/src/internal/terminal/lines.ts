/**
 * Lines that a person types, read with Node's `readline`: nothing else here knows of it.
 *
 * On a terminal each line has an interface of its own: given up, it takes what was typed with it, and the terminal is as it was. What comes
 * within the first moment is dropped: it was typed before anybody could have read what it would answer. From a pipe every line counts.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import { createInterface, type Interface } from "node:readline"
import type { Readable, Writable } from "node:stream"

/** Milliseconds. After something else has been taken away, who was typing has to have noticed. */
const settling = { usual: 50, afterChange: 500 }

export interface Lines {
  /** The next line; nothing at the end of the input, which on a terminal (Ctrl-D) is the end of this line only. */
  readonly next: (hasChanged: boolean, prompt: () => string) => Effect.Effect<Option.Option<string>>
}

const isTty = (stream: object): boolean => (stream as { readonly isTTY?: boolean }).isTTY === true

export const make = (input: Readable, output: Writable): Effect.Effect<Lines, never, Scope.Scope> =>
  isTty(input) && isTty(output) ? Effect.succeed(ofTerminal(input, output)) : ofPipe(input, output)

const ofTerminal = (input: Readable, output: Writable): Lines => ({
  next: (hasChanged, prompt) =>
    Effect.scoped(
      Effect.gen(function* () {
        const reader = yield* open(input, output, true)
        const ended = { already: false }
        reader.once("close", () => {
          ended.already = true
        })
        // in raw mode Ctrl-C is a character
        reader.on("SIGINT", () => {
          process.kill(process.pid, "SIGINT")
        })
        yield* Effect.sleep(hasChanged ? settling.afterChange : settling.usual)
        if (ended.already) return Option.none()
        reader.write(null, { ctrl: true, name: "u" })
        reader.setPrompt(prompt())
        reader.prompt()
        return yield* line(reader)
      })
    )
})

const ofPipe = (input: Readable, output: Writable): Effect.Effect<Lines, never, Scope.Scope> =>
  Effect.gen(function* () {
    const queue = yield* Queue.unbounded<string, Cause.Done>()
    const scope = yield* Effect.scope
    let isOpen = false
    return {
      next: (_, prompt) =>
        Effect.gen(function* () {
          if (!isOpen) {
            isOpen = true
            const reader = yield* Effect.provideService(open(input, output, false), Scope.Scope, scope)
            reader.on("line", (text) => void Queue.offerUnsafe(queue, text))
            reader.on("close", () => void Queue.endUnsafe(queue))
          }
          output.write(prompt())
          const found = yield* Effect.option(Queue.take(queue))
          output.write("\n")
          return found
        })
    }
  })

const open = (input: Readable, output: Writable, terminal: boolean): Effect.Effect<Interface, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => createInterface({ input, output, terminal, historySize: 0, prompt: "" })),
    (reader) =>
      Effect.sync(() => {
        reader.close()
      })
  )

const line = (reader: Interface): Effect.Effect<Option.Option<string>> =>
  Effect.callback((resume) => {
    const onLine = (text: string) => {
      resume(Effect.succeed(Option.some(text)))
    }
    const onClose = () => {
      resume(Effect.succeed(Option.none()))
    }
    reader.once("line", onLine).once("close", onClose)
    return Effect.sync(() => {
      reader.off("line", onLine).off("close", onClose)
    })
  })
