/**
 * `node packages/testing/src/bin/kill.ts [--limit SECONDS]`: the quick suites of the explorer, the smallest first, until the first
 * violation. Exit 1 if there is one; killed if it has used so many seconds of CPU time. What mutants of the decision core are run against.
 */
import { Worker } from "node:worker_threads"
import * as Explorer from "../Explorer.ts"
import { alike } from "../internal/explorer/bisimulation.ts"
import { proofs, suites } from "../internal/explorer/suites.ts"

/** An endless loop can only be seen from another thread. */
const watch = (seconds: number): void => {
  const source = `setInterval(() => {
    const { user, system } = process.cpuUsage()
    if (user + system > ${seconds * 1e6}) process.kill(process.pid, "SIGKILL")
  }, 250)`
  new Worker(source, { eval: true }).unref()
}

const die = (message: string): never => {
  console.error(message)
  process.exit(1)
}

const limit = process.argv.indexOf("--limit")
if (limit !== -1) watch(Number(process.argv[limit + 1]))

const quick = suites.filter(({ size }) => size === "small" || size === "quick")
for (const { alphabet, concurrency, name, trees } of quick) {
  const { states } = Explorer.exploreAll(trees(), {
    alphabet,
    concurrency,
    onViolation: (violation) => die(Explorer.describe(violation))
  })
  if (states === 0) die(`${name}: nothing was explored`)
}
for (const { alphabet, concurrency, trees } of proofs)
  for (const fault of alike(trees(), alphabet, concurrency)) die(fault)
