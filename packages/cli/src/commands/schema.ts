/**
 * `toolscope schema FORMAT`: the JSON Schema of a public format.
 */
import { Journal, PlanDocument, Report, Snapshot } from "@toolscope/core"
import * as Schema from "effect/Schema"
import type { SchemaFlags } from "../internal/arguments.ts"
import type { Output } from "../internal/output.ts"

const of = (schema: Schema.Constraint): object => {
  const { definitions, schema: root } = Schema.toJsonSchemaDocument(schema)
  return { $schema: "https://json-schema.org/draft/2020-12/schema", ...root, $defs: definitions }
}

const schemas: { readonly [F in SchemaFlags["format"]]: () => object } = {
  plan: PlanDocument.jsonSchema,
  report: () => of(Report.Json),
  journal: () => of(Journal.Event),
  snapshot: () => of(Snapshot.Json)
}

export const schema = async ({ format }: SchemaFlags, output: Output): Promise<number> => {
  await output.write(`${JSON.stringify(schemas[format](), null, 2)}\n`)
  return 0
}
