/**
 * JSON with sorted keys: equal values have equal texts.
 */
import { sanitize } from "./json.ts"

export const canonicalJson = (u: unknown): string =>
  JSON.stringify(sanitize(u), (_key, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value
  )
