/**
 * Does what a behaviour says, and writes it down. There is one interpreter: a promise of the zoo is a detached fiber of its own, which
 * nobody can interrupt but its signal, so that virtual time drives it too.
 */
import { type Attempt, CallError, Commit, type Contract, Question, type Tool } from "@toolscope/core"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import * as Schema from "effect/Schema"
import * as Ledger from "../../Ledger.ts"
import { type Behaviour, behaviourOf, Broken, millisOf, Refused, type Script, type Step } from "./behaviour.ts"
import { type Pass, passOf, passPromise } from "./pass.ts"
import { answerProbe, undo } from "./undo.ts"

type Errors = Refused | Broken
type Info = Pick<Attempt.Attempt, "runId" | "call" | "attempt" | "idempotencyKey" | "spend">

interface Scene {
  readonly info: Info
  readonly behaviour: Behaviour
  readonly contract: Contract.Contract
  readonly write: Ledger.Writer
  readonly pass: Pass
  readonly isStopped: () => boolean
  /** The idempotency key of what it does to the world: that of the attempt, or of the effect at the gate. */
  readonly key: string
  /** It is a part of the handler: how it ends is not how the handler ends. */
  readonly isPart: boolean
  /** It has ended by itself: a stop that comes now ends nothing. */
  ended: boolean
}

const sceneOf = (
  script: Script,
  contract: Contract.Contract,
  info: Info,
  more: Pick<Scene, "isStopped" | "pass">
): Scene => {
  const write = Ledger.writerFor(info)
  write("began")
  const behaviour = behaviourOf(script, info.attempt)
  if (behaviour.spend !== undefined) info.spend(behaviour.spend)
  return { ...more, info, behaviour, contract, write, key: info.idempotencyKey, isPart: false, ended: false }
}

const wait = (time: number | string | undefined): Effect.Effect<void> => {
  const millis = millisOf(time)
  return millis === 0 ? Effect.void : Effect.sleep(millis)
}

const message = ({ info }: Scene, what: string): string => `${info.call} attempt ${info.attempt} ${what}`

/** Throws what a step that throws at once has to throw before the handler returns. */
const throwAtOnce = (on: Scene): void => {
  const { behaviour } = on
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
      if (!on.isPart) on.write("ended", error === undefined ? {} : { error })
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
      if (isTombstoned(on.key)) {
        on.write("refused", { key: on.key })
        const text = message(on, "came after its undo")
        return end(on, Effect.fail(new Refused({ message: text })), text)
      }
      on.write("committed", { key: on.key })
      return goOn()
    case "gate":
      return Effect.flatMap(throughGate(step, on), goOn)
    case "ask": {
      const { expires, must, times = 1 } = step
      const asked = Array.from({ length: times }, (_, i): Effect.Effect<unknown> => {
        const options = {
          prompt: `${info.call} asks for number ${i + 1}`,
          schema: Schema.Finite,
          ...(expires === undefined ? {} : { expires: millisOf(expires) })
        }
        return must === true ? Question.ask(options) : Question.askResult(options)
      })
      return Effect.flatMap(Effect.all(asked, { concurrency: "unbounded" }), goOn)
    }
    case "beside": {
      const { does = { then: "commit" }, next = { then: "answer" } } = step
      const parts = [perform(does, partOf(on)), perform(next, partOf(on))] as const
      return Effect.flatMap(Effect.all(parts, { concurrency: "unbounded" }), ([, value]) =>
        end(on, Effect.succeed(value))
      )
    }
    case "detach": {
      const { does = { ...(step.for === undefined ? {} : { after: step.for }), then: "commit" } } = step
      const write: Ledger.Writer = (what, more) => {
        on.write(what, { ...more, detached: true })
      }
      detached(perform(does, { ...partOf(on), write }))
      return goOn()
    }
    case "block":
      block(millisOf(step.for))
      return goOn()
  }
}

const partOf = (on: Scene): Scene => ({ ...on, isPart: true, ended: false })

/** The ledger of the present fiber holds the world of the zoo. */
const isTombstoned = (key: string): boolean => {
  const { records } = Ledger.current()
  return records.some(({ what }) => what === "undone") && Ledger.world(records).tombstones.has(key)
}

