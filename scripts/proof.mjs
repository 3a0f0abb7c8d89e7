// `npm run proof [-- --only NAME …] [--from NAME=FILE …] [--quick]`: runs every instrument that proves something, and writes what it
// counted into docs/proof.md. Each instrument prints JSON; the last result of each is kept in docs/proof.json, so that one can be run
// again alone. `--from` takes the output of a run that was made already, with the instrument's own `--json`, `--at COMMIT` says of what.
import { spawnSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import "./check-node.mjs"

const args = process.argv.slice(2)
const quick = args.includes("--quick")
const only = args.filter((arg, i) => args[i - 1] === "--only")
const at = args.includes("--at")
  ? args[args.indexOf("--at") + 1]
  : spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).stdout.trim()
const files = new Map(args.filter((arg, i) => args[i - 1] === "--from").map((arg) => arg.split("=")))
const source = (file) => ["--conditions=ws-source", `packages/testing/src/bin/${file}.ts`]

const instruments = {
  explorer: [...source("explore"), ...(quick ? ["--quick"] : []), "--json"],
  simulation: [...source("simulate"), "--seeds", quick ? "500" : "20000", "--json"],
  sweep: [...source("sweep"), "--json"],
  mutants: ["scripts/mutants.mjs", "--json"],
  controls: ["scripts/controls.mjs", "--json"]
}

const kept = existsSync("docs/proof.json") ? JSON.parse(readFileSync("docs/proof.json", "utf8")) : {}
let failed = 0
for (const [name, command] of Object.entries(instruments)) {
  if (only.length > 0 && !only.includes(name)) continue
  const file = files.get(name)
  if (file !== undefined) {
    kept[name] = { at, result: JSON.parse(readFileSync(file, "utf8")) }
    continue
  }
  if (files.size > 0 && only.length === 0) continue
  console.error(`proof: ${name} …`)
  const started = performance.now()
  const { status, stdout } = spawnSync(process.execPath, command, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1e9
  })
  const seconds = Math.round((performance.now() - started) / 1000)
  console.error(`proof: ${name}: exit ${status} after ${seconds} s`)
  if (status !== 0) failed++
  try {
    kept[name] = { at, exit: status, seconds, result: JSON.parse(stdout) }
  } catch {
    console.error(`proof: ${name} printed no JSON:\n${stdout.slice(0, 2000)}`)
    failed++
  }
}
// what became of each mutant is in survivors.md as far as it matters
delete kept.mutants?.result.results
writeFileSync("docs/proof.json", `${JSON.stringify(kept, null, 2)}\n`)

const count = (n) => (n < 1e9 ? n.toLocaleString("en") : n.toExponential(1))
const table = (head, rows) => [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n")

const sections = []
/** Of which commit the figures are. */
const ofCommit = ({ at }) => (at === undefined ? "" : ` (commit ${at})`)
if (kept.explorer) {
  const rows = kept.explorer.result
  sections.push(`## Explorer

Every reachable state of the decision core: all plans of the given size, every verdict, timer and stop, and (with *everything*) several events of one
instant together, a second attempt, timeouts, effects, and their undo. *Schedules* are the event sequences that the states stand for.

\`npm run explore\` (half an hour; with \`--quick\` what \`npm run test:proof\` explores)

${table(
  ["plans", "programs", "states", "transitions", "schedules", "violations", "commit"],
  rows.map((r) => [
    r.plans,
    count(r.programs),
    count(r.states),
    count(r.transitions),
    r.schedules.toExponential(1),
    r.violations.length,
    r.at ?? kept.explorer.at ?? ""
  ])
)}`)
}
const facts = (object) =>
  table(
    ["", ""],
    Object.entries(object)
      .filter(([, value]) => typeof value === "number" || typeof value === "string" || typeof value === "boolean")
      .map(([key, value]) => [key, typeof value === "number" ? count(value) : String(value)])
  )
if (kept.simulation) {
  sections.push(`## Simulation

Whole fan-outs of hostile tools in virtual time under a seeded scheduler. Each seed is a plan, its tools, and a schedule of all fibers; every law is
checked on what it leaves.

\`npm run simulate -- --seeds N\`${ofCommit(kept.simulation)}

${facts(kept.simulation.result)}${
    kept.simulation.result.questions === undefined
      ? ""
      : `

Fan-outs whose tools ask people, who answer, deny, answer nonsense, or let it expire; suspended and resumed:

${facts(kept.simulation.result.questions)}`
  }${
    kept.simulation.result.planners === undefined
      ? ""
      : `

Whole sessions, of planners that change their minds, under budgets, permits and loops, with fan-outs inside of handlers:

${facts(kept.simulation.result.planners)}`
  }`)
}
if (kept.sweep) {
  const { result } = kept.sweep
  const rows = Array.isArray(result) ? result : result.programs
  sections.push(`## Sweep

Fan-outs whose owner is interrupted at operation 1, 2, … up to the last.

\`npm run sweep\`${ofCommit(kept.sweep)}

${
  Array.isArray(rows)
    ? table(
        Object.keys(rows[0]).filter((key) => typeof rows[0][key] !== "object"),
        rows.map((row) =>
          Object.values(row)
            .filter((v) => typeof v !== "object")
            .map(String)
        )
      )
    : facts(result)
}`)
}
if (kept.mutants) {
  // each part as it was last run: a whole run takes longer than the part that was changed
  const parts = [["everything", kept.mutants], ...Object.entries(kept["mutants-parts"] ?? {})]
  sections.push(`## Mutants of the decision core and of the gate

One-line changes, each run alone: those of the decision core against the explorer's small plans and the pure tests, those of the gate and of undo against the
tests of the core. The survivors are listed and explained in [survivors.json](../packages/testing/mutants/survivors.json).

\`npm run mutants\`, and \`npm run mutants -- --only FILE\` for a part

${table(
  ["what", "mutants", "killed", "score", "run as", "commit"],
  parts.map(([what, { at, how = "npm run mutants", result }]) => [
    kept["mutants-parts"] !== undefined && what === "everything" ? "the decision core, without undo" : what,
    count(result.mutants),
    count(result.killed),
    `${result.score.toFixed(1)} %`,
    how,
    at ?? ""
  ])
)}`)
}
if (kept.controls) {
  sections.push(`## Negative controls

The engine, broken on purpose in one place, against every instrument: which of them notices.

\`npm run controls\`${ofCommit(kept.controls)}

${readFileSync("packages/testing/mutants/controls.md", "utf8").replace(/^#.*\n+/, "")}`)
}

writeFileSync(
  "docs/proof.md",
  `# Proof

Written by \`npm run proof\`; every figure was counted by the command named above it. What is meant by the laws stands in [laws.md](laws.md), how to use the
instruments on your own service in [testing.md](testing.md).

${sections.join("\n\n")}
`
)
process.exit(failed === 0 ? 0 : 1)
