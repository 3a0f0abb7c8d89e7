/**
 * The faces of Standard Schema (https://standardschema.dev) and of durations that the promise entry shows: structural, so that no
 * library has to be imported for them.
 */

/**
 * A schema of any library that speaks Standard Schema, version 1: zod, valibot, arktype and others.
 *
 * @since 0.1.0
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

/**
 * What a Standard Schema says about a value.
 *
 * @since 0.1.0
 */
export type StandardResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: ReadonlyArray<StandardIssue> }

/**
 * What is wrong with a value, and where.
 *
 * @since 0.1.0
 */
export interface StandardIssue {
  readonly message: string
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined
}

/**
 * A JSON Schema (draft 2020-12; draft-07 where its `$schema` says so), as plain data. Types are not made of it.
 *
 * @since 0.1.0
 */
export interface JsonSchema {
  readonly $schema?: string
  readonly type?: string | ReadonlyArray<string>
  readonly [keyword: string]: unknown
}

/**
 * How data is described: by a schema of a library that speaks Standard Schema, or by a JSON Schema.
 *
 * @since 0.1.0
 */
export type AnySchema = StandardSchema<any, any> | JsonSchema

/**
 * What a planner passes for a schema.
 *
 * @since 0.1.0
 */
export type InputOf<S> = S extends { readonly "~standard": { readonly types?: infer T } }
  ? NonNullable<T> extends { readonly input: infer I }
    ? I
    : unknown
  : any

/**
 * What comes out of a schema.
 *
 * @since 0.1.0
 */
export type OutputOf<S> = S extends { readonly "~standard": { readonly types?: infer T } }
  ? NonNullable<T> extends { readonly output: infer O }
    ? O
    : unknown
  : any

/**
 * Milliseconds, or text such as `"50 millis"`, `"2 seconds"`, `"1 minute"`.
 *
 * @since 0.1.0
 */
export type Duration = number | `${number} ${DurationUnit}`

/**
 * @since 0.1.0
 */
export type DurationUnit =
  "milli" | "millis" | "second" | "seconds" | "minute" | "minutes" | "hour" | "hours" | "day" | "days"

/**
 * @since 0.1.0
 */
export type Json = string | number | boolean | null | ReadonlyArray<Json> | { readonly [key: string]: Json }
