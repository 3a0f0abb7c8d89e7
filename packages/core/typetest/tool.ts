/**
 * What a tool's types say: a contract is required, handlers are what the schemas say, and services flow through.
 */
import {
  Contract,
  Fanout,
  type FanoutError,
  Plan,
  PlanDocument,
  type PlanError,
  Tool,
  type Outcome
} from "@toolscope/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { same } from "./expect.ts"

class Missing extends Schema.TaggedError<Missing>()("Missing", { id: Schema.String }) {}
class Db extends Context.Service<Db, { readonly find: (id: string) => Effect.Effect<string, Missing> }>()("Db") {}
class Log extends Context.Service<Log, { readonly log: (line: string) => Effect.Effect<void> }>()("Log") {}

// @ts-expect-error a tool without a contract
Tool.make("t", { handler: () => Effect.succeed(1) })
// @ts-expect-error a definition without a contract
Tool.make("t", { success: Schema.Number })
// @ts-expect-error a promise tool without a contract
Tool.fromPromise("t", { execute: async () => 1 })
// @ts-expect-error an inline Effect without a contract
Plan.effect(Effect.succeed(1))

// an inline handler: its services are the plan's
export const Find = Tool.make("find", {
  parameters: Schema.Struct({ id: Schema.String }),
  failure: Missing,
  contract: Contract.readOnly,
  handler: ({ id }) => Db.use((db) => db.find(id))
})
export const find = Plan.call(Find, { id: "1" })
same<Plan.Services<typeof find>, Db>(true)
same<Plan.Value<typeof find>, string>(true)
same<Plan.Error<typeof find>, Missing>(true)

// a definition without a handler: the plan requires one of that name
export const Save = Tool.make("save", {
  parameters: Schema.Struct({ at: Schema.Date }),
  success: Schema.Number,
  failure: Missing,
  contract: Contract.idempotent
})
export const save = Plan.call(Save, { at: new Date(0) })
same<Plan.Services<typeof save>, Tool.Handler<"save">>(true)
same<Plan.Value<typeof save>, number>(true)
export const SaveLive = Save.toLayer(({ at }) =>
  Effect.as(
    Log.use((log) => log.log(String(at.getTime()))),
    1
  )
)
same<typeof SaveLive, Layer.Layer<Tool.Handler<"save">, never, Log>>(true)
// @ts-expect-error a handler that gives something else than the success schema
Save.toLayer(() => Effect.succeed("no number"))
// @ts-expect-error a handler with an error that is not declared
Save.toLayer(() => Effect.fail("undeclared"))
Tool.make("t", {
  contract: Contract.readOnly,
  success: Schema.Number,
  // @ts-expect-error an inline handler that gives something else than the success schema
  handler: () => Effect.succeed("no number")
})

// services of all calls come together, whatever the policy does with errors
export const plan = Plan.all({
  find: Plan.advisory(find),
  save: Plan.settled(save),
  inline: Plan.effect(
    Log.use((log) => log.log("x")),
    Contract.readOnly
  )
})
same<Plan.Services<typeof plan>, Db | Log | Tool.Handler<"save">>(true)
same<Plan.Error<typeof plan>, never>(true)
export const run = Fanout.run(plan)
same<Effect.Services<typeof run>, Db | Log | Tool.Handler<"save">>(true)
same<Effect.Error<typeof run>, FanoutError.FanoutError<never> | PlanError.PlanError>(true)
export const started = Fanout.start(save)
same<Effect.Services<typeof started>, Tool.Handler<"save"> | Scope.Scope>(true)
same<Effect.Success<typeof started>, Fanout.Handle<number, Missing>>(true)

// provided, they are gone
export const provided = Effect.provide(Fanout.run(save), SaveLive)
same<Effect.Services<typeof provided>, Log>(true)

// @ts-expect-error a run that still requires a handler cannot be run
void Effect.runPromise(Fanout.run(save))

// a promise tool: parameters and success by schema, rejections typed by `catch`
export const Fetch = Tool.fromPromise("fetch", {
  parameters: Schema.Struct({ url: Schema.String }),
  success: Schema.Struct({ status: Schema.Number }),
  failure: Missing,
  contract: Contract.readOnly,
  execute: async ({ url }, { signal }) => ({ url, signal }),
  catch: (rejection) => new Missing({ id: String(rejection) })
})
export const fetched = Plan.call(Fetch, { url: "x" })
same<
  typeof fetched,
  Plan.Plan<{ readonly status: number }, Missing, never, Outcome.Outcome<{ readonly status: number }, Missing>>
>(true)

// a tool without parameters is called without any
export const Ping = Tool.make("ping", { contract: Contract.readOnly, handler: () => Effect.succeed("pong") })
Plan.call(Ping)
Plan.call(Ping, {})

// a retry's schedule sees the tool's errors
Plan.call(Find, { id: "1" }, { retry: Schedule.recurs(2) })
Plan.call(Find, { id: "1" }, { retry: 2 })
// @ts-expect-error a schedule of other errors
Plan.call(Find, { id: "1" }, { retry: Schedule.while(Schedule.recurs(2), ({ input }: { input: number }) => input > 1) })

// a contract: the fields of actors make no sense for readers
Contract.make({ effect: "none", openWorld: true })
// @ts-expect-error a reader has no repeat
Contract.make({ effect: "none", repeat: "natural" })
// @ts-expect-error effect is required
Contract.make({ repeat: "natural" })
// @ts-expect-error not an effect
Contract.make({ effect: "writes" })

// a decoded document requires what its tools require
export const decoded = PlanDocument.decode({}, [Find, Save])
same<Effect.Success<typeof decoded>, PlanDocument.Decoded<Db | Tool.Handler<"save">>>(true)
same<Effect.Error<typeof decoded>, PlanError.PlanError>(true)
