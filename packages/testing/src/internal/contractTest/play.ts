/**
 * Runs a tool once, through a fan-out, and stops it where it is told to: before an operation of the tool, while it waits, or at a time.
 * It writes down when the stop came, when the tool ended, and what the journal said meanwhile.
 */
import { Attempt, Contract, Fanout, Journal, Plan, Quarantine, type Report, type Tool } from "@toolscope/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { Steps } from "../simulation/steps.ts"
import { inOrder } from "../simulation/strategy.ts"
import type { Running, World } from "../simulation/world.ts"
import { ContractTestError } from "./error.ts"

/** Where a tool is to be stopped: at a step, or at a time. */
export type Stop = { readonly type: "step"; readonly step: number } | { readonly type: "time"; readonly millis: number }

/** Where a tool was stopped. */
export interface Moment {
  /** Counted from 1; absent where it was stopped at a time. */
  readonly step?: number
  readonly where: "operation" | "wait" | "time"
  /** Milliseconds after its start. */
  readonly millis: number
}

export interface How {
  /** Default: it is not stopped. */
  readonly stop?: Stop
  /** What it did is undone when it has ended. */
  readonly undo?: boolean
  readonly key?: string
  readonly params?: unknown
  /** Looks at the world each time that the tool comes to its gate, and has passed it. */
  readonly watchGate?: boolean
}

/** What the world held when the tool came to its gate, or had passed it; `alone`: no other commit was under way. */
export interface GateLook {
  readonly at: "intended" | "committed"
  readonly alone: boolean
  readonly held: unknown
}

export interface Played {
  readonly call: Report.CallReport
  /** Where it was stopped; nothing if it was not, or had ended before. */
  readonly moment: Moment | undefined
  /** From the signal to its end, in milliseconds; nothing if it was not stopped, or had not ended at its bound. */
  readonly took: number | undefined
  /** From its start to its end, in milliseconds. */
  readonly lasted: number
  readonly steps: number
  /** The steps and times at which it came to a gate, or had passed it. */
  readonly gate: ReadonlyArray<{ readonly step: number; readonly millis: number }>
  /** Has an effect passed the gate, that nobody said had not happened? */
  readonly passed: boolean
  /** Was its probe asked? */
  readonly probed: boolean
  /** Was the stop before the gate, while an effect ran in it, or after? */
  readonly phase: "before" | "inside" | "after"
  readonly looks: ReadonlyArray<GateLook>
}

export interface Scene {
  readonly world: World
  readonly context: Context.Context<any>
  /** What the tool requires. */
  readonly services: Context.Context<any>
  readonly tool: Tool.Any
  readonly params: unknown
  readonly look: Effect.Effect<unknown, ContractTestError, any>
  readonly within: number
  readonly key: string
  /** Milliseconds, of the clock that the tool runs by. */
  readonly now: () => number
}

/** Keeps an `atomic` open until it is stopped. */
const holds = Plan.effect(Effect.never, Contract.readOnly)

/** Effects that came to the gate, and what became of them. */
const isFate = (type: Journal.Event["type"]): boolean =>
  type === "effect.committed" || type === "effect.unknown" || type === "effect.refused"

export class Player {
  readonly quarantine = Quarantine.make()
  private readonly scene: Scene
  private take: Take | undefined

  constructor(scene: Scene) {
    this.scene = scene
  }

  /** Only the tool's own fibers are counted, and stopped at: not those of the fan-out. */
  shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    const steps = this.take?.steps
    if (steps?.armed !== true) return inOrder.shouldYield(fiber)
    const call = Context.get(fiber.context, Attempt.Current)?.call
    return (call === undefined || call === "/holds" ? inOrder : steps.strategy).shouldYield(fiber)
  }

  onTurn(): void {
    this.take?.steps.onTurn()
  }

  readonly play = (how: How): Effect.Effect<Played, ContractTestError, any> =>
    Effect.suspend(() => {
      const take = new Take(this.scene, how)
      this.take = take
      return take.run(this.quarantine)
    })
}

/** One run of the tool. */
class Take {
  readonly steps: Steps
  private readonly scene: Scene
  private readonly how: How
  private readonly events: Array<Journal.Event> = []
  private readonly gate: Array<{ readonly step: number; readonly millis: number }> = []
  private readonly looks: Array<GateLook> = []
  private handle: Fanout.Handle<unknown, unknown> | undefined
  private alarm: Running<void, never> | undefined
  private beganAt = 0
  private endedAt: number | undefined
  private stoppedAt: number | undefined
  private moment: Moment | undefined
  private phase: Played["phase"] = "before"

  constructor(scene: Scene, how: How) {
    this.scene = scene
    this.how = how
    const { stop } = how
    this.steps = new Steps(inOrder, {
      target: stop?.type === "step" ? stop.step : 0,
      reached: (where) => {
        // a fiber that is about to run an operation waits until the stop has been there
        if (where === "wait") this.stop("wait")
        else {
          scene.world.first(() => {
            this.stop("operation")
          })
        }
      }
    })
  }

