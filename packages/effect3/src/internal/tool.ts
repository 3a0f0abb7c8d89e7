/**
 * Tools whose handlers are Effects of version 3.
 */
import * as Promised from "@toolscope/promise"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import { spanOf } from "./run.ts"

/**
 * What a handler gets beside its parameters: the context of a promise tool, with a gate for Effects.
 *
 * @since 0.1.0
 */
export interface HandlerContext extends Omit<Promised.ExecuteContext, "commit" | "signal"> {
  /**
   * The gate, for a contract with `commit: "marked"`: runs the effect with its idempotency key, uninterruptibly, unless a stop has been requested; then
   * it interrupts the handler, and the effect does not start.
   */
  readonly commit: <A, E, R>(
    effect: (key: string) => Effect.Effect<A, E, R>,
    options?: Promised.CommitOptions<A>
  ) => Effect.Effect<A, E, R>
}

/**
 * @since 0.1.0
 */
export interface HandlerOptions<
  Name extends string,
  P extends Promised.AnySchema,
  S,
  A,
  R
> extends Promised.ToolOptions<Name, P> {
  /** Checks what the tool answers. Default: nothing does. */
  readonly result?: S
  readonly handler: (params: Promised.OutputOf<P>, context: HandlerContext) => Effect.Effect<A, unknown, R>
}

/**
 * A tool from a function that gives an Effect of version 3. The services that it requires are those of the Effect that makes the tool, so make it where
 * they are: in the layer of your service.
 *
 * A stop interrupts the handler as its contract says (`interruption`: not past its gate, by default), and waits for its finalizers; only the bound
 * (`drain`) ends that wait. A typed error fails the call; its `_tag` is what
 * `failure` of a contract names. A defect and an interruption of its own fail it as well.
 *
 * @since 0.1.0
 */
export const tool = <
  const Name extends string,
  A,
  R = never,
  P extends Promised.AnySchema = Promised.StandardSchema<{}>,
  S extends Promised.AnySchema | undefined = undefined
>(
  options: HandlerOptions<Name, P, S, A, R>
): Effect.Effect<
  Promised.Tool<Name, Promised.InputOf<P>, S extends Promised.AnySchema ? Promised.OutputOf<S> : A>,
  never,
  R
> =>
  Effect.map(Effect.runtime<R>(), (runtime): any => {
    const { handler, ...rest } = options
    return Promised.tool({
      ...(rest as Promised.ToolOptions<Name, P> & { readonly result: Promised.AnySchema }),
      execute: async (params, context) => {
        const { commit: _, signal, ...others } = context
        const stopped = new AbortController()
        const gate = { isPassed: false }
        const onStop = () => {
          if (isInterrupted(options.contract, gate.isPassed)) stopped.abort()
        }
        if (signal.aborted) onStop()
        signal.addEventListener("abort", onStop, { once: true })
        const given: HandlerContext = { ...others, commit: commitOf(context, gate) }
        const span = spanOf(context.runId)
        const handled = Effect.suspend(() => handler(params, given))
        const traced = span === undefined ? handled : Effect.withParentSpan(handled, span)
        const exit = await Runtime.runPromiseExit(runtime)(traced, { signal: stopped.signal })
        signal.removeEventListener("abort", onStop)
        return valueOf(exit, signal)
      }
    })
  })

/** Does a stop interrupt it, by its contract? */
const isInterrupted = (contract: Promised.Contract, isPastGate: boolean): boolean => {
  if (contract.effect === "none" || contract.interruption === "anywhere") return true
  return contract.interruption !== "never" && !isPastGate
}

/** The value; or what the promise is to be rejected with. */
const valueOf = <A>(exit: Exit.Exit<A, unknown>, signal: AbortSignal): A => {
  if (Exit.isSuccess(exit)) return exit.value
  if (signal.aborted && Cause.isInterruptedOnly(exit.cause)) throw signal.reason
  throw Option.getOrElse(Cause.failureOption(exit.cause), () => Cause.squash(exit.cause))
}

const commitOf =
  ({ commit, signal }: Promised.ExecuteContext, gate: { isPassed: boolean }): HandlerContext["commit"] =>
  <A, E, R>(effect: (key: string) => Effect.Effect<A, E, R>, options?: Promised.CommitOptions<A>) =>
    Effect.flatMap(Effect.runtime<R>(), (runtime) =>
      Effect.uninterruptible(
        Effect.async<A, E>((resume) => {
          // what fails has to be rejected: so the gate hears of it
          const begin = async (key: string) => {
            gate.isPassed = true
            return valueOf(await Runtime.runPromiseExit(runtime)(effect(key)), never)
          }
          commit(begin, options).then(
            (value) => {
              resume(Effect.succeed(value))
            },
            (rejection: unknown) => {
              const isStopped = signal.aborted && rejection === signal.reason
              resume(isStopped ? Effect.interrupt : Effect.fail(rejection as E))
            }
          )
        })
      )
    )

const never = new AbortController().signal
