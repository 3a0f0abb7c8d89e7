/**
 * Errors and ends of attempts as JSON, and back. What a schema cannot bring back comes back as what it said.
 */
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"
import * as CallErrors from "../../CallError.ts"
import type { Call } from "../../Snapshot.ts"
import type * as Tool from "../../Tool.ts"
import * as codec from "../codec.ts"
import type { AttemptEnd } from "../ending.ts"
import { isJson, sanitize, text } from "../json.ts"

type Failure = NonNullable<Call["lastError"]>
type End = NonNullable<Call["end"]>

const reasons: { readonly [tag: string]: (new (fields: never) => CallErrors.Reason) | undefined } = {
  TimedOut: CallErrors.TimedOut,
  MalformedResult: CallErrors.MalformedResult,
  Threw: CallErrors.Threw,
  Defect: CallErrors.Defect,
  Rejected: CallErrors.Rejected,
  Interrupted: CallErrors.Interrupted,
  RetryDied: CallErrors.RetryDied,
  JournalRefused: CallErrors.JournalRefused,
  ContractViolation: CallErrors.ContractViolation,
  Overloaded: CallErrors.Overloaded,
  Denied: CallErrors.Denied,
  NotRepeated: CallErrors.NotRepeated,
  NotReached: CallErrors.NotReached
} satisfies { readonly [Tag in CallErrors.Reason["_tag"]]: unknown }

export const saveError = (error: unknown, tool: Tool.Any): Failure => {
  if (CallErrors.isCallError(error)) {
    const { _tag, ...fields } = error.reason
    return { of: "toolscope", tag: _tag, fields: sanitize(fields) as { readonly [key: string]: Json } }
  }
  const encoded = codec.of(tool.failure).encode(error)
  if (Result.isSuccess(encoded)) return { of: "tool", error: sanitize(encoded.success) }
  if (isJson(error)) return { of: "json", error: error as Json }
  return { of: "other", tag: text(error, "_tag") ?? "Error", message: text(error, "message") ?? String(error) }
}

export const restoreError = (saved: Failure, tool: Tool.Any): unknown => {
  switch (saved.of) {
    case "toolscope": {
      const Reason = reasons[saved.tag]
      if (Reason !== undefined) {
        const fields = Object.entries(saved.fields).map(([name, value]) => [name, thrown(value)])
        return new CallErrors.CallError({ reason: new Reason(Object.fromEntries(fields) as never) })
      }
      return { _tag: saved.tag, message: saved.tag }
    }
    case "tool": {
      const decoded = codec.of(tool.failure).decode(saved.error)
      return Result.isSuccess(decoded) ? decoded.success : saved.error
    }
    case "json":
      return saved.error
    case "other":
      return { _tag: saved.tag, message: saved.message }
  }
}

/** An error that was thrown says the same as before. */
const thrown = (value: Json): unknown => {
  const [name, message] = [text(value, "name"), text(value, "message")]
  return name === undefined || message === undefined ? value : Object.assign(new Error(message), value)
}

export const saveEnd = (end: AttemptEnd, tool: Tool.Any): End => {
  if (end._tag === "success") return { end: "success", ...(end.json === undefined ? {} : { json: sanitize(end.json) }) }
  return { end: end._tag, ...("error" in end && end.error !== undefined ? { error: saveError(end.error, tool) } : {}) }
}

/** Nothing if the tool's schema does not take its own answer back. */
export const restoreEnd = (saved: End, tool: Tool.Any): AttemptEnd | undefined => {
  if (saved.end === "success") {
    // a schema of one direction has been applied: the value is its own JSON
    if (!codec.isEffectSchema(tool.success)) return { _tag: "success", value: saved.json, json: saved.json }
    const decoded = codec.of(tool.success).decode(saved.json)
    return Result.isSuccess(decoded) ? { _tag: "success", value: decoded.success, json: saved.json } : undefined
  }
  const error = saved.error === undefined ? {} : { error: restoreError(saved.error, tool) }
  return { _tag: saved.end, ...error } as AttemptEnd
}
