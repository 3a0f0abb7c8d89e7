/**
 * The gate: the one place where a tool that marks its commits changes the world. Intent and undo are recorded first; then the fence is
 * looked at and the effect started in one piece of synchronous code. What has passed runs in a fiber of its own, which no stop reaches.
 *
 * It never starts an effect after a stop has been asked for, and never forgets one that it started.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { CallError, ContractViolation, NotRepeated, TimedOut } from "../CallError.ts"
import type { Options } from "../Commit.ts"
import * as Contract from "../Contract.ts"
import type { RunningAttempt } from "./attempt.ts"
import type { CallState } from "./call.ts"
import type { EffectRecord } from "./effects.ts"
import type { Recorder } from "./recorder.ts"

/** Does this fiber run an effect that has passed the gate? */
export const IsAtGate: Context.Reference<boolean> = Context.Reference<boolean>("@toolscope/core/internal/IsAtGate", {
  defaultValue: () => false
})

/** What is to pass: the effect, given its idempotency key. */
export type Forward = (key: string) => Effect.Effect<unknown, unknown>

interface Host {
  /** What idempotency keys begin with. */
  readonly keys: string
  readonly recorder: Recorder
  /** Shared with the fan-outs around and inside of this one, so that undo can go through all of them. */
  readonly order: { next: number }
  readonly callOf: (attempt: RunningAttempt) => CallState
  /** Hands over a stop that somebody has asked for, and that nobody has delivered yet. */
  readonly takeStop: () => void
}

export class Gate {
  private readonly host: Host

  constructor(host: Host) {
    this.host = host
  }

  /** A number for the order of all effects of the fan-out. */
  nextOrder(): number {
    return this.host.order.next++
  }

  /** The effect's own exit, once its state is known and recorded. Refused by a stop, it interrupts. */
  run(attempt: RunningAttempt, forward: Forward, options: Options<any, any, any>): Effect.Effect<unknown, unknown> {
    const { keys, recorder } = this.host
    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const call = this.host.callOf(attempt)
        const ordinal = attempt.commits++
        const key = call.key(ordinal, keys)
        const refuse = (reason: "stop" | "journal" | "contract") => {
          recorder.effectRefused(call, attempt, key, reason)
        }
        const violated = (rule: ContractViolation["rule"]) => {
          refuse("contract")
          return Effect.die(new CallError({ reason: new ContractViolation({ rule }) }))
        }
        const violation = violationOf(attempt, options)
        if (violation !== undefined) return violated(violation)
        const before = call.effects.find((effect) => effect.key === key && effect.isReplayed)
        // what happened before a resume is not done again, nor what may have and must not be repeated
        if (before === undefined || (before.state !== "committed" && Contract.mayRepeat(call.spec.contract, true)))
          recorder.effectIntended(call, attempt, key)
        const admitted = Effect.onExit(Effect.orDie(restore(recorder.flush)), (exit) =>
          Effect.sync(() => {
            if (exit._tag === "Failure") refuse(Cause.hasInterruptsOnly(exit.cause) ? "stop" : "journal")
          })
        )
        return Effect.flatMap(admitted, () =>
          Effect.withFiber((fiber) => {
            this.host.takeStop()
            if (!attempt.fenceIsOpen) {
              refuse("stop")
              return Effect.interrupt
            }
            // what the handler let go may have waited for the journal longer than the handler
            if (hasEnded(attempt)) return violated("hasEnded")
            const record = call.effect(ordinal, keys)
            const { context } = fiber
            record.undo = undoOf(call, key, options, context)
            record.undoIsOfContract = options.compensate === undefined
            if (record.isReplayed) {
              record.isReplayed = false
              if (record.state === "committed") return Effect.succeed(Option.getOrUndefined(record.value))
              if (!Contract.mayRepeat(call.spec.contract, true))
                return Effect.die(new CallError({ reason: new NotRepeated({ key }) }))
            }
            record.pass(this.nextOrder())
            const passed = attempt.passes()
            // begun here: no scheduler comes between the look at the fence and this
            const own = Effect.runForkWith(Context.add(context, IsAtGate, true))(begin(forward, key))
            return Effect.ensuring(
              Effect.flatMap(ended(own, options.timeout), (exit) =>
                this.conclude(attempt, call, record, exit, options)
              ),
              Effect.sync(passed)
            )
          })
        )
      })
    )
  }

  private conclude(
    attempt: RunningAttempt,
    call: CallState,
    record: EffectRecord,
    exit: Exit.Exit<unknown, unknown>,
    options: Options<any, any, any>
  ): Effect.Effect<unknown, unknown> {
    const { recorder } = this.host
    // its fate was settled when it was left behind; what comes now is journaled as late
    if (attempt.leftBehind) return exit
    if (exit._tag === "Success") {
      record.end("committed", Option.some(exit.value))
      recorder.effectState(call, record)
      return Effect.andThen(Effect.ignore(recorder.flush), exit)
    }
    if (saysNothing(call, exit)) {
      record.end("absent", Option.none())
      recorder.effectRefused(call, attempt, record.key, "failure")
      return exit
    }
    const { contract, params } = call.spec
    // only what acts has passed
    const probe = (options.probe as Contract.Probe | undefined) ?? (contract as Contract.Acting).probe
    if (probe === undefined) {
      record.end("unknown", Option.none())
      recorder.effectState(call, record)
      return exit
    }
    return Effect.flatMap(asks(probe, { key: record.key, params, value: Option.none() }), (happened) => {
      if (attempt.leftBehind) return exit
      recorder.effectProbed(call, record.key, happened)
      const state = Option.isNone(happened) ? "unknown" : happened.value ? "committed" : "absent"
      record.end(state, Option.none())
      if (state === "absent") recorder.effectRefused(call, attempt, record.key, "probe")
      else recorder.effectState(call, record)
      return exit
    })
  }
}

