/**
 * Tools that run **isolated**: a function of a module, called in a child process or a worker thread of its own, with JSON in and JSON
 * out. It can be stopped for sure, also in an endless loop that would hold everything else.
 *
 * A stop aborts the function's signal, and waits. What has not ended shortly before the bound is killed: a process with all that it has
 * started, a worker with its thread. Nothing is left behind, and the call says that its outcome is not known, unless it only reads.
 *
 * The process or worker lives for one attempt. It never writes to our standard output, gets nothing of our environment but a few
 * variables that are safe, and does not outlive us.
 *
 * @since 0.1.0
 */
import { CallError, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { existsSync } from "node:fs"
import { isAbsolute } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { Answered, callIsolated, type Spec, type Where } from "./internal/isolated/call.ts"
import type { Identity } from "./internal/isolated/messages.ts"
import * as Remote from "./internal/isolated/remoteError.ts"
import { NoJson, stringify } from "./internal/isolated/strictJson.ts"
import { withMeaning } from "./internal/contract.ts"
import { BadOptions, NotStarted } from "./IsolatedError.ts"

/**
 * What an isolated function gets beside its parameters.
 *
 * @since 0.1.0
 */
export interface Context extends Identity {
  /** Aborted when the attempt is to stop; its `reason` is the reason of the stop. */
  readonly signal: AbortSignal
}

/**
 * The type of a function that can be run isolated: `export const resize: Isolated.Handler<Params, Size> = async (params) => …`.
 * Parameters and result are JSON, as the schemas of the tool encode them.
 *
 * @since 0.1.0
 */
export type Handler<Params, Result> = (
  params: Params,
  context: Context
) => Result | PromiseLike<Result> | Effect.Effect<Result, unknown>

/**
 * @since 0.1.0
 */
export interface Options<
  P extends Tool.AnySchema,
  S extends Tool.AnySchema,
  F extends Schema.ConstraintCodec<any, any>
> extends Tool.Options<P, S, F> {
  /** The file of the module: `new URL("./resize.ts", import.meta.url)`, or an absolute path. */
  readonly module: URL | string
  /** The name that the function is exported under. Default `"default"`. */
  readonly export?: string
  /**
   * `"process"` (default): can be ended whatever it does, with all that it starts. `"worker"`: starts faster, shares our memory limits
   * and our file descriptors; take it for pure computation.
   */
  readonly in?: Where
  /** Variables beside the few that everything gets (`PATH`, `HOME` and such). Their values are replaced in the output that errors show. */
  readonly env?: { readonly [name: string]: string }
  /** Megabytes of heap. Default: that of Node. */
  readonly memory?: number
}

/**
 * A tool from a function of a module, which runs in a process or a worker of its own.
 *
 * An error that the function throws comes back with its name, message, `_tag` and fields. It is decoded by `failure`, if that can; else
 * the call fails with `CallError` (`Rejected`). If the function was not called, the call fails with `IsolatedNotStarted`. If its process
 * ends without an answer, that is a `CallError` (`Rejected`) with `IsolatedNoAnswer`.
 *
 * Throws `IsolatedBadOptions` if the options are wrong, or if there is no such file.
 *
 * @example
 * ```ts
 * import { Contract, Fanout, Plan } from "@toolscope/core"
 * import { Isolated } from "@toolscope/node"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import { writeFileSync } from "node:fs"
 * import { tmpdir } from "node:os"
 * import { join } from "node:path"
 *
 * const module = join(tmpdir(), "toolscope-sum.mjs")
 * writeFileSync(module, "export const sum = ({ numbers }) => numbers.reduce((a, b) => a + b, 0)")
 *
 * const Sum = Isolated.tool("sum", {
 *   module,
 *   export: "sum",
 *   parameters: Schema.Struct({ numbers: Schema.Array(Schema.Number) }),
 *   success: Schema.Number,
 *   contract: Contract.readOnly
 * })
 * console.log(await Effect.runPromise(Fanout.run(Plan.call(Sum, { numbers: [1, 2, 3] })))) // => 6
 * ```
 *
 * @since 0.1.0
 */
export const tool = <
  const Name extends string,
  P extends Tool.AnySchema = Schema.Struct<{}>,
  S extends Tool.AnySchema = typeof Schema.Unknown,
  F extends Schema.ConstraintCodec<any, any> = typeof Schema.Never
>(
  name: Name,
  options: Options<P, S, F>
): Tool.Tool<Name, Tool.Input<P>, Tool.Value<S>, F["Type"] | NotStarted, never> => {
  const { env = {}, export: exported = "default", in: where = "process", memory, module, ...rest } = options
  const { failure, parameters } = rest
  const href = hrefOf(module)
  const faults = [
    ...faultsOf(module, href),
    ...(exported === "" ? [`export: expected a name, got ""`] : []),
    ...(["process", "worker"].includes(where) ? [] : [`in: expected "process" or "worker", got ${show(where)}`]),
    ...(memory === undefined || (Number.isInteger(memory) && memory >= 8)
      ? []
      : [`memory: expected megabytes, at least 8, got ${show(memory)}`]),
    ...(rest.contract.effect !== "none" && rest.contract.commit === "marked"
      ? ['contract: expected commit "atStart", got "marked": a function that runs elsewhere passes no gate here']
      : []),
    ...Object.entries(env).flatMap(([name, value]) =>
      typeof (value as unknown) === "string" ? [] : [`env: expected text for ${show(name)}, got ${typeof value}`]
    )
  ]
  if (faults.length > 0) throw new BadOptions({ tool: name, faults })

  const acts = rest.contract.effect !== "none"
  const saysNothing = rest.contract.effect !== "none" && rest.contract.failure === "nothing"
  const contract = saysNothing ? rest.contract : withMeaning(rest.contract, { IsolatedNotStarted: "nothing" })
  const spec: Spec = { module: href!, name: exported, in: where, env, memory, acts }
  const encode = encoderOf(parameters)
  const typedOf = failure === undefined ? () => Result.fail("none") : decoderOf(failure)

  const fail = (rejection: unknown): unknown => {
    if (rejection instanceof NotStarted) return rejection
    if (rejection instanceof Answered) {
      const typed = typedOf(rejection.error.json)
      if (Result.isSuccess(typed)) return typed.success
      return new CallError.CallError({ reason: new CallError.Rejected({ error: Remote.decode(rejection.error) }) })
    }
    if (rejection instanceof NoJson) {
      const issues = [{ pointer: "", message: rejection.message }]
      const malformed = new CallError.CallError({ reason: new CallError.MalformedResult({ issues }) })
      // it is an answer, but no failure of which the contract says that nothing happened
      if (saysNothing) throw malformed
      return malformed
    }
    // what dies so has given no answer
    throw new CallError.CallError({ reason: new CallError.Rejected({ error: rejection }) })
  }
  const isStandard = rest.success !== undefined && !Schema.isSchema(rest.success)
  return Tool.fromPromise(name, {
    ...(rest as Tool.Options<any, any, any>),
    contract,
    failure: failure === undefined ? NotStarted : Schema.Union([failure, NotStarted]),
    execute: async (params: unknown, context) => {
      const answer = await callIsolated(spec, encode(params), context)
      // what returns nothing: JSON has null for it, a Standard Schema wants the value itself
      return answer === undefined && !isStandard ? null : answer
    },
    catch: fail
  }) as never
}

/** Parameters as JSON. Throws {@link NotStarted}. */
const encoderOf = (schema: Tool.AnySchema | undefined): ((params: unknown) => Schema.Json) => {
  const refuse = (detail: string): never => {
    throw new NotStarted({ reason: { _tag: "BadParameters", detail } })
  }
  const toJson = (params: unknown): Schema.Json => {
    try {
      return JSON.parse(stringify(params)) as Schema.Json
    } catch (error) {
      return refuse((error as Error).message)
    }
  }
  // a Standard Schema has one direction: what it gives must be JSON
  if (schema === undefined || !Schema.isSchema(schema)) return toJson
  const encode = Schema.encodeUnknownResult(jsonOf(schema as Schema.ConstraintCodec<unknown>))
  return (params) => {
    const encoded = encode(params)
    return Result.isSuccess(encoded) ? toJson(encoded.success) : refuse(encoded.failure.message)
  }
}

/** Of an error; a schema that cannot be applied decodes none. */
const decoderOf = (
  schema: Schema.ConstraintCodec<any, any>
): ((json: Schema.Json) => Result.Result<unknown, unknown>) => {
  const decode = Schema.decodeUnknownResult(jsonOf(schema))
  return (json) => {
    try {
      return decode(json)
    } catch (defect) {
      return Result.fail(defect)
    }
  }
}

const jsonOf = (schema: Schema.ConstraintCodec<any, any>): Schema.Codec<unknown, unknown> =>
  Schema.toCodecJson(schema as Schema.Codec<unknown>)

const hrefOf = (module: unknown): string | undefined => {
  if (typeof module === "string" && isAbsolute(module)) return pathToFileURL(module).href
  try {
    const { href, protocol } = new URL(module as string)
    return protocol === "file:" ? href : undefined
  } catch {
    return undefined
  }
}

const faultsOf = (module: unknown, href: string | undefined): ReadonlyArray<string> => {
  if (href === undefined) {
    return [
      `module: expected the URL of a file, as of new URL("./tool.js", import.meta.url), or an absolute path, got ${show(module)}`
    ]
  }
  return existsSync(fileURLToPath(href)) ? [] : [`module: there is no file ${fileURLToPath(href)}`]
}

const show = (value: unknown): string => {
  if (value instanceof URL) return value.href
  return typeof value === "string" ? JSON.stringify(value) : String(value)
}
