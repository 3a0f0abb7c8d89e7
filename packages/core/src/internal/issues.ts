/**
 * What is wrong with a value, as a schema has it: where, and in words.
 */
import type { SchemaError } from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import type { StandardSchemaV1 } from "effect/StandardSchema"
import { fromPath } from "./pointer.ts"

export interface Issue {
  /** JSON Pointer into the value. */
  readonly pointer: string
  /** The first token of the pointer. */
  readonly key: PropertyKey | undefined
  readonly message: string
}

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** Words of schemas that say little to whoever wrote the value. */
const clearer = new Map([
  ['Expected "Infinity" | "-Infinity" | "NaN"', "Expected a finite number"],
  ["Expected no excess property", "no such key is known here"]
])

export const ofFailure = (failure: StandardSchemaV1.FailureResult): ReadonlyArray<Issue> =>
  failure.issues.map(({ message, path = [] }) => {
    const tokens = path.map((token) => (typeof token === "object" ? token.key : token))
    return { message: clearer.get(message) ?? message, pointer: fromPath(tokens), key: tokens[0] }
  })

export const ofError = (error: SchemaError): ReadonlyArray<Issue> => ofFailure(format(error.issue))
