// Types, lint, format and layers: everything that can be said without running the code. Goes through all of them, then fails.
import { spawnSync } from "node:child_process"
import "./check-node.mjs"

const bin = (name) => `node_modules/.bin/${name}`
const steps = [
  ["types", "node", ["node_modules/ts7/bin/tsc", "-b"]],
  ["lint", bin("eslint"), [".", "--max-warnings", "0"]],
  ["format", bin("prettier"), ["--check", "--log-level", "warn", "."]],
  [
    "layers",
    bin("depcruise"),
    ["packages", "--config", ".dependency-cruiser.cjs", "--include-only", "^packages/[^/]+/src|node_modules/effect/"]
  ]
]

let failed = 0
for (const [name, command, args] of steps) {
  const started = performance.now()
  const { status } = spawnSync(command, args, { stdio: "inherit" })
  if (status !== 0) failed++
  console.log(`${status === 0 ? "ok  " : "FAIL"} ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`)
}
process.exit(failed === 0 ? 0 : 1)
