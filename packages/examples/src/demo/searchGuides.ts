/**
 * `search_guides`: full-text search over Effect's guides. The index is an SQLite FTS5 table in memory, built when the tools open
 * and gone when they close. The words of a question are quoted: no question is a query, so none can be a wrong one.
 */
import { Contract, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { DatabaseSync } from "node:sqlite"
import { type Guide, readGuides } from "./guides.ts"
import { tidy, wordsOf } from "./words.ts"

const Hit = Schema.Struct({
  source: Schema.String,
  title: Schema.String,
  snippet: Schema.String,
  /** Higher is better. */
  score: Schema.Number
})

/** What {@link searchGuides} finds. */
export type Hit = typeof Hit.Type

/** The tool over its own index of these guides. */
export const searchGuides = (guides: Effect.Effect<ReadonlyArray<Guide>> = Effect.sync(readGuides)) =>
  Effect.gen(function* () {
    const index = yield* Effect.acquireRelease(
      Effect.sync(() => new DatabaseSync(":memory:")),
      (database) => Effect.sync(() => database.close())
    )
    fill(index, yield* guides)
    // a word in the title says more about a guide than one in its text
    const query = index.prepare(`
      SELECT source, title, snippet(guides, 2, '', '', '…', 24) AS snippet, -bm25(guides, 0, 4, 1) AS score
      FROM guides WHERE guides MATCH ? ORDER BY score DESC, source LIMIT 5`)
    return Tool.make("search_guides", {
      description: "Searches the guides that Effect ships, and gives the best first",
      parameters: Schema.Struct({ question: Schema.String }),
      success: Schema.Array(Hit),
      contract: Contract.readOnly,
      handler: ({ question }) =>
        Effect.sync(() => {
          const words = wordsOf(question)
          if (words.length === 0) return []
          return query.all(words.map((word) => `"${word}"`).join(" OR ")).map((row) => ({
            source: String(row.source),
            title: String(row.title),
            snippet: tidy(String(row.snippet), 400),
            score: Math.round(Number(row.score) * 100) / 100
          }))
        })
    })
  })

const fill = (index: DatabaseSync, guides: ReadonlyArray<Guide>): void => {
  index.exec("CREATE VIRTUAL TABLE guides USING fts5(source UNINDEXED, title, body, tokenize = 'porter unicode61')")
  const insert = index.prepare("INSERT INTO guides VALUES (?, ?, ?)")
  index.exec("BEGIN")
  for (const { body, source, title } of guides) insert.run(source, title, body)
  index.exec("COMMIT")
}
