/**
 * Fan-outs and sessions as Effects of version 3. An interruption aborts, and waits: it is over when the calls have drained, or at their bound.
 */
import * as Promised from "@toolscope/promise"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"

/** The span around each fan-out that runs: the parent of its handlers' spans. */
const spans = new Map<string, Tracer.AnySpan>()

export const spanOf = (runId: string): Tracer.AnySpan | undefined => spans.get(runId)

/**
 * Runs a plan, and gives its report however the plan ends: look at `status`. It never fails. Interrupted, it stops every call, and waits for them to
 * drain before the interruption goes on.
 *
 * @since 0.1.0
 */
export const run: {
  <A, O>(plan: Promised.Plan<A, O>, options: Omit<Promised.RunOptions, "signal">): Effect.Effect<Promised.Report<A>>
  (plan: unknown, options: Omit<Promised.RunOptions, "signal">): Effect.Effect<Promised.Report>
} = (plan: unknown, options: Omit<Promised.RunOptions, "signal">): Effect.Effect<Promised.Report<any>> =>
  Effect.flatMap(Effect.serviceOption(Tracer.ParentSpan), (span) =>
    Effect.async<Promised.Report>((resume) => {
      const runId = options.runId ?? `run_${crypto.randomUUID()}`
      if (Option.isSome(span)) spans.set(runId, span.value)
      const controller = new AbortController()
      const report = Promised.run(plan, { ...options, runId, signal: controller.signal }).finally(() =>
        spans.delete(runId)
      )
      report.then(
        (report) => {
          resume(Effect.succeed(report))
        },
        (mistake: unknown) => {
          resume(Effect.die(mistake))
        }
      )
      return Effect.promise(() => {
        controller.abort("interrupted")
        return report.catch(() => {})
      })
    })
  )

/**
 * Opens a session. When the scope closes, what runs is stopped and drained; then nothing starts any more. Dies with a `TypeError` where an option is
 * wrong.
 *
 * @since 0.1.0
 */
export const session = (options: Promised.SessionOptions): Effect.Effect<Promised.Session, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => Promised.openSession(options)),
    (session) => Effect.promise(() => session.close())
  )
