/**
 * The last lines of what a process writes, for error messages; values that may be secret are replaced.
 */
import { StringDecoder } from "node:string_decoder"
import type { Readable } from "node:stream"

const maxChars = 16_000
const maxLines = 20

export interface Tail {
  readonly lines: () => ReadonlyArray<string>
  readonly includes: (text: string) => boolean
}

/** Reads a stream to its end, keeps only the tail. */
export const tailOf = (stream: Readable | undefined, secrets: ReadonlyArray<string>): Tail => {
  const utf8 = new StringDecoder("utf8")
  let text = ""
  let isCut = false
  stream?.on("error", () => {})
  stream?.on("data", (chunk: Buffer) => {
    text += utf8.write(chunk)
    isCut ||= text.length > maxChars
    text = text.slice(-maxChars)
  })
  return {
    lines: () =>
      redact(text, secrets)
        .split(/\r?\n/)
        // half a line may be half a secret
        .slice(isCut ? 1 : 0)
        .filter((line) => line.trim() !== "")
        .slice(-maxLines),
    includes: (part) => text.includes(part)
  }
}

/** Short values are no secrets, and would tear every text apart. */
export const redact = (text: string, secrets: ReadonlyArray<string>): string =>
  secrets.reduce((clean, secret) => (secret.length < 4 ? clean : clean.replaceAll(secret, "[redacted]")), text)
