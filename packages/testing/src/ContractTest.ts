/**
 * A **contract test** holds a tool against its contract: it runs the tool undisturbed, stops it before, in and after its commit, repeats a
 * key, undoes, undoes nothing, and looks each time at the world that the tool changes. Where the tool does not behave as its contract
 * says, a check fails, and says what to correct.
 *
 * Each run has a fresh world. Toolscope believes a contract; this is where it is found out.
 *
 * A contract test never reads the tool's code, and knows no more of the world than `look` shows it. What happens later than `settle`,
 * or between two points at which it stops, it does not see.
 *
 * @since 0.1.0
 */
import { type Contract, Tool } from "@toolscope/core"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { type Check, messageOf, type Result, resultOf, show as showResult } from "./internal/contractTest/result.ts"
import { checks, checksFor, type Name, names } from "./internal/contractTest/checks.ts"
import { ContractTestError } from "./internal/contractTest/error.ts"
import { gather } from "./internal/contractTest/evidence.ts"
import { millisOf, type Subject } from "./internal/contractTest/stage.ts"

export type {
  /**
   * A check by its name, what it means, and what it came to: `passed`, `failed` (with what was declared, what was seen, and what to do),
   * or `notTried` (with the reason). `tried` is the number of runs that it looked at.
   *
   * @since 0.1.0
   */
  Check,
  /**
   * The names of the checks. `docs/contract-tests.md` lists what each means.
   *
   * @since 0.1.0
   */
  Name,
  /**
   * What a test of a contract comes to: its checks, how often the tool was stopped, and how long it took to end.
   *
   * @since 0.1.0
   */
  Result
}

export {
  /**
   * A contract that could not be tested at all.
   *
   * - `Refused`: options or parameters are wrong; nothing was started
   * - `WorldFailed`: something that you gave (`make`, `look`, `layer`, …) failed
   * - `Hung`: something does not end, and never will
   *
   * @since 0.1.0
   */
  ContractTestError
}

/**
 * The world that the tool changes: how to make one, and how to look at it.
 *
 * @since 0.1.0
 */
export interface World<W, in out Provides = never, out R = never> {
  /** Makes a fresh one, for each run. Its scope closes when the run has been looked at. */
  readonly make: Effect.Effect<W, unknown, R>
  /**
   * What it holds now, of all that the tool may change: plain data, compared by structure, and copied. Leave out what differs from run to
   * run by itself: times, random ids.
   */
  readonly look: (world: W) => Effect.Effect<unknown, unknown, R>
  /** The services that the tool requires, in this world. */
  readonly layer?: (world: W) => Layer.Layer<Provides, unknown, R>
  /**
   * The idempotency key of the calls in this world. Default: the same in all. Give another for each where the other side remembers
   * keys for longer than a world lasts, and then leave keys out of `look`.
   */
  readonly key?: (world: W) => string
  /** A call that comes after the undo of its key is refused by this world. Default `false`: not checked. */
  readonly refusesAfterUndo?: boolean
}

/**
 * How an error of the tool is brought about: by other parameters, by a world in which it must fail, or by both.
 *
 * @since 0.1.0
 */
export interface Provocation<I, W, out R = never> {
  readonly params?: I
  readonly world?: (world: W) => Effect.Effect<unknown, unknown, R>
}

/**
 * @since 0.1.0
 */
export interface Options<I, W, in out Provides = never, out R = never> {
  /** Parameters with which the tool succeeds in a fresh world, and, unless it only reads, changes it. */
  readonly params: I
  readonly world: World<W, Provides, R>
  /**
   * How the errors that say that nothing happened are brought about, by their `_tag`; or `"believed"`, for those that are not to be tried
   * (of a process that could not be started, for example). Default: they are not tried, and the check says so.
   */
  readonly failures?: { readonly [tag: string]: Provocation<I, W, R> | "believed" }
  /**
   * `"live"` (default), or `"test"`: time that passes at once, for tools that wait for nothing but Effect's clock and promises that
   * need no real time.
   */
  readonly clock?: "live" | "test"
  /** How long it may take to end when it has been told to. Default 1 second; 2 seconds where its contract says `interruption: "never"`. */
  readonly within?: Duration.Input
  /** How long the world is watched when the tool has ended. Default 50 ms; 10 s under the test clock, where that costs nothing. */
  readonly settle?: Duration.Input
  /** At how many points, at most, it is stopped. Default 30; 500 under the test clock. */
  readonly stops?: number
}

type Requires<R, Provides, RW> = Exclude<Exclude<R, Provides> | RW, Scope.Scope>

