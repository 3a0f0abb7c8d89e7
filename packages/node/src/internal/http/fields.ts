/**
 * Two header fields: the one that we send, and the one that we wait for.
 */

/**
 * The value of `Idempotency-Key`: a String of Structured Fields (RFC 9651), as draft-ietf-httpapi-idempotency-key-header-07 has it. Such
 * a String is printable ASCII; a key that holds anything else is percent-encoded.
 */
export const idempotencyKey = (key: string): string => {
  const ascii = /^[\x20-\x7e]*$/.test(key) ? key : encodeURIComponent(Buffer.from(key).toString())
  return `"${ascii.replaceAll(/["\\]/g, "\\$&")}"`
}

/**
 * `Retry-After` in milliseconds from now: seconds, or a date (RFC 9110, 10.2.3), taken by the clock of the server where the answer says
 * what that is.
 */
export const retryAfter = (value: string | undefined, date: string | undefined, now: number): number | undefined => {
  const text = value?.trim()
  if (text === undefined || text === "") return undefined
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1_000, Number.MAX_SAFE_INTEGER)
  const at = parseDate(text)
  if (at === undefined) return undefined
  return Math.max(0, at - ((date === undefined ? undefined : parseDate(date.trim())) ?? now))
}

/** The three forms that a date may have; all of them are in GMT, also the one that does not say so. */
const parseDate = (text: string): number | undefined => {
  if (!/^[A-Z][a-z]+,? /.test(text)) return undefined
  const at = Date.parse(text.endsWith("GMT") ? text : `${text} GMT`)
  return Number.isNaN(at) ? undefined : at
}
