/**
 * Plans as data: the public plan format (`toolscope schema plan`), decoded against the tools that it calls, and back.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Budget } from "./Budget.ts"
import { compile } from "./internal/compile.ts"
import { readDocument } from "./internal/document.ts"
import { encodeNode } from "./internal/encode.ts"
import { limitsOf } from "./internal/limits.ts"
import { fromStrict as unstrict, planSchemaOf } from "./internal/planSchema.ts"
import * as Plan from "./Plan.ts"
import { type Fault, PlanError } from "./PlanError.ts"
import type * as Tool from "./Tool.ts"
import { Document } from "./internal/format.ts"

/**
 * The settings of a fan-out.
 *
 * @since 0.1.0
 */
export interface Settings {
  /** From a stop to its bound; what has not ended by then is left behind. Default 2 seconds. */
  readonly drain?: Duration.Input
  /** For compensations. Default 5 seconds. */
  readonly undo?: Duration.Input
  /** How many attempts run at the same time. Default 8. */
  readonly concurrency?: number
  /** What it may use. Inside of a session, or of a handler, beside what those may use. Default: as much as those. */
  readonly budget?: Budget
}

/**
 * A plan that was decoded from a document. Its value and outcomes have the shape of the plan: an object by ids.
 *
 * @since 0.1.0
 */
export interface Decoded<R> {
  readonly plan: Plan.Plan<unknown, unknown, R>
  readonly settings: Settings
}

/**
 * JSON Schema of the plan format. It knows no tools: what their parameters must be, and whether ids are unique and quorums can be
 * reached, {@link decode} says.
 *
 * @since 0.1.0
 */
export const jsonSchema = (): object => {
  const { definitions, schema } = Schema.toJsonSchemaDocument(Document, { onExcessProperty: "error" })
  return { $schema: "https://json-schema.org/draft/2020-12/schema", ...schema, $defs: definitions }
}

/**
 * JSON Schema of the plans that can be made of these tools: their parameters as their own schemas have them, a retry only where the
 * contract can allow one, rivals at the same time and `atomic` only over what can be undone. What only a whole plan can tell (unique ids,
 * quorums that can be reached), {@link decode} says.
 *
 * With `strict` it keeps to what strict schema modes of models take: every property is required, and what is optional may be `null`.
 * Parameters that cannot be said so (records of any keys, tuples) are text: JSON, of the schema in the description. {@link fromStrict}
 * takes both back.
 *
 * @example
 * ```ts
 * import { Contract, PlanDocument, Tool } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 *
 * const Pay = Tool.make("pay", { contract: Contract.irreversible, handler: () => Effect.succeed("paid") })
 * const { $defs } = PlanDocument.jsonSchemaOf([Pay]) as any
 * const [call] = $defs.Node.anyOf
 * console.log(Object.keys(call.properties)) // => [ 'call', 'params', 'timeout', 'idempotencyKey' ]
 * ```
 *
 * @since 0.1.0
 */
export const jsonSchemaOf = (
  tools: ReadonlyArray<Tool.Any>,
  options: {
    /** For strict schema modes. Default `false`. */
    readonly strict?: boolean
  } = {}
): object => planSchemaOf(tools, options.strict ?? false)

/**
 * The document that one of the strict form of {@link jsonSchemaOf} stands for: without the nulls, and with parameters that are text read.
 * It keeps every place, so that pointers of faults are those of what was given. What is no document is given back as it is.
 *
 * @since 0.1.0
 */
export const fromStrict = (document: unknown, tools: ReadonlyArray<Tool.Any>): unknown => unstrict(document, tools)

const fail = (faults: ReadonlyArray<Fault>): Effect.Effect<never, PlanError> =>
  Effect.fail(new PlanError({ faults: inPlanOrder(faults) }))

/**
 * A plan from a document that has been parsed from JSON. It is checked whole, against the tools: all faults come in one error.
 *
 * @example
 * ```ts
 * import { Contract, Fanout, PlanDocument, Tool } from "@toolscope/core"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const Add = Tool.make("add", {
 *   parameters: Schema.Struct({ a: Schema.Number, b: Schema.Number }),
 *   contract: Contract.readOnly,
 *   handler: ({ a, b }) => Effect.succeed(a + b)
 * })
 * const document = { toolscope: 1, plan: { all: [{ id: "sum", call: "add", params: { a: 1, b: 2 } }] } }
 * const { plan, settings } = await Effect.runPromise(PlanDocument.decode(document, [Add]))
 * console.log(await Effect.runPromise(Fanout.run(plan, settings))) // => { sum: 3 }
 * ```
 *
 * @since 0.1.0
 */
export const decode = <T extends Tool.Any>(
  document: unknown,
  tools: ReadonlyArray<T>
): Effect.Effect<Decoded<T extends Tool.Tool<any, any, any, any, infer R> ? R : never>, PlanError> =>
  Effect.suspend(() => {
    const { faults, node, settings } = readDocument(document, tools)
    const checked: ReadonlyArray<Result.Result<unknown, ReadonlyArray<Fault>>> = [limitsOf(settings), compile(node)]
    const all = [...faults, ...checked.flatMap((c) => (Result.isFailure(c) ? c.failure : []))]
    return all.length > 0 ? fail(all) : Effect.succeed({ plan: Plan.unsafeFromNode(node), settings } as Decoded<any>)
  })

/**
 * A plan from text.
 *
 * @since 0.1.0
 */
export const parse = <T extends Tool.Any>(text: string, tools: ReadonlyArray<T>): ReturnType<typeof decode<T>> =>
  Effect.suspend(() => {
    try {
      return decode(JSON.parse(text), tools)
    } catch (error) {
      return fail([{ pointer: "", _tag: "BadJson", message: error instanceof Error ? error.message : String(error) }])
    }
  })

/**
 * The document of a plan. What is no data (an inline Effect, an `Equivalence`, a `Schedule`) is refused, all places at once.
 *
 * @since 0.1.0
 */
export const encode = (plan: Plan.Any, settings: Settings = {}): Effect.Effect<Schema.Json, PlanError> =>
  Effect.suspend(() => {
    const limits = limitsOf(settings)
    const compiled = compile(Plan.toNode(plan))
    if (Result.isFailure(compiled)) {
      return fail([...(Result.isFailure(limits) ? limits.failure : []), ...compiled.failure])
    }
    if (Result.isFailure(limits)) return fail(limits.failure)
    const { custom, json } = encodeNode(compiled.success)
    if (custom.length > 0) {
      return fail(
        custom.map(({ part, pointer }) => ({
          pointer,
          _tag: "Unsupported",
          message: `${part} is no data: it cannot be written into a document`
        }))
      )
    }
    const { drain, undo } = limits.success
    return Effect.succeed({
      toolscope: 1,
      plan: json,
      ...(settings.drain === undefined ? {} : { drain }),
      ...(settings.undo === undefined ? {} : { undo }),
      ...(settings.concurrency === undefined ? {} : { concurrency: settings.concurrency })
    })
  })

/** By place, with numbers as numbers: `/plan/all/2` before `/plan/all/10`. */
const inPlanOrder = (faults: ReadonlyArray<Fault>): ReadonlyArray<Fault> =>
  [...faults].sort((a, b) => a.pointer.localeCompare(b.pointer, "en", { numeric: true }))
