/**
 * `guide_index` and `guide_titles`: two ways to the title of the guide that fits a question best. The first reads Effect's own
 * index, one file; the second opens every guide, which takes longer, and works also where there is no index.
 */
import { Contract, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { effectFolder, guideFiles, titleOf } from "./guides.ts"
import { countWords, wordsOf } from "./words.ts"

const Title = Schema.Struct({ title: Schema.String, source: Schema.String })

/** No guide has any of the words. */
export class NoGuide extends Schema.TaggedError<NoGuide>()("NoGuide", { message: Schema.String }) {}

interface Candidate {
  readonly title: string
  readonly source: string
  readonly text: string
}

const bestOf = (candidates: ReadonlyArray<Candidate>, question: string): Effect.Effect<typeof Title.Type, NoGuide> => {
  const words = wordsOf(question)
  const score = ({ source, text, title }: Candidate) =>
    3 * countWords(title, words) + 2 * countWords(source, words) + countWords(text, words)
  const ranked = candidates.map((guide) => ({ guide, score: score(guide) })).sort((a, b) => b.score - a.score)
  const first = ranked[0]
  return first === undefined || first.score === 0
    ? Effect.fail(new NoGuide({ message: "no guide has any of the words of the question" }))
    : Effect.succeed({ title: first.guide.title, source: first.guide.source })
}

const read = (file: string): Effect.Effect<string> =>
  Effect.promise((signal) => readFile(join(effectFolder, file), { encoding: "utf8", signal }))

const options = {
  parameters: Schema.Struct({ question: Schema.String }),
  success: Title,
  failure: NoGuide,
  contract: Contract.readOnly
}

/** From the index: `- **[title](path)**: what it shows`. */
export const guideIndex = Tool.make("guide_index", {
  ...options,
  description: "Finds the title of the best guide in Effect's index",
  handler: ({ question }) =>
    Effect.flatMap(read("AGENTS.md"), (index) =>
      bestOf(
        [...index.matchAll(/^- \*\*\[(.+?)\]\(\.\/(.+?)\)\*\*:((?:.|\n {2})*)/gm)].map(
          ([, title = "", source = "", text = ""]) => ({ title, source, text })
        ),
        question
      )
    )
})

/** From the guides themselves. */
export const guideTitles = Tool.make("guide_titles", {
  ...options,
  description: "Finds the title of the best guide by opening each",
  handler: ({ question }) =>
    Effect.flatMap(
      Effect.suspend(() =>
        Effect.forEach(
          guideFiles(),
          (source) => Effect.map(read(source), (text) => ({ title: titleOf(source, text), source, text })),
          { concurrency: 8 }
        )
      ),
      (guides) => bestOf(guides, question)
    )
})
