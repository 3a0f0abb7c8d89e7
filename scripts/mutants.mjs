// `npm run mutants [-- --json] [--only TEXT] [--jobs N] [--resume] [--from FILE]`: how much of the decision core and of the gate could be wrong
// without anything noticing.
//
// The mutants are those of StrykerJS; each is put into a copy of the repository, alone. One of the decision core has to be noticed by the
// explorer (which knows no golden outputs, only what must hold) or by its tests; one of the gate and of undo, which are made of fibers,
// by the tests of the commits and then by all of the core. Stryker's own runner switches mutants on in one instrumented program, in which
// the explorer runs several times slower.
//
// Writes packages/testing/mutants/survivors.md. `--resume` goes on with a run that was cut off; `--from` takes what a run has
// printed with --json. Exit 1 below 95 %, or if a survivor is not explained in survivors.json.
import { spawn } from "node:child_process"
import { globSync, readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import { makeCopy, root } from "../packages/testing/mutants/copy.mjs"
import { fingerprint, openRecord } from "../packages/testing/mutants/record.mjs"

const target = 95

// The key of a state decides nothing: it serves the explorer, and has a proof of its own (no two states of one key behave differently),
// which a key that tells more apart than it has to passes as well. Its mutants are run and listed apart.
const apart = new Set(["packages/core/src/internal/decision/key.ts"])
const args = process.argv.slice(2)
const option = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined)
const only = option("--only")
const jobs = Number(option("--jobs") ?? Math.min(2, availableParallelism()))

const tell = (text) => process.stderr.write(`${text}\n`)

/** Every mutant of the decision core: where it is, and what stands there instead. */
const mutantsOf = async (files) => {
  const stryker = createRequire(createRequire(import.meta.url).resolve("@stryker-mutator/core"))
  const { Instrumenter } = await import(stryker.resolve("@stryker-mutator/instrumenter"))
  const silent = { isDebugEnabled: () => false, debug() {}, info() {}, warn() {} }
  const inputs = files.map((name) => ({ name, mutate: true, content: readFileSync(join(root, name), "utf8") }))
  const { mutants } = await new Instrumenter(silent).instrument(inputs, {
    plugins: null,
    excludedMutations: [],
    ignorers: []
  })
  return mutants.map(({ fileName, location, mutatorName, replacement }) => {
    const text = readFileSync(join(root, fileName), "utf8")
    const lines = text.split("\n")
    const at = ({ column, line }) => lines.slice(0, line).reduce((sum, one) => sum + one.length + 1, 0) + column
    const [from, to] = [at(location.start), at(location.end)]
    return {
      file: fileName,
      line: location.start.line + 1,
      code: lines[location.start.line].trim(),
      mutator: mutatorName,
      original: text.slice(from, to),
      replacement,
      mutated: text.slice(0, from) + replacement + text.slice(to)
    }
  })
}

/** Runs in a copy. The limit is CPU time: an endless loop is an end, a busy machine is none. */
const run = (cwd, command, patience = 300_000) =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, command, { cwd, stdio: "ignore", detached: process.platform !== "win32" })
    const timer = setTimeout(() => {
      // the workers of a test run as well
      if (process.platform === "win32") child.kill("SIGKILL")
      else process.kill(-child.pid, "SIGKILL")
    }, patience)
    child.on("close", (code, signal) => {
      clearTimeout(timer)
      resolve(code === 0 ? "passed" : signal !== null ? "timeout" : "failed")
    })
  })

const explorer = (limit) => [
  "--conditions=ws-source",
  "packages/testing/src/bin/kill.ts",
  ...(limit === undefined ? [] : ["--limit", String(limit)])
]
const tests = (...filter) => [
  "node_modules/vitest/vitest.mjs",
  "run",
  "--config",
  "vitest.workspace.ts",
  "--project",
  "core",
  "--bail",
  "1",
  ...filter
]

/** What is mutated, what reads it, and what has to notice. */
const parts = [
  {
    files: [
      "packages/core/src/Decision.ts",
      ...globSync("packages/core/src/internal/decision/*.ts", { cwd: root }).sort()
    ],
    witnesses: [
      "packages/testing/src/Explorer.ts",
      "packages/testing/src/bin/kill.ts",
      "packages/testing/src/internal/explorer/*.ts",
      "packages/core/test/decision/*.ts"
    ],
    judge: async (cwd, limit, file) => {
      const found = await run(cwd, explorer(limit))
      if (found !== "passed") return found === "timeout" ? "timeout" : "explorer"
      if (apart.has(file)) return "survived"
      return tested(await run(cwd, tests("decision")))
    }
  },
  {
    files: ["gate", "effects", "undo", "undos"].map((name) => `packages/core/src/internal/${name}.ts`),
    witnesses: ["packages/core/test/**/*.ts"],
    judge: async (cwd) => {
      const first = tested(await run(cwd, tests("commit")))
      return first === "survived" ? tested(await run(cwd, tests("--exclude", "**/commit/**"))) : first
    }
  }
]

const tested = (result) => (result === "passed" ? "survived" : result === "timeout" ? "timeout" : "tests")

const idOf = ({ code, file, original, replacement }) => JSON.stringify([file, code, original, replacement])