  run(quarantine: Quarantine.Quarantine): Effect.Effect<Played, ContractTestError, any> {
    const { how, scene } = this
    const { key = scene.key, params = scene.params } = how
    const call = Plan.call(scene.tool as Tool.Tool<string, unknown, unknown, unknown, any>, params, {
      idempotencyKey: key,
      retry: 0
    })
    const plan: Plan.Plan<unknown, unknown, any> =
      how.undo === true ? Plan.atomic(Plan.all({ tool: call, holds })) : call
    const limits = { drain: scene.within, runId: "contract-test" }
    const fanout = Effect.flatMap(Fanout.start(plan, limits), (handle) => {
      this.handle = handle
      if (this.stoppedAt !== undefined) this.deliver()
      return handle.report
    })
    return Effect.scoped(fanout).pipe(
      Effect.provideService(Journal.Current, Journal.make({ write: this.write, flush: this.flush })),
      Effect.provideService(Quarantine.Current, quarantine),
      Effect.provideContext(scene.services),
      Effect.catchTag("PlanError", ({ faults }) =>
        Effect.fail(
          new ContractTestError({
            reason: {
              _tag: "Refused",
              faults: faults.map(({ _tag, message, pointer }) => `${pointer}: ${_tag}: ${message}`)
            }
          })
        )
      ),
      Effect.map((report) => this.played(report))
    )
  }

  private played(report: Report.Report): Played {
    const call = report.calls[0]!
    const { beganAt, endedAt = this.scene.now(), moment, stoppedAt } = this
    return {
      call,
      moment,
      took: moment === undefined || call.leftBehind ? undefined : endedAt - stoppedAt!,
      lasted: endedAt - beganAt,
      steps: this.steps.count,
      gate: this.gate,
      passed: this.events.some(({ type }) => type === "effect.committed" || type === "effect.unknown"),
      probed: this.events.some(({ type }) => type === "effect.probed"),
      phase: this.phase,
      looks: this.looks
    }
  }

  private readonly write = (event: Journal.Event): void => {
    this.events.push(event)
    if (!("call" in event) || event.call === "/holds") return
    const { how, scene, steps } = this
    if (event.type === "attempt.started") {
      this.beganAt = scene.now()
      steps.armed = true
      if (how.stop?.type === "time") this.setAlarm(how.stop.millis)
    } else if (event.type === "attempt.ended" || event.type === "attempt.leftBehind") {
      this.endedAt = scene.now()
      steps.armed = false
      this.alarm?.fiber?.interruptUnsafe()
      // nothing else ends what holds the atomic open
      if (how.undo === true && this.stoppedAt === undefined) {
        scene.world.first(() => {
          this.deliver()
        })
      }
    } else if (event.type === "effect.intended" || (isFate(event.type) && this.endedAt === undefined)) {
      this.gate.push({ step: steps.count, millis: scene.now() - this.beganAt })
    }
  }

  /** How many effects are at the gate, or in it. */
  private get underWay(): number {
    let count = 0
    for (const { type } of this.events) {
      if (type === "effect.intended") count++
      else if (isFate(type)) count--
    }
    return count
  }

  /** The runtime waits for it before an effect passes the gate, and once it has: then the world can be looked at. */
  private readonly flush = Effect.suspend(() => {
    const { looks, scene } = this
    const at = this.events.at(-1)?.type
    if (this.how.watchGate !== true || this.endedAt !== undefined) return Effect.void
    if (at !== "effect.intended" && at !== "effect.committed") return Effect.void
    const alone = this.underWay === (at === "effect.intended" ? 1 : 0)
    return Effect.orDie(
      Effect.map(scene.look, (held) => {
        looks.push({ at: at === "effect.intended" ? "intended" : "committed", alone, held })
      })
    ) as Effect.Effect<void>
  })

  private setAlarm(millis: number): void {
    const { context, world } = this.scene
    const ring = Effect.sync(() => {
      this.stop("time")
    })
    this.alarm = world.spawn(Effect.andThen(Effect.sleep(millis), ring), context as Context.Context<never>)
  }

  private stop(where: Moment["where"]): void {
    // it may have ended while the stop was on its way
    if (this.stoppedAt !== undefined || this.endedAt !== undefined) return
    const { how, scene } = this
    this.stoppedAt = scene.now()
    this.moment = {
      ...(how.stop?.type === "step" ? { step: how.stop.step } : {}),
      where,
      millis: this.stoppedAt - this.beganAt
    }
    const came = this.events.some(({ type }) => type === "effect.intended")
    this.phase = this.underWay > 0 ? "inside" : came ? "after" : "before"
    if (this.handle !== undefined) this.deliver()
  }

  private deliver(): void {
    const { context, world } = this.scene
    Effect.runForkWith(world.context(context as Context.Context<never>))(
      this.handle!.stop("its contract is being tested")
    )
  }
}
