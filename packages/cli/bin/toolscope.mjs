#!/usr/bin/env node
// Plain JavaScript for any Node: it says in one line what is wrong, before newer syntax fails obscurely.
const [major, minor] = process.versions.node.split(".").map(Number)
if (major < 22 || (major === 22 && minor < 19)) {
  console.error(
    `toolscope needs Node >= 22.19, this is ${process.versions.node}: install a newer Node, or run it with \`npx\` where the project brings one.`
  )
  process.exit(70)
}
const { existsSync } = await import("node:fs")
const bin = new URL("../dist/bin.js", import.meta.url)
if (!existsSync(bin)) {
  console.error("toolscope is not built: run `npm run build`.")
  process.exit(70)
}
// compiled code is kept for the next time: most of the start is compiling
;(await import("node:module")).enableCompileCache?.()
await import(bin.href)
