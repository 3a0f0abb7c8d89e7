/**
 * What a caller of the promise entry can get wrong in the program itself: a `TypeError` that says function, rule and what was given.
 */

export const wrong = (where: string, rule: string, got?: { readonly value: unknown }): TypeError =>
  new TypeError(`${where}: ${rule}${got === undefined ? "" : `, got ${show(got.value)}`}`)

/** An object of options, with no key that is not known: a misspelt one would be ignored. */
export const checkOptions = (where: string, options: unknown, known: ReadonlyArray<string>): void => {
  if (!isObject(options)) throw wrong(where, "options are an object", { value: options })
  const strange = Object.keys(options).find((key) => !known.includes(key))
  if (strange !== undefined)
    throw wrong(where, `unknown option ${JSON.stringify(strange)}; there is: ${known.join(", ")}`)
}

export const isObject = (u: unknown): u is Record<PropertyKey, unknown> =>
  typeof u === "object" && u !== null && !Array.isArray(u)

export const show = (u: unknown): string => {
  if (typeof u === "string") return JSON.stringify(u)
  if (typeof u === "function") return "a function"
  if (typeof u === "object" && u !== null) return Array.isArray(u) ? "a list" : "an object"
  return String(u)
}

export const checkText = (where: string, name: string, text: unknown): void => {
  if (text !== undefined && (typeof text !== "string" || text === "")) {
    throw wrong(where, `${name} is text, not empty`, { value: text })
  }
}

export const checkFunction = (where: string, name: string, given: unknown): void => {
  if (given !== undefined && typeof given !== "function") throw wrong(where, `${name} is a function`, { value: given })
}
