/**
 * An error on its way out of a process: what was thrown there becomes data here, and an error again on the other side.
 */
import type { Json } from "effect/Schema"
import type { RemoteError } from "./messages.ts"
import { stringify } from "./strictJson.ts"

/** Of anything that can be thrown. Never throws. */
export const encode = (thrown: unknown): RemoteError => {
  const json = toJson(thrown)
  if (typeof thrown !== "object" || thrown === null) {
    return {
      name: "Error",
      message: typeof thrown === "string" ? thrown : describe(thrown),
      json: json ?? describe(thrown)
    }
  }
  const tag = textOf(thrown, "_tag")
  const name = textOf(thrown, "name") ?? tag ?? "Error"
  const message = textOf(thrown, "message") ?? (thrown instanceof Error ? "" : describe(thrown))
  const stack = textOf(thrown, "stack")
  return {
    name,
    message,
    ...(stack === undefined ? {} : { stack }),
    json: Array.isArray(thrown)
      ? (json ?? [])
      : { name, message, ...fieldsOf(thrown), ...(tag === undefined ? {} : { _tag: tag }) }
  }
}

/** As an error of ours: with its fields, `_tag` among them, and the stack that it had there. */
export const decode = ({ json, message, name, stack }: RemoteError): Error => {
  const error = new Error(message)
  Object.defineProperty(error, "stack", { value: stack ?? `${name}: ${message}`, configurable: true, writable: true })
  const fields = typeof json === "object" && json !== null && !Array.isArray(json) ? json : { value: json }
  for (const [key, value] of Object.entries(fields)) {
    if (key === "message" || key === "stack") continue
    Object.defineProperty(error, key, { value, enumerable: key !== "name", configurable: true, writable: true })
  }
  if (!Object.hasOwn(error, "name")) Object.defineProperty(error, "name", { value: name, configurable: true })
  return error
}

/** The own fields that are JSON; the others are left out. */
const fieldsOf = (thrown: object): { readonly [key: string]: Json } => {
  const fields: { [key: string]: Json } = {}
  for (const key of keysOf(thrown)) {
    const value = toJson(read(thrown, key))
    if (value !== undefined && key !== "stack" && key !== "__proto__") fields[key] = value
  }
  return fields
}

const keysOf = (object: object): ReadonlyArray<string> => {
  try {
    return Object.keys(object)
  } catch {
    return []
  }
}

const read = (object: object, key: string): unknown => {
  try {
    return (object as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}

const textOf = (object: object, key: string): string | undefined => {
  const value = read(object, key)
  return typeof value === "string" && value !== "" ? value : undefined
}

const toJson = (value: unknown): Json | undefined => {
  try {
    return JSON.parse(stringify(value)) as Json
  } catch {
    return undefined
  }
}

const describe = (value: unknown): string => {
  try {
    return String(value)
  } catch {
    return "something that cannot be shown"
  }
}
