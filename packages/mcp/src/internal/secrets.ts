/**
 * What of an entry may be secret, and how it is kept out of what we say: values of `env` and `headers`, arguments, what follows the
 * origin of a `url`, and whatever came in for a `${VARIABLE}`. In its place stands where it is written.
 *
 * A text of ours, and what a server says on its standard error, holds none of them. What a tool answers when it fails may name an
 * argument, as it may be a folder that the call is about; nothing else. The value of a call that succeeded is never touched.
 */
import type { Server } from "../Config.ts"

interface Secret {
  readonly value: string
  readonly place: string
}

/** What is shorter is no secret, and in the way of every other word; in answers more so. */
const shortest = 4
const shortestInAnswers = 8

export class Secrets {
  /** Characters of the longest: a text that was cut may begin with all but one of them. */
  readonly longest: number
  private readonly all: ReadonlyArray<Secret>
  private readonly inAnswers: ReadonlyArray<Secret>

  constructor(server: Server, substituted: ReadonlyArray<Secret> = []) {
    const args = "command" in server ? argumentsOf(server.args ?? []) : []
    const others = [...substituted, ...("command" in server ? fields("env", server.env) : ofHttp(server))]
    this.all = ordered([...others, ...args], shortest)
    this.longest = this.all[0]?.value.length ?? 0
    this.inAnswers = ordered(others, shortestInAnswers)
  }

  /** For texts of ours, and standard error. */
  redact(text: string): string {
    return replaced(text, this.all)
  }

  /** For what a server says over the protocol. */
  redactAnswer(text: string): string {
    return this.inAnswers.length === 0 ? text : replaced(text, this.inAnswers)
  }

  /** As {@link redactAnswer}, in every text of a JSON value. */
  redactJson<A>(json: A): A {
    return this.inAnswers.length === 0 ? json : (this.deep(json, 0) as A)
  }

  private deep(json: unknown, depth: number): unknown {
    if (typeof json === "string") return this.redactAnswer(json)
    if (typeof json !== "object" || json === null || depth > 100) return json
    if (Array.isArray(json)) return json.map((item) => this.deep(item, depth + 1))
    return Object.fromEntries(
      Object.entries(json).map(([key, value]) => [this.redactAnswer(key), this.deep(value, depth + 1)])
    )
  }
}

const fields = (place: string, record: { readonly [name: string]: string } = {}): ReadonlyArray<Secret> =>
  Object.entries(record).map(([name, value]) => ({ value, place: `${place}.${name}` }))

/** Of `--token=abc` what follows the sign; of `--token` nothing. */
const argumentsOf = (args: ReadonlyArray<string>): ReadonlyArray<Secret> =>
  args.flatMap((arg, i) => {
    const [, flag, value] = /^(-[^=]*)(?:=([\s\S]*))?$/.exec(arg) ?? []
    const secret = flag === undefined ? arg : value
    return secret === undefined ? [] : [{ value: secret, place: `args.${i}` }]
  })

const ofHttp = ({ headers, url }: Extract<Server, { readonly url: string }>): ReadonlyArray<Secret> => {
  const found = fields("headers", headers).flatMap((header) => {
    // `Bearer abc`: what is secret of it stands alone elsewhere
    const [, credentials] = /^\S+\s+(\S[\s\S]*)$/.exec(header.value) ?? []
    return credentials === undefined ? [header] : [header, { ...header, value: credentials }]
  })
  const read = URL.canParse(url) ? new URL(url) : undefined
  if (read === undefined) return found
  const parts = [
    ...[read.username, read.password, read.hash.slice(1), ...read.pathname.split("/").filter((p) => p.length >= 16)],
    ...read.searchParams.values()
  ]
  const decoded = parts.flatMap((part) => [part, decode(part)])
  return [...found, ...[read.search.slice(1), ...decoded].map((value) => ({ value, place: "url" }))]
}

const decode = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** As it is, as JSON has it within quotes, and as a URL has it; the longest first, as one may be a part of another. */
const ordered = (secrets: ReadonlyArray<Secret>, shortest: number): ReadonlyArray<Secret> => {
  const forms = new Map<string, Secret>()
  for (const { place, value } of secrets) {
    for (const form of [value, value.trim(), JSON.stringify(value).slice(1, -1), percent(value)]) {
      if (form.trim().length >= shortest && !forms.has(form)) forms.set(form, { value: form, place })
    }
  }
  return [...forms.values()].sort((a, b) => b.value.length - a.value.length)
}

const percent = (value: string): string => {
  try {
    return encodeURIComponent(value)
  } catch {
    return value
  }
}

/** In one pass, so that what was put in is not looked at again. */
const replaced = (text: string, secrets: ReadonlyArray<Secret>): string => {
  const present = secrets.filter(({ value }) => text.includes(value))
  if (present.length === 0) return text
  const places = new Map(present.map(({ place, value }) => [value, place]))
  const any = new RegExp(present.map(({ value }) => value.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|"), "g")
  return text.replace(any, (value) => `[redacted ${places.get(value)!}]`)
}
