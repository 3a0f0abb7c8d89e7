/**
 * The package as it is published: JavaScript files beside each other, without a TypeScript file among them.
 */
import { assert, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { cache } from "./support.ts"

it("isolated tools find the files that they start with", async () => {
  const src = fileURLToPath(new URL("../src", import.meta.url))
  // inside of the package, so that what it imports is found
  const built = fileURLToPath(new URL("../.cache/built", import.meta.url))
  rmSync(built, { recursive: true, force: true })
  for (const entry of readdirSync(src, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    const to = join(built, relative(src, file)).replace(/\.ts$/, ".js")
    mkdirSync(dirname(to), { recursive: true })
    // as the compiler rewrites it
    const code = stripTypeScriptTypes(readFileSync(file, "utf8"))
    writeFileSync(to, code.replaceAll(/(from |import )"(\.[^"]*)\.ts"/g, '$1"$2.js"'))
  }
  writeFileSync(
    join(built, "program.mjs"),
    `import { Contract, Fanout, Plan } from "@toolscope/core"
    import { Isolated } from "./index.js"
    import * as Effect from "effect/Effect"
    export const pid = () => process.pid
    if (process.argv[2] === "run") {
      const tool = (place) =>
        Isolated.tool(place, { module: import.meta.url, export: "pid", in: place, contract: Contract.readOnly })
      const plan = Plan.all({ process: Plan.call(tool("process"), {}), worker: Plan.call(tool("worker"), {}) })
      const pids = await Effect.runPromise(Fanout.run(plan))
      console.log(pids.process !== process.pid, pids.worker === process.pid)
    }`
  )
  const program = ["--conditions=ws-source", join(built, "program.mjs"), "run"]
  const { stderr, stdout } = await promisify(execFile)(process.execPath, program, { env: { ...process.env, ...cache } })
  assert.strictEqual(stdout, "true true\n", stderr)
})
