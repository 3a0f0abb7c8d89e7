/**
 * The tools of a run, as they are run, and as the model sees them: with the reserved parameter, and with the tool that takes plans.
 */
import { PlanDocument, PlanError, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import {
  type AiTool,
  type AiTools,
  fromToolkit,
  isToolkit,
  type Offered,
  offer,
  type Rules,
  type Toolkit
} from "./ai.ts"

/** The tool that takes a plan. */
export const fanoutName = "fanout"

/** The parameter by which the model says what the failure of a call means. */
export const policyName = "toolscope_policy"

export interface Kit {
  readonly tools: ReadonlyMap<string, Tool.Any>
  /** Those whose parameters the model writes in the strict dialect. */
  readonly strict: ReadonlySet<string>
  readonly takesPlans: boolean
  /** Those that have the reserved parameter. */
  readonly takesPolicy: ReadonlySet<string>
  readonly forModel: Toolkit.WithHandler<AiTools>
  /** What approval rules of a toolkit may look at. */
  readonly rules: Rules
}

export interface KitOptions {
  readonly plans: boolean
  readonly policies: boolean
  readonly strict: boolean
}

type Json = { readonly [key: string]: unknown }

const isRecord = (u: unknown): u is Json => typeof u === "object" && u !== null && !Array.isArray(u)

const policy = {
  type: "string",
  enum: ["essential", "advisory"],
  description:
    "What its failure means for the other calls of this turn. essential: they are stopped. advisory: they do not wait for it. Left out: they go on, and each is reported"
}

/** Do the parameters have one of the reserved name, as far as the schema says? */
const hasReserved = (schema: unknown): boolean =>
  isRecord(schema) &&
  ((isRecord(schema.properties) && Object.hasOwn(schema.properties, policyName)) ||
    [schema.anyOf, schema.oneOf, schema.allOf].some((list) => Array.isArray(list) && list.some(hasReserved)))

const withPolicy = (schema: Json, isStrict: boolean): Json => {
  const extra = isStrict ? { anyOf: [policy, { type: "null" }] } : policy
  const required = Array.isArray(schema.required) ? (schema.required as ReadonlyArray<unknown>) : []
  return {
    ...schema,
    properties: { ...(schema.properties as Json | undefined), [policyName]: extra },
    ...(isStrict ? { required: [...required, policyName] } : {})
  }
}

const describeFanout = (tools: ReadonlyArray<Tool.Any>): string =>
  `Runs several calls as one plan, which says what is needed of them: "all" (each, but for its "advisory" children), "quorum" (so many), "firstSuccess" (one; the others are stopped), "settled" (whatever comes of it), "atomic" (all or nothing), "deadline". What is not needed any more is stopped. Nothing is passed from one call to another: for that, use a later turn. Tools: ${tools.map(({ name }) => name).join(", ")}.`

export const kitOf = (input: unknown, options: KitOptions): Effect.Effect<Kit, PlanError.PlanError, any> =>
  Effect.gen(function* () {
    const rules: Rules = { messages: undefined }
    const { provided, tools } = isToolkit(input)
      ? yield* fromToolkit(input, rules)
      : { tools: input as ReadonlyArray<Tool.Any>, provided: [] as ReadonlyArray<AiTool.Any> }
    const faults: Array<PlanError.Fault> = []
    const byName = new Map<string, Tool.Any>()
    const strict = new Set<string>()
    const takesPolicy = new Set<string>()
    const offered = tools.map((tool, i): Offered => {
      const { description, name } = tool
      const at = `/tools/${i}`
      const fault = (_tag: PlanError.FaultTag, message: string) => void faults.push({ pointer: at, _tag, message })
      if (byName.has(name)) fault("DuplicateTool", `two tools are named ${JSON.stringify(name)}`)
      if (options.plans && name === fanoutName)
        fault(
          "DuplicateTool",
          `${JSON.stringify(fanoutName)} is the tool that takes plans: rename this one, or say declares: { plans: false }`
        )
      byName.set(name, tool)
      const own = Tool.parametersJsonSchema(tool) as Json | undefined
      const narrow = options.strict
        ? (Tool.parametersJsonSchema(tool, { strict: true }) as Json | undefined)
        : undefined
      const schema = narrow ?? own ?? { type: "object" }
      if (options.policies && hasReserved(own))
        fault(
          "BadSetting",
          `${JSON.stringify(name)} has a parameter ${JSON.stringify(policyName)}, which is reserved: rename it, or say declares: { policies: false }`
        )
      if (narrow !== undefined) strict.add(name)
      const isObject = schema.type === "object" && !Array.isArray(schema.anyOf)
      if (!options.policies || !isObject) return { name, description, schema, isStrict: narrow !== undefined }
      takesPolicy.add(name)
      return { name, description, schema: withPolicy(schema, narrow !== undefined), isStrict: narrow !== undefined }
    })
    if (faults.length > 0) return yield* new PlanError.PlanError({ faults })
    if (options.plans) {
      const { strict: isStrict } = options
      const schema = PlanDocument.jsonSchemaOf(tools, { strict: isStrict })
      offered.push({ name: fanoutName, description: describeFanout(tools), schema, isStrict })
    }
    const forModel = offer(offered, provided)
    return { tools: byName, strict, takesPlans: options.plans, takesPolicy, forModel, rules }
  })
