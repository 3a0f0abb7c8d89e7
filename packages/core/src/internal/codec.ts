/**
 * One face for the two ways to describe data: an Effect schema and a Standard Schema (zod and others).
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { StandardSchemaV1 } from "effect/StandardSchema"
import * as Issues from "./issues.ts"

export type Checked<A> = Result.Result<A, ReadonlyArray<Pick<Issues.Issue, "pointer" | "message">>>

export interface Codec {
  /** From JSON to the value. */
  readonly decode: (encoded: unknown) => Checked<unknown>
  /** As `decode`, and refuses keys that the schema does not name: a misspelled optional parameter would go unnoticed. */
  readonly decodeExactly: (encoded: unknown) => Checked<unknown>
  /** From the value to JSON; also checks it. */
  readonly encode: (value: unknown) => Checked<unknown>
  /** JSON Schema of the encoded side, where there is one. */
  readonly jsonSchema: () => object | undefined
}

const options = { errors: "all" } as const
/** Anything at all, unchecked: it is described as JSON where it is shown. */
const anything: Codec = {
  decode: Result.succeed,
  decodeExactly: Result.succeed,
  encode: Result.succeed,
  jsonSchema: () => ({})
}

/** A schema that throws, or that has to wait, or that needs a service. */
const unusable = (defect: unknown): Checked<never> => {
  const { cause } = defect as { readonly cause?: unknown }
  const why = cause instanceof Error ? cause.message : String(defect)
  return Result.fail([{ pointer: "", message: `the schema cannot be applied: ${why}` }])
}

const fromEffectSchema = (schema: Schema.ConstraintCodec<unknown>): Codec => {
  if (schema === Schema.Unknown || schema === Schema.Any) return anything
  const codec = Schema.toCodecJson(schema as Schema.Codec<unknown>)
  const decode = Schema.decodeUnknownResult(codec, options)
  const decodeExactly = Schema.decodeUnknownResult(codec, { ...options, onExcessProperty: "error" })
  const encode = Schema.encodeUnknownResult(codec, options)
  const check =
    (run: (u: unknown) => Result.Result<unknown, Schema.SchemaError>) =>
    (u: unknown): Checked<unknown> => {
      try {
        return Result.mapError(run(u), (e) => Issues.ofError(e))
      } catch (defect) {
        return unusable(defect)
      }
    }
  return {
    decode: check(decode),
    decodeExactly: check(decodeExactly),
    encode: check(encode),
    jsonSchema: () => {
      const { definitions, schema: root } = Schema.toJsonSchemaDocument(codec)
      return Object.keys(definitions).length === 0 ? root : { ...root, $defs: definitions }
    }
  }
}

const asynchronous: Checked<never> = Result.fail([
  { pointer: "", message: "the schema validates asynchronously: do that inside the tool" }
])

const fromStandardSchema = (schema: StandardSchemaV1): Codec => {
  const standard = schema["~standard"]
  const check = (u: unknown): Checked<unknown> => {
    try {
      const result = standard.validate(u)
      if (result instanceof Promise) {
        result.catch(() => {})
        return asynchronous
      }
      return result.issues ? Result.fail(Issues.ofFailure(result)) : Result.succeed(result.value)
    } catch (defect) {
      return unusable(defect)
    }
  }
  return {
    decode: check,
    decodeExactly: check,
    // a Standard Schema has one direction: what it accepts is the JSON
    encode: (value) => Result.map(check(value), () => value),
    jsonSchema: () => {
      const { jsonSchema } = standard as { jsonSchema?: { input: (options: { target: string }) => object } }
      try {
        return jsonSchema?.input({ target: "draft-2020-12" })
      } catch {
        // it takes what JSON Schema cannot say, a date for example
        return undefined
      }
    }
  }
}

export const isEffectSchema = (schema: object): schema is Schema.ConstraintCodec<unknown> => Schema.isSchema(schema)

const cache = new WeakMap<object, Codec>()

/** The codec of a schema; made once per schema. */
export const of = (schema: Schema.ConstraintCodec<unknown> | StandardSchemaV1): Codec => {
  let codec = cache.get(schema)
  if (codec === undefined) {
    codec = isEffectSchema(schema) ? fromEffectSchema(schema) : fromStandardSchema(schema)
    cache.set(schema, codec)
  }
  return codec
}
