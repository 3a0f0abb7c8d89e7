// `npm run controls [-- --json] [--only TEXT] [--jobs N] [--resume]`: would anything notice if the engine were broken?
//
// Plants each fault of packages/testing/mutants/controls.json in a copy of the repository, alone, and runs every instrument. Writes the
// matrix to packages/testing/mutants/controls.md and controls.matrix.json. Exit 1 if a fault is caught by none, 2 if an instrument
// complains about the engine as it is. `--resume` goes on with a run that was cut off: what was found out about a fault holds while its
// file is the same.
import { spawn } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import { makeCopy, root } from "../packages/testing/mutants/copy.mjs"
import { fingerprint, openRecord } from "../packages/testing/mutants/record.mjs"

const args = process.argv.slice(2)
const option = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined)
const only = option("--only")
const jobs = Number(option("--jobs") ?? Math.min(2, availableParallelism()))

const tell = (text) => process.stderr.write(`${text}\n`)

const source = (file, ...more) => ["--conditions=ws-source", file, ...more]
const vitest = (...more) => [
  "node_modules/vitest/vitest.mjs",
  "run",
  "--config",
  "vitest.workspace.ts",
  "--bail",
  "1",
  ...more
]

/** Each is a program that exits 0 if it finds nothing wrong. */
const instruments = [
  ["explorer", source("packages/testing/src/bin/kill.ts", "--limit", "60")],
  ["decision tests", vitest("--project", "core", "test/decision")],
  ["core tests", vitest("--project", "core", "--project", "proof-core", "--exclude", "test/decision/**")],
  ["laws over the zoo", vitest("--project", "testing", "--project", "proof-testing", "laws", "zoo")],
  ["simulation", source("packages/testing/src/bin/simulate.ts", "--seeds", "300")],
  ["sweep", vitest("--project", "testing", "test/sweep")]
]

/** Longer than any instrument takes: what runs on was caught by never coming to an end. */
const patience = 900_000

const passes = (cwd, command) =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, command, { cwd, stdio: "ignore", detached: process.platform !== "win32" })
    const timer = setTimeout(() => {
      // an instrument may have children of its own
      if (process.platform === "win32") child.kill("SIGKILL")
      else process.kill(-child.pid, "SIGKILL")
    }, patience)
    child.on("close", (code) => {
      clearTimeout(timer)
      resolve(code === 0)
    })
  })

const examine = async (cwd) => {
  const out = {}
  for (const [name, command] of instruments) out[name] = await passes(cwd, command)
  return out
}

const main = async () => {
  const all = JSON.parse(readFileSync(join(root, "packages/testing/mutants/controls.json"), "utf8"))
  const faults = only === undefined ? all : all.filter(({ fault }) => fault.includes(only))
  const copies = Array.from({ length: jobs }, () => makeCopy("controls"))
  try {
    const at = (file) => readFileSync(join(copies[0].path, file), "utf8")
    const stale = faults.filter(({ file, find }) => at(file).split(find).length !== 2)
    if (stale.length > 0) {
      tell(`Not found exactly once in the source of today: ${stale.map(({ fault }) => fault).join("; ")}`)
      return 2
    }
    tell(`${faults.length} faults, ${instruments.length} instruments; first the engine as it is …`)
    const sound = await examine(copies[0].path)
    const broken = instruments.map(([name]) => name).filter((name) => !sound[name])
    if (broken.length > 0) {
      tell(`These complain about the engine as it is: ${broken.join(", ")}. Fix that first.`)
      return 2
    }
    const record = openRecord("controls", args.includes("--resume"))
    let next = 0
    const rows = []
    const work = async ({ path }) => {
      while (next < faults.length) {
        const index = next++
        const { fault, file, find, replace } = faults[index]
        const key = [fingerprint(file), find, replace].join(" ")
        let passed = record.get(key)
        if (passed === undefined) {
          const original = readFileSync(join(path, file), "utf8")
          const broken = original.replace(find, () => replace)
          writeFileSync(join(path, file), broken)
          passed = await examine(path)
          writeFileSync(join(path, file), original)
          record.set(key, passed)
        }
        const caught = instruments.map(([name]) => name).filter((name) => !passed[name])
        rows[index] = { fault, file, caught }
        tell(`${fault}: ${caught.join(", ") || "CAUGHT BY NONE"}`)
      }
    }
    await Promise.all(copies.map(work))
    return report(rows)
  } finally {
    for (const copy of copies) copy.remove()
  }
}

const report = (rows) => {
  const names = instruments.map(([name]) => name)
  const head = ["fault", ...names]
  const body = rows.map(({ caught, fault }) => [fault, ...names.map((name) => (caught.includes(name) ? "caught" : ""))])
  const sums = [
    "**caught**",
    ...names.map((name) => `${rows.filter(({ caught }) => caught.includes(name)).length} of ${rows.length}`)
  ]
  const line = (cells) => `| ${cells.join(" | ")} |`
  const table = [line(head), line(head.map(() => "---")), ...[...body, sums].map(line)].join("\n")
  if (only === undefined) {
    const intro =
      "Written by `npm run controls`. Each fault is one broken line of the engine, planted alone; each instrument runs against it."
    writeFileSync(join(root, "packages/testing/mutants/controls.md"), `# Negative controls\n\n${intro}\n\n${table}\n`)
    const data = { instruments: names, faults: rows }
    writeFileSync(join(root, "packages/testing/mutants/controls.matrix.json"), `${JSON.stringify(data, null, 2)}\n`)
  }
  console.log(args.includes("--json") ? JSON.stringify({ instruments: names, faults: rows }, null, 2) : table)
  return rows.every(({ caught }) => caught.length > 0) ? 0 : 1
}

process.exitCode = await main()
