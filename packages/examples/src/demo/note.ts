/**
 * `note_question`: appends a question to a log in the folder for temporary files. The one tool of the demo that changes something:
 * it adds, it is never repeated, and from its start on it may have acted.
 */
import { Contract, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { constants } from "node:fs"
import { appendFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** The log could not be opened or written. */
export class NotNoted extends Schema.TaggedError<NotNoted>()("NotNoted", { message: Schema.String }) {}

/** One log for each user of the machine: others could not write to it. */
export const logFile = (): string => join(tmpdir(), `toolscope-demo-${process.getuid?.() ?? "questions"}.log`)

/** A link that somebody else put there is not followed; Windows has no such flag, and none is 0. */
const flag = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | constants.O_NOFOLLOW

/** The tool, writing to this file. */
export const noteQuestion = (file: string) =>
  Tool.make("note_question", {
    description: "Notes a question, so that somebody can answer it better some day",
    parameters: Schema.Struct({ question: Schema.String }),
    success: Schema.Struct({ question: Schema.String, file: Schema.String }),
    failure: NotNoted,
    contract: Contract.make({ effect: "additive", repeat: "never" }),
    handler: ({ question }) =>
      Effect.tryPromise({
        try: () => appendFile(file, `${JSON.stringify(question)}\n`, { flag, mode: 0o600 }),
        catch: (error) => new NotNoted({ message: error instanceof Error ? error.message : String(error) })
      }).pipe(Effect.as({ question, file }))
  })
