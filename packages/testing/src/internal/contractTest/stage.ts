/**
 * A **stage**: one fresh world of the user, and a scheduler and a clock of its own, in which the tool is run as often as a check needs.
 * Nothing that happens on one stage reaches another, as far as the user's world is really fresh.
 *
 * It runs the tool through a fan-out, and never touches its handler: what is tested is what a user gets.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import type { Contract, Tool } from "@toolscope/core"
import { seeded } from "../simulation/random.ts"
import { inOrder } from "../simulation/strategy.ts"
import { World } from "../simulation/world.ts"
import { ContractTestError, worldFailed } from "./error.ts"
import { type How, type Played, Player } from "./play.ts"

/** What the user gave, defaults filled in; durations in milliseconds. */
export interface Subject {
  readonly tool: Tool.Any | ((world: any) => Tool.Any)
  readonly params: unknown
  readonly world: {
    readonly make: Effect.Effect<any, unknown, any>
    readonly layer?: (world: any) => Layer.Layer<any, unknown, any>
    readonly look: (world: any) => Effect.Effect<unknown, unknown, any>
    readonly key?: (world: any) => string
    readonly refusesAfterUndo?: boolean
  }
  readonly failures: { readonly [tag: string]: Provocation | "believed" }
  readonly clock: "live" | "test"
  /** Default: by the contract. */
  readonly within: number | undefined
  readonly settle: number
  readonly stops: number
}

/** How an error is brought about. */
export interface Provocation {
  readonly params?: unknown
  readonly world?: (world: any) => Effect.Effect<unknown, unknown, any>
}

/** What the world held, copied: what it holds later changes no snapshot. */
export type Snapshot = unknown

export interface Stage {
  readonly world: any
  readonly tool: Tool.Any
  /** The idempotency key of the call, unless it is given another. */
  readonly key: string
  /** How long it may take to end. */
  readonly within: number
  readonly look: Effect.Effect<Snapshot, ContractTestError, any>
  /** Runs the tool once. */
  readonly play: (how: How) => Effect.Effect<Played, ContractTestError, any>
  /** Lets what nobody waits for happen. */
  readonly settle: Effect.Effect<void>
  /** Waits for what was left behind, for a while, so that it does not reach into the next world. */
  readonly leave: Effect.Effect<void>
}

/** How long nothing at all may happen by the real clock: far longer than any timeout, and still an end. */
const livePatience = 300_000

/** Runs `script` on a stage of its own. */
export const onStage = <A>(
  subject: Subject,
  script: (stage: Stage) => Effect.Effect<A, ContractTestError, any>
): Effect.Effect<A, ContractTestError, any> =>
  Effect.flatMap(Effect.context<any>(), (outer) =>
    Effect.flatten(Effect.promise((signal) => run(subject, script, outer, signal)))
  )

const run = async <A>(
  subject: Subject,
  script: (stage: Stage) => Effect.Effect<A, ContractTestError, any>,
  outer: Context.Context<any>,
  signal: AbortSignal
): Promise<Exit.Exit<A, ContractTestError>> => {
  const isLive = subject.clock === "live"
  let player: Player | undefined
  const world = new World({
    strategy: {
      pick: inOrder.pick,
      shouldYield: (fiber) => player?.shouldYield(fiber) ?? inOrder.shouldYield(fiber)
    },
    onTurn: () => {
      player?.onTurn()
    },
    clock: isLive ? "live" : "virtual",
    ...(isLive ? { patience: livePatience, maxTasks: 5_000_000 } : {}),
    signal
  })
  const scope = Scope.makeUnsafe()
  const context = Context.add(Context.add(outer, Random.Random, seeded(0)), Scope.Scope, scope)
  let during = "world.make"
  const program = Effect.gen(function* () {
    const { key, layer, look, make } = subject.world
    const made = yield* catching(make, "make")
    const { tool: given } = subject
    const tool =
      typeof given === "function"
        ? yield* catching(
            Effect.sync(() => given(made)),
            "tool"
          )
        : given
    const services =
      layer === undefined
        ? (Context.empty() as Context.Context<any>)
        : yield* catching(
            Effect.suspend(() => Layer.buildWithMemoMap(layer(made), Layer.makeMemoMapUnsafe(), scope)),
            "layer"
          )
    const looked = Effect.flatMap(
      catching(
        Effect.suspend(() => look(made)),
        "look"
      ),
      (seen) => catching(Effect.try({ try: () => structuredClone(seen), catch: notPlain }), "look")
    )
    during = "the tool, or world.look,"
    const within = subject.within ?? withinOf(tool.contract)
    const chosen = key?.(made) ?? "contract-test"
    player = new Player({
      world,
      context,
      services,
      tool,
      look: looked,
      within,
      params: subject.params,
      key: chosen,
      now: isLive ? () => performance.now() : () => world.now
    })
    return yield* script({
      world: made,
      tool,
      key: chosen,
      within,
      look: looked,
      play: player.play,
      settle: Effect.sleep(subject.settle),
      leave: Effect.asVoid(Effect.timeoutOption(player.quarantine.awaitEmpty(), within))
    })
  })
  const exit = await world.runToEnd(program, context)
  if (typeof exit === "string") return hung(during, exit)
  const closed = await world.runToEnd(Scope.close(scope, exit), context)
  if (typeof closed === "string") return hung("closing the scope of a world", closed)
  return Exit.isFailure(closed) && Exit.isSuccess(exit) ? Exit.fail(worldFailed("close")(closed.cause)) : exit
}

const withinOf = (contract: Contract.Contract): number =>
  contract.effect !== "none" && contract.interruption === "never" ? 2_000 : 1_000

const hung = (during: string, hang: "stuck" | "endless") =>
  Exit.fail(new ContractTestError({ reason: { _tag: "Hung", during, hang } }))

const notPlain = (cause: unknown) =>
  new Error(`it gives plain data (texts, numbers, lists, records, maps, sets), so that it can be compared: ${cause}`)

/** Whatever is the user's own fails as such. */
export const catching = <A, R>(
  effect: Effect.Effect<A, unknown, R>,
  during: Parameters<typeof worldFailed>[0]
): Effect.Effect<A, ContractTestError, R> =>
  Effect.catchCause(effect, (cause) =>
    Cause.hasInterruptsOnly(cause) ? Effect.interrupt : Effect.fail(worldFailed(during)(cause))
  )

/** Whole and finite milliseconds, or nothing. */
export const millisOf = (input: Duration.Input): number | undefined =>
  Option.match(Duration.fromInput(input), {
    onNone: () => undefined,
    onSome: (duration) => {
      const millis = Duration.toMillis(duration)
      return Number.isFinite(millis) && millis >= 0 ? millis : undefined
    }
  })
