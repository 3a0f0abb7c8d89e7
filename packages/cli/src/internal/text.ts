/**
 * Text for a terminal. What comes from tools, plans and servers may hold anything: control characters are shown, never sent.
 */

/** C0 without tab and newline, DEL, C1, what turns the direction of writing, separators of lines, lone surrogates. */

const hostile =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/gu

const shown = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`

/** Control characters as `\u001b`; newlines and tabs stay. */
export const printable = (text: string): string => text.replace(hostile, shown)

/** On one line. */
export const oneLine = (text: string): string => printable(text.replace(/\s*\n\s*/g, " ").replaceAll("\t", " ")).trim()

/** At most so many characters, the last an ellipsis. */
export const clip = (text: string, max: number): string => (text.length <= max ? text : `${text.slice(0, max - 1)}…`)

/** A table with aligned columns; `color` gets a cell's padded text. */
export const table = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
  color: (padded: string, column: number, row: number) => string = (padded) => padded
): string => {
  const widths = head.map((title, i) => rows.reduce((max, row) => Math.max(max, row[i]!.length), title.length))
  const line = (cells: ReadonlyArray<string>, row: number) =>
    cells
      .map((cell, i) => color(i === cells.length - 1 ? cell : cell.padEnd(widths[i]!), i, row))
      .join("  ")
      .trimEnd()
  return [line(head, -1), ...rows.map(line)].map((text) => `${text}\n`).join("")
}

const codes = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const

export type Paint = (style: keyof typeof codes, text: string) => string

/** Colours only on a terminal, and never with NO_COLOR. */
export const paintFor = (stream: { readonly isTTY?: boolean }): Paint =>
  stream.isTTY === true && (process.env.NO_COLOR ?? "") === "" && process.env.TERM !== "dumb"
    ? (style, text) => `\u001b[${codes[style]}m${text}\u001b[0m`
    : (_, text) => text
