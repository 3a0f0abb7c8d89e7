/**
 * From what a tool says of its request to what is sent, checked: a request that cannot be sent is found here, not half way.
 */
import type { Request } from "../../Http.ts"

export interface Prepared {
  readonly method: string
  readonly url: URL
  /** Names in lower case. */
  readonly headers: { readonly [name: string]: string }
  readonly body: Uint8Array | undefined
}

/** Why it cannot be sent; it holds no value of a header. */
export class Invalid extends Error {}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/

/** Ours to decide: how long the body is, and what becomes of the connection. */
const reserved = new Set(["connection", "content-length", "expect", "transfer-encoding", "upgrade"])

export const prepare = ({ body, headers = {}, method = "GET", url }: Request, key: string | undefined): Prepared => {
  if (!token.test(method)) throw new Invalid(`${JSON.stringify(method)} is no method`)
  const target = parseUrl(url)
  const own: { [name: string]: string } = { accept: "application/json", "accept-encoding": "identity" }
  const [bytes, type] = encode(body)
  if (type !== undefined) own["content-type"] = type
  if (key !== undefined) own["idempotency-key"] = key
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase()
    if (!token.test(name) || reserved.has(lower)) throw new Invalid(`the header ${JSON.stringify(name)} cannot be set`)
    if (typeof (value as unknown) !== "string" || !fieldValue.test(value)) {
      throw new Invalid(`the value of the header ${JSON.stringify(name)} cannot be sent`)
    }
    own[lower] = value
  }
  // a server may wait for what it is not told the length of
  if (bytes !== undefined || ["POST", "PUT", "PATCH"].includes(method))
    own["content-length"] = String(bytes?.length ?? 0)
  return { method, url: target, headers: own, body: bytes }
}

const parseUrl = (url: string | URL): URL => {
  let target: URL
  try {
    target = new URL(url)
  } catch {
    throw new Invalid("its url cannot be read")
  }
  if (target.protocol !== "http:" && target.protocol !== "https:") {
    throw new Invalid(`expected a url of http or https, got ${target.protocol}`)
  }
  return target
}

/** Text and bytes as they are, everything else as JSON. */
const encode = (body: unknown): readonly [Uint8Array | undefined, string | undefined] => {
  if (body === undefined) return [undefined, undefined]
  if (body instanceof Uint8Array) return [body, "application/octet-stream"]
  const utf8 = new TextEncoder()
  if (typeof body === "string") return [utf8.encode(body), "text/plain; charset=utf-8"]
  try {
    const json = JSON.stringify(body) as string | undefined
    if (json !== undefined) return [utf8.encode(json), "application/json"]
  } catch {
    // a circle, or a BigInt
  }
  throw new Invalid("its body cannot be written as JSON")
}

/** For messages: neither credentials nor query. */
export const shown = (url: URL): string => `${url.origin}${url.pathname}`
