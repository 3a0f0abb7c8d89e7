/**
 * Does what a behaviour says, and writes it down. There is one interpreter: a promise of the zoo is a detached fiber of its own, which
 * nobody can interrupt but its signal, so that virtual time drives it too.
 */
import type { Attempt, Tool } from "@toolscope/core"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import type * as Schema from "effect/Schema"
import * as Ledger from "../../Ledger.ts"
import { type Behaviour, behaviourOf, Broken, millisOf, Refused, type Script, type Step } from "./behaviour.ts"

type Errors = Refused | Broken
type Info = Pick<Attempt.Attempt, "runId" | "call" | "attempt" | "idempotencyKey">

interface Scene {
  readonly info: Info
  readonly write: Ledger.Writer
  /** It has ended by itself: a stop that comes now ends nothing. */
  ended: boolean
}

const scene = (info: Info): Scene => {
  const write = Ledger.writerFor(info)
  write("began")
  return { info, write, ended: false }
}

const wait = (time: number | string | undefined): Effect.Effect<void> => {
  const millis = millisOf(time)
  return millis === 0 ? Effect.void : Effect.sleep(millis)
}

const message = ({ info }: Scene, what: string): string => `${info.call} attempt ${info.attempt} ${what}`

/** Throws what a step that throws at once has to throw before the handler returns. */
const throwAtOnce = (behaviour: Behaviour, on: Scene): void => {
  if (behaviour.then === "throw" && millisOf(behaviour.after) === 0) {
    const text = message(on, "threw")
    on.write("ended", { error: text })
    throw new Error(text)
  }
}

/** The record and the end are one step: no other fiber comes between them. */
const end = <A, E>(on: Scene, result: Effect.Effect<A, E>, error?: string): Effect.Effect<A, E> =>
  Effect.provideService(
    Effect.suspend(() => {
      on.ended = true
      on.write("ended", error === undefined ? {} : { error })
      return result
    }),
    Scheduler.PreventSchedulerYield,
    true
  )

const perform = (step: Step, on: Scene): Effect.Effect<Schema.Json, Errors> => {
  const act = Effect.suspend(() => performNow(step, on))
  return millisOf(step.after) === 0 ? act : Effect.andThen(wait(step.after), act)
}

const performNow = (step: Step, on: Scene): Effect.Effect<Schema.Json, Errors> => {
  const { info } = on
  const value = step.value ?? `${info.call}#${info.attempt}`
  const goOn = () => (step.next === undefined ? end(on, Effect.succeed(value)) : perform(step.next, on))
  switch (step.then) {
    case "answer":
      return end(on, Effect.succeed(value))
    case "refuse":
    case "fail": {
      const text = message(on, step.then === "refuse" ? "refused" : "failed")
      return end(on, Effect.fail(new (step.then === "refuse" ? Refused : Broken)({ message: text })), text)
    }
    case "die":
    case "throw": {
      const text = message(on, step.then === "die" ? "died" : "threw")
      return end(on, Effect.die(new Error(text)), text)
    }
    case "interrupt":
      return end(on, Effect.interrupt)
    case "malformed":
      return end(on, Effect.succeed((() => "a function is no JSON") as never))
    case "twice":
      return end(
        on,
        Effect.callback<Schema.Json>((resume) => {
          resume(Effect.succeed(value))
          resume(Effect.succeed("a second answer"))
        })
      )
    case "flood":
      return end(
        on,
        Effect.sync(() => Array.from({ length: step.items ?? 10_000 }, (_, i) => `item ${i} of ${info.call}`))
      )
    case "never":
      return Effect.never
    case "commit":
      on.write("committed")
      return goOn()
    case "detach":
      detached(Effect.map(wait(step.for), () => on.write("committed", { detached: true })))
      return goOn()
    case "block":
      block(millisOf(step.for))
      return goOn()
  }
}

const detached = <A, E>(effect: Effect.Effect<A, E>, options?: Effect.RunOptions): Fiber.Fiber<A, E> =>
  Effect.runForkWith(Fiber.getCurrent()!.context)(effect, options)

const block = (millis: number): void => {
  const until = performance.now() + millis
  while (performance.now() < until);
}

/** What it does when it is stopped: `deaf`, it pays no heed; otherwise what `onStop` says, which by default is to end. */
const stoppable = (
  behaviour: Behaviour,
  on: Scene,
  body: Effect.Effect<Schema.Json, Errors>
): Effect.Effect<Schema.Json, Errors> => {
  if (behaviour.deaf === true) return Effect.uninterruptible(body)
  const { after, then = "end" } = behaviour.onStop ?? {}
  const stopped = Effect.suspend((): Effect.Effect<void, Errors> => {
    switch (then) {
      case "commit":
        on.write("committed")
        break
      case "fail":
      case "die": {
        const error = message(on, then === "fail" ? "failed as it was stopped" : "died as it was stopped")
        on.write("aborted", { error })
        return then === "fail" ? Effect.fail(new Broken({ message: error })) : Effect.die(new Error(error))
      }
      case "never":
        return Effect.never
    }
    on.write("aborted")
    return Effect.void
  })
  return Effect.onInterrupt(body, () => (on.ended ? Effect.void : Effect.andThen(wait(after), stopped)))
}

/** A finalizer in the scope of the attempt: it runs when the handler has ended, and cannot change how. */
const withCleanup = ({ cleanup }: Behaviour, on: Scene): Effect.Effect<void> => {
  if (cleanup === undefined) return Effect.void
  const finalizer = Effect.suspend(() => {
    if (cleanup.then === "never") return Effect.never
    const failed = cleanup.then === "die"
    const error = message(on, "died in its cleanup")
    on.write("cleaned", failed ? { error } : {})
    return failed ? Effect.die(new Error(error)) : Effect.void
  })
  // the runtime gives every attempt a scope; the type of a handler need not say so
  return Effect.addFinalizer(() => Effect.andThen(wait(cleanup.after), finalizer)) as Effect.Effect<void>
}

/** The handler of a tool that is an Effect. */
export const asEffect =
  (current: () => Attempt.Attempt) =>
  (script: Script): Effect.Effect<Schema.Json, Errors> => {
    const attempt = current()
    const behaviour = behaviourOf(script, attempt.attempt)
    const on = scene(attempt)
    throwAtOnce(behaviour, on)
    return Effect.andThen(withCleanup(behaviour, on), stoppable(behaviour, on, perform(behaviour, on)))
  }

/** The function of a tool that is a promise. */
export const asPromise = (script: Script, { signal, ...info }: Tool.PromiseContext): Promise<Schema.Json> => {
  const behaviour = behaviourOf(script, info.attempt)
  const on = scene(info)
  throwAtOnce(behaviour, on)
  const body = stoppable(behaviour, on, perform(behaviour, on))
  const worker = detached(body, behaviour.deaf === true ? {} : { signal })
  return new Promise((resolve, reject) => {
    worker.addObserver((exit) => {
      if (Exit.isSuccess(exit)) {
        resolve(exit.value)
        if (behaviour.then === "twice") resolve("a second answer")
      } else if (Cause.hasInterruptsOnly(exit.cause)) {
        if (signal.aborted && behaviour.onStop?.then === "answer") resolve(`${info.call}#${info.attempt}`)
        else reject(new DOMException("This operation was aborted", "AbortError"))
      } else {
        const reason = exit.cause.reasons.find((r) => !Cause.isInterruptReason(r))!
        reject(Cause.isFailReason(reason) ? reason.error : Cause.isDieReason(reason) ? reason.defect : reason)
      }
    })
  })
}