const main = async () => {
  const all = []
  for (const { files, judge, witnesses } of parts) {
    const sources = fingerprint(...files, ...witnesses)
    for (const one of await mutantsOf(files)) all.push({ ...one, sources, judge })
  }
  const mutants = only === undefined ? all : all.filter((one) => `${one.file}:${one.line} ${one.code}`.includes(only))
  const record = openRecord("mutants", args.includes("--resume"))
  const keyOf = (one) => [one.sources, one.line, one.mutator, idOf(one)].join(" ")
  const copies = Array.from({ length: jobs }, () => makeCopy("mutants"))
  const started = performance.now()
  try {
    tell(`${mutants.length} mutants; first the core as it is …`)
    for (const judge of new Set(mutants.map(({ judge }) => judge))) {
      if ((await judge(copies[0].path, undefined)) === "survived") continue
      tell("The core as it is does not pass. Fix that first.")
      return 2
    }
    let next = 0
    let done = 0
    const results = []
    const work = async ({ path }) => {
      while (next < mutants.length) {
        const index = next++
        const mutant = mutants[index]
        const { judge, mutated, sources: _, ...shown } = mutant
        let verdict = record.get(keyOf(mutant))
        if (verdict === undefined) {
          const original = readFileSync(join(path, mutant.file), "utf8")
          writeFileSync(join(path, mutant.file), mutated)
          verdict = await judge(path, 40, mutant.file)
          writeFileSync(join(path, mutant.file), original)
          record.set(keyOf(mutant), verdict)
        }
        results[index] = { ...shown, verdict }
        done++
        if (verdict === "survived")
          tell(`survived: ${mutant.file}:${mutant.line} ${mutant.original} → ${mutant.replacement}`)
        if (done % 20 === 0) {
          const minutes = (performance.now() - started) / 60_000
          tell(`${done} of ${mutants.length}, ${minutes.toFixed(1)} min`)
        }
      }
    }
    await Promise.all(copies.map(work))
    return report(results, (performance.now() - started) / 1000)
  } finally {
    for (const copy of copies) copy.remove()
  }
}

const report = (results, seconds) => {
  const list = JSON.parse(readFileSync(join(root, "packages/testing/mutants/survivors.json"), "utf8"))
  const explained = new Map(list.map((one) => [idOf(one), one.why]))
  const counted = results.filter(({ file }) => !apart.has(file))
  const survivors = counted
    .filter(({ verdict }) => verdict === "survived")
    .map((one) => ({ ...one, why: explained.get(idOf(one)) }))
  const row = (name, list) => {
    const by = (verdict) => list.filter((one) => one.verdict === verdict).length
    const score = ((100 * (list.length - by("survived"))) / list.length).toFixed(1)
    return [name, list.length, by("explorer"), by("tests"), by("timeout"), by("survived"), `${score} %`]
  }
  const head = ["file", "mutants", "killed by the explorer", "by the tests", "by running on", "survived", "score"]
  const files = (results) =>
    [...Map.groupBy(results, ({ file }) => file)].map(([file, list]) =>
      row(file.replace("packages/core/src/", ""), list)
    )
  const others = files(results.filter(({ file }) => apart.has(file))).map(([name, ...rest]) => [
    `${name} (apart)`,
    ...rest
  ])
  const table = [...files(counted), ...(counted.length > 0 ? [row("all", counted)] : []), ...others]
  const killed = counted.length - survivors.length
  const score = counted.length > 0 ? (100 * killed) / counted.length : 100
  const unexplained = survivors.filter(({ why }) => why === undefined)
  if (only === undefined)
    writeFileSync(join(root, "packages/testing/mutants/survivors.md"), page(head, table, survivors))
  if (args.includes("--json")) {
    console.log(
      JSON.stringify({ mutants: counted.length, killed, score, seconds, unexplained, survivors, results }, null, 2)
    )
  } else {
    console.log(markdown(head, table))
    for (const one of unexplained)
      console.log(`unexplained: ${one.file}:${one.line} [${one.mutator}] ${one.original} → ${one.replacement}`)
  }
  return score >= target && unexplained.length === 0 ? 0 : 1
}

const markdown = (head, rows) =>
  [head, head.map((_, i) => (i === 0 ? "---" : "---:")), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n")

const cell = (text) => `\`${text.replace(/\s+/g, " ").replaceAll("|", "\\|")}\``

const page = (head, table, survivors) => `# Mutants of the decision core and of the gate

Written by \`npm run mutants\`. Each mutant of StrykerJS is run alone: those of the decision core against the explorer and its tests, those of
the gate and of undo against the tests of the commits, and then of the core.

${markdown(head, table)}

The key of a state (key.ts) decides nothing: it serves the explorer, and a test of its own proves that states of one key behave alike. A key
that tells more apart than it has to passes that test; its mutants are therefore not counted.

## Survivors

${markdown(
  ["where", "code", "instead", "why nothing notices"],
  survivors.map(({ file, line, original, replacement, why }) => [
    `${file.replace("packages/core/src/", "")}:${line}`,
    cell(original),
    cell(replacement),
    why ?? "**not explained**"
  ])
)}
`

const from = option("--from")
if (from === undefined) process.exitCode = await main()
else {
  const { results, seconds } = JSON.parse(readFileSync(from, "utf8"))
  process.exitCode = report(results, seconds)
}
