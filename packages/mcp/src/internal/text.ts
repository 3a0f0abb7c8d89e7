/**
 * Text of servers, which may hold anything, made fit to be read by people and models: no control characters, nothing that turns the
 * direction of writing or cannot be seen, and not too long.
 */

/** C0 without tab and newline, DEL, C1; what turns the direction of writing; what has no width; tags; lone surrogates. */
const hostile =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|\p{Surrogate}/gu

/** Whole sequences of terminals, where they are known: what remains of one without its first character is of no use. */
const sequences = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?)/g

export const cleaned = (text: string, max: number): string => {
  // what is cut off is not looked at
  const start = text
    .slice(0, 4 * max)
    .replace(sequences, "")
    .replace(/\r\n?/g, "\n")
    .replace(hostile, "")
  return start.length <= max && text.length <= 4 * max ? start : `${start.slice(0, max - 1)}…`
}

const words = ["description", "title", "$comment"]
/** Values, and no schemas: what is changed in them is another value. */
const values = ["enum", "const", "default", "examples"]
/** What holds schemas under names of its own. */
const records = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"]

/** A JSON Schema whose words are {@link cleaned}: what people and models read of it. */
export const cleanedSchema = (schema: unknown, max: number): unknown => {
  if (Array.isArray(schema)) return schema.map((one) => cleanedSchema(one, max))
  return overValues(schema, (key, value) => {
    if (words.includes(key) && typeof value === "string") return cleaned(value, max)
    if (values.includes(key)) return value
    return records.includes(key) ? overValues(value, (_, one) => cleanedSchema(one, max)) : cleanedSchema(value, max)
  })
}

const overValues = (json: unknown, f: (key: string, value: unknown) => unknown): unknown =>
  typeof json !== "object" || json === null || Array.isArray(json)
    ? json
    : Object.fromEntries(Object.entries(json).map(([key, value]: [string, unknown]) => [key, f(key, value)]))

const maxDepth = 500

/** Whoever walks through it, to copy, write or check it, would run out of stack. */
export const isTooDeep = (json: unknown): boolean => {
  let level = [json]
  for (let depth = 0; depth < maxDepth; depth++) {
    level = level.flatMap((one) => (typeof one === "object" && one !== null ? Object.values(one) : []))
    if (level.length === 0) return false
  }
  return true
}
