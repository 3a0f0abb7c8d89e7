/**
 * Where the demo finds its reading matter: the copy of Effect that the project itself has installed, found as Node finds it and
 * never by an absolute path, so that it works from any clone. Reads only.
 */
import { globSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join, sep } from "node:path"

/** The folder of the installed package `effect`. */
export const effectFolder = dirname(createRequire(import.meta.url).resolve("effect/package.json"))

/** A guide, or a section of one. */
export interface Guide {
  /** Its file below {@link effectFolder}, with the line where that is not the first. */
  readonly source: string
  readonly title: string
  readonly body: string
}

/** The guides that Effect ships, by their paths below {@link effectFolder}, in order. */
export const guideFiles = (): ReadonlyArray<string> =>
  globSync("ai-docs/**/*.{md,ts}", { cwd: effectFolder })
    .map((file) => file.split(sep).join("/"))
    .sort()

/** The text of a file below {@link effectFolder}. */
export const readGuide = (file: string): string => readFileSync(join(effectFolder, file), "utf8")

/** What a guide calls itself: its `@title`, or its first heading, or else its path. */
export const titleOf = (file: string, text: string): string =>
  (/^ \* @title (.+)$/m.exec(text) ?? /^#+ (.+)$/m.exec(text))?.[1]?.trim() ?? file

/** Every guide, and every section of Effect's `AGENTS.md`. */
export const readGuides = (): ReadonlyArray<Guide> => [
  ...guideFiles().map((file) => {
    const body = readGuide(file)
    return { source: file, title: titleOf(file, body), body }
  }),
  ...sectionsOf("AGENTS.md")
]

/** One text of many subjects would be found for every question; its sections are found for theirs. */
const sectionsOf = (file: string): ReadonlyArray<Guide> => {
  let line = 1
  return readGuide(file)
    .split(/^(?=## )/m)
    .map((body) => {
      const section = { source: `${file}:${line}`, title: titleOf(file, body), body }
      line += body.split("\n").length - 1
      return section
    })
}
