/**
 * From a contract as the promise entry shows it to the core's: what was left out is filled in, and what is wrong is said.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Core from "../../Contract.ts"

const read = Schema.decodeUnknownResult(
  Schema.Struct({ ...Core.Data.fields, asserted: Schema.optionalKey(Core.Data.fields.asserted) }),
  { errors: "all", onExcessProperty: "error" }
)

/** The contract of the core, or what is wrong with it. */
export const toCore = (fields: unknown): Result.Result<Core.Contract, string> =>
  Result.map(
    Result.mapError(read(fields), (error) => error.message),
    (data) => Core.make(data as never)
  )
