/**
 * Lines of bytes, each at most so long. Of a longer one only its first and last bytes are kept: enough to tell whose answer it is.
 */

const edge = 256

export interface Long {
  readonly first: string
  readonly last: string
  readonly bytes: number
}

export class Lines {
  private readonly limit: number
  private readonly onLine: (line: string) => void
  private readonly onLong: (long: Long) => void
  private chunks: Array<Buffer> = []
  private size = 0
  /** Of a line that is too long: what it began with. */
  private first: string | undefined

  constructor(limit: number, onLine: (line: string) => void, onLong: (long: Long) => void) {
    this.limit = limit
    this.onLine = onLine
    this.onLong = onLong
  }

  push(chunk: Buffer): void {
    let rest = chunk
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      this.keep(rest.subarray(0, end))
      rest = rest.subarray(end + 1)
      this.finish()
    }
    this.keep(rest)
  }

  clear(): void {
    this.chunks = []
    this.size = 0
    this.first = undefined
  }

  private keep(part: Buffer): void {
    if (part.length === 0) return
    this.chunks.push(part)
    this.size += part.length
    if (this.size <= this.limit) return
    const whole = Buffer.concat(this.chunks)
    this.first ??= whole.subarray(0, edge).toString("utf8")
    this.chunks = [Buffer.from(whole.subarray(-edge))]
  }

  private finish(): void {
    const { chunks, first, size } = this
    this.clear()
    const line = Buffer.concat(chunks).toString("utf8")
    if (first === undefined) this.onLine(line)
    else this.onLong({ first, last: line, bytes: size })
  }
}

/** Whose answer was it? By the number at its beginning or its end, where servers write it. */
export const idOf = ({ first, last }: Long): number | undefined => {
  const found =
    /^\s*\{\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*"id"\s*:\s*(\d+)\s*,/.exec(first) ??
    /^\s*\{\s*"id"\s*:\s*(\d+)\s*,/.exec(first) ??
    /[}\]"\w]\s*,\s*"id"\s*:\s*(\d+)\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$/.exec(last)
  return found === null ? undefined : Number(found[1])
}
