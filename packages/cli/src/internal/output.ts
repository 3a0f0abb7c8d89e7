/**
 * Standard output and error of the command. Standard output belongs to the result: what tools print with `console.log` goes to
 * standard error. A reader that goes away ends the writing, and nothing else.
 */
const chunkBytes = 64 * 1024

export interface Output {
  /** Waits until the text is out, or nobody reads any more. */
  readonly write: (text: string) => Promise<void>
  /** Writes at once, for who is about to end the process. */
  readonly writeSync: (text: string) => void
  /** A line on standard error. */
  readonly error: (line: string) => void
  /** Why standard output could not be written, if it could not, and its reader has not just gone. */
  readonly failure: () => string | undefined
  /** Gives standard output back. */
  readonly restore: () => void
}

/** Takes standard output over. */
export const make = (): Output => {
  const { stderr, stdout } = process
  // eslint-disable-next-line @typescript-eslint/unbound-method -- it is put back as it was, and called with its stream
  const own = stdout.write
  let gone = false
  let failure: string | undefined
  const onError = (error: NodeJS.ErrnoException) => {
    gone = true
    if (error.code !== "EPIPE" && error.code !== "ERR_STREAM_DESTROYED") failure ??= error.message
  }
  const ignore = () => {}
  stdout.on("error", onError)
  stderr.on("error", ignore)
  stdout.write = stderr.write.bind(stderr)
  const writeChunk = (chunk: Uint8Array): Promise<void> =>
    new Promise((resolve) => {
      own.call(stdout, chunk, undefined, (error?: Error | null) => {
        if (error) onError(error)
        resolve()
      })
    })
  return {
    write: async (text) => {
      const bytes = Buffer.from(text)
      for (let at = 0; at < bytes.length && !gone; at += chunkBytes) {
        await writeChunk(bytes.subarray(at, at + chunkBytes))
      }
    },
    writeSync: (text) => {
      if (!gone) own.call(stdout, Buffer.from(text), undefined, () => {})
    },
    error: (line) => void stderr.write(`${line}\n`),
    failure: () => failure,
    restore: () => {
      stdout.write = own
      // a broken pipe may be heard of late: it must not throw then
      stdout.off("error", onError)
      stdout.on("error", ignore)
    }
  }
}
