/**
 * `npm run demo:cancel`: what becomes of calls that are hard to stop, under `Promise.all`, `Effect.all` and Toolscope. With `--json` the
 * facts as one object. Ends with 1 if Toolscope did not keep its word.
 */
import process from "node:process"
import { runAll } from "./runners.ts"
import { late, print, unaccounted, unannounced } from "./table.ts"

const runs = await runAll()
const facts = runs.map((run) => ({
  ...run,
  late: late(run).map(({ what }) => what),
  unannounced: unannounced(run).map(({ what }) => what),
  unaccounted: unaccounted(run).map(({ what }) => what)
}))
process.stdout.write(process.argv.includes("--json") ? `${JSON.stringify(facts, null, 2)}\n` : print(runs))
const ours = facts.at(-1)!
process.exitCode = ours.unannounced.length + ours.unaccounted.length === 0 ? 0 : 1
