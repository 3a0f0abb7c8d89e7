/**
 * One run of a sweep: setup, then the program interrupted at one step (or at none), then the invariant; all in a world of its own.
 *
 * A step is a moment at which another fiber could interrupt: before each operation of each fiber of the program, and each time that
 * the program waits.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import { seeded } from "../simulation/random.ts"
import { Steps } from "../simulation/steps.ts"
import { inOrder } from "../simulation/strategy.ts"
import { type Hang, World } from "../simulation/world.ts"

/** Where the interruption came. */
export interface Moment {
  /** 0: the program was not interrupted. */
  readonly step: number
  readonly where: "operation" | "wait" | "nowhere"
  /** Milliseconds since the program began. */
  readonly time: number
}

export interface Subject {
  readonly setup: Effect.Effect<unknown, unknown, any>
  readonly program: (env: any) => Effect.Effect<unknown, unknown, any>
  readonly invariant: (env: any, exit: Exit.Exit<any, any>, moment: Moment) => Effect.Effect<unknown, unknown, any>
}

export interface Settings {
  readonly clock: "virtual" | "live"
  readonly patience: number | undefined
  readonly seed: string | number
}

export type Ended =
  | { readonly type: "held" | "setup" | "invariant"; readonly exit: Exit.Exit<unknown, unknown> }
  | { readonly type: "hung"; readonly during: "setup" | "program" | "invariant" | "teardown"; readonly hang: Hang }

export interface Run {
  readonly ended: Ended
  readonly moment: Moment
  /** Steps that the program took. */
  readonly steps: number
}

/** Half steps count the moments inside an operation: after it has run, before what follows it. */
export const once = async (
  subject: Subject,
  target: number,
  settings: Settings,
  outer: Context.Context<any>,
  signal: AbortSignal
): Promise<Run> => {
  let began = 0
  let moment: Moment = { step: 0, where: "nowhere", time: 0 }
  let interrupt = () => {}
  const steps = new Steps(inOrder, {
    target,
    reached: (where) => {
      moment = { step: target, where: where === "wait" ? where : "operation", time: world.now - began }
      // a fiber that is about to run an operation waits until the interruption has been there
      if (where === "operation") world.first(interrupt)
      else interrupt()
    }
  })
  const world = new World({
    strategy: steps.strategy,
    onTurn: steps.onTurn,
    clock: settings.clock,
    ...(settings.patience === undefined ? {} : { patience: settings.patience }),
    signal
  })
  const scope = Scope.makeUnsafe()
  const context = Context.add(Context.add(outer, Random.Random, seeded(settings.seed)), Scope.Scope, scope)
  const finish = (ended: Ended): Run => ({ ended, moment, steps: steps.count })
  const hung = (during: Extract<Ended, { during: string }>["during"], hang: Hang) =>
    finish({ type: "hung", during, hang })

  const env = await world.runToEnd(subject.setup, context)
  if (typeof env === "string") return hung("setup", env)
  if (Exit.isFailure(env)) return finish({ type: "setup", exit: env })

  const program = world.spawn(
    Effect.withFiber((fiber) => {
      interrupt = () => {
        fiber.interruptUnsafe()
      }
      began = world.now
      steps.armed = true
      return Effect.scoped(Effect.suspend(() => subject.program(env.value)))
    }),
    context
  )
  const hang = await world.run(() => program.exit !== undefined)
  steps.armed = false
  if (hang !== undefined) return hung("program", hang)

  const checked = await world.runToEnd(
    Effect.suspend(() => subject.invariant(env.value, program.exit!, moment)),
    context
  )
  if (typeof checked === "string") return hung("invariant", checked)
  const closed = await world.runToEnd(Scope.close(scope, checked), context)
  if (typeof closed === "string") return hung("teardown", closed)
  return finish({ type: Exit.isFailure(checked) ? "invariant" : "held", exit: checked })
}
