/**
 * A journal in a file, one JSON object per line. A flush waits until everything written so far has been handed to the system; it does
 * not wait for the disk. After the first error it refuses for good, and no further attempt starts.
 */
import { Journal } from "@toolscope/core"
import * as Effect from "effect/Effect"
import { open, readFile, type FileHandle } from "node:fs/promises"
import { describe } from "./refusal.ts"

/** Lines are handed over in batches of about so many characters. */
const batchChars = 1_000_000

export class JournalFile implements Journal.Store {
  /** Why it refuses, if it does. */
  failure: string | undefined
  /** The number of the first event. */
  firstSeq = 0
  readonly flush: Effect.Effect<void, Journal.JournalError>

  private readonly file: FileHandle
  private lines: Array<string> = []
  private writing: Promise<void> | undefined

  private constructor(file: FileHandle) {
    this.file = file
    this.flush = Effect.suspend(() => {
      const result = () => (this.failure === undefined ? Effect.void : Effect.fail(this.refused()))
      const written = this.writeOut()
      return written === undefined
        ? result()
        : Effect.flatMap(
            Effect.promise(() => written),
            result
          )
    })
  }

  /** Opens the file, and leaves what is in it until {@link begin}. */
  static async open(path: string): Promise<JournalFile> {
    return new JournalFile(await open(path, "a"))
  }

  /** Empties the file: what follows is the journal of this run. */
  async begin(): Promise<void> {
    // a pipe or a device cannot be emptied, and need not be
    if ((await this.file.stat()).isFile()) await this.file.truncate(0)
  }

  /**
   * Keeps what is in the file, also for others that add to it. A last line that was cut off stays one of its own. Events are numbered from 0:
   * their run tells them apart.
   */
  async add(path: string): Promise<void> {
    try {
      if (!(await this.file.stat()).isFile()) return
      const bytes = await readFile(path)
      if (bytes.length > 0 && bytes.at(-1) !== 10) await this.file.appendFile("\n")
    } catch (error) {
      this.failure = describe(error)
    }
  }

  /** Keeps what is in the file, but for a last line that was cut off. Events are numbered on from there. */
  async goOn(path: string): Promise<void> {
    let line: string
    try {
      if (!(await this.file.stat()).isFile()) return
      const bytes = await readFile(path)
      const end = bytes.lastIndexOf(10) + 1
      if (end < bytes.length) await this.file.truncate(end)
      if (end === 0) return
      line = bytes.subarray(end < 2 ? 0 : bytes.lastIndexOf(10, end - 2) + 1, end - 1).toString()
    } catch (error) {
      this.failure = describe(error)
      return
    }
    try {
      const { seq } = JSON.parse(line) as { readonly seq?: unknown }
      if (typeof seq === "number") this.firstSeq = seq + 1
    } catch {
      // of something else: the numbers begin with 0
    }
  }

  readonly write = (event: Journal.Event): void => {
    if (this.failure !== undefined) return
    try {
      this.lines.push(`${JSON.stringify(event)}\n`)
    } catch (error) {
      this.failure = describe(error)
    }
  }

  async close(): Promise<void> {
    await this.writeOut()
    try {
      await this.file.close()
    } catch (error) {
      this.failure ??= describe(error)
    }
  }

  private refused(): Journal.JournalError {
    return new Journal.JournalError({ reason: { _tag: "Refused", cause: this.failure } })
  }

  private writeOut(): Promise<void> | undefined {
    if (this.writing === undefined && this.lines.length > 0 && this.failure === undefined) {
      this.writing = this.drain().finally(() => {
        this.writing = undefined
      })
    }
    return this.writing
  }

  /** One batch after the other, until nothing is left: also what is written meanwhile. */
  private async drain(): Promise<void> {
    try {
      while (this.lines.length > 0) {
        const { lines } = this
        this.lines = []
        let batch = ""
        for (const line of lines) {
          batch += line
          if (batch.length < batchChars) continue
          await this.file.appendFile(batch)
          batch = ""
        }
        if (batch !== "") await this.file.appendFile(batch)
      }
    } catch (error) {
      this.failure ??= describe(error)
      this.lines = []
    }
  }
}
