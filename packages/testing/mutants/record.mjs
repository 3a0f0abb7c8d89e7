// What has been found out so far, line by line, so that a run that was cut off can go on with `--resume`. Lives in the cache folder.
import { createHash } from "node:crypto"
import { appendFileSync, existsSync, globSync, mkdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { root } from "./copy.mjs"

/** One short text for the contents of these files: what was found out about others says nothing. */
export const fingerprint = (...patterns) => {
  const hash = createHash("sha256")
  for (const file of globSync(patterns, { cwd: root }).sort()) hash.update(file).update(readFileSync(join(root, file)))
  return hash.digest("hex").slice(0, 16)
}

/** The record of a command. `get` and `set` by a text that names the subject and everything that the result depends on. */
export const openRecord = (name, resume) => {
  const folder = join(root, "node_modules/.cache/toolscope")
  const file = join(folder, `${name}.ndjson`)
  mkdirSync(folder, { recursive: true })
  if (!resume) rmSync(file, { force: true })
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : []
  const known = new Map(lines.map((line) => JSON.parse(line)))
  return {
    get: (key) => known.get(key),
    set: (key, value) => {
      known.set(key, value)
      appendFileSync(file, `${JSON.stringify([key, value])}\n`)
    }
  }
}
