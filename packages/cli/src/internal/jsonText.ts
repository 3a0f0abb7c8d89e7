/**
 * A report as JSON text in pieces: the whole of it can be longer than a string may be.
 */
import type { Report } from "@toolscope/core"

export function* reportJson(report: Report.Json): Generator<string> {
  yield "{"
  let separator = ""
  for (const [key, value] of Object.entries(report)) {
    yield `${separator}${JSON.stringify(key)}:`
    separator = ","
    if (!Array.isArray(value)) {
      yield JSON.stringify(value)
      continue
    }
    yield "["
    for (const [i, item] of value.entries()) yield `${i === 0 ? "" : ","}${JSON.stringify(item)}`
    yield "]"
  }
  yield "}\n"
}