/**
 * Tests a tool against its contract. A tool that closes over its world is given as a function of it.
 *
 * It succeeds with a {@link Result} whatever is wrong with the tool, and fails with {@link ContractTestError} only where nothing can be
 * said about it.
 *
 * @example
 * ```ts
 * import { Contract, Tool } from "@toolscope/core"
 * import { ContractTest } from "@toolscope/testing"
 * import * as Effect from "effect/Effect"
 *
 * const sends = (sent: Array<string>) =>
 *   Tool.make("send", {
 *     contract: Contract.idempotent, // it is not: each run sends one more
 *     handler: () => Effect.sync(() => sent.push("a letter"))
 *   })
 * const world = { make: Effect.sync((): Array<string> => []), look: (sent: Array<string>) => Effect.succeed(sent) }
 * const result = await Effect.runPromise(ContractTest.check(sends, { params: {}, world, clock: "test" }))
 * const failed = result.checks.filter(({ status }) => status === "failed")
 * console.log(failed.map(({ name }) => name)) // => [ 'repeat' ]
 * ```
 *
 * @since 0.1.0
 */
export const check = <Name extends string, I, A, E, R, W, Provides = never, RW = never>(
  tool: Tool.Tool<Name, I, A, E, R> | ((world: W) => Tool.Tool<Name, I, A, E, R>),
  options: Options<NoInfer<I>, W, Provides, RW>
): Effect.Effect<Result, ContractTestError, Requires<R, Provides, RW>> =>
  Effect.suspend((): Effect.Effect<Result, ContractTestError, any> => {
    const subject = subjectOf(tool, options)
    if ("faults" in subject) return Effect.fail(new ContractTestError({ reason: { _tag: "Refused", ...subject } }))
    return Effect.map(gather(subject), (evidence) => resultOf(evidence.tool, evidence, subject))
  })

const defaults = {
  live: { settle: 50, stops: 30 },
  test: { settle: 10_000, stops: 500 }
} as const

const subjectOf = (
  tool: Subject["tool"],
  options: Options<any, any, any, any>
): Subject | { readonly faults: ReadonlyArray<string> } => {
  const { failures = {}, params, world } = options
  const clock: string = options.clock ?? "live"
  const faults: Array<string> = []
  const millis = (name: "within" | "settle"): number | undefined => {
    const input = options[name]
    if (input === undefined) return undefined
    const value = millisOf(input)
    if (value === undefined) faults.push(`/${name}: a finite duration, such as "1 second" or 50 (milliseconds)`)
    return value
  }
  if (typeof tool !== "function" && !Tool.isTool(tool))
    faults.push("/tool: a tool, or a function from a world to a tool")
  if (clock !== "live" && clock !== "test") faults.push('/clock: "live" or "test"')
  const within = millis("within")
  const byClock = clock === "test" ? defaults.test : defaults.live
  const settle = millis("settle") ?? byClock.settle
  const stops = options.stops ?? byClock.stops
  if (!Number.isInteger(stops) || stops < 1) faults.push("/stops: a whole number from 1")
  return faults.length > 0
    ? { faults }
    : { tool, params, world, failures, clock: clock === "test" ? clock : "live", within, settle, stops }
}

/**
 * A result as a table: one line per check, and under each that failed what was declared, what was seen, and what to do.
 *
 * @since 0.1.0
 */
export const show: (result: Result) => string = showResult

/**
 * What {@link suite} registers its tests with: `import * as vitest from "vitest"`, or `node:test`.
 *
 * @since 0.1.0
 */
export interface Runner {
  readonly describe: (name: string, body: () => void) => unknown
  readonly it: (
    name: string,
    options: { readonly timeout: number },
    test: (context: { readonly skip: (why?: string) => void }) => Promise<void>
  ) => unknown
}

/** For all of it: the first test runs everything, the others look at what it found. */
const timeout = 300_000

/**
 * Registers one test per check that the contract gives a meaning. A check that could not be tried is skipped, with the reason. Of a tool
 * that is a function of its world the contract is not known beforehand: all checks are registered, and those that it has no use for
 * skipped.
 *
 * The tool is run when the first of these tests runs. Nothing is imported from the runner: it is given.
 *
 * @since 0.1.0
 */
export const suite = <Name extends string, I, A, E, R extends Provides | Scope.Scope, W, Provides = never>(
  tool: Tool.Tool<Name, I, A, E, R> | ((world: W) => Tool.Tool<Name, I, A, E, R>),
  options: Options<NoInfer<I>, W, Provides>,
  { describe, it }: Runner
): void => {
  const known: { readonly name: string; readonly contract: Contract.Contract } | undefined =
    typeof tool === "function" ? undefined : tool
  const subject = { failures: options.failures ?? {}, world: options.world }
  const registered = known === undefined ? names : checksFor(known.contract, subject)
  let result: Promise<Result> | undefined
  const title = known === undefined ? "the contract" : `the contract of ${known.name}`
  describe(title, () => {
    for (const name of registered) {
      it(`${name}: ${checks[name].means}`, { timeout }, async (context) => {
        const { checks: made, tool: called } = await (result ??= Effect.runPromise(check(tool, options)))
        const found = made.find((check) => check.name === name)
        if (found === undefined) return context.skip("the contract says nothing of it")
        if (found.status === "notTried") return context.skip(found.why)
        const message = messageOf(called, found)
        if (message !== undefined) throw new Error(message)
      })
    }
  })
}