/** Asks a probe: did it happen? `None` if it cannot say. */
export const asks = (probe: Contract.Probe, done: Contract.Done): Effect.Effect<Option.Option<boolean>> =>
  Effect.map(Effect.exit(Effect.suspend(() => probe(done))), (exit): Option.Option<boolean> =>
    exit._tag === "Success" ? Option.some(exit.value) : Option.none()
  )

const violationOf = (
  attempt: RunningAttempt,
  options: Options<any, any, any>
): ContractViolation["rule"] | undefined => {
  const { contract } = attempt.spec
  if (contract.effect === "none") return "readsOnly"
  if (contract.commit !== "marked") return "commitsAtStart"
  if (contract.compensate === "atCommit" && options.compensate === undefined) return "undoIsMissing"
  return hasEnded(attempt) ? "hasEnded" : undefined
}

const hasEnded = (attempt: RunningAttempt): boolean => attempt.ended || attempt.body !== undefined

const begin = (forward: Forward, key: string): ReturnType<Forward> => {
  try {
    return forward(key)
  } catch (defect) {
    return Effect.die(defect)
  }
}

/** How the effect will be undone: as the commit says, else as the contract does. Its services are those of the commit. */
const undoOf = (
  call: CallState,
  key: string,
  { compensate }: Options<any, any, any>,
  context: Context.Context<never>
): EffectRecord["undo"] => {
  const { contract, params } = call.spec
  // where the contract says "atCommit", the commit says how
  const undo = (compensate ?? (contract as Contract.Acting).compensate) as Contract.Compensate | undefined
  if (undo === undefined) return undefined
  return (value) =>
    Effect.updateContext(
      Effect.suspend(() => undo({ key, params, value })),
      (own: Context.Context<Scope.Scope>) =>
        Context.add(Context.merge(own, context), Scope.Scope, Context.get(own, Scope.Scope))
    )
}

/** By the contract, does this failure mean that nothing happened? */
const saysNothing = (call: CallState, exit: Exit.Failure<unknown, unknown>): boolean => {
  const { reasons } = exit.cause
  // what went wrong beside it may have come later
  if (reasons.length !== 1) return false
  const [reason] = reasons as [Cause.Reason<unknown>]
  return Cause.isFailReason(reason) && !Contract.mayHaveActed(call.spec.contract, reason.error)
}

/** Waits for the effect; at a bound of its own it is interrupted, and waited for all the same. */
const ended = (
  own: Fiber.Fiber<unknown, unknown>,
  timeout: Options<any, any, any>["timeout"]
): Effect.Effect<Exit.Exit<unknown, unknown>> => {
  if (timeout === undefined) return Fiber.await(own)
  return Effect.flatMap(Effect.timeoutOption(Fiber.await(own), timeout), (exit) => {
    if (Option.isSome(exit)) return Effect.succeed(exit.value)
    own.interruptUnsafe()
    return Effect.map(Fiber.await(own), (exit) =>
      exit._tag === "Failure" && Cause.hasInterruptsOnly(exit.cause)
        ? Exit.die(new CallError({ reason: new TimedOut({ millis: Duration.toMillis(timeout) }) }))
        : exit
    )
  })
}
