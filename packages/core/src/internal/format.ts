/**
 * The plan format, once: each kind of node as a schema over its children. With children as they come it reads a document one level
 * at a time (so that depth costs no stack); with children as nodes it is the published JSON Schema.
 */
import type { Result } from "effect/Result"
import * as Schema from "effect/Schema"
import type { SchemaError } from "effect/Schema"

const DurationText = Schema.Union([Schema.String, Schema.Finite]).annotate({
  description: 'A duration: milliseconds, or text such as "50 millis", "2 seconds", "1 minute"'
})
const Whole = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const BudgetSchema = Schema.Struct({
  calls: Schema.optionalKey(Whole),
  attempts: Schema.optionalKey(Whole.annotate({ description: "Retries included" })),
  cohorts: Schema.optionalKey(Whole.annotate({ description: "Of a session: how many fan-outs it may run" })),
  wallClock: Schema.optionalKey(DurationText),
  costs: Schema.optionalKey(Schema.Record(Schema.String, Schema.Finite))
}).annotate({ description: "What the fan-out may use; what is absent is not limited" })

const kinds = <N extends Schema.Constraint, C extends Schema.Constraint>(node: N, children: C) => ({
  call: Schema.Struct({
    call: Schema.String.annotate({ description: "Name of the tool" }),
    params: Schema.optionalKey(
      Schema.Unknown.annotate({ description: "Parameters, as the tool's own schema has them" })
    ),
    timeout: Schema.optionalKey(DurationText),
    retry: Schema.optionalKey(Schema.Int.annotate({ description: "Further attempts" })),
    idempotencyKey: Schema.optionalKey(Schema.String)
  }),
  all: Schema.Struct({ all: children }),
  quorum: Schema.Struct({
    quorum: Schema.Finite.annotate({ description: "How many must succeed: a whole number from 1" }),
    of: children,
    agree: Schema.optionalKey(Schema.Boolean.annotate({ description: "The counted values must be equal" })),
    surplus: Schema.optionalKey(
      Schema.Literals(["keep", "undo"]).annotate({
        description:
          'What becomes of the effects of children that are not counted, once it has succeeded. Default "keep"'
      })
    )
  }),
  firstSuccess: Schema.Struct({ firstSuccess: children, stagger: Schema.optionalKey(DurationText) }),
  advisory: Schema.Struct({ advisory: node, grace: Schema.optionalKey(DurationText) }),
  settled: Schema.Struct({ settled: node }),
  atomic: Schema.Struct({ atomic: node }),
  deadline: Schema.Struct({ deadline: DurationText, of: node })
})

const shallow = kinds(Schema.Unknown, Schema.Array(Schema.Unknown))

/** The kinds of nodes; each is known by the key of its name. */
export const kindNames = Object.keys(shallow) as ReadonlyArray<keyof typeof shallow>

const options = { errors: "all", onExcessProperty: "error" } as const

/** One level of each kind of node. */
export type Level = { readonly [K in keyof typeof shallow]: (typeof shallow)[K]["Type"] }

/** Reads one level of a node. */
export const readers = Object.fromEntries(
  kindNames.map((kind) => [kind, Schema.decodeUnknownResult(shallow[kind] as Schema.Codec<unknown>, options)])
) as unknown as { readonly [K in keyof Level]: (json: unknown) => Result<Level[K], SchemaError> }

const top = <N extends Schema.Constraint, B extends Schema.Constraint>(node: N, budget: B) =>
  Schema.Struct({
    toolscope: Schema.Literal(1).annotate({ description: "Version of the format" }),
    plan: node,
    drain: Schema.optionalKey(DurationText),
    undo: Schema.optionalKey(DurationText),
    concurrency: Schema.optionalKey(Schema.Int.annotate({ description: "How many attempts run at the same time" })),
    budget: Schema.optionalKey(budget)
  })

/** What a budget may be, the account says. */
export const readTop = Schema.decodeUnknownResult(top(Schema.Unknown, Schema.Unknown), options)

const NodeRef: Schema.Codec<unknown> = Schema.suspend(() => NodeSchema)
const ChildRef: Schema.Codec<unknown> = Schema.suspend(() => ChildSchema)
const deep = kinds(NodeRef, Schema.Array(ChildRef))
const NodeSchema: Schema.Codec<unknown> = Schema.Union(Object.values(deep)).annotate({ identifier: "Node" })
const Id = Schema.String.annotate({ description: '1 to 128 characters, unique among its siblings, without "/"' })
const ChildSchema: Schema.Codec<unknown> = Schema.Union(
  Object.values(deep).map((kind) => Schema.Struct({ id: Id, ...(kind as Schema.Struct<Schema.Struct.Fields>).fields }))
).annotate({ identifier: "Child" })

/** The plan format, whole: for its JSON Schema. */
export const Document = top(NodeRef, BudgetSchema)
