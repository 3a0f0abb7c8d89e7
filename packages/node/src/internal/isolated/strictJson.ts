/**
 * JSON that says what it cannot say: `JSON.stringify` drops functions, and makes `{}` of a Map and `null` of `NaN`.
 */

/** Thrown for a value that is no JSON. The message says where and what. */
export class NoJson extends Error {
  override readonly name = "NoJson"
}

const plain = (value: object): boolean => {
  if (Array.isArray(value)) return true
  return !(
    value instanceof Map ||
    value instanceof Set ||
    value instanceof WeakMap ||
    value instanceof WeakSet ||
    value instanceof RegExp ||
    value instanceof Promise ||
    value instanceof Error ||
    value instanceof ArrayBuffer ||
    ArrayBuffer.isView(value)
  )
}

const nameOf = (value: unknown): string => {
  if (typeof value === "number" || value === undefined) return String(value)
  if (typeof value === "object" && value !== null) return value.constructor.name
  return typeof value
}

/** The text of a value. A property that is `undefined` is left out; the value itself must not be. Throws {@link NoJson}. */
export const stringify = (value: unknown): string => {
  const at = (key: string): string => (key === "" ? "it is" : `at ${JSON.stringify(key)} there is`)
  const check = function (this: unknown, key: string, item: unknown): unknown {
    const isNone =
      (typeof item === "number" && !Number.isFinite(item)) ||
      ["bigint", "function", "symbol"].includes(typeof item) ||
      (item === undefined && (key === "" || Array.isArray(this))) ||
      (typeof item === "object" && item !== null && !plain(item))
    if (isNone) throw new NoJson(`no JSON: ${at(key)} ${nameOf(item)}`)
    return item
  }
  try {
    return JSON.stringify(value, check)
  } catch (error) {
    if (error instanceof NoJson) throw error
    // a circle, a toJSON that throws, or too deep
    throw new NoJson(`no JSON: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`)
  }
}
