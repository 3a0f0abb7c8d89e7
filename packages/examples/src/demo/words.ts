/**
 * What a question is about: its words without those that every question has. Whatever the text holds, a word is made of letters,
 * digits and underscores only, so that it can mean nothing else in a query or a pattern.
 */
const common = new Set(
  "a an and are as at be by can do does effect for from how i in is it my of on or that the this to what when where which who why with you".split(
    " "
  )
)

/** At most twelve words of at most 64 characters, in lower case, each once, in the order of the question. */
export const wordsOf = (question: string): ReadonlyArray<string> =>
  [...new Set(question.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [])]
    .filter((word) => word.length <= 64 && !common.has(word))
    .slice(0, 12)

/** How many of the words does the text have, as they are or as the beginning of a longer one? */
export const countWords = (text: string, words: ReadonlyArray<string>): number => {
  const lower = text.toLowerCase()
  return words.filter((word) => lower.includes(word)).length
}

/** For people: no control characters, and at most so many columns. */
export const tidy = (text: string, columns: number): string => {
  const line = text
    .replace(/[\p{Cc}\p{Cf}]+/gu, " ")
    .replace(/ +/g, " ")
    .trim()
  return line.length <= columns ? line : `${line.slice(0, columns - 1).trimEnd()}…`
}
