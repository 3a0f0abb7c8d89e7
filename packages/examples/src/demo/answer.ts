/**
 * The answer of the demo, for people: the guide that the counted searches agree on best, with the part of it that has most of the
 * question's words, and where it is. Made from the report alone and the guide's own file; the searches that were not counted have
 * no say.
 */
import type { Report } from "@toolscope/core"
import { existsSync } from "node:fs"
import { extname, isAbsolute, join, relative } from "node:path"
import { effectFolder, readGuide, titleOf } from "./guides.ts"
import { countWords, tidy, wordsOf } from "./words.ts"

const columns = 100
const excerptLines = 12

/** Text of at most 100 columns, or nothing where the run did not succeed: then there is no answer. */
export const answerOf = (report: Report.Json): string | undefined => {
  const values = record(report.value)
  if (report.status !== "succeeded" || values === undefined) return undefined
  const question = textOf(record(values.note)?.question)
  const found = Object.values(record(values.answer) ?? {})
  const by = report.calls.filter(({ id, used }) => used && id.startsWith("/answer/")).map(({ tool }) => tool)
  const guide = bestGuide(found)
  return [
    ...wrap(question, ""),
    "",
    ...(guide === undefined ? ["  No guide has any of these words."] : shown(guide, wordsOf(question))),
    "",
    ...sourcesIn(found).map((line) => clip(`  ${line}`)),
    ...wrap(`Found by ${by.join(" and ")}. effect ${said(values.version)}, licence ${said(values.license)}.`, "  "),
    ...wrap(`The forum said: ${said(values.forum)}.`, "  ")
  ].join("\n")
}

const record = (u: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof u === "object" && u !== null ? (u as Record<string, unknown>) : undefined

const textOf = (u: unknown): string => (typeof u === "string" ? u : "")

/** What an advisory said. Without one, the answer is as good. */
const said = (value: unknown): string => (typeof value === "string" ? value : "(nothing in time)")

/** A hit is worth the more the higher it stands; a search that ranks nothing gives each of its files the same. */
const bestGuide = (found: ReadonlyArray<unknown>): string | undefined => {
  const scores = new Map<string, number>()
  const add = (file: string, score: number) => scores.set(file, (scores.get(file) ?? 0) + score)
  for (const value of found) {
    if (Array.isArray(value)) {
      value.forEach((hit: unknown, rank) => {
        const { snippet, source } = record(hit) ?? {}
        if (typeof snippet === "string" && typeof source === "string") add(source.replace(/:\d+$/, ""), 1 / (rank + 1))
      })
    } else {
      for (const file of guidesNamedIn(value)) add(file, 0.6)
    }
  }
  return [...scores].sort(([, a], [, b]) => b - a)[0]?.[0]
}

/** A foreign tool answers in its own way: whatever guide's path stands in a line of its text counts. */
const guidesNamedIn = (value: unknown): ReadonlySet<string> => {
  const files = new Set<string>()
  const texts: Array<unknown> = [value]
  for (let text = texts.pop(); text !== undefined; text = texts.pop()) {
    if (typeof text === "object" && text !== null) texts.push(...(Object.values(text) as ReadonlyArray<unknown>))
    if (typeof text !== "string") continue
    for (const line of text.split("\n")) {
      const file = isAbsolute(line) ? relative(effectFolder, line).replaceAll("\\", "/") : ""
      if (file.startsWith("ai-docs/") && extname(file) !== "" && existsSync(line)) files.add(file)
    }
  }
  return files
}

/** The first lines of what a search of the sources gave, if one was counted. */
const sourcesIn = (found: ReadonlyArray<unknown>): ReadonlyArray<string> =>
  found
    .flatMap((value) => (Array.isArray(value) ? (value as ReadonlyArray<unknown>) : []))
    .flatMap((hit) => {
      const { source, text } = record(hit) ?? {}
      return typeof source === "string" && typeof text === "string" ? [`${tidy(source, 50)}  ${text}`] : []
    })
    .slice(0, 3)

const shown = (file: string, words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const text = readGuide(file)
  const { lines, number } = excerpt(text.split("\n"), words)
  const path = relative(process.cwd(), join(effectFolder, file))
  return [
    ...wrap(titleOf(file, text), "  "),
    ...wrap(`${path}:${number}`, "  "),
    "",
    ...lines.flatMap((line) => wrap(line.replaceAll("\t", "  "), "    "))
  ]
}

/** The first paragraph with most of the words, after what only names and imports. */
const excerpt = (
  lines: ReadonlyArray<string>,
  words: ReadonlyArray<string>
): { readonly lines: ReadonlyArray<string>; readonly number: number } => {
  let best = { score: -1, lines, number: 1 }
  let start = lines.findLastIndex((line) => line.startsWith("import ")) + 1
  for (let end = start; end <= lines.length; end++) {
    if (end < lines.length && lines[end]!.trim() !== "") continue
    const paragraph = lines.slice(start, end)
    const score = countWords(paragraph.join("\n"), words)
    if (score > best.score) best = { score, lines: paragraph, number: start + 1 }
    start = end + 1
  }
  return { lines: best.lines.slice(0, excerptLines), number: best.number }
}

const clip = (text: string): string => text.slice(0, 2) + tidy(text, columns - 2)

/** Broken at spaces, each line indented, and commented out, as the first was; a word that is too long is cut. */
const wrap = (text: string, indent: string): ReadonlyArray<string> => {
  const plain = text.replace(/[\p{Cc}\p{Cf}]/gu, "").trimEnd()
  const own = (/^ {0,40}(\/\/ )?/.exec(plain) ?? [""])[0]
  const margin = indent + own
  const lines: Array<string> = []
  let line = margin
  for (const word of plain.slice(own.length).trimStart().split(/ +/)) {
    if (line.length > margin.length && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = margin
    }
    line += (line.length > margin.length ? " " : "") + word
    while (line.length > columns) {
      lines.push(line.slice(0, columns))
      line = margin + line.slice(columns)
    }
  }
  return [...lines, line.trimEnd() === "" ? "" : line]
}
