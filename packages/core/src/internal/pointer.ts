/**
 * JSON Pointers (RFC 6901).
 */
import * as JsonPointer from "effect/JsonPointer"

/** The pointer of a path, `""` for the whole. */
export const fromPath = (path: ReadonlyArray<PropertyKey>): string =>
  path.map((token) => `/${JsonPointer.escapeToken(String(token))}`).join("")
