/**
 * The same five tools under three runners. Each tells what it said of every call when it returned, and when that was.
 */
import { Contract, Fanout, Plan, type Report, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import { setTimeout } from "node:timers/promises"
import { book, type Entry, mail, type Name, names, open, order, orderTimeout, pay, search, World } from "./world.ts"

export interface Told {
  readonly runner: string
  /** Milliseconds. */
  readonly returned: number
  readonly said: { readonly [N in Name]?: string }
  /** Calls of which it said that they may still act. */
  readonly warned: ReadonlyArray<Name>
}

export interface Run extends Told {
  readonly ledger: ReadonlyArray<Entry>
}

const observe = async (runner: (world: World) => Promise<Omit<Told, "returned">>): Promise<Run> => {
  const world = new World()
  const told = await runner(world)
  const returned = world.now()
  return { ...told, returned, ledger: await world.end() }
}

/** How most programs do it, each piece as it is found everywhere. */
const promiseAll = async (world: World) => {
  const within = <A>(millis: number, promise: Promise<A>): Promise<A> =>
    Promise.race([
      promise,
      setTimeout(millis).then(() => {
        throw new Error("timeout")
      })
    ])
  const retried = <A>(again: () => Promise<A>): Promise<A> => again().catch(again)
  const error = await Promise.all([
    mail(world),
    pay(world, open),
    world.keep(Effect.runPromise(search(world))),
    retried(() => within(orderTimeout, order(world, open))),
    book(world, open)
  ]).catch((error: unknown) => error)
  return { runner: "Promise.all", said: { pay: `failed: ${messageOf(error)}` }, warned: [] }
}

const effectAll = async (world: World) => {
  const promise = (run: (signal: AbortSignal) => Promise<void>) =>
    Effect.tryPromise({ try: run, catch: (error) => error })
  const exit = await Effect.runPromiseExit(
    Effect.all(
      [
        promise(() => mail(world)),
        promise(() => pay(world, open)),
        search(world),
        promise(() => order(world, open)).pipe(Effect.timeout(orderTimeout), Effect.retry({ times: 1 })),
        promise((signal) => book(world, open, signal))
      ],
      { concurrency: "unbounded" }
    )
  )
  const failure = exit._tag === "Failure" ? exit.cause.reasons.find((reason) => reason._tag === "Fail") : undefined
  return { runner: "Effect.all", said: { pay: `failed: ${messageOf(failure?.error)}` }, warned: [] }
}

const toolscope = async (world: World) => {
  const gated = Contract.make({ effect: "additive", commit: "marked" })
  const tools = {
    mail: Tool.fromPromise("mail", { contract: Contract.irreversible, execute: () => mail(world) }),
    pay: Tool.fromPromise("pay", { contract: gated, execute: (_, { commit }) => pay(world, commit) }),
    search: Tool.make("search", { contract: Contract.readOnly, handler: () => search(world) }),
    order: Tool.fromPromise("order", { contract: gated, execute: (_, { commit }) => order(world, commit) }),
    book: Tool.fromPromise("book", {
      contract: Contract.compensable({ compensate: "atCommit" }),
      execute: (_, { commit, signal }) => book(world, commit, signal)
    })
  }
  const plan = Plan.all({
    mail: Plan.call(tools.mail, {}),
    pay: Plan.call(tools.pay, {}),
    search: Plan.call(tools.search, {}),
    order: Plan.call(tools.order, {}, { timeout: orderTimeout, retry: 1 }),
    book: Plan.atomic(Plan.call(tools.book, {}))
  })
  const report = await Effect.gen(function* () {
    const run = yield* Fanout.start(plan, { drain: "500 millis", undo: "500 millis" })
    return yield* run.report
  }).pipe(Effect.scoped, Effect.runPromise)
  const said = Object.fromEntries(report.calls.map((call) => [call.id.slice(1), inWords(call)]))
  const warned = names.filter((name) =>
    report.calls.some((call) => call.id === `/${name}` && call.leftBehind && call.outcome._tag === "Unknown")
  )
  return { runner: "Toolscope", said, warned }
}

const inWords = ({ effects, leftBehind, outcome }: Report.CallReport): string =>
  [
    outcome._tag === "Failed" ? `Failed: ${messageOf(outcome.error)}` : outcome._tag,
    ...effects.flatMap(({ state }) => (state === "unknown" ? [] : [`effect ${state}`])),
    ...(leftBehind ? ["left behind"] : [])
  ].join(", ")

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** All three, at the same time, each in a world of its own. */
export const runAll = (): Promise<ReadonlyArray<Run>> => Promise.all([promiseAll, effectAll, toolscope].map(observe))
