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
