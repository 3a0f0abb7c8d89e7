/**
 * From a contract as the promise entry shows it to the core's: what was left out is filled in, and what is wrong is said.
 */
import type * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Core from "../../Contract.ts"
import { fromFunction, plainDone, type PromiseDone } from "../promiseCommit.ts"

const AnyFunction = Schema.declare((u: unknown): u is (done: PromiseDone) => unknown => typeof u === "function", {
  expected: "a function"
})

const read = Schema.decodeUnknownResult(
  Schema.Struct({
    ...Core.Data.fields,
    compensate: Schema.optionalKey(Schema.Union([AnyFunction, Schema.Literal("atCommit")])),
    probe: Schema.optionalKey(AnyFunction),
    asserted: Schema.optionalKey(Core.Data.fields.asserted)
  }),
  { errors: "all", onExcessProperty: "error" }
)

/** A function that may return a promise as an Effect. */
const asEffect =
  (call: (done: PromiseDone) => unknown) =>
  (done: Core.Done): Effect.Effect<any, unknown> =>
    fromFunction(() => call(plainDone(done)))

/** The contract of the core, or what is wrong with it. */
export const toCore = (fields: unknown): Result.Result<Core.Contract, string> =>
  Result.map(
    Result.mapError(read(fields), (error) => error.message),
    ({ compensate, probe, ...data }) =>
      Core.make({
        ...data,
        ...(compensate === undefined
          ? {}
          : { compensate: compensate === "atCommit" ? compensate : asEffect(compensate) }),
        ...(probe === undefined ? {} : { probe: asEffect(probe) })
      })
  )