/** Passes the gate, if the runtime lets it; what happens there is written down under the key that it gives. */
const throughGate = (step: Step, on: Scene): Effect.Effect<unknown, Errors> => {
  const { behaviour, contract, info } = on
  // what the runtime has admitted is its own: nothing that passes is detached
  const write = Ledger.writerFor(info)
  const { probe, undo: undone } = behaviour
  return on.pass(
    (key) => {
      write("committing", { key, ...(on.isStopped() ? { stopped: true } : {}) })
      return atGate(step, { ...partOf(on), key, write })
    },
    {
      ...(step.timeout === undefined ? {} : { timeout: millisOf(step.timeout) }),
      ...(contract.effect !== "none" && contract.compensate === "atCommit"
        ? { compensate: ({ key }) => undo(undone, key, write) }
        : {}),
      ...(probe === undefined || (contract.effect !== "none" && contract.probe !== undefined)
        ? {}
        : { probe: ({ key }) => answerProbe(probe, key) })
    }
  )
}

const atGate = (step: Step, on: Scene): Effect.Effect<Schema.Json, Errors> => {
  const clock = Context.get(Fiber.getCurrent()!.context, Clock.Clock)
  const end = step.timeout === undefined ? Infinity : clock.currentTimeMillisUnsafe() + millisOf(step.timeout)
  return Effect.onExit(perform(step.does ?? { then: "commit" }, on), (exit) =>
    Effect.sync(() => {
      const isUp = clock.currentTimeMillisUnsafe() >= end
      const isCut = !on.ended && !isUp && Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
      on.write(isCut ? "cut" : "concluded", { key: on.key })
    })
  )
}

const detached = <A, E>(effect: Effect.Effect<A, E>, options?: Effect.RunOptions): Fiber.Fiber<A, E> =>
  Effect.runForkWith(Fiber.getCurrent()!.context)(effect, options)

const block = (millis: number): void => {
  const until = performance.now() + millis
  while (performance.now() < until);
}

/** What it does when it is stopped: `deaf`, it pays no heed; otherwise what `onStop` says, which by default is to end. */
const stoppable = (on: Scene): Effect.Effect<Schema.Json, Errors> => {
  const { behaviour } = on
  const body = Effect.onExit(perform(behaviour, on), (exit) =>
    Effect.sync(() => {
      // an error that a part of it had, or that the gate gave
      if (on.ended || Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return
      on.ended = true
      const error = Cause.squash(exit.cause)
      // it is no error of its own
      if (error instanceof CallError.CallError && error.reason._tag === "Denied") return on.write("ended")
      on.write("ended", { error: error instanceof Error ? error.message : String(error) })
    })
  )
  if (behaviour.deaf === true) return Effect.uninterruptible(body)
  const { after, then = "end" } = behaviour.onStop ?? {}
  const stopped = Effect.suspend((): Effect.Effect<unknown, Errors> => {
    switch (then) {
      case "commit":
        on.write("committed", { key: on.key })
        break
      case "gate":
        on.write("aborted")
        return throughGate({ then: "gate" }, on)
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
const withCleanup = (on: Scene): Effect.Effect<void> => {
  const { cleanup } = on.behaviour
  if (cleanup === undefined) return Effect.void
  const finalizer = Effect.suspend((): Effect.Effect<unknown> => {
    if (cleanup.then === "never") return Effect.never
    if (cleanup.then === "gate") {
      on.write("cleaned")
      return Effect.orDie(throughGate({ then: "gate" }, on))
    }
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
  (contract: Contract.Contract, current: () => Attempt.Attempt) =>
  (script: Script): Effect.Effect<Schema.Json, Errors> => {
    const attempt = current()
    const isStopped = () => attempt.stopping() !== undefined
    const on = sceneOf(script, contract, attempt, { isStopped, pass: passOf(Commit.run) })
    throwAtOnce(on)
    return Effect.andThen(withCleanup(on), stoppable(on))
  }

/** The function of a tool that is a promise. */
export const asPromise =
  (contract: Contract.Contract) =>
  (script: Script, { commit, signal, ...info }: Tool.PromiseContext): Promise<Schema.Json> => {
    const isStopped = () => signal.aborted
    const on = sceneOf(script, contract, info, { isStopped, pass: passPromise(commit, signal) })
    const { behaviour } = on
    throwAtOnce(on)
    const worker = detached(stoppable(on), behaviour.deaf === true ? {} : { signal })
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
