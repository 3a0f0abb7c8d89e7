/**
 * `grep_sources`: a `grep` process over Effect's sources, for exports and lines of documentation that have the words of a question.
 * The process belongs to the call: when the call is stopped, the process is killed, and the call has not ended before it is gone.
 */
import { Contract, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { countWords, tidy, wordsOf } from "./words.ts"

const Match = Schema.Struct({ source: Schema.String, text: Schema.String })

/** What {@link grepSources} finds. */
export type Match = typeof Match.Type

/** `grep` could not be started, or could not read. On Windows there is none. */
export class GrepFailed extends Schema.TaggedError<GrepFailed>()("GrepFailed", { message: Schema.String }) {}

/** More lines than this are not looked at: a common word must not fill the memory. */
const mostLines = 20_000

/** The tool over the files below `folder`. */
export const grepSources = (folder: string) =>
  Effect.gen(function* () {
    const spawner = yield* ChildProcessSpawner
    const grep = (words: ReadonlyArray<string>) =>
      Effect.gen(function* () {
        const process = yield* spawner.spawn(
          ChildProcess.make("grep", argumentsOf(words), { cwd: folder, stdin: "ignore" })
        )
        const lines = yield* process.stdout.pipe(
          Stream.decodeText(),
          Stream.splitLines,
          Stream.take(mostLines),
          Stream.runCollect
        )
        if (lines.length < mostLines && (yield* process.exitCode) > 1) {
          const complaint = yield* Stream.mkString(Stream.decodeText(process.stderr))
          return yield* new GrepFailed({ message: tidy(complaint, 400) })
        }
        return best(lines, words)
      }).pipe(
        Effect.scoped,
        Effect.catchTag("PlatformError", (error) => new GrepFailed({ message: error.message }))
      )
    return Tool.make("grep_sources", {
      description: "Searches Effect's sources for exports and documentation with the words of a question",
      parameters: Schema.Struct({ question: Schema.String }),
      success: Schema.Array(Match),
      failure: GrepFailed,
      contract: Contract.readOnly,
      handler: ({ question }) => {
        const words = wordsOf(question)
        return words.length === 0 ? Effect.succeed([]) : grep(words)
      }
    })
  })

const argumentsOf = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const any = `(${words.join("|")})`
  return [
    "-rniE",
    "--include=*.ts",
    "--exclude-dir=internal",
    "-e",
    `^ *\\* .*${any}`,
    "-e",
    `^export [a-z ]+ [A-Za-z]*${any}`,
    "."
  ]
}

/** First exports that are named so, in modules that are named so; then what has most of the words. */
const best = (lines: ReadonlyArray<string>, words: ReadonlyArray<string>): ReadonlyArray<Match> =>
  lines
    .flatMap((line) => {
      const [, file, number, text] = /^(?:\.\/)?([^:]+):(\d+):(.*)$/.exec(line) ?? []
      if (file === undefined || text === undefined) return []
      const name = /^export (?:const|class|function) (\w+)/.exec(text)?.[1]?.toLowerCase() ?? ""
      const score = (words.includes(name) ? 10 : 0) + countWords(file, words) + countWords(text, words)
      return [{ score, source: `${file}:${number}`, text: tidy(text, 160) }]
    })
    .sort((a, b) => b.score - a.score || a.source.localeCompare(b.source, "en", { numeric: true }))
    .slice(0, 8)
    .map(({ source, text }) => ({ source, text }))
