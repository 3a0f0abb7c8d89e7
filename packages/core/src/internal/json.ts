/**
 * JSON from anything: what a tool returns or throws may be cyclic, enormous, a function, or trap on access.
 */
import type { Json } from "effect/Schema"
import { isCallError } from "../CallError.ts"

/** A JSON value that says what `u` is, where `u` is no JSON. Never throws. */
export const sanitize = (u: unknown): Json => visit(u, [], { left: 1_000_000 })

const visit = (u: unknown, above: Array<object>, nodes: { left: number }): Json => {
  if (nodes.left-- <= 0) return "[truncated]"
  switch (typeof u) {
    case "string":
    case "boolean":
      return u
    case "number":
      return Number.isFinite(u) ? u : String(u)
    case "bigint":
      return String(u)
    case "undefined":
      return null
    case "function":
      return `[function ${u.name}]`
    case "symbol":
      return String(u)
    case "object":
      if (u === null) return null
  }
  const object = u
  if (above.includes(object)) return "[circular]"
  if (above.length > 1_000) return "[too deep]"
  above.push(object)
  try {
    if (Array.isArray(object)) return object.map((item) => visit(item, above, nodes))
    if (object instanceof Date) return Number.isNaN(object.getTime()) ? "Invalid Date" : object.toISOString()
    if (object instanceof Error) {
      return { name: object.name, message: object.message, ...own(object, above, nodes) }
    }
    if (object instanceof Map || object instanceof Set) return [...object].map((item) => visit(item, above, nodes))
    if (ArrayBuffer.isView(object) || object instanceof ArrayBuffer) return `[${object.byteLength} bytes]`
    return own(object, above, nodes)
  } catch (defect) {
    return `[unreadable: ${String(defect)}]`
  } finally {
    above.pop()
  }
}

const own = (object: object, above: Array<object>, nodes: { left: number }): { [key: string]: Json } => {
  const out: { [key: string]: Json } = {}
  for (const key of Object.keys(object)) {
    const value = (object as Record<string, unknown>)[key]
    if (value !== undefined) define(out, key, visit(value, above, nodes))
  }
  return out
}

/** Sets an own property whatever its name is: `__proto__` too. */
export const define = (object: object, key: string, value: unknown): void => {
  Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true })
}

/** An error as `{ _tag, message, details }`; `encode` encodes a tool's own error. */
export const error = (
  e: unknown,
  encode: (error: unknown) => unknown
): { readonly _tag: string; readonly message: string; readonly details?: Json } => {
  if (isCallError(e)) {
    const { _tag, ...fields } = e.reason
    const details = sanitize(fields)
    return Object.keys(fields).length === 0 ? { _tag, message: e.message } : { _tag, message: e.message, details }
  }
  const tag = text(e, "_tag") ?? text(e, "name") ?? "Error"
  const message = text(e, "message") ?? (typeof e === "string" ? e : "")
  return { _tag: tag, message, details: sanitize(encode(e)) }
}

/** A property that is text, of anything. Never throws. */
export const text = (u: unknown, key: string): string | undefined => {
  try {
    const value = typeof u === "object" && u !== null ? (u as Record<string, unknown>)[key] : undefined
    return typeof value === "string" && value !== "" ? value : undefined
  } catch {
    return undefined
  }
}

/** With keys in one order: their order means nothing. */
export const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, canonical(inner)])
  )
}

/** Is it JSON as it stands, so that nothing is lost when it is written down? */
export const isJson = (u: unknown, depth = 0): boolean => {
  // what goes around in a circle is deeper than anything
  if (depth > 1_000) return false
  switch (typeof u) {
    case "string":
    case "boolean":
      return true
    case "number":
      return Number.isFinite(u) && !Object.is(u, -0)
    case "object": {
      if (u === null) return true
      if (Array.isArray(u)) return u.every((item) => isJson(item, depth + 1))
      const prototype: unknown = Object.getPrototypeOf(u)
      if (prototype !== Object.prototype && prototype !== null) return false
      return Object.values(u).every((item) => isJson(item, depth + 1))
    }
    default:
      return false
  }
}
