// A copy of the repository in which files can be changed while others read the original: sources are copied, dependencies are
// linked, and `@toolscope/*` leads back into the copy.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("../../../", import.meta.url))

const left = new Set(["node_modules", "dist", ".git", ".cache", "coverage", "reports"])

/** Copies the repository. Returns the path of the copy and what removes it. */
export const makeCopy = (name) => {
  const path = mkdtempSync(join(tmpdir(), `toolscope-${name}-`))
  const copied = (from) => !left.has(basename(from)) && !from.endsWith(".tsbuildinfo")
  for (const entry of readdirSync(root)) {
    if (copied(entry)) cpSync(join(root, entry), join(path, entry), { recursive: true, filter: copied })
  }
  linkModules(join(root, "node_modules"), join(path, "node_modules"), path)
  for (const one of readdirSync(join(root, "packages"))) {
    const modules = join(root, "packages", one, "node_modules")
    if (existsSync(modules)) symlinkSync(modules, join(path, "packages", one, "node_modules"))
  }
  const remove = () => rmSync(path, { recursive: true, force: true })
  process.once("exit", remove)
  return { path, remove }
}

const linkModules = (from, to, path) => {
  mkdirSync(to)
  for (const entry of readdirSync(from)) {
    if (left.has(entry) || entry === ".vite" || entry === ".package-lock.json") continue
    if (entry !== "@toolscope" && entry !== "toolscope") symlinkSync(join(from, entry), join(to, entry))
  }
  mkdirSync(join(to, "@toolscope"))
  for (const entry of readdirSync(join(from, "@toolscope"))) {
    symlinkSync(
      join(path, "packages", basename(readlinkSync(join(from, "@toolscope", entry)))),
      join(to, "@toolscope", entry)
    )
  }
}

// so that the copies go as well
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(130))
