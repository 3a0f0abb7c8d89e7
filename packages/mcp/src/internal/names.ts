/**
 * Names that cannot shadow one another: `SERVER__TOOL`, where the part of the server has no `__` and ends with no `_`, so that it ends
 * at the first `__`. What a server calls its tools is its own; a name that holds what others trip over gets another, with a digest of
 * itself at its end.
 */
import { createHash } from "node:crypto"

const maxName = 128
const maxServer = 48
const digestLength = 8

/** Why a server cannot have this name; `undefined` if it can. */
export const nameFault = (server: string): string | undefined => {
  if (server === "" || server === "__proto__") return "not a name for a server"
  if (server.includes("__") || server.endsWith("_")) {
    return `a server's name holds no "__" and does not end with "_": its tools could not be told from those of another server`
  }
  if (serverPart(server) === "") return "a server's name has a letter or a digit"
  return server.length > maxServer ? `a server's name has at most ${maxServer} characters` : undefined
}

/** The name of a server in the names of its tools. Two of a configuration must not have the same. */
export const serverPart = (server: string): string =>
  server
    .normalize("NFKC")
    .replace(/[^A-Za-z0-9.-]+/g, "_")
    .replace(/^_+|_+$/g, "")

/** The name of a tool: its own where that is plain. */
export const toolName = (server: string, tool: string): string => {
  const before = `${serverPart(server)}__`
  return before + safe(tool, /[^A-Za-z0-9_./-]/g, maxName - before.length)
}

/** A name that every host takes: letters, digits, `_` and `-`, at most 64 characters. Different names stay different. */
export const hostName = (name: string): string => safe(name, /[^A-Za-z0-9_-]/g, 64)

const safe = (name: string, forbidden: RegExp, max: number): string => {
  const plain = name.replace(forbidden, "_")
  if (plain === name && name.length <= max && name !== "") return name
  // not as UTF-8, where halves of signs that belong together are all the same
  const digest = createHash("sha256").update(Buffer.from(name, "utf16le")).digest("hex").slice(0, digestLength)
  return `${plain.slice(0, max - digestLength - 1)}_${digest}`
}
